//! What a connection is told before it begins, and the checks on it.

#[cfg(feature = "deflate")]
use super::deflate::{Codecs, DeflateConfig, DeflateFault};
use super::{recv, send};
use crate::heartbeat::{HeartbeatConfig, HeartbeatError};
use crate::limit::Rate;
use alloc::sync::Arc;
use core::fmt;
use core::time::Duration;

/// The largest `max_message` that can be configured: 1 GiB.
pub const MAX_MAX_MESSAGE: usize = 1 << 30;

/// The least that [`Config::tx_limit`] says: room for many small messages.
const TX_LIMIT: usize = 256 * 1024;

/// How messages are handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Whole, joined in the caller's buffer.
    Messages,
    /// In pieces, as the bytes arrive. The buffer stays small whatever the size of a message.
    Chunks,
}

/// Settings of a connection, for either end; one is shared by all connections of a listener. Begin with
/// [`Config::default`] and end with [`Config::build`].
#[derive(Clone, Debug)]
pub struct Config {
    pub(super) delivery: Delivery,
    pub(super) max_message: usize,
    pub(super) max_frame: usize,
    pub(super) max_fragments: u32,
    pub(super) max_head: usize,
    pub(super) control_rate: Option<Rate>,
    pub(super) heartbeat: Option<HeartbeatConfig>,
    pub(super) handshake_timeout: Duration,
    pub(super) close_timeout: Duration,
    #[cfg(feature = "deflate")]
    pub(super) deflate: Option<Arc<Codecs>>,
}

impl Config {
    /// How messages are handed out. Default [`Delivery::Messages`].
    #[must_use]
    pub const fn with_delivery(mut self, delivery: Delivery) -> Self {
        self.delivery = delivery;
        self
    }

    /// The largest message to send or accept, in bytes. Default 16 MiB; 1 byte to 1 GiB. A message lies in the buffer
    /// as a whole, at either end: give what your application needs. Larger data goes in chunks, each way.
    #[must_use]
    pub const fn with_max_message(mut self, bytes: usize) -> Self {
        self.max_message = bytes;
        self
    }

    /// The largest payload of one frame to accept, in bytes. Default 1 GiB, which leaves it to the largest message; at
    /// least 1.
    #[must_use]
    pub const fn with_max_frame(mut self, bytes: usize) -> Self {
        self.max_frame = bytes;
        self
    }

    /// The most fragments of one message to accept. Default 131,072; at least 1.
    #[must_use]
    pub const fn with_max_fragments(mut self, fragments: u32) -> Self {
        self.max_fragments = fragments;
        self
    }

    /// The longest head of a request or a response to accept, in bytes. Default 8 KiB; 256 bytes to 64 KiB.
    #[must_use]
    pub const fn with_max_head(mut self, bytes: usize) -> Self {
        self.max_head = bytes;
        self
    }

    /// How many control frames (Ping, Pong) the peer may send: over it, the connection is closed with
    /// [`CloseCode::POLICY`](super::CloseCode::POLICY). `None` for any number. Default 100 a second, 1,000 at once.
    #[must_use]
    pub const fn with_control_rate(mut self, rate: Option<Rate>) -> Self {
        self.control_rate = rate;
        self
    }

    /// How the peer's life is watched; `None` for not at all. Default [`HeartbeatConfig::default`].
    #[must_use]
    pub const fn with_heartbeat(mut self, heartbeat: Option<HeartbeatConfig>) -> Self {
        self.heartbeat = heartbeat;
        self
    }

    /// How long the opening handshake may take, the application's answer included. Default 10 s, not zero.
    #[must_use]
    pub const fn with_handshake_timeout(mut self, timeout: Duration) -> Self {
        self.handshake_timeout = timeout;
        self
    }

    /// How long to wait for the peer's answer to a close, and a client for the server to close the stream. Default
    /// 5 s, not zero.
    #[must_use]
    pub const fn with_close_timeout(mut self, timeout: Duration) -> Self {
        self.close_timeout = timeout;
        self
    }

    /// Compresses messages where the other end agrees; `None` for never. Default `None`. Compressed messages that arrive
    /// are inflated into a [`Scratch`](crate::buf::Scratch), and at most to the largest message.
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn with_deflate(mut self, deflate: Option<DeflateConfig>) -> Self {
        self.deflate = deflate.map(|config| Arc::new(Codecs::new(config)));
        self
    }

    /// The most bytes a read buffer needs for this configuration: what to give
    /// [`RxBuf::new`](crate::buf::RxBuf::new).
    #[must_use]
    pub const fn rx_limit(&self) -> usize {
        let message = match self.delivery {
            Delivery::Messages => self.max_message,
            Delivery::Chunks => 0,
        };
        let bound = recv::buffer_bound(message);
        if bound > self.max_head { bound } else { self.max_head }
    }

    /// The limit of a transmit buffer that takes every message at once: what to give
    /// [`TxBuf::new`](crate::buf::TxBuf::new). At least 256 KiB; memory is taken as it is needed.
    #[must_use]
    pub const fn tx_limit(&self) -> usize {
        let frame = self.max_payload() + send::FRAME_ROOM;
        if frame > TX_LIMIT { frame } else { TX_LIMIT }
    }

    /// The most bytes a message may have on the wire.
    pub(super) const fn max_payload(&self) -> usize {
        #[cfg(feature = "deflate")]
        if self.deflate.is_some() {
            return super::deflate::bound(self.max_message);
        }
        self.max_message
    }

