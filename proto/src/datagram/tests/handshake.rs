//! Handshakes: every pattern, lost, repeated, forged and unwanted messages, MACs and cookies.

use super::*;
use crate::datagram::packet::{COOKIE, COOKIE_LEN, DATA, HANDSHAKE, MIN_FIRST};
use crate::guard::{GateConfig, LoadConfig};
use crate::noise::pattern::PATTERNS;
use alloc::format;
use alloc::string::String;
use alloc::vec;

/// Every interactive pattern, and some with pre-shared keys.
fn names() -> Vec<String> {
    let plain = PATTERNS.iter().filter(|pattern| !pattern.one_way).map(|pattern| pattern.name);
    let psk = ["NNpsk0", "NNpsk2", "IKpsk1", "IKpsk2", "XXpsk3", "KKpsk0", "XKpsk0+psk3"];
    plain.chain(psk).map(|pattern| format!("Noise_{pattern}_25519_ChaChaPoly_BLAKE2s")).collect()
}

/// From one handshake in progress on, everybody must show a cookie.
fn always_asks(config: Config) -> Config {
    config.with_gate(GateConfig::default().with_load(LoadConfig::default().with_backlog(1)))
}

fn is_handshake(packet: &Packet) -> bool {
    packet.bytes[0] == HANDSHAKE
}

#[test]
fn every_interactive_pattern_makes_a_session_that_works_both_ways() {
    let names = names();
    assert!(names.len() > 35);
    for name in names {
        let mut net = Net::of(&name);
        let a = net.connect();
        net.pump();
        let protocol: crate::noise::Protocol = name.parse().unwrap();
        let b = net.peer(B).unwrap_or_else(|| panic!("{name}: not established"));
        assert_eq!(net.peer(A), Some(a), "{name}");
        for (end, other, role) in [(A, B, Role::Responder), (B, A, Role::Initiator)] {
            let [Event::Established { established, .. }] = net.events[end][..] else {
                panic!("{name}: {:?}", net.events[end])
            };
            assert_eq!(established.key, protocol.needs_local_static(role).then(|| public(other)), "{name}");
            assert_eq!(established.initiator, end == A, "{name}");
        }
        net.assert_works(a, b);
        assert_eq!(net.ends.each_ref().map(|end| end.stats().discards.total()), [0, 0], "{name}");
        // The exchange is over: nothing is repeated.
        assert_eq!(net.ends[A].poll_timeout().map(|at| at > net.now + 100 * SECOND), Some(true), "{name}");
    }
}

#[test]
fn any_packet_of_a_handshake_may_be_lost() {
    for name in names() {
        for lost in 0..5 {
            let mut net = Net::of(&name);
            let a = net.connect();
            let mut count = 0;
            // Longer than a handshake may take: no end may be left waiting for what was lost.
            let until = net.now + 11 * SECOND;
            net.run_some(until, |_| {
                count += 1;
                count != lost + 1
            });
            let b = net.peer(B).unwrap_or_else(|| panic!("{name} without packet {lost}"));
            assert_eq!((net.events[A].len(), net.events[B].len()), (1, 1), "{name} without packet {lost}");
            net.assert_works(a, b);
        }
    }
}

#[test]
fn every_packet_of_a_handshake_may_come_twice_and_late() {
    for name in names() {
        let mut net = Net::of(&name);
        let a = net.connect();
        let mut seen = Vec::new();
        while let Some(packet) = net.wire.pop_front() {
            net.deliver(&packet);
            net.deliver(&packet);
            seen.push(packet);
            assert!(seen.len() < 100, "{name}");
        }
        let b = net.peer(B).unwrap();
        for packet in &seen {
            net.deliver(packet);
        }
        net.pump();
        assert_eq!((net.events[A].len(), net.events[B].len()), (1, 1), "{name}");
        assert_eq!(net.ends[B].peers(), 1, "{name}");
        net.assert_works(a, b);
    }
}

#[test]
fn an_initiator_repeats_its_message_with_growing_waits_and_gives_up_at_the_deadline() {
    let mut net = Net::of(IK);
    net.connect();
    let mut sent = vec![net.now];
    let began = net.now;
    net.wire.clear();
    while let Some(next) = net.ends[A].poll_timeout() {
        net.now = next;
        net.ends[A].handle_timeout(next);
        net.collect();
        sent.extend(net.wire.drain(..).map(|_| next));
    }
    let waits: Vec<_> = sent.windows(2).map(|pair| pair[1].saturating_since(pair[0])).collect();
    for (n, wait) in waits.iter().enumerate() {
        let least = 250 * MS * (1 << n.min(4));
        assert!((least..=least + least / 4).contains(wait), "{n}: {waits:?}");
    }
    assert!(waits.len() >= 4, "{waits:?}");
    assert_eq!(net.now, began + 10 * SECOND);
    assert_eq!(net.ended(A), [EndReason::HandshakeTimeout]);
    assert_eq!(net.ends[A].peers(), 0);
}

