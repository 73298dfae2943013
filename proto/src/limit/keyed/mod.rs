//! Attempts counted per source in a table of fixed size.
//!
//! The table is set-associative under a secret hash: a source can live in the 8 places of one set, and which
//! set that is cannot be known from outside, so no one can crowd out a chosen source. A full set forgets:
//! an attacker with many sources can make the limiter forget, but never make it refuse anyone else.

mod config;
mod source;
#[cfg(test)]
mod tests;

pub use config::{KeyedConfig, KeyedError};
pub use source::Source;

use crate::entropy::Seed;
use crate::time::Instant;
use alloc::boxed::Box;
use alloc::vec;
use blake2::Blake2sMac256;
use blake2::digest::{FixedOutput, KeyInit, Update};
use core::fmt;
use core::time::Duration;

/// Places in a set. With the entry at 32 bytes, a set is four cache lines.
const WAYS: usize = 8;

/// What a [`KeyedLimiter`] says about an attempt.
#[non_exhaustive]
#[must_use = "an attempt that is refused must not be served"]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Serve it.
    Admit {
        /// Attempts the source has left in this window.
        remaining: u32,
    },
    /// Do not serve it.
    Refuse {
        /// From when the source is served again.
        until: Instant,
    },
    /// Do not serve it: as many of the source are under way as may be. It does not count as an attempt. Only from
    /// [`KeyedLimiter::begin`].
    Busy,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Empty,
    /// `made` attempts in the window that began at `since`.
    Counting {
        since: Instant,
        made: u32,
    },
    Cooling {
        until: Instant,
    },
}

#[derive(Clone, Copy)]
struct Entry {
    tag: Tag,
    /// Attempts that were begun and have not ended.
    under_way: u32,
    state: State,
}

/// 96 bits of a secret hash: two sources of a set do not share them.
type Tag = [u8; 12];

const _: () = assert!(size_of::<Entry>() == 32, "documented in KeyedConfig::with_sources");

type Set = [Entry; WAYS];

const NOBODY: Entry = Entry { tag: [0; 12], under_way: 0, state: State::Empty };
const EMPTY: Set = [NOBODY; WAYS];

/// Limits attempts per [`Source`] in O(1) and in memory that is fixed at construction.
///
/// A source has `attempts` attempts in a window of `cool_down` that begins with its first. The next one in
/// that window is refused and begins a cool-down of `cool_down`; attempts made during it are refused and do
/// not extend it. Then counting starts afresh.
///
/// A new source always finds room: it takes the place of an expired entry of its set, else of the one
/// that began counting first, else of the one whose cool-down ends next. So a source is only ever refused
/// for what it did itself: for more than `attempts` attempts within the length of one cool-down, or for those it has
/// under way.
///
/// A `now` earlier than one given before counts as that one.
pub struct KeyedLimiter {
    mac: Blake2sMac256,
    sets: Box<[Set]>,
    attempts: u32,
    cool_down: Duration,
    latest: Instant,
}

impl KeyedLimiter {
    /// An empty table. Allocates all it will ever need.
    ///
    /// # Errors
    /// Names the field of `config` that is out of range.
    pub fn new(config: KeyedConfig, seed: &Seed) -> Result<Self, KeyedError> {
        config.validate()?;
        let key = seed.derive("keyed limiter");
        Ok(Self {
            mac: Blake2sMac256::new((&*key).into()),
            sets: vec![EMPTY; config.sources.div_ceil(WAYS)].into_boxed_slice(),
            attempts: config.attempts,
            cool_down: config.cool_down,
            latest: Instant::ZERO,
        })
    }

    /// Counts an attempt by `source` and says whether to serve it.
    pub fn check(&mut self, now: Instant, source: Source) -> Verdict {
        self.latest = self.latest.max(now);
        let (now, attempts, cool_down) = (self.latest, self.attempts, self.cool_down);
        let mut nobody = NOBODY;
        self.entry(source).unwrap_or(&mut nobody).state.attempt(now, attempts, cool_down)
    }

    /// [`KeyedLimiter::check`] for an attempt that takes a while: it is served only while fewer than `at_most` of the same
    /// source are under way. What is served must be reported to [`KeyedLimiter::end`].
    ///
    /// Of a source that was forgotten and came back, those begun before do not count.
    pub fn begin(&mut self, now: Instant, source: Source, at_most: u32) -> Verdict {
        self.latest = self.latest.max(now);
        let (now, attempts, cool_down) = (self.latest, self.attempts, self.cool_down);
        let mut nobody = NOBODY;
        let entry = self.entry(source).unwrap_or(&mut nobody);
        if entry.under_way >= at_most {
            return Verdict::Busy;
        }
        let verdict = entry.state.attempt(now, attempts, cool_down);
        entry.under_way += u32::from(matches!(verdict, Verdict::Admit { .. }));
        verdict
    }

