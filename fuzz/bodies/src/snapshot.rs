//! Snapshots.
//!
//! Byte 0 of an input chooses: bytes that somebody takes for a snapshot, or two honest sessions whose owners hand them
//! over, crash, and go on from snapshots that are out of date. Then come operations: a byte that says what and, with bit
//! 7, at which end, and two bytes of size where one is needed.
//!
//! Nothing made up is restored. A message arrives once at most, and in order. As long as sessions are only handed over,
//! every message arrives and nobody finds a fault.

use crate::input::Input;
use crate::keys::protocol;
use sealock_proto::buf::TxBuf;
use sealock_proto::entropy::Seed;
use sealock_proto::session::{
    Config, Error, Event, Outgoing, RekeyPolicy, RestoreError, Session, Snapshot, SnapshotKey,
};
use sealock_proto::time::Instant;
use std::sync::{Arc, OnceLock};

const NOW: Instant = Instant::ZERO;
const CONTEXT: &[u8] = b"fuzz";

/// What happened in a run.
#[derive(Debug, Default)]
pub struct Tally {
    /// Sessions handed over.
    pub handed_over: u64,
    /// Sessions restored from a lease.
    pub recovered: u64,
    /// Sessions restored from what another had gone on from.
    pub stale: u64,
    /// Messages that arrived.
    pub messages: u64,
    /// Times that an end heard of a loss.
    pub lost: u64,
    /// Runs in which every message arrived.
    pub whole: u64,
    /// Runs that ended with a fault.
    pub faults: u64,
}

/// Runs one input.
///
/// # Panics
/// If a rule is broken.
pub fn run(input: &[u8]) {
    let _ = tally(input);
}

/// [`run`], and what happened.
///
/// # Panics
/// If a rule is broken.
#[must_use]
pub fn tally(input: &[u8]) -> Tally {
    let mut input = Input::new(input);
    if input.byte() % 2 == 1 {
        arbitrary(input.take(usize::MAX));
        return Tally::default();
    }
    let mut pair = Pair::new();
    for _ in 0..200 {
        if input.is_empty() {
            break;
        }
        pair.operation(&mut input);
    }
    pair.finish()
}

fn configs() -> &'static [Arc<Config>; 2] {
    static CONFIGS: OnceLock<[Arc<Config>; 2]> = OnceLock::new();
    CONFIGS.get_or_init(|| {
        let protocol = protocol("Noise_NN_25519_ChaChaPoly_BLAKE2s");
        [Config::initiator(protocol), Config::responder(&[protocol])].map(|config| {
            let policy = RekeyPolicy::default().with_records(7);
            let config = config.with_heartbeat(None).with_snapshots().with_max_gap(100).with_rekey(policy);
            config.build().expect("a configuration in range")
        })
    })
}

fn key() -> SnapshotKey {
    SnapshotKey::new(&mut [9; 32])
}

fn arbitrary(bytes: &[u8]) {
    for bytes in [bytes.to_vec(), [&[1, 32], bytes].concat()] {
        let snapshot = Snapshot::from_bytes(bytes);
        let claim = |_: &_| panic!("asked for leave by something made up");
        let seed = Seed::new(&mut [1; 32]);
        let restored = Session::restore(&configs()[0], &snapshot, &key(), CONTEXT, &seed, NOW, claim);
        let error = restored.err().expect("nobody has the key");
        let known =
            matches!(error, RestoreError::Length | RestoreError::Version(_) | RestoreError::NotAuthentic);
        assert!(known, "{error:?}");
    }
}

struct End {
    config: Arc<Config>,
    session: Option<Session>,
    tx: TxBuf,
    rx: Vec<u8>,
    /// Numbers of the messages that were accepted, and of those that arrived here.
    accepted: Vec<u32>,
    arrived: Vec<u32>,
    error: Option<Error>,
    /// The last lease that was stored, and snapshots that others went on from.
    lease: Option<Snapshot>,
    old: Vec<Snapshot>,
}

impl End {
    fn new(config: &Arc<Config>, seed: u8) -> Self {
        let session = Session::new(config, Seed::new(&mut [seed; 32]), NOW).expect("no keys are needed");
        Self {
            config: Arc::clone(config),
            session: Some(session),
            tx: TxBuf::new(100_000),
            rx: Vec::new(),
            accepted: Vec::new(),
            arrived: Vec::new(),
            error: None,
            lease: None,
            old: Vec::new(),
        }
    }

    fn session(&mut self) -> &mut Session {
        self.session.as_mut().expect("given back by every operation")
    }

    fn send(&mut self, size: usize, number: u32) {
        let mut message = number.to_be_bytes().to_vec();
        message.resize(4 + size, 0);
        let session = self.session.as_mut().expect("given back by every operation");
        if session.send(NOW, &message, &mut self.tx).is_ok() {
            self.accepted.push(number);
        }
    }

    fn transmit(&mut self) {
        let session = self.session.as_mut().expect("given back by every operation");
        session.poll_transmit(NOW, &mut self.tx);
    }

    fn read(&mut self, tally: &mut Tally) {
        while self.error.is_none() {
            let session = self.session.as_mut().expect("given back by every operation");
            let recv = match session.recv(NOW, &mut self.rx) {
                Ok(recv) => recv,
                Err(error) => {
                    self.error = Some(error);
                    return;
                }
            };
            let consumed = recv.consumed;
            let idle = recv.event.is_none();
            match recv.event {
                Some(Event::Message(message)) => {
                    let number = message.first_chunk().expect("every message has a number");
                    let number = u32::from_be_bytes(*number);
                    assert!(self.arrived.last().is_none_or(|last| *last < number), "twice or out of order");
                    self.arrived.push(number);
                    tally.messages += 1;
                }
                Some(Event::RecordsLost { at_most }) => {
                    assert!(at_most <= 100, "{at_most} lost");
                    tally.lost += 1;
                }
                _ => {}
            }
            self.rx.drain(..consumed);
            if idle {
                return;
            }
        }
    }

