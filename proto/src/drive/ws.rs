//! WebSocket on the driver loop: what a user of a driver crate holds in hands.
//!
//! Generic over a runtime's streams; no sockets, clocks or entropy of its own.

use super::ws_receiver::WsReceiver;
use super::ws_sender::WsSender;
use super::{Connection, DriveError, Permit, ReadIo, Transport, WriteError, WriteIo};
use crate::buf::{RxBuf, TxBuf};
use crate::entropy::Seed;
#[cfg(feature = "deflate")]
use crate::ws::DeflateParams;
use crate::ws::{Broadcast, CloseCode, Config, Error, Event, Kind, Role, SendError, Stats, WebSocket};
use alloc::string::String;
use alloc::sync::Arc;
#[cfg(feature = "tls")]
use alloc::vec::Vec;
use core::fmt;
#[cfg(feature = "tls")]
use rustls::pki_types::CertificateDer;

/// Why a connection was not opened or failed; `E` is the runtime's I/O error.
pub type WsError<E> = DriveError<Error, E>;
/// Why a message was not accepted, or a connection did not close well.
pub type WsSendError<E> = DriveError<SendError, E>;
/// What [`WsReceiver::next`] answers, with payloads of type `P`.
pub type WsNext<P, E> = Result<Option<Event<P>>, WsError<E>>;

/// What the peer said when it closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WsPeerClose {
    /// The peer's code; [`CloseCode::NO_STATUS`] if it gave none.
    pub code: CloseCode,
    /// The peer's reason.
    pub reason: String,
}

/// How a connection ended that this end closed.
#[must_use = "messages may have arrived that nobody has seen"]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WsClosed {
    /// Messages, or pieces of them, that arrived while closing and were dropped.
    pub undelivered: u64,
    /// The peer's code and reason: its answer, or its own close if that came first.
    pub peer: Option<WsPeerClose>,
}

/// An open WebSocket connection on a byte stream.
///
/// The halves are fields, so that a reply can be sent while holding a message:
///
/// ```
/// use sealock_proto::drive::{ReadIo, WriteIo, WsConnection};
/// use sealock_proto::ws::Event;
///
/// async fn echo<I: ReadIo, W: WriteIo<Error = I::Error>>(mut ws: WsConnection<I, W>) {
///     while let Ok(Some(event)) = ws.receiver.next().await {
///         if let Event::Message { kind, payload } = event {
///             if ws.sender.send(kind, payload).await.is_err() {
///                 break;
///             }
///         }
///     }
/// }
/// ```
///
/// Sending queues. Bytes leave at a flush, when 64 KiB are queued, or when [`WsReceiver::next`] starts to wait. The
/// peer's life is judged, and this end's shown, while `next` is polled: poll it as long as the connection lives. One
/// task that both sends and receives must not wait for the stream to take bytes while its peer waits for the same:
/// [`WsConnection::split`] for that.
pub struct WsConnection<I, W: WriteIo> {
    /// Receives, and keeps the connection alive.
    pub receiver: WsReceiver<I, W>,
    /// Sends.
    pub sender: WsSender<W>,
}

