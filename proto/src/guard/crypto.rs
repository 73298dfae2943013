//! The library calls of this part: keyed BLAKE2s, XChaCha20-Poly1305, comparison in constant time. No protocol here.

use blake2::digest::{FixedOutput, KeyInit, Update};
use blake2::{Blake2s256, Blake2sMac256};
use chacha20poly1305::XChaCha20Poly1305;
use chacha20poly1305::aead::AeadInOut;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// A secret that other values are made from.
pub(super) type Secret = Zeroizing<[u8; 32]>;

/// BLAKE2s-256 of `parts` joined. `label` goes first; no label is the beginning of another.
pub(super) fn hash(label: &str, parts: &[&[u8]]) -> Secret {
    let mut hash = Blake2s256::default();
    hash.update(label.as_bytes());
    parts.iter().for_each(|part| hash.update(part));
    Zeroizing::new(hash.finalize_fixed().into())
}

/// BLAKE2s-256 of `parts` joined, under a key (RFC 7693 section 2.9).
pub(super) fn mac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Blake2sMac256::new(key.into());
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize_fixed().into()
}

/// The first half of a MAC, as WireGuard's Mac is half as long as its hash.
pub(super) fn half(mac: &[u8; 32]) -> [u8; 16] {
    let mut half = [0; 16];
    half.copy_from_slice(&mac[..16]);
    half
}

/// Whether `a` is `b`, in time that does not tell where they differ.
#[must_use]
pub(super) fn equal(a: &[u8; 16], b: &[u8; 16]) -> bool {
    a.ct_eq(b).into()
}

/// Encrypts `text` in place and gives its tag. `None` only if `text` is longer than the cipher allows (256 GiB).
pub(super) fn seal(key: &[u8; 32], nonce: &[u8; 24], ad: &[u8], text: &mut [u8]) -> Option<[u8; 16]> {
    let cipher = XChaCha20Poly1305::new(key.into());
    cipher.encrypt_inout_detached(nonce.into(), ad, text.into()).ok().map(Into::into)
}

/// Decrypts `text` in place; false, with `text` in no particular state, if anything was changed.
#[must_use]
pub(super) fn open(key: &[u8; 32], nonce: &[u8; 24], ad: &[u8], text: &mut [u8], tag: &[u8; 16]) -> bool {
    let cipher = XChaCha20Poly1305::new(key.into());
    cipher.decrypt_inout_detached(nonce.into(), ad, text.into(), tag.into()).is_ok()
}
