//! The one loop over a datagram socket, for any machine of many peers. What a runtime must offer is [`DatagramIo`].
//!
//! What the loop keeps to:
//! - What is owed leaves before anything else is done.
//! - Silence is judged only after the socket was found empty, and also where it never is, every [`BURST`] datagrams:
//!   no stream of messages or garbage, fast or slow, holds up a deadline, the end of a wait, or other tasks.
//! - A datagram that cannot be sent is lost, as if on the way: it is counted, and nothing fails.

use crate::buf::Span;
use crate::machine::{DatagramMachine, Received, Transmit};
use crate::time::Instant;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use core::future::poll_fn;
use core::net::SocketAddr;
use core::task::{Context, Poll, ready};

/// Datagrams taken in a row before deadlines that have come are looked at, and other tasks are let run.
const BURST: u32 = 64;

/// A datagram socket, with the runtime's clock and one timer.
pub trait DatagramIo {
    /// The runtime's I/O error.
    type Error;

    /// Whether [`DatagramIo::poll_recv`] takes its time, so that the clock must be read again after it.
    const BLOCKS: bool = false;

    /// The current time. Never goes backwards.
    fn now(&self) -> Instant;

    /// Ready once `deadline` has come; `None` is never ready. Called before [`DatagramIo::poll_recv`] with the deadline
    /// that must end the wait, so a blocking adapter can use it as the socket's timeout.
    fn poll_timer(&mut self, cx: &mut Context<'_>, deadline: Option<Instant>) -> Poll<()>;

    /// Takes one datagram into `buf` and gives its length and where it came from. One that is longer than `buf` is cut.
    /// A blocking adapter returns `Pending` when the deadline given to `poll_timer` has come.
    ///
    /// # Errors
    /// The runtime's, when the socket is broken; not for what a peer or the network did.
    fn poll_recv(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<Result<(usize, SocketAddr), Self::Error>>;

    /// Sends one datagram. `Pending`: the socket is full.
    ///
    /// # Errors
    /// The runtime's. The datagram counts as lost.
    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        datagram: &[u8],
        to: SocketAddr,
    ) -> Poll<Result<(), Self::Error>>;
}

/// What [`Datagrams::next`] gives.
#[derive(Debug, PartialEq, Eq)]
pub enum Incoming<'b, E, I> {
    /// Something happened to a session.
    Event(E),
    /// A message.
    Message {
        /// Who sent it.
        peer: I,
        /// The message, in the caller's buffer.
        payload: &'b mut [u8],
    },
}

/// Why [`Datagrams::next`] failed.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatagramError<E> {
    /// The socket is broken.
    Io(E),
    /// The buffer is too small to receive into; nothing was received.
    BufferTooSmall {
        /// Bytes that it must have.
        needed: usize,
    },
}

impl<E: fmt::Display> fmt::Display for DatagramError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::BufferTooSmall { needed } => {
                write!(f, "the buffer is too small to receive into: give {needed} bytes")
            }
        }
    }
}

impl<E: fmt::Debug + fmt::Display> core::error::Error for DatagramError<E> {}

/// A machine and its socket. One task owns both: it calls [`next`](Self::next), which may be dropped at any time, and in
/// between sends and connects.
pub struct Datagrams<M: DatagramMachine, T> {
    pub(super) machine: M,
    pub(super) io: T,
    outgoing: Vec<u8>,
    /// What lies in `outgoing` because the socket was full.
    pending: Option<Transmit>,
    /// A message that came with events, which go first.
    behind: Option<(M::Peer, Vec<u8>)>,
    /// Datagrams taken since the socket was empty, or others had their turn.
    taken: u32,
    unsent: u64,
}

impl<M: DatagramMachine, T: DatagramIo> Datagrams<M, T> {
    /// A machine on a socket.
    #[must_use]
    pub fn new(machine: M, io: T) -> Self {
        let outgoing = vec![0; machine.max_datagram()];
        Self { machine, io, outgoing, pending: None, behind: None, taken: 0, unsent: 0 }
    }

    /// The machine.
    pub const fn machine(&self) -> &M {
        &self.machine
    }

    /// The machine, to do with it what has no method here. Call [`flush`](Self::flush) or [`next`](Self::next) afterwards.
    pub const fn machine_mut(&mut self) -> &mut M {
        &mut self.machine
    }

    /// The socket.
    pub const fn io(&self) -> &T {
        &self.io
    }

    /// Datagrams that the system did not take.
    #[must_use]
    pub const fn unsent(&self) -> u64 {
        self.unsent
    }

    /// Bytes that the buffer for [`next`](Self::next) must have: one more than the largest datagram, so that a larger one
    /// is not taken for it.
    #[must_use]
    pub fn buffer_len(&self) -> usize {
        self.machine.max_datagram().saturating_add(1)
    }

