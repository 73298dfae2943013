//! Messages of every size, coalesced, fragmented and joined (docs/wire.md, sections 2 and 3).

use super::pair::*;
use crate::buf::TxBuf;
use crate::entropy::Jitter;
use crate::session::{Error, MIN_TX_LIMIT, Outgoing, SendError};
use crate::sim::seeds;
use crate::time::Instant;
use alloc::vec;
use alloc::vec::Vec;

/// `len` bytes that differ from place to place and message to message.
fn message(len: usize, salt: u64) -> Vec<u8> {
    let mut bytes = Jitter::new(salt);
    (0..len).map(|_| bytes.next_u64() as u8).collect()
}

/// Sends `message` from `a`, piece by piece as the buffer empties.
fn send_in_pieces(pair: &mut Pair, message: &[u8]) {
    let parts = [message];
    let mut out = Outgoing::new(&parts);
    let mut last = usize::MAX;
    while let Err(error) = pair.a.session.send_some(pair.now, &mut out, &mut pair.a.tx) {
        assert_eq!(error, SendError::Full);
        assert_ne!(out.sent(), last, "no progress");
        last = out.sent();
        pair.pump();
    }
    pair.pump();
}

#[test]
fn every_size_arrives_whole_and_in_order() {
    let edges = [0, 1, 63, 64, 16_383, 16_384, 65_500, 65_513, 65_514, 65_515, 65_516, 65_517, 65_518];
    let large = [65_519, 65_535, 65_536, 131_072, 1 << 20];
    for chunk in [usize::MAX, 1460] {
        let mut pair = Pair::established(NN);
        pair.chunk = chunk;
        let sent: Vec<Vec<u8>> = edges.iter().chain(&large).map(|len| message(*len, *len as u64)).collect();
        for message in &sent {
            send_in_pieces(&mut pair, message);
        }
        assert!(pair.b.messages() == sent, "chunk {chunk}");
        assert!(pair.b.rx.is_empty());
    }
}

#[test]
fn messages_share_a_record_that_is_sealed_once() {
    let mut pair = Pair::established(NN);
    let before = pair.a.session.stats().sent;
    for n in 0..100_u8 {
        pair.a.send(&[n; 10]);
    }
    assert!(pair.a.tx.sealed().is_empty(), "nothing is sealed before it is asked for");
    pair.pump();
    let after = pair.a.session.stats().sent;
    assert_eq!((after.records - before.records, after.messages - before.messages), (1, 100));
    assert_eq!(pair.b.messages().len(), 100);
    assert_eq!(after, pair.b.session.stats().received);
}

#[test]
fn parts_go_out_as_one_message() {
    let mut pair = Pair::established(NN);
    pair.a.session.send_parts(pair.now, &[b"one ", b"", b"message"], &mut pair.a.tx).unwrap();
    pair.a.session.send_parts(pair.now, &[], &mut pair.a.tx).unwrap();
    pair.pump();
    assert_eq!(pair.b.messages(), [&b"one message"[..], b""]);
}

#[test]
fn a_message_of_one_piece_is_the_same_with_a_cursor() {
    let (mut with, mut without) = (Pair::established(NN), Pair::established(NN));
    for len in [0, 1, 63, 64, 1000, 16_384, 60_000] {
        let (message, before) = (message(len, 1), with.a.session.stats().sent.messages);
        let parts = [&message[..]];
        let mut out = Outgoing::new(&parts);
        with.a.session.send_some(with.now, &mut out, &mut with.a.tx).unwrap();
        without.a.session.send(without.now, &message, &mut without.a.tx).unwrap();
        assert_eq!((out.sent(), with.a.session.stats().sent.messages), (len, before + 1));
        assert!(with.a.tx.open_mut() == without.a.tx.open_mut(), "{len} bytes");
        if len > 0 {
            let again = with.a.session.send_some(with.now, &mut out, &mut with.a.tx);
            assert_eq!(again, Err(SendError::Abandoned), "{len} bytes");
        }
        with.pump();
        without.pump();
    }
    assert!(with.b.messages() == without.b.messages());
}

