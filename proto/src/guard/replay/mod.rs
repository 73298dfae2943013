//! Whether a first message was sent for this handshake or is a copy of one that was.
//!
//! Whoever records the first message of a handshake can send it again; where it authenticates its sender (IK, KK, and
//! whatever begins with a psk), the responder would believe it twice. What is not authenticated needs no filter, and
//! gets none: anybody can make a new one.

mod config;
mod table;
#[cfg(test)]
mod tests;

pub use config::{ReplayConfig, ReplayError};

use super::crypto::{self, Secret};
use crate::entropy::Seed;
use crate::noise::PublicKey;
use crate::time::nanos;
use core::fmt;
use core::time::Duration;
use table::{Place, Refused, Sent, Table};

/// What is known of a first message once it is authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirstSeen {
    /// The initiator's static key, if the message has proven one.
    pub peer: Option<PublicKey>,
    /// The initiator's ephemeral key.
    pub ephemeral: PublicKey,
    /// When the message was made by the initiator's clock, as the time since the Unix epoch. Authenticated, like the
    /// rest.
    pub timestamp: Option<Duration>,
}

/// Why a first message is refused: it is a copy, or may be one.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replay {
    /// It has no timestamp.
    NoTimestamp,
    /// It is older than the window.
    TooOld {
        /// How far its timestamp is behind this end's clock.
        age: Duration,
    },
    /// It is further ahead of this end's clock than the skew allows.
    FromTheFuture {
        /// How far its timestamp is ahead of this end's clock.
        ahead: Duration,
    },
    /// It is ahead of this end's clock, by no more than the skew: not to be accepted yet, so that a restart knows that
    /// nothing from the future was. Ask again.
    Early {
        /// How far its timestamp is ahead of this end's clock.
        wait: Duration,
    },
    /// It may have been accepted before this filter was made.
    BeforeStart,
    /// It was accepted before.
    Seen,
    /// It is not newer than a message of the same key that is forgotten.
    Overtaken,
    /// It is not newer than a message of a key that is forgotten.
    Crowded,
}

impl fmt::Display for Replay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTimestamp => {
                f.write_str("replay: the message has no timestamp; let the initiator send one")
            }
            Self::TooOld { age } => {
                write!(
                    f,
                    "replay: the message is {age:?} old; set both clocks, or allow for more with window"
                )
            }
            Self::FromTheFuture { ahead } => {
                write!(
                    f,
                    "replay: the message is {ahead:?} ahead; set both clocks, or allow for more with skew"
                )
            }
            Self::Early { wait } => {
                write!(f, "replay: the message is ahead of the clock; ask again in {wait:?}")
            }
            Self::BeforeStart => {
                f.write_str("replay: the message may be one of before the restart; try again")
            }
            Self::Seen => {
                f.write_str("replay: the message was accepted before; a new handshake needs a new one")
            }
            Self::Overtaken => {
                f.write_str("replay: newer messages of this key overtook this one; try again with a new one")
            }
            Self::Crowded => f.write_str(
                "replay: more keys than there is memory for; try again, or remember more with keys",
            ),
        }
    }
}

impl core::error::Error for Replay {}

/// What a [`ReplayFilter`] has counted.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReplayStats {
    /// Messages accepted.
    pub accepted: u64,
    /// Refused with [`Replay::NoTimestamp`].
    pub no_timestamp: u64,
    /// Refused with [`Replay::TooOld`].
    pub too_old: u64,
    /// Refused with [`Replay::FromTheFuture`].
    pub from_the_future: u64,
    /// Put off with [`Replay::Early`].
    pub early: u64,
    /// Refused with [`Replay::BeforeStart`].
    pub before_start: u64,
    /// Refused with [`Replay::Seen`].
    pub seen: u64,
    /// Refused with [`Replay::Overtaken`].
    pub overtaken: u64,
    /// Refused with [`Replay::Crowded`].
    pub crowded: u64,
}

/// Accepts each first message at most once, in memory that is fixed at construction. There must be one for each
/// static key of a responder, shared by all its connections: two that know nothing of each other each accept a
/// message once.
///
/// Accepted is only what is younger than the window, not from the future, newer than the start, and not remembered. What is
/// ahead by no more than the skew is put off until its time has come. Of each key the newest 7 messages are remembered, so that several connections may begin at once and
/// overtake each other. A message that is forgotten leaves a floor: nothing of the same key is accepted that is not
/// newer. A key that is forgotten leaves a floor for all that share its set of 8, and which those are is secret. So a
/// copy is never accepted; a message that is not may be refused, in a crowd or behind 7 newer ones. One that is newer
/// than all before is not.
///
/// Who owns many keys that are welcome can raise floors, and so have others refused that are slow. Let only known keys in ([`Policy`](super::Policy)), or remember more.
///
/// Ask only about messages that were authenticated: any other could be made to push out true ones.
///
/// # Restarts
///
/// Nothing needs to be saved: nothing from the future was accepted, so all that may have been accepted before the start is
/// older than it and refused. Where the clock may have been set back between, as on a machine that starts without a clock and
/// asks for the time later, save [`newest`](Self::newest) ([`ReplayConfig::with_resume`]). While a filter lives, its clock may be set back and forth and no copy is accepted.
pub struct ReplayFilter {
    secret: Secret,
    table: Table,
    window: Duration,
    skew: Duration,
    require_timestamp: bool,
    start: Duration,
    newest: Duration,
    stats: ReplayStats,
}

