use super::*;
use alloc::vec::Vec;

const S: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);

fn at(millis: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(millis)
}

/// Starts at zero with a ping owed: its period is over.
fn probing(config: HeartbeatConfig) -> (Heartbeat, Instant) {
    let mut heartbeat = Heartbeat::new(config, Jitter::new(1), Instant::ZERO);
    let due = heartbeat.poll_timeout().unwrap();
    assert_eq!(heartbeat.handle_timeout(due), Ok(()));
    assert!(heartbeat.ping_owed());
    (heartbeat, due)
}

/// Handles every deadline up to `until`; the instants at which a ping was owed, and how it ended.
fn run(heartbeat: &mut Heartbeat, until: Instant) -> (Vec<Instant>, Result<(), Dead>) {
    let mut pings = Vec::new();
    while let Some(due) = heartbeat.poll_timeout().filter(|due| *due <= until) {
        let result = heartbeat.handle_timeout(due);
        if heartbeat.take_ping(due).is_some() {
            pings.push(due);
        }
        if result.is_err() {
            return (pings, result);
        }
    }
    (pings, Ok(()))
}

#[test]
fn the_field_out_of_range_is_named() {
    let ok = HeartbeatConfig::default();
    let short = HeartbeatConfig::MIN - Duration::from_nanos(1);
    for (config, want) in [
        (ok, Ok(())),
        (ok.with_interval(short), Err(HeartbeatError::Interval)),
        (ok.with_probe_timeout(short), Err(HeartbeatError::ProbeTimeout)),
        (ok.with_idle(Some(short)), Err(HeartbeatError::Idle)),
    ] {
        assert_eq!(config.validate(), want, "{config:?}");
    }
}

#[test]
fn it_stays_small() {
    assert!(size_of::<Heartbeat>() <= 200, "{} bytes", size_of::<Heartbeat>());
}

#[test]
fn by_default_a_dead_peer_is_noticed_within_30_seconds_and_3_pings() {
    let mut heartbeat = Heartbeat::new(HeartbeatConfig::default(), Jitter::new(1), Instant::ZERO);
    let (pings, result) = run(&mut heartbeat, at(30_000));
    let [first, second, third] = pings[..] else { panic!("{pings:?}") };
    assert!(at(13_500) <= first && first <= at(15_000));
    assert_eq!((second, third), (first + 5 * S, first + 10 * S));
    let silence = (first + 15 * S).saturating_since(Instant::ZERO);
    assert_eq!(result, Err(Dead::Silent { silence, probes: 3 }));
}

#[test]
fn each_period_is_between_nine_tenths_and_the_whole_interval() {
    let mut heartbeat = Heartbeat::new(HeartbeatConfig::default(), Jitter::new(7), Instant::ZERO);
    let (mut last, mut periods) = (Instant::ZERO, Vec::new());
    for _ in 0..200 {
        let due = heartbeat.poll_timeout().unwrap();
        assert_eq!(heartbeat.handle_timeout(due), Ok(()));
        heartbeat.on_received(due);
        periods.push(due.saturating_since(last));
        last = due;
    }
    let (low, high) = (*periods.iter().min().unwrap(), *periods.iter().max().unwrap());
    assert!(13_500 * MS <= low && low < 13_600 * MS, "{low:?}");
    assert!(14_900 * MS < high && high <= 15_000 * MS, "{high:?}");
}

#[test]
fn traffic_does_not_put_off_a_ping() {
    let mut heartbeat = Heartbeat::new(HeartbeatConfig::default(), Jitter::new(1), Instant::ZERO);
    for now in (0..=15_000).step_by(10) {
        heartbeat.on_received(at(now));
        heartbeat.on_message(at(now));
        assert_eq!(heartbeat.handle_timeout(at(now)), Ok(()));
    }
    assert!(heartbeat.ping_owed());
}

