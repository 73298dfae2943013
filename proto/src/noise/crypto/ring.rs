//! Ciphers by ring. Key agreement is RustCrypto's: ring agrees only under keys it has drawn itself.
//!
//! ring erases nothing. A ChaChaPoly key is therefore kept as its 32 bytes, which are erased, and ring's form of it
//! lives on the stack for one message. The expanded state of an AES key is overwritten with that of the zero key when
//! it is dropped. In both cases copies may stay behind on the stack until it is used again.

use super::backend::{AeadKey, Backend};
use super::rustcrypto;
#[cfg(feature = "aes-gcm")]
use alloc::boxed::Box;
use ring::aead::{Aad, Algorithm, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

pub(super) struct Ring;

impl Backend for Ring {
    type ChaChaPoly = ChaChaPoly;
    #[cfg(feature = "aes-gcm")]
    type AesGcm = Box<AesGcm>;

    fn agree(secret: &[u8; 32], public: &[u8; 32]) -> Option<Zeroizing<[u8; 32]>> {
        rustcrypto::agree(secret, public)
    }
}

pub(super) struct ChaChaPoly(Zeroizing<[u8; 32]>);

impl AeadKey for ChaChaPoly {
    fn new(key: &[u8; 32]) -> Self {
        Self(Zeroizing::new(*key))
    }

    fn set_key(&mut self, key: &[u8; 32]) {
        self.0.copy_from_slice(key);
    }

    fn seal(&self, nonce: &[u8; 12], ad: &[u8], text: &mut [u8]) -> Option<[u8; 16]> {
        seal(keyed(&CHACHA20_POLY1305, &self.0).as_ref(), nonce, ad, text)
    }

    fn open(&self, nonce: &[u8; 12], ad: &[u8], text: &mut [u8], tag: &[u8; 16]) -> bool {
        open(keyed(&CHACHA20_POLY1305, &self.0).as_ref(), nonce, ad, text, tag)
    }
}

#[cfg(feature = "aes-gcm")]
pub(super) struct AesGcm(Option<LessSafeKey>);

#[cfg(feature = "aes-gcm")]
impl AeadKey for AesGcm {
    fn new(key: &[u8; 32]) -> Self {
        Self(keyed(&ring::aead::AES_256_GCM, key))
    }

    fn set_key(&mut self, key: &[u8; 32]) {
        self.0 = keyed(&ring::aead::AES_256_GCM, key);
    }

    fn seal(&self, nonce: &[u8; 12], ad: &[u8], text: &mut [u8]) -> Option<[u8; 16]> {
        seal(self.0.as_ref(), nonce, ad, text)
    }

    fn open(&self, nonce: &[u8; 12], ad: &[u8], text: &mut [u8], tag: &[u8; 16]) -> bool {
        open(self.0.as_ref(), nonce, ad, text, tag)
    }
}

#[cfg(feature = "aes-gcm")]
impl Drop for AesGcm {
    fn drop(&mut self) {
        self.set_key(&[0; 32]);
        // Keeps the compiler from leaving out what it would take for a write that nothing reads.
        core::hint::black_box(&self.0);
    }
}

/// Always `Some`: the key has the length of both ciphers. `None` seals and opens nothing.
fn keyed(algorithm: &'static Algorithm, key: &[u8; 32]) -> Option<LessSafeKey> {
    UnboundKey::new(algorithm, key).ok().map(LessSafeKey::new)
}

fn seal(key: Option<&LessSafeKey>, nonce: &[u8; 12], ad: &[u8], text: &mut [u8]) -> Option<[u8; 16]> {
    let nonce = Nonce::assume_unique_for_key(*nonce);
    let tag = key?.seal_in_place_separate_tag(nonce, Aad::from(ad), text).ok()?;
    tag.as_ref().try_into().ok()
}

fn open(key: Option<&LessSafeKey>, nonce: &[u8; 12], ad: &[u8], text: &mut [u8], tag: &[u8; 16]) -> bool {
    let nonce = Nonce::assume_unique_for_key(*nonce);
    key.is_some_and(|key| {
        key.open_in_place_separate_tag(nonce, Aad::from(ad), (*tag).into(), text, 0..).is_ok()
    })
}