    /// The next message or event. Everything that is owed leaves meanwhile. Dropping the future loses nothing.
    ///
    /// # Errors
    /// [`DatagramError`].
    pub async fn next<'b>(
        &mut self,
        buf: &'b mut [u8],
    ) -> Result<Incoming<'b, M::Event, M::Peer>, DatagramError<T::Error>> {
        loop {
            let parts = poll_fn(|cx| self.poll_next(cx, Instant::MAX, buf)).await?;
            if let Some(parts) = parts {
                return Ok(parts.join(buf));
            }
        }
    }

    /// The same, or `None` if there is nothing until `until`, by the clock of the socket.
    ///
    /// # Errors
    /// As there.
    pub async fn next_until<'b>(
        &mut self,
        until: Instant,
        buf: &'b mut [u8],
    ) -> Result<Option<Incoming<'b, M::Event, M::Peer>>, DatagramError<T::Error>> {
        let parts = poll_fn(|cx| self.poll_next(cx, until, buf)).await?;
        Ok(parts.map(|parts| parts.join(buf)))
    }

    /// Seals a message and gives it to the socket. Waits only while the socket is full.
    ///
    /// # Errors
    /// The machine's; nothing was sent.
    pub async fn send(&mut self, peer: M::Peer, message: &[u8]) -> Result<(), M::SendError> {
        poll_fn(|cx| self.poll_pending(cx)).await;
        let sent = self.machine.send(self.io.now(), peer, message, &mut self.outgoing)?;
        self.pending = Some(sent);
        poll_fn(|cx| {
            // What the socket does not take now leaves with the next call.
            let _ = self.poll_flush(cx);
            Poll::Ready(())
        })
        .await;
        Ok(())
    }

    /// Gives everything that is owed to the socket.
    pub async fn flush(&mut self) {
        poll_fn(|cx| self.poll_flush(cx)).await;
    }

    fn poll_next(&mut self, cx: &mut Context<'_>, until: Instant, buf: &mut [u8]) -> Poll<NextOf<M, T>> {
        let needed = self.buffer_len();
        let room = buf.get_mut(..needed).ok_or(DatagramError::BufferTooSmall { needed })?;
        loop {
            let _ = self.poll_flush(cx);
            if let Some(event) = self.machine.poll_event() {
                return Poll::Ready(Ok(Some(Parts::Event(event))));
            }
            if let Some((peer, message)) = self.behind.take() {
                if let Some(place) = room.get_mut(..message.len()) {
                    place.copy_from_slice(&message);
                }
                return Poll::Ready(Ok(Some(Parts::Message(peer, Span::new(0, message.len())))));
            }
            let deadline = self.machine.poll_timeout().filter(|at| *at < until);
            let deadline = deadline.or((until < Instant::MAX).then_some(until));
            let due = self.io.poll_timer(cx, deadline).is_ready();
            if self.taken >= BURST {
                let now = self.io.now();
                if self.machine.poll_timeout().is_some_and(|at| at <= now) {
                    // What follows from it goes first.
                    self.machine.handle_timeout(now);
                    continue;
                }
                self.taken = 0;
                if until <= now {
                    return Poll::Ready(Ok(None));
                }
                if !T::BLOCKS {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
            }
            match self.io.poll_recv(cx, room) {
                Poll::Ready(Ok((len, source))) => {
                    self.taken += 1;
                    let datagram = room.get_mut(..len).unwrap_or_default();
                    if let Some(message) = self.machine.recv(self.io.now(), source, datagram) {
                        return Poll::Ready(Ok(Some(self.order(message, room))));
                    }
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(DatagramError::Io(error))),
                Poll::Pending => {
                    self.taken = 0;
                    let now = self.io.now();
                    let came = self.machine.poll_timeout().is_some_and(|at| at <= now);
                    if came {
                        self.machine.handle_timeout(now);
                    } else if until <= now {
                        return Poll::Ready(Ok(None));
                    } else if !due {
                        return Poll::Pending;
                    }
                }
            }
        }
    }

    /// A message that came with events waits until they were told.
    fn order(&mut self, message: Received<M::Peer, Span>, room: &[u8]) -> PartsOf<M> {
        match self.machine.poll_event() {
            Some(event) => {
                self.behind = Some((message.peer, message.payload.of(room).to_vec()));
                Parts::Event(event)
            }
            None => Parts::Message(message.peer, message.payload),
        }
    }

    /// Ready once nothing is owed.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(self.poll_pending(cx));
            match self.machine.poll_transmit(self.io.now(), &mut self.outgoing) {
                Some(transmit) => self.pending = Some(transmit),
                None => return Poll::Ready(()),
            }
        }
    }

    /// Ready once `outgoing` is free.
    fn poll_pending(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(Transmit { destination, len }) = self.pending {
            let datagram = self.outgoing.get(..len).unwrap_or_default();
            if ready!(self.io.poll_send(cx, datagram, destination)).is_err() {
                self.unsent = self.unsent.saturating_add(1);
            }
            self.pending = None;
        }
        Poll::Ready(())
    }
}

impl<M: DatagramMachine + fmt::Debug, T> fmt::Debug for Datagrams<M, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Datagrams").field("machine", &self.machine).finish_non_exhaustive()
    }
}

/// [`Incoming`] before it has a buffer.
enum Parts<E, I> {
    Event(E),
    Message(I, Span),
}

type NextOf<M, T> = Result<Option<PartsOf<M>>, DatagramError<<T as DatagramIo>::Error>>;
type PartsOf<M> = Parts<<M as DatagramMachine>::Event, <M as DatagramMachine>::Peer>;

impl<E, I> Parts<E, I> {
    fn join(self, buf: &mut [u8]) -> Incoming<'_, E, I> {
        match self {
            Self::Event(event) => Incoming::Event(event),
            Self::Message(peer, span) => Incoming::Message { peer, payload: span.of_mut(buf) },
        }
    }
}

#[cfg(test)]
mod tests;
