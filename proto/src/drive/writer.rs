//! Everything that writes, and the lock it sits behind.

use super::tls::TlsWriter;
use super::wakers::{Slot, Wakers};
use super::{WriteError, WriteIo};
use crate::buf::TxBuf;
use crate::machine::SendHalf;
use crate::time::Instant;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, Ordering, fence};
use core::task::{Context, Poll, Waker, ready};
use core::time::Duration;
use std::io::IoSlice;
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

/// Queued bytes that leave without being asked for.
pub(super) const EAGER: usize = 64 * 1024;

/// The most pieces of one vectored write.
const PIECES: usize = 64;

/// How long a peer may take no bytes from a sender whose receiver was dropped.
const ALONE: Duration = Duration::from_secs(30);

/// The stream takes no more bytes; [`Writer::take_error`] says why.
#[derive(Debug)]
pub(super) struct Broken;

enum Stream<E> {
    Open,
    Closed,
    /// The error stays here until someone reports it.
    Failed(Option<E>),
}

/// The sending half with its buffer and its half of the stream.
pub(super) struct Writer<S, W: WriteIo> {
    pub(super) half: S,
    pub(super) tx: TxBuf,
    /// Queued bytes at which a call starts writing by itself.
    pub(super) eager_at: usize,
    io: W,
    tls: Option<TlsWriter>,
    stream: Stream<W::Error>,
    /// Counts what the other task may be waiting for: bytes taken by the stream, and its end.
    changes: u64,
    /// Who left a waker for that; it may have been woken since.
    sender_waits: bool,
    receiver_waits: bool,
    /// Since the receiver last looked.
    failed_now: bool,
    /// Bytes were written since the receiver set a time to give back the buffers' memory.
    was_written: bool,
    /// The receiver knows that there is memory to give back.
    is_watched: bool,
    /// Until when the stream must take bytes if the receiver is gone.
    give_up_at: Option<Instant>,
}

impl<S: SendHalf, W: WriteIo> Writer<S, W> {
    pub(super) fn now(&self) -> Instant {
        self.io.now()
    }

    /// The buffer is empty but holds memory.
    fn is_idle(&self) -> bool {
        self.queued() == 0 && self.capacity() > 0
    }

    /// Memory of the buffers, in bytes.
    pub(super) fn capacity(&self) -> usize {
        self.tx.capacity() + self.tls.as_ref().map_or(0, TlsWriter::capacity)
    }

    /// Bytes that the stream has not taken.
    pub(super) fn queued(&self) -> usize {
        self.tx.len() + self.tls.as_ref().filter(|tls| !tls.has_ended()).map_or(0, TlsWriter::queued)
    }

    /// Whether there is anything to write. The closing alert of TLS is no part of what a flush waits for: a peer that
    /// has heard the protocol's own close may read no further.
    fn has_bytes(&self) -> bool {
        !self.tx.sealed().is_empty() || (!self.has_ended() && self.has_records())
    }

    /// Whether TLS has something to write.
    fn has_records(&self) -> bool {
        self.tls.as_ref().is_some_and(TlsWriter::has_records)
    }

    /// TLS has said that nothing follows.
    fn has_ended(&self) -> bool {
        self.tls.as_ref().is_some_and(TlsWriter::has_ended)
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(self.stream, Stream::Open)
    }

    /// Appends what is owed and seals the open record. Whether there is anything to write.
    pub(super) fn seal(&mut self, now: Instant) -> bool {
        if self.is_open() && !self.has_ended() {
            self.half.poll_transmit(now, &mut self.tx);
        }
        self.has_bytes()
    }

    /// [`Writer::seal`] by the clock.
    pub(super) fn seal_now(&mut self) -> bool {
        let now = self.now();
        self.seal(now)
    }

