//! Runs sealock protocols on smol and everything else built on `async-io`.
//!
//! A server and a client of the native session:
//!
//! ```
//! use sealock_smol::session::{CloseCode, Config, Event, Peers};
//! use sealock_smol::{ConnectOptions, Connection, ListenOptions, Listener, generate_key};
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
//! # fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! # let executor: &async_executor::Executor<'static> = Box::leak(Box::default());
//! # async_io::block_on(executor.run(async {
//! let protocol = "Noise_XX_25519_ChaChaPoly_BLAKE2s".parse()?;
//! let key = generate_key()?;
//! let server = Peers::Only(vec![key.public()]); // the client must know whom it wants
//! let config = Config::responder(&[protocol]).with_static_key(key).build()?;
//! let listener = Listener::bind(&"127.0.0.1:0".parse()?, config, ListenOptions::default()).await?;
//! let address = listener.local_address().clone();
//! executor.spawn(async move {
//!     while let Ok(incoming) = listener.accept().await {
//!         executor.spawn(async { serve(incoming.handshake().await?).await }).detach();
//!     }
//! }).detach();
//!
//! let config = Config::initiator(protocol).with_static_key(generate_key()?).with_peers(server).build()?;
//! let mut session = sealock_smol::connect(&address, &config, &ConnectOptions::default()).await?;
//! session.send(b"hello").await?;
//! assert!(matches!(session.next().await?, Some(Event::Message(m)) if *m == *b"hello"));
//! let closed = session.close(CloseCode::NORMAL, "done").await?;
//! assert_eq!(closed.undelivered, 0);
//! # Ok(())
//! # }))
//! # }
//! ```
//!
//! The server lets in whoever proves a key, whichever it is: name the keys you trust with
//! [`with_peers`](session::Config::with_peers), or look at `info().peer` before you trust anything else.
//!
//! Features `aes-gcm` and `sha2` (default) offer the suites of those names; `ws` adds WebSocket, `tls` also over TLS (wss).
//!
//! Any other protocol: [`tcp`], [`unix`] and [`halves`] make the two halves of a stream for
//! [`drive::Connection::new`](sealock_proto::drive::Connection::new), whose futures then run on any executor.
//!
//! Sessions over datagrams: [`udp`].
//!
//! What lives here: `async-io`'s sockets and timer behind the driver's traits. No protocol logic.
#![forbid(unsafe_code)]

mod client;
mod hand_over;
mod listener;
mod pool;
mod socket;
mod stream;
#[cfg(test)]
mod tests;
pub mod udp;
#[cfg(feature = "ws")]
pub mod ws;

pub use client::{Reconnector, connect, from_stream, resume};
pub use hand_over::{hand_over, restore};
pub use listener::{Incoming, Listener};
pub use pool::{Dial, Pool, breaker};
pub use sealock_net::listen::Service;
pub use sealock_net::{
    Address, AddressError, CallError, CallPermit, ConnectError, ConnectOptions, GetError, ListenError,
    ListenOptions, NoRestore, NotRestored, Pooled, SharedBreaker, SocketOptions, Stream, generate_key,
};
pub use sealock_proto::{backoff, datagram, drive, limit, noise, resilience, session};
#[cfg(unix)]
pub use socket::unix;
pub use socket::{AnySocket, Socket, tcp};
pub use stream::{SmolRead, SmolWrite, halves, now};

use sealock_proto::drive::{SessionConnection, SessionReceiver, SessionSender};

/// A session on a TCP or Unix-domain socket, or on any other two halves.
pub type Connection<R = AnySocket, W = AnySocket> = SessionConnection<SmolRead<R>, SmolWrite<W>>;
/// The receiving half of a [`Connection`].
pub type Receiver<R = AnySocket, W = AnySocket> = SessionReceiver<SmolRead<R>, SmolWrite<W>>;
/// The sending half of a [`Connection`].
pub type Sender<W = AnySocket> = SessionSender<SmolWrite<W>>;
