use super::*;
use crate::backoff::{BackoffConfig, BackoffError};
use alloc::vec::Vec;

const S: Duration = Duration::from_secs(1);
const OK: bool = true;
const BAD: bool = false;

fn at(seconds: u32) -> Instant {
    Instant::ZERO + S * seconds
}

/// Opens at 3 failures in a row, for 10 s; 2 trials at once, 3 successes to close, 20 s for a trial.
fn small() -> BreakerConfig {
    let config = BreakerConfig::default().with_consecutive(Some(3)).with_open_for(10 * S);
    config.with_trials(2).with_successes(3).with_trial_timeout(20 * S)
}

fn breaker(config: BreakerConfig) -> Breaker {
    Breaker::new(config, Jitter::new(1)).unwrap()
}

/// Only a rate, of the last four calls or so.
fn rated(percent: u32, minimum: u32, window: RateWindow) -> BreakerConfig {
    small().with_consecutive(None).with_rate(Some(FailureRate::new(percent, minimum, window)))
}

fn call(breaker: &mut Breaker, now: Instant, ok: bool) {
    let permit = breaker.try_acquire(now).unwrap();
    if ok { breaker.on_success(permit, now) } else { breaker.on_failure(permit, now) }
}

/// Makes calls until one opens the breaker; says which.
fn opens_at(breaker: &mut Breaker, now: Instant, calls: &[bool]) -> Option<usize> {
    (1..).zip(calls).find_map(|(number, ok)| {
        call(breaker, now, *ok);
        matches!(breaker.state(now), BreakerState::Open { .. }).then_some(number)
    })
}

/// A breaker of [`small`] that is half-open since 10 s.
fn half_open(config: BreakerConfig) -> Breaker {
    let mut breaker = breaker(config);
    assert_eq!(opens_at(&mut breaker, at(0), &[BAD; 3]), Some(3));
    assert_eq!(breaker.state(at(10)), BreakerState::HalfOpen { under_way: 0, succeeded: 0 });
    breaker
}

#[test]
fn the_field_out_of_range_is_named() {
    use BreakerError as E;
    let ok = BreakerConfig::default();
    let rate = |percent, minimum, window| ok.with_rate(Some(FailureRate::new(percent, minimum, window)));
    let calls = RateWindow::Calls;
    let slow = BackoffConfig::default().with_base(Duration::ZERO);
    for (config, want) in [
        (ok, None),
        (ok.with_consecutive(None), Some(E::NoTrigger)),
        (ok.with_consecutive(Some(0)), Some(E::Consecutive)),
        (ok.with_consecutive(Some(1)), None),
        (rate(0, 1, calls(1)), Some(E::Percent)),
        (rate(101, 1, calls(1)), Some(E::Percent)),
        (rate(100, 1, calls(1)), None),
        (rate(50, 0, calls(1)), Some(E::Minimum)),
        (rate(50, 2, calls(1)), Some(E::Minimum)),
        (rate(50, 0, RateWindow::Time(S)), Some(E::Minimum)),
        (rate(50, u32::MAX, RateWindow::Time(S)), None),
        (rate(50, 1, calls(0)), Some(E::Window)),
        (rate(50, 1, calls(RateWindow::MAX_CALLS + 1)), Some(E::Window)),
        (rate(50, RateWindow::MAX_CALLS, calls(RateWindow::MAX_CALLS)), None),
        (rate(50, 1, RateWindow::Time(RateWindow::MIN_TIME - Duration::from_nanos(1))), Some(E::Window)),
        (rate(50, 1, RateWindow::Time(RateWindow::MIN_TIME)), None),
        (rate(50, 1, RateWindow::Time(Duration::MAX)), None),
        (ok.with_open_for(Duration::ZERO), Some(E::OpenFor)),
        (ok.with_growth(Some(slow)), Some(E::Growth(BackoffError::Base))),
        (ok.with_trials(0), Some(E::Trials)),
        (ok.with_successes(0), Some(E::Successes)),
        (ok.with_trial_timeout(Duration::ZERO), Some(E::TrialTimeout)),
    ] {
        assert_eq!(Breaker::new(config, Jitter::new(1)).err(), want, "{config:?}");
    }
}

