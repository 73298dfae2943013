//! WebSocket: messages over HTTP's port, both ends (RFC 6455).
//!
//! A [`WebSocket`] begins with the opening handshake over HTTP/1.1, or behind one that somebody else did
//! ([`WebSocket::upgraded`]); then frames flow. Payloads are unmasked in place and lent from the caller's buffer.
//!
//! May use `heartbeat`, `limit`, `buf`, `machine`, `share`, `timer`, `time` and `entropy`; never a driver or another
//! protocol. `http/` knows no frames, and nothing else knows HTTP but `control.rs`, which passes the opening on.
//!
//! ```
//! use sealock_proto::buf::TxBuf;
//! use sealock_proto::entropy::Seed;
//! use sealock_proto::time::Instant;
//! use sealock_proto::ws::{Accept, Config, Event, Kind, Request, UpgradeRequest, WebSocket};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (config, now) = (Config::default().build()?, Instant::ZERO);
//! let request = UpgradeRequest::new("example.org", "/chat?room=1")?.with_subprotocol("chat")?;
//! // Real seeds come from the operating system.
//! let mut client = WebSocket::client(&config, &request, &Seed::new(&mut [1; 32]), now);
//! let mut server = WebSocket::server(&config, &Seed::new(&mut [2; 32]), now);
//! let (mut to_server, mut to_client) = (TxBuf::new(1 << 16), TxBuf::new(1 << 16));
//!
//! // The client asks, the server looks at what it asks for and accepts.
//! client.poll_transmit(now, &mut to_server);
//! let mut wire = to_server.sealed().to_vec();
//! let recv = server.recv(now, &mut wire)?;
//! let Some(Event::Request(head)) = recv.event else { panic!() };
//! let request = Request::parse(head)?;
//! assert_eq!((request.path(), request.query()), ("/chat", Some("room=1")));
//! assert_eq!(request.subprotocols().next(), Some("chat"));
//! server.accept(now, &Accept::new().with_subprotocol("chat"), &mut to_client)?;
//! assert!(matches!(client.recv(now, &mut to_client.sealed().to_vec())?.event, Some(Event::Accepted(_))));
//!
//! // Messages, each way.
//! to_server.consume(usize::MAX);
//! client.send(now, Kind::Text, b"hello", &mut to_server)?;
//! let mut wire = to_server.sealed().to_vec();
//! let recv = server.recv(now, &mut wire)?;
//! assert!(matches!(recv.event, Some(Event::Message { kind: Kind::Text, payload }) if *payload == *b"hello"));
//! # Ok(())
//! # }
//! ```
//!
//! A server decides by `Origin` and by credentials whom it accepts: a browser sends a page's cookies to any server the
//! page names.

mod broadcast;
mod close;
mod config;
mod control;
#[cfg(feature = "deflate")]
mod deflate;
mod error;
mod extensions;
mod frame;
#[cfg(feature = "std")]
mod halves;
mod http;
mod mask;
mod pongs;
mod recv;
mod send;
mod stats;
#[cfg(test)]
mod tests;
mod utf8;

pub use broadcast::Broadcast;
pub use close::{CloseCode, MAX_REASON};
pub use config::{Config, ConfigError, Delivery, MAX_MAX_MESSAGE};
#[cfg(feature = "deflate")]
pub use deflate::{DeflateConfig, DeflateParams};
pub use error::{AnswerError, Error, SendError};
pub use frame::FrameFault;
#[cfg(feature = "std")]
pub use halves::{Receiver, Sender};
#[cfg(feature = "deflate")]
pub use http::grant_deflate;
pub use http::{
    Accept, FieldError, Fields, MAX_FIELDS, Reject, Request, Response, UpgradeFault, UpgradeRequest,
    accept_key,
};
pub use send::MIN_TX_LIMIT;
pub use stats::{Stats, Traffic};

use crate::buf::{Scratch, Span, TxBuf};
use crate::entropy::Seed;
use crate::machine::{Machine, Recv};
use crate::time::Instant;
use alloc::boxed::Box;
use alloc::sync::Arc;
use control::{Control, Opening};
use frame::Opcode;
use http::ClientHello;
use recv::RecvState;
use send::SendState;

/// Which end of a connection this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The end that asks, and masks what it sends.
    Client,
    /// The end that is asked.
    Server,
}

/// What a message carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8, checked at both ends.
    Text,
    /// Anything.
    Binary,
}

impl Kind {
    const fn of(opcode: Opcode) -> Option<Self> {
        match opcode {
            Opcode::Text => Some(Self::Text),
            Opcode::Binary => Some(Self::Binary),
            _ => None,
        }
    }

    const fn opcode(self) -> Opcode {
        match self {
            Self::Text => Opcode::Text,
            Self::Binary => Opcode::Binary,
        }
    }
}

