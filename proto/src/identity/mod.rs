//! Long-lived identities: keys that sign, which an application may have beside the keys of a handshake.
//!
//! Who signs and who checks are traits, so that a key can stay in the device or service that holds it. A protocol says
//! what is signed and when. With the feature `identity` there is Ed25519 for both (`Ed25519Signer`, `Ed25519Verifier`).

#[cfg(feature = "identity")]
mod ed25519;

#[cfg(feature = "identity")]
pub use ed25519::{Ed25519Signer, Ed25519Verifier};

use crate::noise::{KeyError, PublicKey};
use core::fmt;
use core::str::FromStr;

/// Bytes of a signature.
pub const SIGNATURE_LEN: usize = 64;

/// The public key of an identity, an Ed25519 key (RFC 8032) unless both ends agree on something else. Reads and prints as
/// 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IdentityKey(pub [u8; 32]);

impl IdentityKey {
    /// The bytes as they go over the wire.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for IdentityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", PublicKey(self.0))
    }
}

impl fmt::Debug for IdentityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IdentityKey({self})")
    }
}

impl FromStr for IdentityKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        text.parse().map(|PublicKey(bytes)| Self(bytes))
    }
}

/// Signs in the name of an identity. Called once a session, on the thread that sends, with no lock held: it may take its
/// time, and the peer's patience is its handshake timeout.
pub trait Signer: Send + Sync {
    /// The public key that belongs to the signatures.
    fn public_key(&self) -> IdentityKey;

    /// The signature of `message`, which no other use of the key may sign; `None` if there is none to be had.
    fn sign(&self, message: &[u8]) -> Option<[u8; SIGNATURE_LEN]>;
}

/// Judges the proof of an identity. Called at most once a session, on the thread that receives, with no lock held.
pub trait Verifier: Send + Sync {
    /// Whether `key` is accepted here and `signature` is its signature of `message`.
    fn verify(&self, key: &IdentityKey, message: &[u8], signature: &[u8; SIGNATURE_LEN]) -> bool;
}

impl<F: Fn(&IdentityKey, &[u8], &[u8; SIGNATURE_LEN]) -> bool + Send + Sync> Verifier for F {
    fn verify(&self, key: &IdentityKey, message: &[u8], signature: &[u8; SIGNATURE_LEN]) -> bool {
        self(key, message, signature)
    }
}

/// A function that signs, such as a call to the device that holds the key.
pub struct SignWith<F> {
    public: IdentityKey,
    sign: F,
}

impl<F: Fn(&[u8]) -> Option<[u8; SIGNATURE_LEN]> + Send + Sync> SignWith<F> {
    /// `sign` signs with the private key of `public`.
    #[must_use]
    pub const fn new(public: IdentityKey, sign: F) -> Self {
        Self { public, sign }
    }
}

impl<F: Fn(&[u8]) -> Option<[u8; SIGNATURE_LEN]> + Send + Sync> Signer for SignWith<F> {
    fn public_key(&self) -> IdentityKey {
        self.public
    }

    fn sign(&self, message: &[u8]) -> Option<[u8; SIGNATURE_LEN]> {
        (self.sign)(message)
    }
}

impl<F> fmt::Debug for SignWith<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignWith").field("public", &self.public).finish_non_exhaustive()
    }
}
