//! One direction of datagrams: nothing is certain to arrive, once, or in order.

use crate::entropy::Jitter;
use crate::time::Instant;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::time::Duration;

/// Loss in bursts, by the model of Gilbert and Elliott: a good and a bad state, each with its own loss. Probabilities
/// are of one datagram, 0.0 to 1.0. The mean length of a burst is `1 / leave` datagrams.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BurstLoss {
    /// Good becomes bad.
    pub enter: f64,
    /// Bad becomes good.
    pub leave: f64,
    /// Loss in the good state.
    pub good: f64,
    /// Loss in the bad state.
    pub bad: f64,
}

/// What became of a datagram.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is under way.
    Sent,
    /// It is under way twice.
    Duplicated,
    /// It will not arrive.
    Lost,
    /// It is larger than the MTU and will not arrive.
    TooLarge,
}

/// One direction of datagrams, as a value: push at one instant, pop at a later one.
///
/// By default nothing is lost, doubled or delayed. Two links with the same seed and the same calls behave the same.
///
/// ```
/// use sealock_proto::sim::{DatagramLink, Fate};
/// use sealock_proto::time::Instant;
/// use std::time::Duration;
///
/// let sent = Instant::ZERO;
/// let mut link = DatagramLink::new(7).with_latency(Duration::from_millis(30)).with_mtu(1200);
/// assert_eq!(link.push(sent, b"are you there?"), Fate::Sent);
/// assert_eq!(link.push(sent, &[0; 1500]), Fate::TooLarge);
/// let arrival = link.poll_timeout().unwrap();
/// assert_eq!(arrival, sent + Duration::from_millis(30));
/// assert_eq!(link.pop(arrival).as_deref(), Some(&b"are you there?"[..]));
/// ```
#[derive(Debug)]
pub struct DatagramLink {
    rng: Jitter,
    latency: Duration,
    jitter: Duration,
    mtu: usize,
    loss: f64,
    burst: Option<BurstLoss>,
    bad: bool,
    duplication: f64,
    reordering: (f64, Duration),
    /// By arrival, then by the order of pushing.
    in_flight: BTreeMap<(Instant, u64), Vec<u8>>,
    pushed: u64,
}

impl DatagramLink {
    /// A perfect wire whose choices, once it has any, follow from `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self {
            rng: Jitter::new(seed),
            latency: Duration::ZERO,
            jitter: Duration::ZERO,
            mtu: usize::MAX,
            loss: 0.0,
            burst: None,
            bad: false,
            duplication: 0.0,
            reordering: (0.0, Duration::ZERO),
            in_flight: BTreeMap::new(),
            pushed: 0,
        }
    }

    /// The time from one end to the other.
    #[must_use]
    pub const fn with_latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    /// Up to this much more, drawn evenly for every datagram; what was pushed first may arrive last.
    #[must_use]
    pub const fn with_jitter(mut self, jitter: Duration) -> Self {
        self.jitter = jitter;
        self
    }

    /// The largest datagram that arrives, in bytes.
    #[must_use]
    pub const fn with_mtu(mut self, bytes: usize) -> Self {
        self.mtu = bytes;
        self
    }

    /// Each datagram is lost with this probability, 0.0 to 1.0, whatever else happens.
    #[must_use]
    pub const fn with_loss(mut self, probability: f64) -> Self {
        self.loss = probability;
        self
    }

    /// Datagrams are lost in bursts.
    #[must_use]
    pub const fn with_burst_loss(mut self, burst: BurstLoss) -> Self {
        self.burst = Some(burst);
        self
    }

    /// Each datagram arrives twice with this probability, 0.0 to 1.0; each copy has its own delay.
    #[must_use]
    pub const fn with_duplication(mut self, probability: f64) -> Self {
        self.duplication = probability;
        self
    }

    /// Each copy takes `extra` longer with this probability, 0.0 to 1.0, so that later ones overtake it.
    #[must_use]
    pub const fn with_reordering(mut self, probability: f64, extra: Duration) -> Self {
        self.reordering = (probability, extra);
        self
    }

    /// Sends a datagram.
    pub fn push(&mut self, now: Instant, datagram: &[u8]) -> Fate {
        if datagram.len() > self.mtu {
            return Fate::TooLarge;
        }
        // Both are always drawn: what one link loses does not change the fate of the next datagram.
        let (burst, single) = (self.burst_loses(), self.chance(self.loss));
        if burst || single {
            return Fate::Lost;
        }
        let twice = self.chance(self.duplication);
        for _ in 0..=u8::from(twice) {
            let (probability, extra) = self.reordering;
            let late = if self.chance(probability) { extra } else { Duration::ZERO };
            let at = now + self.latency + self.rng.up_to(self.jitter) + late;
            self.pushed += 1;
            self.in_flight.insert((at, self.pushed), datagram.to_vec());
        }
        if twice { Fate::Duplicated } else { Fate::Sent }
    }

    /// The next datagram that has arrived.
    pub fn pop(&mut self, now: Instant) -> Option<Vec<u8>> {
        let first = self.in_flight.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }

    /// When the next datagram arrives, or did.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.in_flight.keys().next().map(|(at, _)| *at)
    }

    /// Moves the burst model on by one datagram.
    fn burst_loses(&mut self) -> bool {
        let Some(BurstLoss { enter, leave, good, bad }) = self.burst else { return false };
        let turns = self.chance(if self.bad { leave } else { enter });
        self.bad ^= turns;
        self.chance(if self.bad { bad } else { good })
    }

    fn chance(&mut self, probability: f64) -> bool {
        // 53 bits, exact in an f64: 0.0 never happens, 1.0 always.
        let draw = (self.rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
        draw < probability
    }
}
