//! Both halves of a connection together.

use super::writer::Shared;
use super::{DriveError, Next, ReadIo, Receiver, Sender, Transport, WriteError, WriteIo};
use crate::buf::{RxBuf, TxBuf};
use crate::machine::{Backpressure, RecvHalf, SendHalf};
use crate::time::Instant;
use alloc::boxed::Box;
use alloc::sync::Arc;
#[cfg(feature = "tls")]
use alloc::vec::Vec;
#[cfg(feature = "tls")]
use rustls::pki_types::CertificateDer;

/// A protocol running on a byte stream.
///
/// The two halves are fields, so that one task can answer while it holds an event's payload:
/// `connection.receiver.next()` lends from the receiver only. A task that both receives and sends must not
/// wait for the stream to take bytes while its peer waits for the same: [`Connection::split`] for that.
#[derive(Debug)]
pub struct Connection<R, S, I, W: WriteIo> {
    /// Receives, and keeps the protocol alive.
    pub receiver: Receiver<R, S, I, W>,
    /// Sends.
    pub sender: Sender<S, W>,
}

/// A connection taken apart.
pub(super) struct Parts<R, S, I, W> {
    pub(super) protocol: (R, S),
    pub(super) io: (I, W),
    /// What was not consumed, and what is queued.
    pub(super) rx: RxBuf,
    pub(super) tx: TxBuf,
}

/// The connection as it was, and why it is not taken apart.
pub(super) type Refused<C> = Box<(C, HandOverRefused)>;

/// Why a connection is not taken apart.
pub(super) enum HandOverRefused {
    /// The halves are of two connections.
    Halves,
    /// The protocol or the stream has ended.
    Ended,
    /// Who may end this connection from outside is at it.
    InUse,
}

impl<R, S, I, W> Connection<R, S, I, W>
where
    R: RecvHalf,
    S: SendHalf,
    I: ReadIo,
    W: WriteIo<Error = I::Error>,
{
    /// Runs a protocol's two halves on the two halves of a stream, as a pair or as a [`Transport`]. The buffers
    /// bound the memory, and may hold what an earlier stage has read or queued.
    #[must_use]
    pub fn new(protocol: (R, S), io: impl Into<Transport<I, W>>, rx: RxBuf, tx: TxBuf) -> Self {
        let (read, write) = io.into().split();
        let shared = Arc::new(Shared::new(protocol.1, tx, write));
        Self {
            receiver: Receiver::new(protocol.0, read, rx, Arc::clone(&shared)),
            sender: Sender::new(shared),
        }
    }

    /// The parts of a connection that does not run over TLS, with what its buffers hold.
    pub(super) fn into_parts(self) -> Result<Parts<R, S, I, W>, Refused<Self>> {
        if !self.receiver.is_of(self.sender.shared()) {
            return Err(Box::new((self, HandOverRefused::Halves)));
        }
        if !self.receiver.is_open() {
            return Err(Box::new((self, HandOverRefused::Ended)));
        }
        let Self { receiver, sender } = self;
        let (half, read, rx) = receiver.into_parts();
        match Arc::try_unwrap(sender.into_shared()) {
            Ok(shared) => {
                let (send_half, write, tx) = shared.into_parts();
                Ok(Parts { protocol: (half, send_half), io: (read.0, write), rx, tx })
            }
            Err(shared) => {
                shared.take_up();
                let receiver = Receiver::new(half, read, rx, Arc::clone(&shared));
                let again = Self { receiver, sender: Sender::new(shared) };
                Err(Box::new((again, HandOverRefused::InUse)))
            }
        }
    }

    /// Hands the two halves out, for two tasks or threads.
    #[must_use]
    pub fn split(self) -> (Receiver<R, S, I, W>, Sender<S, W>) {
        (self.receiver, self.sender)
    }

    /// [`Receiver::peer_certificates`].
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn peer_certificates(&self) -> Option<Vec<CertificateDer<'static>>> {
        self.receiver.peer_certificates()
    }

    /// [`Receiver::next`].
    ///
    /// # Errors
    /// As there.
    pub async fn next(&mut self) -> Next<R, I, &mut [u8]> {
        self.receiver.next().await
    }

    /// [`Sender::call`].
    ///
    /// # Errors
    /// As there.
    pub async fn call<T, E: Backpressure>(
        &mut self,
        call: impl FnMut(&mut S, Instant, &mut TxBuf) -> Result<T, E>,
    ) -> Result<T, DriveError<E, W::Error>> {
        self.sender.call(call).await
    }

    /// [`Sender::flush`].
    ///
    /// # Errors
    /// As there.
    pub async fn flush(&mut self) -> Result<(), WriteError<W::Error>> {
        self.sender.flush().await
    }
}

#[cfg(test)]
mod tests;
