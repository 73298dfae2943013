//! Streams: order, timing and scripted faults.

use crate::entropy::Jitter;
use crate::sim::{Fault, Link};
use crate::time::Instant;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

const MS: Duration = Duration::from_millis(1);

fn at(millis: u64) -> Instant {
    Instant::from_nanos(millis * 1_000_000)
}

/// Reads until the end or until nothing more will come; each read with its instant.
fn drain(link: &mut Link) -> Vec<(Instant, Vec<u8>)> {
    let mut now = Instant::ZERO;
    let mut reads = vec![];
    loop {
        let mut buf = [0; 4096];
        match link.read(now, &mut buf) {
            0 => match link.poll_timeout(now) {
                Some(next) => {
                    assert!(next > now);
                    now = next;
                }
                None => return reads,
            },
            n => reads.push((now, buf[..n].to_vec())),
        }
    }
}

fn bytes(reads: &[(Instant, Vec<u8>)]) -> Vec<u8> {
    reads.iter().flat_map(|(_, bytes)| bytes.clone()).collect()
}

#[test]
fn latency_rate_and_stalls_add_up_to_the_nanosecond() {
    let slow = || Link::new(1).with_latency(20 * MS).with_rate(1_000_000);
    // 10,000 bytes at 1 MB/s take 10 ms, the first 1,460 of them 1.46 ms.
    let cases = [
        (Link::new(1).with_latency(20 * MS), 20_000_000, 20_000_000),
        (slow(), 21_460_000, 30_000_000),
        (slow().with_stall(at(25), at(100)), 21_460_000, 100_000_000),
        (slow().with_stall(at(25), at(27)), 21_460_000, 30_000_000),
    ];
    for (mut link, first, last) in cases {
        assert_eq!(link.write(Instant::ZERO, &[7; 10_000]), 10_000);
        let reads = drain(&mut link);
        assert_eq!(bytes(&reads), [7; 10_000]);
        assert_eq!(reads.first().unwrap().0.as_nanos(), first, "{link:?}");
        assert_eq!(reads.last().unwrap().0.as_nanos(), last, "{link:?}");
    }
}

#[test]
fn jitter_and_chunks_keep_the_order_of_bytes() {
    for seed in 0..50 {
        let mut link = Link::new(seed).with_jitter(50 * MS).with_chunks(1 + seed as usize * 40);
        let sent: Vec<u8> = (0..20_000_u32).map(|n| (n / 7) as u8).collect();
        for (n, piece) in sent.chunks(3000).enumerate() {
            assert_eq!(link.write(at(n as u64), piece), piece.len());
        }
        let reads = drain(&mut link);
        assert!(reads.iter().all(|(_, bytes)| bytes.len() <= 1 + seed as usize * 40));
        assert!(reads.windows(2).any(|pair| pair[0].0 < pair[1].0), "seed {seed}: no jitter");
        assert_eq!(bytes(&reads), sent, "seed {seed}");
    }
}

#[test]
fn a_full_link_takes_no_more_until_it_is_read() {
    let mut link = Link::new(1).with_capacity(100);
    assert_eq!(link.write(at(0), &[1; 150]), 100);
    assert_eq!(link.write(at(0), &[1; 50]), 0);
    assert_eq!(link.read(at(0), &mut [0; 30]), 30);
    assert_eq!((link.write(at(0), &[1; 50]), link.written()), (30, 130));
}

#[test]
fn the_end_comes_behind_everything_written_and_a_reset_before() {
    let mut link = Link::new(1).with_latency(5 * MS);
    link.write(at(0), b"bytes");
    link.close(at(1));
    assert!(!link.is_eof(at(6)), "bytes are left");
    assert_eq!(drain(&mut link).len(), 1);
    assert!(link.is_eof(at(6)) && !link.is_eof(at(5)));
    let mut link = Link::new(1).with_latency(5 * MS);
    link.write(at(0), b"bytes");
    link.reset();
    assert!(link.is_eof(at(0)) && drain(&mut link).is_empty());
    assert_eq!(link.write(at(0), b"into the void"), 13);
}

