//! Datagram sessions on a network that does what it likes, beside the model that `proto`'s property tests have.
//!
//! Byte 0 of an input chooses the Noise protocol, byte 1 whether the responder asks for cookies; what the others decide is
//! in the model.

#[path = "../../../proto/tests/support/datagram.rs"]
mod model;

use model::{Input, Tally};

/// Runs one input.
///
/// # Panics
/// If a rule is broken.
pub fn run(input: &[u8]) {
    model::run(&mut Input::new(input), &mut Tally::default());
}
