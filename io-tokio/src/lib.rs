//! Runs sealock protocols on tokio.
//!
//! A server and a client of the native session:
//!
//! ```
//! use sealock_tokio::session::{CloseCode, Config, Event, Peers};
//! use sealock_tokio::{ConnectOptions, Connection, ListenOptions, Listener, generate_key};
//!
//! async fn serve(mut session: Connection) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//!     while let Some(event) = session.receiver.next().await? {
//!         if let Event::Message(message) = event {
//!             session.sender.send(message).await?;
//!         }
//!     }
//!     Ok(())
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! let protocol = "Noise_XX_25519_ChaChaPoly_BLAKE2s".parse()?;
//! let key = generate_key()?;
//! let server = Peers::Only(vec![key.public()]); // the client must know whom it wants
//! let config = Config::responder(&[protocol]).with_static_key(key).build()?;
//! let listener = Listener::bind(&"127.0.0.1:0".parse()?, config, ListenOptions::default()).await?;
//! let address = listener.local_address().clone();
//! tokio::spawn(async move {
//!     while let Ok(incoming) = listener.accept().await {
//!         tokio::spawn(async { serve(incoming.handshake().await?).await });
//!     }
//! });
//!
//! let config = Config::initiator(protocol).with_static_key(generate_key()?).with_peers(server).build()?;
//! let mut session = sealock_tokio::connect(&address, &config, &ConnectOptions::default()).await?;
//! session.send(b"hello").await?;
//! assert!(matches!(session.next().await?, Some(Event::Message(m)) if *m == *b"hello"));
//! let closed = session.close(CloseCode::NORMAL, "done").await?;
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
//! Any other protocol: [`tcp`], [`unix`] and [`stream`] make the two halves of a stream for
//! [`drive::Connection::new`](sealock_proto::drive::Connection::new), whose futures then run on any task of a
//! runtime with its time and I/O enabled.
//!
//! Sessions over datagrams: [`udp`].
//!
//! What lives here: tokio's sockets, timer and clock behind the driver's traits. No protocol logic.
#![forbid(unsafe_code)]

mod client;
mod hand_over;
mod listener;
mod messages;
mod pool;
mod socket;
mod stream;
#[cfg(test)]
mod tests;
mod timer;
pub mod udp;
#[cfg(feature = "ws")]
pub mod ws;

pub use client::{Reconnector, connect, from_stream, resume};
pub use hand_over::{hand_over, restore};
pub use listener::{Incoming, Listener};
pub use messages::{MessageSink, MessageStream, Messages};
pub use pool::{Dial, Pool, breaker};
pub use sealock_net::listen::Service;
pub use sealock_net::{
    Address, AddressError, CallError, CallPermit, ConnectError, ConnectOptions, GetError, ListenError,
    ListenOptions, NoRestore, NotRestored, Pooled, SharedBreaker, SocketOptions, Stream, generate_key,
};
pub use sealock_proto::{backoff, datagram, drive, limit, noise, resilience, session};
pub use socket::{SocketRead, SocketWrite};
#[cfg(unix)]
pub use stream::unix;
pub use stream::{TokioRead, TokioWrite, halves, stream, tcp};
pub use timer::now;

use sealock_proto::drive::{SessionConnection, SessionReceiver, SessionSender};

/// A session on a TCP or Unix-domain socket, or on any other two halves.
pub type Connection<R = SocketRead, W = SocketWrite> = SessionConnection<TokioRead<R>, TokioWrite<W>>;
/// The receiving half of a [`Connection`].
pub type Receiver<R = SocketRead, W = SocketWrite> = SessionReceiver<TokioRead<R>, TokioWrite<W>>;
/// The sending half of a [`Connection`].
pub type Sender<W = SocketWrite> = SessionSender<TokioWrite<W>>;
