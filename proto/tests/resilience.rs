//! The resilience machines beside their models, under random operations. A failure prints its seed and the command that
//! replays it; the fuzz target `resilience` runs the same models.
#![cfg(feature = "std")]

#[path = "support/input.rs"]
mod input;
#[path = "support/resilience/mod.rs"]
mod models;

#[path = "support/tally.rs"]
mod tally;

use models::SUBJECTS;
use tally::agrees_with_its_model;

#[test]
fn breaker_agrees() {
    agrees_with_its_model(&SUBJECTS, "breaker");
}

#[test]
fn budget_agrees() {
    agrees_with_its_model(&SUBJECTS, "budget");
}

#[test]
fn queue_agrees() {
    agrees_with_its_model(&SUBJECTS, "queue");
}

#[test]
fn pool_agrees() {
    agrees_with_its_model(&SUBJECTS, "pool");
}
