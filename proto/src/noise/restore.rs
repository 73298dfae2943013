//! The key of a direction whose sender was restored from a copy of its state (docs/wire.md, section 9).
//!
//! A copy holds no key that its original seals with, and two copies share none: each draws a salt of its own.

use super::crypto::keyed_blake2s;
use zeroize::Zeroizing;

/// Bytes of a salt.
pub(crate) const SALT_LEN: usize = 15;

/// What makes a restored sender's key its own. Fresh and random; sent in the clear.
pub(crate) type Salt = [u8; SALT_LEN];

/// What is kept of a sending key in a copy. `successor` is `REKEY(k)`, which both ends can compute from the cipher.
pub(super) fn secret_of(successor: &[u8; 32]) -> Zeroizing<[u8; 32]> {
    keyed_blake2s(successor, &[b"sealock restore secret v1"])
}

/// The key from `salt` on, from message `nonce` on. Both ends agree on it only if they agree on that number, which is the
/// next nonce too: no message can be left out in between without notice.
pub(super) fn restored_key(secret: &[u8; 32], salt: &Salt, nonce: u64) -> Zeroizing<[u8; 32]> {
    keyed_blake2s(secret, &[b"sealock restore key v1", salt, &nonce.to_be_bytes()])
}
