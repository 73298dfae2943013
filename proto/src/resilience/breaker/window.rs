//! The outcomes that a failure rate is taken of: of the last calls, or of the last time.

use super::config::RateWindow;
use crate::time::{Instant, nanos};
use alloc::boxed::Box;
use alloc::vec;

/// Parts in which a window of time is forgotten.
const SLOTS: u64 = 10;

/// Calls in a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) calls: u64,
    pub(super) failures: u64,
}

#[derive(Clone, Debug)]
pub(super) enum Window {
    Calls(LastCalls),
    Time(LastTime),
}

impl Window {
    /// An empty one. Allocates all it will ever need.
    pub(super) fn new(window: RateWindow) -> Self {
        match window {
            RateWindow::Calls(size) => Self::Calls(LastCalls {
                bits: vec![0; size.div_ceil(64) as usize].into_boxed_slice(),
                size,
                next: 0,
                calls: 0,
                failures: 0,
            }),
            RateWindow::Time(time) => Self::Time(LastTime {
                slots: [Counts::default(); SLOTS as usize],
                width: (nanos(time) / SLOTS).max(1),
                current: 0,
            }),
        }
    }

    pub(super) fn record(&mut self, now: Instant, failed: bool) {
        match self {
            Self::Calls(calls) => calls.record(failed),
            Self::Time(time) => time.record(now, failed),
        }
    }

    /// What is in the window at the time of the last record.
    pub(super) fn counts(&self) -> Counts {
        match self {
            Self::Calls(calls) => Counts { calls: calls.calls.into(), failures: calls.failures.into() },
            Self::Time(time) => time.slots.iter().fold(Counts::default(), |sum, slot| Counts {
                calls: sum.calls.saturating_add(slot.calls),
                failures: sum.failures.saturating_add(slot.failures),
            }),
        }
    }

    pub(super) fn clear(&mut self) {
        match self {
            // Bits are written before they count again.
            Self::Calls(calls) => (calls.next, calls.calls, calls.failures) = (0, 0, 0),
            Self::Time(time) => time.slots.fill(Counts::default()),
        }
    }
}

/// A ring of bits, set for the calls that failed.
#[derive(Clone, Debug)]
pub(super) struct LastCalls {
    bits: Box<[u64]>,
    size: u32,
    next: u32,
    calls: u32,
    failures: u32,
}

impl LastCalls {
    fn record(&mut self, failed: bool) {
        let bit = 1 << (self.next % 64);
        let Some(word) = self.bits.get_mut((self.next / 64) as usize) else { return };
        if self.calls < self.size {
            self.calls += 1;
        } else if *word & bit != 0 {
            self.failures -= 1;
        }
        if failed {
            *word |= bit;
            self.failures += 1;
        } else {
            *word &= !bit;
        }
        self.next = if self.next + 1 == self.size { 0 } else { self.next + 1 };
    }
}

/// A ring of counts, one for each part of the time.
#[derive(Clone, Debug)]
pub(super) struct LastTime {
    slots: [Counts; SLOTS as usize],
    width: u64,
    /// The number of the newest part since the epoch; its place is that number modulo [`SLOTS`].
    current: u64,
}

impl LastTime {
    fn record(&mut self, now: Instant, failed: bool) {
        let number = now.as_nanos() / self.width;
        if number.saturating_sub(self.current) >= SLOTS {
            self.slots.fill(Counts::default());
            self.current = number;
        }
        while self.current < number {
            self.current += 1;
            if let Some(slot) = self.slots.get_mut((self.current % SLOTS) as usize) {
                *slot = Counts::default();
            }
        }
        if let Some(slot) = self.slots.get_mut((self.current % SLOTS) as usize) {
            slot.calls = slot.calls.saturating_add(1);
            slot.failures = slot.failures.saturating_add(failed.into());
        }
    }
}
