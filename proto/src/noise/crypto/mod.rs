//! The cryptographic functions of the suites. Only the files of this folder name a library's types, and each
//! library has one file of its own, but RustCrypto, which has one for each kind of function that it alone computes.
//!
//! A [`Provider`] is chosen at run time. Everything below it is generic over [`Backend`] and compiled once for each
//! library, so what the choice costs is one branch for each message.

mod aead;
#[cfg(feature = "aws-lc-rs")]
mod aws_lc;
mod backend;
mod cipher_function;
mod hash;
#[cfg(feature = "pq")]
mod kem;
#[cfg(not(feature = "pq"))]
#[path = "kem_off.rs"]
mod kem;
mod provider;
#[cfg(feature = "ring")]
mod ring;
mod rustcrypto;
mod xchacha;

#[cfg(test)]
mod tests;
#[cfg(all(test, feature = "pq"))]
mod tests_kem;

pub(super) use aead::Aead;
pub(super) use backend::public;
pub use cipher_function::CipherFunction;
pub use hash::HashFunction;
pub(crate) use hash::keyed_blake2s;
pub(super) use hash::{Digest, MAX_HASH_LEN};
pub(super) use kem::Kem;
pub use provider::Provider;
pub(crate) use xchacha::{XNONCE_LEN, open_with_xnonce, seal_with_xnonce};