#[test]
fn the_times_of_a_handshake_are_those_configured() {
    let patient = config(IK, A).with_retransmit(SECOND).with_handshake_timeout(2 * SECOND);
    let mut net = Net::new(patient, config(IK, B));
    net.connect();
    net.wire.clear();
    let began = net.now;
    let first = net.ends[A].poll_timeout().unwrap().saturating_since(began);
    assert!((SECOND..=SECOND + SECOND / 4).contains(&first), "{first:?}");
    net.run_some(began + 2 * SECOND, |_| false);
    assert_eq!(net.ended(A), [EndReason::HandshakeTimeout]);
}

#[test]
fn a_damaged_packet_changes_nothing_and_the_true_one_still_works() {
    for name in [IK, XX, "Noise_KK_25519_ChaChaPoly_BLAKE2s", "Noise_NNpsk0_25519_ChaChaPoly_BLAKE2s"] {
        for salt in 0..4 {
            let mut net = Net::of(name);
            let a = net.connect();
            let mut count = 0;
            while let Some(packet) = net.wire.pop_front() {
                for bit in (salt..packet.bytes.len() * 8).step_by(13) {
                    // The second MAC counts only where a cookie was asked for.
                    if count == 0 && bit / 8 >= packet.bytes.len() - 16 {
                        continue;
                    }
                    let mut damaged = packet.clone();
                    damaged.bytes[bit / 8] ^= 1 << (bit % 8);
                    let before = (net.events.clone(), net.ends.each_ref().map(Endpoint::poll_timeout));
                    net.deliver(&damaged);
                    assert!(
                        net.wire.is_empty() && net.messages == [vec![], vec![]] as [Vec<Vec<u8>>; 2],
                        "{name} {bit}"
                    );
                    assert_eq!(before, (net.events.clone(), net.ends.each_ref().map(Endpoint::poll_timeout)));
                }
                net.deliver(&packet);
                count += 1;
            }
            let b = net.peer(B).unwrap();
            net.assert_works(a, b);
        }
    }
}

#[test]
fn a_cut_packet_changes_nothing() {
    for name in [IK, XX] {
        let mut net = Net::of(name);
        let a = net.connect();
        while let Some(packet) = net.wire.pop_front() {
            for len in 0..packet.bytes.len() {
                let cut = Packet { bytes: packet.bytes[..len].to_vec(), ..packet.clone() };
                net.deliver(&cut);
                assert!(net.wire.is_empty(), "{name} {len}");
            }
            net.deliver(&packet);
        }
        let b = net.peer(B).unwrap();
        net.assert_works(a, b);
    }
}

#[test]
fn handshake_messages_count_only_from_the_address_they_are_expected_from() {
    let mut net = Net::of(XX);
    net.connect();
    net.pump_some(|packet| packet.from == address(A));
    assert_eq!(net.ends[B].peers(), 1);
    // B's answer, and then A's last message, from elsewhere.
    net.run_some(net.now + 300 * MS, |packet| packet.from == address(A));
    let mut net = Net::of(XX);
    let a = net.connect();
    while let Some(packet) = net.wire.pop_front() {
        if is_handshake(&packet) && packet.bytes[1] != 0 {
            let moved = Packet { from: elsewhere(), ..packet.clone() };
            net.deliver(&moved);
            assert!(net.wire.is_empty() && net.events.iter().all(Vec::is_empty));
        }
        net.deliver(&packet);
    }
    let stats = net.ends.each_ref().map(|end| end.stats());
    assert_eq!(stats.map(|stats| (stats.discards.wrong_source, stats.moved)), [(1, 0), (1, 0)]);
    let b = net.peer(B).unwrap();
    net.assert_works(a, b);
}

