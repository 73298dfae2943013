//! A session with methods that block. Each is the method of the same name in [`sealock_proto::drive`].

use crate::stream::{StdRead, StdWrite, Timeouts, without_waiting};
use crate::{Socket, block_on};
#[cfg(feature = "tls")]
use sealock_net::tls::rustls::pki_types::CertificateDer;
use sealock_proto::drive::{
    Closed, HandshakePayload, PeerClose, SessionConnection, SessionError, SessionNext, SessionReceiver,
    SessionSendError, SessionSender, WriteError,
};
use sealock_proto::resume::ClientTicket;
use sealock_proto::session::{CloseCode, ExportError, SessionInfo, Stats, Traffic};
use std::io::{self, Read, Write};
use std::time::Duration;

/// An established session on a TCP or Unix-domain socket, or on any other two handles to a stream.
///
/// The halves are fields, so that a reply can be sent while holding a message. Sending queues. Bytes leave at a
/// flush, when 64 KiB are queued, or when [`Receiver::next`] starts to wait. The peer's life is judged, and this
/// end's shown, while `next` runs. To send and receive at once, split and give each half a thread.
#[derive(Debug)]
pub struct Connection<R = Socket, W: Write + Timeouts = Socket> {
    /// Receives, and keeps the session alive.
    pub receiver: Receiver<R, W>,
    /// Sends.
    pub sender: Sender<W>,
}

/// The receiving half of a [`Connection`].
#[derive(Debug)]
pub struct Receiver<R = Socket, W: Write + Timeouts = Socket>(SessionReceiver<StdRead<R>, StdWrite<W>>);

/// The sending half of a [`Connection`].
#[derive(Debug)]
pub struct Sender<W: Write + Timeouts = Socket>(SessionSender<StdWrite<W>>);

impl<R: Read + Timeouts, W: Write + Timeouts> Connection<R, W> {
    /// The session with futures, run by [`block_on`], as one with methods that block.
    #[must_use]
    pub fn new(session: SessionConnection<StdRead<R>, StdWrite<W>>) -> Self {
        let (receiver, sender) = session.split();
        Self { receiver: Receiver(receiver), sender: Sender(sender) }
    }

    /// The peer and the protocol.
    pub const fn info(&self) -> SessionInfo {
        self.receiver.info()
    }

    /// [`SessionReceiver::take_ticket`].
    pub fn take_ticket(&mut self) -> Option<ClientTicket> {
        self.receiver.take_ticket()
    }

    /// [`SessionReceiver::export`].
    ///
    /// # Errors
    /// As there.
    pub fn export(&self, label: &str, context: &[u8], out: &mut [u8]) -> Result<(), ExportError> {
        self.receiver.export(label, context, out)
    }

    /// [`SessionConnection::is_at_rest`]. Takes a millisecond, the shortest time that a read may block.
    pub fn is_at_rest(&mut self) -> bool {
        without_waiting(|| self.receiver.0.is_at_rest() && self.sender.0.queued() == 0)
    }

    /// [`Receiver::peer_certificates`].
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn peer_certificates(&self) -> Option<Vec<CertificateDer<'static>>> {
        self.receiver.peer_certificates()
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

    /// [`Receiver::next`].
    ///
    /// # Errors
    /// As there.
    #[allow(clippy::should_implement_trait)] // An iterator cannot lend.
    pub fn next(&mut self) -> SessionNext<&mut [u8], io::Error> {
        self.receiver.next()
    }

    /// [`Sender::send`].
    ///
    /// # Errors
    /// As there.
    pub fn send(&mut self, message: &[u8]) -> Result<(), SessionSendError<io::Error>> {
        self.sender.send(message)
    }

    /// [`Sender::send_parts`].
    ///
    /// # Errors
    /// As there.
    pub fn send_parts(&mut self, parts: &[&[u8]]) -> Result<(), SessionSendError<io::Error>> {
        self.sender.send_parts(parts)
    }

    /// [`Sender::flush`].
    ///
    /// # Errors
    /// As there.
    pub fn flush(&mut self) -> Result<(), WriteError<io::Error>> {
        self.sender.flush()
    }

    /// [`Sender::drain`]. Go on with [`Connection::next`] until it returns `None`.
    ///
    /// # Errors
    /// As there.
    pub fn drain(&mut self, timeout: Duration) -> Result<(), SessionSendError<io::Error>> {
        self.sender.drain(timeout)
    }

    /// Closes behind everything accepted and waits for the peer's answer. Messages that arrive meanwhile are
    /// dropped and counted; use [`Connection::drain`] to see them. Also completes a close of the peer.
    ///
    /// # Errors
    /// As [`SessionConnection::close`].
    pub fn close(&mut self, code: CloseCode, reason: &str) -> Result<Closed, SessionSendError<io::Error>> {
        block_on(self.receiver.0.close(&mut self.sender.0, code, reason))
    }

