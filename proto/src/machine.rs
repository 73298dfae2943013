//! The contract between a protocol and whatever drives it.
//!
//! Users of a protocol call its inherent methods, which carry the same names. These traits exist for the
//! generic driver ([`crate::drive`]) and for test harnesses.
//!
//! The rule of shape: slices in, appended bytes out, one event a call, time and entropy as arguments. A
//! machine owns no buffer, no queue of bytes and no clock.

use crate::buf::{Full, Scratch, Span, TxBuf};
use crate::time::Instant;
use core::net::SocketAddr;

/// What one call of `recv` did.
#[must_use = "`consumed` bytes must be dropped from the buffer and an event must be handled"]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recv<E> {
    /// Bytes at the front of the buffer that are done with. Drop them *after* handling the event: its
    /// payload lies among them.
    pub consumed: usize,
    /// At most one event. While there is one, call again before reading more.
    pub event: Option<E>,
    /// Without an event: how many more bytes would help at least. Zero means that more bytes would not
    /// help now: the machine is throttling the peer or is finished. Stop reading and call `recv` again
    /// after `poll_timeout`'s instant.
    pub need: usize,
}

impl<E> Recv<E> {
    /// An event; `consumed` bytes are done with once it is handled.
    pub const fn event(consumed: usize, event: E) -> Self {
        Self { consumed, event: Some(event), need: 0 }
    }

    /// No event before `need` more bytes are there.
    pub const fn need(consumed: usize, need: usize) -> Self {
        Self { consumed, event: None, need }
    }

    /// The same with the event changed by `f`.
    pub fn map<F>(self, f: impl FnOnce(E) -> F) -> Recv<F> {
        Recv { consumed: self.consumed, event: self.event.map(f), need: self.need }
    }
}

/// A byte-stream protocol as a pure state machine.
pub trait Machine {
    /// What happened, with at most one payload of type `P`.
    type Event<P>;
    /// Why the machine failed.
    type Error;

    /// Replaces the payload of an event, if it has one.
    fn map_event<P, Q>(event: Self::Event<P>, f: impl FnOnce(P) -> Q) -> Self::Event<Q>;

    /// Works on the front of `buf`, in place. Unconsumed bytes must be passed again, unchanged and at the
    /// front. An empty `buf` is allowed.
    ///
    /// # Errors
    /// Fatal: transmit what is owed, then close the stream.
    fn recv(&mut self, now: Instant, buf: &mut [u8]) -> Result<Recv<Self::Event<Span>>, Self::Error>;

    /// Like [`Machine::recv`], with room for payloads that do not lie in `buf` as they came. What is in `scratch` must be
    /// passed again, unchanged; the machine clears it. Most machines need none.
    ///
    /// # Errors
    /// As there.
    #[inline]
    fn recv_with(
        &mut self,
        now: Instant,
        buf: &mut [u8],
        _scratch: &mut Scratch,
    ) -> Result<Recv<Self::Event<Span>>, Self::Error> {
        self.recv(now, buf)
    }

    /// The peer will send nothing more. Call it once `recv` has taken all it can of what arrived before.
    ///
    /// # Errors
    /// If the protocol had not been closed: the stream was truncated.
    fn recv_eof(&mut self, now: Instant) -> Result<(), Self::Error>;

    /// Appends control frames that are owed and seals the open record, as far as `tx` has room. Call it
    /// after any other call and before waiting.
    fn poll_transmit(&mut self, now: Instant, tx: &mut TxBuf);

    /// When to call [`Machine::handle_timeout`]. May change with any other call.
    fn poll_timeout(&self) -> Option<Instant>;

    /// Acts on the deadlines that have come. After it the next one is later than `now`. Call `recv` afterwards
    /// even without new bytes: a deadline may have been all it waited for.
    ///
    /// # Errors
    /// Fatal, like [`Machine::recv`].
    fn handle_timeout(&mut self, now: Instant) -> Result<(), Self::Error>;

    /// Whether the protocol has ended: once what is sealed has been written, close the stream.
    fn is_finished(&self) -> bool;
}

/// The receiving half of a protocol whose two directions can run on two threads.
///
/// It also owns the deadlines: whoever waits for the peer waits for them too. Methods are those of
/// [`Machine`].
pub trait RecvHalf {
    /// See [`Machine::Event`].
    type Event<P>;
    /// See [`Machine::Error`].
    type Error;

    /// Replaces the payload of an event, if it has one.
    fn map_event<P, Q>(event: Self::Event<P>, f: impl FnOnce(P) -> Q) -> Self::Event<Q>;

