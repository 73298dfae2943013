//! A session taken off its stream, to go on elsewhere, and put on a stream again.

use super::connection::{HandOverRefused, Parts};
use super::session_receiver::TX_LIMIT;
use super::{
    Connection, ReadIo, SessionConnection, SessionReceiver, SessionSender, Transport, WriteError, WriteIo,
};
use crate::buf::{RxBuf, TxBuf};
use crate::entropy::Seed;
use crate::machine::RecvHalf;
use crate::session::{Config, NotExported, Restored, Session, Snapshot, SnapshotError, SnapshotKey};
use alloc::boxed::Box;
use core::fmt;

/// A session that is on no stream, and the stream that it goes on with.
#[must_use = "the session lives in nothing else any more"]
#[non_exhaustive]
#[derive(Debug)]
pub struct HandedOver<I, W> {
    /// The session, with everything that had arrived and was not taken.
    pub snapshot: Snapshot,
    /// The reading half of the stream.
    pub read: I,
    /// The writing half. It has taken everything that was accepted. Dropping some writing halves shuts the stream down.
    pub write: W,
}

/// Why a session is not handed over. `E` is the runtime's I/O error.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandOverError<E> {
    /// There is no snapshot of it.
    Session(SnapshotError),
    /// The stream takes no more bytes, or the system has none of what is needed.
    Io(E),
    /// The stream failed earlier, and that was reported then; or it is closed.
    Broken,
    /// It runs over TLS, whose state stays where it is.
    Tls,
    /// The two halves are not of one session.
    Halves,
}

impl<E: fmt::Display> fmt::Display for HandOverError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session(error) => error.fmt(f),
            Self::Io(error) => write!(f, "the session cannot be taken off its stream: {error}"),
            Self::Broken => f.write_str("the stream failed before or is closed: connect again"),
            Self::Tls => f.write_str("a session over TLS cannot be handed over: drain it and connect again"),
            Self::Halves => f.write_str("the two halves are not of one session"),
        }
    }
}

impl<E: core::error::Error + 'static> core::error::Error for HandOverError<E> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        // The cause itself is part of the text.
        match self {
            Self::Io(error) => error.source(),
            _ => None,
        }
    }
}

impl<E> From<WriteError<E>> for HandOverError<E> {
    fn from(error: WriteError<E>) -> Self {
        match error {
            WriteError::Io(error) => Self::Io(error),
            WriteError::Broken => Self::Broken,
        }
    }
}

/// The session as it was, and why it was not handed over. `C` is a driver's connection, `E` its I/O error.
pub struct NotHandedOver<C, E = std::io::Error> {
    /// Goes on as if nothing had been asked, but that it is flushed.
    pub session: Box<C>,
    /// Why.
    pub error: HandOverError<E>,
}

impl<C, E> NotHandedOver<C, E> {
    /// `session` stays where it is.
    pub fn new(session: C, error: HandOverError<E>) -> Self {
        Self { session: Box::new(session), error }
    }

    /// The same with the session made another by `f`.
    pub fn map<D>(self, f: impl FnOnce(C) -> D) -> NotHandedOver<D, E> {
        NotHandedOver::new(f(*self.session), self.error)
    }
}

impl<C, E: fmt::Debug> fmt::Debug for NotHandedOver<C, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NotHandedOver").field("error", &self.error).finish_non_exhaustive()
    }
}

impl<C, E: fmt::Display> fmt::Display for NotHandedOver<C, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl<C, E: core::error::Error + 'static> core::error::Error for NotHandedOver<C, E> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        self.error.source()
    }
}

impl<I, W> SessionConnection<I, W>
where
    I: ReadIo,
    W: WriteIo<Error = I::Error>,
{
    /// Takes the session off its stream: flushes, and gives the session as a snapshot ([`Session::hand_over`]), sealed with
    /// `key` and bound to `context`. What was accepted has left, what has arrived and was not taken is in the snapshot, and
    /// the peer notices nothing. `seed` is fresh. Put two halves that were apart together before.
    ///
    /// Waits as [`SessionConnection::flush`] does; if that must have an end, flush under a time limit before, since with this
    /// future the session is dropped. What this end knew beside the session does not go along: a place behind a listener's
    /// gate, which becomes free, a ticket that was not taken, handshake payloads.
    ///
    /// # Errors
    /// The session and the reason. With [`SnapshotError::Buffer`] take an event and try again.
    pub async fn hand_over(
        mut self,
        key: &SnapshotKey,
        context: &[u8],
        seed: Seed,
    ) -> Result<HandedOver<I, W>, NotHandedOver<Self, I::Error>> {
        if self.receiver.is_over_tls() {
            return Err(NotHandedOver::new(self, HandOverError::Tls));
        }
        if let Err(error) = self.sender.flush().await {
            return Err(NotHandedOver::new(self, error.into()));
        }
        let (receiver, receiver_again) = self.receiver.into_inner();
        let (sender, sender_again) = self.sender.into_inner();
        let again = |connection: Connection<_, _, _, _>, error| {
            let (receiver, sender) = connection.split();
            let session = Self { receiver: receiver_again(receiver), sender: sender_again(sender) };
            Err(NotHandedOver::new(session, error))
        };
        let ending = HandOverError::Session(SnapshotError::Ending);
        let parts = match (Connection { receiver, sender }).into_parts() {
            Ok(parts) => parts,
            Err(refused) => {
                let (connection, refused) = *refused;
                let error = match refused {
                    HandOverRefused::Halves => HandOverError::Halves,
                    // Somebody ends the session from outside.
                    HandOverRefused::InUse => ending,
                    HandOverRefused::Ended if connection.receiver.half().is_finished() => ending,
                    HandOverRefused::Ended => HandOverError::Broken,
                };
                return again(connection, error);
            }
        };
        let Parts { protocol: (receiver, sender), io, rx, tx } = parts;
        let now = io.0.now();
        let (protocol, error) = match Session::join(sender, receiver) {
            Ok(session) => match session.hand_over(rx.filled(), &tx, key, context, &seed, now) {
                Ok(snapshot) => {
                    let (read, write) = io;
                    return Ok(HandedOver { snapshot, read, write });
                }
                Err(NotExported { session, error }) => (session.split(), HandOverError::Session(error)),
            },
            Err(halves) => (*halves, HandOverError::Halves),
        };
        let (sender, receiver) = protocol;
        again(Connection::new((receiver, sender), io, rx, tx), error)
    }

    /// Puts a session that [`Session::restore`] gave on the stream it goes on with. The peer is told with the first bytes
    /// that leave. `config` is the one that was given there.
    #[must_use]
    pub fn restored(config: &Config, restored: Restored, io: impl Into<Transport<I, W>>) -> Self {
        let Restored { session, received, info } = restored;
        let mut rx = RxBuf::new(config.rx_limit().max(received.len()));
        rx.append(&received);
        let (sender, receiver) = session.split();
        let (inner, sender) = Connection::new((receiver, sender), io, rx, TxBuf::new(TX_LIMIT)).split();
        Self { receiver: SessionReceiver::new(inner, info), sender: SessionSender::new(sender) }
    }
}
