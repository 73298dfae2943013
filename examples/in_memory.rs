//! Two sessions with no operating system at all: two pairs of buffers and a counter as the clock.
//!
//! A machine is told the time and given bytes, so a conversation is a pure function of its inputs: this one is held
//! twice and must put the same bytes on the wire both times. The counter jumps to the next deadline when nobody
//! has anything to say, so a minute of silence and its heartbeats take no time. Fixed seeds belong in
//! demonstrations and tests alone; sessions that matter need fresh ones. `examples/wasm` runs this same file.
//!
//! ```text
//! cargo run -p sealock-examples --example in_memory
//! ```
#![forbid(unsafe_code)]

use sealock_proto::buf::{RxBuf, TxBuf};
use sealock_proto::entropy::Seed;
use sealock_proto::session::{CloseCode, Config, Event, Session};
use sealock_proto::time::Instant;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

/// Messages that alice sends and bob returns.
pub(crate) const MESSAGES: u32 = 100;
const SILENCE: Duration = Duration::from_secs(60);

/// What a conversation came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Report {
    /// Messages that came back to alice.
    pub(crate) echoed: u32,
    /// Pings that were answered during the silence, both ends together.
    pub(crate) pongs: u64,
    /// Everything that was put on the wire, by both.
    pub(crate) wire: Vec<u8>,
    /// The counter at the end.
    pub(crate) end: Instant,
}

struct End {
    session: Session,
    rx: RxBuf,
    tx: TxBuf,
    /// Sends back what it receives. The other end answers each message with its next one.
    echoes: bool,
    received: u32,
}

impl End {
    fn new(config: &Arc<Config>, seed: u8, echoes: bool) -> Result<Self, Box<dyn Error>> {
        let session = Session::new(config, Seed::new(&mut [seed; 32]), Instant::ZERO)?;
        let (rx, tx) = (RxBuf::new(config.rx_limit()), TxBuf::new(64 * 1024));
        Ok(Self { session, rx, tx, echoes, received: 0 })
    }

    /// Moves what this end transmits into the other's buffer and notes it in `wire`. Whether there was anything.
    fn transmit(&mut self, now: Instant, other: &mut Self, wire: &mut Vec<u8>) -> bool {
        self.session.poll_transmit(now, &mut self.tx);
        let before = wire.len();
        while !self.tx.sealed().is_empty() {
            let sealed = self.tx.sealed();
            let n = other.rx.append(sealed);
            wire.extend_from_slice(&sealed[..n]);
            self.tx.consume(n);
        }
        wire.len() > before
    }

    /// Takes what has arrived, and answers.
    fn receive(&mut self, now: Instant) -> Result<(), Box<dyn Error>> {
        loop {
            let recv = self.session.recv(now, self.rx.filled_mut())?;
            let (consumed, more) = (recv.consumed, recv.event.is_some());
            match recv.event {
                Some(Event::Message(message)) if self.echoes => {
                    self.received += 1;
                    self.session.send(now, message, &mut self.tx)?;
                }
                Some(event @ (Event::Established | Event::Message(_))) if !self.echoes => {
                    self.received += u32::from(event != Event::Established);
                    if self.received < MESSAGES {
                        self.session.send(now, &self.received.to_be_bytes(), &mut self.tx)?;
                    }
                }
                _ => {}
            }
            self.rx.consume(consumed);
            if !more {
                return Ok(());
            }
        }
    }
}

/// Alice sends, bob returns; then a minute of silence; then alice closes.
pub(crate) fn run() -> Result<Report, Box<dyn Error>> {
    let protocol = "Noise_NN_25519_ChaChaPoly_BLAKE2s".parse()?;
    let mut alice = End::new(&Config::initiator(protocol).build()?, 1, false)?;
    let mut bob = End::new(&Config::responder(&[protocol]).build()?, 2, true)?;
    let (mut now, mut wire, mut close_at, mut closed) = (Instant::ZERO, Vec::new(), None, false);

    while !(alice.session.is_finished() && bob.session.is_finished()) {
        let mut moved = alice.transmit(now, &mut bob, &mut wire);
        bob.receive(now)?;
        moved |= bob.transmit(now, &mut alice, &mut wire);
        alice.receive(now)?;

        if alice.received == MESSAGES && !closed && now >= *close_at.get_or_insert(now + SILENCE) {
            closed = true;
            alice.session.close(now, CloseCode::NORMAL, "that was all", &mut alice.tx)?;
        } else if !moved {
            // Nobody has anything to say: the next thing to happen is a deadline.
            let silence_ends = close_at.filter(|_| !closed);
            let deadlines = [alice.session.poll_timeout(), bob.session.poll_timeout(), silence_ends];
            now = now.max(deadlines.into_iter().flatten().min().ok_or("both ends wait forever")?);
            alice.session.handle_timeout(now)?;
            bob.session.handle_timeout(now)?;
        }
    }
    let pongs = alice.session.stats().pongs + bob.session.stats().pongs;
    Ok(Report { echoed: alice.received, pongs, wire, end: now })
}

fn main() -> Result<(), Box<dyn Error>> {
    let (first, second) = (run()?, run()?);
    println!("{} messages came back, {} pings were answered", first.echoed, first.pongs);
    println!("{} s passed on the counter", first.end.saturating_since(Instant::ZERO).as_secs());
    println!("held twice, {} bytes on the wire, the same: {}", first.wire.len(), first == second);
    if first == second { Ok(()) } else { Err("the same inputs gave other bytes".into()) }
}