#[test]
fn what_is_written_behind_the_end_disappears() {
    let mut link = Link::new(1).with_capacity(8);
    link.write(at(0), b"bytes");
    link.close(at(0));
    assert_eq!(link.write(at(1), b"more of them"), 12, "nobody waits for room");
    assert_eq!(bytes(&drain(&mut link)), b"bytes");
    assert!(link.is_eof(at(1)));
}

#[test]
fn a_link_that_is_cut_delivers_nothing_and_tells_nobody() {
    let mut link = Link::new(1).with_latency(5 * MS);
    link.write(at(0), b"bytes");
    link.stall(at(3), Instant::MAX);
    link.close(at(4));
    assert_eq!((drain(&mut link).len(), link.is_eof(at(1 << 40))), (0, false));
}

#[test]
fn scripted_faults_change_exactly_what_they_say() {
    let cases = [
        (vec![(2, Fault::Flip(0x20))], "abCdefgh"),
        (vec![(5, Fault::Truncate)], "abcde"),
        (vec![(2, Fault::Remove(3))], "abfgh"),
        (vec![(4, Fault::Splice(b"XY".to_vec()))], "abcdXYefgh"),
        (vec![(4, Fault::Replay { from: 1, to: 3 })], "abcdbcefgh"),
        (vec![(4, Fault::Replay { from: 2, to: 99 })], "abcdcdefgh"),
        (vec![(6, Fault::Flip(0x20)), (0, Fault::Remove(1)), (3, Fault::Truncate)], "bc"),
        (vec![(3, Fault::Flip(0x20)), (3, Fault::Splice(b"-".to_vec()))], "abcD-efgh"),
        (vec![(99, Fault::Truncate)], "abcdefgh"),
    ];
    for (faults, expected) in cases {
        // However the writer cuts it.
        for size in 1..=8 {
            let mut link = Link::new(1);
            for (offset, fault) in &faults {
                link.strike(*offset, fault.clone());
            }
            for piece in b"abcdefgh".chunks(size) {
                assert_eq!(link.write(at(0), piece), piece.len());
            }
            let got = bytes(&drain(&mut link));
            assert_eq!(core::str::from_utf8(&got), Ok(expected), "{faults:?} in pieces of {size}");
            let ends = faults.iter().any(|(at, fault)| *fault == Fault::Truncate && *at < 8);
            assert_eq!(link.is_eof(at(0)), ends, "{faults:?}");
        }
    }
}

#[test]
fn the_history_is_what_was_written_whatever_arrived() {
    let mut link = Link::new(1).with_history().with_fault(1, Fault::Flip(1)).with_fault(2, Fault::Truncate);
    link.write(at(0), b"ab");
    link.write(at(0), b"cd");
    assert_eq!(bytes(&drain(&mut link)), b"ac");
    assert_eq!(link.history(), b"abcd");
    // A replay that is scripted late finds the bytes.
    let mut link = Link::new(1).with_history();
    link.write(at(0), b"abcd");
    link.strike(4, Fault::Replay { from: 1, to: 3 });
    link.write(at(0), b"e");
    assert_eq!(bytes(&drain(&mut link)), b"abcdbce");
    assert_eq!(Link::new(1).history(), b"");
}

#[test]
fn a_link_repeats_itself_bit_for_bit() {
    let run = |seed| {
        let mut link = Link::new(seed).with_jitter(30 * MS).with_rate(50_000).with_chunks(100);
        let mut random = Jitter::new(9);
        for n in 0..50 {
            let piece: Vec<u8> = (0..random.next_u64() % 2000).map(|n| n as u8).collect();
            link.write(at(n), &piece);
        }
        (drain(&mut link), link.digest())
    };
    assert_eq!(run(5), run(5));
    assert_ne!(run(5).0, run(6).0);
    assert_eq!(run(5).1, run(6).1, "the digest is of what was written");
}
