//! Many connections on one thread: `sealock-proto` by hand over readiness, with the `mio` crate (`polling` needs unsafe
//! code to register a socket). What to look at:
//!
//! - ONE read buffer is lent to whichever connection is readable. A connection has memory of its own for reading only
//!   while a part of a record or of a message waits there for the rest.
//! - A message is taken only while its echo has room in the connection's `TxBuf`: a peer that does not read is not
//!   read from either.
//! - `mio` says once that a socket is readable, so that is remembered; each turn reads once, for fairness.
//! - Deadlines are in one ordered set, whose first bounds the wait.
//!
//! `connection.rs` is the turn of one connection; here is what all of them share.
//!
//! Serves 32 clients (threads), then ends: `cargo run -p sealock-examples --example polling_server`
#![forbid(unsafe_code)]

mod connection;

use connection::{Connection, MAX_MESSAGE};
use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Token};
use sealock_examples::{Failure, PROTOCOL, echo_client, seed};
use sealock_proto::buf::RxBuf;
use sealock_proto::session::{Config, Session};
use sealock_proto::time::Instant;
use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::{mem, thread, time::Duration};

pub(crate) const CLIENTS: usize = 32;
/// The last does not fit in a record.
pub(crate) const SIZES: [usize; 4] = [0, 40, 4_000, 100_000];
const LISTENER: Token = Token(usize::MAX);
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) served: usize,
    pub(crate) failed: usize,
    pub(crate) echoed: u64,
    pub(crate) most_open: usize,
    /// The most connections that had memory of their own for reading.
    pub(crate) most_own: usize,
    /// How many still had some when they ended.
    pub(crate) kept: usize,
}

fn serve(mut poll: Poll, listener: &TcpListener, clients: usize) -> Result<Report, Failure> {
    let config = Config::responder(&[PROTOCOL.parse()?]).with_max_message(MAX_MESSAGE).build()?;
    let epoch = std::time::Instant::now();
    let clock = || Instant::from_nanos(epoch.elapsed().as_nanos() as u64);
    let mut connections = BTreeMap::<usize, Connection>::new();
    let (mut deadlines, mut ready) = (BTreeSet::<(Instant, usize)>::new(), BTreeSet::<usize>::new());
    let (mut shared, mut events) = (RxBuf::new(config.rx_limit()), Events::with_capacity(64));
    let (mut report, mut accepted) = (Report::default(), 0);
    while report.served + report.failed < clients {
        let wait = deadlines.first().map_or(PATIENCE, |(at, _)| at.saturating_since(clock()).min(PATIENCE));
        match poll.poll(&mut events, Some(if ready.is_empty() { wait } else { Duration::ZERO })) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error.into()),
            _ => {}
        }
        let now = clock();
        if now > Instant::ZERO + PATIENCE {
            return Err("the clients did not come to their end in time".into());
        }
        for event in &events {
            let Token(id) = event.token();
            if let Some(connection) = connections.get_mut(&id) {
                if event.is_readable() || event.is_read_closed() || event.is_error() {
                    connection.set_readable();
                }
                ready.insert(id);
            }
        }
        while let Ok((mut stream, _)) = listener.accept() {
            poll.registry().register(
                &mut stream,
                Token(accepted),
                Interest::READABLE | Interest::WRITABLE,
            )?;
            let session = Session::new(&config, seed()?, now)?;
            connections.insert(accepted, Connection::new(stream, session, &config, now));
            ready.insert(accepted);
            accepted += 1;
        }
        while let Some((_, id)) = deadlines.first().copied().filter(|(at, _)| *at <= now) {
            deadlines.pop_first();
            ready.insert(id);
        }
        report.most_open = report.most_open.max(connections.len());
        for id in mem::take(&mut ready) {
            let Some(connection) = connections.get_mut(&id) else { continue };
            let result = connection.turn(now, &mut shared);
            deadlines.remove(&(connection.deadline, id));
            if result.is_err() || connection.is_over() {
                report.kept += usize::from(connection.has_own_memory());
                report.echoed += connection.session.stats().sent.messages;
                *(if result.is_err() { &mut report.failed } else { &mut report.served }) += 1;
                connections.remove(&id);
                continue;
            }
            if connection.wants_turn() {
                ready.insert(id);
            }
            connection.deadline = connection.session.poll_timeout().unwrap_or(Instant::MAX);
            deadlines.insert((connection.deadline, id));
        }
        report.most_own = report.most_own.max(connections.values().filter(|c| c.has_own_memory()).count());
    }
    Ok(report)
}

/// Serves `clients` threads that run `client` until all of them have ended.
pub(crate) fn run_with(
    clients: usize,
    client: fn(SocketAddr) -> Result<usize, Failure>,
) -> Result<Report, Failure> {
    let poll = Poll::new()?;
    let mut listener = TcpListener::bind(([127, 0, 0, 1], 0).into())?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let address = listener.local_addr()?;
    let threads: Vec<_> = (0..clients).map(|_| thread::spawn(move || client(address))).collect();
    let report = serve(poll, &listener, clients)?;
    for thread in threads {
        thread.join().map_err(|_| "a client panicked")??;
    }
    Ok(report)
}

pub(crate) fn run() -> Result<Report, Failure> {
    run_with(CLIENTS, |address| echo_client(address, &SIZES))
}

fn main() -> Result<(), Failure> {
    println!("{:#?}", run()?);
    Ok(())
}
