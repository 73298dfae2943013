//! Many connections on one thread: `sealock-proto` by hand over readiness, with the `mio` crate. What to look at:
//!
//! - ONE read buffer is lent to whichever connection is readable. A connection has memory of its own for reading only
//!   while a part of a record or of a message waits there for the rest.
//! - A message is taken only while its echo has room: a peer that does not read is not read from either.
//! - `mio` says once that a socket is ready, so a turn goes on until it has nothing more (not fair, but short).
//! - Deadlines are in one ordered set, whose first bounds the wait.
//!
//! Serves 32 clients (threads), then ends: `cargo run -p sealock-examples --example polling_server`
#![forbid(unsafe_code)]

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use sealock_examples::{Failure, PATIENCE, PROTOCOL, SIZES, clock, echo_client, seed, with_clients};
use sealock_proto::buf::{RxBuf, TxBuf};
use sealock_proto::session::{Config, Event, Session};
use sealock_proto::time::Instant;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{ErrorKind, Read, Write};
use std::mem;
use std::net::SocketAddr;

pub(crate) const CLIENTS: usize = 32;
const MAX_MESSAGE: usize = 128 * 1024;
/// An echo and what frames it.
const ECHO_ROOM: usize = MAX_MESSAGE + 4 * 1024;

struct Connection {
    stream: TcpStream,
    session: Session,
    /// Empty and without memory, except while something waits in it for the rest.
    rx: RxBuf,
    tx: TxBuf,
    deadline: Instant,
}

impl Connection {
    /// Goes on until the socket has nothing to give or takes no more.
    fn turn(&mut self, now: Instant, shared: &mut RxBuf) -> Result<(), Failure> {
        let lent = self.rx.is_empty();
        if lent {
            mem::swap(&mut self.rx, shared);
        }
        let result = loop {
            let received = self.receive(now);
            // Also after a failure: it is what tells the peer.
            self.session.poll_transmit(now, &mut self.tx);
            match (received, self.write()) {
                (Ok(true), Ok(())) if self.tx.room() >= ECHO_ROOM => {}
                (received, written) => break received.map(drop).and(written),
            }
        };
        if lent {
            mem::swap(&mut self.rx, shared);
            shared.consume(self.rx.append(shared.filled()));
        }
        self.rx.release();
        result
    }

    /// Whether it stopped because the next echo has no room.
    fn receive(&mut self, now: Instant) -> Result<bool, Failure> {
        while self.tx.room() >= ECHO_ROOM {
            let recv = self.session.recv(now, self.rx.filled_mut())?;
            let (consumed, need, more) = (recv.consumed, recv.need, recv.event.is_some());
            if let Some(Event::Message(message)) = recv.event {
                self.session.send(now, message, &mut self.tx)?;
            }
            self.rx.consume(consumed);
            if more {
                continue;
            }
            let spare = self.rx.spare_mut(need);
            match if need > 0 { self.stream.read(spare) } else { Err(ErrorKind::WouldBlock.into()) } {
                Ok(0) => return Ok(self.session.recv_eof(now).map(|()| false)?),
                Ok(n) => self.rx.commit(n),
                Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error.into()),
                // Silence is judged here: only with nothing left to read.
                Err(_) if self.session.poll_timeout().is_some_and(|at| at <= now) => {
                    self.session.handle_timeout(now)?;
                }
                Err(_) => return Ok(false),
            }
        }
        Ok(true)
    }

    fn write(&mut self) -> Result<(), Failure> {
        while !self.tx.sealed().is_empty() {
            match self.stream.write(self.tx.sealed()) {
                Ok(n) => self.tx.consume(n),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

fn serve(mut poll: Poll, listener: &TcpListener, clients: usize) -> Result<u64, Failure> {
    let config = Config::responder(&[PROTOCOL.parse()?]).with_max_message(MAX_MESSAGE).build()?;
    let clock = clock();
    let (mut connections, mut deadlines) = (BTreeMap::<usize, Connection>::new(), BTreeSet::new());
    let (mut shared, mut events) = (RxBuf::new(config.rx_limit()), Events::with_capacity(64));
    let (mut echoed, mut accepted) = (0, 0);
    while accepted < clients || !connections.is_empty() {
        let first = deadlines.first().map_or(Instant::MAX, |(at, _)| *at);
        poll.poll(&mut events, Some(first.saturating_since(clock()).min(PATIENCE)))?;
        let now = clock();
        (now < Instant::ZERO + PATIENCE).then_some(()).ok_or("the clients took too long")?;
        let mut ready: BTreeSet<usize> = events.iter().map(|event| event.token().0).collect();
        ready.extend(deadlines.iter().take_while(|(at, _)| *at <= now).map(|(_, id)| *id));
        while let Ok((mut stream, _)) = listener.accept() {
            let both = Interest::READABLE | Interest::WRITABLE;
            poll.registry().register(&mut stream, Token(accepted), both)?;
            let session = Session::new(&config, seed()?, now)?;
            let (rx, tx) = (RxBuf::new(config.rx_limit()), TxBuf::new(2 * ECHO_ROOM));
            connections.insert(accepted, Connection { stream, session, rx, tx, deadline: now });
            ready.insert(accepted);
            accepted += 1;
        }
        for id in ready {
            let Some(connection) = connections.get_mut(&id) else { continue };
            let result = connection.turn(now, &mut shared);
            deadlines.remove(&(connection.deadline, id));
            if result.is_err() || (connection.session.is_finished() && connection.tx.is_empty()) {
                echoed += connection.session.stats().sent.messages;
                connections.remove(&id);
            } else {
                connection.deadline = connection.session.poll_timeout().unwrap_or(Instant::MAX);
                deadlines.insert((connection.deadline, id));
            }
        }
    }
    Ok(echoed)
}

pub(crate) fn run(clients: usize, client: fn(SocketAddr) -> Result<usize, Failure>) -> Result<u64, Failure> {
    let poll = Poll::new()?;
    let mut listener = TcpListener::bind(([127, 0, 0, 1], 0).into())?;
    poll.registry().register(&mut listener, Token(usize::MAX), Interest::READABLE)?;
    let address = listener.local_addr()?;
    with_clients(clients, move || client(address), || serve(poll, &listener, clients))
}

fn main() -> Result<(), Failure> {
    println!("{CLIENTS} clients, {} echoes", run(CLIENTS, |address| echo_client(address, &SIZES))?);
    Ok(())
}
