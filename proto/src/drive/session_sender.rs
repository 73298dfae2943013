//! The sending half of a session.

#[cfg(test)]
mod tests;

use super::session::SessionSendError;
use super::session_gate::Ender;
use super::{DriveError, Permit, Sender, WriteError, WriteIo};
use crate::session::{self, CloseCode, Outgoing, SendError, Traffic};
use crate::time::Instant;
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;
use core::future::poll_fn;
use core::task::{Context, Poll, Waker, ready};
use core::time::Duration;

/// Sends the messages of a session, on any task or thread, while the
/// [`SessionReceiver`](super::SessionReceiver) is polled by another.
///
/// Sending queues: bytes leave at [`SessionSender::flush`], when 64 KiB are queued, or when the receiver starts to
/// wait. One flush after many messages costs one write.
///
/// What waits here waits for the stream, which a peer that reads nothing can hold. The deadlines that end such a wait
/// are the receiver's: they come only while that is polled. Where a listener ends the session
/// ([`Gate::set_policy`](super::Gate::set_policy), a newer session) a message that waits fails at once, and a flush once
/// the peer has taken no bytes for 30 seconds.
pub struct SessionSender<W: WriteIo> {
    inner: Sender<session::Sender, W>,
    /// The listener's place for this session, held by both halves.
    permit: Option<Arc<Permit>>,
}

impl<W: WriteIo> SessionSender<W> {
    pub(super) const fn new(inner: Sender<session::Sender, W>) -> Self {
        Self { inner, permit: None }
    }

    /// The loop's half, and a way to have this one again with it.
    pub(super) fn into_inner(
        self,
    ) -> (Sender<session::Sender, W>, impl FnOnce(Sender<session::Sender, W>) -> Self) {
        let Self { inner, permit } = self;
        (inner, move |inner| Self { inner, permit })
    }

    pub(super) fn hold(&mut self, permit: Arc<Permit>) {
        self.permit = Some(permit);
    }

    /// Queues a message, of any size up to the configured maximum. Waits only while the queue is full and the
    /// stream takes no bytes.
    ///
    /// If the future is dropped before it is ready, the message is not sent: the peer forgets what it may have of
    /// it, and the next message goes out whole.
    ///
    /// # Errors
    /// If the message is too large, or the session or the stream is closed, drains or has failed.
    pub async fn send(&mut self, message: &[u8]) -> Result<(), SessionSendError<W::Error>> {
        self.send_parts(&[message]).await
    }

    /// Like [`SessionSender::send`], for one message made of several parts.
    ///
    /// # Errors
    /// As there.
    pub async fn send_parts(&mut self, parts: &[&[u8]]) -> Result<(), SessionSendError<W::Error>> {
        let mut message = Outgoing::new(parts);
        poll_fn(|cx| self.poll_send(cx, &mut message)).await
    }

    /// Like [`SessionSender::send_parts`], with the cursor kept by the caller. Send nothing else before it is
    /// ready: that abandons the message.
    ///
    /// # Errors
    /// As there.
    pub fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        message: &mut Outgoing<'_>,
    ) -> Poll<Result<(), SessionSendError<W::Error>>> {
        // A small message goes out whole or not at all; a larger one continues where it was. The session takes the
        // time of messages from the sealing of their record.
        self.inner.poll_timeless_call(cx, |half, tx| half.send_some(Instant::ZERO, message, tx))
    }

    /// Writes everything queued. Ready once the stream has taken all of it.
    ///
    /// # Errors
    /// If the stream failed or is closed with bytes still queued.
    pub async fn flush(&mut self) -> Result<(), WriteError<W::Error>> {
        self.inner.flush().await
    }

    /// [`SessionSender::flush`] as a poll.
    ///
    /// # Errors
    /// As there.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WriteError<W::Error>>> {
        self.inner.poll_flush(cx)
    }

    /// Closes behind everything accepted, and flushes. The receiver goes on: the peer's last messages and its
    /// answer follow.
    ///
    /// # Errors
    /// If the session is closed already or has failed, the reason is longer than 256 bytes, or the stream failed.
    pub async fn close(&mut self, code: CloseCode, reason: &str) -> Result<(), SessionSendError<W::Error>> {
        self.queue_close(code, reason).await?;
        Ok(self.inner.flush().await?)
    }

    /// Closes with `code` unless the session is closed already, and flushes.
    ///
    /// # Errors
    /// As [`SessionSender::close`], but for a session that is closed.
    pub fn poll_close(
        &mut self,
        cx: &mut Context<'_>,
        code: CloseCode,
        reason: &str,
    ) -> Poll<Result<(), SessionSendError<W::Error>>> {
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
    ) -> Result<(), SessionSendError<W::Error>> {
        self.inner.call(|half, now, tx| half.close(now, code, reason, tx)).await
    }

    /// Accepts no further message and tells the peer, which may finish its own work. The session closes when the
    /// peer drains or closes too, at the latest after `timeout`. Never waits: what the stream does not take at
    /// once leaves with a flush or while the receiver waits.
    ///
    /// # Errors
    /// If the session drains or is closed already, or has failed.
    pub async fn drain(&mut self, timeout: Duration) -> Result<(), SessionSendError<W::Error>> {
        self.inner.call(|half, now, _| half.drain(now, now + timeout)).await?;
        match self.inner.poll_flush(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(result) => Ok(result?),
            Poll::Pending => Ok(()),
        }
    }

    /// A way to close this session from outside, as long as one of its halves is there.
    pub(super) fn ender(&self) -> Ender
    where
        W: Send + 'static,
        W::Error: Send,
    {
        let sender = self.inner.weak();
        Box::new(move |reason| {
            let Some(mut sender) = sender.upgrade() else { return };
            // Who has failed or is closing ends by itself. A close that finds no room comes when there is some, or its
            // deadline does. The receiver, which this call wakes as it does the sender, sees to the rest.
            sender.end_now(|half, now, tx| {
                if half.close(now, CloseCode::GOING_AWAY, reason, tx) == Err(SendError::Full) {
                    let _ = half.drain(now, now);
                }
            });
            // A receiver that blocks in a read is not woken. Nobody has left a waker there, which this would replace.
            if W::BLOCKS {
                let _ = sender.poll_flush(&mut Context::from_waker(Waker::noop()));
            }
        })
    }

    /// What has been sent so far.
    pub fn stats(&self) -> Traffic {
        self.inner.with_half(session::Sender::stats)
    }

    /// Bytes queued and not yet taken by the stream.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.inner.queued()
    }
}

impl<W: WriteIo> fmt::Debug for SessionSender<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionSender").finish_non_exhaustive()
    }
}