/// What happened. At most one payload, which lies in the buffer given to `recv`.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<P> {
    /// A client asks: the head of its request, for [`Request::parse`]. Answer with [`WebSocket::accept`] or
    /// [`WebSocket::reject`], at the latest when the handshake's time is over.
    Request(P),
    /// The server accepted: the head of its answer, for [`Response::parse`]. Messages can be sent.
    Accepted(P),
    /// The server refused: the head of its answer, for [`Response::parse`]. The connection is over; a body is not read.
    Rejected(P),
    /// A whole message ([`Delivery::Messages`]).
    Message {
        /// What it carries.
        kind: Kind,
        /// Its bytes; UTF-8 if it is text.
        payload: P,
    },
    /// A piece of a message ([`Delivery::Chunks`]).
    Chunk {
        /// What the message carries.
        kind: Kind,
        /// The next bytes. A character of text may be cut between two pieces.
        payload: P,
        /// Whether the message ends with them.
        last: bool,
    },
    /// The peer closed. The answer goes out with the next `poll_transmit`, unless this is the answer.
    Closed {
        /// The peer's code; [`CloseCode::NO_STATUS`] if it gave none.
        code: CloseCode,
        /// The peer's reason: UTF-8, at most [`MAX_REASON`] bytes.
        reason: P,
    },
}

impl<P> Event<P> {
    /// The same event with its payload changed by `f`.
    pub fn map<Q>(self, f: impl FnOnce(P) -> Q) -> Event<Q> {
        match self {
            Self::Request(head) => Event::Request(f(head)),
            Self::Accepted(head) => Event::Accepted(f(head)),
            Self::Rejected(head) => Event::Rejected(f(head)),
            Self::Message { kind, payload } => Event::Message { kind, payload: f(payload) },
            Self::Chunk { kind, payload, last } => Event::Chunk { kind, payload: f(payload), last },
            Self::Closed { code, reason } => Event::Closed { code, reason: f(reason) },
        }
    }
}

/// One end of a connection.
pub struct WebSocket {
    send: SendState,
    recv: RecvState,
    control: Control,
}

impl WebSocket {
    /// A client that asks for `request`. Its first bytes come from [`WebSocket::poll_transmit`].
    #[must_use]
    pub fn client(config: &Arc<Config>, request: &UpgradeRequest, seed: &Seed, now: Instant) -> Self {
        let hello = ClientHello::new(request, &seed.child("ws opening"));
        Self::new(config, Role::Client, Opening::Ask(hello), seed, now)
    }

    /// A server that waits for a request.
    #[must_use]
    pub fn server(config: &Arc<Config>, seed: &Seed, now: Instant) -> Self {
        Self::new(config, Role::Server, Opening::AwaitRequest(Box::default()), seed, now)
    }

    /// A connection whose opening handshake somebody else did, such as an HTTP server: frames flow from the first byte.
    #[must_use]
    pub fn upgraded(config: &Arc<Config>, role: Role, seed: &Seed, now: Instant) -> Self {
        Self::new(config, role, Opening::Open, seed, now)
    }

    fn new(config: &Arc<Config>, role: Role, opening: Opening, seed: &Seed, now: Instant) -> Self {
        Self {
            send: SendState::new(config, role, seed),
            recv: RecvState::new(config, role),
            control: Control::new(config, role, opening, seed, now),
        }
    }

