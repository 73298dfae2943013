//! Protocols as pure state machines: no socket, no clock, no thread, no entropy source.
//!
//! A machine takes slices in, appends bytes out, gives one event a call, and is told the time. Whoever owns
//! the socket drives it: your own event loop, as below, or one of the driver crates `sealock-tokio`,
//! `sealock-smol` and `sealock-std`.
//!
//! # A complete run loop
//!
//! An echo server's side of one connection over any stream with a read timeout. It is all there is to
//! embedding: receive, answer, transmit, wait for bytes or for the deadline.
//!
//! ```
//! use sealock_proto::buf::{RxBuf, TxBuf};
//! use sealock_proto::session::{Event, Session};
//! use sealock_proto::time::Instant;
//! use std::io::{ErrorKind, Read, Write};
//! # use sealock_proto::session::{CloseCode, Config};
//! # use sealock_proto::entropy::Seed;
//! # use std::os::unix::net::UnixStream;
//! # type Failure = Box<dyn std::error::Error + Send + Sync>;
//!
//! fn echo(mut session: Session, mut stream: UnixStream, rx_limit: usize) -> Result<(), Failure> {
//!     let epoch = std::time::Instant::now();
//!     let clock = || Instant::from_nanos(epoch.elapsed().as_nanos() as u64);
//!     let (mut rx, mut tx) = (RxBuf::new(rx_limit), TxBuf::new(256 * 1024));
//!     loop {
//!         // Take what has arrived, one event a call. Payloads lie in `rx`: answer before consuming.
//!         let received = loop {
//!             match session.recv(clock(), rx.filled_mut()) {
//!                 Ok(recv) => {
//!                     let (consumed, need) = (recv.consumed, recv.need);
//!                     match recv.event {
//!                         Some(Event::Message(message)) => session.send(clock(), message, &mut tx)?,
//!                         Some(_) => {}
//!                         None => {
//!                             rx.consume(consumed);
//!                             break Ok(need);
//!                         }
//!                     }
//!                     rx.consume(consumed);
//!                 }
//!                 Err(error) => break Err(error),
//!             }
//!         };
//!         // Everything owed leaves in one write; after a failure, the alert that tells the peer.
//!         session.poll_transmit(clock(), &mut tx);
//!         while !tx.sealed().is_empty() {
//!             stream.write_all(tx.sealed())?;
//!             tx.consume(tx.sealed().len());
//!         }
//!         let need = received?;
//!         if session.is_finished() {
//!             return Ok(());
//!         }
//!         // Wait for bytes, at most until the deadline.
//!         let wait = session.poll_timeout().map(|at| at.saturating_since(clock()));
//!         stream.set_read_timeout(wait.map(|wait| wait.max(std::time::Duration::from_millis(1))))?;
//!         match stream.read(rx.spare_mut(need)) {
//!             Ok(0) => session.recv_eof(clock())?,
//!             Ok(n) => rx.commit(n),
//!             Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
//!                 session.handle_timeout(clock())?;
//!             }
//!             Err(error) => return Err(error.into()),
//!         }
//!     }
//! }
//! # fn main() -> Result<(), Failure> {
//! # let (here, there) = UnixStream::pair()?;
//! # let protocol = "Noise_NN_25519_ChaChaPoly_BLAKE2s".parse()?;
//! # let config = Config::responder(&[protocol]).build()?;
//! # let server = Session::new(&config, Seed::new(&mut [2; 32]), Instant::ZERO)?;
//! # let limit = config.rx_limit();
//! # let server = std::thread::spawn(move || echo(server, there, limit));
//! # let config = Config::initiator(protocol).build()?;
//! # let mut client = Session::new(&config, Seed::new(&mut [1; 32]), Instant::ZERO)?;
//! # let (mut stream, mut rx, mut tx) = (here, RxBuf::new(limit), TxBuf::new(1 << 16));
//! # let (now, mut closed) = (Instant::ZERO, false);
//! # while !client.is_finished() {
//! #     client.poll_transmit(now, &mut tx);
//! #     stream.write_all(tx.sealed())?;
//! #     tx.consume(usize::MAX);
//! #     if client.is_finished() { break; }
//! #     let recv = client.recv(now, rx.filled_mut())?;
//! #     let (consumed, need) = (recv.consumed, recv.need);
//! #     match recv.event {
//! #         Some(Event::Established) => client.send(now, b"hello", &mut tx)?,
//! #         Some(Event::Message(message)) => {
//! #             assert_eq!(message, b"hello");
//! #             client.close(now, CloseCode::NORMAL, "done", &mut tx)?;
//! #         }
//! #         Some(Event::Closed { .. }) => closed = true,
//! #         Some(_) => {}
//! #         None => {
//! #             rx.consume(consumed);
//! #             let n = stream.read(rx.spare_mut(need))?;
//! #             rx.commit(n);
//! #             continue;
//! #         }
//! #     }
//! #     rx.consume(consumed);
//! # }
//! # assert!(closed);
//! # server.join().unwrap()
//! # }
//! ```
//!
//! The pattern decides who is known: NN, as here, authenticates nobody. Where it has static keys, say which ones you
//! trust with [`Config::with_peers`](session::Config::with_peers); any is accepted by default.
//!
//! A real server also bounds what it queues: on [`SendError::Full`](session::SendError::Full) write out first, then
//! try again. Two rules keep a loop right: call `poll_transmit` after anything else and before waiting, and read what
//! the stream has before `handle_timeout`, because silence is judged there.
//!
//! # What is here
//!
//! | module | subject |
//! |---|---|
//! | [`session`] | the native protocol: authenticated, encrypted, framed messages |
//! | [`datagram`] | the same keys and handshakes over datagrams, many peers by one socket |
//! | `ws` | WebSocket, both ends (feature `ws`) |
//! | [`noise`] | the Noise Protocol Framework, every pattern by one interpreter |
//! | [`guard`] | what a responder asks before it computes anything for a stranger |
//! | [`identity`] | who signs for a peer's identity and who judges it |
//! | [`heartbeat`], [`limit`], [`backoff`] | liveness, rate limits and admission, reconnecting: machines of their own |
//! | [`resilience`] | circuit breaker, retry budget, offline queue, pool: machines for whoever calls an unsteady peer |
//! | [`resume`] | tickets: a session resumed without the server keeping anything |
//! | [`drive`] | the one driver loop and the traits a runtime implements |
//! | `sim` | two machines, or thousands, on virtual time and bad links: test your own application (feature `sim`) |
//! | [`buf`], [`time`], [`entropy`], [`timer`], [`machine`] | what all of them are made of |
//!
//! # Features
//!
//! `std` (default): the driver loop and splitting a session for two threads, which need a lock. Without it the crate
//! is `no_std` with `alloc`. `aes-gcm`, `sha2` (default): the suites of those names. `sim`: the simulator.
//! `ring`, `aws-lc-rs`: other libraries than RustCrypto for the ciphers and X25519, chosen at run time
//! ([`noise::Provider`]); both need a C compiler. `identity`: Ed25519 for the proof of identities. `ws`: WebSocket. `tls`: TLS below any protocol, as a stage of the driver
//! loop (`drive::Transport::with_tls`).
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(any(feature = "std", test))]
extern crate std;

pub mod backoff;
pub mod buf;
pub mod datagram;
pub mod drive;
pub mod entropy;
pub mod guard;
pub mod heartbeat;
pub mod identity;
pub mod limit;
pub mod machine;
pub mod noise;
pub mod resilience;
pub mod resume;
pub mod session;
mod share;
#[cfg(feature = "sim")]
pub mod sim;
pub mod time;
pub mod timer;
#[cfg(feature = "ws")]
pub mod ws;
