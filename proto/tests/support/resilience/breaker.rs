//! The circuit breaker, against lists of what was reported and which trials are under way.

use super::{Clock, Input, Tally};
use sealock_proto::backoff::{Backoff, BackoffConfig};
use sealock_proto::entropy::Jitter;
use sealock_proto::resilience::{Breaker, BreakerConfig, BreakerState, FailureRate, Open, RateWindow};
use sealock_proto::time::Instant;
use std::time::Duration;

pub(super) const OFTEN: [&str; 8] = [
    "opened by a row",
    "opened by the rate",
    "opened by a trial",
    "opened by lost trials",
    "closed",
    "refused while open",
    "refused while half-open",
    "stale",
];

const MS: Duration = Duration::from_millis(1);

enum Phase {
    /// When each call was reported, and whether it had failed.
    Closed(Vec<(Instant, bool)>),
    Open(Instant),
    Half {
        trials: Vec<usize>,
        succeeded: u32,
        progress: Instant,
    },
}

struct Model {
    consecutive: Option<u32>,
    rate: Option<(u32, u32, RateWindow)>,
    open_for: Duration,
    growth: Option<Backoff>,
    trials: u32,
    successes: u32,
    trial_timeout: Duration,
    phase: Phase,
    /// Phases so far.
    entered: usize,
}

/// Runs operations: five bytes or so choose the settings, then come two for each.
pub(super) fn run(input: &mut Input<'_>, tally: &mut Tally) {
    let consecutive = input.pick(&[None, Some(1), Some(2), Some(5)]);
    let window = input.pick(&[
        RateWindow::Calls(1),
        RateWindow::Calls(5),
        RateWindow::Calls(70),
        RateWindow::Time(5 * MS),
        RateWindow::Time(1000 * MS),
    ]);
    let minimum = if window == RateWindow::Calls(1) { 1 } else { input.pick(&[1, 3, 5]) };
    let rate = (consecutive.is_none() || input.byte() % 2 == 0).then_some((
        input.pick(&[1, 34, 50, 60, 100]),
        minimum,
        window,
    ));
    let open_for = input.pick(&[MS, 100 * MS, 5000 * MS]);
    let growth = input.pick(&[None, Some(BackoffConfig::default())]);
    let (trials, successes) = (input.pick(&[1, 2, 3]), input.pick(&[1, 2, 5]));
    let trial_timeout = input.pick(&[50 * MS, 3000 * MS, Duration::MAX]);
    let config = BreakerConfig::default()
        .with_consecutive(consecutive)
        .with_rate(rate.map(|(percent, minimum, window)| FailureRate::new(percent, minimum, window)))
        .with_open_for(open_for)
        .with_growth(growth)
        .with_trials(trials)
        .with_successes(successes)
        .with_trial_timeout(trial_timeout);
    let mut breaker = Breaker::new(config, Jitter::new(1)).expect("settings in range");
    let mut model = Model {
        consecutive,
        rate,
        open_for,
        growth: growth.map(|growth| Backoff::new(growth, Jitter::new(1))),
        trials,
        successes,
        trial_timeout,
        phase: Phase::Closed(Vec::new()),
        entered: 0,
    };
    // Each permit with its number and the phase that gave it.
    let (mut held, mut given, mut clock) = (Vec::new(), 0, Clock::default());
    while !input.is_empty() {
        clock.step(input);
        let operation = input.byte();
        match operation % 8 {
            0..3 => {
                let now = clock.tell();
                model.settle(clock.told, tally);
                let want = model.acquire(clock.told, given, tally);
                match (breaker.try_acquire(now), want) {
                    (Ok(permit), Ok(())) => held.push((permit, given, model.entered)),
                    (Err(open), Err(retry_at)) => assert_eq!(open, Open { retry_at }),
                    (got, want) => panic!("{got:?}, not {want:?}"),
                }
                given += 1;
            }
            kind @ 3..7 if !held.is_empty() => {
                let (permit, number, phase) = held.remove(input.below(held.len()));
                // A cancellation is told no time.
                let now = if kind < 6 { clock.tell() } else { clock.told };
                if kind < 6 {
                    model.settle(clock.told, tally);
                }
                let current = phase == model.entered;
                if !current {
                    tally.saw("stale");
                }
                match kind {
                    3 | 4 => breaker.on_failure(permit, now),
                    5 => breaker.on_success(permit, now),
                    _ => breaker.on_cancel(permit),
                }
                match kind {
                    _ if !current => {}
                    3 | 4 => model.reported(clock.told, number, true, tally),
                    5 => model.reported(clock.told, number, false, tally),
                    _ => model.cancelled(clock.told, number),
                }
            }
            _ => {}
        }
        // Asking makes the machine look at the time, which must change nothing: so not every time.
        if operation >= 128 {
            let now = clock.tell();
            model.settle(clock.told, tally);
            let want = match &model.phase {
                Phase::Closed(_) => BreakerState::Closed,
                Phase::Open(until) => BreakerState::Open { until: *until },
                Phase::Half { trials, succeeded, .. } => {
                    BreakerState::HalfOpen { under_way: trials.len() as u32, succeeded: *succeeded }
                }
            };
            assert_eq!(breaker.state(now), want);
        }
    }
}

