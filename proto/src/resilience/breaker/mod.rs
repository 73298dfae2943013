//! A circuit breaker: calls to a peer that keeps failing are refused here, at once, until it has had time to recover.
//!
//! Three states: closed (calls pass and are counted), open (none passes, for a while), half-open (a few trials show
//! whether the peer is back). What a call is, and what counts as its failure, is the caller's business.

mod config;
#[cfg(test)]
mod tests;
mod window;

pub use config::{BreakerConfig, BreakerError, FailureRate, RateWindow};

use crate::backoff::Backoff;
use crate::entropy::Jitter;
use crate::time::Instant;
use core::fmt;
use core::time::Duration;
use window::Window;

/// The leave to make one call. Report it exactly once, with the outcome; whoever cannot know the outcome cancels.
#[must_use = "a permit that is never reported occupies a trial until the trials time out"]
#[derive(Debug)]
pub struct Permit {
    /// Of the state that gave it: later states do not count it.
    generation: u64,
}

/// The call was refused, at once and without a word to the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Open {
    /// Before this nothing passes, unless trials that are under way are reported earlier. Then a trial may pass, if
    /// others have not taken all there are.
    pub retry_at: Instant,
}

impl fmt::Display for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the circuit is open: calls before this one failed, and the peer is given time to recover",
        )
    }
}

impl core::error::Error for Open {}

/// What a [`Breaker`] does with a call.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// Lets it pass.
    Closed,
    /// Refuses it.
    Open {
        /// Until when.
        until: Instant,
    },
    /// Lets it pass as a trial if there is one left.
    HalfOpen {
        /// Trials under way.
        under_way: u32,
        /// Trials that have succeeded.
        succeeded: u32,
    },
}

/// What a [`Breaker`] has counted.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BreakerStats {
    /// Calls let through.
    pub permitted: u64,
    /// Calls refused.
    pub refused: u64,
    /// Reports of a permit that an earlier state gave; they count for nothing else.
    pub stale: u64,
    /// How often it opened, after a trial that failed included.
    pub opened: u64,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    Closed {
        failures_in_a_row: u32,
    },
    Open {
        until: Instant,
    },
    HalfOpen {
        under_way: u32,
        succeeded: u32,
        /// When a trial began or was reported last.
        progress: Instant,
    },
}

/// Asked before every call, told afterwards how it went.
///
/// Only a failure opens it. A report counts for the state that gave the permit: one of a call that began before the
/// breaker opened says nothing about the trials. A `now` earlier than one given before counts as that one. Everything
/// is O(1), and nothing is allocated after [`Breaker::new`].
///
/// ```
/// use sealock_proto::entropy::Jitter;
/// use sealock_proto::resilience::{Breaker, BreakerConfig, BreakerState};
/// use sealock_proto::time::Instant;
/// use std::time::Duration;
///
/// let config = BreakerConfig::default().with_consecutive(Some(2)).with_open_for(Duration::from_secs(10));
/// let mut breaker = Breaker::new(config, Jitter::new(7))?;
/// let now = Instant::ZERO;
/// for _ in 0..2 {
///     let permit = breaker.try_acquire(now)?;
///     // The call, which fails.
///     breaker.on_failure(permit, now);
/// }
/// let open = breaker.try_acquire(now).unwrap_err();
/// assert_eq!(open.retry_at, now + Duration::from_secs(10));
///
/// let trial = breaker.try_acquire(open.retry_at)?;
/// breaker.on_success(trial, open.retry_at);
/// assert_eq!(breaker.state(open.retry_at), BreakerState::Closed);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Breaker {
    config: BreakerConfig,
    window: Option<Window>,
    growth: Option<Backoff>,
    phase: Phase,
    generation: u64,
    latest: Instant,
    stats: BreakerStats,
}

impl Breaker {
    /// Closed, with nothing counted. `jitter` spreads what the configuration's growth adds.
    ///
    /// # Errors
    /// Names the field of `config` that is out of range.
    pub fn new(config: BreakerConfig, jitter: Jitter) -> Result<Self, BreakerError> {
        config.validate()?;
        Ok(Self {
            config,
            window: config.rate.map(|rate| Window::new(rate.window)),
            growth: config.growth.map(|growth| Backoff::new(growth.with_attempts(None), jitter)),
            phase: Phase::Closed { failures_in_a_row: 0 },
            generation: 0,
            latest: Instant::ZERO,
            stats: BreakerStats::default(),
        })
    }

