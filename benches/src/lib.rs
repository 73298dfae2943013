//! Two sessions joined in memory, for the benchmarks.
#![forbid(unsafe_code)]

use sealock_proto::buf::{RxBuf, TxBuf};
use sealock_proto::entropy::Seed;
use sealock_proto::noise::{Protocol, SecretKey};
use sealock_proto::session::{Config, Event, Session};
use sealock_proto::time::Instant;
use std::sync::Arc;

const NOW: Instant = Instant::ZERO;

/// Both configurations of one protocol.
pub struct Configs {
    initiator: Arc<Config>,
    responder: Arc<Config>,
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
        let initiator =
            Config::initiator(protocol).with_static_key(secret(1)).with_remote_static(secret(2).public());
        let responder =
            Config::responder(&[protocol]).with_static_key(secret(2)).with_remote_static(secret(1).public());
        Self {
            initiator: initiator.build().expect("an initiator"),
            responder: responder.build().expect("a responder"),
        }
    }
}

struct End {
    session: Session,
    rx: RxBuf,
    tx: TxBuf,
    messages: usize,
    bytes: usize,
}

impl End {
    fn new(config: &Arc<Config>, seed: u8) -> Self {
        Self {
            session: Session::new(config, Seed::new(&mut [seed; 32]), NOW).expect("the keys fit"),
            rx: RxBuf::new(config.rx_limit()),
            tx: TxBuf::new(256 * 1024),
            messages: 0,
            bytes: 0,
        }
    }

    /// Moves what this end transmits to `to`, as a socket would, and lets that take its events.
    fn carry(&mut self, to: &mut Self) -> bool {
        self.session.poll_transmit(NOW, &mut self.tx);
        let moved = !self.tx.sealed().is_empty();
        while !self.tx.sealed().is_empty() {
            let wire = self.tx.sealed();
            let spare = to.rx.spare_mut(wire.len());
            let n = spare.len().min(wire.len());
            spare[..n].copy_from_slice(&wire[..n]);
            to.rx.commit(n);
            self.tx.consume(n);
            to.read();
        }
        moved
    }

    fn read(&mut self) {
        loop {
            let recv = self.session.recv(NOW, self.rx.filled_mut()).expect("an honest peer");
            let done = recv.event.is_none();
            if let Some(Event::Message(message)) = &recv.event {
                self.messages += 1;
                self.bytes += message.len();
            }
            let consumed = recv.consumed;
            self.rx.consume(consumed);
            if done {
                return;
            }
        }
    }
}

/// An initiator and a responder.
pub struct Pair {
    initiator: End,
    responder: End,
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
        while pair.initiator.carry(&mut pair.responder) | pair.responder.carry(&mut pair.initiator) {}
        assert!(pair.initiator.session.info().is_some() && pair.responder.session.info().is_some());
        pair
    }

    /// Sends `message` `times` times in one go, from the initiator's `send` to the responder's events.
    ///
    /// # Panics
    /// If not every byte arrives.
    pub fn send(&mut self, message: &[u8], times: usize) {
        let (messages, bytes) =
            (self.responder.messages + times, self.responder.bytes + times * message.len());
        for _ in 0..times {
            self.initiator.session.send(NOW, message, &mut self.initiator.tx).expect("room");
        }
        self.initiator.carry(&mut self.responder);
        assert_eq!((self.responder.messages, self.responder.bytes), (messages, bytes));
    }
}
