//! How long to wait before trying again: exponential backoff with full jitter.
//!
//! Only delays are computed here; what is tried, and whether an error is worth another try, is not decided
//! here.

use crate::entropy::Jitter;
use crate::time::nanos;
use core::fmt;
use core::time::Duration;

/// Settings of a [`Backoff`]. The default is 100 ms growing to 30 s, without end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackoffConfig {
    base: Duration,
    cap: Duration,
    attempts: Option<u32>,
}

impl BackoffConfig {
    /// The upper end of the first delay; more than zero. Each later one is twice as high, up to the cap.
    #[must_use]
    pub const fn with_base(self, base: Duration) -> Self {
        Self { base, ..self }
    }

    /// The highest a delay can get; at least the base.
    #[must_use]
    pub const fn with_cap(self, cap: Duration) -> Self {
        Self { cap, ..self }
    }

    /// How many delays there are before giving up. `None`: no end; zero: do not try again.
    #[must_use]
    pub const fn with_attempts(self, attempts: Option<u32>) -> Self {
        Self { attempts, ..self }
    }

    /// Whether the fields make sense.
    ///
    /// # Errors
    /// Names the field that does not.
    pub fn validate(&self) -> Result<(), BackoffError> {
        if self.base.is_zero() {
            return Err(BackoffError::Base);
        }
        if self.cap < self.base {
            return Err(BackoffError::Cap);
        }
        Ok(())
    }
}

impl Default for BackoffConfig {
    fn default() -> Self {
        Self { base: Duration::from_millis(100), cap: Duration::from_secs(30), attempts: None }
    }
}

/// Which field of a [`BackoffConfig`] is out of range.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackoffError {
    /// `base` is zero.
    Base,
    /// `cap` is below `base`.
    Cap,
}

impl fmt::Display for BackoffError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Base => "backoff: base is zero and tries would never be spaced out; give a duration",
            Self::Cap => "backoff: cap is below base; raise it to at least base",
        })
    }
}

impl core::error::Error for BackoffError {}

/// The delays between tries. The n-th (from 0) is uniform over zero to `min(cap, base * 2^n)`, so that
/// clients that failed together do not come back together.
#[derive(Clone, Debug)]
pub struct Backoff {
    config: BackoffConfig,
    jitter: Jitter,
    given: u32,
}

impl Backoff {
    /// Starts at the base. A config that [`BackoffConfig::validate`] refuses gives poor delays, nothing worse.
    #[must_use]
    pub const fn new(config: BackoffConfig, jitter: Jitter) -> Self {
        Self { config, jitter, given: 0 }
    }

    /// How long to wait before the next try, or `None` if there shall be none.
    #[must_use = "a delay that is drawn is used up"]
    pub fn next_delay(&mut self) -> Option<Duration> {
        if self.config.attempts.is_some_and(|attempts| self.given >= attempts) {
            return None;
        }
        let factor = 1_u64.checked_shl(self.given).unwrap_or(u64::MAX);
        let ceiling = nanos(self.config.base).saturating_mul(factor).min(nanos(self.config.cap));
        self.given = self.given.saturating_add(1);
        Some(self.jitter.up_to(Duration::from_nanos(ceiling)))
    }

    /// Starts over, after a try succeeded.
    pub const fn reset(&mut self) {
        self.given = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn backoff(base: Duration, cap: Duration, seed: u64) -> Backoff {
        Backoff::new(BackoffConfig::default().with_base(base).with_cap(cap), Jitter::new(seed))
    }

    #[test]
    fn the_field_out_of_range_is_named() {
        let ok = BackoffConfig::default();
        for (config, want) in [
            (ok, Ok(())),
            (ok.with_base(Duration::ZERO), Err(BackoffError::Base)),
            (ok.with_cap(99 * MS), Err(BackoffError::Cap)),
            (ok.with_cap(100 * MS), Ok(())),
        ] {
            assert_eq!(config.validate(), want, "{config:?}");
        }
    }

    #[test]
    fn each_delay_fills_its_own_range_and_the_range_doubles_up_to_the_cap() {
        for (n, ceiling) in [10_u32, 20, 40, 80, 100, 100].into_iter().enumerate() {
            let draws: alloc::vec::Vec<_> = (0..500)
                .filter_map(|seed| {
                    let mut backoff = backoff(10 * MS, 100 * MS, seed);
                    (0..=n).filter_map(|_| backoff.next_delay()).last()
                })
                .collect();
            let (low, high) = (draws.iter().min().unwrap(), draws.iter().max().unwrap());
            assert!(*low < ceiling * MS / 10, "delay {n}: lowest {low:?}");
            assert!(*high > ceiling * MS * 9 / 10 && *high <= ceiling * MS, "delay {n}: highest {high:?}");
        }
    }

    #[test]
    fn attempts_end_and_a_reset_starts_over() {
        for attempts in [0, 1, 5] {
            let config = BackoffConfig::default().with_attempts(Some(attempts));
            let mut backoff = Backoff::new(config, Jitter::new(1));
            for _ in 0..2 {
                let given = core::iter::from_fn(|| backoff.next_delay()).take(10).count();
                assert_eq!(given, attempts as usize);
                backoff.reset();
                let first = backoff.next_delay();
                assert!(first.is_none_or(|delay| delay <= 100 * MS));
                backoff.reset();
            }
        }
    }

    #[test]
    fn no_number_of_tries_overflows() {
        for (base, cap) in [(MS, 100 * MS), (Duration::MAX, Duration::MAX), (Duration::from_nanos(3), MS)] {
            let cap = Duration::from_nanos(nanos(cap));
            for given in [62, 63, 64, 65, 200, u32::MAX - 1, u32::MAX] {
                let draws = (0..100).filter_map(|seed| {
                    let mut backoff = backoff(base, cap, seed);
                    backoff.given = given;
                    backoff.next_delay().filter(|_| backoff.given == given.saturating_add(1))
                });
                let highest = draws.max().unwrap();
                assert!(cap / 2 < highest && highest <= cap, "try {given}: {highest:?} of {cap:?}");
            }
        }
    }
}
