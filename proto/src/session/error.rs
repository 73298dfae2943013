//! Why a session fails, and why a message is not accepted.

use super::codes::{Alert, CloseCode};
use super::frame::FrameFault;
use super::identity::IdentityFault;
use crate::heartbeat::Dead;
use crate::machine::Backpressure;
use crate::noise::{self, HandshakeError, SetupError};
use core::fmt;

/// Why a session ended in failure. All are fatal.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The peer does not speak this protocol at all.
    NotSealock,
    /// The peer speaks this version, which we do not.
    UnsupportedVersion(u8),
    /// The initiator offers no Noise protocol that the configuration allows.
    ProtocolNotAllowed,
    /// The opening breaks a rule of docs/wire.md, section 1.
    MalformedOpening,
    /// The first message does not show that its sender knows this end's key and prologue (mac1). Nothing is answered.
    BadMac1,
    /// The responder closed the stream without a word: it has another key or prologue than this end expects, or is no
    /// sealock responder.
    Unanswered,
    /// Whoever was asked about the peer refused it, with this alert; or with a Close, if there was no place for it any more
    /// when the session was there.
    Declined(Alert),
    /// The handshake could not be set up with the configured keys.
    Setup(SetupError),
    /// A handshake message was refused: a wrong key or a changed byte.
    Handshake(HandshakeError),
    /// The peer's static key is not in the configured list.
    PeerNotAllowed,
    /// The peer, or somebody in its name, refused the session before it had keys.
    Refused(Alert),
    /// The handshake was not complete in time, or the proof of the peer's identity did not come in that time.
    HandshakeTimeout,
    /// The proof of an identity, the peer's or this end's.
    Identity(IdentityFault),
    /// The stream ended before the peer closed the session.
    Truncated,
    /// A record does not authenticate: it was changed, replayed, reordered or lost.
    BadRecord,
    /// A frame breaks a rule.
    Frame(FrameFault),
    /// A critical frame of a type this version does not know.
    UnknownFrame(u64),
    /// A message is larger than the configured maximum.
    MessageTooLarge {
        /// The size the peer announced, in bytes.
        size: u64,
        /// The configured maximum, in bytes.
        max: usize,
    },
    /// The peer exceeds its rate, and the configuration says to close then.
    RateLimited,
    /// Too many records under one key, or its nonces are used up.
    KeyExhausted,
    /// The peer is silent, or no message was exchanged for too long.
    Dead(Dead),
    /// A close did not come to its end in time: the peer did not answer it, or never made room for it.
    CloseTimeout,
    /// The caller did not pass unconsumed bytes again.
    BufferChanged,
    /// The peer was restored after a crash, or somebody says so in its name, and more of its records may be lost than
    /// [`Config::with_max_gap`](super::Config::with_max_gap) allows.
    RecordsLost {
        /// How many, at most.
        at_most: u64,
        /// How many are allowed.
        max: u64,
    },
}

impl Error {
    /// Whether another attempt may succeed without a change of configuration: the peer was busy, unreachable or
    /// went away, as opposed to a wrong key or protocol.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        matches!(
            self,
            Self::Refused(Alert::Busy | Alert::TooManyAttempts | Alert::Timeout | Alert::Replayed)
                | Self::HandshakeTimeout
                | Self::Truncated
                | Self::Unanswered
                | Self::RateLimited
                | Self::KeyExhausted
                | Self::Dead(_)
                | Self::CloseTimeout
        )
    }

    /// The close code to tell a peer with which there are keys; `None` where it cannot be told.
    #[must_use]
    pub const fn close_code(self) -> Option<CloseCode> {
        Some(match self {
            Self::Frame(_) | Self::UnknownFrame(_) | Self::BadRecord | Self::RecordsLost { .. } => {
                CloseCode::PROTOCOL_ERROR
            }
            Self::MessageTooLarge { .. } => CloseCode::MESSAGE_TOO_LARGE,
            Self::RateLimited => CloseCode::RATE_LIMITED,
            Self::Identity(_) | Self::HandshakeTimeout => CloseCode::IDENTITY,
            Self::KeyExhausted => CloseCode::KEY_EXHAUSTED,
            Self::Dead(Dead::Idle { .. }) => CloseCode::IDLE,
            Self::Dead(_) => CloseCode::PEER_SILENT,
            Self::BufferChanged => CloseCode::GOING_AWAY,
            _ => return None,
        })
    }

    /// The alert to tell a peer before the session has keys; `None` where none is owed.
    #[must_use]
    pub const fn alert(self) -> Option<Alert> {
        Some(match self {
            Self::UnsupportedVersion(_) => Alert::UnsupportedVersion,
            Self::ProtocolNotAllowed | Self::Setup(_) => Alert::ProtocolNotAllowed,
            Self::MalformedOpening => Alert::Malformed,
            Self::Handshake(_) => Alert::HandshakeFailed,
            Self::PeerNotAllowed => Alert::PeerNotAllowed,
            Self::Declined(alert) => alert,
            Self::HandshakeTimeout => Alert::Timeout,
            _ => return None,
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSealock => f.write_str("the peer does not speak the sealock protocol"),
            Self::UnsupportedVersion(version) => {
                write!(
                    f,
                    "the peer speaks version {version} of the sealock protocol, this end only version 1"
                )
            }
            Self::ProtocolNotAllowed => f.write_str("the peer offers no Noise protocol that this end allows"),
            Self::MalformedOpening => f.write_str("the peer's opening is malformed"),
            Self::BadMac1 => f.write_str(
                "the first message was not made for this end: its sender knows another key or prologue",
            ),
            Self::Unanswered => f.write_str(
                "the peer closed the stream without a word: check its key, the prologue and the address",
            ),
            Self::Declined(alert) => write!(f, "this end refused the peer: {alert}"),
            Self::Setup(error) => write!(f, "the handshake cannot be set up: {error}"),
            Self::Handshake(error) => write!(f, "the handshake failed: {error}"),
            Self::PeerNotAllowed => f.write_str("the peer's static key is not in the list of allowed peers"),
            Self::Refused(alert) => write!(f, "the peer refused the session: {alert}"),
            Self::HandshakeTimeout => f.write_str("the handshake was not complete in time"),
            Self::Identity(fault) => write!(f, "{fault}"),
            Self::Truncated => f.write_str("the stream ended before the peer closed the session"),
            Self::BadRecord => f.write_str("a record does not authenticate: the stream was changed"),
            Self::Frame(fault) => write!(f, "protocol error: {fault}"),
            Self::UnknownFrame(kind) => write!(f, "the peer sent a critical frame of unknown type {kind}"),
            Self::MessageTooLarge { size, max } => {
                write!(f, "the peer announced a message of {size} bytes, the maximum is {max}")
            }
            Self::RateLimited => f.write_str("the peer exceeds its rate limit"),
            Self::KeyExhausted => f.write_str("a key was used for too many records without a rekey"),
            Self::Dead(dead) => write!(f, "{dead}"),
            Self::CloseTimeout => {
                f.write_str("the close was not complete in time: the peer did not answer or does not read")
            }
            Self::BufferChanged => f.write_str("bytes that were not consumed must be passed to recv again"),
            Self::RecordsLost { at_most, max } => write!(
                f,
                "the peer was restored and up to {at_most} of its records are lost, {max} are allowed: with_max_gap"
            ),
        }
    }
}

