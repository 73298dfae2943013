//! Tickets beside their model, under random operations. A failure prints its seed and the command that replays it; the
//! fuzz target `tickets` runs the same model.
#![cfg(feature = "std")]

#[path = "support/input.rs"]
mod input;
#[path = "support/tickets.rs"]
mod tickets;

use input::Input;
use sealock_proto::entropy::Jitter;
use sealock_proto::sim::{check, is_replay};
use std::collections::BTreeMap;

/// What must have happened this often in all runs together, or they show little.
const OFTEN: u64 = 50;

#[test]
fn a_ticket_is_accepted_at_most_once_over_rotations_and_restarts() {
    let mut tally = BTreeMap::new();
    check("a_ticket_is_accepted_at_most_once_over_rotations_and_restarts", 0..2000, |seed| {
        let mut jitter = Jitter::new(seed);
        let bytes: Vec<u8> = (0..20 + 60 * (seed % 10)).map(|_| jitter.next_u64() as u8).collect();
        tickets::run(&mut Input::new(&bytes), &mut tally);
        Ok(())
    });
    let often = |what: &&str| is_replay() || tally.get(what).is_some_and(|count| *count >= OFTEN);
    assert!(tickets::OFTEN.iter().all(often), "{tally:?}");
}