    /// Asks whether a call may be made.
    ///
    /// # Errors
    /// If it may not, and from when to ask again.
    pub fn try_acquire(&mut self, now: Instant) -> Result<Permit, Open> {
        let now = self.settle(now);
        let refusal = match &mut self.phase {
            Phase::Closed { .. } => None,
            Phase::Open { until } => Some(*until),
            Phase::HalfOpen { under_way, progress, .. } if *under_way < self.config.trials => {
                *under_way += 1;
                *progress = now;
                None
            }
            Phase::HalfOpen { progress, .. } => Some(*progress + self.config.trial_timeout),
        };
        match refusal {
            None => {
                self.stats.permitted = self.stats.permitted.saturating_add(1);
                Ok(Permit { generation: self.generation })
            }
            Some(retry_at) => {
                self.stats.refused = self.stats.refused.saturating_add(1);
                Err(Open { retry_at })
            }
        }
    }

    /// The call succeeded.
    pub fn on_success(&mut self, permit: Permit, now: Instant) {
        let now = self.settle(now);
        if !self.is_current(&permit) {
            return;
        }
        match &mut self.phase {
            Phase::Closed { failures_in_a_row } => {
                *failures_in_a_row = 0;
                if let Some(window) = &mut self.window {
                    window.record(now, false);
                }
            }
            Phase::HalfOpen { under_way, succeeded, progress } => {
                *under_way = under_way.saturating_sub(1);
                *succeeded = succeeded.saturating_add(1);
                *progress = now;
                if *succeeded >= self.config.successes {
                    self.close();
                }
            }
            // Gives no permits, so none is of this state.
            Phase::Open { .. } => {}
        }
    }

    /// The call failed.
    pub fn on_failure(&mut self, permit: Permit, now: Instant) {
        let now = self.settle(now);
        if !self.is_current(&permit) {
            return;
        }
        match &mut self.phase {
            Phase::Closed { failures_in_a_row } => {
                *failures_in_a_row = failures_in_a_row.saturating_add(1);
                let in_a_row = self.config.consecutive.is_some_and(|most| *failures_in_a_row >= most);
                if self.records_too_many(now) || in_a_row {
                    self.open(now);
                }
            }
            Phase::HalfOpen { .. } => self.open(now),
            Phase::Open { .. } => {}
        }
    }

    /// The call was not made, or given up without an outcome: it counts for nothing, and a trial is free again.
    pub fn on_cancel(&mut self, permit: Permit) {
        let now = self.latest;
        if !self.is_current(&permit) {
            return;
        }
        if let Phase::HalfOpen { under_way, progress, .. } = &mut self.phase {
            *under_way = under_way.saturating_sub(1);
            *progress = now;
        }
    }

    /// The state at `now`.
    pub fn state(&mut self, now: Instant) -> BreakerState {
        self.settle(now);
        match self.phase {
            Phase::Closed { .. } => BreakerState::Closed,
            Phase::Open { until } => BreakerState::Open { until },
            Phase::HalfOpen { under_way, succeeded, .. } => BreakerState::HalfOpen { under_way, succeeded },
        }
    }

    /// What has been counted so far.
    #[must_use]
    pub const fn stats(&self) -> BreakerStats {
        self.stats
    }

    /// Does what time alone does, and says which time it is.
    fn settle(&mut self, now: Instant) -> Instant {
        self.latest = self.latest.max(now);
        let now = self.latest;
        if let Phase::HalfOpen { under_way, progress, .. } = self.phase {
            let lost = progress + self.config.trial_timeout;
            if under_way >= self.config.trials && lost <= now {
                self.open(lost);
            }
        }
        if let Phase::Open { until } = self.phase {
            if until <= now {
                self.enter(Phase::HalfOpen { under_way: 0, succeeded: 0, progress: now });
            }
        }
        now
    }

    fn is_current(&mut self, permit: &Permit) -> bool {
        let current = permit.generation == self.generation;
        self.stats.stale = self.stats.stale.saturating_add((!current).into());
        current
    }

    /// Counts a failure, and says whether the rate is now too high.
    fn records_too_many(&mut self, now: Instant) -> bool {
        let Some((window, rate)) = self.window.as_mut().zip(self.config.rate) else { return false };
        window.record(now, true);
        let counts = window.counts();
        let share = u128::from(counts.failures) * 100;
        counts.calls >= rate.minimum.into() && share >= u128::from(counts.calls) * u128::from(rate.percent)
    }

    fn open(&mut self, now: Instant) {
        let more = self.growth.as_mut().and_then(Backoff::next_delay).unwrap_or(Duration::ZERO);
        self.stats.opened = self.stats.opened.saturating_add(1);
        self.enter(Phase::Open { until: now + self.config.open_for + more });
    }

    fn close(&mut self) {
        if let Some(growth) = &mut self.growth {
            growth.reset();
        }
        if let Some(window) = &mut self.window {
            window.clear();
        }
        self.enter(Phase::Closed { failures_in_a_row: 0 });
    }

    /// Permits of the state before do not count for this one.
    fn enter(&mut self, phase: Phase) {
        self.generation = self.generation.wrapping_add(1);
        self.phase = phase;
    }
}
