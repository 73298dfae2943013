//! What a peer, or somebody on the path, can do wrong.

use super::pair::*;
use crate::entropy::Jitter;
use crate::session::{Error, FrameFault};
use crate::sim::seeds;
use crate::time::Instant;
use alloc::vec::Vec;

#[test]
fn frames_that_break_a_rule_are_fatal_with_that_rule() {
    use FrameFault as F;
    let frame = |fault| Error::Frame(fault);
    let cases: [(&[u8], Error); 26] = [
        // An empty record has the length of a notice.
        (&[], frame(F::Notice)),
        (&[0], frame(F::Head)),
        (&[0, 5, 1], frame(F::Head)),
        (&[0x40, 0, 0], frame(F::Head)),
        (&[0, 0x40, 0], frame(F::Head)),
        (&[20, 0], Error::UnknownFrame(20)),
        (&[0x40, 0x40, 0], Error::UnknownFrame(64)),
        (&[2, 2, 5, 1, 0, 0], frame(F::OutOfPlace)),
        (&[2, 2, 5, 1, 2, 2, 5, 1], frame(F::OutOfPlace)),
        (&[4, 1, 0], frame(F::OutOfPlace)),
        (&[6, 0], frame(F::OutOfPlace)),
        (&[6, 1, 0], frame(F::BodyLength)),
        (&[2, 0], frame(F::Total)),
        (&[2, 1, 5], frame(F::Total)),
        (&[2, 2, 1, 9], frame(F::Total)),
        (&[2, 2, 5, 1, 4, 0], frame(F::Total)),
        (&[2, 2, 5, 1, 4, 5, 1, 2, 3, 4, 5], frame(F::Total)),
        (&[8, 7, 1, 2, 3, 4, 5, 6, 7], frame(F::BodyLength)),
        (&[10, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9], frame(F::BodyLength)),
        (&[12, 0, 0, 0], frame(F::NotLast)),
        (&[12, 1, 0], frame(F::BodyLength)),
        (&[14, 1, 0], frame(F::BodyLength)),
        (&[2, 2, 5, 1, 14, 0], frame(F::OutOfPlace)),
        (&[16, 1, 0, 0, 0], frame(F::NotLast)),
        (&[16, 2, 0, 0xff], frame(F::Close)),
        (&[16, 8, 0xc0, 0, 0, 0, 0x40, 0, 0, 0], frame(F::Close)),
    ];
    for (plain, error) in cases {
        let mut pair = Pair::established(NN);
        pair.a.forge(plain);
        pair.pump();
        assert_eq!(pair.b.error, Some(error), "{plain:?}");
        assert_eq!(pair.a.closed().map(|(code, _)| code), Some(2), "{plain:?}");
        assert!(pair.b.session.is_finished());
    }
}

#[test]
fn frames_after_drain_are_refused_and_a_second_drain_is_not_news() {
    for (plain, error) in [
        (&[0_u8, 0][..], Some(Error::Frame(FrameFault::AfterDrain))),
        (&[2, 2, 5, 1], Some(Error::Frame(FrameFault::AfterDrain))),
        (&[14, 0], None),
    ] {
        let mut pair = Pair::established(NN);
        pair.a.forge(&[14, 0]);
        pair.a.forge(plain);
        pair.pump();
        assert_eq!(pair.b.error, error, "{plain:?}");
        let drains = pair.b.seen.iter().filter(|e| **e == crate::session::Event::Draining).count();
        assert_eq!(drains, 1);
    }
}

#[test]
fn unknown_frames_that_may_be_skipped_are_skipped_and_counted() {
    let mut pair = Pair::established(NN);
    pair.a.forge(&[3, 2, 9, 9, 0, 1, b'm', 0x40, 0x41, 1, 9]);
    pair.pump();
    assert_eq!(pair.b.messages(), [b"m"]);
    assert_eq!(pair.b.session.stats().skipped_frames, 2);
}

#[test]
fn a_reason_is_bounded_and_a_longer_one_is_malformed() {
    let mut pair = Pair::established(NN);
    pair.a.forge(&[&[16, 0x41, 0x02, 0x41, 0x00][..], &[b'r'; 256]].concat());
    pair.pump();
    assert_eq!(pair.b.closed().map(|(code, reason)| (code, reason.len())), Some((256, 256)));
    let mut pair = Pair::established(NN);
    pair.a.forge(&[&[16, 0x41, 0x03, 0x41, 0x00][..], &[b'r'; 257]].concat());
    pair.pump();
    assert_eq!(pair.b.error, Some(Error::Frame(FrameFault::Close)));
}

/// P7: a flipped bit anywhere gives an error or is noticed as missing bytes, never a wrong event.
#[test]
fn a_flipped_bit_never_gives_a_wrong_event() {
    let wire = {
        let mut pair = Pair::established(NN);
        pair.a.send(b"first message");
        pair.a.session.poll_transmit(pair.now, &mut pair.a.tx);
        pair.a.send(b"second");
        pair.a.session.poll_transmit(pair.now, &mut pair.a.tx);
        pair.a.tx.sealed().to_vec()
    };
    let expected = [&b"first message"[..], b"second"];
    for bit in 0..wire.len() * 8 {
        let mut b = Pair::established(NN).b;
        b.rx = wire.clone();
        b.rx[bit / 8] ^= 1 << (bit % 8);
        b.read(Instant::ZERO);
        if b.error.is_none() {
            b.error = b.session.recv_eof(Instant::ZERO).err();
        }
        assert!(b.error.is_some(), "bit {bit} went unnoticed");
        assert!(expected.starts_with(&b.messages()[..]), "bit {bit}: {:?}", b.messages());
        assert!(b.messages().len() < 2, "bit {bit}");
    }
}