    /// Writes what lies in the buffer as it is.
    fn poll_write_plain(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, W::Error>> {
        if self.tx.is_contiguous() {
            return self.io.poll_write(cx, self.tx.sealed());
        }
        let mut pieces = [IoSlice::new(&[]); PIECES];
        let n = self.tx.io_slices(&mut pieces);
        self.io.poll_write_vectored(cx, pieces.get(..n).unwrap_or_default())
    }

    /// One write.
    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        if !self.is_open() {
            return Poll::Ready(Err(Broken));
        }
        let written = match &mut self.tls {
            Some(tls) => ready!(tls.poll_write(&mut self.tx, &mut self.io, cx)),
            None => {
                let written = ready!(self.poll_write_plain(cx));
                if let Ok(n) = written {
                    self.tx.consume(n);
                }
                written
            }
        };
        let result = match written {
            Ok(0) => Err(None),
            Ok(_) => {
                self.was_written = true;
                Ok(())
            }
            Err(error) => Err(Some(error)),
        };
        self.changes = self.changes.wrapping_add(1);
        Poll::Ready(result.map_err(|error| {
            self.stream = Stream::Failed(error);
            self.failed_now = true;
            Broken
        }))
    }

    /// Writes until nothing is queued and nothing is owed.
    pub(super) fn poll_drain(&mut self, now: Instant, cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        while self.seal(now) {
            while self.has_bytes() {
                ready!(self.poll_write(cx))?;
            }
        }
        Poll::Ready(if matches!(self.stream, Stream::Failed(_)) { Err(Broken) } else { Ok(()) })
    }

    /// Writes everything, then shuts the stream down for writing.
    pub(super) fn poll_close(&mut self, now: Instant, cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        if !self.has_ended() {
            ready!(self.poll_drain(now, cx))?;
        }
        if !self.is_open() {
            return Poll::Ready(Ok(()));
        }
        if let Some(tls) = &mut self.tls {
            tls.end();
            while self.has_records() {
                ready!(self.poll_write(cx))?;
            }
        }
        let result = ready!(self.io.poll_close(cx));
        self.changes = self.changes.wrapping_add(1);
        self.stream = match result {
            Ok(()) => Stream::Closed,
            Err(error) => Stream::Failed(Some(error)),
        };
        Poll::Ready(if matches!(self.stream, Stream::Closed) { Ok(()) } else { Err(Broken) })
    }

    /// Whether the task of `slot` left a waker for the stream.
    const fn waits(&mut self, slot: Slot) -> &mut bool {
        match slot {
            Slot::Sender => &mut self.sender_waits,
            Slot::Receiver | Slot::Idle => &mut self.receiver_waits,
        }
    }

    /// Why the stream takes no more bytes. The I/O error itself goes to whoever asks first.
    pub(super) fn take_error(&mut self) -> WriteError<W::Error> {
        match &mut self.stream {
            Stream::Failed(error) => error.take().map_or(WriteError::Broken, WriteError::Io),
            Stream::Open | Stream::Closed => WriteError::Broken,
        }
    }
}

/// What the receiver learns of the writer before it waits.
#[derive(Default)]
pub(super) struct Flushed {
    /// The buffer is empty but holds memory.
    pub(super) is_idle: bool,
    /// The stream takes no more bytes because it failed.
    pub(super) failed: bool,
    /// The lock was taken: whoever holds it flushes.
    pub(super) left_to_sender: bool,
}

/// What the sender and the receiver have in common.
///
/// In this order, so that the flags lie beside the lock: with thousands of connections what a call touches comes from
/// memory, and each line of it takes as long as the rest of a call.
#[repr(C)]
pub(super) struct Shared<S, W: WriteIo> {
    /// The receiver found the lock taken: whoever holds it must flush after letting go.
    owed: AtomicBool,
    /// The receiver has ended: bytes the stream does not take at once will never leave.
    ended: AtomicBool,
    /// The receiver was dropped, or what was ended from outside may wait for it in vain: the sender keeps a deadline.
    alone: AtomicBool,
    wakers: Arc<Wakers>,
    /// `wakers` as the one waker the stream ever sees.
    waker: Waker,
    writer: Mutex<Writer<S, W>>,
}

type Guard<'a, S, W> = MutexGuard<'a, Writer<S, W>>;

impl<S, W: WriteIo> Shared<S, W> {
    /// From now on the sender has a time limit of its own.
    pub(super) fn leave_alone(&self) {
        self.alone.store(true, Ordering::SeqCst);
        self.wakers.wake(Slot::Sender);
    }
}

