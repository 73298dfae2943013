//! Padding of records (docs/wire.md, section 2.1).

use super::pair::*;
use crate::buf::{RxBuf, TxBuf};
use crate::entropy::Jitter;
use crate::heartbeat::{Dead, HeartbeatConfig};
use crate::limit::Rate;
use crate::noise::MAX_MESSAGE;
use crate::session::{
    CloseCode, ConfigError, Error, MAX_REASON, MIN_TX_LIMIT, Outgoing, Padding, RateLimit, RekeyPolicy,
    SendError,
};
use alloc::vec::Vec;
use core::time::Duration;

const POLICIES: [Padding; 9] = [
    Padding::None,
    Padding::Block(2),
    Padding::Block(16),
    Padding::Block(1000),
    Padding::Block(16_384),
    Padding::Padme,
    Padding::Constant(512),
    Padding::Constant(1400),
    Padding::Constant(16_384),
];
const MIB: usize = 1 << 20;

#[test]
fn a_length_is_filled_up_to_the_next_of_its_policy() {
    use Padding::{Block, Constant, None, Padme};
    for (padding, len, max, expected) in [
        (None, 0, 100, 0),
        (None, 77, 100, 77),
        (Block(16), 0, 100, 0),
        (Block(16), 1, 100, 16),
        (Block(16), 16, 100, 16),
        (Block(16), 17, 100, 32),
        (Block(16), 97, 100, 100),
        (Block(16), 120, 100, 120),
        (Constant(512), 0, 4096, 512),
        (Constant(512), 512, 4096, 512),
        (Constant(512), 513, 4096, 1024),
        (Constant(512), 1, 300, 300),
        (Padme, 0, 4096, 0),
        (Padme, 1, 4096, 1),
        (Padme, 8, 4096, 8),
        (Padme, 9, 4096, 10),
        (Padme, 33, 4096, 36),
        (Padme, 100, 4096, 104),
        (Padme, 1000, 4096, 1024),
        (Padme, 1025, 4096, 1088),
        (Padme, 65_000, MAX_MESSAGE, MAX_MESSAGE),
        (Padme, usize::MAX, usize::MAX, usize::MAX),
    ] {
        assert_eq!(padding.padded(len, max), expected, "{padding:?} {len} of {max}");
    }
}

#[test]
fn a_record_is_filled_up_by_no_more_than_is_kept_free_for_it() {
    for padding in POLICIES {
        let sizes = 0..=MAX_MESSAGE;
        let (mut longest, mut most) = (0, 0);
        for size in sizes {
            let one = match padding {
                Padding::Constant(n) => size == usize::from(n),
                _ => true,
            };
            if one && padding.padded(size, usize::MAX) == size {
                longest = size;
            }
            assert_eq!(padding.longest(size), longest, "{padding:?} {size}");
            if size + padding.kept() <= padding.longest(MAX_MESSAGE) {
                let filled = padding.body(size) - size;
                most = most.max(filled);
                assert_ne!(filled, 1, "{padding:?} {size}: one byte is no frame");
                assert!(padding.body(size) <= padding.longest(MAX_MESSAGE), "{padding:?} {size}");
            }
        }
        assert_eq!(most, usize::from(padding.most()), "{padding:?}");
    }
    let costs = (100..10_000).map(|len| (Padding::Padme.padded(len, usize::MAX) - len) * 100 / len);
    assert!(costs.max().unwrap() < 12, "PADMÉ costs at most 12 %");
}

#[test]
fn a_padding_out_of_range_is_refused() {
    for (padding, fine) in [
        (Padding::Block(0), false),
        (Padding::Block(1), false),
        (Padding::Block(2), true),
        (Padding::Block(16_384), true),
        (Padding::Block(16_385), false),
        (Padding::Constant(0), false),
        (Padding::Constant(511), false),
        (Padding::Constant(512), true),
        (Padding::Constant(16_384), true),
        (Padding::Constant(16_385), false),
        (Padding::Padme, true),
    ] {
        let built = configs(NN).0.with_padding(padding).build().err();
        assert_eq!(built, (!fine).then_some(ConfigError::Padding), "{padding:?}");
    }
}

/// Checks the length of every record in `wire`, and gives how many there are.
fn check_records(padding: Padding, mut wire: &[u8]) -> usize {
    let mut records = 0;
    while let Some((head, rest)) = wire.split_first_chunk() {
        let len = usize::from(u16::from_be_bytes(*head));
        assert_eq!(padding.padded(len, usize::MAX), len, "{padding:?}");
        if let Padding::Constant(size) = padding {
            assert_eq!(len, usize::from(size));
        }
        wire = &rest[len..];
        records += 1;
    }
    records
}

