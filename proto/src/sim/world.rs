//! Many pairs on one clock.

use super::error::SimError;
use super::pair::Pair;
use super::subject::Subject;
use crate::time::Instant;
use alloc::collections::BinaryHeap;
use alloc::vec::Vec;
use core::cmp::Reverse;
use core::fmt;
use core::time::Duration;

/// Names a pair in its [`World`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PairId(usize);

/// A breach of contract, and whose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorldError {
    /// The pair.
    pub pair: PairId,
    /// What one of its machines did.
    pub error: SimError,
}

impl fmt::Display for WorldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pair {}: {}", self.pair.0, self.error)
    }
}

impl core::error::Error for WorldError {}

/// Any number of pairs on one virtual clock; only those that have something to do cost anything.
///
/// Buffers that run empty give their memory back, so an idle pair holds its machines and little else. Give pairs
/// [`Pair::with_trace`] zero when there are thousands.
///
/// ```
/// use sealock_proto::entropy::Seed;
/// use sealock_proto::session::{Config, Session};
/// use sealock_proto::sim::{Pair, World};
/// use sealock_proto::time::Instant;
/// use std::time::Duration;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let protocol = "Noise_NN_25519_ChaChaPoly_BLAKE2s".parse()?;
/// let (client, server) = (Config::initiator(protocol).build()?, Config::responder(&[protocol]).build()?);
/// let mut world = World::new();
/// for n in 0..10 {
///     let a = Session::new(&client, Seed::new(&mut [n; 32]), Instant::ZERO)?;
///     let b = Session::new(&server, Seed::new(&mut [100 + n; 32]), Instant::ZERO)?;
///     world.add(Pair::new(a, b).with_trace(0));
/// }
/// world.drive_for(Duration::from_secs(3600))?;
/// assert!(world.pairs().all(|(_, pair)| pair.a.machine().stats().pongs > 200));
/// # Ok(())
/// # }
/// ```
pub struct World<A: Subject, B: Subject> {
    pairs: Vec<Pair<A, B>>,
    /// When each pair is looked at next; entries of the heap that say otherwise are stale.
    wakes: Vec<Option<Instant>>,
    queue: BinaryHeap<Reverse<(Instant, usize)>>,
    now: Instant,
}

impl<A: Subject, B: Subject> World<A, B> {
    /// An empty world at [`Instant::ZERO`].
    #[must_use]
    pub const fn new() -> Self {
        Self { pairs: Vec::new(), wakes: Vec::new(), queue: BinaryHeap::new(), now: Instant::ZERO }
    }

    /// The virtual time.
    #[must_use]
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// Adds a pair, whose clock is taken to this world's. It acts with the next drive.
    pub fn add(&mut self, pair: Pair<A, B>) -> PairId {
        let id = self.pairs.len();
        self.pairs.push(pair.with_start(self.now));
        self.wakes.push(None);
        self.schedule(id, Some(self.now));
        PairId(id)
    }

    /// All pairs, in the order they were added.
    pub fn pairs(&self) -> impl ExactSizeIterator<Item = (PairId, &Pair<A, B>)> {
        self.pairs.iter().enumerate().map(|(id, pair)| (PairId(id), pair))
    }

    /// The pair `id`; `None` if it is of another world.
    #[must_use]
    pub fn pair(&self, id: PairId) -> Option<&Pair<A, B>> {
        self.pairs.get(id.0)
    }

    /// Calls `f` with the pair `id` at this instant, to act as its owners or to change its links. `None` if it is of
    /// another world.
    pub fn with<R>(&mut self, id: PairId, f: impl FnOnce(&mut Pair<A, B>) -> R) -> Option<R> {
        let pair = self.pairs.get_mut(id.0)?;
        pair.set_now(self.now);
        let result = f(pair);
        self.schedule(id.0, Some(self.now));
        Some(result)
    }

    /// Handles everything up to `until` in the order of time, and leaves the clock there.
    ///
    /// # Errors
    /// A machine breaks its contract.
    pub fn drive_until(&mut self, until: Instant) -> Result<(), WorldError> {
        while let Some(&Reverse((at, id))) = self.queue.peek() {
            if at > until {
                break;
            }
            self.queue.pop();
            let (Some(pair), Some(wake)) = (self.pairs.get_mut(id), self.wakes.get(id)) else { continue };
            if *wake != Some(at) {
                continue;
            }
            self.now = self.now.max(at);
            pair.set_now(self.now);
            pair.drive().map_err(|error| WorldError { pair: PairId(id), error })?;
            pair.release();
            let next = pair.next_wake();
            self.schedule(id, next);
        }
        self.now = self.now.max(until);
        Ok(())
    }

    /// [`World::drive_until`] the end of `duration`.
    ///
    /// # Errors
    /// As there.
    pub fn drive_for(&mut self, duration: Duration) -> Result<(), WorldError> {
        self.drive_until(self.now + duration)
    }

    fn schedule(&mut self, id: usize, at: Option<Instant>) {
        if let Some(wake) = self.wakes.get_mut(id) {
            *wake = at;
        }
        self.queue.extend(at.map(|at| Reverse((at, id))));
    }
}

impl<A: Subject, B: Subject> Default for World<A, B> {
    fn default() -> Self {
        Self::new()
    }
}

impl<A: Subject, B: Subject> fmt::Debug for World<A, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World")
            .field("now", &self.now)
            .field("pairs", &self.pairs.len())
            .finish_non_exhaustive()
    }
}
