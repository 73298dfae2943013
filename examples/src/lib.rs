//! What the examples that are servers share: clients in threads. [`echo_client`] sends messages of the given sizes, one
//! after the other, and checks that each comes back.
//!
//! Not an example of its own: a client has no deadlines, a read timeout ends it instead. `sealock_proto`'s first page shows
//! the loop with them.
#![forbid(unsafe_code)]

use sealock_proto::buf::{RxBuf, TxBuf};
use sealock_proto::entropy::Seed;
use sealock_proto::session::{CloseCode, Config, Event, Session};
use sealock_proto::time::Instant;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Any error that another thread may be told.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What every example speaks.
pub const PROTOCOL: &str = "Noise_NN_25519_ChaChaPoly_BLAKE2s";

/// Sizes of messages for [`echo_client`]; the last does not fit in a record.
pub const SIZES: [usize; 4] = [0, 40, 4_000, 100_000];

/// Bounds everything: also the writes to a peer that does not read, which have no deadline of their own in the examples.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// The time since now.
pub fn clock() -> impl Fn() -> Instant {
    let epoch = std::time::Instant::now();
    move || Instant::from_nanos(epoch.elapsed().as_nanos() as u64)
}

/// A fresh seed from the operating system.
///
/// # Errors
/// If the system has no entropy to give.
pub fn seed() -> Result<Seed, Failure> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(Seed::new(&mut bytes))
}

/// What `serve` returns, once it and `clients` threads that run `client` have ended well.
///
/// # Errors
/// The first that `serve` or a client had.
pub fn with_clients<T>(
    clients: usize,
    client: impl Fn() -> Result<usize, Failure> + Clone + Send + 'static,
    serve: impl FnOnce() -> Result<T, Failure>,
) -> Result<T, Failure> {
    let threads: Vec<_> = (0..clients).map(|_| std::thread::spawn(client.clone())).collect();
    let served = serve()?;
    for thread in threads {
        thread.join().map_err(|_| "a client panicked")??;
    }
    Ok(served)
}

/// The whole life of a client. Returns how many messages came back.
///
/// # Errors
/// If the stream or the session fails, or an echo is not what was sent.
pub fn echo_client(address: SocketAddr, sizes: &[usize]) -> Result<usize, Failure> {
    let config = Config::initiator(PROTOCOL.parse()?).with_heartbeat(None).build()?;
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let clock = clock();
    let mut session = Session::new(&config, seed()?, clock())?;
    let (mut rx, mut tx) = (RxBuf::new(config.rx_limit()), TxBuf::new(256 * 1024));
    let message = |k: usize| sizes.get(k).map(|size| vec![k as u8; *size]);
    let mut returned = 0;
    loop {
        let recv = session.recv(clock(), rx.filled_mut())?;
        let (consumed, need, more) = (recv.consumed, recv.need, recv.event.is_some());
        let speak = match recv.event {
            Some(Event::Established) => true,
            Some(Event::Message(echo)) => {
                if message(returned).as_deref() != Some(echo) {
                    return Err("the echo is not what was sent".into());
                }
                returned += 1;
                true
            }
            _ => false,
        };
        rx.consume(consumed);
        if speak {
            match message(returned) {
                Some(message) => session.send(clock(), &message, &mut tx)?,
                None => session.close(clock(), CloseCode::NORMAL, "done", &mut tx)?,
            }
        }
        session.poll_transmit(clock(), &mut tx);
        stream.write_all(tx.sealed())?;
        tx.consume(usize::MAX);
        if session.is_finished() {
            return Ok(returned);
        }
        if !more {
            match stream.read(rx.spare_mut(need))? {
                0 => session.recv_eof(clock())?,
                n => rx.commit(n),
            }
        }
    }
}
