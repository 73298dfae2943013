//! The native session on the driver loop: what a user of a driver crate holds in hands.
//!
//! Generic over a runtime's streams; no sockets, clocks or entropy of its own.

use super::session_receiver::{SessionReceiver, establish};
use super::session_sender::SessionSender;
use super::{DriveError, Permit, ReadIo, Resumption, Transport, WriteError, WriteIo};
use crate::entropy::Seed;
use crate::noise::PayloadSecurity;
use crate::resume::ClientTicket;
use crate::session::{CloseCode, Config, Error, Event, ExportError, SendError, SessionInfo, Stats};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::task::{Context, Waker};
use core::time::Duration;
#[cfg(feature = "tls")]
use rustls::pki_types::CertificateDer;

/// Why a session was not established or failed; `E` is the runtime's I/O error.
pub type SessionError<E> = DriveError<Error, E>;
/// Why a message was not accepted, or a session did not close well.
pub type SessionSendError<E> = DriveError<SendError, E>;
/// What [`SessionReceiver::next`] answers, with payloads of type `P`.
pub type SessionNext<P, E> = Result<Option<Event<P>>, SessionError<E>>;

/// Bytes the peer sent with a handshake message: before any proof of its identity
/// ([`SessionInfo::identity`]), but part of the handshake that a proof is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandshakePayload {
    /// The bytes, at least one.
    pub bytes: Vec<u8>,
    /// What the pattern promises for them: they may be readable by anyone, forged or replayed.
    pub security: PayloadSecurity,
}

/// What the peer said when it closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerClose {
    /// The peer's code.
    pub code: CloseCode,
    /// The peer's reason.
    pub reason: String,
}

/// How a session ended that this end closed.
#[must_use = "messages may have arrived that nobody has seen"]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// Messages that arrived while closing and were dropped.
    pub undelivered: u64,
    /// The peer's code and reason: its answer, or its own close if that came first.
    pub peer: Option<PeerClose>,
}

/// An established session on a byte stream.
///
/// The halves are fields, so that a reply can be sent while holding a message:
///
/// ```
/// use sealock_proto::drive::{ReadIo, SessionConnection, WriteIo};
/// use sealock_proto::session::Event;
///
/// async fn echo<I: ReadIo, W: WriteIo<Error = I::Error>>(mut session: SessionConnection<I, W>) {
///     while let Ok(Some(event)) = session.receiver.next().await {
///         if let Event::Message(message) = event {
///             if session.sender.send(message).await.is_err() {
///                 break;
///             }
///         }
///     }
/// }
/// ```
///
/// Sending queues. Bytes leave at a flush, when 64 KiB are queued, or when [`SessionReceiver::next`] starts to
/// wait. The peer's life is judged, and this end's shown, while `next` is polled: poll it as long as the session
/// lives. One task that both sends and receives must not wait for the stream to take bytes while its peer waits
/// for the same: [`SessionConnection::split`] for that.
pub struct SessionConnection<I, W: WriteIo> {
    /// Receives, and keeps the session alive.
    pub receiver: SessionReceiver<I, W>,
    /// Sends.
    pub sender: SessionSender<W>,
}

