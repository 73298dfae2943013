//! WebSocket with methods that block. Each is the method of the same name in [`sealock_proto::drive`].
//!
//! ```
//! use sealock_std::ws::{Accept, CloseCode, Config, Endpoint, Event, Incoming, Kind, Listener, Server};
//! use sealock_std::{ConnectOptions, ListenOptions};
//! use std::thread;
//!
//! type Failure = Box<dyn std::error::Error + Send + Sync>;
//!
//! fn serve(incoming: Incoming) -> Result<(), Failure> {
//!     let asked = incoming.request()?;
//!     let path = asked.request()?.path().to_owned(); // look at it, and at the header fields, before accepting
//!     let mut ws = asked.accept(&Accept::new())?;
//!     ws.send(Kind::Text, path.as_bytes())?;
//!     while let Some(event) = ws.receiver.next()? {
//!         if let Event::Message { kind, payload } = event {
//!             ws.sender.send(kind, payload)?;
//!         }
//!     }
//!     Ok(())
//! }
//!
//! # fn main() -> Result<(), Failure> {
//! let config = Config::default().build()?;
//! let server = Server::new(config.clone());
//! let listener = Listener::bind(&"127.0.0.1:0".parse()?, server, ListenOptions::default())?;
//! let url = format!("ws://{}/echo", listener.local_address());
//! thread::spawn(move || {
//!     while let Ok(Some(incoming)) = listener.accept() {
//!         thread::spawn(|| serve(incoming));
//!     }
//! });
//!
//! let endpoint: Endpoint = url.parse()?;
//! let (mut ws, _) = sealock_std::ws::connect(&endpoint, &config, &ConnectOptions::default())?;
//! assert!(matches!(ws.next()?, Some(Event::Message { payload, .. }) if *payload == *b"/echo"));
//! ws.send(Kind::Binary, b"hello")?;
//! assert!(matches!(ws.next()?, Some(Event::Message { payload, .. }) if *payload == *b"hello"));
//! ws.close(CloseCode::NORMAL, "done")?;
//! # Ok(())
//! # }
//! ```
//!
//! With feature `tls` the same over TLS, for URLs of `wss`. The cryptography is a provider of rustls 0.23, on which the
//! program depends itself with the feature `aws_lc_rs` or `ring`:
//!
//! ```ignore
//! let provider = Arc::new(rustls::crypto::ring::default_provider());
//! let tls = ServerTls::from_files(provider.clone(), "chain.pem", "key.pem")?; // tls.reload()? serves changed files
//! let server = Server::new(config.clone()).with_tls(tls);
//!
//! let trusted = ClientTls::from_ca_file(provider, "ca.pem")?; // or ClientTls::system(provider)?
//! let endpoint = "wss://example.org/chat".parse::<Endpoint>()?.with_tls(trusted);
//! ```

mod asked;

use crate::client::open;
use crate::stream::{StdRead, StdWrite, Timeouts};
use crate::{ConnectOptions, Socket, block_on};
pub use asked::Asked;
#[cfg(feature = "tls")]
pub use sealock_net::tls;
#[cfg(feature = "tls")]
use sealock_net::tls::rustls::pki_types::CertificateDer;
pub use sealock_net::ws::{ConnectError, Endpoint, Server, UrlError};
use sealock_proto::drive::{WriteError, WsConnection, WsNext, WsReceiver, WsSender};
pub use sealock_proto::drive::{
    WsAnswer, WsAnswerError, WsClosed, WsConnectError, WsError, WsPeerClose, WsSendError,
};
pub use sealock_proto::ws::*;
use std::io::{self, Read, Write};
use std::sync::Arc;

/// Listens for WebSocket clients.
pub type Listener = crate::Listener<Server>;
/// A stream that was admitted, before any work was done for it.
pub type Incoming = crate::Incoming<Server>;

/// Connects to `endpoint` and asks for a WebSocket.
///
/// # Errors
/// If the server cannot be reached or refuses, or the handshake fails.
pub fn connect(
    endpoint: &Endpoint,
    config: &Arc<Config>,
    options: &ConnectOptions,
) -> Result<(Connection, WsAnswer), ConnectError> {
    let dial = async { open(endpoint.address(), options) };
    block_on(endpoint.upgrade(config, dial)).map(|(ws, answer)| (Connection::new(ws), answer))
}

/// An open WebSocket connection.
///
/// The halves are fields, so that a reply can be sent while holding a message. To send and receive at once, split and
/// give each half a thread.
#[derive(Debug)]
pub struct Connection<R = Socket, W: Write + Timeouts = Socket> {
    /// Receives, and keeps the connection alive.
    pub receiver: Receiver<R, W>,
    /// Sends.
    pub sender: Sender<W>,
}

/// The receiving half of a [`Connection`].
#[derive(Debug)]
pub struct Receiver<R = Socket, W: Write + Timeouts = Socket>(WsReceiver<StdRead<R>, StdWrite<W>>);

/// The sending half of a [`Connection`].
#[derive(Debug)]
pub struct Sender<W: Write + Timeouts = Socket>(WsSender<StdWrite<W>>);