    /// An attempt of `source` that was begun is over, however it ended. One that is not known changes nothing.
    pub fn end(&mut self, source: Source) {
        if let Some(entry) = self.known(source) {
            entry.under_way = entry.under_way.saturating_sub(1);
        }
    }

    /// Until when `source` is refused at `now`, without an attempt of its own. `None`: not refused.
    #[must_use]
    pub fn refused_until(&self, now: Instant, source: Source) -> Option<Instant> {
        let (index, tag) = self.hash(source);
        let entry = self.sets.get(index)?.iter().find(|entry| entry.tag == tag)?;
        match entry.state {
            State::Cooling { until } if now.max(self.latest) < until => Some(until),
            _ => None,
        }
    }

    /// Forgets one attempt of `source`, which succeeded. The others still count, as they may come to nothing, and a
    /// cool-down goes on: else one success would buy any number of failures.
    pub fn forgive(&mut self, source: Source) {
        let Some(entry) = self.known(source) else { return };
        if let State::Counting { since, made } = entry.state {
            let made = made.saturating_sub(1);
            entry.state = if made == 0 { State::Empty } else { State::Counting { since, made } };
        }
    }

    /// Bytes this limiter uses, the table included. Never changes.
    #[must_use]
    pub fn memory(&self) -> usize {
        size_of::<Self>() + size_of_val(&*self.sets)
    }

    /// How many sources the table has room for.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.sets.len() * WAYS
    }

    /// Which set `source` belongs to and the tag it is known by there.
    fn hash(&self, source: Source) -> (usize, Tag) {
        let (kind, bytes) = source.encode();
        let mut mac = self.mac.clone();
        mac.update(&[kind]);
        mac.update(bytes);
        let digest: [u8; 32] = mac.finalize_fixed().into();
        let (mut tag, mut spread) = (Tag::default(), [0; 8]);
        tag.copy_from_slice(&digest[..12]);
        spread.copy_from_slice(&digest[16..24]);
        // Scales 64 hash bits to the number of sets without a division; always below it.
        let index = (u128::from(u64::from_le_bytes(spread)) * self.sets.len() as u128) >> 64;
        (index as usize, tag)
    }

    /// The entry of `source`, if it is remembered.
    fn known(&mut self, source: Source) -> Option<&mut Entry> {
        let (index, tag) = self.hash(source);
        self.sets.get_mut(index)?.iter_mut().find(|entry| entry.tag == tag)
    }

    /// The entry of `source`, which takes the place of another if it is new. There always is one.
    fn entry(&mut self, source: Source) -> Option<&mut Entry> {
        let (index, tag) = self.hash(source);
        let set = self.sets.get_mut(index)?;
        let known = set.iter().position(|entry| entry.tag == tag);
        let place = known.unwrap_or_else(|| least_worth(set, self.latest));
        let entry = set.get_mut(place)?;
        if entry.tag != tag {
            *entry = Entry { tag, ..NOBODY };
        }
        Some(entry)
    }
}

/// The place of the entry that is forgotten first.
fn least_worth(set: &[Entry], now: Instant) -> usize {
    let by_worth = set.iter().enumerate().min_by_key(|(_, entry)| entry.state.worth(now));
    by_worth.map_or(0, |(place, _)| place)
}

impl State {
    fn attempt(&mut self, now: Instant, attempts: u32, cool_down: Duration) -> Verdict {
        let (since, made) = match *self {
            Self::Cooling { until } if now < until => return Verdict::Refuse { until },
            Self::Counting { since, made } if now < since + cool_down => (since, made),
            _ => (now, 0),
        };
        if made >= attempts {
            let until = now + cool_down;
            *self = Self::Cooling { until };
            return Verdict::Refuse { until };
        }
        *self = Self::Counting { since, made: made + 1 };
        Verdict::Admit { remaining: attempts - made - 1 }
    }

    /// What is lost by forgetting this; the least goes first. An instant at which counting began has passed,
    /// long ago if the window has, and one at which a cool-down ends has not: so they sort as they should.
    fn worth(self, now: Instant) -> Option<Instant> {
        match self {
            Self::Counting { since, .. } => Some(since),
            Self::Cooling { until } if now < until => Some(until),
            _ => None,
        }
    }
}

impl fmt::Debug for KeyedLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedLimiter")
            .field("attempts", &self.attempts)
            .field("cool_down", &self.cool_down)
            .field("capacity", &self.capacity())
            .finish_non_exhaustive()
    }
}
