//! Two machines joined by two links, on virtual time.

use super::end::{End, Steps, Turn};
use super::error::{Side, SimError};
use super::link::Link;
use super::subject::Subject;
use super::trace::Trace;
use crate::buf::TxBuf;
use crate::time::Instant;
use alloc::string::String;
use core::fmt;
use core::time::Duration;

/// Read buffers hold this much unless told otherwise: a message of 16 MiB and some more. Memory is taken as bytes come.
const RX_LIMIT: usize = 20 << 20;
const TX_LIMIT: usize = 256 * 1024;
/// Lines of trace that are kept.
const LINES: usize = 64;
/// Calls of `recv` and writes at one instant before a pair is said to go round in circles.
const STEPS: u64 = 1 << 24;

/// Two machines, their buffers, the links between them and the time.
///
/// Both are driven as the contract of [`Machine`](crate::machine::Machine) asks: all that has arrived is received,
/// deadlines are handled at their very instants and only when there is nothing to read, `poll_transmit` is called behind
/// everything else. A machine that has finished or failed writes what it owes and closes its stream.
pub struct Pair<A: Subject, B: Subject> {
    /// The first end.
    pub a: End<A>,
    /// The second end.
    pub b: End<B>,
    /// What `a` writes and `b` reads.
    pub a_to_b: Link,
    /// What `b` writes and `a` reads.
    pub b_to_a: Link,
    now: Instant,
    /// How often owners that poll do so, and when they last did.
    ticks: Option<(Duration, Option<Instant>)>,
    trace: Trace,
}

impl<A: Subject, B: Subject> Pair<A, B> {
    /// Joins two machines that begin at [`Instant::ZERO`] by perfect links.
    ///
    /// Read buffers hold at most 20 MiB, transmit buffers 256 KiB, and the last 64 lines of the trace are kept.
    #[must_use]
    pub fn new(a: A, b: B) -> Self {
        Self {
            a: End::new(a, RX_LIMIT, TX_LIMIT),
            b: End::new(b, RX_LIMIT, TX_LIMIT),
            a_to_b: Link::new(0),
            b_to_a: Link::new(1),
            now: Instant::ZERO,
            ticks: None,
            trace: Trace::new(LINES),
        }
    }

    /// Other links, from `a` to `b` and back.
    #[must_use]
    pub fn with_links(mut self, a_to_b: Link, b_to_a: Link) -> Self {
        (self.a_to_b, self.b_to_a) = (a_to_b, b_to_a);
        self
    }

    /// The most bytes each read buffer holds. Give what the protocol states, and the run proves that it is enough.
    #[must_use]
    pub fn with_rx_limits(mut self, a: usize, b: usize) -> Self {
        self.a.set_limits(Some(a), None);
        self.b.set_limits(Some(b), None);
        self
    }

    /// The most bytes each transmit buffer holds.
    #[must_use]
    pub fn with_tx_limits(mut self, a: usize, b: usize) -> Self {
        self.a.set_limits(None, Some(a));
        self.b.set_limits(None, Some(b));
        self
    }

    /// Begins at `now`, for machines that were made then.
    #[must_use]
    pub fn with_start(mut self, now: Instant) -> Self {
        self.now = now;
        self
    }

    /// Owners that poll: at every whole multiple of `every` they call all there is to call, whether or not there is
    /// anything to do, and they never ask for a deadline. What is due between is late by less than `every`. Zero for
    /// owners that wait for deadlines, as by default.
    #[must_use]
    pub fn with_ticks(mut self, every: Duration) -> Self {
        self.ticks = (!every.is_zero()).then_some((every, None));
        self
    }

    /// Keeps the last `lines` of the trace; zero for no trace at all.
    #[must_use]
    pub fn with_trace(mut self, lines: usize) -> Self {
        self.trace = Trace::new(lines);
        self
    }

    /// The virtual time.
    #[must_use]
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// For a world, whose clock it is.
    pub(super) fn set_now(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }

    /// What happened so far.
    #[must_use]
    pub const fn trace(&self) -> &Trace {
        &self.trace
    }

    /// Calls the first machine as its owner: `f` gets the machine, the time and the transmit buffer. What it makes the
    /// machine owe goes out with the next drive.
    pub fn a<R>(&mut self, f: impl FnOnce(&mut A, Instant, &mut TxBuf) -> R) -> R {
        self.a.call(self.now, f)
    }

    /// Calls the second machine as its owner, like [`Pair::a`].
    pub fn b<R>(&mut self, f: impl FnOnce(&mut B, Instant, &mut TxBuf) -> R) -> R {
        self.b.call(self.now, f)
    }

    /// Resets the stream in both directions: what is under way is lost.
    pub fn reset(&mut self) {
        self.a_to_b.reset();
        self.b_to_a.reset();
        self.trace.log(self.now, Side::A, format_args!("the stream is reset"));
    }

