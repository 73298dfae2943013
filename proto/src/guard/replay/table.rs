//! What is remembered of first messages, and what stands for those that are forgotten. Knows no clock and no rules
//! about age.

use alloc::boxed::Box;
use alloc::vec;

/// Entries in a set.
const WAYS: usize = 8;

/// Messages remembered of one key.
const DEPTH: usize = 7;

/// Where a message belongs: in which set, as whose, and what it is known by there.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// Evenly spread over all 64-bit numbers.
    pub(super) spread: u64,
    pub(super) tag: u64,
    pub(super) print: u64,
}

/// When a message was sent.
#[derive(Clone, Copy)]
pub(super) enum Sent {
    /// As it says itself, in nanoseconds.
    At(u64),
    /// It does not say; it came at this time. No floor applies to it.
    Unknown { came: u64 },
}

/// One message: its fingerprint and its time.
#[derive(Clone, Copy)]
struct Seen {
    print: u64,
    time: u64,
}

/// The newest messages of one key: the first `used` of `seen`. Each that is forgotten is not newer than `floor`.
#[derive(Clone, Copy)]
struct Entry {
    tag: u64,
    floor: u64,
    used: usize,
    seen: [Seen; DEPTH],
}

/// Some keys. Each message of one that is forgotten is not newer than `floor`.
#[derive(Clone)]
struct Set {
    floor: u64,
    entries: [Entry; WAYS],
}

const EMPTY: Entry = Entry { tag: 0, floor: 0, used: 0, seen: [Seen { print: 0, time: 0 }; DEPTH] };

/// Why the table does not take a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// It is here.
    Seen,
    /// Not newer than one of the same key that is forgotten.
    Overtaken,
    /// Not newer than one of a key that is forgotten.
    Crowded,
}

/// A set-associative table in which every message that was taken is either remembered or not newer than a floor.
///
/// What falls out of an entry raises the entry's floor to its time; an entry that falls out of its set raises the set's
/// floor to its newest time. What falls out is the oldest, the newcomer included.
pub(super) struct Table(Box<[Set]>);

impl Table {
    /// Room for at least `keys` keys.
    pub(super) fn new(keys: usize) -> Self {
        Self(vec![Set { floor: 0, entries: [EMPTY; WAYS] }; keys.div_ceil(WAYS)].into_boxed_slice())
    }

    pub(super) fn keys(&self) -> usize {
        self.0.len() * WAYS
    }

    pub(super) fn memory(&self) -> usize {
        size_of_val(&*self.0)
    }

    /// Takes a message, once.
    pub(super) fn take(&mut self, place: Place, sent: Sent) -> Result<(), Refused> {
        // Scales 64 bits to the number of sets without a division; always below it.
        let index = (u128::from(place.spread) * self.0.len() as u128) >> 64;
        match self.0.get_mut(index as usize) {
            Some(set) => set.take(place, sent),
            // No message has such a place. Were there one, it could not be remembered.
            None => Err(Refused::Crowded),
        }
    }
}

impl Sent {
    const fn time(self) -> u64 {
        match self {
            Self::At(time) | Self::Unknown { came: time } => time,
        }
    }

    /// Whether it is not newer than `floor`, so that a floor there stands for it.
    const fn is_below(self, floor: u64) -> bool {
        matches!(self, Self::At(time) if time <= floor)
    }
}

impl Set {
    fn take(&mut self, place: Place, sent: Sent) -> Result<(), Refused> {
        let Self { floor, entries } = self;
        if let Some(entry) = entries.iter_mut().find(|entry| entry.used > 0 && entry.tag == place.tag) {
            return entry.take(place.print, sent);
        }
        if sent.is_below(*floor) {
            return Err(Refused::Crowded);
        }
        // None is less than any time: a place that is empty is taken first.
        let Some(oldest) = entries.iter_mut().min_by_key(|entry| entry.newest()) else {
            return Err(Refused::Crowded);
        };
        match oldest.newest() {
            Some(newest) if sent.is_below(newest) => *floor = (*floor).max(sent.time()),
            newest => {
                // What this key may have sent before is not newer than the floor as it was.
                *oldest = Entry { tag: place.tag, floor: *floor, ..EMPTY };
                oldest.push(Seen { print: place.print, time: sent.time() });
                *floor = (*floor).max(newest.unwrap_or(0));
            }
        }
        Ok(())
    }
}

impl Entry {
    fn seen(&self) -> &[Seen] {
        self.seen.get(..self.used).unwrap_or(&self.seen)
    }

    /// The newest time of what this stands for. `None`: for nothing.
    fn newest(&self) -> Option<u64> {
        self.seen().iter().map(|seen| seen.time.max(self.floor)).max()
    }

    fn take(&mut self, print: u64, sent: Sent) -> Result<(), Refused> {
        if self.seen().iter().any(|seen| seen.print == print) {
            return Err(Refused::Seen);
        }
        if sent.is_below(self.floor) {
            return Err(Refused::Overtaken);
        }
        let new = Seen { print, time: sent.time() };
        if self.used < DEPTH {
            self.push(new);
        } else if let Some(oldest) = self.seen.iter_mut().min_by_key(|seen| seen.time) {
            if sent.is_below(oldest.time) {
                self.floor = self.floor.max(new.time);
            } else {
                self.floor = self.floor.max(oldest.time);
                *oldest = new;
            }
        }
        Ok(())
    }

    /// There must be room.
    fn push(&mut self, new: Seen) {
        if let Some(seen) = self.seen.get_mut(self.used) {
            *seen = new;
            self.used += 1;
        }
    }
}
