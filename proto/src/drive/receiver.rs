//! The receiving half of a connection: the driver loop.

use super::tls::TlsReader;
use super::writer::Shared;
use super::{DriveError, ReadIo, WriteIo};
use crate::buf::{RxBuf, Scratch, Span};
use crate::machine::{Recv, RecvHalf, SendHalf};
use crate::time::Instant;
use alloc::sync::Arc;
#[cfg(feature = "tls")]
use alloc::vec::Vec;
use core::fmt;
use core::future::poll_fn;
use core::mem;
use core::ops::Deref;
use core::task::{Context, Poll, Waker, ready};
use core::time::Duration;
#[cfg(feature = "tls")]
use rustls::pki_types::CertificateDer;

/// An empty buffer that nothing went through for so long gives its memory back; twice that at the latest.
const IDLE: Duration = Duration::from_secs(1);
/// Bytes read at once while the read buffer holds no memory. Enough for the frames of a connection at rest.
const PROBE: usize = 512;
/// How long a finished protocol's last bytes may take to leave, and the peer to say why it takes no more.
const LINGER: Duration = Duration::from_secs(5);
/// How long a read may block behind a flush that was left to the sender, which may end the protocol: no waker ends that
/// read.
const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// Reads and timeouts without an event after which other tasks get their turn.
const BUDGET: usize = 16;

/// Calls in a row that need not wait after which other tasks get their turn: not every runtime sees to that, and
/// a task with both halves would starve one of them.
pub(super) const TURN: u32 = 64;

/// As few bytes hold no more than what is left behind a message: the clock is read before they are looked at. Behind
/// the last message of a session's record it is a tag.
const REST: usize = 16;

/// What [`Receiver::next`] fails with.
pub type NextError<R, I> = DriveError<<R as RecvHalf>::Error, <I as ReadIo>::Error>;
/// What [`Receiver::next`] answers, with payloads of type `P`.
pub type Next<R, I, P> = Result<Option<<R as RecvHalf>::Event<P>>, NextError<R, I>>;

/// Receives on a connection. It also answers for the protocol, keeps its deadlines and, when it has ended,
/// closes the stream; so it must be polled while a connection lives.
pub struct Receiver<R, S, I, W: WriteIo> {
    half: R,
    io: I,
    tls: Option<TlsReader>,
    rx: RxBuf,
    scratch: Scratch,
    shared: Share<S, W>,
    /// Not read for each message, but whenever time may have passed: at the first poll of a turn, where all that was
    /// read is used up, and if a deadline has come, also while there is more to read.
    now: Instant,
    /// Bytes at the front of `rx` that belong to the event last returned.
    used: usize,
    /// Events of this turn: since the last poll that was pending.
    streak: u32,
    eof: bool,
    /// When to give back the buffers' memory, unless they were used since this was set.
    release_at: Option<Instant>,
    /// Bytes were read since `release_at` was set.
    was_read: bool,
    /// Bytes lie ready, probably: this half was woken, or a read took as many as it could without memory.
    read_first: bool,
    /// Writing has failed: the peer has until then to say why.
    give_up_at: Option<Instant>,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    Open,
    /// The protocol has ended; its last bytes have until then.
    Closing(Instant),
    Done,
}

/// What a read came to.
pub(super) enum Read {
    /// Bytes are in the read buffer.
    Bytes,
    /// Nothing yet, but something may be owed to the peer: flush, then read again.
    #[cfg_attr(not(feature = "tls"), allow(dead_code))]
    Nothing,
    /// The peer sends nothing more.
    End,
}

enum Step<E, F> {
    Again,
    Wait,
    Event(E),
    Fail(F),
}

type StepOf<R, I> = Step<<R as RecvHalf>::Event<Span>, NextError<R, I>>;