#[test]
fn while_not_listening_pings_come_often_enough_for_a_peer_that_hears_no_answer() {
    let mut heartbeat = Heartbeat::new(HeartbeatConfig::default(), Jitter::new(1), Instant::ZERO);
    heartbeat.set_listening(at(0), false);
    let (pings, result) = run(&mut heartbeat, at(60_000));
    let every_half_probe_timeout: Vec<_> = (1..=24).map(|n| at(2_500 * n)).collect();
    assert_eq!((pings, result), (every_half_probe_timeout, Ok(())));
    heartbeat.set_listening(at(60_000), true);
    heartbeat.on_received(at(60_000));
    let (pings, _) = run(&mut heartbeat, at(75_000));
    assert!(pings[0] >= at(72_500), "the ordinary period again");
}

#[test]
fn an_owed_ping_is_taken_once() {
    let (mut heartbeat, due) = probing(HeartbeatConfig::default());
    assert!(heartbeat.take_ping(due).is_some());
    assert!(!heartbeat.ping_owed());
    assert_eq!(heartbeat.take_ping(due), None);
}

#[test]
fn misses_are_those_allowed() {
    for misses in [0, 1, 4] {
        let mut heartbeat = probing(HeartbeatConfig::default().with_misses(misses)).0;
        let result = run(&mut heartbeat, at(100_000)).1;
        assert!(matches!(result, Err(Dead::Silent { probes, .. }) if probes == misses + 1), "{result:?}");
    }
}

#[test]
fn anything_received_answers_a_probe_and_resets_the_misses() {
    let config = HeartbeatConfig::default().with_misses(1);
    let (mut heartbeat, due) = probing(config);
    let missed = due + 5 * S;
    assert_eq!(heartbeat.handle_timeout(missed), Ok(()));
    heartbeat.on_received(missed + 4 * S);
    assert!(heartbeat.poll_timeout().unwrap() > missed + 8 * S);
    let (pings, result) = run(&mut heartbeat, at(120_000));
    assert_eq!(pings.len(), 2, "the one that was still owed, and the one after its miss");
    assert!(matches!(result, Err(Dead::Silent { probes: 2, .. })), "{result:?}");
}

#[test]
fn a_ping_there_was_no_room_for_counts_as_a_probe() {
    let (mut heartbeat, due) = probing(HeartbeatConfig::default().with_misses(0));
    assert_eq!(heartbeat.poll_timeout(), Some(due + 5 * S));
    let silence = (due + 5 * S).saturating_since(Instant::ZERO);
    assert_eq!(heartbeat.handle_timeout(due + 5 * S), Err(Dead::Silent { silence, probes: 1 }));
}

#[test]
fn silence_while_not_listening_is_no_miss_and_a_probe_starts_anew_afterwards() {
    let config = HeartbeatConfig::default().with_interval(1_000 * S).with_misses(0);
    let (mut heartbeat, due) = probing(config);
    let start = due.saturating_since(Instant::ZERO);
    heartbeat.set_listening(due + 4 * S, false);
    heartbeat.set_listening(due + 100 * S, false);
    assert_eq!(heartbeat.handle_timeout(due + 100 * S), Ok(()));
    heartbeat.set_listening(due + 200 * S, true);
    heartbeat.set_listening(due + 203 * S, true);
    assert_eq!(heartbeat.poll_timeout(), Some(due + 205 * S));
    let silence = start + 9 * S;
    assert_eq!(heartbeat.handle_timeout(due + 205 * S), Err(Dead::Silent { silence, probes: 1 }));
}

#[test]
fn idle_counts_from_the_last_message_and_other_traffic_does_not_stop_it() {
    let config = HeartbeatConfig::default().with_idle(Some(8 * S));
    let mut heartbeat = Heartbeat::new(config, Jitter::new(1), Instant::ZERO);
    assert_eq!(heartbeat.poll_timeout(), Some(at(8_000)));
    heartbeat.on_message(at(3_000));
    heartbeat.on_received(at(10_000));
    assert_eq!(heartbeat.handle_timeout(at(10_999)), Ok(()));
    assert_eq!(heartbeat.handle_timeout(at(11_000)), Err(Dead::Idle { limit: 8 * S }));
}

