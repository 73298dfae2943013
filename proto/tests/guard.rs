//! The machines that guard a responder beside their models, under random operations. A failure prints its seed and the
//! command that replays it; the fuzz target `guard` runs the same models.
#![cfg(feature = "std")]

#[path = "support/input.rs"]
mod input;
#[path = "support/guard/mod.rs"]
mod models;
#[path = "support/tally.rs"]
mod tally;

use models::SUBJECTS;
use tally::agrees_with_its_model;

#[test]
fn gate_agrees() {
    agrees_with_its_model(&SUBJECTS, "gate");
}

#[test]
fn replay_agrees() {
    agrees_with_its_model(&SUBJECTS, "replay");
}

#[test]
fn roster_agrees() {
    agrees_with_its_model(&SUBJECTS, "roster");
}