impl<R: Read + Timeouts, W: Write + Timeouts> Connection<R, W> {
    /// The connection with futures, run by [`block_on`], as one with methods that block.
    #[must_use]
    pub fn new(ws: WsConnection<StdRead<R>, StdWrite<W>>) -> Self {
        let (receiver, sender) = ws.split();
        Self { receiver: Receiver(receiver), sender: Sender(sender) }
    }

    /// [`Receiver::peer_certificates`].
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn peer_certificates(&self) -> Option<Vec<CertificateDer<'static>>> {
        self.receiver.peer_certificates()
    }

    /// What has been counted so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.receiver.0.stats()
    }

    /// [`Receiver::next`].
    ///
    /// # Errors
    /// As there.
    #[allow(clippy::should_implement_trait)] // An iterator cannot lend.
    pub fn next(&mut self) -> WsNext<&mut [u8], io::Error> {
        self.receiver.next()
    }

    /// [`Sender::send`].
    ///
    /// # Errors
    /// As there.
    pub fn send(&mut self, kind: Kind, payload: &[u8]) -> Result<(), WsSendError<io::Error>> {
        self.sender.send(kind, payload)
    }

    /// [`Sender::send_broadcast`].
    ///
    /// # Errors
    /// As there.
    pub fn send_broadcast(&mut self, broadcast: &Broadcast) -> Result<(), WsSendError<io::Error>> {
        self.sender.send_broadcast(broadcast)
    }

    /// [`Sender::flush`].
    ///
    /// # Errors
    /// As there.
    pub fn flush(&mut self) -> Result<(), WriteError<io::Error>> {
        self.sender.flush()
    }

    /// Closes behind everything accepted and waits for the peer's answer. Messages that arrive meanwhile are dropped and
    /// counted. Also completes a close of the peer.
    ///
    /// # Errors
    /// As [`WsConnection::close`].
    pub fn close(&mut self, code: CloseCode, reason: &str) -> Result<WsClosed, WsSendError<io::Error>> {
        block_on(self.receiver.0.close(&mut self.sender.0, code, reason))
    }

    /// Hands the two halves out, for two threads.
    #[must_use]
    pub fn split(self) -> (Receiver<R, W>, Sender<W>) {
        (self.receiver, self.sender)
    }
}

impl<R: Read + Timeouts, W: Write + Timeouts> Receiver<R, W> {
    /// Waits for the next message or other event; its payload is gone with the next call. `None` once the connection has
    /// ended and the stream is closed, and ever after.
    ///
    /// # Errors
    /// Once: the connection or the stream failed.
    #[allow(clippy::should_implement_trait)] // An iterator cannot lend.
    pub fn next(&mut self) -> WsNext<&mut [u8], io::Error> {
        block_on(self.0.next())
    }

    /// Receives to the end, dropping and counting messages. For use behind a close of this end or the peer's.
    ///
    /// # Errors
    /// As [`Receiver::next`].
    pub fn finish(&mut self) -> Result<WsClosed, WsError<io::Error>> {
        block_on(self.0.finish())
    }

    /// Who the peer is: [`WsReceiver::peer_certificates`].
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn peer_certificates(&self) -> Option<Vec<CertificateDer<'static>>> {
        self.0.peer_certificates()
    }

    /// The half with futures instead of blocking methods, to be run by [`block_on`].
    pub fn into_inner(self) -> WsReceiver<StdRead<R>, StdWrite<W>> {
        self.0
    }
}

impl<W: Write + Timeouts> Sender<W> {
    /// Queues a message, of any size up to the configured maximum. A receiver that blocks in the system already does not
    /// see it: call [`Sender::flush`], or it may stay queued for up to a second.
    ///
    /// # Errors
    /// If the message is too large or no UTF-8, or the connection or the stream is closed or has failed.
    pub fn send(&mut self, kind: Kind, payload: &[u8]) -> Result<(), WsSendError<io::Error>> {
        block_on(self.0.send(kind, payload))
    }

    /// Queues a message that many connections send. A server's queue shares its memory with theirs.
    ///
    /// # Errors
    /// As [`Sender::send`], but for text that is not UTF-8.
    pub fn send_broadcast(&mut self, broadcast: &Broadcast) -> Result<(), WsSendError<io::Error>> {
        block_on(self.0.send_broadcast(broadcast))
    }

    /// Queues the next piece of a message, as one fragment.
    ///
    /// # Errors
    /// As [`Sender::send`].
    pub fn send_chunk(
        &mut self,
        kind: Kind,
        payload: &[u8],
        last: bool,
    ) -> Result<(), WsSendError<io::Error>> {
        block_on(self.0.send_chunk(kind, payload, last))
    }

    /// Writes everything queued, and waits until the stream has taken it.
    ///
    /// # Errors
    /// If the stream failed or is closed with bytes still queued.
    pub fn flush(&mut self) -> Result<(), WriteError<io::Error>> {
        block_on(self.0.flush())
    }

    /// Closes behind everything accepted, and flushes. The receiver goes on.
    ///
    /// # Errors
    /// If the connection is closed already or has failed, the code or the reason may not be sent, or the stream failed.
    pub fn close(&mut self, code: CloseCode, reason: &str) -> Result<(), WsSendError<io::Error>> {
        block_on(self.0.close(code, reason))
    }

    /// The half with futures instead of blocking methods, to be run by [`block_on`].
    pub fn into_inner(self) -> WsSender<StdWrite<W>> {
        self.0
    }
}
