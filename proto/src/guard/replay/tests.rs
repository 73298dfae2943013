use super::*;
use alloc::string::ToString;
use alloc::vec::Vec;

const S: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);
/// When the filters here were made.
const STARTED: Duration = Duration::from_secs(1_800_000_000);
/// Long after.
const NOW: Duration = Duration::from_secs(1_800_000_500);

fn seed() -> Seed {
    Seed::new(&mut [1; 32])
}

/// One set, and 5 s ahead at most.
fn config() -> ReplayConfig {
    ReplayConfig::default().with_keys(8).with_skew(5 * S)
}

fn filter(config: ReplayConfig) -> ReplayFilter {
    ReplayFilter::new(config, &seed(), STARTED).unwrap()
}

fn key(n: u64) -> PublicKey {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&n.to_le_bytes());
    PublicKey(key)
}

/// Message `n` of key `peer`.
fn message(peer: u64, n: u64, timestamp: Duration) -> FirstSeen {
    FirstSeen { peer: Some(key(peer)), ephemeral: key(n), timestamp: Some(timestamp) }
}

#[test]
fn the_field_out_of_range_is_named() {
    for (config, error, name) in [
        (config().with_window(Duration::ZERO), ReplayError::Window, "window"),
        (config().with_keys(0), ReplayError::Keys, "keys"),
        (config().with_keys(ReplayConfig::MAX_KEYS + 1), ReplayError::Keys, "keys"),
    ] {
        assert_eq!(ReplayFilter::new(config, &seed(), STARTED).err(), Some(error));
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn only_timestamps_within_the_window_are_accepted_and_those_within_the_skew_put_off() {
    let config = config();
    for (config, timestamp, want) in [
        (config, NOW, Ok(())),
        (config, NOW - 60 * S, Err(Replay::TooOld { age: 60 * S })),
        (config, NOW - 60 * S + MS, Ok(())),
        (config, NOW + 5 * S, Err(Replay::Early { wait: 5 * S })),
        (config, NOW + 5 * S + MS, Err(Replay::FromTheFuture { ahead: 5 * S + MS })),
        (config.with_window(3 * S), NOW - 3 * S, Err(Replay::TooOld { age: 3 * S })),
        (config.with_window(3 * S), NOW - 3 * S + MS, Ok(())),
        (config.with_skew(S), NOW + S, Err(Replay::Early { wait: S })),
        (config.with_skew(S), NOW + S + MS, Err(Replay::FromTheFuture { ahead: S + MS })),
        (config.with_skew(Duration::ZERO), NOW, Ok(())),
        (ReplayConfig::default(), NOW + S, Err(Replay::Early { wait: S })),
        (ReplayConfig::default(), NOW + S + MS, Err(Replay::FromTheFuture { ahead: S + MS })),
        (ReplayConfig::default(), NOW - 60 * S, Err(Replay::TooOld { age: 60 * S })),
        (ReplayConfig::default(), NOW - 60 * S + MS, Ok(())),
        (config, Duration::ZERO, Err(Replay::TooOld { age: NOW })),
        (config, Duration::MAX, Err(Replay::FromTheFuture { ahead: Duration::MAX - NOW })),
    ] {
        assert_eq!(filter(config).check(NOW, &message(1, 1, timestamp)), want, "{timestamp:?} {config:?}");
    }
}

#[test]
fn what_may_have_been_accepted_before_the_start_is_refused() {
    let resume = |resume| config().with_resume(Some(resume));
    for (config, timestamp, accepted) in [
        (config(), STARTED - MS, false),
        (config(), STARTED, false),
        (config(), STARTED + MS, true),
        (resume(STARTED - 9 * S), STARTED - 9 * S, false),
        (resume(STARTED - 9 * S), STARTED - 9 * S + MS, true),
        (resume(Duration::ZERO), STARTED, true),
    ] {
        let got = filter(config).check(STARTED + S * 5, &message(1, 1, timestamp));
        assert_eq!(got, if accepted { Ok(()) } else { Err(Replay::BeforeStart) }, "{timestamp:?} {config:?}");
    }
}

#[test]
fn a_filter_that_resumes_accepts_nothing_again_and_all_that_is_newer() {
    let mut first = filter(config());
    assert_eq!(first.newest(), STARTED, "with nothing accepted");
    for (n, timestamp) in [(1, NOW + 2 * S), (2, NOW - S)] {
        assert_eq!(first.check(NOW + 2 * S, &message(1, n, timestamp)), Ok(()));
    }
    assert_eq!(first.newest(), NOW + 2 * S);
    let mut second = filter(config().with_resume(Some(first.newest())));
    assert_eq!(second.newest(), first.newest());
    for (n, timestamp, want) in [
        (1, NOW + 2 * S, Err(Replay::BeforeStart)),
        (2, NOW - S, Err(Replay::BeforeStart)),
        (3, NOW + 3 * S, Ok(())),
    ] {
        assert_eq!(second.check(NOW + 3 * S, &message(1, n, timestamp)), want, "{n}");
    }
}

#[test]
fn a_copy_is_refused_whatever_the_clock_does() {
    let mut filter = filter(config());
    let message = message(1, 1, NOW);
    assert_eq!(filter.check(NOW, &message), Ok(()));
    let early = |wait| Err(Replay::Early { wait });
    for (unix, want) in [
        (NOW, Err(Replay::Seen)),
        (NOW + S, Err(Replay::Seen)),
        (NOW - S, early(S)),
        (NOW + 59 * S, Err(Replay::Seen)),
        (NOW - 5 * S, early(5 * S)),
        (NOW, Err(Replay::Seen)),
    ] {
        assert_eq!(filter.check(unix, &message), want, "{unix:?}");
    }
    assert_eq!(filter.check(NOW + 60 * S, &message), Err(Replay::TooOld { age: 60 * S }));
}

#[test]
fn an_ephemeral_key_is_refused_with_another_timestamp_too() {
    let mut filter = filter(config());
    let anonymous = |timestamp| FirstSeen { peer: None, ephemeral: key(1), timestamp: Some(timestamp) };
    assert_eq!(filter.check(NOW, &message(1, 1, NOW)), Ok(()));
    assert_eq!(filter.check(NOW + S, &message(1, 1, NOW + S)), Err(Replay::Seen));
    assert_eq!(filter.check(NOW, &message(2, 1, NOW)), Ok(()), "the message of another key");
    assert_eq!(filter.check(NOW, &anonymous(NOW)), Ok(()));
    assert_eq!(filter.check(NOW + S, &anonymous(NOW + S)), Err(Replay::Seen));
}

#[test]
fn messages_of_one_key_may_overtake_each_other() {
    for order in [[0, 1, 2, 3, 4, 5, 6], [6, 5, 4, 3, 2, 1, 0], [3, 6, 0, 5, 1, 4, 2]] {
        let mut filter = filter(config());
        for round in 0..2 {
            for n in order {
                let want = if round == 0 { Ok(()) } else { Err(Replay::Seen) };
                assert_eq!(filter.check(NOW, &message(1, n, NOW - n as u32 * S)), want, "{order:?} {n}");
            }
        }
    }
}

#[test]
fn behind_seven_newer_ones_a_message_is_refused() {
    let mut filter = filter(config());
    let at = |n: u64| NOW - 30 * S + n as u32 * S;
    for n in 10..18 {
        assert_eq!(filter.check(NOW, &message(1, n, at(n))), Ok(()));
    }
    // Message 10 is forgotten; what is between it and the oldest that is not may come.
    assert_eq!(filter.check(NOW, &message(1, 10, at(10))), Err(Replay::Overtaken));
    assert_eq!(filter.check(NOW, &message(1, 9, at(9))), Err(Replay::Overtaken));
    let between = message(1, 50, at(10) + MS);
    assert_eq!(filter.check(NOW, &between), Ok(()));
    assert_eq!(filter.check(NOW, &between), Err(Replay::Overtaken), "it was not worth remembering");
    assert_eq!(filter.check(NOW, &message(1, 18, at(18))), Ok(()));
}

#[test]
fn a_key_that_is_forgotten_leaves_a_floor_to_its_set() {
    let mut filter = filter(config());
    let at = |n: u64| NOW - 30 * S + n as u32 * S;
    for n in 0..9 {
        assert_eq!(filter.check(NOW, &message(n, n, at(n))), Ok(()));
    }
    // Key 0 is forgotten.
    assert_eq!(filter.check(NOW, &message(0, 0, at(0))), Err(Replay::Crowded));
    assert_eq!(filter.check(NOW, &message(9, 9, at(0))), Err(Replay::Crowded), "another key");
    assert_eq!(filter.check(NOW, &message(1, 10, at(0))), Ok(()), "a key that is not forgotten");
    // A key older than all the others is accepted and forgotten at once.
    let old = message(20, 20, at(0) + MS);
    assert_eq!(filter.check(NOW, &old), Ok(()));
    assert_eq!(filter.check(NOW, &old), Err(Replay::Crowded));
    for n in 1..9 {
        assert_eq!(filter.check(NOW, &message(n, n, at(n))), Err(Replay::Seen), "{n} was pushed out");
    }
    assert_eq!(filter.check(NOW, &message(0, 11, at(20))), Ok(()), "newer than all");
}

#[test]
fn the_key_whose_newest_message_is_oldest_is_forgotten_first() {
    let mut filter = filter(config());
    for n in 0..8 {
        assert_eq!(filter.check(NOW, &message(n, n, NOW - 50 * S + n as u32 * S)), Ok(()));
    }
    assert_eq!(filter.check(NOW, &message(0, 10, NOW)), Ok(()), "key 0 is the newest of all");
    assert_eq!(filter.check(NOW, &message(8, 11, NOW)), Ok(()));
    assert_eq!(filter.check(NOW, &message(0, 0, NOW - 50 * S)), Err(Replay::Seen), "remembered");
    assert_eq!(filter.check(NOW, &message(1, 1, NOW - 49 * S)), Err(Replay::Crowded), "forgotten");
}

#[test]
fn without_a_timestamp_a_message_is_refused_unless_that_is_allowed() {
    let message = FirstSeen { timestamp: None, ..message(1, 1, NOW) };
    assert_eq!(filter(config()).check(NOW, &message), Err(Replay::NoTimestamp));
    let mut lax = filter(config().with_require_timestamp(false));
    assert_eq!(lax.check(NOW, &message), Ok(()));
    assert_eq!(lax.check(NOW, &message), Err(Replay::Seen));
    assert_eq!(lax.check(NOW + 100 * S, &message), Err(Replay::Seen));
}

#[test]
fn a_message_without_a_timestamp_is_remembered_whatever_else_is() {
    let mut lax = filter(config().with_require_timestamp(false));
    let untimed = |peer, n| FirstSeen { timestamp: None, ..message(peer, n, NOW) };
    for n in 0..8 {
        for i in 0..7 {
            let later = NOW + 4 * S;
            assert_eq!(lax.check(later, &message(n, 10 * n + i, later)), Ok(()), "all newer");
        }
    }
    for message in [untimed(1, 100), untimed(50, 101)] {
        assert_eq!(lax.check(NOW, &message), Ok(()));
        assert_eq!(lax.check(NOW, &message), Err(Replay::Seen));
    }
    // Those that they pushed out are refused still.
    for n in 0..8 {
        for i in 0..7 {
            assert!(lax.check(NOW, &message(n, 10 * n + i, NOW + 4 * S)).is_err(), "{n} {i}");
        }
    }
}

#[test]
fn as_many_keys_as_configured_are_remembered_and_memory_says_so() {
    for (keys, sets) in [(1, 1), (8, 1), (9, 2), (4096, 512)] {
        let filter = filter(ReplayConfig::default().with_keys(keys));
        assert_eq!(filter.capacity(), 8 * sets);
        assert_eq!(filter.memory(), size_of::<ReplayFilter>() + sets * 1096);
    }
    // Spread over all sets: a few keys fall out, most do not.
    let mut filter = filter(ReplayConfig::default().with_keys(4096));
    let at = |n: u64| NOW - 40 * S + n as u32 * MS;
    assert!((0..2048).all(|n| filter.check(NOW, &message(n, n, at(n))).is_ok()));
    let again: Vec<_> = (0..2048).map(|n| filter.check(NOW, &message(n, n, at(n)))).collect();
    assert!(again.iter().all(Result::is_err));
    let forgotten = again.iter().filter(|result| **result == Err(Replay::Crowded)).count();
    assert!(forgotten < 100, "{forgotten}");
}

#[test]
fn which_keys_share_a_set_is_secret() {
    let config = ReplayConfig::default().with_keys(64 * 8);
    let crowd = |byte: u8| {
        let mut filter = ReplayFilter::new(config, &Seed::new(&mut [byte; 32]), STARTED).unwrap();
        (0..2_000).map(|n| filter.check(NOW, &message(n, n, NOW - n as u32 * MS)).is_ok()).collect::<Vec<_>>()
    };
    assert_eq!(crowd(1), crowd(1));
    assert_ne!(crowd(1), crowd(2));
}

#[test]
fn every_reason_is_counted_and_told() {
    let mut filter = filter(config());
    let old = FirstSeen { timestamp: None, ..message(1, 1, NOW) };
    let late = NOW + 20 * S;
    for (unix, message) in [
        (NOW, old),
        (NOW, message(1, 1, NOW - 60 * S)),
        (NOW, message(1, 1, NOW + 6 * S)),
        (NOW, message(1, 1, NOW + 5 * S)),
        (STARTED, message(1, 1, STARTED)),
        (NOW, message(1, 1, NOW)),
        (NOW, message(1, 1, NOW)),
    ] {
        let _ = filter.check(unix, &message);
    }
    (2..10).for_each(|n| assert_eq!(filter.check(late, &message(1, n, NOW + n as u32 * S)), Ok(())));
    assert_eq!(filter.check(late, &message(1, 1, NOW)), Err(Replay::Overtaken));
    (12..20).for_each(|n| assert_eq!(filter.check(late, &message(n, n, late)), Ok(())));
    assert_eq!(filter.check(late, &message(1, 9, NOW + 9 * S)), Err(Replay::Crowded));
    let want = ReplayStats {
        accepted: 17,
        no_timestamp: 1,
        too_old: 1,
        from_the_future: 1,
        early: 1,
        before_start: 1,
        seen: 1,
        overtaken: 1,
        crowded: 1,
    };
    assert_eq!(filter.stats(), want);
    assert_eq!(
        Replay::TooOld { age: 61 * S }.to_string(),
        "replay: the message is 61s old; set both clocks, or allow for more with window"
    );
}
