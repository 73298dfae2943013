//! Runs sealock protocols on blocking sockets and threads.
//!
//! A server and a client of the native session:
//!
//! ```
//! use std::thread;
//! use sealock_std::session::{CloseCode, Config, Event, Peers};
//! use sealock_std::{ConnectOptions, Connection, ListenOptions, Listener, generate_key};
//!
//! fn serve(mut session: Connection) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//!     while let Some(event) = session.receiver.next()? {
//!         if let Event::Message(message) = event {
//!             session.sender.send(message)?;
//!         }
//!     }
//!     Ok(())
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! let protocol = "Noise_XX_25519_ChaChaPoly_BLAKE2s".parse()?;
//! let key = generate_key()?;
//! let server = Peers::Only(vec![key.public()]); // the client must know whom it wants
//! let config = Config::responder(&[protocol]).with_static_key(key).build()?;
//! let listener = Listener::bind(&"127.0.0.1:0".parse()?, config, ListenOptions::default())?;
//! let address = listener.local_address().clone();
//! thread::spawn(move || {
//!     while let Ok(Some(incoming)) = listener.accept() {
//!         thread::spawn(|| serve(incoming.handshake()?));
//!     }
//! });
//!
//! let config = Config::initiator(protocol).with_static_key(generate_key()?).with_peers(server).build()?;
//! let mut session = sealock_std::connect(&address, &config, &ConnectOptions::default())?;
//! session.send(b"hello")?;
//! assert!(matches!(session.next()?, Some(Event::Message(m)) if *m == *b"hello"));
//! let closed = session.close(CloseCode::NORMAL, "done")?;
//! assert_eq!(closed.undelivered, 0);
//! # Ok(())
//! # }
//! ```
//!
//! The server lets in whoever proves a key, whichever it is: name the keys you trust with
//! [`with_peers`](session::Config::with_peers), or look at `info().peer` before you trust anything else.
//!
//! Features `aes-gcm` and `sha2` (default) offer the suites of those names; `ws` adds WebSocket, `tls` also over TLS (wss).
//!
//! Any other protocol: [`tcp`], [`unix`] and [`halves`] make the two halves of a stream for
//! [`drive::Connection::new`](sealock_proto::drive::Connection::new); [`block_on`] runs a connection's futures.
//!
//! Sessions over datagrams: [`udp`].
//!
//! What lives here: blocking reads and writes with time limits, and waiting. No protocol logic.
#![forbid(unsafe_code)]

mod block;
mod client;
mod connection;
mod hand_over;
mod listener;
mod pool;
mod socket;
mod stream;
#[cfg(test)]
mod tests;
mod timeout;
pub mod udp;
#[cfg(feature = "ws")]
pub mod ws;

pub use block::block_on;
pub use client::{Reconnector, connect, from_stream, resume};
pub use connection::{Connection, Receiver, Sender};
pub use hand_over::{hand_over, restore};
pub use listener::{Incoming, Listener, Stopper};
pub use pool::{Pool, breaker};
pub use sealock_net::listen::Service;
pub use sealock_net::{
    Address, AddressError, CallError, CallPermit, ConnectError, ConnectOptions, GetError, ListenError,
    ListenOptions, NoRestore, NotRestored, Pooled, SharedBreaker, SocketOptions, Stream, generate_key,
};
pub use sealock_proto::{backoff, datagram, drive, limit, noise, resilience, session};
pub use socket::Socket;
#[cfg(unix)]
pub use stream::unix;
pub use stream::{StdRead, StdWrite, Timeouts, halves, now, tcp};
