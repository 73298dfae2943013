//! The RustCrypto ciphers and x25519-dalek: pure Rust, always there.
//!
//! Keys and expanded states are erased when dropped. A rekey writes into the memory of the old key.

use super::backend::{AeadKey, Backend};
#[cfg(feature = "aes-gcm")]
use alloc::boxed::Box;
use chacha20poly1305::ChaCha20Poly1305;
use chacha20poly1305::aead::consts::{U12, U16, U32};
use chacha20poly1305::aead::{AeadInOut, KeyInit, KeySizeUser};
use subtle::ConstantTimeEq;
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

/// GCM only ever encrypts with the block cipher, and the expanded keys for decrypting are two fifths of the state.
#[cfg(feature = "aes-gcm")]
type Aes256Gcm = aes_gcm::AesGcm<aes_gcm::aes::Aes256Enc, U12>;

pub(super) struct RustCrypto;

impl Backend for RustCrypto {
    type ChaChaPoly = Key<ChaCha20Poly1305>;
    #[cfg(feature = "aes-gcm")]
    type AesGcm = Box<Key<Aes256Gcm>>;

    fn agree(secret: &[u8; 32], public: &[u8; 32]) -> Option<Zeroizing<[u8; 32]>> {
        agree(secret, public)
    }
}

pub(super) struct Key<A>(A);

impl<A> AeadKey for Key<A>
where
    A: AeadInOut<NonceSize = U12, TagSize = U16> + KeyInit + KeySizeUser<KeySize = U32>,
{
    fn new(key: &[u8; 32]) -> Self {
        Self(A::new(key.into()))
    }

    fn seal(&self, nonce: &[u8; 12], ad: &[u8], text: &mut [u8]) -> Option<[u8; 16]> {
        self.0.encrypt_inout_detached(nonce.into(), ad, text.into()).ok().map(Into::into)
    }

    fn open(&self, nonce: &[u8; 12], ad: &[u8], text: &mut [u8], tag: &[u8; 16]) -> bool {
        self.0.decrypt_inout_detached(nonce.into(), ad, text.into(), tag.into()).is_ok()
    }
}

/// The public key that belongs to `secret`.
pub(in crate::noise) fn public(secret: &[u8; 32]) -> [u8; 32] {
    PublicKey::from(&StaticSecret::from(*secret)).to_bytes()
}

/// [`Backend::agree`], the all-zero result found in constant time.
pub(super) fn agree(secret: &[u8; 32], public: &[u8; 32]) -> Option<Zeroizing<[u8; 32]>> {
    let shared = StaticSecret::from(*secret).diffie_hellman(&PublicKey::from(*public));
    let zero: bool = shared.as_bytes().ct_eq(&[0; 32]).into();
    if zero { None } else { Some(Zeroizing::new(shared.to_bytes())) }
}