impl<R, S, I, W> Receiver<R, S, I, W>
where
    R: RecvHalf,
    S: SendHalf,
    I: ReadIo,
    W: WriteIo<Error = I::Error>,
{
    pub(super) fn new(
        half: R,
        (io, tls): (I, Option<TlsReader>),
        rx: RxBuf,
        shared: Arc<Shared<S, W>>,
    ) -> Self {
        let now = io.now();
        Self {
            half,
            io,
            tls,
            rx,
            scratch: Scratch::new(),
            shared: Share(shared),
            now,
            used: 0,
            streak: 0,
            eof: false,
            release_at: None,
            was_read: false,
            read_first: false,
            give_up_at: None,
            phase: Phase::Open,
        }
    }

    /// The next event; its payload lies in a buffer of this connection and is gone with the next call. `None` once
    /// the protocol has ended and the stream is closed, and ever after.
    ///
    /// Can be dropped at any point: an event is returned by the same poll that decoded it.
    ///
    /// # Errors
    /// Once: the protocol or the stream failed. What the protocol owed the peer has been sent, as far as
    /// the stream took it at once. After a failed write the receiver reads on, because the peer may have
    /// said why.
    pub async fn next(&mut self) -> Next<R, I, &mut [u8]> {
        let event = poll_fn(|cx| self.poll_next(cx)).await?;
        Ok(event.map(|event| self.resolve(event)))
    }

    /// Like [`Receiver::next`], with the payload's place instead of the payload: see
    /// [`Receiver::resolve`].
    ///
    /// # Errors
    /// As there.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Next<R, I, Span>> {
        self.rx.consume(mem::take(&mut self.used));
        if self.streak == TURN {
            return self.end_turn(cx);
        }
        if self.streak == 0 || self.rx.len() <= REST {
            self.now = self.io.now();
        }
        for _ in 0..BUDGET {
            match self.phase {
                Phase::Open => {}
                Phase::Closing(until) => return self.poll_finish(cx, until),
                Phase::Done => return Poll::Ready(Ok(None)),
            }
            match self.step(cx) {
                Step::Again => {}
                Step::Wait => {
                    self.streak = 0;
                    self.read_first = true;
                    return Poll::Pending;
                }
                Step::Event(event) => {
                    self.streak += 1;
                    return Poll::Ready(Ok(Some(event)));
                }
                Step::Fail(error) => return self.fail(cx, error),
            }
        }
        self.streak = 0;
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// The event last returned by [`Receiver::poll_next`] with its payload. Empty payloads for any other.
    pub fn resolve(&mut self, event: R::Event<Span>) -> R::Event<&mut [u8]> {
        R::map_event(event, |span| span.of_either(self.rx.filled_mut(), &mut self.scratch))
    }

    /// The protocol's receiving half.
    pub const fn half(&self) -> &R {
        &self.half
    }

    pub(super) const fn half_mut(&mut self) -> &mut R {
        &mut self.half
    }

    /// The reading half of the stream.
    pub(super) const fn io(&self) -> &I {
        &self.io
    }

    /// Whether nothing has ended yet.
    pub(super) const fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Open)
    }

    pub(super) const fn is_over_tls(&self) -> bool {
        self.tls.is_some()
    }

    pub(super) fn is_of(&self, shared: &Arc<Shared<S, W>>) -> bool {
        Arc::ptr_eq(&self.shared, shared)
    }

    /// The protocol's half, the stream's, and what was not consumed.
    pub(super) fn into_parts(self) -> (R, (I, Option<TlsReader>), RxBuf) {
        let Self { half, io, tls, mut rx, used, .. } = self;
        rx.consume(used);
        (half, (io, tls), rx)
    }

    /// Looks at the protocol's sending half.
    pub fn with_send_half<T>(&self, look: impl FnOnce(&S) -> T) -> T {
        let writer = self.shared.lock();
        let value = look(&writer.half);
        self.shared.unlock(writer);
        value
    }

    /// The certificates that the peer has shown in TLS, its own first, followed by those between it and an authority.
    /// This end has checked them by its configuration. They are here from the first event of the protocol on, because
    /// the handshake of TLS comes before it, and until this half has ended. `None` without TLS, and for a client that
    /// showed none.
    ///
    /// The answer is a copy: keep it rather than ask for each message.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn peer_certificates(&self) -> Option<Vec<CertificateDer<'static>>> {
        self.tls.as_ref()?.peer_certificates()
    }

    /// Whether there is nothing to take: no event, no part of one, no end. Looks at the stream without waiting, and answers
    /// the peer as any poll does. An event that is found is taken and lost: for a connection that is then not used any
    /// more.
    pub fn is_at_rest(&mut self) -> bool {
        // A poll that only gives others their turn looks at nothing.
        self.streak = 0;
        let waits = self.poll_next(&mut Context::from_waker(Waker::noop())).is_pending() && self.read_first;
        waits && self.rx.is_empty()
    }

    /// The receiving buffers' memory, in bytes. None after a second or two without traffic in either direction.
    #[must_use]
    pub fn capacity(&self) -> usize {
        let tls = self.tls.as_ref().map_or(0, TlsReader::capacity);
        self.rx.capacity() + self.scratch.capacity() + tls
    }

    /// The memory of the buffers of both directions, in bytes.
    #[must_use]
    pub fn buffer_memory(&self) -> usize {
        let writer = self.shared.lock();
        let capacity = self.capacity().saturating_add(writer.capacity());
        self.shared.unlock(writer);
        capacity
    }

    fn step(&mut self, cx: &mut Context<'_>) -> StepOf<R, I> {
        let need = match self.half.recv_with(self.now, self.rx.filled_mut(), &mut self.scratch) {
            Ok(Recv { consumed, event: Some(event), .. }) => {
                self.used = consumed;
                return Step::Event(event);
            }
            Ok(Recv { consumed, event: None, need }) => {
                self.rx.consume(consumed);
                need
            }
            Err(error) => return Step::Fail(DriveError::Protocol(error)),
        };
        if mem::take(&mut self.read_first) && !I::BLOCKS && self.may_read(need) {
            // Before anything is written, or the answers to a burst would leave in two pieces. And most often what
            // woke this half were bytes: then nothing has changed that has to be looked at before.
            if let Poll::Ready(result) = self.poll_read(cx, need) {
                return self.on_read(result);
            }
        }
        let was_finished = self.half.is_finished();
        // Before the state and the deadline are looked at, which the sender may change.
        self.shared.register_idle(cx.waker());
        let flushed = self.shared.flush_for_receiver(self.now, cx.waker(), self.release_at.is_some());
        // After the flush, which may be what ends the protocol.
        if self.half.is_finished() {
            // If it ended just now, `recv` says once more whether that was a failure.
            if was_finished {
                self.phase = Phase::Closing(self.now + LINGER);
            }
            return Step::Again;
        }
        if self.half.has_event() {
            return Step::Again;
        }
        if flushed.failed && self.give_up_at.is_none() {
            self.give_up_at = Some(self.now + LINGER);
        }
        let rx_is_idle = self.rx.is_empty() && self.scratch.is_empty() && self.capacity() > 0;
        if self.release_at.is_none() && (flushed.is_idle || rx_is_idle) {
            self.release_at = Some(self.now + IDLE);
            self.was_read = false;
        }
        let look_again_at = (I::BLOCKS && flushed.left_to_sender).then(|| self.now + LOOK_AGAIN);
        self.wait(cx, need, look_again_at)
    }

    /// Reads, and only if there is nothing to read acts on the deadlines. Those that a peer must not put off by sending
    /// without pause the protocol keeps while it receives, so it must learn how late it is.
    fn wait(&mut self, cx: &mut Context<'_>, need: usize, look_again_at: Option<Instant>) -> StepOf<R, I> {
        let deadline = [self.half.poll_timeout(), self.release_at, self.give_up_at, look_again_at];
        let deadline = deadline.into_iter().flatten().min();
        let due = self.io.poll_timer(cx, deadline).is_ready();
        if due {
            self.now = self.io.now();
        }
        if self.may_read(need) {
            if let Poll::Ready(result) = self.poll_read(cx, need) {
                return self.on_read(result);
            }
        } else if need > 0 && !self.eof {
            return Step::Fail(DriveError::ReceiveBufferTooSmall);
        }
        if due { self.on_timer() } else { Step::Wait }
    }

    /// Whether more bytes are wanted, may come, and have a place.
    const fn may_read(&self, need: usize) -> bool {
        need > 0 && !self.eof && self.rx.len() < self.rx.max()
    }

    /// Reads into the buffer, through TLS if there is a stage of it.
    fn poll_read(&mut self, cx: &mut Context<'_>, need: usize) -> Poll<Result<Read, NextError<R, I>>> {
        if let Some(tls) = &mut self.tls {
            let read = ready!(tls.poll_read(&mut self.io, cx, &mut self.rx, need));
            self.read_first = tls.has_more();
            if tls.take_opened() {
                self.shared.wake_sender();
            }
            return Poll::Ready(read);
        }
        let probing = self.rx.capacity() == 0;
        Poll::Ready(match ready!(fill(&mut self.io, cx, &mut self.rx, need)) {
            Ok(0) => Ok(Read::End),
            Ok(n) => {
                self.read_first = probing && n == PROBE;
                Ok(Read::Bytes)
            }
            Err(error) => Err(DriveError::Io(error)),
        })
    }

    fn on_read(&mut self, result: Result<Read, NextError<R, I>>) -> StepOf<R, I> {
        if I::BLOCKS {
            self.now = self.io.now();
        }
        match result {
            Ok(Read::Nothing) => Step::Again,
            Ok(Read::End) => {
                self.eof = true;
                match self.half.recv_eof(self.now) {
                    Ok(()) => Step::Again,
                    Err(error) => self.fail_unsaid(DriveError::Protocol(error)),
                }
            }
            Ok(Read::Bytes) => {
                self.was_read = true;
                Step::Again
            }
            // A peer that has said all it had to say may end the stream as roughly as it likes.
            Err(error) => match self.half.recv_eof(self.now) {
                Ok(()) => {
                    self.eof = true;
                    Step::Again
                }
                Err(_) => self.fail_on_read(error),
            },
        }
    }

    fn on_timer(&mut self) -> StepOf<R, I> {
        if self.release_at.is_some_and(|at| at <= self.now) {
            self.release_at = None;
            if !self.was_read && self.shared.release_if_idle() {
                self.rx.release();
                if let Some(tls) = &mut self.tls {
                    tls.release();
                }
                self.scratch.release();
            }
        }
        if self.half.poll_timeout().is_some_and(|at| at <= self.now) {
            if let Err(error) = self.half.handle_timeout(self.now) {
                return self.fail_unsaid(DriveError::Protocol(error));
            }
        }
        if self.give_up_at.is_some_and(|at| at <= self.now) {
            return self.fail_unsaid(DriveError::Broken);
        }
        Step::Again
    }

    fn fail_on_read(&self, error: NextError<R, I>) -> StepOf<R, I> {
        // What went wrong in TLS, an alert of the peer's above all, explains a failed write.
        if matches!(error, DriveError::Io(_)) { self.fail_unsaid(error) } else { Step::Fail(error) }
    }

    /// Fails without the peer having said why: an earlier failed write is the better reason.
    fn fail_unsaid(&self, error: NextError<R, I>) -> StepOf<R, I> {
        Step::Fail(self.shared.take_write_error().map_or(error, DriveError::Io))
    }

    /// The protocol has ended well, so a stream that fails now has nothing to add.
    fn poll_finish<T>(
        &mut self,
        cx: &mut Context<'_>,
        until: Instant,
    ) -> Poll<Result<Option<T>, NextError<R, I>>> {
        let closed = self.shared.poll_close_for_receiver(self.now, cx.waker()).is_ready();
        if !closed && self.io.poll_timer(cx, Some(until)).is_pending() {
            return Poll::Pending;
        }
        self.end();
        Poll::Ready(Ok(None))
    }

    /// Other tasks get their turn, whatever there is to hand out. By then the deadlines may have come.
    #[cold]
    fn end_turn<T>(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, NextError<R, I>>> {
        self.streak = 0;
        self.now = self.io.now();
        if let Err(error) = self.half.keep_deadlines(self.now) {
            return self.fail(cx, DriveError::Protocol(error));
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn fail<T>(&mut self, cx: &mut Context<'_>, error: NextError<R, I>) -> Poll<Result<T, NextError<R, I>>> {
        // Best effort: an alert should leave, but a stuck peer must not delay the verdict.
        let _ = self.shared.poll_close_for_receiver(self.now, cx.waker());
        self.end();
        Poll::Ready(Err(error))
    }

    fn end(&mut self) {
        self.phase = Phase::Done;
        self.rx = RxBuf::new(0);
        self.tls = None;
        self.scratch = Scratch::new();
        self.shared.end();
    }
}

/// Reads into `rx`. A buffer without memory gets some only once there is something to put into it.
pub(super) fn fill<I: ReadIo>(
    io: &mut I,
    cx: &mut Context<'_>,
    rx: &mut RxBuf,
    need: usize,
) -> Poll<Result<usize, I::Error>> {
    if rx.capacity() > 0 {
        let read = ready!(io.poll_read(cx, rx.spare_mut(need)));
        if let Ok(n) = read {
            rx.commit(n);
        }
        return Poll::Ready(read);
    }
    let mut probe = [0; PROBE];
    let (probe, _) = probe.split_at_mut(PROBE.min(rx.max()));
    let read = ready!(io.poll_read(cx, probe));
    if let Ok(n @ 1..) = read {
        rx.append(probe.get(..n).unwrap_or_default());
    }
    Poll::Ready(read)
}

/// The receiver's share: without it the sender is alone.
struct Share<S, W: WriteIo>(Arc<Shared<S, W>>);

impl<S, W: WriteIo> Deref for Share<S, W> {
    type Target = Arc<Shared<S, W>>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<S, W: WriteIo> Drop for Share<S, W> {
    fn drop(&mut self) {
        self.0.leave_alone();
    }
}

impl<R, S, I, W: WriteIo> fmt::Debug for Receiver<R, S, I, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("phase", &self.phase).finish_non_exhaustive()
    }
}
