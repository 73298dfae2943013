//! What models of machines have in common: a clock, what happened in many runs, and the runs themselves. Shared by the
//! property tests and the fuzz targets.
#![allow(dead_code)] // The fuzzer takes machines by number, and does not ask what was often.

use crate::input::Input;
use sealock_proto::entropy::Jitter;
use sealock_proto::sim::{check, is_replay};
use sealock_proto::time::Instant;
use std::collections::BTreeMap;
use std::time::Duration;

/// Runs operations on one machine beside its model; panics where they differ.
pub(crate) type Run = fn(&mut Input<'_>, &mut Tally);

/// A machine's name, its run, and what must happen often in many runs together, or they show little.
pub(crate) struct Subject {
    pub(crate) name: &'static str,
    pub(crate) run: Run,
    pub(crate) often: &'static [&'static str],
}

/// What must have happened this often in all runs of a machine together, or they show little.
const OFTEN: u64 = 50;

/// Runs the machine of that name many times with random bytes. A failure prints its seed and the command that replays
/// it.
pub(crate) fn agrees_with_its_model(subjects: &[Subject], name: &str) {
    let subject = subjects.iter().find(|subject| subject.name == name).expect("a machine");
    let mut tally = Tally::default();
    check(&format!("{name}_agrees"), 0..3000, |seed| {
        let mut jitter = Jitter::new(seed);
        // The first few operations matter as much as the hundredth.
        let bytes: Vec<u8> = (0..20 + 60 * (seed % 10)).map(|_| jitter.next_u64() as u8).collect();
        (subject.run)(&mut Input::new(&bytes), &mut tally);
        Ok(())
    });
    let often = |what: &&str| is_replay() || tally.count(what) >= OFTEN;
    assert!(subject.often.iter().all(often), "{tally:?}");
}

/// What happened, by name.
#[derive(Debug, Default)]
pub(crate) struct Tally(BTreeMap<&'static str, u64>);

impl Tally {
    pub(crate) fn saw(&mut self, what: &'static str) {
        *self.0.entry(what).or_default() += 1;
    }

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