impl<I, W> WsConnection<I, W>
where
    I: ReadIo,
    W: WriteIo<Error = I::Error>,
{
    /// A connection on a stream whose opening handshake somebody else did, such as an HTTP server. `early`: bytes behind
    /// that handshake which have been read already, at most the configuration's
    /// [`rx_limit`](Config::rx_limit).
    ///
    /// # Errors
    /// [`DriveError::ReceiveBufferTooSmall`] if there are more.
    pub fn upgraded(
        config: &Arc<Config>,
        role: Role,
        seed: &Seed,
        io: impl Into<Transport<I, W>>,
        early: &[u8],
    ) -> Result<Self, WsError<I::Error>> {
        let io = io.into();
        let machine = WebSocket::upgraded(config, role, seed, io.read.now());
        Self::behind(config, machine, io, early)
    }

    /// [`WsConnection::upgraded`], with the compression that the opening handshake agreed on, which
    /// [`grant_deflate`](crate::ws::grant_deflate) says for a server.
    ///
    /// # Errors
    /// As there.
    #[cfg(feature = "deflate")]
    pub fn upgraded_with_deflate(
        config: &Arc<Config>,
        role: Role,
        seed: &Seed,
        io: impl Into<Transport<I, W>>,
        early: &[u8],
        agreed: DeflateParams,
    ) -> Result<Self, WsError<I::Error>> {
        let io = io.into();
        let machine = WebSocket::upgraded(config, role, seed, io.read.now()).with_deflate(agreed);
        Self::behind(config, machine, io, early)
    }

    fn behind(
        config: &Arc<Config>,
        machine: WebSocket,
        io: Transport<I, W>,
        early: &[u8],
    ) -> Result<Self, WsError<I::Error>> {
        let mut rx = RxBuf::new(config.rx_limit());
        if rx.append(early) < early.len() {
            return Err(DriveError::ReceiveBufferTooSmall);
        }
        Ok(Self::new(config, machine, io, rx))
    }

    pub(super) fn new(config: &Arc<Config>, machine: WebSocket, io: Transport<I, W>, rx: RxBuf) -> Self {
        let (sender, receiver) = machine.split();
        let tx = TxBuf::new(config.tx_limit());
        let (receiver, sender) = Connection::new((receiver, sender), io, rx, tx).split();
        Self { receiver: WsReceiver::new(receiver), sender: WsSender::new(sender) }
    }

    /// Keeps a listener's permit until both halves are gone. The connection is open, and the permit is told.
    #[must_use]
    pub fn with_permit(mut self, mut permit: Permit) -> Self {
        permit.established();
        let permit = Arc::new(permit);
        self.receiver.hold(Arc::clone(&permit));
        self.sender.hold(permit);
        self
    }

    /// [`WsReceiver::peer_certificates`].
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn peer_certificates(&self) -> Option<Vec<CertificateDer<'static>>> {
        self.receiver.peer_certificates()
    }

    /// What has been counted so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.receiver.stats()
    }

    /// [`WsReceiver::next`].
    ///
    /// # Errors
    /// As there.
    pub async fn next(&mut self) -> WsNext<&mut [u8], I::Error> {
        self.receiver.next().await
    }

    /// [`WsSender::send`].
    ///
    /// # Errors
    /// As there.
    pub async fn send(&mut self, kind: Kind, payload: &[u8]) -> Result<(), WsSendError<W::Error>> {
        self.sender.send(kind, payload).await
    }

    /// [`WsSender::send_broadcast`].
    ///
    /// # Errors
    /// As there.
    pub async fn send_broadcast(&mut self, broadcast: &Broadcast) -> Result<(), WsSendError<W::Error>> {
        self.sender.send_broadcast(broadcast).await
    }

    /// [`WsSender::flush`].
    ///
    /// # Errors
    /// As there.
    pub async fn flush(&mut self) -> Result<(), WriteError<W::Error>> {
        self.sender.flush().await
    }

    /// Closes behind everything accepted and waits for the peer's answer. Messages that arrive meanwhile are dropped and
    /// counted. Also completes a close of the peer.
    ///
    /// # Errors
    /// If the code or the reason may not be sent, the stream fails, or the peer does not answer in time
    /// ([`SendError::Failed`]).
    pub async fn close(&mut self, code: CloseCode, reason: &str) -> Result<WsClosed, WsSendError<W::Error>> {
        self.receiver.close(&mut self.sender, code, reason).await
    }

    /// Hands the two halves out, for two tasks or threads.
    #[must_use]
    pub fn split(self) -> (WsReceiver<I, W>, WsSender<W>) {
        (self.receiver, self.sender)
    }
}

impl<I, W: WriteIo> fmt::Debug for WsConnection<I, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WsConnection").finish_non_exhaustive()
    }
}
