//! Two sessions joined by two byte queues, on a clock that only moves when told.

use crate::buf::TxBuf;
use crate::entropy::Seed;
use crate::guard::GateKey;
use crate::noise::{Protocol, PublicKey, SecretKey};
use crate::session::{Config, Error, Event, Peers, Session};
use crate::time::Instant;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

pub(super) const NN: &str = "Noise_NN_25519_ChaChaPoly_BLAKE2s";
pub(super) const XX: &str = "Noise_XX_25519_ChaChaPoly_BLAKE2s";
pub(super) const IK: &str = "Noise_IK_25519_ChaChaPoly_BLAKE2s";

/// A notice that the peer was restored (docs/wire.md, section 9.1): anybody can make one up.
pub(super) const NOTICE: [u8; 18] = [0, 16, 1, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7];

pub(super) fn protocol(name: &str) -> Protocol {
    Protocol::parse(name).unwrap()
}

pub(super) fn secret(n: u8) -> SecretKey {
    SecretKey::new(&mut [n; 32])
}

pub(super) fn public(n: u8) -> PublicKey {
    secret(n).public()
}

/// Configurations of both ends for `name`, with keys 1 and 2 where the pattern wants them.
pub(super) fn configs(name: &str) -> (Config, Config) {
    let p = protocol(name);
    let mut a = Config::initiator(p).with_static_key(secret(1)).with_heartbeat(None).with_peers(Peers::Any);
    let mut b = Config::responder(&[p]).with_static_key(secret(2)).with_heartbeat(None);
    a = a.with_remote_static(public(2));
    b = b.with_remote_static(public(1));
    (a, b)
}

/// `flight`, hello and packet, and the mac1 that `key` gives it: anybody can make one.
pub(super) fn with_mac1(mut flight: Vec<u8>, key: &GateKey) -> Vec<u8> {
    let mac1 = key.digest(&[&flight]).mac1();
    flight.extend_from_slice(&mac1);
    flight
}

/// An event whose payload is owned.
pub(super) type Seen = Event<Vec<u8>>;

pub(super) struct End {
    pub(super) session: Session,
    pub(super) tx: TxBuf,
    /// Bytes that arrived and are not consumed.
    pub(super) rx: Vec<u8>,
    pub(super) seen: Vec<Seen>,
    pub(super) error: Option<Error>,
    /// Whether the owner takes input.
    pub(super) reads: bool,
    /// The most bytes that ever waited in `rx`.
    pub(super) most: usize,
    /// Everything that this end sent over the link.
    pub(super) wire: Vec<u8>,
}

impl End {
    pub(super) fn new(config: &Arc<Config>, seed: u8) -> Self {
        Self {
            session: Session::new(config, Seed::new(&mut [seed; 32]), Instant::ZERO).unwrap(),
            tx: TxBuf::new(256 * 1024),
            rx: Vec::new(),
            seen: Vec::new(),
            error: None,
            reads: true,
            most: 0,
            wire: Vec::new(),
        }
    }

    /// Takes events from what has arrived until there are no more. Says whether anything happened.
    pub(super) fn read(&mut self, now: Instant) -> bool {
        let mut moved = false;
        while self.reads && self.error.is_none() {
            match self.session.recv(now, &mut self.rx) {
                Ok(recv) => {
                    let idle = recv.event.is_none();
                    if let Some(event) = recv.event {
                        self.seen.push(event.map(|payload| payload.to_vec()));
                    }
                    moved |= recv.consumed > 0 || !idle;
                    let consumed = recv.consumed;
                    self.rx.drain(..consumed);
                    if idle {
                        break;
                    }
                }
                Err(error) => self.error = Some(error),
            }
        }
        moved
    }

    pub(super) fn send(&mut self, message: &[u8]) {
        self.session.send(Instant::ZERO, message, &mut self.tx).unwrap();
    }

    /// Seals `plain` as one record, whatever it says.
    pub(super) fn forge(&mut self, plain: &[u8]) {
        self.session.send.forger().forge(plain, &mut self.tx);
    }

