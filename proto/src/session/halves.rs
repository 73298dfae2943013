//! A session in two halves, which share only the control block behind a lock.

use super::control::Control;
use super::recv::RecvState;
use super::send::SendState;
use super::{
    CloseCode, Error, Event, ExportError, Outgoing, SendError, Session, SessionInfo, Stats, Traffic,
};
use crate::buf::{Span, TxBuf};
use crate::guard::{Answer, Question};
use crate::machine::{Recv, RecvHalf, SendHalf};
use crate::resume::ClientTicket;
use crate::share::{self, Shared};
use crate::time::Instant;
use alloc::boxed::Box;

type Locked = share::Locked<Control>;

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

/// The other way round, if the two are of one session.
pub(super) fn join(sender: Sender, receiver: Receiver) -> Result<Session, Box<(Sender, Receiver)>> {
    let (send, recv) = (sender.state, receiver.state);
    match sender.control.join(receiver.control) {
        Ok(control) => Ok(Session { send, recv, control }),
        Err((a, b)) => {
            Err(Box::new((Sender { state: send, control: a }, Receiver { state: recv, control: b })))
        }
    }
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

    /// See [`Session::export`].
    ///
    /// # Errors
    /// As there.
    pub fn export(&self, label: &str, context: &[u8], out: &mut [u8]) -> Result<(), ExportError> {
        super::export(self.control.read(Control::exporter), label, context, out)
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

    /// See [`Session::export`].
    ///
    /// # Errors
    /// As there.
    pub fn export(&self, label: &str, context: &[u8], out: &mut [u8]) -> Result<(), ExportError> {
        super::export(self.control.read(Control::exporter), label, context, out)
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

impl Receiver {
    /// See [`Session::question`].
    #[must_use]
    pub fn question(&self) -> Option<Question> {
        self.control.clone().with(|control| control.question())
    }

    /// See [`Session::take_ticket`].
    pub fn take_ticket(&mut self) -> Option<ClientTicket> {
        self.control.with(|control| control.take_ticket())
    }

    /// See [`Session::answer`].
    ///
    /// # Errors
    /// As there.
    pub fn answer(&mut self, now: Instant, answer: Answer) -> Result<(), Error> {
        let result = self.control.with(|control| control.answer(now, answer));
        self.state.note(result)
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

    fn keep_deadlines(&mut self, now: Instant) -> Result<(), Error> {
        let result = self.control.with(|control| control.keep_deadlines(now));
        self.state.note(result)
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
