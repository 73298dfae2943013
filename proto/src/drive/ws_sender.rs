//! The sending half of a WebSocket connection.

use super::ws::WsSendError;
use super::{DriveError, Permit, Sender, WriteError, WriteIo};
use crate::buf::TxBuf;
use crate::time::Instant;
use crate::ws::{self, Accept, AnswerError, Broadcast, CloseCode, Kind, Reject, SendError, Traffic};
use alloc::sync::Arc;
use core::fmt;
use core::future::poll_fn;
use core::task::{Context, Poll, ready};

/// Bytes queued beyond which a message waits for the stream, unless it is the only one.
const QUEUE: usize = 256 * 1024;

/// Sends the messages of a connection, on any task or thread, while the [`WsReceiver`](super::WsReceiver) is polled by
/// another.
///
/// Sending queues: bytes leave at [`WsSender::flush`], when 64 KiB are queued, or when the receiver starts to wait. One
/// flush after many messages costs one write.
///
/// What waits here waits for the stream, which a peer that reads nothing can hold. The deadlines that end such a wait
/// are the receiver's: they come only while that is polled.
///
/// Every future of this type can be dropped at any point: a message is queued whole or not at all.
pub struct WsSender<W: WriteIo> {
    inner: Sender<ws::Sender, W>,
    /// The listener's place for this connection, held by both halves.
    permit: Option<Arc<Permit>>,
}

impl<W: WriteIo> WsSender<W> {
    pub(super) const fn new(inner: Sender<ws::Sender, W>) -> Self {
        Self { inner, permit: None }
    }

    pub(super) fn hold(&mut self, permit: Arc<Permit>) {
        self.permit = Some(permit);
    }

    /// Queues a message, of any size up to the configured maximum. Waits only while 256 KiB are queued and the stream
    /// takes no bytes.
    ///
    /// # Errors
    /// If the message is too large or no UTF-8, or the connection or the stream is closed or has failed.
    pub async fn send(&mut self, kind: Kind, payload: &[u8]) -> Result<(), WsSendError<W::Error>> {
        poll_fn(|cx| self.poll_send(cx, kind, payload)).await
    }

    /// [`WsSender::send`] as a poll.
    ///
    /// # Errors
    /// As there.
    pub fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        kind: Kind,
        payload: &[u8],
    ) -> Poll<Result<(), WsSendError<W::Error>>> {
        // A WebSocket takes the time of messages when it transmits.
        self.inner.poll_timeless_call(cx, |half, tx| {
            has_place(payload.len(), tx)?;
            half.send(Instant::ZERO, kind, payload, tx)
        })
    }

    /// [`WsSender::send`] of a message that many connections send. A server's queue shares its memory with theirs.
    ///
    /// # Errors
    /// As there, but for text that is not UTF-8.
    pub async fn send_broadcast(&mut self, broadcast: &Broadcast) -> Result<(), WsSendError<W::Error>> {
        poll_fn(|cx| self.poll_send_broadcast(cx, broadcast)).await
    }

    /// [`WsSender::send_broadcast`] as a poll.
    ///
    /// # Errors
    /// As there.
    pub fn poll_send_broadcast(
        &mut self,
        cx: &mut Context<'_>,
        broadcast: &Broadcast,
    ) -> Poll<Result<(), WsSendError<W::Error>>> {
        self.inner.poll_timeless_call(cx, |half, tx| {
            has_place(broadcast.payload().len(), tx)?;
            half.send_broadcast(Instant::ZERO, broadcast, tx)
        })
    }

    /// Queues the next piece of a message, as one fragment. A message that was begun must be completed, with a piece that
    /// is the last, before another is sent.
    ///
    /// # Errors
    /// As [`WsSender::send`].
    pub async fn send_chunk(
        &mut self,
        kind: Kind,
        payload: &[u8],
        last: bool,
    ) -> Result<(), WsSendError<W::Error>> {
        poll_fn(|cx| self.poll_send_chunk(cx, kind, payload, last)).await
    }

    /// [`WsSender::send_chunk`] as a poll.
    ///
    /// # Errors
    /// As there.
    pub fn poll_send_chunk(
        &mut self,
        cx: &mut Context<'_>,
        kind: Kind,
        payload: &[u8],
        last: bool,
    ) -> Poll<Result<(), WsSendError<W::Error>>> {
        self.inner.poll_timeless_call(cx, |half, tx| {
            has_place(payload.len(), tx)?;
            half.send_chunk(Instant::ZERO, kind, payload, last, tx)
        })
    }

    /// Writes everything queued. Ready once the stream has taken all of it.
    ///
    /// # Errors
    /// If the stream failed or is closed with bytes still queued.
    pub async fn flush(&mut self) -> Result<(), WriteError<W::Error>> {
        self.inner.flush().await
    }

    /// [`WsSender::flush`] as a poll.
    ///
    /// # Errors
    /// As there.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WriteError<W::Error>>> {
        self.inner.poll_flush(cx)
    }

    /// Closes behind everything accepted, and flushes. The receiver goes on: the peer's last messages and its answer
    /// follow.
    ///
    /// # Errors
    /// If the connection is closed already or has failed, the code or the reason may not be sent, or the stream failed.
    pub async fn close(&mut self, code: CloseCode, reason: &str) -> Result<(), WsSendError<W::Error>> {
        self.queue_close(code, reason).await?;
        Ok(self.inner.flush().await?)
    }

    /// Closes with `code` unless the connection is closed already, and flushes.
    ///
    /// # Errors
    /// As [`WsSender::close`], but for a connection that is closed.
    pub fn poll_close(
        &mut self,
        cx: &mut Context<'_>,
        code: CloseCode,
        reason: &str,
    ) -> Poll<Result<(), WsSendError<W::Error>>> {
        match ready!(self.inner.poll_call(cx, |half, now, tx| half.close(now, code, reason, tx))) {
            Ok(()) | Err(DriveError::Protocol(SendError::Closed)) => {}
            failed => return Poll::Ready(failed),
        }
        self.inner.poll_flush(cx).map_err(Into::into)
    }

    pub(super) async fn queue_close(
        &mut self,
        code: CloseCode,
        reason: &str,
    ) -> Result<(), WsSendError<W::Error>> {
        self.inner.call(|half, now, tx| half.close(now, code, reason, tx)).await
    }

    pub(super) async fn accept(
        &mut self,
        accept: &Accept<'_>,
    ) -> Result<(), DriveError<AnswerError, W::Error>> {
        self.inner.call(|half, now, tx| half.accept(now, accept, tx)).await
    }

    pub(super) async fn reject(
        &mut self,
        reject: &Reject<'_>,
    ) -> Result<(), DriveError<AnswerError, W::Error>> {
        self.inner.call(|half, now, tx| half.reject(now, reject, tx)).await
    }

    /// What has been sent so far.
    pub fn stats(&self) -> Traffic {
        self.inner.with_half(ws::Sender::stats)
    }

    /// Bytes queued and not yet taken by the stream.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.inner.queued()
    }
}

/// A slow peer has at most [`QUEUE`] bytes queued, or one message.
fn has_place(len: usize, tx: &TxBuf) -> Result<(), SendError> {
    if tx.is_empty() || tx.len().saturating_add(len) <= QUEUE { Ok(()) } else { Err(SendError::Full) }
}

impl<W: WriteIo> fmt::Debug for WsSender<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WsSender").finish_non_exhaustive()
    }
}