/// Both ends with `padding`, new keys often, pings, and the smallest buffers that there may be.
fn padded(padding: Padding) -> Pair {
    let heartbeat = HeartbeatConfig::default().with_interval(Duration::from_secs(1));
    let rekey = RekeyPolicy::default().with_records(3).with_age(Duration::from_secs(7));
    let finish = |config: crate::session::Config| {
        config.with_padding(padding).with_heartbeat(Some(heartbeat)).with_rekey(rekey).with_max_message(MIB)
    };
    let (a, b) = configs(NN);
    let (a, b) = (finish(a), finish(b));
    let limit = a.min_tx_limit();
    let mut pair = Pair::established_with(a, b);
    for end in [&mut pair.a, &mut pair.b] {
        end.tx = TxBuf::new(limit);
        end.wire.clear();
    }
    pair
}

/// Sends from end `side`, in as many pieces as it takes.
fn send_all(pair: &mut Pair, side: usize, message: &[u8]) {
    let parts = [message];
    let mut outgoing = Outgoing::new(&parts);
    loop {
        let end = if side == 0 { &mut pair.a } else { &mut pair.b };
        let before = outgoing.sent();
        match end.session.send_some(pair.now, &mut outgoing, &mut end.tx) {
            Ok(()) => return,
            Err(error) => assert_eq!(error, SendError::Full),
        }
        let stuck = outgoing.sent() == before && end.tx.is_empty();
        assert!(!stuck, "{before} of {} bytes", message.len());
        pair.pump();
    }
}

#[test]
fn every_record_has_a_length_of_its_policy_and_nothing_is_lost() {
    for padding in POLICIES {
        let mut pair = padded(padding);
        let mut random = Jitter::new(7);
        let mut sent: [Vec<Vec<u8>>; 2] = Default::default();
        for round in 0..200_u32 {
            for side in [0, 1] {
                let most = [3, 100, 600, 5000, 70_000][random.next_u64() as usize % 5];
                let message = alloc::vec![round as u8; random.next_u64() as usize % most];
                send_all(&mut pair, side, &message);
                sent[side].push(message);
            }
            match round % 4 {
                0 => pair.pass(Duration::from_millis(600)),
                1 => pair.pump(),
                _ => {}
            }
        }
        pair.pass(Duration::from_secs(20));
        let later = pair.now + Duration::from_secs(9);
        pair.a.session.drain(pair.now, later).unwrap();
        pair.pump();
        pair.b.session.close(pair.now, CloseCode::NORMAL, &"r".repeat(MAX_REASON), &mut pair.b.tx).unwrap();
        pair.pump();
        assert_eq!((pair.a.error, pair.b.error), (None, None), "{padding:?}");
        assert!(pair.a.session.is_finished() && pair.b.session.is_finished(), "{padding:?}");
        assert!(pair.b.messages() == sent[0] && pair.a.messages() == sent[1], "{padding:?}");
        let ends = [&pair.a, &pair.b];
        for (end, peer) in ends.into_iter().zip([&pair.b, &pair.a]) {
            let (stats, peer) = (end.session.stats(), peer.session.stats());
            let records = check_records(padding, &end.wire);
            assert_eq!(stats.sent.records, records as u64);
            assert!(stats.sent.rekeys > 10 && stats.pings > 10, "{padding:?}: {stats:?}");
            assert_eq!(stats.sent.wire_bytes, end.wire.len() as u64);
            assert_eq!(stats.sent.padding_bytes, peer.received.padding_bytes, "{padding:?}");
            assert_eq!(stats.sent.padding_bytes > 0, padding != Padding::None);
            assert_eq!(peer.skipped_frames, 0);
        }
    }
}

/// Every length of padding there can be is one that frames can have.
#[test]
fn messages_of_every_length_around_a_frame_head_are_padded_right() {
    for padding in [Padding::Constant(512), Padding::Constant(16_384), Padding::Block(300)] {
        let (a, b) = configs(NN);
        let mut pair = Pair::established_with(a.with_padding(padding), b);
        pair.a.wire.clear();
        let sizes = (0..600).chain(15_900..16_400);
        let count = sizes.clone().count();
        for size in sizes {
            pair.a.send(&alloc::vec![7; size]);
            pair.pump();
        }
        assert_eq!(pair.b.error, None);
        assert_eq!(pair.b.messages().len(), count);
        assert!(check_records(padding, &pair.a.wire) >= count);
    }
}

#[test]
fn a_close_and_a_change_of_key_stay_last_behind_the_padding() {
    for padding in POLICIES {
        let (a, b) = configs(NN);
        let policy = RekeyPolicy::default().with_records(1);
        let mut pair = Pair::established_with(a.with_padding(padding).with_rekey(policy), b);
        pair.a.wire.clear();
        pair.a.send(b"under the first key");
        pair.pump();
        pair.a.send(b"under the second");
        pair.a.session.close(pair.now, CloseCode::NORMAL, "bye", &mut pair.a.tx).unwrap();
        pair.pump();
        assert_eq!((pair.b.error, pair.b.closed()), (None, Some((0, "bye".into()))), "{padding:?}");
        assert_eq!(pair.b.session.stats().received.rekeys, 1, "{padding:?}");
        assert_eq!(check_records(padding, &pair.a.wire), 2, "{padding:?}");
    }
}

