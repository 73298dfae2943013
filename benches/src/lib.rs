//! Two sessions joined in memory, for the benchmarks.
#![forbid(unsafe_code)]

use sealock_proto::buf::{RxBuf, TxBuf};
use sealock_proto::entropy::Seed;
use sealock_proto::noise::{Protocol, SecretKey};
use sealock_proto::session::{Config, Event, Peers, Session};
use sealock_proto::time::Instant;
use std::sync::Arc;

/// Both configurations of one protocol.
pub struct Configs {
    /// The initiator's.
    pub initiator: Arc<Config>,
    /// The responder's.
    pub responder: Arc<Config>,
}

impl Configs {
    /// Those for `name`, with static keys.
    ///
    /// # Panics
    /// If `name` is no protocol.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let protocol = Protocol::parse(name).expect("a protocol");
        let secret = |n| SecretKey::new(&mut [n; 32]);
        let initiator = Config::initiator(protocol)
            .with_peers(Peers::Any)
            .with_static_key(secret(1))
            .with_remote_static(secret(2).public());
        let responder =
            Config::responder(&[protocol]).with_static_key(secret(2)).with_remote_static(secret(1).public());
        Self {
            initiator: initiator.build().expect("an initiator"),
            responder: responder.build().expect("a responder"),
        }
    }
}

/// A session with its buffers and its clock.
pub struct End {
    /// The session.
    pub session: Session,
    /// What it has received.
    pub rx: RxBuf,
    /// What it is about to transmit.
    pub tx: TxBuf,
    /// The time it is told.
    pub now: Instant,
    /// Messages received.
    pub messages: usize,
    /// Bytes of messages received.
    pub bytes: usize,
}

impl End {
    /// A session that begins at time zero, with empty buffers.
    ///
    /// # Panics
    /// If the keys of `config` do not fit.
    #[must_use]
    pub fn new(config: &Arc<Config>, seed: u64) -> Self {
        Self::with_buffers(config, seed, RxBuf::new(config.rx_limit()), TxBuf::new(256 * 1024))
    }

    /// Like [`End::new`], with buffers that may have memory already.
    ///
    /// # Panics
    /// As there.
    #[must_use]
    pub fn with_buffers(config: &Arc<Config>, seed: u64, rx: RxBuf, tx: TxBuf) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let now = Instant::ZERO;
        let session = Session::new(config, Seed::new(&mut bytes), now).expect("the keys fit");
        Self { session, rx, tx, now, messages: 0, bytes: 0 }
    }

    /// Moves what this end transmits to `to`, as a socket would, and lets that take its events.
    pub fn carry(&mut self, to: &mut Self) -> bool {
        self.session.poll_transmit(self.now, &mut self.tx);
        let moved = !self.tx.sealed().is_empty();
        while !self.tx.sealed().is_empty() {
            self.hand_over(to);
            to.read();
        }
        moved
    }

    /// Moves sealed bytes to `to`, as many as its buffer takes at once. It does not look at them yet.
    pub fn hand_over(&mut self, to: &mut Self) {
        let n = to.rx.append(self.tx.sealed());
        self.tx.consume(n);
    }

    /// Takes every event that has arrived.
    pub fn read(&mut self) {
        while self.read_one() {}
    }

    /// Takes one event, if there is one, and says whether there was.
    ///
    /// # Panics
    /// If the peer is at fault.
    pub fn read_one(&mut self) -> bool {
        let recv = self.session.recv(self.now, self.rx.filled_mut()).expect("an honest peer");
        let any = recv.event.is_some();
        if let Some(Event::Message(message)) = &recv.event {
            self.messages += 1;
            self.bytes += message.len();
        }
        let consumed = recv.consumed;
        self.rx.consume(consumed);
        any
    }
}

/// An initiator and a responder.
pub struct Pair {
    /// Who opened the stream.
    pub initiator: End,
    /// Who accepted it.
    pub responder: End,
}

impl Pair {
    /// Two sessions that have completed their handshake: both ends' share of it and their set-up.
    ///
    /// # Panics
    /// If they have not.
    #[must_use]
    pub fn connect(configs: &Configs) -> Self {
        let mut pair =
            Self { initiator: End::new(&configs.initiator, 1), responder: End::new(&configs.responder, 2) };
        pair.shake_hands();
        pair
    }

    /// Completes the handshake.
    ///
    /// # Panics
    /// If it does not succeed.
    pub fn shake_hands(&mut self) {
        while self.initiator.carry(&mut self.responder) | self.responder.carry(&mut self.initiator) {}
        // Who wrote the last handshake message has an event that no bytes announce.
        self.initiator.read();
        self.responder.read();
        assert!(self.initiator.session.info().is_some() && self.responder.session.info().is_some());
    }

    /// Sends `message` `times` times in one go, from the initiator's `send` to the responder's events.
    ///
    /// # Panics
    /// If not every byte arrives.
    pub fn send(&mut self, message: &[u8], times: usize) {
        let (messages, bytes) =
            (self.responder.messages + times, self.responder.bytes + times * message.len());
        self.queue(message, times);
        self.initiator.carry(&mut self.responder);
        assert_eq!((self.responder.messages, self.responder.bytes), (messages, bytes));
    }

    /// Adds `message` `times` times to the initiator's open record.
    ///
    /// # Panics
    /// If there is no room.
    pub fn queue(&mut self, message: &[u8], times: usize) {
        let End { session, tx, now, .. } = &mut self.initiator;
        for _ in 0..times {
            session.send(*now, message, tx).expect("room");
        }
    }
}