#[test]
fn defaults_are_5_failures_in_a_row_30_s_one_trial_of_60_s_and_one_success() {
    let mut breaker = breaker(BreakerConfig::default());
    assert_eq!(opens_at(&mut breaker, at(0), &[BAD; 9]), Some(5));
    assert_eq!(breaker.try_acquire(at(29)).unwrap_err(), Open { retry_at: at(30) });
    let trial = breaker.try_acquire(at(30)).unwrap();
    assert_eq!(breaker.try_acquire(at(30)).unwrap_err(), Open { retry_at: at(90) });
    breaker.on_success(trial, at(30));
    assert_eq!(breaker.state(at(30)), BreakerState::Closed);
}

#[test]
fn so_many_failures_in_a_row_open_it_and_a_success_begins_the_row_anew() {
    for (consecutive, calls, want) in [
        (1, &[OK, BAD][..], Some(2)),
        (3, &[BAD, BAD, BAD], Some(3)),
        (3, &[BAD, BAD, OK, BAD, BAD, OK], None),
        (3, &[BAD, BAD, OK, BAD, BAD, BAD], Some(6)),
    ] {
        let mut breaker = breaker(small().with_consecutive(Some(consecutive)));
        assert_eq!(opens_at(&mut breaker, at(0), calls), want, "{consecutive} {calls:?}");
    }
}

#[test]
fn the_rate_of_the_last_calls_opens_it_at_a_failure_once_there_are_enough() {
    for (percent, minimum, window, calls, want) in [
        // Two of four, but there are only three before the fourth.
        (50, 4, 4, &[BAD, BAD, OK, BAD][..], Some(4)),
        // The success that makes the minimum full does not open it, the next failure does.
        (50, 4, 4, &[BAD, BAD, OK, OK], None),
        (50, 4, 4, &[BAD, BAD, OK, OK, BAD], Some(5)),
        // The failures leave the window.
        (50, 4, 4, &[BAD, OK, OK, OK, OK, BAD], None),
        (50, 4, 4, &[OK, OK, OK, BAD, OK, BAD], Some(6)),
        (50, 1, 4, &[BAD], Some(1)),
        (51, 4, 4, &[OK, BAD, OK, BAD], None),
        (100, 2, 4, &[BAD, OK, BAD, BAD, BAD, BAD], Some(6)),
        (1, 100, 100, &[BAD; 99], None),
    ] {
        let mut breaker = breaker(rated(percent, minimum, RateWindow::Calls(window)));
        assert_eq!(opens_at(&mut breaker, at(0), calls), want, "{percent} {minimum} {window} {calls:?}");
    }
}

#[test]
fn a_window_of_calls_may_have_any_length() {
    for size in [1, 63, 64, 65, 1000, RateWindow::MAX_CALLS] {
        // A failure in every place, and each pushes out the one before it.
        let mut breaker = breaker(rated(100, size, RateWindow::Calls(size)));
        for _ in 0..3 * size {
            call(&mut breaker, at(0), OK);
        }
        let calls: Vec<bool> = (0..size).map(|_| BAD).collect();
        assert_eq!(opens_at(&mut breaker, at(0), &calls), Some(size as usize), "{size}");
    }
}

#[test]
fn the_rate_of_a_time_forgets_what_is_older() {
    // Tenths of a second; a failure after `wait` tenths meets three others of the beginning, or not.
    for (wait, opens) in [(0, true), (9, true), (10, false), (1000, false)] {
        let mut breaker = breaker(rated(50, 4, RateWindow::Time(S)));
        for ok in [BAD, OK, BAD] {
            call(&mut breaker, at(7), ok);
        }
        let later = at(7) + S / 10 * wait;
        assert_eq!(opens_at(&mut breaker, later, &[BAD]), opens.then_some(1), "{wait}");
    }
}

#[test]
fn what_was_counted_before_it_opened_is_forgotten_when_it_closes() {
    let config = rated(50, 4, RateWindow::Calls(4)).with_successes(1);
    let mut breaker = breaker(config);
    assert_eq!(opens_at(&mut breaker, at(0), &[BAD, BAD, BAD, BAD]), Some(4));
    call(&mut breaker, at(10), OK);
    assert_eq!(opens_at(&mut breaker, at(10), &[BAD, BAD, BAD, BAD]), Some(4));
}

