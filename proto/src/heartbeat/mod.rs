//! Whether the peer is still there: pings, round trips, silence and idleness.
//!
//! The one liveness machine of every protocol that has pings. How a ping looks on the wire, and what
//! happens once a peer is dead, is up to the protocol.

mod config;
mod rtt;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_model;

pub use config::{HeartbeatConfig, HeartbeatError};
pub use rtt::Rtt;

use crate::entropy::Jitter;
use crate::time::{Instant, OptionalInstant, nanos};
use core::fmt;
use core::time::Duration;
use rtt::Estimator;

/// Why the peer counts as dead.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dead {
    /// Nothing came, pings or not.
    Silent {
        /// How long we listened since anything last came.
        silence: Duration,
        /// Pings in a row that nothing came in answer to.
        probes: u32,
    },
    /// The peer is there, but for `limit` there was no application message either way.
    Idle {
        /// The configured limit.
        limit: Duration,
    },
}

impl fmt::Display for Dead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent { silence, probes } => {
                let silence = Duration::from_millis(silence.as_millis().try_into().unwrap_or(u64::MAX));
                write!(f, "the peer is silent: nothing came for {silence:?}, {probes} pings went unanswered")
            }
            Self::Idle { limit } => {
                write!(f, "the connection is idle: no message for {limit:?}; connect again when there is one")
            }
        }
    }
}

impl core::error::Error for Dead {}

/// A ping that nothing has come in answer to yet, and what that led to.
#[derive(Clone, Copy, Debug)]
enum Probe {
    /// Something came since the last ping was owed.
    None,
    Waiting {
        /// Pings before this one that went unanswered.
        missed: u32,
        /// When this one will have. Meaningless while not listening.
        until: Instant,
    },
    /// The peer is dead, for good. In nanoseconds to stay small, see [`Dead::Silent`].
    Silent { probes: u32, silence: u64 },
    /// See [`Dead::Idle`].
    Idle,
}

/// Decides when to ping, measures round trips and tells when the peer is dead.
///
/// Four rules, each with its own clock:
/// - A ping is owed every `interval`, whatever else happens: it keeps address translators and the peer's own
///   view alive and measures the round trip under load.
/// - From when a ping is owed, something must come within `probe_timeout`. If nothing does, that is a miss
///   and the next ping is owed at once; after more than `misses` in a row the peer is [`Dead::Silent`].
///   A ping for which there was no room to send counts too.
/// - After `idle` without an application message the connection is [`Dead::Idle`].
/// - While the owner does not listen, a ping is owed every half `probe_timeout`. The peer hears no answer to
///   its own pings then, and must not take that for death.
///
/// The second and third count only time in which the owner listens: silence it causes itself by not reading
/// proves nothing. When it listens again, a ping has its whole `probe_timeout` once more.
#[derive(Clone, Debug)]
pub struct Heartbeat {
    /// In nanoseconds, like `probe_timeout`: a `Duration` is twice the size.
    interval: u64,
    probe_timeout: u64,
    /// [`u64::MAX`], which never passes, for no limit.
    idle: u64,
    misses: u32,
    owed: bool,
    /// Since when the owner has not been listening.
    paused: OptionalInstant,
    /// When something last came, later by the pauses since.
    heard: Instant,
    /// When an application message last passed, later by the pauses since.
    active: Instant,
    next_ping: Instant,
    last_owed: Instant,
    probe: Probe,
    /// The newest ping's id, and when it was sent if nothing has answered it.
    ping: u64,
    sent: OptionalInstant,
    rtt: Option<Estimator>,
    jitter: Jitter,
}

impl Heartbeat {
    /// Starts at `now`, listening, with the first ping a period away.
    ///
    /// Check `config` with [`HeartbeatConfig::validate`] before; a duration that it refuses is raised to
    /// [`HeartbeatConfig::MIN`].
    #[must_use]
    pub fn new(config: HeartbeatConfig, jitter: Jitter, now: Instant) -> Self {
        let mut heartbeat = Self {
            interval: nanos(config.interval.max(HeartbeatConfig::MIN)),
            probe_timeout: nanos(config.probe_timeout.max(HeartbeatConfig::MIN)),
            idle: config.idle.map_or(u64::MAX, |idle| nanos(idle.max(HeartbeatConfig::MIN))),
            misses: config.misses,
            owed: false,
            paused: OptionalInstant::NONE,
            heard: now,
            active: now,
            next_ping: now,
            last_owed: now,
            probe: Probe::None,
            ping: 0,
            sent: OptionalInstant::NONE,
            rtt: None,
            jitter,
        };
        heartbeat.schedule_ping(now);
        heartbeat
    }

    /// Something came from the peer; anything is a sign of life. Call it once per read, or more often.
    pub fn on_received(&mut self, now: Instant) {
        self.heard = self.heard.max(now);
        if let Probe::Waiting { .. } = self.probe {
            self.probe = Probe::None;
        }
    }

    /// An application message was sent or received.
    pub fn on_message(&mut self, now: Instant) {
        self.active = self.active.max(now);
    }

