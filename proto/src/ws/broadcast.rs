//! A message that is encoded once and sent to many.

#[cfg(feature = "deflate")]
use super::config::Config;
#[cfg(feature = "deflate")]
use super::deflate::Compressor;
use super::frame::Encoded;
use super::utf8::is_utf8;
use super::{Kind, SendError};
use alloc::vec::Vec;
use bytes::Bytes;
use core::fmt;

/// A message for many connections: checked and encoded once, by whoever makes it. A clone shares the memory, which is
/// given back when the last connection has written it.
///
/// A server sends it without a copy ([`WebSocket::send_broadcast`](super::WebSocket::send_broadcast)). A client must mask
/// each frame with another mask (RFC 6455, section 5.3), so there the payload is copied, as
/// [`WebSocket::send`](super::WebSocket::send) copies it.
///
/// ```
/// use sealock_proto::buf::TxBuf;
/// use sealock_proto::entropy::Seed;
/// use sealock_proto::time::Instant;
/// use sealock_proto::ws::{Broadcast, Config, Kind, Role, WebSocket};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (config, now) = (Config::default().build()?, Instant::ZERO);
/// let news = Broadcast::new(Kind::Text, "news ".repeat(1000).as_bytes())?;
/// for n in 0..3 {
///     let mut ws = WebSocket::upgraded(&config, Role::Server, &Seed::new(&mut [n; 32]), now);
///     let mut tx = TxBuf::new(config.tx_limit());
///     ws.send_broadcast(now, &news, &mut tx)?;
///     assert!(tx.sealed().ends_with(news.payload()) && tx.capacity() < 1000);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Broadcast {
    kind: Kind,
    /// As a server sends it: unmasked, in one piece.
    frame: Bytes,
    /// Where the payload begins in `frame`.
    head: usize,
    /// The same compressed, and the window of that as a power of two.
    #[cfg(feature = "deflate")]
    deflated: Option<(u8, Bytes)>,
}

impl Broadcast {
    /// Encodes a message. Its size is checked when it is sent, against the connection's
    /// [`max_message`](super::Config::with_max_message).
    ///
    /// # Errors
    /// [`SendError::NotUtf8`] for such a text.
    pub fn new(kind: Kind, payload: &[u8]) -> Result<Self, SendError> {
        if kind == Kind::Text && !is_utf8(payload) {
            return Err(SendError::NotUtf8);
        }
        let (head, frame) = encode(kind, false, payload);
        Ok(Self {
            kind,
            frame,
            head,
            #[cfg(feature = "deflate")]
            deflated: None,
        })
    }

    /// Compresses the message, once, for the connections that agreed on [compression](super::Config::with_deflate) with a
    /// window as large as that of `config`. The others are sent it as it is; so are all if it becomes no smaller.
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn with_deflate(mut self, config: &Config) -> Self {
        let Some(codecs) = &config.deflate else { return self };
        let mut compressor = Compressor::alone(codecs);
        let payload = self.payload();
        let smaller = compressor.compress(payload, true).filter(|smaller| smaller.len() < payload.len());
        let frame = smaller.map(|smaller| encode(self.kind, true, smaller).1);
        compressor.settle(true, true);
        self.deflated = frame.map(|frame| (compressor.window(), frame));
        self
    }

    /// The whole frame of a server compressed, and its window.
    #[cfg(feature = "deflate")]
    pub(super) fn deflated(&self) -> Option<(u8, &Bytes)> {
        self.deflated.as_ref().map(|(window, frame)| (*window, frame))
    }

    /// What the message carries.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The message.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        self.frame.get(self.head..).unwrap_or_default()
    }

    /// The whole frame of a server.
    pub(super) const fn frame(&self) -> &Bytes {
        &self.frame
    }
}

/// A frame of a server, and how long its head is.
fn encode(kind: Kind, rsv1: bool, payload: &[u8]) -> (usize, Bytes) {
    let head = Encoded::new(true, rsv1, kind.opcode(), None, payload.len());
    let head = head.bytes();
    let mut frame = Vec::with_capacity(head.len() + payload.len());
    frame.extend_from_slice(head);
    frame.extend_from_slice(payload);
    (head.len(), frame.into())
}

impl fmt::Debug for Broadcast {
    /// Its length only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broadcast").field("kind", &self.kind).field("bytes", &self.payload().len()).finish()
    }
}
