//! Why a session is not exported, leased or restored.

use crate::noise::{Protocol, PublicKey};
use crate::session::Session;
use alloc::boxed::Box;
use core::fmt;

/// Why there is no snapshot. The session is unchanged.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotError {
    /// The configuration has no [`with_snapshots`](crate::session::Config::with_snapshots): what it takes was not kept.
    NotExportable,
    /// The handshake is not complete, the peer has not proven the identity that is required, or `Established` is not taken
    /// yet.
    NotEstablished,
    /// The session drains, closes or has failed: let it end where it is.
    Ending,
    /// Something that was accepted or is owed, such as the proof of this end's identity, is not sealed yet: call `poll_transmit`, and have room in the buffer.
    Unsent,
    /// `rx` is not all that was received and not consumed, or it ended between two notices of the peer: receive more.
    Buffer,
    /// A lease is 1 to 2^20 records.
    LeaseLength,
    /// The nonces are used up, or the library has no memory.
    KeyExhausted,
}

impl fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotExportable => "the session keeps nothing for an export: configure it with_snapshots",
            Self::NotEstablished => "the session is not established yet: take Established first",
            Self::Ending => "the session ends: let it end where it is",
            Self::Unsent => "something is accepted and not sealed yet: call poll_transmit first",
            Self::Buffer => {
                "the bytes given are not all that were received, or end between two notices of the peer"
            }
            Self::LeaseLength => "a lease is 1 to 2^20 records",
            Self::KeyExhausted => "the sending key is used up: close the session",
        })
    }
}

impl core::error::Error for SnapshotError {}

/// The session as it was, and why there is no snapshot of it.
pub struct NotExported {
    /// Goes on as if nothing had been asked.
    pub session: Box<Session>,
    /// Why.
    pub error: SnapshotError,
}

impl fmt::Debug for NotExported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NotExported").field("error", &self.error).finish_non_exhaustive()
    }
}

impl fmt::Display for NotExported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl core::error::Error for NotExported {}

/// The lease cannot be used: a newer one was made, or the sending key has changed since. Make another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseOutdated;

impl fmt::Display for LeaseOutdated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the lease is outdated: a newer one was made, or the sending key has changed; make another",
        )
    }
}

impl core::error::Error for LeaseOutdated {}

/// Why a snapshot was not restored.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestoreError {
    /// It is cut short.
    Length,
    /// It has this version, which is not ours.
    Version(u8),
    /// The key or the context is another, or a byte was changed.
    NotAuthentic,
    /// It says what no session says, or names a protocol that is not built in.
    Content,
    /// The configuration is for the other end.
    Role,
    /// The configuration does not have the session's protocol.
    ProtocolNotAllowed(Protocol),
    /// The configuration does not accept the session's peer.
    PeerNotAllowed(Option<PublicKey>),
    /// The configuration requires a proof of identity, and the session's peer has given none.
    IdentityMissing,
    /// A message that is being received, or what waits to be read, is larger than the configuration allows.
    TooLarge,
    /// `claim` said no: the snapshot was restored before, or a newer one was.
    Claimed,
}

impl fmt::Display for RestoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length => f.write_str("the snapshot is cut short"),
            Self::Version(version) => {
                write!(f, "the snapshot has version {version}, this build reads only 1")
            }
            Self::NotAuthentic => {
                f.write_str("the snapshot does not authenticate: another key or context, or it was changed")
            }
            Self::Content => f.write_str("the snapshot says what no session of this build says"),
            Self::Role => {
                f.write_str("the snapshot is of the other end: initiator and responder are mixed up")
            }
            Self::ProtocolNotAllowed(protocol) => {
                write!(f, "the snapshot is of a session in {protocol}, which the configuration does not have")
            }
            Self::PeerNotAllowed(_) => {
                f.write_str("the snapshot is of a session with a peer that the configuration does not accept")
            }
            Self::IdentityMissing => f.write_str(
                "the snapshot is of a session with a peer that proved no identity, which the configuration requires",
            ),
            Self::TooLarge => f.write_str(
                "the session was receiving more than this configuration allows: raise max_message",
            ),
            Self::Claimed => f.write_str("the snapshot was claimed before: only one may go on from it"),
        }
    }
}

impl core::error::Error for RestoreError {}
