//! The server: one task for each connection, all on one thread.
//!
//! A read is not given up at a deadline, since it may have taken bytes already. It stays under way, the session
//! has its `handle_timeout`, and the same read is waited for again.

use super::buffers::{keep, read, write_out};
use compio::BufResult;
use compio::net::{TcpListener, TcpStream};
use compio::runtime::{Runtime, spawn};
use compio::time::timeout;
use sealock_examples::{Failure, PROTOCOL, echo_client, seed};
use sealock_proto::buf::{RxBuf, TxBuf};
use sealock_proto::session::{Config, Event, SendError, Session};
use sealock_proto::time::Instant;
use std::io::ErrorKind::{InvalidInput, PermissionDenied, Unsupported};
use std::sync::Arc;
use std::{thread, time::Duration};

pub(crate) const CLIENTS: usize = 8;
/// The last does not fit in a record.
pub(crate) const SIZES: [usize; 4] = [0, 40, 4_000, 100_000];
const CHUNK: usize = 64 * 1024;
const FOREVER: Duration = Duration::from_secs(3600);
/// Bounds everything, and so the writes to a peer that does not read, which have no deadline of their own here.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) driver: compio::driver::DriverType,
    pub(crate) echoed: u64,
}

/// The whole life of a connection. Returns how many messages it was sent back.
async fn echo(stream: TcpStream, config: Arc<Config>) -> Result<u64, Failure> {
    let epoch = std::time::Instant::now();
    let clock = || Instant::from_nanos(epoch.elapsed().as_nanos() as u64);
    let mut session = Session::new(&config, seed()?, clock())?;
    let (mut rx, mut tx) = (RxBuf::new(config.rx_limit() + CHUNK), TxBuf::new(256 * 1024));
    let mut reading = Box::pin(read(&stream, Vec::with_capacity(CHUNK)));
    let mut failure = None;
    loop {
        while failure.is_none() {
            let recv = match session.recv(clock(), rx.filled_mut()) {
                Ok(recv) => recv,
                Err(error) => {
                    failure = Some(error);
                    break;
                }
            };
            let (consumed, more) = (recv.consumed, recv.event.is_some());
            if let Some(Event::Message(message)) = recv.event {
                while let Err(error) = session.send(clock(), message, &mut tx) {
                    if error != SendError::Full {
                        return Err(error.into());
                    }
                    session.poll_transmit(clock(), &mut tx);
                    tx = write_out(&stream, tx).await?;
                }
            }
            rx.consume(consumed);
            if !more {
                break;
            }
        }
        // Also after a failure: it is what tells the peer.
        session.poll_transmit(clock(), &mut tx);
        tx = write_out(&stream, tx).await?;
        if let Some(error) = failure {
            return Err(error.into());
        }
        if session.is_finished() {
            return Ok(session.stats().sent.messages);
        }
        let wait = session.poll_timeout().map_or(FOREVER, |at| at.saturating_since(clock()));
        let Ok(BufResult(result, mut chunk)) = timeout(wait, reading.as_mut()).await else {
            failure = session.handle_timeout(clock()).err();
            continue;
        };
        if result? == 0 {
            failure = session.recv_eof(clock()).err();
        }
        keep(&chunk, &mut rx);
        chunk.clear();
        reading.set(read(&stream, chunk));
    }
}

async fn serve(listener: std::net::TcpListener) -> Result<u64, Failure> {
    let listener = TcpListener::from_std(listener)?;
    let config = Config::responder(&[PROTOCOL.parse()?]).build()?;
    let mut connections = Vec::new();
    for _ in 0..CLIENTS {
        let (stream, _) = listener.accept().await?;
        connections.push(spawn(echo(stream, Arc::clone(&config))));
    }
    let mut echoed = 0;
    for connection in connections {
        echoed += connection.await.map_err(|_| "a connection panicked")??;
    }
    Ok(echoed)
}

/// `None` if the kernel refuses io_uring or is too old for it.
pub(crate) fn run() -> Result<Option<Report>, Failure> {
    let runtime = match Runtime::new() {
        Err(error) if matches!(error.kind(), PermissionDenied | Unsupported | InvalidInput) => {
            return Ok(None);
        }
        runtime => runtime?,
    };
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
    let address = listener.local_addr()?;
    let clients: Vec<_> = (0..CLIENTS).map(|_| thread::spawn(move || echo_client(address, &SIZES))).collect();
    let echoed = runtime.block_on(timeout(PATIENCE, serve(listener)))??;
    for client in clients {
        client.join().map_err(|_| "a client panicked")??;
    }
    Ok(Some(Report { driver: runtime.driver_type(), echoed }))
}
