//! Peers and bystanders who do more than they should: what each of them can cost an endpoint.

use super::*;
use crate::datagram::packet::Outgoing;
use alloc::vec;

/// A handshake whose third message, A's, is not there yet.
fn waits_for_the_third(b: Config) -> (Net, PeerId, Packet) {
    let mut net = Net::new(config(XX, A), b);
    let a = net.connect();
    net.pump_some(|packet| !(packet.from == address(A) && packet.bytes[1] == 2));
    let third = Packet { from: address(A), to: address(B), bytes: net.third() };
    (net, a, third)
}

impl Net {
    /// What A repeats.
    fn third(&mut self) -> Vec<u8> {
        self.now = self.ends[A].poll_timeout().unwrap();
        let now = self.now;
        self.ends[A].handle_timeout(now);
        self.collect();
        self.wire.pop_back().unwrap().bytes
    }
}

#[test]
fn one_handshake_costs_a_responder_a_bounded_number_of_key_agreements() {
    // A tag that is wrong behind a static key that is right, and a key that is not wanted: a key agreement each.
    let unwanted = config(XX, B).with_peers(Peers::Only(vec![public(B)]));
    for (b, damage) in [(config(XX, B), 1), (unwanted, 0)] {
        let (mut net, _, third) = waits_for_the_third(b);
        for _ in 0..100 {
            let mut packet = third.clone();
            *packet.bytes.last_mut().unwrap() ^= damage;
            net.deliver(&packet);
        }
        let discards = net.ends[B].stats().discards;
        assert_eq!((discards.forged + discards.unwanted, discards.unexpected), (16, 84));
        assert!(net.events[B].is_empty());
    }
    // What fails before any key agreement is not counted: bystanders spoil nothing.
    let (mut net, a, third) = waits_for_the_third(config(XX, B));
    for _ in 0..100 {
        let mut packet = third.clone();
        packet.bytes[12] ^= 1;
        net.deliver(&packet);
    }
    assert_eq!(net.ends[B].stats().discards.forged, 100);
    net.deliver(&third);
    net.pump();
    let b = net.peer(B).unwrap();
    net.assert_works(a, b);
}

#[test]
fn a_peer_gets_no_more_than_ten_handshakes_for_new_keys_a_second() {
    let (mut net, a, b) = Net::established(config(IK, A), config(IK, B));
    let config = Arc::clone(net.ends[A].config());
    for n in 0..100 {
        net.now += 10 * MS;
        let now = net.now;
        let frame = [&[0x11, 0][..], &[n + 1; 150]].concat();
        let keys = net.ends[A].slots.peer_mut(a.number).unwrap().current_mut().unwrap();
        let mut out = [0; 1200];
        let len = keys.seal(now, &config.rekey, &Outgoing::Handshake(&frame), &mut out).unwrap();
        net.deliver(&Packet { from: address(A), to: address(B), bytes: out[..len].to_vec() });
    }
    let discards = net.ends[B].stats().discards;
    assert_eq!((discards.forged, discards.unexpected), (10, 90));
    // Who keeps to the rules gets its keys: what came too soon comes again.
    let keys = |net: &mut Net| net.ends[B].slots.peer_mut(b.number).unwrap().current_mut().unwrap().local_id;
    let before = keys(&mut net);
    net.run_for(121 * SECOND);
    assert_ne!(before, keys(&mut net));
    net.assert_works(a, b);
}

#[test]
fn a_first_message_copied_from_elsewhere_does_not_lock_its_sender_out() {
    for name in [IK, XX] {
        let mut net = Net::of(name);
        let a = net.connect();
        let first = net.wire.pop_front().unwrap();
        net.deliver(&Packet { from: elsewhere(), ..first.clone() });
        assert_eq!(net.wire.pop_front().map(|answer| answer.to), Some(elsewhere()), "{name}");
        net.deliver(&first);
        net.pump();
        let b = net.peer(B).unwrap_or_else(|| panic!("{name}: not established"));
        assert_eq!(net.ends[B].address(b), Some(address(A)), "{name}");
        net.assert_works(a, b);
        net.run_for(11 * SECOND);
        assert_eq!((net.ends[B].peers(), net.ends[B].stats().established), (1, 1), "{name}");
    }
}