impl<I, W> SessionConnection<I, W>
where
    I: ReadIo,
    W: WriteIo<Error = I::Error>,
{
    /// Runs the handshake on a fresh stream, its two halves or a [`Transport`], for at most the configured time.
    ///
    /// # Errors
    /// If the stream or the handshake fails. What is owed to the peer has been sent then, as far as the stream
    /// took it at once.
    pub async fn establish(
        config: &Arc<Config>,
        seed: Seed,
        io: impl Into<Transport<I, W>>,
    ) -> Result<Self, SessionError<I::Error>> {
        Self::begin(config, Resumption::No, seed, io).await
    }

    /// [`SessionConnection::establish`], with a ticket of an earlier session if there is one. If it is not accepted the
    /// handshake is a full one.
    ///
    /// # Errors
    /// As there.
    pub async fn begin(
        config: &Arc<Config>,
        resumption: Resumption<'_>,
        seed: Seed,
        io: impl Into<Transport<I, W>>,
    ) -> Result<Self, SessionError<I::Error>> {
        let io = io.into();
        let (kept, store) = match resumption {
            Resumption::Store(store) => (store.take(io.read.unix()), Some(store)),
            Resumption::Ticket(_) | Resumption::No => (None, None),
        };
        let ticket = if let Resumption::Ticket(ticket) = resumption { Some(ticket) } else { kept.as_ref() };
        let (mut receiver, sender) = establish(config, seed, io, ticket, None).await?;
        if let Some(store) = store {
            receiver.keep_tickets(store.clone());
        }
        Ok(Self { receiver, sender })
    }

    /// [`SessionReceiver::take_ticket`].
    pub fn take_ticket(&mut self) -> Option<ClientTicket> {
        self.receiver.take_ticket()
    }

    /// [`SessionConnection::establish`] for a stream that a listener admitted. What its guard is asked in the course of the
    /// handshake, `permit` answers. It keeps its place until both halves are gone.
    ///
    /// # Errors
    /// As there, and if the guard refuses the peer ([`Error::Declined`]).
    pub async fn accept(
        config: &Arc<Config>,
        seed: Seed,
        io: impl Into<Transport<I, W>>,
        mut permit: Permit,
    ) -> Result<Self, SessionError<I::Error>>
    where
        W: Send + 'static,
        W::Error: Send,
    {
        let (mut receiver, mut sender) = establish(config, seed, io.into(), None, Some(&permit)).await?;
        permit.established();
        if let Some(key) = receiver.info().peer {
            let end = sender.ender();
            if !receiver.peer_is_proven() {
                permit.claim(key, end);
            } else if let Err(refused) = permit.enter(key, end) {
                // The peer is told by a Close, as far as the stream takes it at once.
                let _ = sender.poll_flush(&mut Context::from_waker(Waker::noop()));
                return Err(DriveError::Protocol(Error::Declined(refused.into())));
            }
        }
        let permit = Arc::new(permit);
        receiver.hold(Arc::clone(&permit));
        sender.hold(permit);
        Ok(Self { receiver, sender })
    }

    /// The peer and the protocol.
    pub const fn info(&self) -> SessionInfo {
        self.receiver.info()
    }

    /// [`Session::export`](crate::session::Session::export).
    ///
    /// # Errors
    /// [`ExportError::Range`] for a label or length out of range.
    pub fn export(&self, label: &str, context: &[u8], out: &mut [u8]) -> Result<(), ExportError> {
        self.receiver.export(label, context, out)
    }

    /// [`SessionReceiver::peer_certificates`].
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn peer_certificates(&self) -> Option<Vec<CertificateDer<'static>>> {
        self.receiver.peer_certificates()
    }

    /// Whether nothing is under way: nothing to take, as [`SessionReceiver::is_at_rest`] looks for it, and nothing queued
    /// that the stream has not taken.
    pub fn is_at_rest(&mut self) -> bool {
        self.receiver.is_at_rest() && self.sender.queued() == 0
    }

    /// What the peer sent with its handshake messages, in their order.
    #[must_use]
    pub fn handshake_payloads(&self) -> &[HandshakePayload] {
        self.receiver.handshake_payloads()
    }

    /// What has been counted so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.receiver.stats()
    }

    /// [`SessionReceiver::next`].
    ///
    /// # Errors
    /// As there.
    pub async fn next(&mut self) -> SessionNext<&mut [u8], I::Error> {
        self.receiver.next().await
    }

    /// [`SessionSender::send`].
    ///
    /// # Errors
    /// As there.
    pub async fn send(&mut self, message: &[u8]) -> Result<(), SessionSendError<W::Error>> {
        self.sender.send(message).await
    }

    /// [`SessionSender::send_parts`].
    ///
    /// # Errors
    /// As there.
    pub async fn send_parts(&mut self, parts: &[&[u8]]) -> Result<(), SessionSendError<W::Error>> {
        self.sender.send_parts(parts).await
    }

    /// [`SessionSender::flush`].
    ///
    /// # Errors
    /// As there.
    pub async fn flush(&mut self) -> Result<(), WriteError<W::Error>> {
        self.sender.flush().await
    }

    /// [`SessionSender::drain`]. Go on with [`SessionConnection::next`] until it returns `None`.
    ///
    /// # Errors
    /// As there.
    pub async fn drain(&mut self, timeout: Duration) -> Result<(), SessionSendError<W::Error>> {
        self.sender.drain(timeout).await
    }

    /// Closes behind everything accepted and waits for the peer's answer. Messages that arrive meanwhile are
    /// dropped and counted; use [`SessionConnection::drain`] to see them. Also completes a close of the peer.
    ///
    /// # Errors
    /// If the reason is too long, the stream fails, or the peer does not answer in time
    /// ([`SendError::Failed`]). [`SessionReceiver::undelivered`] counts even then.
    pub async fn close(
        &mut self,
        code: CloseCode,
        reason: &str,
    ) -> Result<Closed, SessionSendError<W::Error>> {
        self.receiver.close(&mut self.sender, code, reason).await
    }

    /// Hands the two halves out, for two tasks or threads.
    #[must_use]
    pub fn split(self) -> (SessionReceiver<I, W>, SessionSender<W>) {
        (self.receiver, self.sender)
    }
}

impl<I, W: WriteIo> fmt::Debug for SessionConnection<I, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionConnection").field("receiver", &self.receiver).finish_non_exhaustive()
    }
}
