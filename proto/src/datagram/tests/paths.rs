//! Addresses: who moves a peer, and what an address gets before it has answered.

use super::*;
use crate::datagram::packet::OVERHEAD;
use alloc::vec;

fn pair() -> (Net, PeerId, PeerId) {
    Net::established(config(IK, A), config(IK, B))
}

/// Bytes of a Ping.
const PING: usize = OVERHEAD + 8;

impl Net {
    /// Where B thinks that A is.
    fn found(&self, peer: PeerId) -> SocketAddr {
        self.ends[B].address(peer).unwrap()
    }
}

#[test]
fn a_peer_is_asked_at_its_new_address_by_a_packet_newer_than_all_before_and_by_no_other() {
    let (mut net, a, b) = pair();
    let [old, newer, newest] = [b"0", b"1", b"2"].map(|message| net.seal(A, a, message));
    net.deliver(&newer);
    net.deliver(&Packet { from: elsewhere(), ..old });
    assert_eq!(net.messages[B].len(), 2, "late, and still a message");
    net.deliver(&Packet { from: elsewhere(), ..newer });
    assert!(net.wire.is_empty(), "neither what is late nor a replay says anything of an address");
    net.deliver(&Packet { from: elsewhere(), ..newest });
    let question = net.wire.pop_front().unwrap();
    assert_eq!((question.to, question.bytes.len(), net.wire.len()), (elsewhere(), PING, 0));
    assert_eq!((net.found(b), net.seal(B, b, b"back").to), (address(A), address(A)), "not answered yet");
    // The answer moves it, and back again the same way.
    net.addresses[A] = elsewhere();
    net.deliver(&question);
    net.pump();
    assert_eq!((net.found(b), net.ends[B].stats().moved), (elsewhere(), 1));
    net.addresses[A] = address(A);
    net.send(A, a, b"3");
    net.pump();
    assert_eq!((net.found(b), net.ends[B].stats().moved), (address(A), 2));
    net.assert_works(a, b);
}

#[test]
fn a_session_follows_a_socket_that_is_bound_anew_though_packets_are_lost() {
    for lost in 0..3 {
        let (mut net, a, b) = pair();
        net.addresses[A] = elsewhere();
        let mut count = 0;
        for message in [b"1", b"2"] {
            net.send(A, a, message);
            net.pump_some(|_| {
                count += 1;
                count != lost + 1
            });
        }
        assert_eq!(net.found(b), elsewhere(), "without packet {lost}");
        net.assert_works(a, b);
    }
}

#[test]
fn an_address_that_does_not_answer_gets_no_more_packets_than_came_from_it() {
    let (mut net, a, b) = pair();
    let mut went = vec![];
    for n in 0..100 {
        let packet = net.seal(A, a, b"");
        net.deliver(&Packet { from: elsewhere(), ..packet });
        for _ in 0..10 {
            net.send(B, b, &[n; 1000]);
        }
        let there = net.wire.drain(..).filter(|packet| packet.to == elsewhere());
        went.extend(there.map(|packet| packet.bytes.len()));
    }
    assert_eq!(went, [PING; 100]);
    assert_eq!((net.found(b), net.ends[B].stats().moved), (address(A), 0));
    // A guess is no answer, and a packet from home withdraws the question.
    let packet = net.seal(A, a, b"once more");
    net.deliver(&Packet { from: elsewhere(), ..packet });
    let question = net.wire.pop_front().unwrap();
    net.send(A, a, b"here");
    net.pump();
    net.deliver(&Packet { to: address(A), ..question });
    net.pump();
    assert_eq!((net.found(b), net.ends[B].stats().moved), (address(A), 0));
}
