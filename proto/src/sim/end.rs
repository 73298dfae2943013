//! One machine with its buffers, driven as a driver would.

use super::error::{Side, SimError};
use super::link::Link;
use super::subject::{Seen, Subject};
use super::trace::Trace;
use crate::buf::{RxBuf, Scratch, TxBuf};
use crate::time::Instant;
use alloc::vec::Vec;
use core::time::Duration;

/// Deadlines of one machine within [`WINDOW`] before it is said to spin.
const DEADLINES: u64 = 1 << 21;
const WINDOW: Duration = Duration::from_secs(1);

/// One end of a [`Pair`](super::Pair): a machine, its buffers and what came of it.
pub struct End<M: Subject> {
    machine: M,
    rx: RxBuf,
    scratch: Scratch,
    tx: TxBuf,
    events: Vec<Seen<M::Owned>>,
    error: Option<M::Error>,
    ended_at: Option<Instant>,
    reads: bool,
    /// The owner is busy with an event and takes no other.
    holding: bool,
    transmits: bool,
    /// Something happened since the machine last said that it has no event.
    news: bool,
    /// How many more bytes it said would help then.
    need: usize,
    eof: bool,
    /// Both directions of the stream.
    closed: bool,
    /// The owner called the machine since its deadlines were last looked at.
    called: bool,
    /// When counting deadlines began, and how many came since.
    deadlines: (Instant, u64),
    most_rx: usize,
}

/// Bounds the calls of `recv` and the writes at one instant.
pub(super) struct Steps {
    pub(super) left: u64,
    pub(super) allowed: u64,
}

impl Steps {
    pub(super) const fn new(allowed: u64) -> Self {
        Self { left: allowed, allowed }
    }

    fn take(&mut self, side: Side, at: Instant) -> Result<(), SimError> {
        self.left = self.left.checked_sub(1).ok_or(SimError::NeverIdle { side, at, steps: self.allowed })?;
        Ok(())
    }
}

/// What an end works with when it is its turn.
pub(super) struct Turn<'a> {
    pub(super) now: Instant,
    pub(super) side: Side,
    /// Whether to call `handle_timeout` before its deadline too.
    pub(super) early: bool,
    /// Whether the owner looks at deadlines then alone, and so late.
    pub(super) polls: bool,
    pub(super) incoming: &'a mut Link,
    pub(super) outgoing: &'a mut Link,
    pub(super) trace: &'a mut Trace,
    pub(super) steps: &'a mut Steps,
}

impl Turn<'_> {
    fn log(&mut self, what: core::fmt::Arguments<'_>) {
        self.trace.log(self.now, self.side, what);
    }
}

impl<M: Subject> End<M> {
    pub(super) fn new(machine: M, rx_limit: usize, tx_limit: usize) -> Self {
        Self {
            machine,
            rx: RxBuf::new(rx_limit),
            scratch: Scratch::new(),
            tx: TxBuf::new(tx_limit),
            events: Vec::new(),
            error: None,
            ended_at: None,
            reads: true,
            holding: false,
            transmits: true,
            news: true,
            need: 0,
            eof: false,
            closed: false,
            called: false,
            deadlines: (Instant::ZERO, 0),
            most_rx: 0,
        }
    }

    pub(super) fn set_limits(&mut self, rx: Option<usize>, tx: Option<usize>) {
        self.rx = rx.map_or_else(|| core::mem::take(&mut self.rx), RxBuf::new);
        self.tx = tx.map_or_else(|| core::mem::take(&mut self.tx), TxBuf::new);
    }

    /// The machine.
    pub const fn machine(&self) -> &M {
        &self.machine
    }

    /// The events that came and were not taken, oldest first.
    #[must_use]
    pub fn events(&self) -> &[Seen<M::Owned>] {
        &self.events
    }

    /// Takes the events that came since the last time.
    #[must_use = "the events are gone from here"]
    pub fn take_events(&mut self) -> Vec<Seen<M::Owned>> {
        core::mem::take(&mut self.events)
    }

