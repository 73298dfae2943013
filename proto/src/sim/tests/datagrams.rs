//! Datagrams: what is lost, doubled and overtaken, and how often.

use crate::sim::{BurstLoss, DatagramLink, Fate};
use crate::time::Instant;
use alloc::vec::Vec;
use core::time::Duration;

const MS: Duration = Duration::from_millis(1);
const COUNT: u32 = 20_000;

/// Pushes numbered datagrams a millisecond apart; what arrives, in order.
fn run(link: &mut DatagramLink) -> Vec<u32> {
    let mut now = Instant::ZERO;
    for n in 0..COUNT {
        link.push(now, &n.to_be_bytes());
        now += MS;
    }
    let mut arrived = Vec::new();
    while let Some(at) = link.poll_timeout() {
        assert_eq!(link.pop(Instant::from_nanos(at.as_nanos() - 1)), None, "not before its time");
        let datagram = link.pop(at).unwrap();
        arrived.push(u32::from_be_bytes(datagram.try_into().unwrap()));
    }
    arrived
}

fn link() -> DatagramLink {
    DatagramLink::new(1).with_latency(10 * MS)
}

#[test]
fn a_perfect_link_delivers_everything_once_and_in_order() {
    assert!(run(&mut link()).into_iter().eq(0..COUNT));
}

#[test]
fn probabilities_are_kept_on_average() {
    let burst = BurstLoss { enter: 0.01, leave: 0.09, good: 0.0, bad: 1.0 };
    let cases = [
        ("loss", link().with_loss(0.2), 0.8),
        ("all", link().with_loss(1.0), 0.0),
        ("bursts", link().with_burst_loss(burst), 0.9),
        ("twice", link().with_duplication(0.3), 1.3),
        ("always twice", link().with_duplication(1.0), 2.0),
    ];
    for (what, mut link, expected) in cases {
        let share = run(&mut link).len() as f64 / f64::from(COUNT);
        assert!((share - expected).abs() < 0.02, "{what}: {share}");
    }
}

#[test]
fn bursts_are_longer_than_chance() {
    let burst = BurstLoss { enter: 0.01, leave: 0.09, good: 0.0, bad: 1.0 };
    let runs = |link: &mut DatagramLink| {
        let arrived = run(link);
        let gaps: Vec<u32> = arrived.windows(2).map(|w| w[1] - w[0] - 1).filter(|gap| *gap > 0).collect();
        gaps.iter().sum::<u32>() as f64 / gaps.len() as f64
    };
    let (single, burst) = (runs(&mut link().with_loss(0.1)), runs(&mut link().with_burst_loss(burst)));
    assert!(single < 1.3 && burst > 9.0, "mean lengths {single} and {burst}");
}

#[test]
fn jitter_and_reordering_let_datagrams_overtake() {
    for mut link in [link().with_jitter(5 * MS), link().with_reordering(0.1, 3 * MS)] {
        let mut arrived = run(&mut link);
        assert!(!arrived.is_sorted());
        arrived.sort_unstable();
        assert!(arrived.into_iter().eq(0..COUNT), "nothing is lost by it");
    }
}

#[test]
fn fates_are_told_and_the_mtu_is_kept() {
    let now = Instant::ZERO;
    let mut small = link().with_mtu(100);
    assert_eq!((small.push(now, &[0; 101]), small.push(now, &[0; 100])), (Fate::TooLarge, Fate::Sent));
    assert_eq!(link().with_loss(1.0).push(now, b"x"), Fate::Lost);
    assert_eq!(link().with_duplication(1.0).push(now, b"x"), Fate::Duplicated);
}

#[test]
fn a_link_repeats_itself() {
    let make = |seed| {
        DatagramLink::new(seed)
            .with_loss(0.1)
            .with_duplication(0.1)
            .with_jitter(9 * MS)
            .with_reordering(0.1, MS)
    };
    let make = |seed| make(seed).with_latency(MS);
    assert_eq!(run(&mut make(7)), run(&mut make(7)));
    assert_ne!(run(&mut make(7)), run(&mut make(8)));
}
