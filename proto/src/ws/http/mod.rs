//! The opening handshake over HTTP/1.1 (RFC 6455, section 4): bounded parsing, the checks of both ends, and answers.
//!
//! Knows nothing of frames, and frames know nothing of it: a connection that another layer has opened, such as
//! HTTP/2 (RFC 8441), begins behind it.

mod client;
mod fields;
#[cfg(feature = "deflate")]
mod grant;
mod key;
mod server;

pub use client::{Response, UpgradeRequest};
pub use fields::{FieldError, Fields, MAX_FIELDS};
#[cfg(feature = "deflate")]
pub use grant::grant_deflate;
pub use key::accept_key;
pub use server::{Accept, Reject, Request};

pub(super) use client::{ClientHello, check_response};
pub(super) use fields::head_len;
pub(super) use server::{Offer, write_accept, write_refusal, write_reject};

use core::fmt;

/// What is wrong with the opening handshake of the peer.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpgradeFault {
    /// This is not HTTP/1.1, or not in a form that can be told from something else.
    Malformed,
    /// The head is longer than the configured maximum.
    HeadTooLong,
    /// More than [`MAX_FIELDS`] header fields, or more than 512 bytes of offered subprotocols.
    TooManyFields,
    /// Another method than GET.
    Method,
    /// No `Host`, or several.
    Host,
    /// `Upgrade` does not name `websocket`.
    Upgrade,
    /// `Connection` does not name `upgrade`.
    Connection,
    /// `Sec-WebSocket-Key` is not the base64 of 16 bytes.
    Key,
    /// `Sec-WebSocket-Version` is not 13.
    Version,
    /// `Sec-WebSocket-Accept` does not answer the key.
    Accept,
    /// The server chose an extension that was not offered.
    Extension,
    /// The server chose a subprotocol that was not offered.
    Subprotocol,
}

impl UpgradeFault {
    /// The HTTP status a server answers with.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::HeadTooLong | Self::TooManyFields => 431,
            Self::Method => 405,
            Self::Upgrade | Self::Connection | Self::Version => 426,
            _ => 400,
        }
    }
}

impl fmt::Display for UpgradeFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "it is not HTTP/1.1",
            Self::HeadTooLong => "its head is too long",
            Self::TooManyFields => "it has too many header fields",
            Self::Method => "its method is not GET",
            Self::Host => "it does not name one Host",
            Self::Upgrade => "Upgrade does not name websocket",
            Self::Connection => "Connection does not name upgrade",
            Self::Key => "Sec-WebSocket-Key is not the base64 of 16 bytes",
            Self::Version => "Sec-WebSocket-Version is not 13",
            Self::Accept => "Sec-WebSocket-Accept does not answer the key",
            Self::Extension => "it has an extension that was not offered",
            Self::Subprotocol => "it has a subprotocol that was not offered",
        })
    }
}

impl core::error::Error for UpgradeFault {}