    /// Goes on from `snapshot`, which is as good as its owner thinks.
    fn restore(&mut self, snapshot: &Snapshot, seed: Seed) {
        let restored = Session::restore(&self.config, snapshot, &key(), CONTEXT, &seed, NOW, |_| true);
        let restored = restored.expect("its own snapshot");
        (self.session, self.rx) = (Some(restored.session), restored.received);
        // The stream may have ended in the middle of a record.
        self.error = None;
    }

    /// Whether there was something to hand over.
    fn hand_over(&mut self, seeds: [Seed; 2]) -> bool {
        self.transmit();
        let [out, back] = seeds;
        let session = self.session.take().expect("given back by every operation");
        match session.hand_over(&self.rx, &self.tx, &key(), CONTEXT, &out) {
            Ok(snapshot) => {
                let waits = self.rx.clone();
                self.restore(&snapshot, back);
                assert_eq!(self.rx, waits);
                self.old.push(snapshot);
                true
            }
            Err(refused) => {
                self.session = Some(*refused.session);
                false
            }
        }
    }
}

struct Pair {
    ends: [End; 2],
    seeds: u64,
    number: u32,
    /// Something may be lost, or refused.
    lossy: bool,
    tally: Tally,
}

impl Pair {
    fn new() -> Self {
        let ends = [0, 1].map(|n: u8| End::new(&configs()[usize::from(n)], n));
        let mut pair = Self { ends, seeds: 0, number: 0, lossy: false, tally: Tally::default() };
        pair.settle();
        pair
    }

    /// Another for each restore, which is what everything hangs on.
    fn seed(&mut self) -> Seed {
        self.seeds += 1;
        let mut bytes = [6; 32];
        bytes[..8].copy_from_slice(&self.seeds.to_be_bytes());
        Seed::new(&mut bytes)
    }

    fn operation(&mut self, input: &mut Input<'_>) {
        let operation = input.byte();
        let at = usize::from(operation >> 7);
        let seeds = [self.seed(), self.seed()];
        let [out, back] = seeds;
        self.number += 1;
        let number = self.number;
        let end = &mut self.ends[at];
        match operation % 16 {
            0..4 => end.send(input.size() % 5000, number),
            4 => end.send(input.size(), number),
            5 => {
                let parts: [&[u8]; 1] = [&[0; 200_000]];
                let session = end.session.as_mut().expect("given back by every operation");
                let _ = session.send_some(NOW, &mut Outgoing::new(&parts), &mut end.tx);
            }
            6..9 => {
                end.transmit();
                self.carry(at, input.size());
            }
            9 => self.settle(),
            10..13 => self.tally.handed_over += u64::from(end.hand_over([out, back])),
            13 => {
                let records = 1 + input.below(60) as u32;
                let rx = core::mem::take(&mut end.rx);
                if let Ok((snapshot, lease)) = end.session().lease(records, &rx, &key(), CONTEXT, &out) {
                    end.session().lease_stored(lease).expect("the newest");
                    end.lease = Some(snapshot);
                }
                end.rx = rx;
            }
            14 => {
                if let Some(snapshot) = end.lease.take() {
                    // Whole records were written, and what was not is gone.
                    self.carry(at, usize::MAX);
                    self.ends[at].tx.truncate_open(0);
                    self.ends[at].restore(&snapshot, back);
                    self.lossy = true;
                    self.tally.recovered += 1;
                }
            }
            _ => {
                let which = input.below(end.old.len().max(1));
                if let Some(snapshot) = end.old.get(which).cloned() {
                    end.tx.truncate_open(0);
                    end.restore(&snapshot, back);
                    self.lossy = true;
                    self.tally.stale += 1;
                }
            }
        }
    }

    fn carry(&mut self, from: usize, n: usize) {
        let [a, b] = &mut self.ends;
        let (from, to) = if from == 0 { (a, b) } else { (b, a) };
        let n = from.tx.sealed().len().min(n);
        to.rx.extend_from_slice(&from.tx.sealed()[..n]);
        from.tx.consume(n);
        to.read(&mut self.tally);
    }

    fn settle(&mut self) {
        for _ in 0..8 {
            for at in [0, 1] {
                self.ends[at].transmit();
                self.carry(at, usize::MAX);
            }
        }
    }

    fn finish(mut self) -> Tally {
        // Another lease, or what is accepted waits for ever.
        for at in [0, 1] {
            self.settle();
            let seed = self.seed();
            let end = &mut self.ends[at];
            let rx = core::mem::take(&mut end.rx);
            if let Ok((_, lease)) = end.session().lease(1000, &rx, &key(), CONTEXT, &seed) {
                end.session().lease_stored(lease).expect("the newest");
            }
            end.rx = rx;
        }
        self.settle();
        let [a, b] = &self.ends;
        let fault = a.error.or(b.error);
        assert!(self.lossy || fault.is_none(), "{fault:?} although nothing was lost");
        if !self.lossy {
            assert_eq!((&a.accepted, &b.accepted), (&b.arrived, &a.arrived), "a message is missing");
            self.tally.whole += 1;
        }
        self.tally.faults += u64::from(fault.is_some());
        self.tally
    }
}
