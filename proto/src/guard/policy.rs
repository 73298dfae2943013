//! Who may have sessions, how many and how often: what a roster enforces. Nothing here counts.

use crate::limit::{KeyedConfig, KeyedError};
use crate::noise::PublicKey;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

/// What happens to a session too many of one identity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Excess {
    /// The newest is refused: the oldest wins. A peer that lost its connection waits until this end has noticed.
    #[default]
    RefuseNewest,
    /// The oldest is ended: the newest wins. Whoever has the key can end the sessions of its other holders.
    EndOldest,
}

/// Rules about identities, which are static public keys. The default is open: everybody, as often and as many as they
/// like, 1,048,576 sessions in all.
///
/// ```
/// use sealock_proto::guard::{Excess, Policy};
/// use sealock_proto::limit::KeyedConfig;
/// use sealock_proto::noise::PublicKey;
///
/// let policy = Policy::default()
///     .with_allowed(Some(&[PublicKey([1; 32]), PublicKey([2; 32])]))
///     .with_denied(&[PublicKey([2; 32])])
///     .with_attempts(Some(KeyedConfig::default()))
///     .with_max_sessions_per_identity(Some(1))
///     .with_excess(Excess::EndOldest)
///     .with_max_sessions(500);
/// # assert!(policy.accepts(&PublicKey([1; 32])).is_ok() && policy.accepts(&PublicKey([2; 32])).is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Sorted, as is `denied`.
    allowed: Option<Box<[PublicKey]>>,
    denied: Box<[PublicKey]>,
    pub(super) attempts: Option<KeyedConfig>,
    pub(super) max_sessions_per_identity: Option<usize>,
    pub(super) excess: Excess,
    pub(super) max_sessions: usize,
}

impl Policy {
    /// Only these keys are accepted; none if empty. `None`: any is. A session whose protocol shows no key of the initiator (NN,
    /// NK and others) is nobody's, and no rule here is about it: accept no such protocol where keys matter.
    #[must_use]
    pub fn with_allowed(self, allowed: Option<&[PublicKey]>) -> Self {
        Self { allowed: allowed.map(sorted), ..self }
    }

    /// These keys are not accepted, whether or not they are allowed.
    #[must_use]
    pub fn with_denied(self, denied: &[PublicKey]) -> Self {
        Self { denied: sorted(denied), ..self }
    }

    /// How often an identity may begin a session, those that succeed included. `None`: no such limit, and no memory for
    /// it.
    #[must_use]
    pub fn with_attempts(self, attempts: Option<KeyedConfig>) -> Self {
        Self { attempts, ..self }
    }

    /// Sessions of one identity at once; at least 1. `None`: no such limit.
    #[must_use]
    pub fn with_max_sessions_per_identity(self, max: Option<usize>) -> Self {
        Self { max_sessions_per_identity: max, ..self }
    }

    /// What happens to a session beyond that.
    #[must_use]
    pub fn with_excess(self, excess: Excess) -> Self {
        Self { excess, ..self }
    }

    /// Sessions of all identities at once; at least 1. Each takes about 150 bytes of memory while it lasts.
    #[must_use]
    pub fn with_max_sessions(self, max_sessions: usize) -> Self {
        Self { max_sessions, ..self }
    }

    /// Whether the lists accept `key`, in time that grows with the logarithm of their length.
    ///
    /// # Errors
    /// Which list does not: [`Refused::Denied`] or [`Refused::NotAllowed`](super::Refused::NotAllowed).
    ///
    /// [`Refused::Denied`]: super::Refused::Denied
    pub fn accepts(&self, key: &PublicKey) -> Result<(), super::Refused> {
        if self.denied.binary_search(key).is_ok() {
            return Err(super::Refused::Denied);
        }
        match &self.allowed {
            Some(allowed) if allowed.binary_search(key).is_err() => Err(super::Refused::NotAllowed),
            _ => Ok(()),
        }
    }

    pub(super) fn validate(&self) -> Result<(), PolicyError> {
        if self.max_sessions_per_identity == Some(0) {
            return Err(PolicyError::MaxSessionsPerIdentity);
        }
        if self.max_sessions == 0 {
            return Err(PolicyError::MaxSessions);
        }
        Ok(())
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            allowed: None,
            denied: Box::default(),
            attempts: None,
            max_sessions_per_identity: None,
            excess: Excess::default(),
            max_sessions: 1 << 20,
        }
    }
}

fn sorted(keys: &[PublicKey]) -> Box<[PublicKey]> {
    let mut keys: Vec<_> = keys.to_vec();
    keys.sort_unstable();
    keys.dedup();
    keys.into_boxed_slice()
}

/// Which field of a [`Policy`] is out of range.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyError {
    /// A field of `attempts`.
    Attempts(KeyedError),
    /// `max_sessions_per_identity` is zero.
    MaxSessionsPerIdentity,
    /// `max_sessions` is zero.
    MaxSessions,
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = match self {
            Self::Attempts(error) => return write!(f, "policy: {error}"),
            Self::MaxSessionsPerIdentity => "max_sessions_per_identity",
            Self::MaxSessions => "max_sessions",
        };
        write!(f, "policy: {field} is zero and nobody would ever get in; give at least 1")
    }
}

impl core::error::Error for PolicyError {}
