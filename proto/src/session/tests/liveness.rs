//! Heartbeats on a session: who is alive, who is not, and who only waits.

use super::pair::*;
use crate::heartbeat::{Dead, HeartbeatConfig};
use crate::limit::Rate;
use crate::session::{Error, RateLimit};
use core::time::Duration;

fn heartbeat() -> HeartbeatConfig {
    HeartbeatConfig::default()
        .with_interval(Duration::from_secs(10))
        .with_probe_timeout(Duration::from_secs(2))
        .with_misses(2)
}

fn beating(config: HeartbeatConfig) -> Pair {
    let (a, b) = configs(NN);
    Pair::established_with(a.with_heartbeat(Some(config)), b.with_heartbeat(Some(config)))
}

#[test]
fn two_idle_ends_keep_each_other_alive_and_measure_the_round_trip() {
    let mut pair = beating(heartbeat());
    pair.pass(Duration::from_secs(3600));
    assert_eq!((pair.a.error, pair.b.error), (None, None));
    let stats = pair.a.session.stats();
    assert!((355..=405).contains(&stats.pings), "{}", stats.pings);
    assert_eq!(stats.pongs, stats.pings);
    assert!(stats.rtt.is_some());
}

#[test]
fn a_half_open_peer_is_found_in_the_time_configured() {
    let mut pair = beating(heartbeat());
    pair.pass(Duration::from_secs(100));
    pair.link = [false; 2];
    pair.pass(Duration::from_secs(17));
    // At most an interval, then the probe and two more misses of two seconds each.
    assert!(matches!(pair.a.error, Some(Error::Dead(Dead::Silent { .. }))), "{:?}", pair.a.error);
    assert!(matches!(pair.b.error, Some(Error::Dead(Dead::Silent { .. }))), "{:?}", pair.b.error);
}

#[test]
fn a_peer_that_goes_silent_is_not_given_up_too_early() {
    let mut pair = beating(heartbeat());
    pair.link = [false; 2];
    pair.pass(Duration::from_secs(14));
    assert_eq!(pair.a.error, None);
}

#[test]
fn any_traffic_counts_as_life() {
    // The peer's messages arrive, but our pings never do, so there is no pong.
    let (a, b) = configs(NN);
    let mut pair = Pair::established_with(a.with_heartbeat(Some(heartbeat())), b);
    pair.link = [false, true];
    for _ in 0..100 {
        pair.b.send(b"alive");
        pair.pass(Duration::from_secs(1));
    }
    assert_eq!(pair.a.error, None);
    assert_eq!(pair.a.session.stats().pongs, 0);
}

#[test]
fn an_idle_session_ends_at_its_limit_and_says_so() {
    let limit = Duration::from_secs(60);
    let (a, b) = configs(NN);
    let a = a.with_heartbeat(Some(heartbeat().with_idle(Some(limit))));
    let mut pair = Pair::established_with(a, b.with_heartbeat(Some(heartbeat())));
    pair.pass(Duration::from_secs(50));
    pair.a.send(b"sent messages count");
    pair.pass(Duration::from_secs(50));
    pair.b.send(b"and received ones");
    pair.pass(Duration::from_secs(59));
    assert_eq!(pair.a.error, None);
    pair.pass(Duration::from_secs(2));
    assert_eq!(pair.a.error, Some(Error::Dead(Dead::Idle { limit })));
    assert_eq!(pair.b.closed().map(|(code, _)| code), Some(6));
}

#[test]
fn two_peers_that_both_send_without_reading_get_backpressure_not_death() {
    let mut pair = beating(heartbeat());
    pair.a.send(b"so that there is something to read");
    pair.b.send(b"so that there is something to read");
    // Each takes one event and then no more, as an owner does that is busy sending.
    for end in [&mut pair.a, &mut pair.b] {
        end.session.poll_transmit(pair.now, &mut end.tx);
    }
    let (from_a, from_b) = (pair.a.tx.sealed().to_vec(), pair.b.tx.sealed().to_vec());
    for (end, bytes) in [(&mut pair.a, from_b), (&mut pair.b, from_a)] {
        end.tx.consume(usize::MAX);
        end.rx = bytes;
        let consumed = end.session.recv(pair.now, &mut end.rx).unwrap().consumed;
        end.rx.drain(..consumed);
        end.reads = false;
    }
    let mut sent = 0;
    for _ in 0..600 {
        for end in [&mut pair.a, &mut pair.b] {
            while end.session.send(pair.now, &[9; 1000], &mut end.tx).is_ok() {
                sent += 1;
            }
            assert!(end.tx.len() <= end.tx.limit());
        }
        pair.pass(Duration::from_secs(1));
    }
    assert_eq!((pair.a.error, pair.b.error), (None, None), "silence that the owners cause is not death");
    pair.a.reads = true;
    pair.b.reads = true;
    pair.pass(Duration::from_secs(60));
    assert_eq!((pair.a.error, pair.b.error), (None, None));
    assert_eq!(pair.a.messages().len() + pair.b.messages().len(), sent, "nothing is lost");
}

#[test]
fn a_machine_that_throttles_its_peer_does_not_take_the_silence_for_death() {
    let (a, b) = configs(NN);
    let limit = RateLimit::default().with_messages(Rate::new(1, 1).unwrap());
    let mut pair = Pair::established_with(
        a.with_heartbeat(Some(heartbeat())),
        b.with_heartbeat(Some(heartbeat())).with_rate_limit(limit),
    );
    for n in 0..200_u8 {
        pair.a.send(&[n]);
    }
    pair.pass(Duration::from_secs(100));
    assert_eq!((pair.a.error, pair.b.error), (None, None));
    let half = pair.b.messages().len();
    assert!((99..=102).contains(&half), "{half}");
    pair.pass(Duration::from_secs(200));
    assert_eq!(pair.b.messages().len(), 200);
    assert_eq!((pair.a.error, pair.b.error), (None, None));
}
