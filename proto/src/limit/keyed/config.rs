//! How many attempts a source has, and how much memory remembering them may take.

use core::fmt;
use core::time::Duration;

/// Settings of a [`KeyedLimiter`](super::KeyedLimiter).
///
/// The default is 10 attempts, a cool-down of 30 s and 10,000 sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyedConfig {
    pub(super) attempts: u32,
    pub(super) cool_down: Duration,
    pub(super) sources: usize,
}

impl KeyedConfig {
    /// The largest number of sources: 512 MiB of memory.
    pub const MAX_SOURCES: usize = 1 << 24;

    /// For what should rarely fail, on a public address: 5 attempts, a cool-down of 60 s, 100,000 sources.
    #[must_use]
    pub const fn strict() -> Self {
        Self { attempts: 5, cool_down: Duration::from_secs(60), sources: 100_000 }
    }

    /// Against accidents rather than attacks: 100 attempts, a cool-down of 1 s, 1,000 sources.
    #[must_use]
    pub const fn lenient() -> Self {
        Self { attempts: 100, cool_down: Duration::from_secs(1), sources: 1_000 }
    }

    /// Attempts a source has within a cool-down's length; at least 1.
    #[must_use]
    pub const fn with_attempts(self, attempts: u32) -> Self {
        Self { attempts, ..self }
    }

    /// How long a source that made too many attempts is refused, and the length of the window attempts are
    /// counted in. More than zero.
    #[must_use]
    pub const fn with_cool_down(self, cool_down: Duration) -> Self {
        Self { cool_down, ..self }
    }

    /// How many sources are remembered (32 bytes each), from 1 to [`KeyedConfig::MAX_SOURCES`]; rounded up
    /// to a multiple of 8.
    #[must_use]
    pub const fn with_sources(self, sources: usize) -> Self {
        Self { sources, ..self }
    }

    pub(super) const fn validate(&self) -> Result<(), KeyedError> {
        if self.attempts == 0 {
            return Err(KeyedError::Attempts);
        }
        if self.cool_down.is_zero() {
            return Err(KeyedError::CoolDown);
        }
        if self.sources == 0 || self.sources > Self::MAX_SOURCES {
            return Err(KeyedError::Sources);
        }
        Ok(())
    }
}

impl Default for KeyedConfig {
    fn default() -> Self {
        Self { attempts: 10, cool_down: Duration::from_secs(30), sources: 10_000 }
    }
}

/// Which field of a [`KeyedConfig`] is out of range.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyedError {
    /// `attempts` is zero.
    Attempts,
    /// `cool_down` is zero.
    CoolDown,
    /// `sources` is zero or above [`KeyedConfig::MAX_SOURCES`].
    Sources,
}

impl fmt::Display for KeyedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Attempts => {
                f.write_str("attempts is zero and every source would be refused; give at least 1")
            }
            Self::CoolDown => f.write_str("cool_down is zero and nothing would be limited; give a duration"),
            Self::Sources => {
                write!(f, "sources is out of range; give 1 to {}", KeyedConfig::MAX_SOURCES)
            }
        }
    }
}

impl core::error::Error for KeyedError {}
