//! A connection in two halves, which share only the control block behind a lock.

use super::control::Control;
use super::recv::RecvState;
use super::send::SendState;
use super::{
    Accept, AnswerError, Broadcast, CloseCode, Error, Event, Kind, Reject, SendError, Stats, Traffic,
    WebSocket,
};
use crate::buf::{Scratch, Span, TxBuf};
use crate::machine::{Recv, RecvHalf, SendHalf};
use crate::share::{self, Shared};
use crate::time::Instant;

type Locked = share::Locked<Control>;

/// The sending half of a [`WebSocket`]. Methods are those of the whole.
pub struct Sender {
    state: SendState,
    control: Locked,
}

/// The receiving half of a [`WebSocket`]. Methods are those of the whole.
pub struct Receiver {
    state: RecvState,
    control: Locked,
}

pub(super) fn split(whole: WebSocket) -> (Sender, Receiver) {
    let control = Locked::new(whole.control);
    (Sender { state: whole.send, control: control.clone() }, Receiver { state: whole.recv, control })
}

impl Sender {
    /// See [`WebSocket::accept`].
    ///
    /// # Errors
    /// As there.
    pub fn accept(&mut self, now: Instant, accept: &Accept<'_>, tx: &mut TxBuf) -> Result<(), AnswerError> {
        self.state.accept(&mut self.control, now, accept, tx)
    }

    /// See [`WebSocket::reject`].
    ///
    /// # Errors
    /// As there.
    pub fn reject(&mut self, _now: Instant, reject: &Reject<'_>, tx: &mut TxBuf) -> Result<(), AnswerError> {
        self.state.reject(&mut self.control, reject, tx)
    }

    /// See [`WebSocket::send`].
    ///
    /// # Errors
    /// As there.
    #[inline]
    pub fn send(
        &mut self,
        _now: Instant,
        kind: Kind,
        payload: &[u8],
        tx: &mut TxBuf,
    ) -> Result<(), SendError> {
        self.state.send(&mut self.control, kind, payload, tx)
    }

    /// See [`WebSocket::send_broadcast`].
    ///
    /// # Errors
    /// As there.
    #[inline]
    pub fn send_broadcast(
        &mut self,
        _now: Instant,
        broadcast: &Broadcast,
        tx: &mut TxBuf,
    ) -> Result<(), SendError> {
        self.state.send_broadcast(&mut self.control, broadcast, tx)
    }

    /// See [`WebSocket::send_chunk`].
    ///
    /// # Errors
    /// As there.
    pub fn send_chunk(
        &mut self,
        _now: Instant,
        kind: Kind,
        payload: &[u8],
        last: bool,
        tx: &mut TxBuf,
    ) -> Result<(), SendError> {
        self.state.send_chunk(&mut self.control, kind, payload, last, tx)
    }

    /// See [`WebSocket::close`].
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
        self.state.take_moved()
    }
}

impl Receiver {
    /// Why the connection failed, if it has.
    #[must_use]
    pub fn failure(&self) -> Option<Error> {
        self.control.read(Control::failure)
    }

    /// What this half and the shared block have counted; [`Stats::sent`] is the sending half's to tell.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.control.read(|control| super::stats(control, Traffic::default(), self.state.stats()))
    }
}

impl RecvHalf for Receiver {
    type Event<P> = Event<P>;
    type Error = Error;

    fn map_event<P, Q>(event: Event<P>, f: impl FnOnce(P) -> Q) -> Event<Q> {
        event.map(f)
    }

    #[inline]
    fn recv(&mut self, now: Instant, buf: &mut [u8]) -> Result<Recv<Event<Span>>, Error> {
        self.state.recv(&mut self.control, now, buf, None)
    }

    #[inline]
    fn recv_with(
        &mut self,
        now: Instant,
        buf: &mut [u8],
        scratch: &mut Scratch,
    ) -> Result<Recv<Event<Span>>, Error> {
        self.state.recv(&mut self.control, now, buf, Some(scratch))
    }

    fn keep_deadlines(&mut self, now: Instant) -> Result<(), Error> {
        let result = self.control.with(|control| control.keep_deadlines(now));
        self.state.note(result)
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