#[test]
fn whoever_does_not_know_the_responder_gets_no_answer() {
    let mut net = Net::of(IK);
    net.connect();
    let first = net.wire.pop_front().unwrap();
    // Another responder's key, another prologue, another protocol.
    let other = SecretKey::new(&mut [99; 32]);
    let others = [
        config(IK, B).with_static_key(other),
        config(IK, B).with_prologue(b"another application"),
        config("Noise_IK_25519_ChaChaPoly_BLAKE2b", B),
    ];
    for config in others {
        let mut stranger = Net::new(super::config(IK, A), config);
        stranger.deliver(&first);
        assert!(stranger.wire.is_empty());
        assert_eq!((stranger.ends[B].stats().discards.mac, stranger.ends[B].peers()), (1, 0));
    }
    net.deliver(&first);
    assert_eq!(net.wire.len(), 1);
}

#[test]
fn an_end_that_does_not_accept_gives_no_answer() {
    let mut net = Net::new(config(XX, A), config(XX, B).with_accept(false));
    net.connect();
    net.pump();
    assert_eq!((net.ends[B].stats().discards.not_accepting, net.ends[B].peers()), (1, 0));
}

#[test]
fn no_answer_is_longer_than_the_question() {
    for name in names() {
        for cookies in [false, true] {
            let b = config(&name, B);
            let mut net = Net::new(config(&name, A), if cookies { always_asks(b) } else { b });
            net.connect();
            let mut largest = 0;
            while let Some(packet) = net.wire.pop_front() {
                let before = net.wire.len();
                let question = packet.bytes.len();
                // Every packet may be shown again and again.
                for _ in 0..2 {
                    net.deliver(&packet);
                    let answers: Vec<_> =
                        net.wire.iter().skip(before).map(|answer| answer.bytes.len()).collect();
                    // Once there is a session, both ends have shown their addresses.
                    // What an initiator says to a cookie goes where it wanted to go anyway.
                    if packet.to == address(B) && net.events.iter().all(Vec::is_empty) {
                        assert!(
                            answers.iter().sum::<usize>() <= question,
                            "{name}: {answers:?} for {question}"
                        );
                        largest = largest.max(answers.iter().copied().max().unwrap_or(0));
                    }
                    if net.wire.len() > before {
                        break;
                    }
                }
            }
            assert!(net.peer(B).is_some(), "{name}");
            assert!(largest > 0 && largest <= MIN_FIRST, "{name}: {largest}");
        }
    }
}

#[test]
fn a_first_message_too_short_to_be_answered_is_dropped() {
    let mut net = Net::of("Noise_NN_25519_ChaChaPoly_BLAKE2s");
    net.connect();
    let first = net.wire.pop_front().unwrap();
    assert_eq!(first.bytes.len(), MIN_FIRST);
    // As an initiator would write it that does not pad: the MAC is right.
    let packet = [&first.bytes[..10], &first.bytes[10..42]].concat();
    let mac1 = net.ends[B].gate_key.digest(&[&packet]).mac1();
    let bytes = [&packet[..], &mac1, &[0; 16]].concat();
    net.deliver(&Packet { bytes, ..first });
    assert!(net.wire.is_empty());
    assert_eq!(net.ends[B].stats().discards.malformed, 1);
}

#[test]
fn under_load_a_stranger_must_show_a_cookie_and_does() {
    for name in [IK, XX, "Noise_NN_25519_ChaChaPoly_BLAKE2s"] {
        let mut net = Net::new(config(name, A), always_asks(config(name, B)));
        let a = net.connect();
        let first = net.wire.pop_front().unwrap();
        net.deliver(&first);
        let cookie = net.wire.pop_front().unwrap();
        assert_eq!((cookie.bytes[0], cookie.bytes.len()), (COOKIE, COOKIE_LEN));
        assert!(cookie.bytes.len() <= first.bytes.len());
        assert_eq!(net.ends[B].peers(), 0, "nothing is kept");
        // From elsewhere, or damaged, it is worth nothing.
        net.deliver(&Packet { from: elsewhere(), ..cookie.clone() });
        let mut damaged = cookie.clone();
        damaged.bytes[20] ^= 1;
        net.deliver(&damaged);
        assert!(net.wire.is_empty());
        net.deliver(&cookie);
        assert_eq!(net.wire.len(), 1, "the first message again, at once");
        net.deliver(&cookie);
        assert_eq!(net.wire.len(), 1, "a cookie is taken once");
        // The cookie is good for the address it was given to.
        let second = net.wire[0].clone();
        net.deliver(&Packet { from: elsewhere(), ..second });
        assert_eq!(net.ends[B].peers(), 0);
        net.pump();
        let b = net.peer(B).unwrap();
        net.assert_works(a, b);
        assert_eq!(net.ends[B].gate().verified, 1);
        assert_eq!(net.ends[B].stats().cookies, 2);
    }
}