impl core::error::Error for Error {}

/// Why a message was not accepted. Never fatal by itself; the message stays the caller's.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendError {
    /// The buffer has no room: call `poll_transmit`, write out what is sealed, try again.
    Full,
    /// The handshake is not complete yet.
    NotEstablished,
    /// The message is larger than the configured maximum.
    TooLarge {
        /// Size of the message, in bytes.
        size: usize,
        /// The configured maximum, in bytes.
        max: usize,
    },
    /// The message will never fit the buffer at once: use `send_some`, or a larger buffer.
    LargerThanBuffer {
        /// The limit of the buffer, in bytes.
        limit: usize,
    },
    /// The buffer's limit is below [`Config::min_tx_limit`](super::Config::min_tx_limit).
    BufferTooSmall,
    /// A close reason is longer than [`MAX_REASON`](super::MAX_REASON) bytes.
    ReasonTooLong,
    /// This message was abandoned because another was begun before it was complete; begin it anew.
    Abandoned,
    /// The session drains: it accepts no further message.
    Draining,
    /// The session is closed or being closed.
    Closed,
    /// The lease that is stored covers no more records: make and store another, then try again. What was accepted
    /// waits in the buffer until then.
    LeaseSpent,
    /// The session has failed.
    Failed(Error),
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("the transmit buffer is full: write it out and try again"),
            Self::NotEstablished => f.write_str("the handshake is not complete yet"),
            Self::TooLarge { size, max } => {
                write!(f, "the message has {size} bytes, the configured maximum is {max}")
            }
            Self::LargerThanBuffer { limit } => {
                write!(f, "the message does not fit a buffer of {limit} bytes at once: use send_some")
            }
            Self::BufferTooSmall => {
                f.write_str("the transmit buffer's limit is too small: give it Config::min_tx_limit bytes")
            }
            Self::ReasonTooLong => {
                write!(f, "a close reason has at most {} bytes", super::MAX_REASON)
            }
            Self::Abandoned => f.write_str("another message was begun before this one was complete"),
            Self::Draining => f.write_str("the session drains and accepts no further message"),
            Self::Closed => f.write_str("the session is closed"),
            Self::LeaseSpent => f.write_str("the lease covers no more records: store another and try again"),
            Self::Failed(error) => write!(f, "the session has failed: {error}"),
        }
    }
}

impl core::error::Error for SendError {}

/// Why no secret was exported.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportError {
    /// The session is not established yet.
    NotEstablished,
    /// The label or the length is out of range.
    Range(noise::ExportError),
    /// Labels that begin with `sealock ` are the session's own.
    Reserved,
}

impl fmt::Display for ExportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotEstablished => f.write_str("secrets can be exported once the session is established"),
            Self::Range(error) => write!(f, "{error}"),
            Self::Reserved => {
                f.write_str("labels that begin with \"sealock \" are the session's own; choose another")
            }
        }
    }
}

impl core::error::Error for ExportError {}

impl Backpressure for SendError {
    fn is_full(&self) -> bool {
        *self == Self::Full
    }
}
