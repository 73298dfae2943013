//! Models of the machines that guard a responder, written as plainly as can be, and operations that compare the two.
//! Shared by the property tests and the fuzz target `guard`.
//!
//! Bytes are decisions; behind the last byte everything is 0. Nothing here knows how a machine does its work.

mod gate;
mod replay;
mod roster;

pub(crate) use crate::input::Input;
pub(crate) use crate::tally::{Clock, Subject, Tally};
use sealock_proto::noise::PublicKey;

/// Every machine.
pub(crate) const SUBJECTS: [Subject; 3] = [
    Subject { name: "gate", run: gate::run, often: &gate::OFTEN },
    Subject { name: "replay", run: replay::run, often: &replay::OFTEN },
    Subject { name: "roster", run: roster::run, often: &roster::OFTEN },
];

fn key(n: u16) -> PublicKey {
    let mut key = [0; 32];
    key[..2].copy_from_slice(&n.to_be_bytes());
    PublicKey(key)
}
