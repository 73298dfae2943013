//! Ciphers by ring. Key agreement is RustCrypto's: ring agrees only under keys it has drawn itself.
//!
//! ring erases nothing. What is kept of a key is therefore overwritten with what the zero key expands to when it is
//! dropped; copies that ring makes on the stack while it expands a key may stay there until the stack is used again.
//! A rekey writes into the memory of the old key.

use super::backend::{AeadKey, Backend};
use super::rustcrypto;
use alloc::boxed::Box;
use ring::aead::{AES_256_GCM, Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

pub(super) struct Ring;

impl Backend for Ring {
    type ChaChaPoly = Box<Key<false>>;
    #[cfg(feature = "aes-gcm")]
    type AesGcm = Box<Key<true>>;

    fn agree(secret: &[u8; 32], public: &[u8; 32]) -> Option<Zeroizing<[u8; 32]>> {
        rustcrypto::agree(secret, public)
    }
}

/// A key of AES-256-GCM or else of ChaCha20-Poly1305.
pub(super) struct Key<const AES: bool>(Option<LessSafeKey>);

impl<const AES: bool> AeadKey for Key<AES> {
    fn new(key: &[u8; 32]) -> Self {
        Self(Self::expanded(key))
    }

    fn set_key(&mut self, key: &[u8; 32]) {
        // Not by assigning a whole new Key: dropping the old one would key it once more.
        self.0 = Self::expanded(key);
    }

    fn seal(&self, nonce: &[u8; 12], ad: &[u8], text: &mut [u8]) -> Option<[u8; 16]> {
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let tag = self.0.as_ref()?.seal_in_place_separate_tag(nonce, Aad::from(ad), text).ok()?;
        tag.as_ref().try_into().ok()
    }

    fn open(&self, nonce: &[u8; 12], ad: &[u8], text: &mut [u8], tag: &[u8; 16]) -> bool {
        let nonce = Nonce::assume_unique_for_key(*nonce);
        self.0.as_ref().is_some_and(|key| {
            key.open_in_place_separate_tag(nonce, Aad::from(ad), (*tag).into(), text, 0..).is_ok()
        })
    }
}

impl<const AES: bool> Key<AES> {
    /// Always `Some`: the key has the length of both ciphers. `None` seals and opens nothing.
    fn expanded(key: &[u8; 32]) -> Option<LessSafeKey> {
        let algorithm = if AES { &AES_256_GCM } else { &CHACHA20_POLY1305 };
        UnboundKey::new(algorithm, key).ok().map(LessSafeKey::new)
    }
}

impl<const AES: bool> Drop for Key<AES> {
    fn drop(&mut self) {
        self.set_key(&[0; 32]);
        // Keeps the compiler from leaving out what it would take for a write that nothing reads.
        core::hint::black_box(&self.0);
    }
}
