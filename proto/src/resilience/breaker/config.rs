//! When a breaker opens, for how long, and what it takes to close it again.

use crate::backoff::{BackoffConfig, BackoffError};
use core::fmt;
use core::time::Duration;

/// What the failure rate is taken of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateWindow {
    /// The last so many calls, from 1 to [`RateWindow::MAX_CALLS`]; a bit of memory each.
    Calls(u32),
    /// The calls reported in this time, at least [`RateWindow::MIN_TIME`]. Counted in tenths of it: nothing older
    /// counts, and the oldest tenth is forgotten as a whole.
    Time(Duration),
}

impl RateWindow {
    /// The most calls a window has: 8 KiB of memory.
    pub const MAX_CALLS: u32 = 1 << 16;
    /// The shortest window of time.
    pub const MIN_TIME: Duration = Duration::from_millis(1);

    const fn is_in_range(self) -> bool {
        match self {
            Self::Calls(calls) => calls >= 1 && calls <= Self::MAX_CALLS,
            Self::Time(time) => time.as_nanos() >= Self::MIN_TIME.as_nanos(),
        }
    }
}

/// The share of calls that may fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FailureRate {
    pub(super) percent: u32,
    pub(super) minimum: u32,
    pub(super) window: RateWindow,
}

impl FailureRate {
    /// A breaker opens at a failure once `percent` (1 to 100) of the calls in `window` have failed, if there are at
    /// least `minimum` of them: at least 1, and no more than the window holds.
    #[must_use]
    pub const fn new(percent: u32, minimum: u32, window: RateWindow) -> Self {
        Self { percent, minimum, window }
    }

    const fn validate(&self) -> Result<(), BreakerError> {
        if self.percent < 1 || self.percent > 100 {
            return Err(BreakerError::Percent);
        }
        if !self.window.is_in_range() {
            return Err(BreakerError::Window);
        }
        match self.window {
            RateWindow::Calls(calls) if self.minimum > calls => Err(BreakerError::Minimum),
            _ if self.minimum == 0 => Err(BreakerError::Minimum),
            _ => Ok(()),
        }
    }
}

/// Settings of a [`Breaker`](super::Breaker).
///
/// By default it opens at 5 failures in a row, for 30 s each time, lets one trial through at a time, gives it 60 s, and
/// closes when one succeeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerConfig {
    pub(super) consecutive: Option<u32>,
    pub(super) rate: Option<FailureRate>,
    pub(super) open_for: Duration,
    pub(super) growth: Option<BackoffConfig>,
    pub(super) trials: u32,
    pub(super) successes: u32,
    pub(super) trial_timeout: Duration,
}

impl BreakerConfig {
    /// Opens at this many failures in a row; at least 1. `None`: however many there are in a row.
    #[must_use]
    pub const fn with_consecutive(self, consecutive: Option<u32>) -> Self {
        Self { consecutive, ..self }
    }

    /// Opens at this rate of failures. `None`, the default: at no rate, and no memory for it.
    #[must_use]
    pub const fn with_rate(self, rate: Option<FailureRate>) -> Self {
        Self { rate, ..self }
    }

    /// How long nothing is let through each time; more than zero.
    #[must_use]
    pub const fn with_open_for(self, open_for: Duration) -> Self {
        Self { open_for, ..self }
    }

    /// A delay of this backoff is added to each `open_for`, and the backoff starts over when the breaker closes: the
    /// longer the peer stays away, the rarer it is tried, and clients that failed together do not come back together.
    /// Its number of attempts does not matter. `None`, the default: nothing is added.
    #[must_use]
    pub const fn with_growth(self, growth: Option<BackoffConfig>) -> Self {
        Self { growth, ..self }
    }

    /// Calls that may be under way at once while it is tried whether the peer is back; at least 1.
    #[must_use]
    pub const fn with_trials(self, trials: u32) -> Self {
        Self { trials, ..self }
    }

    /// Trials that must succeed for the breaker to close; at least 1. It may be more than are under way at once.
    #[must_use]
    pub const fn with_successes(self, successes: u32) -> Self {
        Self { successes, ..self }
    }

    /// When all trials are under way and for this long none has begun or been reported, they count as failed: a
    /// report that got lost must not keep the breaker half-open for ever. More than zero.
    #[must_use]
    pub const fn with_trial_timeout(self, trial_timeout: Duration) -> Self {
        Self { trial_timeout, ..self }
    }

    pub(super) fn validate(&self) -> Result<(), BreakerError> {
        if self.consecutive.is_none() && self.rate.is_none() {
            return Err(BreakerError::NoTrigger);
        }
        if self.consecutive == Some(0) {
            return Err(BreakerError::Consecutive);
        }
        if let Some(rate) = &self.rate {
            rate.validate()?;
        }
        if self.open_for.is_zero() {
            return Err(BreakerError::OpenFor);
        }
        if let Some(growth) = &self.growth {
            growth.validate().map_err(BreakerError::Growth)?;
        }
        if self.trials == 0 {
            return Err(BreakerError::Trials);
        }
        if self.successes == 0 {
            return Err(BreakerError::Successes);
        }
        if self.trial_timeout.is_zero() {
            return Err(BreakerError::TrialTimeout);
        }
        Ok(())
    }
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self {
            consecutive: Some(5),
            rate: None,
            open_for: Duration::from_secs(30),
            growth: None,
            trials: 1,
            successes: 1,
            trial_timeout: Duration::from_secs(60),
        }
    }
}

/// Which field of a [`BreakerConfig`] is out of range.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerError {
    /// Neither `consecutive` nor `rate` is given.
    NoTrigger,
    /// `consecutive` is zero.
    Consecutive,
    /// The rate's `percent` is not 1 to 100.
    Percent,
    /// The rate's `minimum` is zero or more than its window holds.
    Minimum,
    /// The rate's `window` is none, or too large.
    Window,
    /// `open_for` is zero.
    OpenFor,
    /// A field of `growth`.
    Growth(BackoffError),
    /// `trials` is zero.
    Trials,
    /// `successes` is zero.
    Successes,
    /// `trial_timeout` is zero.
    TrialTimeout,
}

impl fmt::Display for BreakerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Window => {
                let (calls, time) = (RateWindow::MAX_CALLS, RateWindow::MIN_TIME);
                return write!(
                    f,
                    "breaker: window is out of range; give 1 to {calls} calls, or at least {time:?}"
                );
            }
            Self::Growth(error) => return write!(f, "breaker: growth: {error}"),
            Self::NoTrigger => "breaker: nothing would ever open it; give consecutive or rate",
            Self::Consecutive => "breaker: consecutive is zero; give at least 1, or None",
            Self::Percent => "breaker: percent is out of range; give 1 to 100",
            Self::Minimum => "breaker: minimum is zero or more calls than the window holds",
            Self::OpenFor => "breaker: open_for is zero and it would never keep a call back; give a duration",
            Self::Trials => "breaker: trials is zero and it would never close again; give at least 1",
            Self::Successes => "breaker: successes is zero; give at least 1",
            Self::TrialTimeout => {
                "breaker: trial_timeout is zero and every trial would fail; give a duration"
            }
        })
    }
}

impl core::error::Error for BreakerError {}
