//! What a listener lets in: attempts per source, handshakes in progress, sessions.
//!
//! Counting only: accepting, closing and waiting are the listener's work.

#[cfg(test)]
mod tests;

use super::keyed::{KeyedConfig, KeyedError, KeyedLimiter, Source, Verdict};
use crate::entropy::Seed;
use crate::time::Instant;
use core::fmt;

/// Settings of an [`Admission`]. By default 256 handshakes at once, 10,000 sessions and, for each source,
/// [`KeyedConfig::default`] and an eighth of the handshakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdmissionConfig {
    keyed: Option<KeyedConfig>,
    max_handshakes: usize,
    max_handshakes_per_source: Option<usize>,
    max_sessions: usize,
}

impl AdmissionConfig {
    /// The limit on each source's attempts. `None`: no limits for each source, and no memory for them.
    #[must_use]
    pub const fn with_keyed(self, keyed: Option<KeyedConfig>) -> Self {
        Self { keyed, ..self }
    }

    /// Handshakes in progress at once; at least 1.
    #[must_use]
    pub const fn with_max_handshakes(self, max_handshakes: usize) -> Self {
        Self { max_handshakes, ..self }
    }

    /// Handshakes of one source in progress at once, where sources have limits ([`AdmissionConfig::with_keyed`]); at least 1.
    /// `None`, the default: an eighth of all, so that no source keeps out the others.
    #[must_use]
    pub const fn with_max_handshakes_per_source(self, max: Option<usize>) -> Self {
        Self { max_handshakes_per_source: max, ..self }
    }

    /// Sessions at once, handshakes in progress included; at least 1.
    #[must_use]
    pub const fn with_max_sessions(self, max_sessions: usize) -> Self {
        Self { max_sessions, ..self }
    }
}

impl Default for AdmissionConfig {
    fn default() -> Self {
        Self {
            keyed: Some(KeyedConfig::default()),
            max_handshakes: 256,
            max_handshakes_per_source: None,
            max_sessions: 10_000,
        }
    }
}

/// Which field of an [`AdmissionConfig`] is out of range.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdmissionError {
    /// A field of `keyed`.
    Keyed(KeyedError),
    /// `max_handshakes` is zero.
    MaxHandshakes,
    /// `max_handshakes_per_source` is zero.
    MaxHandshakesPerSource,
    /// `max_sessions` is zero.
    MaxSessions,
}

impl fmt::Display for AdmissionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = match self {
            Self::Keyed(error) => return write!(f, "admission: {error}"),
            Self::MaxHandshakes => "max_handshakes",
            Self::MaxHandshakesPerSource => "max_handshakes_per_source",
            Self::MaxSessions => "max_sessions",
        };
        write!(f, "admission: {field} is zero and nobody would ever get in; give at least 1")
    }
}

impl core::error::Error for AdmissionError {}

/// Why a connection was not admitted.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// This source tried too often.
    TooManyAttempts {
        /// From when it is served again.
        until: Instant,
    },
    /// As many handshakes are in progress as may be.
    TooManyHandshakes,
    /// As many handshakes of this source are in progress as may be.
    TooManyHandshakesOfSource,
    /// There are as many sessions and handshakes as may be.
    TooManySessions,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooManyAttempts { .. } => "too many attempts from this source; it must wait",
            Self::TooManyHandshakes => "too many handshakes in progress; retry soon or raise max_handshakes",
            Self::TooManyHandshakesOfSource => {
                "too many handshakes of this source in progress; retry soon or raise max_handshakes_per_source"
            }
            Self::TooManySessions => "too many sessions; retry later or raise max_sessions",
        })
    }
}

impl core::error::Error for Refusal {}

/// What an [`Admission`] has counted.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AdmissionStats {
    /// Connections admitted so far.
    pub admitted: u64,
    /// Refused so far with [`Refusal::TooManyAttempts`].
    pub too_many_attempts: u64,
    /// Refused so far with [`Refusal::TooManyHandshakes`].
    pub too_many_handshakes: u64,
    /// Refused so far with [`Refusal::TooManyHandshakesOfSource`].
    pub too_many_handshakes_of_source: u64,
    /// Refused so far with [`Refusal::TooManySessions`].
    pub too_many_sessions: u64,
    /// Handshakes in progress now.
    pub handshakes: usize,
    /// Sessions now.
    pub sessions: usize,
}

/// A listener's admission: asked before any work is done for a connection, told how it went on.
///
/// Every admitted connection is reported exactly once as [`Admission::handshake_done`] or
/// [`Admission::handshake_failed`], and a session once more as [`Admission::session_ended`]. A report
/// without its counterpart is ignored.
#[derive(Debug)]
pub struct Admission {
    keyed: Option<KeyedLimiter>,
    max_handshakes: usize,
    max_handshakes_per_source: u32,
    max_sessions: usize,
    stats: AdmissionStats,
}

