//! The authenticated ciphers (Noise sections 12.3 and 12.4). Nonces are numbered here, never chosen.

#[cfg(feature = "aes-gcm")]
use alloc::boxed::Box;
use chacha20poly1305::ChaCha20Poly1305;
use chacha20poly1305::aead::consts::{U12, U16, U32};
use chacha20poly1305::aead::{AeadInOut, KeyInit, KeySizeUser};
use zeroize::Zeroizing;

/// GCM only ever encrypts with the block cipher, and the expanded keys for decrypting are two fifths of the state.
#[cfg(feature = "aes-gcm")]
type Aes256Gcm = aes_gcm::AesGcm<aes_gcm::aes::Aes256Enc, U12>;

/// The cipher functions a protocol name can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CipherFunction {
    /// ChaCha20-Poly1305 (Noise section 12.3, RFC 8439).
    ChaChaPoly,
    /// AES-256-GCM (Noise section 12.4).
    #[cfg(feature = "aes-gcm")]
    AesGcm,
}

impl CipherFunction {
    /// As protocol names spell it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ChaChaPoly => "ChaChaPoly",
            #[cfg(feature = "aes-gcm")]
            Self::AesGcm => "AESGCM",
        }
    }
}

/// A cipher keyed for many messages: the key's expanded state is computed once.
pub(in crate::noise) enum Aead {
    ChaChaPoly(ChaCha20Poly1305),
    /// Boxed because the expanded AES and GHASH state is many times the size of the rest.
    #[cfg(feature = "aes-gcm")]
    AesGcm(Box<Aes256Gcm>),
}

impl Aead {
    /// The place for a key that is not known yet: what has to be allocated is allocated here.
    pub(in crate::noise) fn vacant(function: CipherFunction) -> Self {
        match function {
            CipherFunction::ChaChaPoly => Self::ChaChaPoly(keyed(&[0; 32])),
            #[cfg(feature = "aes-gcm")]
            CipherFunction::AesGcm => Self::AesGcm(Box::new(keyed(&[0; 32]))),
        }
    }

    pub(in crate::noise) const fn function(&self) -> CipherFunction {
        match self {
            Self::ChaChaPoly(_) => CipherFunction::ChaChaPoly,
            #[cfg(feature = "aes-gcm")]
            Self::AesGcm(_) => CipherFunction::AesGcm,
        }
    }

    /// Encrypts `text` in place and gives its tag; `None` only if `text` is longer than the cipher allows,
    /// which no Noise message is.
    pub(in crate::noise) fn seal(&self, nonce: u64, ad: &[u8], text: &mut [u8]) -> Option<[u8; 16]> {
        match self {
            Self::ChaChaPoly(cipher) => seal(cipher, little_endian(nonce), ad, text),
            #[cfg(feature = "aes-gcm")]
            Self::AesGcm(cipher) => seal(&**cipher, big_endian(nonce), ad, text),
        }
    }

    /// Decrypts `text` in place. On false the tag was wrong and `text` is untouched.
    #[must_use]
    pub(in crate::noise) fn open(&self, nonce: u64, ad: &[u8], text: &mut [u8], tag: &[u8; 16]) -> bool {
        match self {
            Self::ChaChaPoly(cipher) => open(cipher, little_endian(nonce), ad, text, tag),
            #[cfg(feature = "aes-gcm")]
            Self::AesGcm(cipher) => open(&**cipher, big_endian(nonce), ad, text, tag),
        }
    }

    /// Replaces the key by `REKEY(k)`: the first 32 bytes of 32 zeros encrypted under the nonce that no
    /// message may use (Noise section 4.2).
    pub(in crate::noise) fn rekey(&mut self) {
        let mut key = Zeroizing::new([0; 32]);
        // 32 bytes are never too long for the cipher, so there is always a tag; nothing needs it.
        let _tag = self.seal(u64::MAX, &[], &mut *key);
        self.set_key(&key);
    }

    /// Goes on under another key, in the memory it has.
    pub(in crate::noise) fn set_key(&mut self, key: &[u8; 32]) {
        match self {
            Self::ChaChaPoly(cipher) => *cipher = keyed(key),
            #[cfg(feature = "aes-gcm")]
            Self::AesGcm(cipher) => **cipher = keyed(key),
        }
    }
}

impl CipherFunction {
    /// [`Aead::seal`] with a key for this one message: nothing is allocated and no state is kept.
    pub(in crate::noise) fn seal(
        self,
        key: &[u8; 32],
        nonce: u64,
        ad: &[u8],
        text: &mut [u8],
    ) -> Option<[u8; 16]> {
        match self {
            Self::ChaChaPoly => seal(&keyed::<ChaCha20Poly1305>(key), little_endian(nonce), ad, text),
            #[cfg(feature = "aes-gcm")]
            Self::AesGcm => seal(&keyed::<Aes256Gcm>(key), big_endian(nonce), ad, text),
        }
    }

    /// [`Aead::open`] with a key for this one message: nothing is allocated and no state is kept.
    #[must_use]
    pub(in crate::noise) fn open(
        self,
        key: &[u8; 32],
        nonce: u64,
        ad: &[u8],
        text: &mut [u8],
        tag: &[u8; 16],
    ) -> bool {
        match self {
            Self::ChaChaPoly => open(&keyed::<ChaCha20Poly1305>(key), little_endian(nonce), ad, text, tag),
            #[cfg(feature = "aes-gcm")]
            Self::AesGcm => open(&keyed::<Aes256Gcm>(key), big_endian(nonce), ad, text, tag),
        }
    }
}

fn keyed<A: KeyInit + KeySizeUser<KeySize = U32>>(key: &[u8; 32]) -> A {
    A::new(key.into())
}

fn seal<A>(cipher: &A, nonce: [u8; 12], ad: &[u8], text: &mut [u8]) -> Option<[u8; 16]>
where
    A: AeadInOut<NonceSize = U12, TagSize = U16>,
{
    cipher.encrypt_inout_detached(&nonce.into(), ad, text.into()).ok().map(Into::into)
}

fn open<A>(cipher: &A, nonce: [u8; 12], ad: &[u8], text: &mut [u8], tag: &[u8; 16]) -> bool
where
    A: AeadInOut<NonceSize = U12, TagSize = U16>,
{
    cipher.decrypt_inout_detached(&nonce.into(), ad, text.into(), tag.into()).is_ok()
}

/// 32 zero bits, then the number in little-endian (Noise section 12.3).
fn little_endian(nonce: u64) -> [u8; 12] {
    nonce_bytes(nonce.to_le_bytes())
}

/// 32 zero bits, then the number in big-endian (Noise section 12.4).
#[cfg(feature = "aes-gcm")]
fn big_endian(nonce: u64) -> [u8; 12] {
    nonce_bytes(nonce.to_be_bytes())
}

fn nonce_bytes(number: [u8; 8]) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&number);
    nonce
}
