//! Ciphers and key agreement by AWS-LC, through aws-lc-rs.
//!
//! Its key states live in memory of the C library's allocator, which Rust's does not count: one block for each key,
//! and some for each key agreement. AWS-LC erases every block that it frees. There is no way to key a block anew, so
//! a rekey allocates another; sealing and opening under a kept key allocate nothing.

use super::backend::{AeadKey, Backend};
use aws_lc_rs::aead::{Aad, Algorithm, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{PrivateKey, UnparsedPublicKey, X25519, agree};
use zeroize::Zeroizing;

pub(super) struct AwsLc;

impl Backend for AwsLc {
    type ChaChaPoly = ChaChaPoly;
    #[cfg(feature = "aes-gcm")]
    type AesGcm = AesGcm;

    /// By RustCrypto if AWS-LC has no memory: there is no other way to fail and the result is the same.
    fn public(secret: &[u8; 32]) -> [u8; 32] {
        let by_aws_lc = || {
            let public = PrivateKey::from_private_key(&X25519, secret).ok()?.compute_public_key().ok()?;
            public.as_ref().try_into().ok()
        };
        by_aws_lc().unwrap_or_else(|| super::backend::public(secret))
    }

    /// AWS-LC itself refuses an all-zero result.
    fn agree(secret: &[u8; 32], public: &[u8; 32]) -> Option<Zeroizing<[u8; 32]>> {
        let secret = PrivateKey::from_private_key(&X25519, secret).ok()?;
        agree(&secret, UnparsedPublicKey::new(&X25519, public), (), |bytes| {
            let mut shared = Zeroizing::new([0; 32]);
            if bytes.len() != shared.len() {
                return Err(());
            }
            shared.copy_from_slice(bytes);
            Ok(shared)
        })
        .ok()
    }
}

/// `None` only if AWS-LC had no memory: then nothing is sealed or opened.
pub(super) struct ChaChaPoly(Option<LessSafeKey>);

/// As [`ChaChaPoly`].
#[cfg(feature = "aes-gcm")]
pub(super) struct AesGcm(Option<LessSafeKey>);

impl AeadKey for ChaChaPoly {
    fn new(key: &[u8; 32]) -> Self {
        Self(keyed(&CHACHA20_POLY1305, key))
    }

    fn seal(&self, nonce: &[u8; 12], ad: &[u8], text: &mut [u8]) -> Option<[u8; 16]> {
        seal(self.0.as_ref(), nonce, ad, text)
    }

    fn open(&self, nonce: &[u8; 12], ad: &[u8], text: &mut [u8], tag: &[u8; 16]) -> bool {
        open(self.0.as_ref(), nonce, ad, text, tag)
    }
}

#[cfg(feature = "aes-gcm")]
impl AeadKey for AesGcm {
    fn new(key: &[u8; 32]) -> Self {
        Self(keyed(&aws_lc_rs::aead::AES_256_GCM, key))
    }

    fn seal(&self, nonce: &[u8; 12], ad: &[u8], text: &mut [u8]) -> Option<[u8; 16]> {
        seal(self.0.as_ref(), nonce, ad, text)
    }

    fn open(&self, nonce: &[u8; 12], ad: &[u8], text: &mut [u8], tag: &[u8; 16]) -> bool {
        open(self.0.as_ref(), nonce, ad, text, tag)
    }
}

fn keyed(algorithm: &'static Algorithm, key: &[u8; 32]) -> Option<LessSafeKey> {
    UnboundKey::new(algorithm, key).ok().map(LessSafeKey::new)
}

fn seal(key: Option<&LessSafeKey>, nonce: &[u8; 12], ad: &[u8], text: &mut [u8]) -> Option<[u8; 16]> {
    let nonce = Nonce::assume_unique_for_key(*nonce);
    let mut tag = [0; 16];
    key?.seal_in_place_scatter(nonce, Aad::from(ad), text, &[], &mut tag).ok()?;
    Some(tag)
}

fn open(key: Option<&LessSafeKey>, nonce: &[u8; 12], ad: &[u8], text: &mut [u8], tag: &[u8; 16]) -> bool {
    let nonce = Nonce::assume_unique_for_key(*nonce);
    key.is_some_and(|key| key.open_in_place_separate_tag(nonce, Aad::from(ad), tag, text).is_ok())
}