#[test]
fn cookies_wait_in_bounded_room() {
    let b = always_asks(config(IK, B));
    let mut net = Net::new(config(IK, A), b);
    for _ in 0..100 {
        net.connect();
    }
    let firsts: Vec<_> = net.wire.drain(..).collect();
    for mut first in firsts {
        assert!(net.ends[B].recv(net.now, first.from, &mut first.bytes).is_none());
    }
    let stats = net.ends[B].stats();
    assert_eq!((stats.cookies, stats.cookies_dropped), (100, 36));
    net.collect();
    assert_eq!(net.wire.len(), 64);
}

#[test]
fn only_the_owners_of_the_keys_configured_become_peers() {
    for name in [IK, XX] {
        for (known, wanted) in [(public(A), true), (public(B), false)] {
            let mut net = Net::new(config(name, A), config(name, B).with_peers(Peers::Only(vec![known])));
            net.connect();
            net.pump();
            assert_eq!(net.peer(B).is_some(), wanted, "{name}");
            assert_eq!(net.ends[B].stats().discards.unwanted > 0, !wanted, "{name}");
        }
    }
}

#[test]
fn a_responder_with_another_key_is_not_taken_for_the_one_asked_for() {
    let b = config(XX, B).with_static_key(SecretKey::new(&mut [77; 32]));
    let mut net = Net::new(config(XX, A), b);
    net.connect();
    net.run_for(11 * SECOND);
    assert!(net.ends[A].stats().discards.unwanted > 0);
    assert_eq!((net.ended(A), net.peer(A)), (vec![EndReason::HandshakeTimeout], None));
    assert_eq!(net.events[B], []);
    assert_eq!(net.ends[B].stats().handshakes_timed_out, net.ends[B].admission().admitted);
}

#[test]
fn a_first_message_replayed_makes_no_session() {
    let mut net = Net::of(IK);
    let a = net.connect();
    let first = net.wire[0].clone();
    net.pump();
    let b = net.peer(B).unwrap();
    net.deliver(&first);
    assert!(net.wire.is_empty() && net.ends[B].peers() == 1, "while there is the session");
    net.deliver(&Packet { from: elsewhere(), ..first.clone() });
    assert_eq!((net.wire.len(), net.ends[B].peers()), (1, 2), "one answer, to where it came from");
    net.run_for(11 * SECOND);
    assert_eq!((net.events[B].len(), net.ends[B].peers()), (1, 1));
    net.ends[A].close(a, 1);
    net.pump();
    assert_eq!(net.ended(B), [EndReason::Closed(1)]);
    net.events = [vec![], vec![]];
    net.deliver(&first);
    net.run_for(30 * SECOND);
    assert_eq!(net.events, [vec![], vec![]], "nobody proved to have the ephemeral key");
    assert_eq!((net.ends[B].peers(), net.ends[B].stats().handshakes_timed_out), (0, 2));
    let _ = b;
}

#[test]
fn data_may_overtake_the_last_word_of_a_handshake() {
    // The initiator of IK has keys first, and sends a message before its confirmation is there.
    let mut net = Net::of(IK);
    let a = net.connect();
    let first = net.wire.pop_front().unwrap();
    net.deliver(&first);
    let answer = net.wire.pop_front().unwrap();
    net.deliver(&answer);
    assert_eq!(net.peer(A), Some(a));
    assert!(net.events[B].is_empty(), "nothing proves yet that it is no replay");
    let message = net.seal(A, a, b"early");
    net.deliver(&message);
    assert_eq!((net.events[B].len(), &net.messages[B][..]), (1, &[b"early".to_vec()][..]));
    net.pump();
    let b = net.peer(B).unwrap();
    net.assert_works(a, b);
}

#[test]
fn packets_of_a_handshake_are_what_the_document_says() {
    let mut net = Net::of(IK);
    net.connect();
    let lens: Vec<_> = core::iter::from_fn(|| {
        let packet = net.wire.pop_front()?;
        net.deliver(&packet);
        Some((packet.bytes[0], packet.bytes[1], packet.bytes.len()))
    })
    .collect();
    // e, s with tag, payload with tag, MACs; e, payload of 8 with tag; ping and pong.
    let (data, ping) = (DATA, 17 + 9 + 16);
    assert_eq!(lens[0], (HANDSHAKE, 0, 10 + 32 + 48 + 16 + 32));
    assert_eq!(lens[1], (HANDSHAKE, 1, 10 + 32 + 8 + 16));
    assert_eq!(lens[2..].iter().map(|(kind, _, len)| (*kind, *len)).collect::<Vec<_>>(), [(data, ping); 2]);
}
