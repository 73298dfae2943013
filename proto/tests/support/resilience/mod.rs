//! Models of the resilience machines, written as plainly as can be, and operations that compare the two. Shared by the
//! property tests and the fuzz target `resilience`.
//!
//! Bytes are decisions; behind the last byte everything is 0. Nothing here knows how a machine does its work.

mod breaker;
mod budget;
mod pool;
mod queue;

pub(crate) use crate::input::Input;
use sealock_proto::time::Instant;
use std::collections::BTreeMap;
use std::time::Duration;

/// Runs operations on one machine beside its model; panics where they differ.
pub(crate) type Run = fn(&mut Input<'_>, &mut Tally);

/// A machine's name, its run, and what must happen often in many runs together, or they show little.
#[allow(dead_code)] // The fuzzer takes them by number.
pub(crate) struct Subject {
    pub(crate) name: &'static str,
    pub(crate) run: Run,
    pub(crate) often: &'static [&'static str],
}

/// Every machine.
pub(crate) const SUBJECTS: [Subject; 4] = [
    Subject { name: "breaker", run: breaker::run, often: &breaker::OFTEN },
    Subject { name: "budget", run: budget::run, often: &budget::OFTEN },
    Subject { name: "queue", run: queue::run, often: &queue::OFTEN },
    Subject { name: "pool", run: pool::run, often: &pool::OFTEN },
];

/// What happened, by name.
#[derive(Debug, Default)]
pub(crate) struct Tally(BTreeMap<&'static str, u64>);

impl Tally {
    pub(crate) fn saw(&mut self, what: &'static str) {
        *self.0.entry(what).or_default() += 1;
    }

    /// For whoever asks that it was often; the fuzzer does not.
    #[allow(dead_code)]
    pub(crate) fn count(&self, what: &str) -> u64 {
        self.0.get(what).copied().unwrap_or(0)
    }
}

/// A clock that mostly moves a little, sometimes a lot, and sometimes back.
#[derive(Default)]
pub(crate) struct Clock {
    time: Instant,
    now: Instant,
    /// The latest time that the machine was told.
    pub(crate) told: Instant,
}

impl Clock {
    pub(crate) fn step(&mut self, input: &mut Input<'_>) {
        let by = input.byte();
        let wait = match by % 16 {
            0 => Duration::from_secs(u64::from(by)),
            1..4 => Duration::from_millis(u64::from(by) * 10),
            4..8 => Duration::from_millis(u64::from(by)),
            _ => Duration::ZERO,
        };
        self.time += wait;
        let back = Duration::from_secs(u64::from(by == 255));
        self.now = Instant::ZERO + self.time.saturating_since(Instant::ZERO + back);
    }

    /// What to tell the machine.
    pub(crate) fn tell(&mut self) -> Instant {
        self.told = self.told.max(self.now);
        self.now
    }
}
