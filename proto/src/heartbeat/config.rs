//! How often to ping, and when to give up.

use core::fmt;
use core::time::Duration;

/// Settings of a [`Heartbeat`](super::Heartbeat).
///
/// By default a ping every 15 s, 5 s for an answer, 2 misses allowed and no idle limit: a dead peer is
/// noticed after at most 30 s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeartbeatConfig {
    pub(super) interval: Duration,
    pub(super) probe_timeout: Duration,
    pub(super) misses: u32,
    pub(super) idle: Option<Duration>,
}

impl HeartbeatConfig {
    /// The shortest any of the durations may be: below it a connection would mostly heartbeat.
    pub const MIN: Duration = Duration::from_millis(1);

    /// The longest time between two pings; at least [`HeartbeatConfig::MIN`]. Each period is drawn evenly
    /// from 0.9 to 1.0 times this, so that connections made together do not ping together.
    #[must_use]
    pub const fn with_interval(self, interval: Duration) -> Self {
        Self { interval, ..self }
    }

    /// How long nothing at all may come in answer to a ping; at least [`HeartbeatConfig::MIN`].
    #[must_use]
    pub const fn with_probe_timeout(self, probe_timeout: Duration) -> Self {
        Self { probe_timeout, ..self }
    }

    /// How many pings in a row may go unanswered; one more and the peer is dead.
    #[must_use]
    pub const fn with_misses(self, misses: u32) -> Self {
        Self { misses, ..self }
    }

    /// How long there may be no application message either way; at least [`HeartbeatConfig::MIN`]. `None`:
    /// for ever.
    #[must_use]
    pub const fn with_idle(self, idle: Option<Duration>) -> Self {
        Self { idle, ..self }
    }

    /// Whether the fields are in range.
    ///
    /// # Errors
    /// Names the field that is not.
    pub fn validate(&self) -> Result<(), HeartbeatError> {
        if self.interval < Self::MIN {
            return Err(HeartbeatError::Interval);
        }
        if self.probe_timeout < Self::MIN {
            return Err(HeartbeatError::ProbeTimeout);
        }
        if self.idle.is_some_and(|idle| idle < Self::MIN) {
            return Err(HeartbeatError::Idle);
        }
        Ok(())
    }
}

impl Default for HeartbeatConfig {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(15),
            probe_timeout: Duration::from_secs(5),
            misses: 2,
            idle: None,
        }
    }
}

/// Which field of a [`HeartbeatConfig`] is out of range.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeartbeatError {
    /// `interval` is below [`HeartbeatConfig::MIN`].
    Interval,
    /// `probe_timeout` is below [`HeartbeatConfig::MIN`].
    ProbeTimeout,
    /// `idle` is below [`HeartbeatConfig::MIN`].
    Idle,
}

impl fmt::Display for HeartbeatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = match self {
            Self::Interval => "interval",
            Self::ProbeTimeout => "probe_timeout",
            Self::Idle => "idle",
        };
        write!(f, "heartbeat: {field} is too short; give at least {:?}", HeartbeatConfig::MIN)
    }
}

impl core::error::Error for HeartbeatError {}