impl<S: SendHalf, W: WriteIo> Shared<S, W> {
    pub(super) fn new(half: S, tx: TxBuf, (io, tls): (W, Option<TlsWriter>)) -> Self {
        let wakers = Arc::new(Wakers::default());
        let waker = Waker::from(Arc::clone(&wakers));
        let writer = Writer {
            half,
            tx,
            eager_at: EAGER,
            io,
            tls,
            stream: Stream::Open,
            changes: 0,
            sender_waits: false,
            receiver_waits: false,
            failed_now: false,
            was_written: false,
            is_watched: false,
            give_up_at: None,
        };
        Self {
            writer: Mutex::new(writer),
            owed: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            alone: AtomicBool::new(false),
            wakers,
            waker,
        }
    }

    /// The receiver is there again.
    pub(super) fn take_up(&self) {
        self.alone.store(false, Ordering::SeqCst);
    }

    /// The protocol's half, the stream's, and what is queued.
    pub(super) fn into_parts(self) -> (S, W, TxBuf) {
        let Writer { half, io, tx, .. } = self.writer.into_inner().unwrap_or_else(PoisonError::into_inner);
        (half, io, tx)
    }

    /// What the sender may wait for besides the stream has come.
    pub(super) fn wake_sender(&self) {
        self.wakers.wake(Slot::Sender);
    }

    /// For the sender, which may wait for the lock; to be given back with [`Shared::unlock`].
    pub(super) fn lock(&self) -> Guard<'_, S, W> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the lock go and then flushes for a receiver that found it taken.
    pub(super) fn unlock(&self, mut writer: Guard<'_, S, W>) {
        let unwatched = writer.is_idle() && !writer.is_watched;
        // Once: the receiver sees to it from then on.
        writer.is_watched |= unwatched;
        let notify = writer.half.wakes_receiver() | core::mem::take(&mut writer.failed_now) | unwatched;
        drop(writer);
        if notify {
            self.wakers.wake(Slot::Idle);
        }
        loop {
            // Pairs with the fence in `lock_for_receiver`: either the receiver sees the lock free, or the
            // flag is seen here.
            fence(Ordering::SeqCst);
            if !self.owed.load(Ordering::Relaxed) {
                return;
            }
            // If it is taken again, its holder comes through here or is the receiver itself.
            let Some(mut writer) = self.try_lock() else { return };
            self.owed.store(false, Ordering::Relaxed);
            let now = writer.now();
            // A failure stays in the writer.
            let drained = writer.poll_drain(now, &mut Context::from_waker(&self.waker));
            drop(writer);
            if drained.is_pending() {
                // The rest is the receiver's, which is woken for it. With blocking sockets it would owe again during
                // every try, and the sender be stuck.
                self.owed.store(false, Ordering::SeqCst);
            }
            // Last: a receiver that owed again since then has left its waker.
            self.wakers.wake(Slot::Receiver);
        }
    }