    /// Works on the front of `buf`, in place; see [`Machine::recv`] for the contract.
    ///
    /// # Errors
    /// Fatal: call [`WebSocket::poll_transmit`], write out what it appends, close the stream.
    #[inline]
    pub fn recv<'a>(&mut self, now: Instant, buf: &'a mut [u8]) -> Result<Recv<Event<&'a mut [u8]>>, Error> {
        let recv = self.recv.recv(&mut self.control, now, buf, None)?;
        Ok(recv.map(|event| event.map(|span| span.of_mut(buf))))
    }

    /// Like [`WebSocket::recv`], with room to inflate compressed messages: for a configuration that
    /// compresses. See [`Machine::recv_with`] for the contract.
    ///
    /// # Errors
    /// As there.
    #[inline]
    pub fn recv_with<'a>(
        &mut self,
        now: Instant,
        buf: &'a mut [u8],
        scratch: &'a mut Scratch,
    ) -> Result<Recv<Event<&'a mut [u8]>>, Error> {
        let recv = self.recv.recv(&mut self.control, now, buf, Some(&mut *scratch))?;
        Ok(recv.map(|event| event.map(|span| span.of_either(buf, scratch))))
    }

    /// The compression that both ends agreed on, once the connection is open.
    #[cfg(feature = "deflate")]
    #[must_use]
    pub const fn deflate(&self) -> Option<DeflateParams> {
        self.control.granted()
    }

    /// For a connection that somebody else [opened](WebSocket::upgraded): the compression that was agreed on. Without
    /// effect if the configuration has none.
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn with_deflate(mut self, agreed: DeflateParams) -> Self {
        self.control.grant(agreed);
        self
    }

    /// The peer will send nothing more.
    ///
    /// # Errors
    /// [`Error::Truncated`] if it did not close before.
    pub fn recv_eof(&mut self, _now: Instant) -> Result<(), Error> {
        self.control.on_eof()
    }

    /// Accepts the request that [`Event::Request`] brought. Messages can be sent then.
    ///
    /// # Errors
    /// None is fatal; [`AnswerError::Full`] is backpressure.
    pub fn accept(&mut self, now: Instant, accept: &Accept<'_>, tx: &mut TxBuf) -> Result<(), AnswerError> {
        self.send.accept(&mut self.control, now, accept, tx)
    }

    /// Refuses the request that [`Event::Request`] brought. The connection is over.
    ///
    /// # Errors
    /// None is fatal; [`AnswerError::Full`] is backpressure.
    pub fn reject(&mut self, _now: Instant, reject: &Reject<'_>, tx: &mut TxBuf) -> Result<(), AnswerError> {
        self.send.reject(&mut self.control, reject, tx)
    }

    /// Accepts all of a message as one frame of `tx`, or nothing of it.
    ///
    /// # Errors
    /// None is fatal; [`SendError::Full`] is backpressure. A message that is larger than the buffer goes out with
    /// [`WebSocket::send_chunk`].
    #[inline]
    pub fn send(
        &mut self,
        _now: Instant,
        kind: Kind,
        payload: &[u8],
        tx: &mut TxBuf,
    ) -> Result<(), SendError> {
        self.send.send(&mut self.control, kind, payload, tx)
    }

    /// [`WebSocket::send`] of a message that many connections send. A server appends the memory that all of them share,
    /// unless the message is so short that a copy is cheaper; a client masks a copy.
    ///
    /// # Errors
    /// As there, but for text that is not UTF-8.
    #[inline]
    pub fn send_broadcast(
        &mut self,
        _now: Instant,
        broadcast: &Broadcast,
        tx: &mut TxBuf,
    ) -> Result<(), SendError> {
        self.send.send_broadcast(&mut self.control, broadcast, tx)
    }

    /// Accepts the next piece of a message as one fragment, or nothing of it. A message that was begun must be
    /// completed, with a chunk that is the last, before another: the protocol knows no way to give it up.
    ///
    /// # Errors
    /// None is fatal; [`SendError::Full`] is backpressure.
    pub fn send_chunk(
        &mut self,
        _now: Instant,
        kind: Kind,
        payload: &[u8],
        last: bool,
        tx: &mut TxBuf,
    ) -> Result<(), SendError> {
        self.send.send_chunk(&mut self.control, kind, payload, last, tx)
    }

    /// Closes behind everything accepted. Go on receiving: the peer's last messages and its answer follow.
    /// [`CloseCode::NO_STATUS`] closes without a code.
    ///
    /// # Errors
    /// None is fatal. Messages leave room for it: [`SendError::Full`] comes only if something else fills `tx`.
    pub fn close(
        &mut self,
        now: Instant,
        code: CloseCode,
        reason: &str,
        tx: &mut TxBuf,
    ) -> Result<(), SendError> {
        self.send.close(&mut self.control, now, code, reason, tx)
    }

    /// Appends what is owed. Call it after any other call and before waiting.
    pub fn poll_transmit(&mut self, now: Instant, tx: &mut TxBuf) {
        self.send.poll_transmit(&mut self.control, now, tx);
    }

    /// When to call [`WebSocket::handle_timeout`]. May change with any other call.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.control.poll_timeout()
    }

    /// Acts on the deadlines that have come. Read what the stream has before: silence is judged here.
    ///
    /// # Errors
    /// Fatal, like [`WebSocket::recv`].
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        self.recv.note(self.control.handle_timeout(now))
    }

    /// Whether the connection has ended: write out what is sealed, then close the stream.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.control.is_over()
    }

    /// What has been counted so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        stats(&self.control, self.send.stats(), self.recv.stats())
    }

    /// The two halves, for two threads or tasks. Possible at any time.
    #[cfg(feature = "std")]
    #[must_use]
    pub fn split(self) -> (Sender, Receiver) {
        halves::split(self)
    }
}

/// The counters of the shared block beside the halves'.
fn stats(control: &Control, sent: Traffic, received: Traffic) -> Stats {
    let (pings, pongs) = control.beats();
    Stats { sent, received, pings, pongs, rtt: control.rtt() }
}

impl Machine for WebSocket {
    type Event<P> = Event<P>;
    type Error = Error;

    fn map_event<P, Q>(event: Event<P>, f: impl FnOnce(P) -> Q) -> Event<Q> {
        event.map(f)
    }

    #[inline]
    fn recv(&mut self, now: Instant, buf: &mut [u8]) -> Result<Recv<Event<Span>>, Error> {
        self.recv.recv(&mut self.control, now, buf, None)
    }

    #[inline]
    fn recv_with(
        &mut self,
        now: Instant,
        buf: &mut [u8],
        scratch: &mut Scratch,
    ) -> Result<Recv<Event<Span>>, Error> {
        self.recv.recv(&mut self.control, now, buf, Some(scratch))
    }

    fn recv_eof(&mut self, now: Instant) -> Result<(), Error> {
        Self::recv_eof(self, now)
    }

    fn poll_transmit(&mut self, now: Instant, tx: &mut TxBuf) {
        Self::poll_transmit(self, now, tx);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        Self::poll_timeout(self)
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        Self::handle_timeout(self, now)
    }

    fn is_finished(&self) -> bool {
        Self::is_finished(self)
    }
}
