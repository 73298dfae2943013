use super::*;
use crate::limit::{KeyedConfig, KeyedError};
use alloc::string::ToString;
use alloc::vec;
use core::time::Duration;

const NOW: Instant = Instant::ZERO;

fn key(n: u8) -> PublicKey {
    PublicKey([n; 32])
}

fn roster(policy: &Policy) -> Roster {
    Roster::new(policy.clone(), &Seed::new(&mut [1; 32])).unwrap()
}

fn open() -> Policy {
    Policy::default()
}

/// Asks and begins; no session is to be ended.
fn enter(roster: &mut Roster, n: u8) -> SessionId {
    assert_eq!(roster.ask(NOW, &key(n)), Ok(()), "{n}");
    let Entered { id, end } = roster.established(&key(n)).unwrap();
    assert_eq!(end, None);
    assert_eq!(roster.identity(id), Some(&key(n)));
    id
}

#[test]
fn the_field_out_of_range_is_named() {
    let none = KeyedConfig::default().with_attempts(0);
    for (policy, error, name) in [
        (open().with_attempts(Some(none)), PolicyError::Attempts(KeyedError::Attempts), "attempts"),
        (
            open().with_max_sessions_per_identity(Some(0)),
            PolicyError::MaxSessionsPerIdentity,
            "max_sessions_per_identity",
        ),
        (open().with_max_sessions(0), PolicyError::MaxSessions, "max_sessions "),
    ] {
        assert_eq!(Roster::new(policy.clone(), &Seed::new(&mut [1; 32])).err(), Some(error));
        let mut roster = roster(&open());
        assert_eq!(roster.set_policy(policy), Err(error));
        assert_eq!(roster.policy(), &open());
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn an_open_policy_lets_everybody_in() {
    let mut roster = roster(&open());
    for n in 0..200 {
        enter(&mut roster, n % 3);
    }
    assert_eq!(roster.stats(), RosterStats { sessions: 200, accepted: 200, ..RosterStats::default() });
}

#[test]
fn lists_decide_who_is_accepted_and_denied_wins() {
    let allowed = |keys: &[PublicKey]| open().with_allowed(Some(keys));
    let both = allowed(&[key(9), key(1), key(2), key(1)]).with_denied(&[key(2), key(7)]);
    for (policy, n, want) in [
        (&open().with_denied(&[key(3), key(1)]), 1, Err(Refused::Denied)),
        (&open().with_denied(&[key(3), key(1)]), 3, Err(Refused::Denied)),
        (&open().with_denied(&[key(3), key(1)]), 2, Ok(())),
        (&allowed(&[]), 1, Err(Refused::NotAllowed)),
        (&both, 1, Ok(())),
        (&both, 9, Ok(())),
        (&both, 2, Err(Refused::Denied)),
        (&both, 7, Err(Refused::Denied)),
        (&both, 3, Err(Refused::NotAllowed)),
    ] {
        assert_eq!(roster(policy).ask(NOW, &key(n)), want, "{n} {policy:?}");
        assert_eq!(roster(policy).accepts(&key(n)), want, "{n} {policy:?}");
    }
}

#[test]
fn an_identity_has_its_attempts_whether_or_not_they_succeed() {
    let attempts = KeyedConfig::default().with_attempts(2).with_cool_down(Duration::from_secs(10));
    let mut roster = roster(&open().with_attempts(Some(attempts)));
    let until = NOW + Duration::from_secs(10);
    enter(&mut roster, 1);
    // A claim is no attempt.
    (0..9).for_each(|_| assert_eq!(roster.accepts(&key(1)), Ok(())));
    assert_eq!(roster.ask(NOW, &key(1)), Ok(()));
    assert_eq!(roster.ask(NOW, &key(1)), Err(Refused::TooManyAttempts { until }));
    assert_eq!(roster.ask(NOW, &key(2)), Ok(()), "another identity");
    assert_eq!(roster.ask(until, &key(1)), Ok(()));
}

#[test]
fn who_is_refused_for_another_reason_has_made_no_attempt() {
    let attempts = KeyedConfig::default().with_attempts(1);
    let policy = open().with_attempts(Some(attempts)).with_max_sessions(1);
    let mut roster = roster(&policy);
    let id = enter(&mut roster, 1);
    (0..5).for_each(|_| assert_eq!(roster.ask(NOW, &key(2)), Err(Refused::TooManySessions)));
    roster.ended(id);
    enter(&mut roster, 2);
}

#[test]
fn the_oldest_wins_where_the_newest_is_refused() {
    let mut roster = roster(&open().with_max_sessions_per_identity(Some(2)));
    let first = enter(&mut roster, 1);
    enter(&mut roster, 1);
    assert_eq!(roster.ask(NOW, &key(1)), Err(Refused::TooManySessions));
    enter(&mut roster, 2);
    roster.ended(first);
    enter(&mut roster, 1);
}

#[test]
fn the_newest_wins_where_the_oldest_is_ended() {
    let policy = open().with_max_sessions_per_identity(Some(2)).with_excess(Excess::EndOldest);
    let mut roster = roster(&policy);
    let mut there = vec![enter(&mut roster, 1), enter(&mut roster, 1)];
    enter(&mut roster, 2);
    for _ in 0..5 {
        assert_eq!(roster.ask(NOW, &key(1)), Ok(()));
        let entered = roster.established(&key(1)).unwrap();
        assert_eq!(entered.end, Some(there.remove(0)));
        there.push(entered.id);
        // That it has ended is said later, and changes nothing.
        entered.end.into_iter().for_each(|end| roster.ended(end));
        assert_eq!(roster.stats().sessions, 3);
    }
    assert_eq!(roster.stats().ended, 5);
}

#[test]
fn sessions_are_limited_in_all() {
    let policy = open().with_max_sessions(2).with_max_sessions_per_identity(Some(1));
    for excess in [Excess::RefuseNewest, Excess::EndOldest] {
        let mut roster = roster(&policy.clone().with_excess(excess));
        let first = enter(&mut roster, 1);
        enter(&mut roster, 2);
        assert_eq!(roster.ask(NOW, &key(3)), Err(Refused::TooManySessions));
        // Who replaces a session of its own needs no other place.
        let replaces = roster.ask(NOW, &key(1)).is_ok();
        assert_eq!(replaces, excess == Excess::EndOldest);
        roster.ended(first);
        enter(&mut roster, 3);
    }
}

#[test]
fn whoever_was_slower_than_others_is_refused() {
    let one = open().with_max_sessions_per_identity(Some(1));
    for (policy, n) in [(open().with_max_sessions(1), 2), (one, 1)] {
        let mut roster = roster(&policy);
        assert_eq!((roster.ask(NOW, &key(1)), roster.ask(NOW, &key(n))), (Ok(()), Ok(())));
        let first = roster.established(&key(1)).unwrap();
        assert_eq!(roster.established(&key(n)), Err(Refused::TooManySessions));
        assert_eq!((first.end, roster.identity(first.id)), (None, Some(&key(1))));
        assert_eq!((roster.stats().sessions, roster.stats().ended), (1, 1));
    }
}

#[test]
fn another_policy_ends_the_sessions_of_keys_that_are_not_accepted_any_more() {
    let mut roster = roster(&open());
    let ids: Vec<_> = [1, 2, 1, 3].map(|n| enter(&mut roster, n)).into();
    assert_eq!(roster.set_policy(open().with_denied(&[key(1)])), Ok(vec![ids[0], ids[2]]));
    assert_eq!(roster.ask(NOW, &key(1)), Err(Refused::Denied));
    assert_eq!(roster.set_policy(open().with_allowed(Some(&[key(1), key(2)]))), Ok(vec![ids[3]]));
    assert_eq!((roster.stats().sessions, roster.stats().ended), (1, 3));
    // One whose key was asked about before does not begin.
    assert_eq!(roster.established(&key(3)), Err(Refused::NotAllowed));
    assert_eq!(roster.set_policy(open()), Ok(vec![]));
    enter(&mut roster, 3);
}

#[test]
fn another_policy_keeps_attempts_unless_their_limit_is_another() {
    let attempts = |n| open().with_attempts(Some(KeyedConfig::default().with_attempts(n)));
    let mut roster = roster(&attempts(1));
    assert_eq!(roster.ask(NOW, &key(1)), Ok(()));
    assert_eq!(roster.set_policy(attempts(1).with_denied(&[key(2)])), Ok(vec![]));
    assert!(matches!(roster.ask(NOW, &key(1)), Err(Refused::TooManyAttempts { .. })));
    assert_eq!(roster.set_policy(attempts(2)), Ok(vec![]));
    assert_eq!(roster.ask(NOW, &key(1)), Ok(()));
}

#[test]
fn lower_numbers_apply_to_sessions_that_begin() {
    let mut roster = roster(&open());
    let ids = [1, 1, 1, 2].map(|n| enter(&mut roster, n));
    let fewer = open().with_max_sessions_per_identity(Some(1)).with_excess(Excess::EndOldest);
    assert_eq!(roster.set_policy(fewer.with_max_sessions(2)), Ok(vec![]));
    assert_eq!(roster.stats().sessions, 4);
    assert_eq!(roster.ask(NOW, &key(3)), Err(Refused::TooManySessions));
    assert_eq!(roster.established(&key(1)).unwrap().end, Some(ids[0]));
    assert_eq!(roster.stats().sessions, 4);
}
