//! One connection of the example: what a turn of it does. Knows nothing of the others or of the poll.

use mio::net::TcpStream;
use sealock_examples::Failure;
use sealock_proto::buf::{RxBuf, TxBuf};
use sealock_proto::session::{Config, Event, Session};
use sealock_proto::time::Instant;
use std::io::{ErrorKind, Read, Write};
use std::mem;

/// The longest message that is echoed, in bytes.
pub(super) const MAX_MESSAGE: usize = 128 * 1024;
/// An echo and what frames it.
const ECHO_ROOM: usize = MAX_MESSAGE + 4 * 1024;

pub(super) struct Connection {
    stream: TcpStream,
    pub(super) session: Session,
    /// Empty and without memory, except while something waits in it for the rest.
    rx: RxBuf,
    tx: TxBuf,
    need: usize,
    /// The last `take` ended for want of room in `tx`.
    stopped: bool,
    readable: bool,
    /// Where this connection is in the server's set.
    pub(super) deadline: Instant,
}

impl Connection {
    pub(super) fn new(stream: TcpStream, session: Session, config: &Config, now: Instant) -> Self {
        let (rx, tx) = (RxBuf::new(config.rx_limit()), TxBuf::new(2 * ECHO_ROOM));
        Self { stream, session, rx, tx, need: 1, stopped: false, readable: true, deadline: now }
    }

    pub(super) fn set_readable(&mut self) {
        self.readable = true;
    }

    /// Whether another turn is due without the socket saying anything new.
    pub(super) fn wants_turn(&self) -> bool {
        self.wants_read() || (self.stopped && self.tx.room() >= ECHO_ROOM)
    }

    /// Finished and written out. Here the end of the whole example bounds the wait for a peer that does not read; a server
    /// that lives longer gives it a deadline.
    pub(super) fn is_over(&self) -> bool {
        self.session.is_finished() && self.tx.is_empty()
    }

    pub(super) fn has_own_memory(&self) -> bool {
        self.rx.capacity() > 0
    }

    /// Reads once, takes what is there, writes what is owed.
    pub(super) fn turn(&mut self, now: Instant, shared: &mut RxBuf) -> Result<(), Failure> {
        let lent = self.rx.is_empty();
        if lent {
            mem::swap(&mut self.rx, shared);
        }
        let received = self.receive(now);
        if lent {
            mem::swap(&mut self.rx, shared);
            while !shared.is_empty() {
                let spare = self.rx.spare_mut(shared.len());
                let n = spare.len().min(shared.len());
                spare[..n].copy_from_slice(&shared.filled()[..n]);
                self.rx.commit(n);
                shared.consume(n);
            }
        }
        self.rx.release();
        // Also after a failure: it is what tells the peer.
        self.session.poll_transmit(now, &mut self.tx);
        while !self.tx.sealed().is_empty() {
            match self.stream.write(self.tx.sealed()) {
                Ok(n) => self.tx.consume(n),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
        received
    }

    fn receive(&mut self, now: Instant) -> Result<(), Failure> {
        self.take(now)?;
        if self.wants_read() {
            match self.stream.read(self.rx.spare_mut(self.need)) {
                Ok(0) => {
                    self.readable = false;
                    self.session.recv_eof(now)?;
                }
                Ok(n) => self.rx.commit(n),
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.readable = false,
                Err(error) => return Err(error.into()),
            }
        } else if self.session.poll_timeout().is_some_and(|at| at <= now) {
            // Only with nothing left to read: silence is judged here.
            self.session.handle_timeout(now)?;
        }
        self.take(now)
    }

    fn take(&mut self, now: Instant) -> Result<(), Failure> {
        while self.tx.room() >= ECHO_ROOM {
            let recv = self.session.recv(now, self.rx.filled_mut())?;
            let (consumed, more) = (recv.consumed, recv.event.is_some());
            self.need = recv.need;
            if let Some(Event::Message(message)) = recv.event {
                self.session.send(now, message, &mut self.tx)?;
            }
            self.rx.consume(consumed);
            if !more {
                break;
            }
        }
        self.stopped = self.tx.room() < ECHO_ROOM;
        Ok(())
    }

    fn wants_read(&self) -> bool {
        self.readable && self.need > 0 && self.tx.room() >= ECHO_ROOM && !self.session.is_finished()
    }
}
