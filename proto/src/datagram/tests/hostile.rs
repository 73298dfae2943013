//! Peers and bystanders who do more than they should: what each of them can cost an endpoint.

use super::*;
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