    /// Runs `work` on the stream for the task `waker` belongs to, and wakes the other one if that changed
    /// what it waits for.
    ///
    /// Mostly nobody has to wait, and then the slots of the wakers, which are memory of their own, are not looked at. So
    /// `work` runs once more for whoever must wait, with its waker left: what came in between is not lost. Where trying
    /// takes time it runs once, with the waker left before.
    pub(super) fn poll(
        &self,
        writer: &mut Writer<S, W>,
        slot: Slot,
        waker: &Waker,
        mut work: impl FnMut(&mut Writer<S, W>, &mut Context<'_>) -> Poll<Result<(), Broken>>,
    ) -> Poll<Result<(), Broken>> {
        let before = writer.changes;
        let mut outcome = Poll::Pending;
        if !W::BLOCKS {
            outcome = work(writer, &mut Context::from_waker(&self.waker));
        }
        if outcome.is_pending() {
            self.wakers.register(slot, waker);
            *writer.waits(slot) = true;
            outcome = work(writer, &mut Context::from_waker(&self.waker));
        }
        if outcome.is_ready() && core::mem::take(writer.waits(slot)) {
            self.wakers.clear(slot);
        }
        if writer.changes != before {
            writer.give_up_at = None;
            let other = if slot == Slot::Sender { Slot::Receiver } else { Slot::Sender };
            if core::mem::take(writer.waits(other)) {
                self.wakers.wake(other);
            }
        }
        if outcome.is_pending() && slot == Slot::Sender && self.ended.load(Ordering::SeqCst) {
            return Poll::Ready(Err(Broken));
        }
        if outcome.is_pending() && slot == Slot::Sender && self.alone.load(Ordering::SeqCst) {
            return self.poll_give_up(writer);
        }
        outcome
    }

    /// Nobody judges the peer's silence any more: it may take no bytes for so long, and not for ever.
    fn poll_give_up(&self, writer: &mut Writer<S, W>) -> Poll<Result<(), Broken>> {
        let now = writer.now();
        let until = *writer.give_up_at.get_or_insert(now + ALONE);
        let due = writer.io.poll_timer(&mut Context::from_waker(&self.waker), until);
        if due.is_pending() {
            return Poll::Pending;
        }
        self.wakers.clear(Slot::Sender);
        writer.stream = Stream::Failed(None);
        Poll::Ready(Err(Broken))
    }

    /// For the receiver about to wait: writes what is queued and owed, as far as the stream takes it. A
    /// failure stays in the writer. `releasing`: a time to give back the buffers' memory is set.
    pub(super) fn flush_for_receiver(&self, now: Instant, waker: &Waker, releasing: bool) -> Flushed {
        let Some(mut writer) = self.lock_for_receiver(waker) else {
            return Flushed { left_to_sender: true, ..Flushed::default() };
        };
        if writer.seal(now) {
            let _ = self.poll(&mut writer, Slot::Receiver, waker, |writer, cx| writer.poll_drain(now, cx));
        }
        writer.failed_now = false;
        writer.was_written &= releasing;
        writer.is_watched = releasing || writer.is_idle();
        let failed = matches!(writer.stream, Stream::Failed(_));
        Flushed { is_idle: writer.is_idle(), failed, left_to_sender: false }
    }

    /// For the receiver at the end: writes what is left and closes the stream for writing.
    pub(super) fn poll_close_for_receiver(&self, now: Instant, waker: &Waker) -> Poll<Result<(), Broken>> {
        let Some(mut writer) = self.lock_for_receiver(waker) else { return Poll::Pending };
        self.poll(&mut writer, Slot::Receiver, waker, |writer, cx| writer.poll_close(now, cx))
    }

    /// From now on the sender fails instead of waiting for the stream.
    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::SeqCst);
        self.wakers.wake(Slot::Sender);
    }

    /// The receiver is about to wait and wants to know when [`SendHalf::wakes_receiver`] says so.
    pub(super) fn register_idle(&self, waker: &Waker) {
        self.wakers.register(Slot::Idle, waker);
    }

    /// Frees the transmit buffer's memory if it is empty. False, and nothing done, if it was used since the
    /// receiver set the time for this, or is being used.
    pub(super) fn release_if_idle(&self) -> bool {
        let Some(mut writer) = self.try_lock() else { return false };
        let is_idle = !core::mem::take(&mut writer.was_written);
        if is_idle {
            writer.tx.release();
            if let Some(tls) = &mut writer.tls {
                tls.release();
            }
        }
        is_idle
    }

    /// The error of a failed write that nobody has reported yet.
    pub(super) fn take_write_error(&self) -> Option<W::Error> {
        match self.try_lock()?.take_error() {
            WriteError::Io(error) => Some(error),
            WriteError::Broken => None,
        }
    }

    /// The lock if it is free; otherwise its holder will flush once it lets go.
    fn lock_for_receiver(&self, waker: &Waker) -> Option<Guard<'_, S, W>> {
        if let Some(writer) = self.try_lock() {
            return Some(writer);
        }
        self.wakers.register(Slot::Receiver, waker);
        self.owed.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        let writer = self.try_lock()?;
        self.owed.store(false, Ordering::Relaxed);
        Some(writer)
    }

    fn try_lock(&self) -> Option<Guard<'_, S, W>> {
        match self.writer.try_lock() {
            Ok(writer) => Some(writer),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}