#[test]
fn a_failure_is_told_in_a_record_of_the_policy_too() {
    for padding in POLICIES {
        let (a, b) = configs(NN);
        let mut pair = Pair::established_with(a, b.with_padding(padding));
        pair.b.wire.clear();
        pair.a.forge(&[2, 0]);
        pair.pump();
        assert!(matches!(pair.b.error, Some(Error::Frame(_))));
        assert_eq!(pair.a.closed().map(|(code, _)| code), Some(2), "{padding:?}");
        assert_eq!(check_records(padding, &pair.b.wire), 1);
    }
}

#[test]
fn the_smallest_buffer_sends_any_message_and_a_close_whatever_the_padding() {
    for padding in POLICIES {
        let (a, b) = configs(NN);
        let a = a.with_padding(padding);
        let limit = a.min_tx_limit();
        assert!((MIN_TX_LIMIT..=134 << 10).contains(&limit), "{padding:?}: {limit}");
        let mut pair = Pair::established_with(a, b);
        let mut tiny = TxBuf::new(limit - 1);
        assert_eq!(pair.a.session.send(pair.now, b"x", &mut tiny), Err(SendError::BufferTooSmall));
        let refused = pair.a.session.close(pair.now, CloseCode::NORMAL, "", &mut tiny);
        assert_eq!(refused, Err(SendError::BufferTooSmall));
        pair.a.tx = TxBuf::new(limit);
        for size in (0..3500).step_by(97) {
            pair.a.send(&alloc::vec![7; size]);
            pair.pump();
        }
        for size in (0..3 * limit).step_by(1 + limit / 97) {
            let message = alloc::vec![7; size];
            send_all(&mut pair, 0, &message);
        }
        // As much as is accepted, and then what never has to wait behind it.
        let message = [&[7; 100][..]];
        while pair.a.session.send_some(pair.now, &mut Outgoing::new(&message), &mut pair.a.tx).is_ok() {}
        pair.a.session.close(pair.now, CloseCode::NORMAL, &"r".repeat(MAX_REASON), &mut pair.a.tx).unwrap();
        pair.pump();
        assert_eq!(pair.b.error, None, "{padding:?}");
        assert!(pair.b.closed().is_some(), "{padding:?}");
    }
}

#[test]
fn a_message_that_is_accepted_is_accepted_whole_whatever_room_there_is() {
    for padding in POLICIES {
        let (a, b) = configs(NN);
        let a = a.with_padding(padding);
        let limit = 2 * a.min_tx_limit();
        let mut pair = Pair::established_with(a, b);
        let mut random = Jitter::new(3);
        let mut accepted = 0;
        pair.a.tx = TxBuf::new(limit);
        for _ in 0..300 {
            let message = alloc::vec![1; random.next_u64() as usize % limit];
            match pair.a.session.send(pair.now, &message, &mut pair.a.tx) {
                Ok(()) => accepted += 1,
                Err(SendError::Full | SendError::LargerThanBuffer { .. }) => {
                    let abandoned = pair.a.session.stats().sent.abandoned;
                    assert_eq!(abandoned, 0, "{padding:?}: {} was begun", message.len());
                    let n = pair.a.tx.sealed().len() / 2;
                    pair.a.session.poll_transmit(pair.now, &mut pair.a.tx);
                    pair.b.rx.extend_from_slice(&pair.a.tx.sealed()[..n]);
                    pair.a.tx.consume(n);
                }
                Err(error) => panic!("{padding:?}: {error:?}"),
            }
        }
        pair.pump();
        assert_eq!((pair.b.error, pair.b.messages().len()), (None, accepted), "{padding:?}");
        assert!(accepted > 20, "{padding:?}: {accepted}");
    }
}