    /// See [`Machine::recv`].
    ///
    /// # Errors
    /// As there.
    fn recv(&mut self, now: Instant, buf: &mut [u8]) -> Result<Recv<Self::Event<Span>>, Self::Error>;

    /// See [`Machine::recv_with`].
    ///
    /// # Errors
    /// As there.
    #[inline]
    fn recv_with(
        &mut self,
        now: Instant,
        buf: &mut [u8],
        _scratch: &mut Scratch,
    ) -> Result<Recv<Self::Event<Span>>, Self::Error> {
        self.recv(now, buf)
    }

    /// Keeps the deadlines that hold whatever the peer sends. A driver calls it now and then between events that it need not
    /// wait for: `recv` keeps them too, but may hand out many messages of what it has worked on before.
    ///
    /// # Errors
    /// As [`RecvHalf::recv`].
    fn keep_deadlines(&mut self, _now: Instant) -> Result<(), Self::Error> {
        Ok(())
    }

    /// Whether `recv` has an event to give without further bytes, because the sending half transmitted something.
    /// Asked before waiting.
    fn has_event(&self) -> bool {
        false
    }

    /// See [`Machine::recv_eof`].
    ///
    /// # Errors
    /// As there.
    fn recv_eof(&mut self, now: Instant) -> Result<(), Self::Error>;

    /// See [`Machine::poll_timeout`].
    fn poll_timeout(&self) -> Option<Instant>;

    /// See [`Machine::handle_timeout`].
    ///
    /// # Errors
    /// As there.
    fn handle_timeout(&mut self, now: Instant) -> Result<(), Self::Error>;

    /// See [`Machine::is_finished`].
    fn is_finished(&self) -> bool;
}

/// The sending half of a protocol whose two directions can run on two threads.
pub trait SendHalf {
    /// See [`Machine::poll_transmit`].
    fn poll_transmit(&mut self, now: Instant, tx: &mut TxBuf);

    /// Whether a call since the last question changed what the receiving half waits for: its deadline moved
    /// earlier, or it is finished. The receiver's task may be asleep on the old one.
    fn wakes_receiver(&mut self) -> bool {
        false
    }
}

/// An error of a sending call that writing may cure.
pub trait Backpressure {
    /// Whether the call changed nothing for want of room: write out what is sealed, then try again.
    fn is_full(&self) -> bool;
}

impl Backpressure for Full {
    fn is_full(&self) -> bool {
        true
    }
}

/// A datagram that was written to the front of a buffer.
#[must_use = "the datagram is to be sent"]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// Where to.
    pub destination: SocketAddr,
    /// Bytes of it.
    pub len: usize,
}

/// A message that a datagram brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received<I, P> {
    /// Who sent it.
    pub peer: I,
    /// The message.
    pub payload: P,
}

/// A datagram protocol as a pure state machine: one for a socket, with many peers.
///
/// Datagrams are whole and each stands for itself, so there is nothing to consume, and a message is written straight
/// into the datagram that carries it. What happens to a session is told by [`DatagramMachine::poll_event`]; only
/// messages come out of [`DatagramMachine::recv`], because they lie in the caller's buffer.
pub trait DatagramMachine {
    /// Names a peer as long as its session lives.
    type Peer: Copy + Eq;
    /// What happened to a session.
    type Event;
    /// Why a message was not sent.
    type SendError;

    /// The largest datagram that is sent or taken, in bytes.
    fn max_datagram(&self) -> usize;

    /// Works on a datagram in place, and gives where in it a message lies. Never fails: what is wrong is dropped and
    /// counted.
    fn recv(
        &mut self,
        now: Instant,
        source: SocketAddr,
        datagram: &mut [u8],
    ) -> Option<Received<Self::Peer, Span>>;

    /// What happened to sessions, until `None`. Asked after every `recv`, before its message is used, and after every
    /// `handle_timeout`.
    fn poll_event(&mut self) -> Option<Self::Event>;

    /// Writes the datagram that carries `message` to the front of `out`.
    ///
    /// # Errors
    /// Nothing was written.
    fn send(
        &mut self,
        now: Instant,
        peer: Self::Peer,
        message: &[u8],
        out: &mut [u8],
    ) -> Result<Transmit, Self::SendError>;

    /// Writes the next datagram that is owed to the front of `out`, which has room for the largest. Called after any
    /// other call and before waiting, until it gives `None`.
    fn poll_transmit(&mut self, now: Instant, out: &mut [u8]) -> Option<Transmit>;

    /// When to call [`DatagramMachine::handle_timeout`]. May change with any other call.
    fn poll_timeout(&self) -> Option<Instant>;

    /// Acts on the deadlines that have come. After it the next one is later than `now`.
    fn handle_timeout(&mut self, now: Instant);
}