    pub(super) fn messages(&self) -> Vec<&[u8]> {
        self.seen
            .iter()
            .filter_map(|event| match event {
                Event::Message(message) => Some(&message[..]),
                _ => None,
            })
            .collect()
    }

    pub(super) fn closed(&self) -> Option<(u32, String)> {
        self.seen.iter().find_map(|event| match event {
            Event::Closed { code, reason } => Some((code.get(), String::from_utf8(reason.clone()).unwrap())),
            _ => None,
        })
    }

    pub(super) fn is_established(&self) -> bool {
        self.seen.contains(&Event::Established)
    }
}

pub(super) struct Pair {
    pub(super) now: Instant,
    pub(super) a: End,
    pub(super) b: End,
    /// Bytes handed over at a time.
    pub(super) chunk: usize,
    /// Whether bytes sent by each end arrive.
    pub(super) link: [bool; 2],
}

impl Pair {
    pub(super) fn new(a: Config, b: Config) -> Self {
        let (a, b) = (a.build().unwrap(), b.build().unwrap());
        Self {
            now: Instant::ZERO,
            a: End::new(&a, 1),
            b: End::new(&b, 2),
            chunk: usize::MAX,
            link: [true; 2],
        }
    }

    /// A pair for `name` that has completed its handshake.
    pub(super) fn established(name: &str) -> Self {
        let (a, b) = configs(name);
        Self::established_with(a, b)
    }

    pub(super) fn established_with(a: Config, b: Config) -> Self {
        let mut pair = Self::new(a, b);
        pair.pump();
        assert!(pair.a.is_established() && pair.b.is_established(), "{:?} {:?}", pair.a.error, pair.b.error);
        pair
    }

    /// Hands bytes over until nothing moves.
    pub(super) fn pump(&mut self) {
        while self.step() {}
    }

    /// So many flights, one way each, the initiator's first: what an end sends unasked or in answer.
    pub(super) fn flights(&mut self, count: usize) {
        for flight in 0..count {
            let (from, to) =
                if flight % 2 == 0 { (&mut self.a, &mut self.b) } else { (&mut self.b, &mut self.a) };
            carry(from, to, true, usize::MAX, self.now);
        }
    }

    pub(super) fn step(&mut self) -> bool {
        let [forth, back] = self.link;
        let there = carry(&mut self.a, &mut self.b, forth, self.chunk, self.now);
        let here = carry(&mut self.b, &mut self.a, back, self.chunk, self.now);
        there || here
    }

    /// Lets `duration` pass, handling every deadline at its instant.
    pub(super) fn pass(&mut self, duration: Duration) {
        let end = self.now + duration;
        loop {
            self.pump();
            let next = [&self.a, &self.b]
                .iter()
                .filter(|end| end.error.is_none())
                .filter_map(|end| end.session.poll_timeout())
                .min()
                .filter(|next| *next <= end);
            let Some(next) = next else { break };
            assert!(next >= self.now, "a deadline in the past");
            self.now = next;
            let now = self.now;
            for end in [&mut self.a, &mut self.b] {
                end.read(now);
                if end.error.is_none() {
                    if let Err(error) = end.session.handle_timeout(now) {
                        end.error = Some(error);
                    }
                    assert!(
                        end.session.poll_timeout().is_none_or(|next| next > now),
                        "a deadline survived being handled"
                    );
                }
            }
        }
        self.now = end;
        self.pump();
    }
}

/// Carries at most `chunk` bytes if the link is up, and lets the receiver read. Says whether anything moved.
fn carry(from: &mut End, to: &mut End, up: bool, chunk: usize, now: Instant) -> bool {
    from.session.poll_transmit(now, &mut from.tx);
    // An owner that does not read lets a small socket fill.
    let room = if to.reads { usize::MAX } else { 4096_usize.saturating_sub(to.rx.len()) };
    let n = if up { from.tx.sealed().len().min(chunk).min(room) } else { 0 };
    to.rx.extend_from_slice(&from.tx.sealed()[..n]);
    from.wire.extend_from_slice(&from.tx.sealed()[..n]);
    to.most = to.most.max(to.rx.len());
    from.tx.consume(n);
    to.read(now) || n > 0
}