impl ReplayFilter {
    /// A filter for what is made from now on. `started` is now, as the time since the Unix epoch. Allocates all it will
    /// ever need.
    ///
    /// # Errors
    /// Names the field of `config` that is out of range.
    pub fn new(config: ReplayConfig, seed: &Seed, started: Duration) -> Result<Self, ReplayError> {
        config.validate()?;
        let start = config.resume.unwrap_or(started);
        Ok(Self {
            secret: seed.derive("replay filter"),
            table: Table::new(config.keys),
            window: config.window,
            skew: config.skew,
            require_timestamp: config.require_timestamp,
            start,
            newest: start,
            stats: ReplayStats::default(),
        })
    }

    /// Accepts or refuses a first message. `unix` is the time since the Unix epoch.
    ///
    /// # Errors
    /// Why it is to be refused; nothing is remembered of it then.
    pub fn check(&mut self, unix: Duration, first: &FirstSeen) -> Result<(), Replay> {
        let result = self.decide(unix, first);
        let count = match result {
            Ok(()) => &mut self.stats.accepted,
            Err(Replay::NoTimestamp) => &mut self.stats.no_timestamp,
            Err(Replay::TooOld { .. }) => &mut self.stats.too_old,
            Err(Replay::FromTheFuture { .. }) => &mut self.stats.from_the_future,
            Err(Replay::Early { .. }) => &mut self.stats.early,
            Err(Replay::BeforeStart) => &mut self.stats.before_start,
            Err(Replay::Seen) => &mut self.stats.seen,
            Err(Replay::Overtaken) => &mut self.stats.overtaken,
            Err(Replay::Crowded) => &mut self.stats.crowded,
        };
        *count = count.saturating_add(1);
        result
    }

    fn decide(&mut self, unix: Duration, first: &FirstSeen) -> Result<(), Replay> {
        let sent = match first.timestamp {
            Some(timestamp) => {
                self.judge(unix, timestamp)?;
                Sent::At(nanos(timestamp))
            }
            None if self.require_timestamp => return Err(Replay::NoTimestamp),
            None => Sent::Unknown { came: nanos(unix) },
        };
        self.table.take(self.place(first), sent).map_err(|refused| match refused {
            Refused::Seen => Replay::Seen,
            Refused::Overtaken => Replay::Overtaken,
            Refused::Crowded => Replay::Crowded,
        })?;
        self.newest = self.newest.max(first.timestamp.unwrap_or_default());
        Ok(())
    }

    /// What can be said of a timestamp alone.
    fn judge(&self, unix: Duration, timestamp: Duration) -> Result<(), Replay> {
        let age = unix.saturating_sub(timestamp);
        if age >= self.window {
            return Err(Replay::TooOld { age });
        }
        let ahead = timestamp.saturating_sub(unix);
        if ahead > self.skew {
            return Err(Replay::FromTheFuture { ahead });
        }
        if !ahead.is_zero() {
            return Err(Replay::Early { wait: ahead });
        }
        if timestamp <= self.start {
            return Err(Replay::BeforeStart);
        }
        Ok(())
    }

    fn place(&self, first: &FirstSeen) -> Place {
        let ephemeral = crypto::mac(&self.secret, &[&[0], first.ephemeral.as_bytes()]);
        let whose = match &first.peer {
            Some(peer) => crypto::mac(&self.secret, &[&[1], peer.as_bytes()]),
            None => ephemeral,
        };
        let [spread, tag, ..] = words(&whose);
        let [.., print] = words(&ephemeral);
        Place { spread, tag, print }
    }

    /// The newest timestamp that is accepted no more because of what this filter and those before it have accepted:
    /// what to save for [`ReplayConfig::with_resume`].
    #[must_use]
    pub const fn newest(&self) -> Duration {
        self.newest
    }

    /// Bytes this filter uses, the table included. Never changes.
    #[must_use]
    pub fn memory(&self) -> usize {
        size_of::<Self>() + self.table.memory()
    }

    /// How many keys there is room for.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.table.keys()
    }

    /// What has been counted so far.
    #[must_use]
    pub const fn stats(&self) -> ReplayStats {
        self.stats
    }
}

/// A MAC as four independent numbers.
fn words(mac: &[u8; 32]) -> [u64; 4] {
    let mut words = [0; 4];
    for (word, bytes) in words.iter_mut().zip(mac.chunks_exact(8)) {
        *word = bytes.iter().fold(0, |word, byte| (word << 8) | u64::from(*byte));
    }
    words
}

impl fmt::Debug for ReplayFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplayFilter")
            .field("window", &self.window)
            .field("skew", &self.skew)
            .field("capacity", &self.capacity())
            .field("stats", &self.stats)
            .finish_non_exhaustive()
    }
}
