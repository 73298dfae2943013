//! The sending half of a connection.

use super::receiver::TURN;
use super::wakers::Slot;
use super::writer::{EAGER, Shared, Writer};
use super::{DriveError, WriteError, WriteIo};
use crate::buf::TxBuf;
use crate::machine::{Backpressure, SendHalf};
use crate::time::Instant;
use alloc::sync::{Arc, Weak};
use core::fmt;
use core::future::poll_fn;
use core::task::{Context, Poll, ready};

/// Sends on a connection, on any task or thread, while the [`Receiver`](super::Receiver) waits.
///
/// A call queues; bytes leave when [`Sender::flush`] is called, when 64 KiB are queued, or when the
/// receiver starts to wait. One flush after many calls costs one write.
///
/// Without a receiver nobody judges the peer's silence. A sender whose receiver was dropped therefore fails once
/// the peer has taken no bytes for 30 seconds while it waited for that.
///
/// Every future of this type can be dropped at any point: a call either happened or did not, and nothing
/// queued is lost.
pub struct Sender<S, W: WriteIo> {
    shared: Arc<Shared<S, W>>,
    /// Calls in a row that did not have to wait.
    streak: u32,
}

/// A [`Sender`] that does not keep its connection.
pub(super) struct WeakSender<S, W: WriteIo>(Weak<Shared<S, W>>);

impl<S: SendHalf, W: WriteIo> WeakSender<S, W> {
    /// `None`: both halves are gone.
    pub(super) fn upgrade(&self) -> Option<Sender<S, W>> {
        self.0.upgrade().map(Sender::new)
    }
}

impl<S: SendHalf, W: WriteIo> Sender<S, W> {
    pub(super) fn weak(&self) -> WeakSender<S, W> {
        WeakSender(Arc::downgrade(&self.shared))
    }

    pub(super) const fn new(shared: Arc<Shared<S, W>>) -> Self {
        Self { shared, streak: 0 }
    }

    pub(super) const fn shared(&self) -> &Arc<Shared<S, W>> {
        &self.shared
    }

    pub(super) fn into_shared(self) -> Arc<Shared<S, W>> {
        self.shared
    }

    /// Calls the protocol's sending half with the current time and the transmit buffer. While the protocol
    /// answers that there is no room ([`Backpressure::is_full`]) queued bytes are written and `call` is
    /// tried again, so it must change nothing when it fails that way. Pending while the stream takes no bytes,
    /// and now and then so that other tasks get their turn.
    ///
    /// # Errors
    /// What `call` returned, including a full buffer that writing did not help; or the stream failed.
    pub fn poll_call<T, E: Backpressure>(
        &mut self,
        cx: &mut Context<'_>,
        mut call: impl FnMut(&mut S, Instant, &mut TxBuf) -> Result<T, E>,
    ) -> Poll<Result<T, DriveError<E, W::Error>>> {
        self.poll_locked(cx, |writer| {
            let now = writer.now();
            call(&mut writer.half, now, &mut writer.tx)
        })
    }

    /// [`Sender::poll_call`] for a call that needs no time: reading the clock costs as much as a small message.
    pub(super) fn poll_timeless_call<T, E: Backpressure>(
        &mut self,
        cx: &mut Context<'_>,
        mut call: impl FnMut(&mut S, &mut TxBuf) -> Result<T, E>,
    ) -> Poll<Result<T, DriveError<E, W::Error>>> {
        self.poll_locked(cx, |writer| call(&mut writer.half, &mut writer.tx))
    }

