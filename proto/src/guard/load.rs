//! Whether a responder has so much to do that strangers must show first that they can be reached.

use crate::limit::{Gcra, Rate, RateError};
use crate::time::Instant;
use core::fmt;
use core::time::Duration;

/// Settings of a [`Load`].
///
/// By default loaded from 500 handshakes a second on, of which 250 may come at once, or 64 in progress, and for one
/// second more. With about 0.2 ms of work for each, 500 a second are a tenth of a processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadConfig {
    per_second: u64,
    burst: u64,
    backlog: usize,
    hold: Duration,
}

impl LoadConfig {
    /// Handshakes that may begin each second on average without load; at least 1.
    #[must_use]
    pub const fn with_per_second(self, per_second: u64) -> Self {
        Self { per_second, ..self }
    }

    /// Handshakes that may begin at once after a pause without load; at least 1.
    #[must_use]
    pub const fn with_burst(self, burst: u64) -> Self {
        Self { burst, ..self }
    }

    /// Handshakes in progress that are load; at least 1. To be less than the most that are admitted at once
    /// ([`AdmissionConfig::with_max_handshakes`](crate::limit::AdmissionConfig::with_max_handshakes)).
    #[must_use]
    pub const fn with_backlog(self, backlog: usize) -> Self {
        Self { backlog, ..self }
    }

    /// How long load lasts after its cause has gone; more than zero. It keeps the answer from changing with every
    /// handshake, and gives who got a cookie the time to use it.
    #[must_use]
    pub const fn with_hold(self, hold: Duration) -> Self {
        Self { hold, ..self }
    }
}

impl Default for LoadConfig {
    fn default() -> Self {
        Self { per_second: 500, burst: 250, backlog: 64, hold: Duration::from_secs(1) }
    }
}

/// Which field of a [`LoadConfig`] is out of range.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadError {
    /// `per_second` or `burst` is zero.
    Rate(RateError),
    /// `backlog` is zero.
    Backlog,
    /// `hold` is zero.
    Hold,
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rate(error) => write!(f, "load: {error}"),
            Self::Backlog => {
                f.write_str("load: backlog is zero and there would always be load; give at least 1")
            }
            Self::Hold => f.write_str("load: hold is zero and there would never be load; give a duration"),
        }
    }
}

impl core::error::Error for LoadError {}

/// Says whether there is load: from the rate at which handshakes begin, and from how many are in progress.
///
/// A `now` earlier than one given before counts as that one.
#[derive(Debug)]
pub struct Load {
    rate: Gcra,
    backlog: usize,
    hold: Duration,
    until: Option<Instant>,
    latest: Instant,
}

impl Load {
    /// No load yet.
    ///
    /// # Errors
    /// Names the field of `config` that is out of range.
    pub fn new(config: LoadConfig) -> Result<Self, LoadError> {
        let rate = Rate::new(config.per_second, config.burst).map_err(LoadError::Rate)?;
        if config.backlog == 0 {
            return Err(LoadError::Backlog);
        }
        if config.hold.is_zero() {
            return Err(LoadError::Hold);
        }
        Ok(Self {
            rate: Gcra::new(rate),
            backlog: config.backlog,
            hold: config.hold,
            until: None,
            latest: Instant::ZERO,
        })
    }

    /// A handshake wants to begin, whatever becomes of it.
    pub fn on_handshake(&mut self, now: Instant) {
        let now = self.at(now);
        // Those beyond the rate are not charged: a flood makes load while it lasts and no longer.
        if self.rate.try_take(now, 1).is_err() {
            self.until = Some(now + self.hold);
        }
    }

    /// Whether there is load at `now`, with `backlog` handshakes in progress.
    pub fn is_loaded(&mut self, now: Instant, backlog: usize) -> bool {
        let now = self.at(now);
        if backlog >= self.backlog {
            self.until = Some(now + self.hold);
        }
        self.until.is_some_and(|until| now < until)
    }

    fn at(&mut self, now: Instant) -> Instant {
        self.latest = self.latest.max(now);
        self.latest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    fn at(millis: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(millis)
    }

    /// 10 a second, 2 at once, 5 in progress, one second.
    fn config() -> LoadConfig {
        LoadConfig::default().with_per_second(10).with_burst(2).with_backlog(5)
    }

    #[test]
    fn the_field_out_of_range_is_named() {
        for (config, error, name) in [
            (config().with_per_second(0), LoadError::Rate(RateError::PerSecond), "per_second"),
            (config().with_burst(0), LoadError::Rate(RateError::Burst), "burst"),
            (config().with_backlog(0), LoadError::Backlog, "backlog"),
            (config().with_hold(Duration::ZERO), LoadError::Hold, "hold"),
        ] {
            assert_eq!(Load::new(config).err(), Some(error));
            assert!(error.to_string().contains(name), "{error}");
        }
    }

    /// Whether there is load after handshakes at these times, looked at with nothing in progress.
    fn loaded(config: LoadConfig, handshakes: &[u64], now: u64) -> bool {
        let mut load = Load::new(config).unwrap();
        handshakes.iter().for_each(|millis| load.on_handshake(at(*millis)));
        load.is_loaded(at(now), 0)
    }

    #[test]
    fn handshakes_beyond_the_burst_or_the_rate_are_load() {
        let steady: [u64; 20] = core::array::from_fn(|i| 100 * i as u64);
        let fast: [u64; 20] = core::array::from_fn(|i| 90 * i as u64);
        for (config, handshakes, now, want) in [
            (config(), &[0, 0][..], 0, false),
            (config(), &[0, 0, 0], 0, true),
            (config().with_burst(3), &[0, 0, 0], 0, false),
            (config(), &steady, 1_900, false),
            (config(), &fast, 1_710, true),
            (config().with_per_second(12), &fast, 1_710, false),
        ] {
            assert_eq!(loaded(config, handshakes, now), want, "{config:?} {handshakes:?}");
        }
    }

    #[test]
    fn load_lasts_as_long_as_it_is_to_be_held() {
        for (hold, now, want) in
            [(1_000, 999, true), (1_000, 1_000, false), (300, 299, true), (300, 300, false)]
        {
            let config = config().with_hold(Duration::from_millis(hold));
            assert_eq!(loaded(config, &[0; 3], now), want, "{hold} {now}");
        }
        // A flood leaves no debt.
        assert!(!loaded(config(), &[0; 1_000], 1_000));
    }

    #[test]
    fn handshakes_in_progress_are_load() {
        let mut load = Load::new(config()).unwrap();
        for (millis, backlog, want) in
            [(0, 4, false), (0, 5, true), (999, 0, true), (1_000, 4, false), (1_500, 9, true), (0, 0, true)]
        {
            assert_eq!(load.is_loaded(at(millis), backlog), want, "{millis} {backlog}");
        }
        assert!(!load.is_loaded(at(2_500), 0));
    }
}
