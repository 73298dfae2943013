//! The resilience machines beside their models, under random operations. A failure prints its seed and the command that
//! replays it; the fuzz target `resilience` runs the same models.
#![cfg(feature = "std")]

#[path = "support/input.rs"]
mod input;
#[path = "support/resilience/mod.rs"]
mod models;

use models::{Input, SUBJECTS, Tally};
use sealock_proto::entropy::Jitter;
use sealock_proto::sim::{check, is_replay};

/// What must have happened this often in all runs of a machine together, or they show little.
const OFTEN: u64 = 50;

fn agrees_with_its_model(name: &str) {
    let subject = SUBJECTS.iter().find(|subject| subject.name == name).expect("a machine");
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

#[test]
fn breaker_agrees() {
    agrees_with_its_model("breaker");
}

#[test]
fn budget_agrees() {
    agrees_with_its_model("budget");
}

#[test]
fn queue_agrees() {
    agrees_with_its_model("queue");
}

#[test]
fn pool_agrees() {
    agrees_with_its_model("pool");
}
