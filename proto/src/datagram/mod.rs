//! Sessions over datagrams: the Noise handshakes and keys of the native session where packets are lost, doubled and
//! overtaken. The bytes are in `docs/wire-datagram.md`.
//!
//! One [`Endpoint`] serves one socket and all its peers, whoever began. A message is one datagram: it arrives once or
//! not at all, in any order, and nothing repeats it. What is repeated is the handshake. Keys are replaced while messages
//! go on, and a peer may change its address.
//!
//! ```
//! use sealock_proto::datagram::{Config, Endpoint, Event, Peers};
//! use sealock_proto::entropy::Seed;
//! use sealock_proto::noise::SecretKey;
//! use sealock_proto::time::Instant;
//!
//! # fn main() -> Result<(), Box<dyn core::error::Error>> {
//! let now = Instant::ZERO; // from your clock
//! let (a, b) = ("192.0.2.1:7000".parse()?, "192.0.2.2:7000".parse()?);
//! let endpoint = |byte: u8| {
//!     // In earnest key and seed come from a cryptographically secure source.
//!     let config = Config::new("Noise_XX_25519_ChaChaPoly_BLAKE2s".parse()?)
//!         .with_static_key(SecretKey::new(&mut [byte; 32]))
//!         .with_peers(Peers::Any)
//!         .build()?;
//!     Ok::<_, Box<dyn core::error::Error>>(Endpoint::new(&config, Seed::new(&mut [byte; 32]))?)
//! };
//! let (mut alice, mut bob) = (endpoint(1)?, endpoint(2)?);
//! let peer = alice.connect(now, b, Some(SecretKey::new(&mut [2; 32]).public()))?;
//!
//! // A socket's work: what one end owes, the other receives.
//! let mut buffer = [0; 1200];
//! loop {
//!     let mut quiet = true;
//!     while let Some(sent) = alice.poll_transmit(now, &mut buffer) {
//!         assert!(bob.recv(now, a, &mut buffer[..sent.len]).is_none());
//!         quiet = false;
//!     }
//!     while let Some(sent) = bob.poll_transmit(now, &mut buffer) {
//!         assert!(alice.recv(now, b, &mut buffer[..sent.len]).is_none());
//!         quiet = false;
//!     }
//!     if quiet {
//!         break;
//!     }
//! }
//! assert!(matches!(alice.poll_event(), Some(Event::Established { .. })));
//!
//! let sent = alice.send(now, peer, b"are you there?", &mut buffer)?;
//! let received = bob.recv(now, a, &mut buffer[..sent.len]).ok_or("lost")?;
//! assert_eq!(received.payload, b"are you there?");
//! # Ok(())
//! # }
//! ```
//!
//! Two rules keep a loop right: call [`Endpoint::poll_transmit`] after anything else and before waiting, and take what
//! the socket has before [`Endpoint::handle_timeout`], because silence is judged there.

mod config;
mod config_error;
mod deadlines;
mod draws;
mod endpoint;
mod error;
mod exchange;
mod incoming;
mod keys;
mod packet;
mod peer;
mod slots;
mod stats;
#[cfg(test)]
mod tests;
mod window;

pub use config::{
    Config, MAX_KEY_AGE, MAX_MAX_DATAGRAM, MAX_PACKETS_PER_KEY, MIN_MAX_DATAGRAM, Peers, RekeyPolicy,
};
pub use config_error::ConfigError;
pub use endpoint::Endpoint;
pub use error::{ConnectError, SendError};
pub use stats::{Discards, Stats};
pub use window::WINDOW;

use crate::buf::Span;
use crate::heartbeat::Dead;
use crate::machine::{DatagramMachine, Received, Transmit};
use crate::noise::{HandshakeHash, PublicKey};
use crate::time::Instant;
use core::fmt;
use core::net::SocketAddr;

/// Names a peer of one [`Endpoint`], never another one after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PeerId {
    number: u32,
    generation: u32,
}

/// What happened to a session.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// There is a session, and messages can be sent.
    Established {
        /// Whose.
        peer: PeerId,
        /// What is known of it.
        established: Established,
    },
    /// The session is over; `peer` means nothing any more.
    Ended {
        /// Whose.
        peer: PeerId,
        /// Why.
        reason: EndReason,
    },
}

/// What is known of a session when it begins.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Established {
    /// The peer's static key, where the pattern has one.
    pub key: Option<PublicKey>,
    /// Identifies the first handshake, the same on both sides.
    pub hash: HandshakeHash,
    /// Whether this end connected.
    pub initiator: bool,
}

/// Why a session is over.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// The peer closed it, with this code of the application's.
    Closed(u16),
    /// The handshake did not come to an end in time.
    HandshakeTimeout,
    /// The heartbeat found no life.
    Dead(Dead),
    /// The keys became too old, and no handshake made others.
    KeysExpired,
}

impl fmt::Display for EndReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed(code) => write!(f, "the peer closed the session with code {code}"),
            Self::HandshakeTimeout => {
                f.write_str("the handshake took too long: check address, keys and protocol of both ends")
            }
            Self::Dead(dead) => dead.fmt(f),
            Self::KeysExpired => {
                f.write_str("the keys became too old and the peer took no others: connect again")
            }
        }
    }
}

impl DatagramMachine for Endpoint {
    type Peer = PeerId;
    type Event = Event;
    type SendError = SendError;

    fn max_datagram(&self) -> usize {
        self.config().max_datagram()
    }

    fn recv(
        &mut self,
        now: Instant,
        source: SocketAddr,
        datagram: &mut [u8],
    ) -> Option<Received<PeerId, Span>> {
        let (peer, range) = self.take(now, source, datagram)?;
        Some(Received { peer, payload: Span::new(range.start, range.len()) })
    }

    fn poll_event(&mut self) -> Option<Event> {
        self.poll_event()
    }

    fn send(
        &mut self,
        now: Instant,
        peer: PeerId,
        message: &[u8],
        out: &mut [u8],
    ) -> Result<Transmit, SendError> {
        self.send(now, peer, message, out)
    }

    fn poll_transmit(&mut self, now: Instant, out: &mut [u8]) -> Option<Transmit> {
        self.poll_transmit(now, out)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.poll_timeout()
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.handle_timeout(now);
    }
}