#[test]
fn padding_between_fragments_stays_within_the_read_buffer_that_is_promised() {
    for padding in [Padding::Padme, Padding::Constant(512), Padding::Block(16_384)] {
        let (a, b) = configs(NN);
        let a = a.with_padding(padding);
        let b = b.with_max_message(200_000);
        let mut rx = RxBuf::new(b.rx_limit());
        let mut pair = Pair::established_with(a, b);
        pair.a.tx = TxBuf::new(8 << 20);
        pair.a.send(&[7; 200_000]);
        // Records of nothing else between the fragments of another message.
        let forger = pair.a.session.send.forger();
        for n in 0..100 {
            let begin = [2, 5, 0x80, 3, 0x0d, 0x40, 7];
            let plain = if n == 0 { &begin[..] } else { &[4, 1, 7] };
            forger.forge(plain, &mut pair.a.tx);
            forger.forge(&[&[1, 0x7f, 0xff][..], &[0; 0x3fff]].concat(), &mut pair.a.tx);
        }
        pair.a.session.poll_transmit(pair.now, &mut pair.a.tx);
        let mut wire = pair.a.tx.sealed();
        let mut messages = 0;
        while !wire.is_empty() {
            let spare = rx.spare_mut(1);
            assert!(!spare.is_empty(), "{padding:?}: the buffer is full");
            let n = spare.len().min(wire.len());
            spare[..n].copy_from_slice(&wire[..n]);
            rx.commit(n);
            wire = &wire[n..];
            loop {
                let recv = pair.b.session.recv(pair.now, rx.filled_mut()).unwrap();
                let (consumed, event) = (recv.consumed, recv.event.is_some());
                rx.consume(consumed);
                messages += usize::from(event);
                if !event {
                    break;
                }
            }
        }
        assert_eq!(messages, 1, "{padding:?}");
    }
}

#[test]
fn padding_that_arrives_is_life_but_no_message() {
    let heartbeat = HeartbeatConfig::default()
        .with_interval(Duration::from_secs(10))
        .with_probe_timeout(Duration::from_secs(2))
        .with_idle(Some(Duration::from_secs(60)));
    for padding in [false, true] {
        let (a, b) = configs(NN);
        let mut pair = Pair::established_with(a.with_heartbeat(Some(heartbeat)), b);
        // No PING arrives, so that there is no PONG.
        pair.link = [false, true];
        for _ in 0..70 {
            if padding {
                pair.b.forge(&[1, 3, 0, 0, 0]);
            }
            pair.pass(Duration::from_secs(1));
        }
        match pair.a.error {
            Some(Error::Dead(Dead::Idle { .. })) => assert!(padding),
            Some(Error::Dead(Dead::Silent { .. })) => assert!(!padding),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_flood_of_padding_is_held_to_the_rate_of_bytes() {
    for closing in [false, true] {
        let limit = RateLimit::default().with_bytes(Rate::new(1000, 10_000).unwrap());
        let limit = if closing { limit.closing() } else { limit };
        let (a, b) = configs(NN);
        let mut pair = Pair::established_with(a, b.with_rate_limit(limit));
        for _ in 0..100 {
            pair.a.forge(&[&[1, 0x43, 0xe8][..], &[0; 1000]].concat());
        }
        pair.pump();
        let received = pair.b.session.stats().received;
        assert!((9..=11).contains(&received.records), "{received:?}");
        assert_eq!(received.padding_bytes, 1003 * received.records);
        assert_eq!(pair.b.error, closing.then_some(Error::RateLimited));
        assert_eq!(pair.b.session.stats().throttled, u64::from(!closing));
    }
}

#[test]
fn handshake_messages_have_a_length_of_the_policy_and_carry_the_same() {
    let early = crate::noise::PayloadSecurity::default();
    for padding in [Padding::Block(100), Padding::Padme, Padding::Constant(600)] {
        for name in [XX, IK, NN] {
            for payload in [&b"early"[..], &[7; 4096]] {
                let (a, b) = configs(name);
                let a = a.with_padding(padding).with_handshake_payload(payload, early);
                let mut pair = Pair::new(a, b.with_padding(padding));
                pair.a.session.poll_transmit(pair.now, &mut pair.a.tx);
                let flight = pair.a.tx.sealed();
                let hello = 7 + usize::from(flight[6]);
                let len = usize::from(u16::from_be_bytes([flight[hello], flight[hello + 1]]));
                assert_eq!(flight.len(), hello + 2 + len + 16, "{padding:?} {name}");
                assert_eq!(padding.padded(len, 8192), len, "{padding:?} {name}: {len}");
                pair.pump();
                let delivered = |event: &Seen| matches!(event, crate::session::Event::HandshakePayload { payload: got, .. } if got == payload);
                assert!(pair.b.is_established() && pair.b.seen.iter().any(delivered), "{padding:?} {name}");
            }
        }
    }
}

#[test]
fn the_bytes_after_which_a_key_changes_are_those_with_padding() {
    let (a, b) = configs(NN);
    let policy = RekeyPolicy::default().with_bytes(4096);
    let mut pair = Pair::established_with(a.with_padding(Padding::Constant(512)).with_rekey(policy), b);
    for _ in 0..80 {
        pair.a.send(b"x");
        pair.pump();
    }
    // Eight records of 514 bytes each.
    assert_eq!((pair.b.error, pair.a.session.stats().sent.rekeys), (None, 10));
}
