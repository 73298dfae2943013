//! Messages: once or not at all, whatever the network does; their size; the end of a session.

use super::*;
use crate::datagram::packet::{DATA_HEAD, OVERHEAD, Outgoing};
use crate::datagram::{SendError, WINDOW};
use crate::heartbeat::{Dead, HeartbeatConfig};
use crate::noise::TAG_LEN;
use alloc::vec;

fn pair() -> (Net, PeerId, PeerId) {
    Net::established(config(IK, A), config(IK, B))
}

/// The numbers that reached B, as messages.
fn numbers(net: &Net) -> Vec<u64> {
    net.messages[B].iter().map(|message| u64::from_be_bytes(message[..].try_into().unwrap())).collect()
}

#[test]
fn a_message_is_delivered_at_most_once_in_whatever_order_packets_come() {
    let (mut net, a, _) = pair();
    let packets: Vec<_> = (0..200_u64).map(|n| net.seal(A, a, &n.to_be_bytes())).collect();
    for packet in packets.iter().rev().chain(&packets).chain(packets.iter().rev()) {
        net.deliver(packet);
    }
    assert!(numbers(&net).into_iter().eq((0..200).rev()));
    assert_eq!(net.ends[B].stats().discards.replayed, 400);
    assert_eq!(net.ends[B].stats().messages, 200);
}

#[test]
fn a_packet_may_be_8191_behind_and_no_more() {
    let (mut net, a, _) = pair();
    let packets: Vec<_> = (0..=WINDOW).map(|n| net.seal(A, a, &n.to_be_bytes())).collect();
    net.deliver(&packets[WINDOW as usize]);
    net.deliver(&packets[0]);
    net.deliver(&packets[1]);
    assert_eq!(numbers(&net), [WINDOW, 1]);
}

#[test]
fn a_forged_packet_does_not_move_the_window_or_give_a_message() {
    let (mut net, a, _) = pair();
    let packet = net.seal(A, a, &7_u64.to_be_bytes());
    for bit in 0..packet.bytes.len() * 8 {
        let mut damaged = packet.clone();
        damaged.bytes[bit / 8] ^= 1 << (bit % 8);
        damaged.from = elsewhere();
        net.deliver(&damaged);
    }
    assert!(net.messages[B].is_empty() && net.wire.is_empty());
    assert_eq!(net.ends[B].stats().moved, 0);
    net.deliver(&packet);
    assert_eq!(numbers(&net), [7]);
}

#[test]
fn a_message_of_one_end_is_none_at_another_session() {
    let (mut net, a, b) = pair();
    let own = net.seal(B, b, b"reflected");
    net.deliver(&Packet { from: own.to, to: own.from, bytes: own.bytes });
    let second = net.connect();
    net.pump();
    let packet = net.seal(A, a, b"first");
    let other = net.seal(A, second, b"second");
    // The id of one session with the ciphertext of the other.
    let mixed = [&other.bytes[..DATA_HEAD], &packet.bytes[DATA_HEAD..]].concat();
    net.deliver(&Packet { bytes: mixed, ..packet });
    assert_eq!(net.messages, [vec![], vec![]] as [Vec<Vec<u8>>; 2]);
}

#[test]
fn a_message_that_fits_no_datagram_is_refused_with_the_size_that_does() {
    for max_datagram in [300, 1200, 1500] {
        let sized = |end| config(IK, end).with_max_datagram(max_datagram);
        let (mut net, a, _) = Net::established(sized(A), sized(B));
        let max = max_datagram - OVERHEAD;
        assert_eq!(net.ends[A].config().max_message(), max);
        let mut out = vec![0; max_datagram];
        let refused = net.ends[A].send(net.now, a, &vec![1; max + 1], &mut out);
        assert_eq!(refused, Err(SendError::TooLarge { max }));
        let sent = net.ends[A].send(net.now, a, &vec![1; max], &mut out).unwrap();
        assert_eq!(sent.len, max_datagram);
        net.deliver(&Packet { from: address(A), to: sent.destination, bytes: out.clone() });
        assert_eq!(net.messages[B], [vec![1; max]]);
        let refused = net.ends[A].send(net.now, a, b"x", &mut out[..OVERHEAD]);
        assert_eq!(refused, Err(SendError::NoRoom { needed: OVERHEAD + 1 }));
        net.deliver(&Packet { from: address(A), to: address(B), bytes: vec![0; max_datagram + 1] });
        assert_eq!(net.ends[B].stats().discards.too_large, 1);
        assert_eq!(net.ends[A].poll_transmit(net.now, &mut vec![0; max_datagram - 1]), None);
    }
}

#[test]
fn an_empty_message_is_a_message() {
    let (mut net, a, _) = pair();
    net.send(A, a, b"");
    net.pump();
    assert_eq!(net.messages[B], [b""]);
}

