//! How many connections a pool has, for how long, and how many may wait for one.

use core::fmt;
use core::time::Duration;

/// Settings of a [`Pool`](super::Pool).
///
/// By default 10 connections, all of which may be idle, each for 10 minutes and used for 30; 1024 wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolConfig {
    pub(super) max_total: usize,
    pub(super) max_idle: usize,
    pub(super) max_waiting: usize,
    pub(super) max_lifetime: Option<Duration>,
    pub(super) idle_timeout: Option<Duration>,
}

impl PoolConfig {
    /// Connections at once, those that are being opened included; at least 1.
    #[must_use]
    pub const fn with_max_total(self, max_total: usize) -> Self {
        Self { max_total, ..self }
    }

    /// Idle connections that are kept. Zero: none, each is used once.
    #[must_use]
    pub const fn with_max_idle(self, max_idle: usize) -> Self {
        Self { max_idle, ..self }
    }

    /// How many may wait for a connection. Zero: nobody waits, there is one or there is none.
    #[must_use]
    pub const fn with_max_waiting(self, max_waiting: usize) -> Self {
        Self { max_waiting, ..self }
    }

    /// How long after it was opened a connection is not handed out again; more than zero. One that is in use then is
    /// used to the end. `None`: there is no such time.
    #[must_use]
    pub const fn with_max_lifetime(self, max_lifetime: Option<Duration>) -> Self {
        Self { max_lifetime, ..self }
    }

    /// How long a connection may be idle; more than zero. `None`: for ever.
    #[must_use]
    pub const fn with_idle_timeout(self, idle_timeout: Option<Duration>) -> Self {
        Self { idle_timeout, ..self }
    }

    pub(super) fn validate(&self) -> Result<(), PoolError> {
        if self.max_total == 0 {
            return Err(PoolError::MaxTotal);
        }
        if self.max_lifetime == Some(Duration::ZERO) {
            return Err(PoolError::MaxLifetime);
        }
        if self.idle_timeout == Some(Duration::ZERO) {
            return Err(PoolError::IdleTimeout);
        }
        Ok(())
    }
}

impl Default for PoolConfig {
    fn default() -> Self {
        Self {
            max_total: 10,
            max_idle: 10,
            max_waiting: 1024,
            max_lifetime: Some(Duration::from_secs(30 * 60)),
            idle_timeout: Some(Duration::from_secs(10 * 60)),
        }
    }
}

/// Which field of a [`PoolConfig`] is out of range.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolError {
    /// `max_total` is zero.
    MaxTotal,
    /// `max_lifetime` is zero.
    MaxLifetime,
    /// `idle_timeout` is zero.
    IdleTimeout,
}

impl fmt::Display for PoolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MaxTotal => {
                "pool: max_total is zero and there would never be a connection; give at least 1"
            }
            Self::MaxLifetime => "pool: max_lifetime is zero; give a duration, or None",
            Self::IdleTimeout => "pool: idle_timeout is zero; give a duration, or set max_idle to zero",
        })
    }
}

impl core::error::Error for PoolError {}