    /// Hands the two halves out, for two threads.
    #[must_use]
    pub fn split(self) -> (Receiver<R, W>, Sender<W>) {
        (self.receiver, self.sender)
    }
}

impl<R: Read + Timeouts, W: Write + Timeouts> Receiver<R, W> {
    /// Waits for the next message or other event; its payload is gone with the next call. `None` once the session
    /// has ended and the stream is closed, and ever after.
    ///
    /// # Errors
    /// Once: the session or the stream failed.
    #[allow(clippy::should_implement_trait)] // An iterator cannot lend.
    pub fn next(&mut self) -> SessionNext<&mut [u8], io::Error> {
        block_on(self.0.next())
    }

    /// Receives to the end, dropping and counting messages. For use behind a close of this end or the peer's.
    ///
    /// # Errors
    /// As [`Receiver::next`].
    pub fn finish(&mut self) -> Result<Closed, SessionError<io::Error>> {
        block_on(self.0.finish())
    }

    /// The peer and the protocol.
    pub const fn info(&self) -> SessionInfo {
        self.0.info()
    }

    /// [`SessionReceiver::take_ticket`].
    pub fn take_ticket(&mut self) -> Option<ClientTicket> {
        self.0.take_ticket()
    }

    /// [`SessionReceiver::export`].
    ///
    /// # Errors
    /// As there.
    pub fn export(&self, label: &str, context: &[u8], out: &mut [u8]) -> Result<(), ExportError> {
        self.0.export(label, context, out)
    }

    /// Who the peer is: [`SessionReceiver::peer_certificates`].
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn peer_certificates(&self) -> Option<Vec<CertificateDer<'static>>> {
        self.0.peer_certificates()
    }

    /// What the peer sent with its handshake messages, in their order.
    #[must_use]
    pub fn handshake_payloads(&self) -> &[HandshakePayload] {
        self.0.handshake_payloads()
    }

    /// What the peer said when it closed, once it has.
    #[must_use]
    pub const fn peer_close(&self) -> Option<&PeerClose> {
        self.0.peer_close()
    }

    /// Messages that arrived while closing and were dropped.
    #[must_use]
    pub const fn undelivered(&self) -> u64 {
        self.0.undelivered()
    }

    /// What has been counted so far, in both directions.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.0.stats()
    }

    /// The memory of the buffers of both directions, in bytes. None after a second or two without traffic.
    #[must_use]
    pub fn buffer_memory(&self) -> usize {
        self.0.buffer_memory()
    }

    /// The half with futures instead of blocking methods, to be run by [`block_on`].
    pub fn into_inner(self) -> SessionReceiver<StdRead<R>, StdWrite<W>> {
        self.0
    }
}

impl<W: Write + Timeouts> Receiver<Socket, W> {
    pub(crate) const fn socket(&self) -> &Socket {
        self.0.io().get_ref()
    }
}

impl<W: Write + Timeouts> Sender<W> {
    /// Queues a message, of any size up to the configured maximum. A receiver that blocks in the system already
    /// does not see it: call [`Sender::flush`], or it may stay queued for up to a second. Waits only while the queue is full and the
    /// stream takes no bytes.
    ///
    /// # Errors
    /// If the message is too large, or the session or the stream is closed, drains or has failed.
    pub fn send(&mut self, message: &[u8]) -> Result<(), SessionSendError<io::Error>> {
        block_on(self.0.send(message))
    }

    /// Like [`Sender::send`], for one message made of several parts.
    ///
    /// # Errors
    /// As there.
    pub fn send_parts(&mut self, parts: &[&[u8]]) -> Result<(), SessionSendError<io::Error>> {
        block_on(self.0.send_parts(parts))
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
    /// If the session is closed already or has failed, the reason is longer than 256 bytes, or the stream failed.
    pub fn close(&mut self, code: CloseCode, reason: &str) -> Result<(), SessionSendError<io::Error>> {
        block_on(self.0.close(code, reason))
    }

    /// Accepts no further message and tells the peer; the session closes when the peer drains or closes too, at
    /// the latest after `timeout`.
    ///
    /// # Errors
    /// If the session drains or is closed already, or has failed.
    pub fn drain(&mut self, timeout: Duration) -> Result<(), SessionSendError<io::Error>> {
        block_on(self.0.drain(timeout))
    }

    /// What has been sent so far.
    pub fn stats(&self) -> Traffic {
        self.0.stats()
    }

    /// Bytes queued and not yet taken by the stream.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.0.queued()
    }

    /// The half with futures instead of blocking methods, to be run by [`block_on`].
    pub fn into_inner(self) -> SessionSender<StdWrite<W>> {
        self.0
    }
}