#[test]
fn a_flipped_bit_in_the_opening_never_establishes_a_session_that_works() {
    let (a, b) = configs(XX);
    let mut clean = Pair::new(a, b);
    clean.a.session.poll_transmit(clean.now, &mut clean.a.tx);
    let first = clean.a.tx.sealed().to_vec();
    for bit in 0..first.len() * 8 {
        let (a, b) = configs(XX);
        let mut pair = Pair::new(a, b);
        pair.a.session.poll_transmit(pair.now, &mut pair.a.tx);
        pair.a.tx.consume(first.len());
        pair.b.rx = first.clone();
        pair.b.rx[bit / 8] ^= 1 << (bit % 8);
        pair.pump();
        assert!(!pair.a.is_established() && !pair.b.is_established(), "bit {bit}");
    }
}

#[test]
fn replayed_reordered_and_cut_records_are_noticed() {
    let records = || {
        let mut pair = Pair::established(NN);
        let mut records = Vec::new();
        for message in [&b"one"[..], b"two", b"three"] {
            pair.a.send(message);
            pair.a.session.poll_transmit(pair.now, &mut pair.a.tx);
            records.push(pair.a.tx.sealed().to_vec());
            pair.a.tx.consume(usize::MAX);
        }
        records
    };
    for order in [&[0_usize, 0][..], &[1], &[0, 2], &[0, 1, 0], &[2, 1, 0]] {
        let records = records();
        let mut b = Pair::established(NN).b;
        b.rx = order.iter().flat_map(|n| records[*n].clone()).collect();
        b.read(Instant::ZERO);
        assert_eq!(b.error, Some(Error::BadRecord), "{order:?}");
        assert_eq!(b.session.stats().rejects.records, 1);
    }
}

/// P4: no panic, no growth, an end.
#[test]
fn arbitrary_bytes_before_and_after_the_handshake_end_in_an_error_or_a_wait() {
    for seed in seeds("arbitrary_bytes_before_and_after_the_handshake_end_in_an_error_or_a_wait", 0..2000) {
        let mut jitter = Jitter::new(seed);
        let mut b =
            if seed % 2 == 0 { Pair::new(configs(XX).0, configs(XX).1).b } else { Pair::established(NN).b };
        let len = jitter.next_u64() as usize % 600;
        b.rx = (0..len).map(|_| jitter.next_u64() as u8).collect();
        if seed % 4 == 0 {
            b.rx.splice(..0, *b"SLCK\x01\x01\x21Noise_XX_25519_ChaChaPoly_BLAKE2s\x01\x00\x20");
        }
        b.read(Instant::ZERO);
        b.session.poll_transmit(Instant::ZERO, &mut b.tx);
        assert!(b.messages().is_empty(), "seed {seed}");
    }
}

/// P4 with the keys known: arbitrary plaintext in authentic records.
#[test]
fn arbitrary_frames_never_panic() {
    for seed in seeds("arbitrary_frames_never_panic", 0..2000) {
        let mut jitter = Jitter::new(seed);
        let mut pair = Pair::established(NN);
        for _ in 0..8 {
            let len = 1 + jitter.next_u64() as usize % 40;
            let plain: Vec<u8> = (0..len)
                .map(|_| match jitter.next_u64() {
                    n if n % 3 == 0 => (n >> 8) as u8,
                    n => ((n >> 8) % 20) as u8,
                })
                .collect();
            pair.a.forge(&plain);
        }
        pair.pump();
        assert!(pair.b.rx.len() < 1000, "seed {seed}: bytes pile up");
    }
}

#[test]
fn a_caller_that_drops_unconsumed_bytes_is_told_so() {
    let mut pair = Pair::established(NN);
    pair.a.send(b"one");
    pair.a.send(b"two");
    pair.a.session.poll_transmit(pair.now, &mut pair.a.tx);
    let mut wire = pair.a.tx.sealed().to_vec();
    let consumed = pair.b.session.recv(pair.now, &mut wire).unwrap().consumed;
    assert!(consumed < wire.len());
    assert_eq!(pair.b.session.recv(pair.now, &mut []).unwrap_err(), Error::BufferChanged);
}

#[test]
fn a_first_record_that_is_too_short_is_answered_with_a_close() {
    for length in [0, 1] {
        let mut pair = Pair::established(NN);
        pair.b.rx = alloc::vec![0, length];
        pair.b.read(pair.now);
        assert_eq!(pair.b.error, Some(Error::Frame(FrameFault::EmptyRecord)), "length {length}");
        pair.pump();
        assert_eq!(pair.a.closed().map(|(code, _)| code), Some(2), "length {length}");
    }
}

#[test]
fn a_stream_that_ends_early_is_truncated() {
    let mut before = Pair::new(configs(NN).0, configs(NN).1);
    assert_eq!(before.b.session.recv_eof(before.now), Err(Error::Truncated));
    let mut open = Pair::established(NN);
    assert_eq!(open.b.session.recv_eof(open.now), Err(Error::Truncated));
    assert!(open.b.session.is_finished());
}