    /// Why the machine failed.
    pub const fn error(&self) -> Option<&M::Error> {
        self.error.as_ref()
    }

    /// Whether the machine has finished or failed, everything it owed is written and the stream is closed.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        self.closed
    }

    /// When that was.
    #[must_use]
    pub const fn closed_at(&self) -> Option<Instant> {
        self.ended_at
    }

    /// Whether the owner takes events. One that stops takes the next event and stays busy with it: `recv` is not
    /// called again until it reads on, so the link fills. Time goes on and what is owed is transmitted.
    pub const fn reads(&mut self, reads: bool) {
        self.reads = reads;
        self.holding = self.holding && !reads;
    }

    /// Whether `poll_transmit` is called. What an owner leaves out must come with a later call.
    pub const fn transmits(&mut self, transmits: bool) {
        self.transmits = transmits;
    }

    /// Bytes that have been received and not consumed.
    #[must_use]
    pub const fn rx_len(&self) -> usize {
        self.rx.len()
    }

    /// The most bytes that ever waited to be consumed.
    #[must_use]
    pub const fn most_rx(&self) -> usize {
        self.most_rx
    }

    /// The transmit buffer.
    #[must_use]
    pub const fn tx(&self) -> &TxBuf {
        &self.tx
    }

    pub(super) fn call<R>(&mut self, now: Instant, f: impl FnOnce(&mut M, Instant, &mut TxBuf) -> R) -> R {
        self.called = true;
        f(&mut self.machine, now, &mut self.tx)
    }

    /// Frees what is empty.
    pub(super) fn release(&mut self) {
        self.rx.release();
        self.scratch.release();
        self.tx.release();
    }

    /// When this end has something to do next, with nothing more to do at `now`.
    pub(super) fn next_wake(&self, now: Instant, incoming: &Link) -> Option<Instant> {
        if self.closed {
            return None;
        }
        let deadline = self.machine.poll_timeout().filter(|_| self.error.is_none());
        let arrival = incoming.poll_timeout(now).filter(|_| self.listens());
        deadline.into_iter().chain(arrival).min()
    }

    fn listens(&self) -> bool {
        !self.closed && !self.holding && self.error.is_none() && !self.machine.is_finished()
    }

    /// Reads, looks at the deadlines, writes. Says whether anything happened.
    pub(super) fn turn(&mut self, turn: &mut Turn<'_>) -> Result<bool, SimError> {
        if self.closed {
            return Ok(false);
        }
        let mut moved = self.read(turn)?;
        moved |= self.look_at_clock(turn)?;
        moved |= self.write(turn)?;
        Ok(moved)
    }

    /// Takes events until there are no more and nothing more has arrived. Like a driver that waits, it calls `recv` only
    /// when bytes came or a deadline was handled.
    fn read(&mut self, turn: &mut Turn<'_>) -> Result<bool, SimError> {
        let (side, now) = (turn.side, turn.now);
        let mut moved = false;
        self.news |= turn.early;
        while self.listens() {
            if !self.news {
                if self.need == 0 || !self.take_bytes(turn, self.need)? {
                    break;
                }
                moved = true;
                continue;
            }
            turn.steps.take(side, now)?;
            let given = self.rx.len();
            let recv = match self.machine.recv_with(now, self.rx.filled_mut(), &mut self.scratch) {
                Ok(recv) => recv,
                Err(error) => {
                    self.fail(turn, error);
                    return Ok(true);
                }
            };
            if recv.consumed > given {
                return Err(SimError::ConsumedTooMuch { side, consumed: recv.consumed, given });
            }
            moved |= recv.consumed > 0;
            if let Some(event) = recv.event {
                let event = M::own(event, self.rx.filled_mut(), &mut self.scratch)
                    .ok_or(SimError::PayloadOutside { side })?;
                turn.log(format_args!("event {event:?}"));
                self.events.push(Seen { at: now, event });
                self.rx.consume(recv.consumed);
                self.holding = !self.reads;
                moved = true;
                continue;
            }
            self.rx.consume(recv.consumed);
            (self.news, self.need) = (false, recv.need);
        }
        Ok(moved)
    }

    /// Reads once from the link. Says whether there was anything, bytes or the end.
    fn take_bytes(&mut self, turn: &mut Turn<'_>, need: usize) -> Result<bool, SimError> {
        if turn.incoming.ready(turn.now) > 0 {
            let spare = self.rx.spare_mut(need);
            let n = turn.incoming.read(turn.now, spare);
            if n == 0 {
                return Err(SimError::ReadBufferFull { side: turn.side, max: self.rx.max() });
            }
            self.rx.commit(n);
            self.most_rx = self.most_rx.max(self.rx.len());
            self.news = true;
            turn.log(format_args!("read {n} bytes"));
            return Ok(true);
        }
        if self.eof || !turn.incoming.is_eof(turn.now) {
            return Ok(false);
        }
        self.eof = true;
        self.news = true;
        turn.log(format_args!("end of the stream"));
        if let Err(error) = self.machine.recv_eof(turn.now) {
            self.fail(turn, error);
        }
        Ok(true)
    }

    /// Handles the deadline that has come.
    fn look_at_clock(&mut self, turn: &mut Turn<'_>) -> Result<bool, SimError> {
        let called = core::mem::take(&mut self.called);
        if self.closed || self.error.is_some() || (turn.polls && !turn.early) {
            return Ok(false);
        }
        let (side, at) = (turn.side, turn.now);
        let before = self.machine.poll_timeout();
        let due = before.filter(|deadline| *deadline <= at);
        if let Some(deadline) = due.filter(|deadline| *deadline < at && !called && !turn.polls) {
            return Err(SimError::DeadlineInPast { side, at, deadline });
        }
        if due.is_none() && !turn.early {
            return Ok(false);
        }
        if due.is_some() {
            turn.log(format_args!("deadline"));
            let (since, count) = self.deadlines;
            self.deadlines = if at.saturating_since(since) < WINDOW { (since, count + 1) } else { (at, 1) };
            if self.deadlines.1 > DEADLINES {
                return Err(SimError::WakesWithoutEnd { side, at, deadlines: DEADLINES });
            }
        }
        if let Err(error) = self.machine.handle_timeout(at) {
            self.fail(turn, error);
            return Ok(true);
        }
        self.news |= due.is_some();
        let after = self.machine.poll_timeout();
        if let Some(deadline) = after.filter(|deadline| *deadline <= at) {
            return Err(SimError::DeadlineSurvived { side, at, deadline });
        }
        if let Some(deadline) =
            before.filter(|before| due.is_none() && after.is_none_or(|after| after > *before))
        {
            return Err(SimError::DeadlineLost { side, at, deadline });
        }
        Ok(due.is_some())
    }

    /// Writes what is owed; once that is all and the machine has ended, closes the stream.
    fn write(&mut self, turn: &mut Turn<'_>) -> Result<bool, SimError> {
        if self.transmits {
            self.machine.poll_transmit(turn.now, &mut self.tx);
        }
        let struck = turn.outgoing.struck().len();
        let n = turn.outgoing.write(turn.now, self.tx.sealed());
        self.tx.consume(n);
        if n > 0 {
            turn.log(format_args!("write {n} bytes"));
        }
        for fault in turn.outgoing.struck().skip(struck) {
            turn.trace.log(turn.now, turn.side, format_args!("on the way: {fault}"));
        }
        if n > 0 {
            turn.steps.take(turn.side, turn.now)?;
            return Ok(true);
        }
        // With nothing written since, nothing is owed that did not fit.
        let ended = self.error.is_some() || self.machine.is_finished();
        if ended && self.transmits && self.tx.sealed().is_empty() && !self.closed {
            self.closed = true;
            self.ended_at = Some(turn.now);
            turn.outgoing.close(turn.now);
            turn.incoming.abandon();
            turn.log(format_args!("closes the stream"));
            return Ok(true);
        }
        Ok(false)
    }

    fn fail(&mut self, turn: &mut Turn<'_>, error: M::Error) {
        turn.log(format_args!("error {error:?}"));
        self.error = Some(error);
    }
}
