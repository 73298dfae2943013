//! What a library has to bring to serve as a provider.

pub(in crate::noise) use super::rustcrypto::public;
#[cfg(any(feature = "aes-gcm", feature = "ring"))]
use alloc::boxed::Box;
use zeroize::Zeroizing;

/// A library's ciphers and key agreement. Its hash functions are not asked for: all hashing is RustCrypto's.
pub(super) trait Backend {
    /// ChaCha20-Poly1305 (RFC 8439), keyed.
    type ChaChaPoly: AeadKey;
    /// AES-256-GCM, keyed.
    #[cfg(feature = "aes-gcm")]
    type AesGcm: AeadKey;

    /// The public key that belongs to `secret` (RFC 7748 section 6.1).
    fn public(secret: &[u8; 32]) -> [u8; 32] {
        public(secret)
    }

    /// The shared secret, or `None` when it is all zero: `public` was of low order and the result does not depend
    /// on `secret` (RFC 7748 section 6.1).
    fn agree(secret: &[u8; 32], public: &[u8; 32]) -> Option<Zeroizing<[u8; 32]>>;
}

/// A cipher keyed for many messages, as it is kept between them. What has a large state is boxed.
pub(super) trait AeadKey: Sized {
    fn new(key: &[u8; 32]) -> Self;

    /// Goes on under another key, in the memory it has if the library permits.
    fn set_key(&mut self, key: &[u8; 32]) {
        *self = Self::new(key);
    }

    /// Encrypts `text` in place and gives its tag; `None` only if `text` is longer than the cipher allows, which
    /// no Noise message is, or the library has no memory.
    fn seal(&self, nonce: &[u8; 12], ad: &[u8], text: &mut [u8]) -> Option<[u8; 16]>;

    /// Decrypts `text` in place. On false the tag was wrong and `text` holds anything but plaintext.
    #[must_use]
    fn open(&self, nonce: &[u8; 12], ad: &[u8], text: &mut [u8], tag: &[u8; 16]) -> bool;

    /// [`AeadKey::seal`] under a key that is used this once, without keeping anything.
    fn seal_once(key: &[u8; 32], nonce: &[u8; 12], ad: &[u8], text: &mut [u8]) -> Option<[u8; 16]> {
        Self::new(key).seal(nonce, ad, text)
    }

    /// [`AeadKey::open`] under a key that is used this once, without keeping anything.
    #[must_use]
    fn open_once(key: &[u8; 32], nonce: &[u8; 12], ad: &[u8], text: &mut [u8], tag: &[u8; 16]) -> bool {
        Self::new(key).open(nonce, ad, text, tag)
    }
}

/// For a state that is many times the size of a key. What is used once is not boxed.
#[cfg(any(feature = "aes-gcm", feature = "ring"))]
impl<K: AeadKey> AeadKey for Box<K> {
    fn new(key: &[u8; 32]) -> Self {
        Self::new(K::new(key))
    }

    fn set_key(&mut self, key: &[u8; 32]) {
        (**self).set_key(key);
    }

    fn seal(&self, nonce: &[u8; 12], ad: &[u8], text: &mut [u8]) -> Option<[u8; 16]> {
        (**self).seal(nonce, ad, text)
    }

    fn open(&self, nonce: &[u8; 12], ad: &[u8], text: &mut [u8], tag: &[u8; 16]) -> bool {
        (**self).open(nonce, ad, text, tag)
    }

    fn seal_once(key: &[u8; 32], nonce: &[u8; 12], ad: &[u8], text: &mut [u8]) -> Option<[u8; 16]> {
        K::seal_once(key, nonce, ad, text)
    }

    fn open_once(key: &[u8; 32], nonce: &[u8; 12], ad: &[u8], text: &mut [u8], tag: &[u8; 16]) -> bool {
        K::open_once(key, nonce, ad, text, tag)
    }
}