#[test]
fn it_is_open_for_its_time_and_then_half_open() {
    for seconds in [1, 10, 100] {
        let mut breaker = breaker(small().with_open_for(S * seconds));
        assert_eq!(opens_at(&mut breaker, at(5), &[BAD; 3]), Some(3));
        let until = at(5 + seconds);
        assert_eq!(breaker.state(at(4 + seconds)), BreakerState::Open { until });
        assert_eq!(breaker.try_acquire(at(4 + seconds)).unwrap_err(), Open { retry_at: until });
        assert!(breaker.try_acquire(until).is_ok(), "{seconds}");
    }
}

#[test]
fn half_open_it_lets_its_trials_through_and_closes_after_its_successes() {
    let mut breaker = half_open(small());
    let first = breaker.try_acquire(at(10)).unwrap();
    let second = breaker.try_acquire(at(11)).unwrap();
    assert_eq!(breaker.try_acquire(at(12)).unwrap_err(), Open { retry_at: at(31) });
    breaker.on_success(first, at(13));
    let third = breaker.try_acquire(at(13)).unwrap();
    breaker.on_success(second, at(13));
    assert_eq!(breaker.state(at(13)), BreakerState::HalfOpen { under_way: 1, succeeded: 2 });
    breaker.on_success(third, at(13));
    assert_eq!(breaker.state(at(13)), BreakerState::Closed);
}

#[test]
fn one_failed_trial_opens_it_again_whatever_the_others_say() {
    let mut breaker = half_open(small());
    let (first, second) = (breaker.try_acquire(at(10)).unwrap(), breaker.try_acquire(at(10)).unwrap());
    breaker.on_failure(first, at(12));
    breaker.on_success(second, at(12));
    assert_eq!(breaker.state(at(12)), BreakerState::Open { until: at(22) });
    assert_eq!(breaker.stats().stale, 1);
}

#[test]
fn a_cancelled_call_counts_for_nothing_and_frees_its_trial() {
    let mut breaker = half_open(small());
    for _ in 0..10 {
        let trials = [breaker.try_acquire(at(10)).unwrap(), breaker.try_acquire(at(10)).unwrap()];
        trials.into_iter().for_each(|trial| breaker.on_cancel(trial));
    }
    assert_eq!(breaker.state(at(10)), BreakerState::HalfOpen { under_way: 0, succeeded: 0 });

    let mut breaker = self::breaker(small());
    for ok in [BAD, BAD] {
        call(&mut breaker, at(0), ok);
    }
    let permit = breaker.try_acquire(at(0)).unwrap();
    breaker.on_cancel(permit);
    assert_eq!(opens_at(&mut breaker, at(0), &[BAD]), Some(1), "a cancelled call is no success");
}

#[test]
fn the_report_of_an_earlier_state_counts_for_nothing() {
    type Report = fn(&mut Breaker, Permit);
    let reports: [Report; 3] = [
        |breaker, permit| breaker.on_success(permit, at(10)),
        |breaker, permit| breaker.on_failure(permit, at(10)),
        |breaker, permit| breaker.on_cancel(permit),
    ];
    for (number, report) in (0..).zip(reports) {
        let mut breaker = breaker(small());
        let early = breaker.try_acquire(at(0)).unwrap();
        let late = breaker.try_acquire(at(0)).unwrap();
        assert_eq!(opens_at(&mut breaker, at(0), &[BAD; 3]), Some(3));
        let trial = breaker.try_acquire(at(10)).unwrap();
        report(&mut breaker, early);
        assert_eq!(
            breaker.state(at(10)),
            BreakerState::HalfOpen { under_way: 1, succeeded: 0 },
            "report {number}"
        );
        // Nor for the closed state after the next one.
        breaker.on_success(trial, at(10));
        (0..2).for_each(|_| call(&mut breaker, at(10), OK));
        assert_eq!(breaker.state(at(10)), BreakerState::Closed);
        (0..2).for_each(|_| call(&mut breaker, at(10), BAD));
        report(&mut breaker, late);
        assert_eq!(breaker.state(at(10)), BreakerState::Closed, "report {number}");
        call(&mut breaker, at(10), BAD);
        assert!(matches!(breaker.state(at(10)), BreakerState::Open { .. }), "report {number}");
        assert_eq!(breaker.stats().stale, 2);
    }
}