impl Model {
    fn settle(&mut self, now: Instant, tally: &mut Tally) {
        if let Phase::Half { trials, progress, .. } = &self.phase {
            let lost = *progress + self.trial_timeout;
            if trials.len() == self.trials as usize && now >= lost {
                tally.saw("opened by lost trials");
                self.open(lost);
            }
        }
        if matches!(self.phase, Phase::Open(until) if now >= until) {
            self.enter(Phase::Half { trials: Vec::new(), succeeded: 0, progress: now });
        }
    }

    fn acquire(&mut self, now: Instant, number: usize, tally: &mut Tally) -> Result<(), Instant> {
        match &mut self.phase {
            Phase::Closed(_) => Ok(()),
            Phase::Open(until) => {
                tally.saw("refused while open");
                Err(*until)
            }
            Phase::Half { trials, progress, .. } if trials.len() == self.trials as usize => {
                tally.saw("refused while half-open");
                Err(*progress + self.trial_timeout)
            }
            Phase::Half { trials, progress, .. } => {
                trials.push(number);
                *progress = now;
                Ok(())
            }
        }
    }

    fn reported(&mut self, now: Instant, number: usize, failed: bool, tally: &mut Tally) {
        match &mut self.phase {
            Phase::Closed(reports) => {
                reports.push((now, failed));
                let row = reports.iter().rev().take_while(|(_, failed)| *failed).count();
                let row = failed && self.consecutive.is_some_and(|most| row >= most as usize);
                let rate = failed && self.rate.is_some_and(|rate| is_too_high(reports, now, rate));
                if row || rate {
                    tally.saw(if row { "opened by a row" } else { "opened by the rate" });
                    self.open(now);
                }
            }
            Phase::Half { .. } if failed => {
                tally.saw("opened by a trial");
                self.open(now);
            }
            Phase::Half { trials, succeeded, progress } => {
                trials.retain(|trial| *trial != number);
                *succeeded += 1;
                *progress = now;
                if *succeeded == self.successes {
                    tally.saw("closed");
                    self.growth.iter_mut().for_each(Backoff::reset);
                    self.enter(Phase::Closed(Vec::new()));
                }
            }
            Phase::Open(_) => panic!("an open breaker gives no permits"),
        }
    }

    fn cancelled(&mut self, now: Instant, number: usize) {
        if let Phase::Half { trials, progress, .. } = &mut self.phase {
            trials.retain(|trial| *trial != number);
            *progress = now;
        }
    }

    fn open(&mut self, now: Instant) {
        let more = self.growth.as_mut().and_then(Backoff::next_delay).unwrap_or_default();
        self.enter(Phase::Open(now + self.open_for + more));
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.entered += 1;
    }
}

fn is_too_high(reports: &[(Instant, bool)], now: Instant, rate: (u32, u32, RateWindow)) -> bool {
    let (percent, minimum, window) = rate;
    let inside: Vec<bool> = match window {
        RateWindow::Calls(calls) => {
            reports.iter().rev().take(calls as usize).map(|(_, failed)| *failed).collect()
        }
        RateWindow::Time(time) => {
            let tenth = |at: &Instant| at.as_nanos() / (time.as_nanos() as u64 / 10);
            let is_inside = |at: &Instant| tenth(at) + 10 > tenth(&now);
            reports.iter().filter(|(at, _)| is_inside(at)).map(|(_, failed)| *failed).collect()
        }
    };
    let failed = inside.iter().filter(|failed| **failed).count();
    inside.len() >= minimum as usize && failed * 100 >= percent as usize * inside.len()
}
