//! The cryptographic functions of the suites. Only the files of this folder name a library's types.

mod aead;
pub(super) mod dh;
mod hash;

pub(super) use aead::Aead;
pub use aead::CipherFunction;
pub use hash::HashFunction;
pub(super) use hash::{Digest, MAX_HASH_LEN};
