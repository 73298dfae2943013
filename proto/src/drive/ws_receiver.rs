//! The receiving half of a WebSocket connection.

use super::ws::{WsClosed, WsError, WsNext, WsPeerClose, WsSendError};
use super::ws_sender::WsSender;
use super::{DriveError, Permit, ReadIo, Receiver, WriteIo};
use crate::buf::Span;
use crate::ws::{self, CloseCode, Error, Event, SendError, Stats};
use alloc::string::String;
use alloc::sync::Arc;
#[cfg(feature = "tls")]
use alloc::vec::Vec;
use core::fmt;
use core::future::poll_fn;
use core::task::{Context, Poll, ready};
#[cfg(feature = "tls")]
use rustls::pki_types::CertificateDer;

/// Receives the messages of a connection. It also answers the peer, keeps the deadlines and closes the stream in the
/// end, so it must be polled while the connection lives.
pub struct WsReceiver<I, W: WriteIo> {
    inner: Receiver<ws::Receiver, ws::Sender, I, W>,
    peer_close: Option<WsPeerClose>,
    undelivered: u64,
    /// The listener's place for this connection, held by both halves.
    permit: Option<Arc<Permit>>,
}

impl<I, W> WsReceiver<I, W>
where
    I: ReadIo,
    W: WriteIo<Error = I::Error>,
{
    pub(super) const fn new(inner: Receiver<ws::Receiver, ws::Sender, I, W>) -> Self {
        Self { inner, peer_close: None, undelivered: 0, permit: None }
    }

    pub(super) fn hold(&mut self, permit: Arc<Permit>) {
        self.permit = Some(permit);
    }

    /// The next message or other event; its payload lies in the receive buffer and is gone with the next call. `None`
    /// once the connection has ended and the stream is closed, and ever after.
    ///
    /// Can be dropped at any point: an event is returned by the same poll that decoded it.
    ///
    /// # Errors
    /// Once: the connection or the stream failed. What is owed to the peer has been sent, as far as the stream took it
    /// at once.
    pub async fn next(&mut self) -> WsNext<&mut [u8], I::Error> {
        let event = poll_fn(|cx| self.poll_next(cx)).await?;
        Ok(event.map(|event| self.resolve(event)))
    }

    /// Like [`WsReceiver::next`], with the payload's place instead of the payload: see [`WsReceiver::resolve`].
    ///
    /// # Errors
    /// As there.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<WsNext<Span, I::Error>> {
        let event = ready!(self.inner.poll_next(cx))?;
        if let Some(Event::Closed { code, reason }) = event {
            if let Event::Closed { reason, .. } = self.inner.resolve(Event::Closed { code, reason }) {
                let reason = String::from_utf8_lossy(reason).into_owned();
                self.peer_close = Some(WsPeerClose { code, reason });
            }
        }
        Poll::Ready(Ok(event))
    }

    /// The event last returned by [`WsReceiver::poll_next`] with its payload.
    pub fn resolve(&mut self, event: Event<Span>) -> Event<&mut [u8]> {
        self.inner.resolve(event)
    }

    /// Receives to the end, dropping and counting messages. For use behind a close of this end or the peer's.
    ///
    /// # Errors
    /// As [`WsReceiver::next`].
    pub async fn finish(&mut self) -> Result<WsClosed, WsError<I::Error>> {
        poll_fn(|cx| self.poll_finish(cx)).await?;
        Ok(WsClosed { undelivered: self.undelivered, peer: self.peer_close.clone() })
    }

    fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WsError<I::Error>>> {
        // A flood does not hold other tasks: `poll_next` gives them their turn.
        while let Some(event) = ready!(self.poll_next(cx))? {
            if let Event::Message { .. } | Event::Chunk { .. } = event {
                self.undelivered = self.undelivered.saturating_add(1);
            }
        }
        Poll::Ready(Ok(()))
    }

    /// [`WsConnection::close`](super::WsConnection::close) for halves that are apart; `sender` is the other half of this
    /// connection.
    ///
    /// # Errors
    /// As there.
    pub async fn close(
        &mut self,
        sender: &mut WsSender<W>,
        code: CloseCode,
        reason: &str,
    ) -> Result<WsClosed, WsSendError<I::Error>> {
        match sender.queue_close(code, reason).await {
            Ok(()) | Err(DriveError::Protocol(SendError::Closed)) => {}
            Err(error) => return Err(error),
        }
        self.finish().await.map_err(|error| error.map_protocol(SendError::Failed))
    }

    /// What the peer said when it closed, once it has.
    #[must_use]
    pub const fn peer_close(&self) -> Option<&WsPeerClose> {
        self.peer_close.as_ref()
    }

    /// Why the connection failed, if it has.
    #[must_use]
    pub fn failure(&self) -> Option<Error> {
        self.inner.half().failure()
    }

    /// The certificates that the peer has shown in TLS, its own first, followed by those between it and an authority. This
    /// end has checked them by its configuration. They are here from the beginning, but on a connection that was
    /// [upgraded](super::WsConnection::upgraded) over TLS from the first event. `None` without TLS, for a client that showed
    /// none, and once the connection has ended. The answer is a copy: keep it rather than ask for each message.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn peer_certificates(&self) -> Option<Vec<CertificateDer<'static>>> {
        self.inner.peer_certificates()
    }

    /// What has been counted so far, in both directions.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let sent = self.inner.with_send_half(ws::Sender::stats);
        Stats { sent, ..self.inner.half().stats() }
    }

    /// The memory of the buffers of both directions, in bytes. None after a second or two without traffic.
    #[must_use]
    pub fn buffer_memory(&self) -> usize {
        self.inner.buffer_memory()
    }
}

impl<I, W: WriteIo> fmt::Debug for WsReceiver<I, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WsReceiver").finish_non_exhaustive()
    }
}
