//! Snapshots.
//!
//! Byte 0 of an input chooses: bytes that somebody takes for a snapshot, or two honest sessions whose owners hand them
//! over, crash, and go on from snapshots that are out of date. Then come operations: a byte that says what and, with bit
//! 7, at which end, and two bytes of size where one is needed.
//!
//! Nothing made up is restored. A message arrives once at most, and in order. As long as sessions are only handed over,
//! every message arrives and nobody finds a fault. Whichever lease a crash leaves in the store, the peer follows it, if the
//! sending key has not changed since.

use crate::input::Input;
use crate::keys::protocol;
use sealock_proto::buf::TxBuf;
use sealock_proto::entropy::Seed;
use sealock_proto::session::{
    Config, Error, Event, Lease, Outgoing, RekeyPolicy, RestoreError, Session, Snapshot, SnapshotKey,
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
    /// The same when nobody could know which of several leases was in the store, and the peer must follow each.
    pub doubtful: u64,
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
            let policy = RekeyPolicy::default().with_records(25);
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

/// What may be in the store.
struct Kept {
    snapshot: Snapshot,
    /// Changes of the sending key before it, and bytes that had arrived.
    rekeys: u64,
    received: u64,
    /// Another session has gone on since.
    outdated: bool,
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
    /// Bytes that have arrived.
    received: u64,
    /// What may be in the store, the newest last.
    kept: Vec<Kept>,
    /// The lease of the newest, as long as nobody knows whether that is stored.
    pending: Option<Lease>,
    /// Snapshots that others went on from.
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
            received: 0,
            kept: Vec::new(),
            pending: None,
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
        self.pending = None;
        self.kept.iter_mut().for_each(|kept| kept.outdated = true);
    }

    /// Makes a lease and leaves it on its way to the store.
    fn lease(&mut self, records: u32, seed: &Seed) {
        let rx = core::mem::take(&mut self.rx);
        let session = self.session();
        let rekeys = session.stats().sent.rekeys;
        if let Ok((snapshot, lease)) = session.lease(records, &rx, &key(), CONTEXT, seed, NOW) {
            let left = session.lease_left().expect("there is a lease");
            assert!(left <= records, "{left} of {records}");
            self.kept.push(Kept { snapshot, rekeys, received: self.received, outdated: false });
            self.pending = Some(lease);
        }
        self.rx = rx;
    }

    /// The newest lease, if it is on its way, has come to the store or not.
    fn settle_lease(&mut self, stored: bool) {
        let (Some(lease), Some(newest)) = (self.pending.take(), self.kept.pop()) else { return };
        let session = self.session();
        let is_current = session.stats().sent.rekeys == newest.rekeys;
        if stored {
            assert_eq!(session.lease_stored(lease).is_ok(), is_current);
            self.kept.clear();
            self.kept.push(newest);
        } else if session.lease_discarded(lease).is_err() {
            assert!(!is_current);
        }
    }

    /// Whether there was something to hand over.
    fn hand_over(&mut self, seeds: [Seed; 2]) -> bool {
        self.transmit();
        let [out, back] = seeds;
        let session = self.session.take().expect("given back by every operation");
        match session.hand_over(&self.rx, &self.tx, &key(), CONTEXT, &out, NOW) {
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
    /// What these ends send may not be what their peers expect.
    torn: [bool; 2],
    tally: Tally,
}

impl Pair {
    fn new() -> Self {
        let ends = [0, 1].map(|n: u8| End::new(&configs()[usize::from(n)], n));
        let mut pair =
            Self { ends, seeds: 0, number: 0, lossy: false, torn: [false; 2], tally: Tally::default() };
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
            13 => match (operation >> 4) % 4 {
                0 => {
                    end.lease(1 + input.below(60) as u32, &out);
                    end.settle_lease(true);
                }
                1 => end.lease(1 + input.below(12) as u32, &out),
                stored_or_not => end.settle_lease(stored_or_not == 2),
            },
            14 => self.crash(at, usize::from(operation >> 4) % 8, back),
            _ => {
                let which = input.below(end.old.len().max(1));
                if let Some(snapshot) = end.old.get(which).cloned() {
                    end.tx.truncate_open(0);
                    end.restore(&snapshot, back);
                    (self.lossy, self.torn) = (true, [true; 2]);
                    self.tally.stale += 1;
                }
            }
        }
    }

    /// `which` of the leases is in the store is up to chance.
    fn crash(&mut self, at: usize, which: usize, seed: Seed) {
        // Whole records were written, and what was not is gone.
        self.carry(at, usize::MAX);
        let end = &mut self.ends[at];
        let kept = core::mem::take(&mut end.kept);
        let (which, several) = (which % kept.len().max(1), kept.len() > 1);
        let Some(Kept { snapshot, rekeys, received, outdated }) = kept.into_iter().nth(which) else { return };
        let ended = end.error.is_some() || outdated;
        self.torn[at] |= ended || end.session().stats().sent.rekeys != rekeys;
        self.torn[1 - at] |= ended || end.received != received;
        self.tally.doubtful += u64::from(several && !self.torn[at]);
        end.tx.truncate_open(0);
        end.restore(&snapshot, seed);
        self.lossy = true;
        self.tally.recovered += 1;
    }

    fn carry(&mut self, from: usize, n: usize) {
        let [a, b] = &mut self.ends;
        let (from, to) = if from == 0 { (a, b) } else { (b, a) };
        let n = from.tx.sealed().len().min(n);
        to.rx.extend_from_slice(&from.tx.sealed()[..n]);
        from.tx.consume(n);
        to.received += n as u64;
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
            self.ends[at].lease(1000, &seed);
            self.ends[at].settle_lease(true);
        }
        self.settle();
        for (end, torn) in self.ends.iter().zip([self.torn[1], self.torn[0]]) {
            // Of several crashes the peer may lose more than it allows.
            let follows = matches!(end.error, None | Some(Error::RecordsLost { .. }));
            assert!(torn || follows, "{:?} although every lease was one to follow", end.error);
        }
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
