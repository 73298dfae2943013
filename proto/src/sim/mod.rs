//! The simulator: two machines, or ten thousand pairs of them, joined by bad links on a clock that only moves when told.
//!
//! Everything is decided by seeds, so a run can be repeated bit for bit: same inputs, same bytes, same [`Trace`].
//! Nothing here reads a clock, and a minute of heartbeats takes no longer than the machines need to work it off.
//!
//! | item | what it is |
//! |---|---|
//! | [`Pair`] | two machines, their buffers, the links between them and the virtual time |
//! | [`Link`] | one direction of a stream: latency, jitter, rate, chunks, stalls, ends and scripted [`Fault`]s |
//! | [`DatagramLink`] | one direction of datagrams: loss, bursts of it, duplicates, reordering, MTU |
//! | [`World`] | many pairs on one clock |
//! | `check`, `seeds` | run a test for many seeds and print how to repeat the one that fails (feature `std`) |
//!
//! The harness keeps the contract of [`Machine`] and checks the machine's side of it: a machine that
//! never goes idle, that leaves a deadline behind or asks for more than its buffer holds ends the run with a [`SimError`].
//!
//! May use `machine`, `buf`, `time` and `entropy`; no protocol, and no driver.
//!
//! # Testing your own application
//!
//! An application is what its owner does on an event. Here a server answers a question with its length, over a link
//! with 20 ms of latency that hands bytes over in small pieces; the answer takes one round trip to the microsecond:
//!
//! ```
//! use sealock_proto::entropy::Seed;
//! use sealock_proto::session::{Config, Event, Session};
//! use sealock_proto::sim::{Link, Pair};
//! use sealock_proto::time::Instant;
//! use std::time::Duration;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let protocol = "Noise_NN_25519_ChaChaPoly_BLAKE2s".parse()?;
//! let client = Config::initiator(protocol).build()?;
//! let server = Config::responder(&[protocol]).build()?;
//! let mut pair = Pair::new(
//!     Session::new(&client, Seed::new(&mut [1; 32]), Instant::ZERO)?,
//!     Session::new(&server, Seed::new(&mut [2; 32]), Instant::ZERO)?,
//! )
//! .with_rx_limits(client.rx_limit(), server.rx_limit())
//! .with_links(
//!     Link::new(3).with_latency(Duration::from_millis(20)).with_chunks(7),
//!     Link::new(4).with_latency(Duration::from_millis(20)).with_chunks(7),
//! );
//!
//! let start = Instant::ZERO + Duration::from_secs(1);
//! pair.drive_until(start)?;
//! pair.a(|session, now, tx| session.send(now, b"how long?", tx))?;
//! while pair.advance(start + Duration::from_secs(1))? {
//!     for seen in pair.b.take_events() {
//!         if let Event::Message(question) = seen.event {
//!             let answer = question.len().to_string();
//!             pair.b(|session, now, tx| session.send(now, answer.as_bytes(), tx))?;
//!         }
//!     }
//! }
//! let answer = pair.a.events().last().ok_or("no answer")?;
//! assert_eq!(answer.event, Event::Message(b"9".to_vec()));
//! assert_eq!(answer.at, start + Duration::from_millis(40));
//!
//! // A flipped bit on the way: the server refuses the record and says so.
//! let next = pair.a_to_b.written();
//! pair.a_to_b.strike(next + 10, sealock_proto::sim::Fault::Flip(1));
//! pair.a(|session, now, tx| session.send(now, b"how long is this?", tx))?;
//! pair.drive_for(Duration::from_secs(1))?;
//! assert_eq!(pair.b.error(), Some(&sealock_proto::session::Error::BadRecord));
//! println!("{}", pair.trace());
//! # Ok(())
//! # }
//! ```
//!
//! [`Machine`]: crate::machine::Machine

mod check;
mod datagram;
mod digest;
mod end;
mod error;
mod fault;
mod link;
mod pair;
mod subject;
#[cfg(test)]
mod tests;
mod trace;
mod world;

pub use check::{FailedSeed, run_seeds};
#[cfg(any(feature = "std", test))]
pub use check::{Seeds, check, is_replay, seeds};
pub use datagram::{BurstLoss, DatagramLink, Fate};
pub use end::End;
pub use error::{Side, SimError};
pub use fault::Fault;
pub use link::Link;
pub use pair::Pair;
pub use subject::{Seen, Subject};
pub use trace::Trace;
pub use world::{PairId, World, WorldError};
