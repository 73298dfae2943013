//! A session in two halves, which share only the control block behind a lock.

use super::control::{Control, Shared};
use super::recv::RecvState;
use super::send::SendState;
use super::{CloseCode, Error, Event, Outgoing, SendError, Session, SessionInfo, Stats, Traffic};
use crate::buf::{Span, TxBuf};
use crate::machine::{Recv, RecvHalf, SendHalf};
use crate::time::Instant;
use core::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The control block of a split session. The lock is never held while a record is sealed or opened, and not taken
/// for a message that is sent.
#[derive(Clone)]
struct Locked(Arc<Block>);

struct Block {
    /// What [`Control::may_send`] said at the end of the last visit. Every visit that may change the block ends by
    /// writing it, still under the lock, so it never contradicts the last one for longer than that takes.
    ///
    /// The sending half believes a yes and asks under the lock after a no. A yes can be outdated by a visit of the
    /// receiving half alone: the sending half's own (close, drain, its key's end) are over before it sends again,
    /// so nothing follows CLOSE or DRAIN in its buffer. What the receiving half does meanwhile (the peer's CLOSE, a
    /// failure, a deadline) only makes it owe a CLOSE, which the sending half itself appends later: the message
    /// counts as sent before. It could as well have been so when the answer was asked for under the lock, which
    /// was not held while the message was appended. No other memory hangs on the answer, so it is relaxed.
    may_send: AtomicBool,
    control: Mutex<Control>,
}

impl Locked {
    fn new(control: Control) -> Self {
        let may_send = AtomicBool::new(control.may_send().is_ok());
        Self(Arc::new(Block { may_send, control: Mutex::new(control) }))
    }

    /// To read only: what may change the block goes through [`Shared::with`].
    fn read<R>(&self, f: impl FnOnce(&Control) -> R) -> R {
        f(&self.lock())
    }

    /// The block stays whole even if a thread panicked beside it.
    fn lock(&self) -> MutexGuard<'_, Control> {
        self.0.control.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared for Locked {
    fn with<R>(&mut self, f: impl FnOnce(&mut Control) -> R) -> R {
        let mut control = self.lock();
        let result = f(&mut control);
        self.0.may_send.store(control.may_send().is_ok(), Ordering::Relaxed);
        result
    }

    #[inline]
    fn may_send(&mut self) -> Result<(), SendError> {
        if self.0.may_send.load(Ordering::Relaxed) { Ok(()) } else { self.read(Control::may_send) }
    }
}

/// The sending half of a [`Session`]. Methods are those of the session.
pub struct Sender {
    state: SendState,
    control: Locked,
}

/// The receiving half of a [`Session`]. Methods are those of the session.
pub struct Receiver {
    state: RecvState,
    control: Locked,
}

pub(super) fn split(session: Session) -> (Sender, Receiver) {
    let control = Locked::new(session.control);
    (Sender { state: session.send, control: control.clone() }, Receiver { state: session.recv, control })
}

impl Sender {
    /// See [`Session::send`].
    ///
    /// # Errors
    /// As there.
    pub fn send(&mut self, _now: Instant, message: &[u8], tx: &mut TxBuf) -> Result<(), SendError> {
        self.state.send(&mut self.control, message, tx)
    }

    /// See [`Session::send_parts`].
    ///
    /// # Errors
    /// As there.
    pub fn send_parts(&mut self, _now: Instant, parts: &[&[u8]], tx: &mut TxBuf) -> Result<(), SendError> {
        self.state.send_parts(&mut self.control, parts, tx)
    }

    /// See [`Session::send_some`].
    ///
    /// # Errors
    /// As there.
    pub fn send_some(
        &mut self,
        _now: Instant,
        message: &mut Outgoing<'_>,
        tx: &mut TxBuf,
    ) -> Result<(), SendError> {
        self.state.send_some(&mut self.control, message, tx)
    }

    /// See [`Session::close`].
    ///
    /// # Errors
    /// As there.
    pub fn close(
        &mut self,
        now: Instant,
        code: CloseCode,
        reason: &str,
        tx: &mut TxBuf,
    ) -> Result<(), SendError> {
        self.state.close(&mut self.control, now, code, reason, tx)
    }

    /// See [`Session::drain`].
    ///
    /// # Errors
    /// As there.
    pub fn drain(&mut self, _now: Instant, deadline: Instant) -> Result<(), SendError> {
        self.state.drain(&mut self.control, deadline)
    }

    /// What this half has counted.
    #[must_use]
    pub fn stats(&self) -> Traffic {
        self.state.stats()
    }
}

impl SendHalf for Sender {
    fn poll_transmit(&mut self, now: Instant, tx: &mut TxBuf) {
        self.state.poll_transmit(&mut self.control, now, tx);
    }

    fn wakes_receiver(&mut self) -> bool {
        self.state.take_deadline_moved()
    }
}

impl Receiver {
    /// See [`Session::info`].
    #[must_use]
    pub fn info(&self) -> Option<SessionInfo> {
        self.control.read(Control::info)
    }

    /// Why the session failed, if it has.
    #[must_use]
    pub fn failure(&self) -> Option<Error> {
        self.control.read(Control::failure)
    }

    /// What this half and the shared block have counted; [`Stats::sent`] is the sending half's to tell.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let (received, skipped_frames) = self.state.stats();
        Stats { received, skipped_frames, ..self.control.read(Control::stats) }
    }
}

impl RecvHalf for Receiver {
    type Event<P> = Event<P>;
    type Error = Error;

    fn map_event<P, Q>(event: Event<P>, f: impl FnOnce(P) -> Q) -> Event<Q> {
        event.map(f)
    }

    fn recv(&mut self, now: Instant, buf: &mut [u8]) -> Result<Recv<Event<Span>>, Error> {
        self.state.recv(&mut self.control, now, buf)
    }

    fn has_event(&self) -> bool {
        self.control.read(Control::has_event)
    }

    fn recv_eof(&mut self, _now: Instant) -> Result<(), Error> {
        self.control.with(Control::on_eof)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.control.read(Control::poll_timeout)
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        let result = self.control.with(|control| control.handle_timeout(now));
        self.state.note(result)
    }

    fn is_finished(&self) -> bool {
        self.control.read(Control::is_over)
    }
}
