//! The machines that guard a responder beside the models that `proto`'s property tests have.
//!
//! Byte 0 of an input chooses the machine; what the others decide is in the machine's model.

#[path = "../../../proto/tests/support/guard/mod.rs"]
mod models;

use models::{Input, SUBJECTS, Tally};

/// Runs one input.
///
/// # Panics
/// If a machine differs from its model.
pub fn run(input: &[u8]) {
    let mut input = Input::new(input);
    let subject = &SUBJECTS[input.below(SUBJECTS.len())];
    (subject.run)(&mut input, &mut Tally::default());
}