    fn poll_locked<T, E: Backpressure>(
        &mut self,
        cx: &mut Context<'_>,
        call: impl FnMut(&mut Writer<S, W>) -> Result<T, E>,
    ) -> Poll<Result<T, DriveError<E, W::Error>>> {
        if self.streak == TURN {
            self.streak = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let mut writer = self.shared.lock();
        let outcome = self.poll_with(&mut writer, cx, call);
        self.shared.unlock(writer);
        self.streak = if outcome.is_ready() { self.streak + 1 } else { 0 };
        outcome
    }

    fn poll_with<T, E: Backpressure>(
        &self,
        writer: &mut Writer<S, W>,
        cx: &mut Context<'_>,
        mut call: impl FnMut(&mut Writer<S, W>) -> Result<T, E>,
    ) -> Poll<Result<T, DriveError<E, W::Error>>> {
        loop {
            let full = match call(writer) {
                Err(error) if !error.is_full() => return Poll::Ready(Err(DriveError::Protocol(error))),
                _ if !writer.is_open() => return Poll::Ready(Err(writer.take_error().into())),
                Ok(value) => {
                    self.write_eagerly(writer, cx);
                    return Poll::Ready(Ok(value));
                }
                Err(full) => full,
            };
            if !writer.seal_now() {
                return Poll::Ready(Err(DriveError::Protocol(full)));
            }
            if ready!(self.shared.poll(writer, Slot::Sender, cx.waker(), Writer::poll_write)).is_err() {
                return Poll::Ready(Err(writer.take_error().into()));
            }
        }
    }

    /// Keeps a long run of calls from piling up. Where the stream takes nothing, the next try waits for
    /// as much again: with blocking sockets a try costs time.
    fn write_eagerly(&self, writer: &mut Writer<S, W>, cx: &mut Context<'_>) {
        if writer.tx.len() < EAGER {
            writer.eager_at = EAGER;
        } else if writer.tx.len() >= writer.eager_at && writer.seal_now() {
            // A failure stays in the writer and the next call reports it: this one was accepted.
            let outcome = self.shared.poll(writer, Slot::Sender, cx.waker(), Writer::poll_write);
            writer.eager_at =
                if outcome.is_pending() { writer.tx.len().saturating_add(EAGER) } else { EAGER };
        }
    }

    /// Has `end` end the protocol, once, whatever comes of it; writes nothing. What waits to send hears of it at once, and
    /// what waits for the stream goes on as a sender without a receiver does: the receiver may not be polled.
    pub(super) fn end_now(&mut self, end: impl FnOnce(&mut S, Instant, &mut TxBuf)) {
        let mut writer = self.shared.lock();
        let now = writer.now();
        let Writer { half, tx, .. } = &mut *writer;
        end(half, now, tx);
        self.shared.unlock(writer);
        self.shared.leave_alone();
    }

    /// [`Sender::poll_call`] as a future.
    ///
    /// # Errors
    /// As there.
    pub async fn call<T, E: Backpressure>(
        &mut self,
        mut call: impl FnMut(&mut S, Instant, &mut TxBuf) -> Result<T, E>,
    ) -> Result<T, DriveError<E, W::Error>> {
        poll_fn(|cx| self.poll_call(cx, &mut call)).await
    }

    /// Seals and writes everything queued. Ready once the stream has taken all of it.
    ///
    /// # Errors
    /// If the stream failed or is closed with bytes still queued.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WriteError<W::Error>>> {
        let mut writer = self.shared.lock();
        let now = writer.now();
        let outcome = self.shared.poll(&mut writer, Slot::Sender, cx.waker(), |w, cx| w.poll_drain(now, cx));
        let outcome = outcome.map_err(|_| writer.take_error());
        self.shared.unlock(writer);
        outcome
    }

    /// [`Sender::poll_flush`] as a future.
    ///
    /// # Errors
    /// As there.
    pub async fn flush(&mut self) -> Result<(), WriteError<W::Error>> {
        poll_fn(|cx| self.poll_flush(cx)).await
    }

    /// Flushes, then shuts the stream down for writing. This says nothing to the protocol: most have a
    /// closing call of their own, after which the receiver does this when the peer has answered.
    ///
    /// # Errors
    /// As [`Sender::poll_flush`].
    pub fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WriteError<W::Error>>> {
        let mut writer = self.shared.lock();
        let now = writer.now();
        let outcome = self.shared.poll(&mut writer, Slot::Sender, cx.waker(), |w, cx| w.poll_close(now, cx));
        let outcome = outcome.map_err(|_| writer.take_error());
        self.shared.unlock(writer);
        outcome
    }

    /// [`Sender::poll_close`] as a future.
    ///
    /// # Errors
    /// As there.
    pub async fn close(&mut self) -> Result<(), WriteError<W::Error>> {
        poll_fn(|cx| self.poll_close(cx)).await
    }

    /// Looks at the protocol's sending half.
    pub fn with_half<T>(&self, look: impl FnOnce(&S) -> T) -> T {
        let writer = self.shared.lock();
        let value = look(&writer.half);
        self.shared.unlock(writer);
        value
    }

    /// The transmit buffer's memory, in bytes.
    #[must_use]
    pub fn capacity(&self) -> usize {
        let writer = self.shared.lock();
        let capacity = writer.capacity();
        self.shared.unlock(writer);
        capacity
    }

    /// Bytes queued and not yet taken by the stream.
    #[must_use]
    pub fn queued(&self) -> usize {
        let writer = self.shared.lock();
        let queued = writer.queued();
        self.shared.unlock(writer);
        queued
    }
}

impl<S, W: WriteIo> fmt::Debug for Sender<S, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}