    /// Whether both ends have closed the stream.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        self.a.is_closed() && self.b.is_closed()
    }

    /// When something happens next by itself, with nothing left to do now.
    #[must_use]
    pub fn next_wake(&self) -> Option<Instant> {
        if let Some((every, _)) = self.ticks {
            let past = self.now.as_nanos() % nanos(every);
            return (!self.is_closed()).then(|| self.now + (every - Duration::from_nanos(past)));
        }
        let a = self.a.next_wake(self.now, &self.b_to_a);
        let b = self.b.next_wake(self.now, &self.a_to_b);
        a.into_iter().chain(b).min()
    }

    /// Does everything there is to do at this instant.
    ///
    /// # Errors
    /// A machine breaks its contract. 2^24 calls are allowed.
    pub fn drive(&mut self) -> Result<(), SimError> {
        self.drive_bounded(STEPS)
    }

    /// Like [`Pair::drive`], with at most `steps` calls of `recv` and writes.
    ///
    /// # Errors
    /// [`SimError::NeverIdle`] if there is still something to do then, or another breach of the contract.
    pub fn drive_bounded(&mut self, steps: u64) -> Result<(), SimError> {
        self.settle(steps).map(|_| ())
    }

    /// Handles everything up to `until`, each deadline and arrival at its instant, and leaves the clock there. Does not
    /// turn it back.
    ///
    /// # Errors
    /// A machine breaks its contract.
    pub fn drive_until(&mut self, until: Instant) -> Result<(), SimError> {
        while self.advance(until)? {}
        Ok(())
    }

    /// [`Pair::drive_until`] the end of `duration`.
    ///
    /// # Errors
    /// As there.
    pub fn drive_for(&mut self, duration: Duration) -> Result<(), SimError> {
        self.drive_until(self.now + duration)
    }

    /// Goes on to the next instant at which something happens and does everything there is to do then, for owners that
    /// answer what they see at once. If there is something to do at this instant already, it does that. False when there
    /// was nothing more until `until`, where the clock is then.
    ///
    /// # Errors
    /// A machine breaks its contract.
    pub fn advance(&mut self, until: Instant) -> Result<bool, SimError> {
        if self.settle(STEPS)? {
            return Ok(true);
        }
        let next = self.next_wake().filter(|next| *next <= until);
        self.now = self.now.max(next.unwrap_or(until));
        self.settle(STEPS)?;
        Ok(next.is_some())
    }

    /// Calls everything a driver may call although nothing asks for it: `recv` without new bytes, `handle_timeout` before
    /// its deadline, `poll_transmit`. Must make no difference.
    ///
    /// # Errors
    /// A machine breaks its contract.
    pub fn poke(&mut self) -> Result<(), SimError> {
        let mut steps = Steps::new(STEPS);
        self.turn_both(&mut steps, true)?;
        self.drive()
    }

    /// Frees the memory of buffers that are empty.
    pub fn release(&mut self) {
        self.a.release();
        self.b.release();
    }

    /// `error` and the trace that led to it, to fail a test with.
    pub fn explain(&self, error: impl fmt::Display) -> String {
        alloc::format!("{error}\nwhat happened, in virtual seconds:\n{}", self.trace)
    }

    /// Lets both ends take turns until neither has anything to do. Says whether anything happened.
    fn settle(&mut self, allowed: u64) -> Result<bool, SimError> {
        let mut steps = Steps::new(allowed);
        let mut moved = self.is_tick() && self.turn_both(&mut steps, true)?;
        while self.turn_both(&mut steps, false)? {
            moved = true;
        }
        Ok(moved)
    }

    /// Whether owners that poll do so now.
    fn is_tick(&mut self) -> bool {
        let now = self.now;
        let Some((every, last)) = &mut self.ticks else { return false };
        now.as_nanos() % nanos(*every) == 0 && last.replace(now) != Some(now)
    }

    /// With `early`, deadlines are looked at whether or not they have come.
    fn turn_both(&mut self, steps: &mut Steps, early: bool) -> Result<bool, SimError> {
        let Self { a, b, a_to_b, b_to_a, now, ticks, trace } = self;
        let (now, polls) = (*now, ticks.is_some());
        let side = Side::A;
        let a =
            a.turn(&mut Turn { now, side, early, polls, incoming: b_to_a, outgoing: a_to_b, trace, steps })?;
        let side = Side::B;
        let b =
            b.turn(&mut Turn { now, side, early, polls, incoming: a_to_b, outgoing: b_to_a, trace, steps })?;
        Ok(a || b)
    }
}

fn nanos(every: Duration) -> u64 {
    u64::try_from(every.as_nanos()).unwrap_or(u64::MAX)
}

impl<A: Subject, B: Subject> fmt::Debug for Pair<A, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pair").field("now", &self.now).field("trace", &self.trace).finish_non_exhaustive()
    }
}
