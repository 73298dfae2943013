//! An echo server over completions instead of readiness: `sealock-proto` by hand on io_uring, Linux only.
//!
//! Submitting to io_uring is unsafe, so the runtime is `compio`, whose interface is safe, built here without its other back
//! ends. Unlike with readiness:
//!
//! - The kernel owns buffers while it works on them. A `TxBuf` goes into a write whole and comes back with its result. A
//!   read has a buffer of its own: the machine looks at what is in the `RxBuf` while a read is under way.
//! - A read is not given up at a deadline, since it may have taken bytes already: the same is waited for again.
//!
//! Where the kernel (or a container's filter) refuses io_uring, it says `SKIPPED` and ends well. Otherwise it serves 8
//! clients (threads), then ends: `cargo run -p sealock-examples --example io_uring_echo`
#![forbid(unsafe_code)]

#[cfg(target_os = "linux")]
pub(crate) mod server {
    use compio::BufResult;
    use compio::buf::IoBuf;
    use compio::driver::DriverType;
    use compio::io::{AsyncRead, AsyncWriteExt};
    use compio::net::{TcpListener, TcpStream};
    use compio::runtime::{Runtime, spawn};
    use compio::time::timeout;
    use sealock_examples::{Failure, PATIENCE, PROTOCOL, SIZES, clock, echo_client, seed, with_clients};
    use sealock_proto::buf::{RxBuf, TxBuf};
    use sealock_proto::session::{Config, Event, SendError, Session};
    use std::io::ErrorKind::{InvalidInput, PermissionDenied, Unsupported};
    use std::sync::Arc;

    pub(crate) const CLIENTS: usize = 8;
    const CHUNK: usize = 64 * 1024;

    /// Lends what is sealed to the kernel.
    struct Sealed(TxBuf);

    impl IoBuf for Sealed {
        fn as_init(&self) -> &[u8] {
            self.0.sealed()
        }
    }

    /// Writes out what is sealed.
    async fn write_out(mut stream: &TcpStream, tx: TxBuf) -> Result<TxBuf, Failure> {
        let BufResult(result, Sealed(mut tx)) = stream.write_all(Sealed(tx)).await;
        result?;
        tx.consume(usize::MAX);
        Ok(tx)
    }

    async fn read(mut stream: &TcpStream, chunk: Vec<u8>) -> BufResult<usize, Vec<u8>> {
        stream.read(chunk).await
    }

    /// The whole life of a connection. Returns how many messages it was sent back.
    async fn echo(stream: TcpStream, config: Arc<Config>) -> Result<u64, Failure> {
        let clock = clock();
        let mut session = Session::new(&config, seed()?, clock())?;
        let (mut rx, mut tx) = (RxBuf::new(config.rx_limit() + CHUNK), TxBuf::new(256 * 1024));
        let mut reading = Box::pin(read(&stream, Vec::with_capacity(CHUNK)));
        let mut failure = None;
        loop {
            while failure.is_none() {
                let received = session.recv(clock(), rx.filled_mut()).map_err(|error| failure = Some(error));
                let Ok(recv) = received else { break };
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
            let wait = session.poll_timeout().map_or(PATIENCE, |at| at.saturating_since(clock()));
            let Ok(BufResult(result, mut chunk)) = timeout(wait, reading.as_mut()).await else {
                failure = session.handle_timeout(clock()).err();
                continue;
            };
            if result? == 0 {
                failure = session.recv_eof(clock()).err();
            }
            rx.append(&chunk);
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

    /// How many echoes there were, and over what. `None` if the kernel refuses io_uring or is too old for it.
    pub(crate) fn run() -> Result<Option<(u64, DriverType)>, Failure> {
        let runtime = match Runtime::new() {
            Err(error) if matches!(error.kind(), PermissionDenied | Unsupported | InvalidInput) => {
                return Ok(None);
            }
            runtime => runtime?,
        };
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let client = move || echo_client(address, &SIZES);
        let echoed =
            with_clients(CLIENTS, client, || runtime.block_on(timeout(PATIENCE, serve(listener)))?)?;
        Ok(Some((echoed, runtime.driver_type())))
    }
}

#[cfg(target_os = "linux")]
fn main() -> Result<(), sealock_examples::Failure> {
    match server::run()? {
        Some((echoed, driver)) => println!("{} clients, {echoed} echoes over {driver:?}", server::CLIENTS),
        None => println!("SKIPPED: the kernel refuses io_uring"),
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("SKIPPED: io_uring is a part of Linux");
}