impl Admission {
    /// Nobody admitted yet. Allocates all it will ever need.
    ///
    /// # Errors
    /// Names the field of `config` that is out of range.
    pub fn new(config: AdmissionConfig, seed: &Seed) -> Result<Self, AdmissionError> {
        if config.max_handshakes == 0 {
            return Err(AdmissionError::MaxHandshakes);
        }
        let per_source = config.max_handshakes_per_source.unwrap_or((config.max_handshakes / 8).max(1));
        if per_source == 0 {
            return Err(AdmissionError::MaxHandshakesPerSource);
        }
        if config.max_sessions == 0 {
            return Err(AdmissionError::MaxSessions);
        }
        let keyed = config.keyed.map(|keyed| KeyedLimiter::new(keyed, seed)).transpose();
        Ok(Self {
            keyed: keyed.map_err(AdmissionError::Keyed)?,
            max_handshakes: config.max_handshakes,
            max_handshakes_per_source: u32::try_from(per_source).unwrap_or(u32::MAX),
            max_sessions: config.max_sessions,
            stats: AdmissionStats::default(),
        })
    }

    /// Asks for a handshake slot. `None`: a source that is not limited on its own, such as a local socket.
    ///
    /// A `source` is given again when the handshake is reported.
    ///
    /// What is full is looked at first and such a refusal is no attempt of the source: a crowd others
    /// cause must not use up the attempts of whoever waits patiently.
    ///
    /// # Errors
    /// Why the connection is to be closed at once; nothing is occupied then.
    pub fn admit(&mut self, now: Instant, source: Option<Source>) -> Result<(), Refusal> {
        let result = self.decide(now, source);
        let count = match result {
            Ok(()) => {
                self.stats.handshakes += 1;
                &mut self.stats.admitted
            }
            Err(Refusal::TooManyAttempts { .. }) => &mut self.stats.too_many_attempts,
            Err(Refusal::TooManyHandshakes) => &mut self.stats.too_many_handshakes,
            Err(Refusal::TooManyHandshakesOfSource) => &mut self.stats.too_many_handshakes_of_source,
            Err(Refusal::TooManySessions) => &mut self.stats.too_many_sessions,
        };
        *count = count.saturating_add(1);
        result
    }

    fn decide(&mut self, now: Instant, source: Option<Source>) -> Result<(), Refusal> {
        let stats = &self.stats;
        if stats.sessions.saturating_add(stats.handshakes) >= self.max_sessions {
            return Err(Refusal::TooManySessions);
        }
        if stats.handshakes >= self.max_handshakes {
            return Err(Refusal::TooManyHandshakes);
        }
        let Some((keyed, source)) = self.keyed.as_mut().zip(source) else { return Ok(()) };
        match keyed.begin(now, source, self.max_handshakes_per_source) {
            Verdict::Admit { .. } => Ok(()),
            Verdict::Busy => Err(Refusal::TooManyHandshakesOfSource),
            Verdict::Refuse { until } => Err(Refusal::TooManyAttempts { until }),
        }
    }

    /// A handshake of `source` succeeded: its slot becomes a session and its attempt is forgotten.
    pub fn handshake_done(&mut self, source: Option<Source>) {
        if !self.handshake_over(source) {
            return;
        }
        self.stats.sessions += 1;
        if let Some((keyed, source)) = self.keyed.as_mut().zip(source) {
            keyed.forgive(source);
        }
    }

    /// A handshake of `source` failed or timed out: its slot is free again.
    pub fn handshake_failed(&mut self, source: Option<Source>) {
        self.handshake_over(source);
    }

    /// Whether there was one.
    fn handshake_over(&mut self, source: Option<Source>) -> bool {
        let Some(left) = self.stats.handshakes.checked_sub(1) else { return false };
        self.stats.handshakes = left;
        if let Some((keyed, source)) = self.keyed.as_mut().zip(source) {
            keyed.end(source);
        }
        true
    }

    /// A session ended: its slot is free again.
    pub fn session_ended(&mut self) {
        self.stats.sessions = self.stats.sessions.saturating_sub(1);
    }

    /// How many handshakes can be in progress at once beside the sessions there are, those in progress included.
    #[must_use]
    pub fn handshake_room(&self) -> usize {
        self.max_handshakes.min(self.max_sessions.saturating_sub(self.stats.sessions))
    }

    /// What has been counted so far.
    #[must_use]
    pub const fn stats(&self) -> AdmissionStats {
        self.stats
    }

    /// Bytes this machine uses, the table of sources included. Never changes.
    #[must_use]
    pub fn memory(&self) -> usize {
        let table = self.keyed.as_ref().map_or(0, |keyed| keyed.memory() - size_of::<KeyedLimiter>());
        size_of::<Self>() + table
    }
}
