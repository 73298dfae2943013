//! How old a first message may be, and how much memory remembering them may take.

use core::fmt;
use core::time::Duration;

/// Settings of a [`ReplayFilter`](super::ReplayFilter).
///
/// By default a message may be 60 s old, or 1 s ahead if it waits for that long, must have a timestamp, and 4,096 keys are remembered (548 KiB).
///
/// `window` is for an initiator whose clock is behind, and for the way; `skew` for one whose clock is ahead. Both count
/// against this end's own clock. Clocks kept by NTP agree to well below a second. A longer window costs nothing but memory of
/// more messages; whose clock is ahead is kept waiting until its time has come.
///
/// After a restart everything is refused that says an earlier time than the start: an initiator whose clock is behind is
/// refused for as long as it is behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplayConfig {
    pub(super) window: Duration,
    pub(super) skew: Duration,
    pub(super) keys: usize,
    pub(super) require_timestamp: bool,
    pub(super) resume: Option<Duration>,
}

impl ReplayConfig {
    /// The largest number of keys: 137 MiB of memory.
    pub const MAX_KEYS: usize = 1 << 20;

    /// How old a timestamp may be; more than zero.
    #[must_use]
    pub const fn with_window(self, window: Duration) -> Self {
        Self { window, ..self }
    }

    /// How far ahead a timestamp may be: so long its message waits ([`Replay::Early`](super::Replay::Early)).
    #[must_use]
    pub const fn with_skew(self, skew: Duration) -> Self {
        Self { skew, ..self }
    }

    /// How many static keys, and first messages without one, are remembered (137 bytes each), from 1 to
    /// [`ReplayConfig::MAX_KEYS`]; rounded up to a multiple of 8. Enough for those that connect within `window`.
    #[must_use]
    pub const fn with_keys(self, keys: usize) -> Self {
        Self { keys, ..self }
    }

    /// Whether a message without a timestamp is refused.
    ///
    /// If not, such a message is only compared with those in memory: it can be replayed after a restart, or once
    /// enough others have been seen. Weaker; for peers that have no clock.
    #[must_use]
    pub const fn with_require_timestamp(self, require_timestamp: bool) -> Self {
        Self { require_timestamp, ..self }
    }

    /// The newest timestamp that was accepted under this responder's key before, as
    /// [`ReplayFilter::newest`](super::ReplayFilter::newest) gave it when the filter before this one stopped;
    /// [`Duration::ZERO`] if there was none. Then only what is newer is accepted, from the start on.
    ///
    /// `None`, the default: not known, so that everything up to the start is refused.
    #[must_use]
    pub const fn with_resume(self, resume: Option<Duration>) -> Self {
        Self { resume, ..self }
    }

    pub(in crate::guard) const fn resume(&self) -> Option<Duration> {
        self.resume
    }

    pub(super) const fn validate(&self) -> Result<(), ReplayError> {
        if self.window.is_zero() {
            return Err(ReplayError::Window);
        }
        if self.keys == 0 || self.keys > Self::MAX_KEYS {
            return Err(ReplayError::Keys);
        }
        Ok(())
    }
}

impl Default for ReplayConfig {
    fn default() -> Self {
        Self {
            window: Duration::from_secs(60),
            skew: Duration::from_secs(1),
            keys: 4096,
            require_timestamp: true,
            resume: None,
        }
    }
}

/// Which field of a [`ReplayConfig`] is out of range.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplayError {
    /// `window` is zero.
    Window,
    /// `keys` is zero or above [`ReplayConfig::MAX_KEYS`].
    Keys,
}

impl fmt::Display for ReplayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Window => {
                f.write_str("replay: window is zero and every message would be too old; give a duration")
            }
            Self::Keys => write!(f, "replay: keys is out of range; give 1 to {}", ReplayConfig::MAX_KEYS),
        }
    }
}

impl core::error::Error for ReplayError {}