    /// The largest message to send or accept, in bytes.
    #[must_use]
    pub const fn max_message(&self) -> usize {
        self.max_message
    }

    /// Checks everything and makes the configuration shareable.
    ///
    /// # Errors
    /// Names the field and what is wrong with it.
    pub fn build(self) -> Result<Arc<Self>, ConfigError> {
        use ConfigError as E;
        if !(1..=MAX_MAX_MESSAGE).contains(&self.max_message) {
            return Err(E::MaxMessage);
        }
        if self.max_frame == 0 {
            return Err(E::MaxFrame);
        }
        if self.max_fragments == 0 {
            return Err(E::MaxFragments);
        }
        if !(256..=64 << 10).contains(&self.max_head) {
            return Err(E::MaxHead);
        }
        if let Some(heartbeat) = &self.heartbeat {
            heartbeat.validate().map_err(E::Heartbeat)?;
        }
        if self.handshake_timeout.is_zero() || self.close_timeout.is_zero() {
            return Err(E::ZeroTimeout);
        }
        #[cfg(feature = "deflate")]
        if let Some(codecs) = &self.deflate {
            codecs.config().check().map_err(|fault| match fault {
                DeflateFault::Window => E::DeflateWindow,
                DeflateFault::Level => E::DeflateLevel,
            })?;
        }
        Ok(Arc::new(self))
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            delivery: Delivery::Messages,
            max_message: 16 << 20,
            max_frame: MAX_MAX_MESSAGE,
            max_fragments: 1 << 17,
            max_head: 8 << 10,
            control_rate: Rate::new(100, 1_000).ok(),
            heartbeat: Some(HeartbeatConfig::default()),
            handshake_timeout: Duration::from_secs(10),
            close_timeout: Duration::from_secs(5),
            #[cfg(feature = "deflate")]
            deflate: None,
        }
    }
}

/// Which field of a [`Config`] is wrong.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigError {
    /// `max_message` is not in 1 byte to 1 GiB.
    MaxMessage,
    /// `max_frame` is zero.
    MaxFrame,
    /// `max_fragments` is zero.
    MaxFragments,
    /// `max_head` is not in 256 bytes to 64 KiB.
    MaxHead,
    /// A duration of the heartbeat is out of range.
    Heartbeat(HeartbeatError),
    /// `handshake_timeout` or `close_timeout` is zero.
    ZeroTimeout,
    /// A window of the compression is not in 9 to 15.
    #[cfg(feature = "deflate")]
    DeflateWindow,
    /// The level of the compression is not in 1 to 9.
    #[cfg(feature = "deflate")]
    DeflateLevel,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MaxMessage => "max_message: give 1 byte to 1 GiB",
            Self::MaxFrame => "max_frame: give at least 1 byte",
            Self::MaxFragments => "max_fragments: give at least 1",
            Self::MaxHead => "max_head: give 256 bytes to 64 KiB",
            Self::Heartbeat(error) => return error.fmt(f),
            Self::ZeroTimeout => {
                "handshake_timeout and close_timeout: zero ends every connection; give some time"
            }
            #[cfg(feature = "deflate")]
            Self::DeflateWindow => "server_max_window_bits and client_max_window_bits: give 9 to 15",
            #[cfg(feature = "deflate")]
            Self::DeflateLevel => "level of the compression: give 1 to 9",
        })
    }
}

impl core::error::Error for ConfigError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_field_is_named() {
        use ConfigError as E;
        let config = Config::default;
        let heartbeat = HeartbeatConfig::default().with_interval(Duration::ZERO);
        for (config, want) in [
            (config(), None),
            (config().with_max_message(0), Some(E::MaxMessage)),
            (config().with_max_message(MAX_MAX_MESSAGE + 1), Some(E::MaxMessage)),
            (config().with_max_frame(0), Some(E::MaxFrame)),
            (config().with_max_fragments(0), Some(E::MaxFragments)),
            (config().with_max_head(255), Some(E::MaxHead)),
            (config().with_max_head((64 << 10) + 1), Some(E::MaxHead)),
            (config().with_heartbeat(Some(heartbeat)), Some(E::Heartbeat(HeartbeatError::Interval))),
            (config().with_handshake_timeout(Duration::ZERO), Some(E::ZeroTimeout)),
            (config().with_close_timeout(Duration::ZERO), Some(E::ZeroTimeout)),
        ] {
            assert_eq!(config.build().err(), want);
        }
    }

    #[cfg(feature = "deflate")]
    #[test]
    fn a_wrong_field_of_the_compression_is_named() {
        use ConfigError as E;
        let deflate = DeflateConfig::default;
        for (deflate, want) in [
            (deflate(), None),
            (deflate().with_server_max_window_bits(8), Some(E::DeflateWindow)),
            (deflate().with_client_max_window_bits(16), Some(E::DeflateWindow)),
            (deflate().with_level(0), Some(E::DeflateLevel)),
            (deflate().with_level(10), Some(E::DeflateLevel)),
        ] {
            assert_eq!(Config::default().with_deflate(Some(deflate)).build().err(), want);
        }
    }

    #[test]
    fn chunks_need_a_small_buffer_whatever_the_message() {
        let config = Config::default().with_max_message(MAX_MAX_MESSAGE);
        assert!(config.rx_limit() > MAX_MAX_MESSAGE);
        assert!(config.with_delivery(Delivery::Chunks).rx_limit() < 200 << 10);
    }
}
