//! Why a connection fails, and why a call on it is refused.

use super::close::CloseCode;
use super::frame::FrameFault;
use super::http::{FieldError, UpgradeFault};
use crate::heartbeat::Dead;
use crate::machine::Backpressure;
use core::fmt;

/// Why a connection ended in failure. All are fatal.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The peer's opening handshake breaks a rule.
    Upgrade(UpgradeFault),
    /// The opening handshake was not complete in time.
    HandshakeTimeout,
    /// A frame breaks a rule.
    Frame(FrameFault),
    /// A text or the reason of a close is not UTF-8.
    NotUtf8,
    /// A frame is larger than the configured maximum.
    FrameTooLarge {
        /// The size the peer announced, in bytes.
        size: u64,
        /// The configured maximum, in bytes.
        max: usize,
    },
    /// A message is larger than the configured maximum.
    MessageTooLarge {
        /// The size so far, the frame announced last included, in bytes.
        size: u64,
        /// The configured maximum, in bytes.
        max: usize,
    },
    /// A message has more fragments than the configured maximum.
    TooManyFragments {
        /// The configured maximum.
        max: u32,
    },
    /// The peer sends more Pings and Pongs than it may.
    ControlFlood,
    /// The peer is silent, or no message was exchanged for too long.
    Dead(Dead),
    /// A close did not come to its end in time.
    CloseTimeout,
    /// The stream ended without a close.
    Truncated,
    /// A compressed message is not what the compression makes (RFC 7692).
    Corrupt,
    /// A compressed message came, and the caller lent no room to inflate it.
    NoScratch,
    /// The caller did not pass unconsumed bytes again.
    BufferChanged,
}

impl Error {
    /// Whether another attempt may succeed without a change of configuration.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        matches!(self, Self::HandshakeTimeout | Self::Truncated | Self::Dead(_) | Self::CloseTimeout)
    }

    /// The close code to tell the peer of an open connection; `None` where it cannot be told.
    #[must_use]
    pub const fn close_code(self) -> Option<CloseCode> {
        Some(match self {
            Self::Frame(_) => CloseCode::PROTOCOL_ERROR,
            Self::NotUtf8 | Self::Corrupt => CloseCode::INVALID_DATA,
            Self::FrameTooLarge { .. } | Self::MessageTooLarge { .. } => CloseCode::TOO_BIG,
            Self::TooManyFragments { .. } | Self::ControlFlood => CloseCode::POLICY,
            Self::Dead(_) => CloseCode::GOING_AWAY,
            Self::BufferChanged | Self::NoScratch => CloseCode::INTERNAL_ERROR,
            Self::Upgrade(_) | Self::HandshakeTimeout | Self::CloseTimeout | Self::Truncated => return None,
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Upgrade(fault) => write!(f, "the peer's WebSocket handshake is refused: {fault}"),
            Self::HandshakeTimeout => f.write_str("the WebSocket handshake took too long"),
            Self::Frame(fault) => write!(f, "the peer broke the WebSocket protocol: {fault}"),
            Self::NotUtf8 => f.write_str("the peer sent text that is not UTF-8"),
            Self::FrameTooLarge { size, max } => {
                write!(f, "a frame of {size} bytes is larger than the {max} allowed; raise max_frame")
            }
            Self::MessageTooLarge { size, max } => {
                write!(
                    f,
                    "a message of at least {size} bytes is larger than the {max} allowed; raise max_message"
                )
            }
            Self::TooManyFragments { max } => {
                write!(f, "a message has more than the {max} fragments allowed; raise max_fragments")
            }
            Self::ControlFlood => f.write_str("the peer sends too many pings or pongs; raise control_rate"),
            Self::Dead(dead) => dead.fmt(f),
            Self::CloseTimeout => f.write_str("the peer did not answer the close in time"),
            Self::Truncated => f.write_str("the stream ended without a close; connect again"),
            Self::Corrupt => f.write_str("the peer sent a compressed message that cannot be inflated"),
            Self::NoScratch => f.write_str("a compressed message came: receive with recv_with"),
            Self::BufferChanged => {
                f.write_str("unconsumed bytes were not passed again: consume only what recv says")
            }
        }
    }
}

impl core::error::Error for Error {}

/// Why a message or a close was not accepted. None is fatal.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendError {
    /// There is no room: write out what is sealed, then try again.
    Full,
    /// The message is larger than the configured maximum.
    TooLarge {
        /// The configured maximum, in bytes.
        max: usize,
    },
    /// The text is not UTF-8.
    NotUtf8,
    /// A message sent in chunks is not complete, or a chunk belongs to no message of that kind.
    OutOfTurn,
    /// The reason of a close is longer than [`MAX_REASON`](super::MAX_REASON), or its code may not be sent.
    Close,
    /// The compression library failed.
    Codec,
    /// The opening handshake is not complete.
    NotOpen,
    /// The connection is closed, or being closed.
    Closed,
    /// The connection has failed.
    Failed(Error),
}

impl Backpressure for SendError {
    fn is_full(&self) -> bool {
        matches!(self, Self::Full)
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => crate::buf::Full.fmt(f),
            Self::TooLarge { max } => {
                write!(
                    f,
                    "the message is larger than the {max} bytes allowed: raise max_message at both ends"
                )
            }
            Self::NotUtf8 => f.write_str("the text is not UTF-8: send it as a binary message"),
            Self::OutOfTurn => {
                f.write_str("a message sent in chunks is not complete: send its last chunk first")
            }
            Self::Close => {
                f.write_str("a close has a code that may be sent and a reason of at most 123 bytes")
            }
            Self::Codec => f.write_str("the compression library failed: send without compression"),
            Self::NotOpen => f.write_str("the WebSocket handshake is not complete: wait for it"),
            Self::Closed => f.write_str("the connection is closed"),
            Self::Failed(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for SendError {}

/// Why a request could not be answered. None is fatal.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerError {
    /// There is no room: write out what is sealed, then try again.
    Full,
    /// No request waits for an answer.
    NothingAsked,
    /// The client did not offer this subprotocol.
    Subprotocol,
    /// A header field cannot be sent.
    Field(FieldError),
    /// The connection has failed.
    Failed(Error),
}

impl Backpressure for AnswerError {
    fn is_full(&self) -> bool {
        matches!(self, Self::Full)
    }
}

impl fmt::Display for AnswerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => crate::buf::Full.fmt(f),
            Self::NothingAsked => {
                f.write_str("no request waits for an answer: answer each once, at a server")
            }
            Self::Subprotocol => {
                f.write_str("the client did not offer this subprotocol: choose one that it did")
            }
            Self::Field(error) => error.fmt(f),
            Self::Failed(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for AnswerError {}