#[test]
fn a_clock_that_steps_back_changes_nothing() {
    for idle in [None, Some(8 * S)] {
        let config = HeartbeatConfig::default().with_misses(0).with_idle(idle);
        let steady = Heartbeat::new(config, Jitter::new(1), at(1_000));
        let mut stepped = steady.clone();
        stepped.on_message(at(500));
        stepped.on_received(at(500));
        assert_eq!(stepped.poll_timeout(), steady.poll_timeout());
        let [want, got] = [steady, stepped].map(|mut heartbeat| run(&mut heartbeat, at(30_000)));
        assert!(want.1.is_err());
        assert_eq!(got, want);
    }
}

#[test]
fn idle_does_not_count_time_in_which_nobody_listens() {
    let config = HeartbeatConfig::default().with_idle(Some(8 * S));
    let mut heartbeat = Heartbeat::new(config, Jitter::new(1), Instant::ZERO);
    heartbeat.set_listening(at(3_000), false);
    assert_eq!(heartbeat.handle_timeout(at(9_000)), Ok(()));
    heartbeat.set_listening(at(9_000), true);
    assert_eq!(heartbeat.poll_timeout(), Some(at(14_000)));
}

#[test]
fn only_the_latest_ping_answered_once_gives_a_round_trip() {
    let (mut heartbeat, due) = probing(HeartbeatConfig::default());
    let first = heartbeat.take_ping(due + MS).unwrap();
    assert_eq!(heartbeat.handle_timeout(due + 5 * S), Ok(()));
    let second = heartbeat.take_ping(due + 5 * S).unwrap();
    let now = due + 5_080 * MS;
    for (id, want) in [(first, None), (!second, None), (second, Some(80 * MS)), (second, None)] {
        assert_eq!(heartbeat.on_pong(now, id), want);
    }
    let rtt = heartbeat.rtt().unwrap();
    assert_eq!((rtt.latest, rtt.smoothed, rtt.var, rtt.min), (80 * MS, 80 * MS, 40 * MS, 80 * MS));
}

#[test]
fn a_pong_of_any_id_is_a_sign_of_life() {
    let (mut heartbeat, due) = probing(HeartbeatConfig::default().with_misses(0));
    assert_eq!(heartbeat.on_pong(due + S, 0), None);
    assert_eq!(heartbeat.handle_timeout(due + 5 * S), Ok(()));
}

#[test]
fn the_dead_stay_dead() {
    let (mut heartbeat, due) = probing(HeartbeatConfig::default().with_misses(0));
    let dead = heartbeat.handle_timeout(due + 6 * S);
    assert!(dead.is_err());
    heartbeat.on_received(due + 7 * S);
    heartbeat.set_listening(due + 7 * S, false);
    heartbeat.set_listening(due + 7 * S, true);
    assert_eq!(heartbeat.handle_timeout(due + 60 * S), dead);
    assert_eq!((heartbeat.poll_timeout(), heartbeat.ping_owed()), (None, false));
}

#[test]
fn extreme_settings_and_clocks_neither_overflow_nor_spin() {
    for duration in [Duration::ZERO, Duration::MAX] {
        let config = HeartbeatConfig::default()
            .with_interval(duration)
            .with_probe_timeout(duration)
            .with_misses(u32::MAX)
            .with_idle(Some(Duration::MAX));
        for start in [0, 1 << 40, u64::MAX - 1, u64::MAX].map(Instant::from_nanos) {
            let mut heartbeat = Heartbeat::new(config, Jitter::new(1), start);
            for _ in 0..100 {
                let Some(due) = heartbeat.poll_timeout() else { break };
                assert_eq!(heartbeat.handle_timeout(due), Ok(()));
                assert!(heartbeat.poll_timeout().is_none_or(|next| next > due));
                heartbeat.set_listening(Instant::ZERO, false);
                heartbeat.set_listening(due, true);
            }
            let _ = heartbeat.handle_timeout(Instant::MAX);
            assert!(heartbeat.poll_timeout().is_none_or(|next| next < Instant::MAX));
        }
    }
}
