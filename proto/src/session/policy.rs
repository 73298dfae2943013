//! What can be configured as a whole: whose keys are accepted, when keys change, how fast a peer may send.

use crate::limit::Rate;
use crate::noise::PublicKey;
use alloc::vec::Vec;
use core::time::Duration;

/// Records under one key after which a receiver fails, whatever is configured: 2^24 (docs/wire.md, section 4).
pub const MAX_RECORDS_PER_KEY: u64 = 1 << 24;

/// Whose static keys are accepted.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peers {
    /// Anyone who completes the handshake. Check the key yourself once the session is established.
    Any,
    /// Only the owners of these keys.
    Only(Vec<PublicKey>),
}

/// When this end changes the key of its sending direction, and how long it lets the peer use one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RekeyPolicy {
    pub(super) records: u64,
    pub(super) bytes: u64,
    pub(super) age: Duration,
    pub(super) peer_records: u64,
}

impl RekeyPolicy {
    /// Rekey after this many records under one key. Default 2^20, at least 1, below 2^24.
    #[must_use]
    pub const fn with_records(mut self, records: u64) -> Self {
        self.records = records;
        self
    }

    /// Rekey after this many bytes of records under one key. Default 16 GiB, at least 1.
    #[must_use]
    pub const fn with_bytes(mut self, bytes: u64) -> Self {
        self.bytes = bytes;
        self
    }

    /// Rekey when a key is this old. Default one hour, not zero.
    #[must_use]
    pub const fn with_age(mut self, age: Duration) -> Self {
        self.age = age;
        self
    }

    /// Fail when the peer uses one key for more records than this. Default and most 2^24, at least 1.
    #[must_use]
    pub const fn with_peer_records(mut self, records: u64) -> Self {
        self.peer_records = records;
        self
    }
}

impl Default for RekeyPolicy {
    fn default() -> Self {
        Self {
            records: 1 << 20,
            bytes: 16 << 30,
            age: Duration::from_secs(3600),
            peer_records: MAX_RECORDS_PER_KEY,
        }
    }
}

/// How fast the peer may send.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RateLimit {
    pub(super) messages: Option<Rate>,
    pub(super) bytes: Option<Rate>,
    pub(super) close: bool,
}

impl RateLimit {
    /// Limits messages a second.
    #[must_use]
    pub const fn with_messages(mut self, rate: Rate) -> Self {
        self.messages = Some(rate);
        self
    }

    /// Limits bytes of records a second, and of notices that the peer was restored, as on the wire. A record is charged in
    /// full once opened, so a burst may exceed the limit by one record.
    #[must_use]
    pub const fn with_bytes(mut self, rate: Rate) -> Self {
        self.bytes = Some(rate);
        self
    }

    /// Over the limit, close with [`CloseCode::RATE_LIMITED`](super::CloseCode::RATE_LIMITED). Without this
    /// the session stops consuming until the peer is within its rate again.
    #[must_use]
    pub const fn closing(mut self) -> Self {
        self.close = true;
        self
    }
}
