//! Why a datagram was discarded, and why a call failed.

use crate::noise::{HandshakeError, SetupError};
use core::fmt;

/// Why a datagram was discarded. Nothing is answered then and no session changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Discard {
    TooLarge,
    Malformed,
    NotAccepting,
    UnknownSession,
    WrongSource,
    Mac,
    Unexpected,
    Forged,
    Replayed,
    Expired,
    Unwanted,
    Full,
}

/// Why there is no attempt to connect.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectError {
    /// There are `max_peers` already.
    Full,
    /// The pattern lets the peer choose its key, so whose key it is must be said: to `connect`, or by `with_peers`.
    PeerUnset,
    /// A key was given, or the configuration accepts only some, and the pattern never shows the peer's.
    PeerUnknowable,
    /// The key given is not among the peers that the configuration accepts.
    PeerRefused,
    /// Keys and pattern do not fit.
    Setup(SetupError),
    /// The first message could not be written.
    Handshake(HandshakeError),
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("as many peers as allowed: close one or raise max_peers"),
            Self::PeerUnset => f.write_str("say whose key the peer must have, or accept any by with_peers"),
            Self::PeerUnknowable => f.write_str(
                "the pattern does not show the peer's key: ask for none, or choose another pattern",
            ),
            Self::PeerRefused => f.write_str("the key is not among those that the configuration accepts"),
            Self::Setup(error) => error.fmt(f),
            Self::Handshake(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for ConnectError {}

/// Why a message was not sent. Nothing changed.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendError {
    /// There is no such peer, or no longer.
    UnknownPeer,
    /// The handshake is still under way.
    NotEstablished,
    /// The message does not fit a datagram.
    TooLarge {
        /// The most bytes that fit.
        max: usize,
    },
    /// The buffer cannot hold the datagram.
    NoRoom {
        /// Bytes the datagram takes.
        needed: usize,
    },
    /// The keys are too old, and there are no others yet.
    KeyExpired,
    /// The keys have sealed as many packets as allowed, and there are no others yet.
    KeyExhausted,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownPeer => f.write_str("no such peer: connect again"),
            Self::NotEstablished => f.write_str("the session is not established: wait for the event"),
            Self::TooLarge { max } => {
                write!(f, "the message is too large: at most {max} bytes fit a datagram")
            }
            Self::NoRoom { needed } => {
                write!(f, "the buffer is too small: the datagram takes {needed} bytes")
            }
            Self::KeyExpired => f.write_str("the keys are too old: wait for others"),
            Self::KeyExhausted => f.write_str("the keys are used up: wait for others"),
        }
    }
}

impl core::error::Error for SendError {}