#[test]
fn a_close_is_told_with_its_code_and_ends_both_sides() {
    for closer in [A, B] {
        let (mut net, a, b) = pair();
        let peers = [a, b];
        net.ends[closer].close(peers[closer], 4321);
        let mut out = [0; 1200];
        assert_eq!(
            net.ends[closer].send(net.now, peers[closer], b"x", &mut out),
            Err(SendError::UnknownPeer)
        );
        net.pump();
        assert_eq!((net.ended(closer), net.ended(1 - closer)), (vec![], vec![EndReason::Closed(4321)]));
        for end in [A, B] {
            assert_eq!(
                (net.ends[end].peers(), net.ends[end].ids.len(), net.ends[end].firsts.len()),
                (0, 0, 0)
            );
            assert_eq!(net.ends[end].poll_timeout(), None);
            assert_eq!(net.ends[end].send(net.now, peers[end], b"x", &mut out), Err(SendError::UnknownPeer));
            assert_eq!(net.ends[end].address(peers[end]), None);
        }
        assert_eq!(net.ends[B].admission().sessions, 0);
    }
}

#[test]
fn a_close_during_the_handshake_forgets_it() {
    let mut net = Net::of(IK);
    let a = net.connect();
    let mut out = [0; 1200];
    assert_eq!(net.ends[A].send(net.now, a, b"x", &mut out), Err(SendError::NotEstablished));
    net.ends[A].close(a, 0);
    net.pump();
    assert_eq!((net.ends[A].peers(), net.events[A].len()), (0, 0));
}

#[test]
fn the_place_of_a_peer_that_is_gone_has_another_name() {
    let (mut net, a, _) = pair();
    net.ends[A].close(a, 0);
    net.pump();
    let again = net.connect();
    assert_ne!(a, again);
    net.pump();
    let mut out = [0; 1200];
    assert_eq!(net.ends[A].send(net.now, a, b"x", &mut out), Err(SendError::UnknownPeer));
    net.ends[A].close(a, 0);
    let b = net.peer(B).unwrap();
    net.assert_works(again, b);
}

#[test]
fn a_silent_peer_is_found_by_the_heartbeat_and_a_living_one_is_measured() {
    let beat = HeartbeatConfig::default().with_interval(2 * SECOND).with_probe_timeout(SECOND).with_misses(1);
    let (mut net, a, b) =
        Net::established(config(XX, A).with_heartbeat(Some(beat)), config(XX, B).with_heartbeat(None));
    net.run_for(60 * SECOND);
    assert!(net.ended(A).is_empty() && net.ends[A].rtt(a).is_some() && net.ends[B].rtt(b).is_none());
    let silent_since = net.now;
    net.run_some(net.now + 60 * SECOND, |_| false);
    assert!(matches!(net.ended(A)[..], [EndReason::Dead(Dead::Silent { .. })]), "{:?}", net.ended(A));
    assert!(net.now > silent_since && net.ends[A].peers() == 0);
}

#[test]
fn a_session_without_messages_ends_where_an_idle_limit_is_set() {
    let beat = HeartbeatConfig::default().with_idle(Some(40 * SECOND));
    let (mut net, a, _) = Net::established(config(XX, A).with_heartbeat(Some(beat)), config(XX, B));
    net.run_for(30 * SECOND);
    net.send(A, a, b"still here");
    net.run_for(39 * SECOND);
    assert_eq!(net.ended(A), []);
    net.run_for(2 * SECOND);
    assert_eq!(net.ended(A), [EndReason::Dead(Dead::Idle { limit: 40 * SECOND })]);
}

#[test]
fn frames_of_an_unknown_kind_are_skipped() {
    let (mut net, a, b) = pair();
    for plain in [&[200_u8, 1, 2][..], &[1, 2, 3], &[3], &[0x11], &[0x11, 1, 2], &[0x11, 0, 0, 0]] {
        let now = net.now;
        let config = Arc::clone(net.ends[A].config());
        let keys = net.ends[A].slots.peer_mut(a.number).unwrap().current_mut().unwrap();
        let mut out = [0; 1200];
        // A frame of the kind "handshake" is written as it is.
        let len = keys.seal(now, &config.rekey, &Outgoing::Handshake(plain), &mut out).unwrap();
        assert_eq!(len, DATA_HEAD + plain.len() + TAG_LEN);
        net.deliver(&Packet { from: address(A), to: address(B), bytes: out[..len].to_vec() });
    }
    assert_eq!((net.messages[B].len(), net.events[B].len(), net.wire.len()), (0, 0, 0));
    net.assert_works(a, b);
}

#[test]
fn nothing_is_told_of_a_session_that_was_closed_here() {
    let (mut net, a, b) = pair();
    let message = net.seal(B, b, b"late");
    net.ends[B].close(b, 5);
    net.ends[A].close(a, 6);
    net.deliver(&message);
    net.pump();
    assert_eq!((net.events, net.messages), ([vec![], vec![]], [vec![], vec![]]));
    let (mut net, a, _) = pair();
    net.ends[A].close(a, 6);
    net.now += 200 * SECOND;
    let now = net.now;
    net.ends[A].handle_timeout(now);
    net.collect();
    assert_eq!((net.events[A].len(), net.ends[A].peers()), (0, 0));
}
