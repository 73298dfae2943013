//! Keys: replaced while messages go on, limited in age and number.

use super::*;
use crate::datagram::{RekeyPolicy, SendError};
use crate::noise::pattern::PATTERNS;
use alloc::format;
use alloc::vec;

fn rekeying(name: &str, policy: RekeyPolicy) -> (Net, PeerId, PeerId) {
    Net::established(config(name, A).with_rekey(policy), config(name, B))
}

impl Net {
    /// The ids that the keys in use have at their ends.
    fn current(&mut self) -> [u64; 2] {
        self.ends.each_mut().map(|end| end.slots.peer_mut(0).unwrap().current_mut().unwrap().local_id)
    }
}

#[test]
fn keys_are_replaced_in_time_and_nothing_is_lost_by_it() {
    for pattern in PATTERNS.iter().filter(|pattern| !pattern.one_way) {
        let name = format!("Noise_{}_25519_ChaChaPoly_BLAKE2s", pattern.name);
        let (mut net, a, b) = rekeying(&name, RekeyPolicy::default());
        let mut used = vec![net.current()];
        for n in 0..600_u32 {
            net.send(A, a, &n.to_be_bytes());
            net.send(B, b, &n.to_be_bytes());
            net.run_for(SECOND);
            if used.last() != Some(&net.current()) {
                used.push(net.current());
            }
        }
        for end in [A, B] {
            let want = (0..600_u32).map(|n| n.to_be_bytes().to_vec());
            assert!(net.messages[end].iter().cloned().eq(want), "{name}");
        }
        assert!((5..=12).contains(&used.len()), "{name}: {}", used.len());
        assert_eq!(net.events, [vec![], vec![]], "a session stays what it is");
        assert!(net.ends.iter().all(|end| end.ids.len() <= 4), "old ids are forgotten");
    }
}

#[test]
fn messages_that_were_under_way_when_keys_changed_arrive() {
    let policy = RekeyPolicy::default();
    for name in [IK, XX] {
        let (mut net, a, b) = rekeying(name, policy);
        let late: Vec<_> = [(A, a), (B, b)].map(|(end, peer)| net.seal(end, peer, b"late")).into();
        let before = net.current();
        net.run_for(121 * SECOND);
        let after = net.current();
        assert!(before[A] != after[A] && before[B] != after[B], "{name}");
        net.messages = [vec![], vec![]];
        for packet in &late {
            net.deliver(packet);
            net.deliver(packet);
        }
        assert_eq!(net.messages, [[b"late"], [b"late"]]);
        // Packets under the old keys do not move anybody.
        let (mut net, a, b) = rekeying(name, policy);
        let old = net.seal(A, a, b"old");
        net.run_for(121 * SECOND);
        net.deliver(&Packet { from: elsewhere(), ..old });
        assert_eq!(net.ends[B].address(b), Some(address(A)));
        net.assert_works(a, b);
    }
}

#[test]
fn every_packet_of_a_change_of_keys_may_be_lost() {
    for name in [IK, XX, "Noise_NN_25519_ChaChaPoly_BLAKE2s", "Noise_X1X1_25519_ChaChaPoly_BLAKE2s"] {
        for lost in 0..6 {
            let (mut net, a, b) = rekeying(name, RekeyPolicy::default());
            let before = net.current();
            let mut count = 0;
            net.run_some(net.now + 130 * SECOND, |_| {
                count += 1;
                count != lost + 1
            });
            let after = net.current();
            assert!(before[A] != after[A] && before[B] != after[B], "{name} without packet {lost}");
            net.assert_works(a, b);
        }
    }
}

#[test]
fn a_number_of_packets_in_either_direction_changes_keys() {
    for busy in [A, B] {
        let (mut net, a, b) = rekeying(IK, RekeyPolicy::default().with_packets(50));
        let before = net.current();
        for n in 0..60_u32 {
            let (end, peer) = [(A, a), (B, b)][busy];
            net.send(end, peer, &n.to_be_bytes());
            net.pump();
        }
        assert_ne!(before, net.current());
        assert_eq!(net.messages[1 - busy].len(), 60);
    }
}

#[test]
fn a_session_whose_keys_are_not_replaced_ends_when_they_are_too_old() {
    let policy = RekeyPolicy::default().with_after(5 * SECOND).with_reject_after(20 * SECOND);
    for end in [A, B] {
        let with =
            |other| if other == end { config(IK, other).with_rekey(policy) } else { config(IK, other) };
        let (mut net, a, b) = Net::established(with(A), with(B));
        let peer = [a, b][end];
        let late = net.seal(1 - end, [b, a][end], b"late");
        net.run_some(net.now + 19 * SECOND, |_| false);
        assert_eq!(net.ended(end), []);
        net.now += SECOND;
        let refused = net.ends[end].send(net.now, peer, b"x", &mut [0; 1200]);
        assert_eq!(refused, Err(SendError::KeyExpired));
        net.deliver(&late);
        assert_eq!((net.messages[end].len(), net.ends[end].stats().discards.expired), (0, 1));
        net.run_some(net.now, |_| false);
        assert_eq!(net.ended(end), [EndReason::KeysExpired]);
    }
}