#[test]
fn a_full_buffer_takes_nothing_of_a_message_and_everything_once_emptied() {
    let mut pair = Pair::established(NN);
    pair.a.tx = TxBuf::new(16 * 1024);
    let mut accepted = 0_usize;
    let refused = loop {
        match pair.a.session.send(pair.now, &message(1000, accepted as u64), &mut pair.a.tx) {
            Ok(()) => accepted += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(refused, SendError::Full);
    assert!(accepted > 10 && pair.a.tx.len() <= 16 * 1024);
    pair.pump();
    let expected: Vec<_> = (0..accepted).map(|n| message(1000, n as u64)).collect();
    assert!(pair.b.messages() == expected);
}

#[test]
fn control_frames_find_room_in_a_buffer_that_messages_have_filled() {
    let mut pair = Pair::established(NN);
    pair.a.tx = TxBuf::new(8192);
    while pair.a.session.send(pair.now, &[0; 100], &mut pair.a.tx).is_ok() {}
    pair.a.session.close(pair.now, crate::session::CloseCode::NORMAL, "full", &mut pair.a.tx).unwrap();
    pair.pump();
    assert_eq!(pair.b.closed(), Some((0, "full".into())));
}

#[test]
fn what_can_never_be_sent_is_refused_with_its_reason() {
    let (a, b) = configs(NN);
    let mut pair = Pair::established_with(a.with_max_message(100_000), b);
    let big = message(100_001, 1);
    let too_large = SendError::TooLarge { size: 100_001, max: 100_000 };
    let mut tx = TxBuf::new(32 * 1024);
    let mut tiny = TxBuf::new(MIN_TX_LIMIT - 1);
    let now = pair.now;
    let session = &mut pair.a.session;
    assert_eq!(session.send(now, &big, &mut tx), Err(too_large));
    assert_eq!(session.send_some(now, &mut Outgoing::new(&[&big]), &mut tx), Err(too_large));
    let larger = SendError::LargerThanBuffer { limit: 32 * 1024 };
    assert_eq!(session.send(now, &big[..40_000], &mut tx), Err(larger));
    assert_eq!(session.send(now, b"x", &mut tiny), Err(SendError::BufferTooSmall));
    assert!(tx.is_empty() && tiny.is_empty());
}

#[test]
fn a_message_over_the_receivers_limit_is_fatal_before_anything_is_kept() {
    for len in [1001, 70_000, 5 << 20] {
        let (a, b) = configs(NN);
        let mut pair = Pair::established_with(a, b.with_max_message(1000));
        let big = message(len, 3);
        let _ = pair.a.session.send_some(pair.now, &mut Outgoing::new(&[&big]), &mut pair.a.tx);
        pair.pump();
        assert_eq!(pair.b.error, Some(Error::MessageTooLarge { size: len as u64, max: 1000 }));
        assert_eq!(pair.a.closed().map(|(code, _)| code), Some(3));
        assert_eq!(pair.b.session.stats().rejects.oversized, 1);
    }
}

#[test]
fn a_message_of_exactly_the_limit_passes_in_the_bounded_buffer() {
    let (a, b) = configs(NN);
    let max = 3 << 20;
    let limit = b.rx_limit();
    let mut pair = Pair::established_with(a, b.with_max_message(max));
    let big = message(max, 4);
    send_in_pieces(&mut pair, &big);
    assert!(pair.b.messages() == [big]);
    assert!(pair.b.most <= limit);
}

#[test]
fn a_cursor_cannot_go_on_inside_another_message() {
    let mut pair = Pair::established(NN);
    pair.a.tx = TxBuf::new(64 * 1024);
    let (first, second) = (message(200_000, 5), message(200_000, 6));
    let parts = [[&first[..]], [&second[..]]];
    let [mut first, mut other] = [Outgoing::new(&parts[0]), Outgoing::new(&parts[1])];
    for cursor in [&mut first, &mut other] {
        assert_eq!(pair.a.session.send_some(pair.now, cursor, &mut pair.a.tx), Err(SendError::Full));
        assert!(cursor.sent() > 0);
        pair.pump();
    }
    assert_eq!(pair.a.session.send_some(pair.now, &mut first, &mut pair.a.tx), Err(SendError::Abandoned));
    while pair.a.session.send_some(pair.now, &mut other, &mut pair.a.tx) == Err(SendError::Full) {
        pair.pump();
    }
    pair.pump();
    assert!(pair.b.messages() == [second]);
}

#[test]
fn another_message_abandons_one_that_is_not_complete() {
    let mut pair = Pair::established(NN);
    pair.a.tx = TxBuf::new(64 * 1024);
    let big = message(1 << 20, 5);
    let parts = [&big[..]];
    let mut first = Outgoing::new(&parts);
    let refused = pair.a.session.send_some(pair.now, &mut first, &mut pair.a.tx);
    assert_eq!(refused, Err(SendError::Full));
    assert!(first.sent() > 0);
    pair.pump();
    pair.a.send(b"second");
    let stale = pair.a.session.send_some(pair.now, &mut first, &mut pair.a.tx);
    assert_eq!(stale, Err(SendError::Abandoned));
    pair.pump();
    assert_eq!(pair.b.messages(), [b"second"]);
    assert_eq!(pair.a.session.stats().sent.abandoned, 1);
    assert_eq!(pair.b.session.stats().received.abandoned, 1);
}

#[test]
fn used_up_bytes_between_fragments_cannot_fill_the_buffer() {
    // One byte of message a record, and 1,000 bytes of skippable frames beside it.
    let (a, b) = configs(NN);
    let max = 2000;
    let b = b.with_max_message(max);
    let limit = b.rx_limit();
    let mut pair = Pair::established_with(a, b);
    let filler = [&[3_u8, 0x43, 0xe8][..], &[0; 1000]].concat();
    pair.a.forge(&[&[2, 3, 0x47, 0xd0, 0][..], &filler].concat());
    for n in 1..max {
        pair.a.forge(&[&[4, 1, n as u8][..], &filler].concat());
        if n % 100 == 0 {
            pair.pump();
        }
    }
    pair.pump();
    let expected: Vec<u8> = (0..max).map(|n| n as u8).collect();
    assert_eq!(pair.b.error, None);
    assert!(pair.b.messages() == [expected]);
    assert!(pair.b.most <= limit, "{} of {limit}", pair.b.most);
    assert_eq!(pair.b.session.stats().skipped_frames, max as u64);
}

/// P1: the same events whatever the pieces in which the bytes arrive.
#[test]
fn any_split_of_the_bytes_gives_the_same_events() {
    let mut pair = Pair::established(IK);
    for len in [0, 5, 3000, 70_000] {
        let bytes = message(len, 9);
        pair.a.session.send(pair.now, &bytes, &mut pair.a.tx).unwrap();
        pair.a.session.poll_transmit(pair.now, &mut pair.a.tx);
    }
    pair.a.session.close(pair.now, crate::session::CloseCode::GOING_AWAY, "bye", &mut pair.a.tx).unwrap();
    let wire = pair.a.tx.sealed().to_vec();

    let deliver = |sizes: &mut dyn FnMut() -> usize| {
        let mut b = Pair::established(IK).b;
        let mut rest = &wire[..];
        while !rest.is_empty() {
            let (now, later) = rest.split_at(sizes().clamp(1, rest.len()));
            b.rx.extend_from_slice(now);
            b.read(Instant::ZERO);
            rest = later;
        }
        (b.seen, b.error)
    };
    let whole = deliver(&mut || usize::MAX);
    assert_eq!(whole.0.len(), 6, "established, four messages, closed");
    assert!(deliver(&mut || 1) == whole, "byte by byte");
    for seed in seeds("any_split_of_the_bytes_gives_the_same_events", 0..50) {
        let mut jitter = Jitter::new(seed);
        let most = [3, 40, 5000, 60_000][seed as usize % 4];
        let split = deliver(&mut || jitter.next_u64() as usize % most);
        assert!(split == whole, "seed {seed}");
    }
}

/// P8: what a `poll_transmit` that is left out or finds no room would have sent comes with a later one.
#[test]
fn left_out_calls_of_poll_transmit_lose_nothing() {
    for seed in seeds("left_out_calls_of_poll_transmit_lose_nothing", 0..50) {
        let mut jitter = Jitter::new(seed);
        let mut pair = Pair::established(NN);
        let mut sent = vec![];
        for n in 0..200_u64 {
            let message = message(jitter.next_u64() as usize % 2000, n);
            if pair.a.session.send(pair.now, &message, &mut pair.a.tx).is_ok() {
                sent.push(message);
            }
            if jitter.next_u64() % 7 == 0 {
                pair.a.session.poll_transmit(pair.now, &mut pair.a.tx);
            }
            if jitter.next_u64() % 31 == 0 {
                pair.pump();
            }
        }
        pair.pump();
        assert!(pair.b.messages() == sent, "seed {seed}");
    }
}
