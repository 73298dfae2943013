//! Fixed keys: a fuzz input must always do the same.

use sealock_proto::entropy::Seed;
use sealock_proto::noise::{Protocol, Psk, PublicKey, Role, SecretKey};

pub(crate) fn protocol(name: &str) -> Protocol {
    Protocol::parse(name).expect("a name from a table of this crate")
}

/// The static key of `role`.
pub(crate) fn secret(role: Role) -> SecretKey {
    SecretKey::new(&mut [if role == Role::Initiator { 1 } else { 2 }; 32])
}

pub(crate) fn public(role: Role) -> PublicKey {
    secret(role).public()
}

pub(crate) fn psk() -> Psk {
    Psk::new(&mut [3; 32])
}

/// The ephemeral key of a peer made by hand.
pub(crate) fn ephemeral() -> SecretKey {
    SecretKey::new(&mut [4; 32])
}

/// The entropy of a session under test.
pub(crate) fn seed() -> Seed {
    Seed::new(&mut [5; 32])
}