#[test]
fn keys_that_sealed_as_much_as_allowed_seal_no_message_and_still_their_successors_handshake() {
    let policy = RekeyPolicy::default().with_packets(99).with_reject_packets(100);
    let (mut net, a, b) = rekeying(IK, policy);
    let mut out = [0; 1200];
    let refused = loop {
        if let Err(refused) = net.ends[A].send(net.now, a, b"x", &mut out) {
            break refused;
        }
    };
    assert_eq!(refused, SendError::KeyExhausted);
    let before = net.current();
    net.pump();
    assert_ne!(before, net.current());
    net.assert_works(a, b);
}

#[test]
fn no_packet_of_a_number_past_the_limit_is_taken() {
    let (mut net, a, _) = rekeying(IK, RekeyPolicy::default());
    let keys = net.ends[A].slots.peer_mut(a.number).unwrap().current_mut().unwrap();
    keys.set_number(crate::datagram::MAX_PACKETS_PER_KEY - 1);
    let now = net.now;
    let mut packets = vec![];
    for kept in [0, 1] {
        let mut out = [0; 1200];
        let policy = RekeyPolicy { reject_packets: u64::MAX, ..RekeyPolicy::default() };
        let keys = net.ends[A].slots.peer_mut(a.number).unwrap().current_mut().unwrap();
        let message = crate::datagram::packet::Outgoing::Message(b"x");
        let len = keys.seal(now, &policy, &message, &mut out).unwrap();
        packets.push((kept, Packet { from: address(A), to: address(B), bytes: out[..len].to_vec() }));
    }
    for (kept, packet) in packets {
        net.deliver(&packet);
        assert_eq!((net.messages[B].len(), net.ends[B].stats().discards.expired), (1, kept));
    }
}

#[test]
fn a_handshake_for_keys_that_was_overtaken_by_a_later_one_does_not_replace_it() {
    let (mut net, a, b) = rekeying(IK, RekeyPolicy::default().with_after(10 * SECOND));
    // The first attempt is held back; the second is made after the first was given up.
    let mut held = vec![];
    net.run_some(net.now + 11 * SECOND, |packet| {
        held.push(packet.clone());
        false
    });
    net.run_some(net.now + 13 * SECOND, |packet| !held.contains(packet) && packet.from == address(A));
    let before = net.current();
    net.run_for(15 * SECOND);
    assert_ne!(before, net.current());
    for packet in held {
        net.deliver(&packet);
    }
    net.pump();
    net.assert_works(a, b);
}

#[test]
fn a_late_copy_of_the_message_that_began_new_keys_does_not_undo_them() {
    let (mut net, a, b) = rekeying(IK, RekeyPolicy::default().with_after(20 * SECOND));
    // The first message for new keys leaves twice; the copy is held back.
    let mut firsts = vec![];
    net.run_some(net.now + 21 * SECOND, |packet| {
        firsts.push(packet.clone());
        false
    });
    let before = net.current();
    net.deliver(&firsts[0]);
    net.pump_some(|packet| packet.to == address(A));
    assert_ne!(before[A], net.current()[A]);
    // What A says under its new keys is behind the copy, which comes after the time of the handshake.
    net.run_some(net.now + 11 * SECOND, |packet| packet.to == address(A));
    net.deliver(&firsts[1]);
    net.pump();
    net.assert_works(a, b);
    assert_eq!(net.ends[B].stats().discards.unknown_session, 0);
}

#[test]
fn an_initiator_that_missed_every_word_of_its_new_keys_learns_of_them_at_its_next_try() {
    let (mut net, a, b) = rekeying(XX, RekeyPolicy::default().with_after(20 * SECOND));
    let before = net.current();
    let mut count = 0;
    net.run_some(net.now + 31 * SECOND, |packet| {
        count += 1;
        count <= 3 || packet.from == address(A)
    });
    assert_eq!((before[A], before[B] != net.current()[B]), (net.current()[A], true));
    net.run_for(5 * SECOND);
    assert_ne!(before[A], net.current()[A]);
    net.assert_works(a, b);
    net.run_for(200 * SECOND);
    assert_eq!(net.events, [vec![], vec![]]);
    assert_eq!(net.ends.each_ref().map(|end| end.stats().discards.forged), [0, 0]);
    net.assert_works(a, b);
}

#[test]
fn the_responder_does_not_replace_keys_of_its_own_accord() {
    let policy = RekeyPolicy::default().with_after(SECOND);
    let (mut net, a, b) = Net::established(config(IK, A), config(IK, B).with_rekey(policy));
    let before = net.current();
    net.run_for(30 * SECOND);
    assert_eq!(before, net.current());
    net.assert_works(a, b);
}