#[test]
fn trials_that_are_never_reported_count_as_failed() {
    let mut breaker = half_open(small());
    let lost = breaker.try_acquire(at(10)).unwrap();
    // One is left, so nothing is stuck.
    assert_eq!(breaker.state(at(99)), BreakerState::HalfOpen { under_way: 1, succeeded: 0 });
    let _lost_too = breaker.try_acquire(at(100)).unwrap();
    assert_eq!(breaker.try_acquire(at(119)).unwrap_err(), Open { retry_at: at(120) });
    assert_eq!(breaker.state(at(120)), BreakerState::Open { until: at(130) });
    breaker.on_success(lost, at(130));
    assert_eq!(breaker.state(at(130)), BreakerState::HalfOpen { under_way: 0, succeeded: 0 });
    // What nobody watched is made up for.
    let mut breaker = half_open(small());
    let _lost = [breaker.try_acquire(at(10)), breaker.try_acquire(at(10))];
    assert_eq!(breaker.state(at(500)), BreakerState::HalfOpen { under_way: 0, succeeded: 0 });
    assert_eq!(breaker.stats().opened, 2);
}

#[test]
fn growth_adds_to_the_time_it_is_open_until_it_closes() {
    let growth = BackoffConfig::default().with_base(S).with_cap(64 * S).with_attempts(Some(0));
    let config = small().with_growth(Some(growth)).with_successes(1);
    let mut highest = [Duration::ZERO; 8];
    for seed in 0..200 {
        let mut breaker = Breaker::new(config, Jitter::new(seed)).unwrap();
        let mut now = at(0);
        assert_eq!(opens_at(&mut breaker, now, &[BAD; 3]), Some(3));
        for (n, highest) in (0..).zip(&mut highest) {
            let until = breaker.try_acquire(now).unwrap_err().retry_at;
            let more = until.saturating_since(now) - 10 * S;
            assert!(more <= S * (1 << n).min(64), "seed {seed} time {n}: {more:?}");
            *highest = more.max(*highest);
            now = until;
            call(&mut breaker, now, BAD);
        }
        now = breaker.try_acquire(now).unwrap_err().retry_at;
        call(&mut breaker, now, OK);
        assert_eq!(opens_at(&mut breaker, now, &[BAD; 3]), Some(3));
        let until = breaker.try_acquire(now).unwrap_err().retry_at;
        assert!(until.saturating_since(now) <= 11 * S, "seed {seed}: closing starts over");
    }
    for (n, highest) in (0..).zip(highest) {
        assert!(highest > S * (1 << n).min(64) * 9 / 10, "time {n}: {highest:?}");
    }
}

#[test]
fn a_clock_that_steps_back_stands() {
    let mut breaker = breaker(small());
    assert_eq!(opens_at(&mut breaker, at(100), &[BAD; 3]), Some(3));
    assert_eq!(breaker.try_acquire(at(0)).unwrap_err(), Open { retry_at: at(110) });
    assert_eq!(breaker.state(at(110)), BreakerState::HalfOpen { under_way: 0, succeeded: 0 });
    call(&mut breaker, at(0), BAD);
    assert_eq!(breaker.state(at(0)), BreakerState::Open { until: at(120) });
}

#[test]
fn durations_without_end_never_come() {
    let config = small().with_open_for(Duration::MAX).with_trial_timeout(Duration::MAX);
    let mut breaker = breaker(config);
    assert_eq!(opens_at(&mut breaker, at(1), &[BAD; 3]), Some(3));
    assert_eq!(breaker.try_acquire(at(1_000_000)).unwrap_err(), Open { retry_at: Instant::MAX });
}

#[test]
fn calls_let_through_refused_and_openings_are_counted() {
    let mut breaker = half_open(small());
    let _trials = [breaker.try_acquire(at(10)), breaker.try_acquire(at(10))];
    let _ = breaker.try_acquire(at(10));
    assert_eq!(breaker.stats(), BreakerStats { permitted: 5, refused: 1, stale: 0, opened: 1 });
}