    /// Whether the owner truly waits for the peer: all input is worked off and it is not throttling. Saying
    /// the same again changes nothing.
    pub fn set_listening(&mut self, now: Instant, listening: bool) {
        match (self.paused.get(), listening) {
            (None, false) => self.paused = OptionalInstant::some(now),
            (Some(since), true) => {
                let pause = now.saturating_since(since);
                self.heard = now.min(self.heard + pause);
                self.active = now.min(self.active + pause);
                if let Probe::Waiting { until, .. } = &mut self.probe {
                    *until = after(now, self.probe_timeout);
                }
                self.paused = OptionalInstant::NONE;
            }
            _ => {}
        }
    }

    /// Whether a ping is owed. May change with [`Heartbeat::handle_timeout`] and [`Heartbeat::take_ping`].
    #[must_use]
    pub const fn ping_owed(&self) -> bool {
        self.owed
    }

    /// The id of the ping to put into the transmit buffer now, if one is owed. The round trip counts from
    /// here. Call it only if there is room: the ping is no longer owed afterwards.
    ///
    /// Ids are hard to guess, so that a peer cannot easily answer before it was asked, but they are not
    /// secrets.
    #[must_use = "the ping is owed no longer and must be sent"]
    pub fn take_ping(&mut self, now: Instant) -> Option<u64> {
        if !self.owed {
            return None;
        }
        self.owed = false;
        // One draw alone would give away the generator's state, and with it all later ids.
        let id = self.jitter.next_u64() ^ self.jitter.next_u64();
        (self.ping, self.sent) = (id, OptionalInstant::some(now));
        Some(id)
    }

    /// A pong came: the round trip if it answers the latest ping and is the first to do so. Any other id
    /// changes nothing but is, like all that comes, a sign of life. Time the pong waited unread counts too.
    pub fn on_pong(&mut self, now: Instant, id: u64) -> Option<Duration> {
        self.on_received(now);
        let sent = self.sent.get().filter(|_| self.ping == id)?;
        self.sent = OptionalInstant::NONE;
        let sample = now.saturating_since(sent);
        match &mut self.rtt {
            Some(rtt) => rtt.update(sample),
            None => self.rtt = Some(Estimator::first(sample)),
        }
        Some(sample)
    }

    /// The round trip, once a ping has been answered.
    #[must_use]
    pub fn rtt(&self) -> Option<Rtt> {
        self.rtt.as_ref().map(Estimator::rtt)
    }

    /// When to call [`Heartbeat::handle_timeout`]: O(1). May change with every other call. `None` once dead.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.dead().is_some() {
            return None;
        }
        let next = self.ping_due().min(self.probe_due()).min(self.idle_due());
        (next < Instant::MAX).then_some(next)
    }

    /// Acts on the deadlines that have come. After it the next one is later than `now`.
    ///
    /// # Errors
    /// The peer is dead. It stays so: the same error comes again, no ping is owed and no deadline is left.
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), Dead> {
        if self.dead().is_none() {
            self.advance(now);
        }
        let dead = self.dead();
        self.owed &= dead.is_none();
        dead.map_or(Ok(()), Err)
    }

    const fn dead(&self) -> Option<Dead> {
        match self.probe {
            Probe::None | Probe::Waiting { .. } => None,
            Probe::Silent { probes, silence } => {
                Some(Dead::Silent { silence: Duration::from_nanos(silence), probes })
            }
            Probe::Idle => Some(Dead::Idle { limit: Duration::from_nanos(self.idle) }),
        }
    }

    fn advance(&mut self, now: Instant) {
        if self.probe_due() <= now {
            self.miss(now);
        }
        if self.dead().is_some() {
            return;
        }
        if self.idle_due() <= now {
            self.probe = Probe::Idle;
        } else if self.ping_due() <= now {
            self.owe_ping(now);
        }
    }

    /// Nothing came in answer to the probe: give up, or ping again at once.
    fn miss(&mut self, now: Instant) {
        let Probe::Waiting { missed, .. } = self.probe else { return };
        let probes = missed.saturating_add(1);
        if missed >= self.misses {
            self.probe = Probe::Silent { probes, silence: nanos(now.saturating_since(self.heard)) };
            return;
        }
        self.await_answer(now, probes);
        self.owe_ping(now);
    }

    fn owe_ping(&mut self, now: Instant) {
        self.owed = true;
        self.last_owed = now;
        self.schedule_ping(now);
        if matches!(self.probe, Probe::None) {
            self.await_answer(now, 0);
        }
    }

    fn await_answer(&mut self, now: Instant, missed: u32) {
        self.probe = Probe::Waiting { missed, until: after(now, self.probe_timeout) };
    }

    fn schedule_ping(&mut self, now: Instant) {
        let interval = Duration::from_nanos(self.interval);
        let early = self.jitter.up_to(interval / 10);
        self.next_ping = now + interval.saturating_sub(early);
    }

    fn ping_due(&self) -> Instant {
        let hold = |since: Instant| after(since.max(self.last_owed), self.probe_timeout / 2);
        self.paused.get().map_or(self.next_ping, |since| self.next_ping.min(hold(since)))
    }

    const fn probe_due(&self) -> Instant {
        match (self.probe, self.paused.get()) {
            (Probe::Waiting { until, .. }, None) => until,
            _ => Instant::MAX,
        }
    }

    const fn idle_due(&self) -> Instant {
        match self.paused.get() {
            None => after(self.active, self.idle),
            Some(_) => Instant::MAX,
        }
    }
}

/// The instant so many nanoseconds after `at`; saturates.
const fn after(at: Instant, nanos: u64) -> Instant {
    Instant::from_nanos(at.as_nanos().saturating_add(nanos))
}
