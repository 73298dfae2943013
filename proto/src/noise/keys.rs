//! Keys as values: private, public, pre-shared, and what a KEM's key is made of. No arithmetic here; that is in `crypto`.

use super::crypto::{self, Provider};
use super::error::KeyError;
use core::fmt;
use core::str::FromStr;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A Curve25519 private key: 32 bytes, erased when dropped and never printed.
///
/// Not `Clone`, so that a copy is a decision: see [`duplicate`](Self::duplicate).
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct SecretKey {
    bytes: [u8; 32],
    #[zeroize(skip)]
    public: Option<PublicKey>,
}

impl SecretKey {
    /// Wraps 32 bytes from a cryptographically secure source. Wipes `bytes`.
    #[must_use]
    pub fn new(bytes: &mut [u8; 32]) -> Self {
        let key = Self { bytes: *bytes, public: None };
        bytes.zeroize();
        key
    }

    /// Computes the public key now and keeps it, so that [`public`](Self::public) costs nothing from then on.
    ///
    /// Worth it for a static key that serves many handshakes; an ephemeral key is used once anyway.
    #[must_use]
    pub fn with_public(mut self) -> Self {
        self.public = Some(self.public());
        self
    }

    /// The public key to give to others.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        self.public.unwrap_or_else(|| PublicKey(crypto::public(&self.bytes)))
    }

    /// [`public`](Self::public), computed by `provider` if it has to be.
    pub(super) fn public_by(&self, provider: Provider) -> PublicKey {
        self.public.unwrap_or_else(|| PublicKey(provider.public(&self.bytes)))
    }

    /// The bytes, for saving the key. Treat them as the secret they are.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// A second copy of the secret.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        Self { bytes: self.bytes, public: self.public }
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(..)")
    }
}

/// A Curve25519 public key. Reads and prints as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PublicKey(pub [u8; 32]);

impl PublicKey {
    /// The bytes as they go over the wire.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

impl FromStr for PublicKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        if text.len() != 64 {
            return Err(KeyError::Length);
        }
        let mut key = [0; 32];
        for (byte, digits) in key.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            for digit in digits {
                let value = char::from(*digit).to_digit(16).ok_or(KeyError::Digit)?;
                *byte = (*byte << 4) | value as u8;
            }
        }
        Ok(Self(key))
    }
}

/// A pre-shared symmetric key (Noise section 9): 32 bytes, erased when dropped and never printed.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Psk([u8; 32]);

impl Psk {
    /// Wraps 32 secret bytes of full entropy (a password is not). Wipes `bytes`.
    #[must_use]
    pub fn new(bytes: &mut [u8; 32]) -> Self {
        let psk = Self(*bytes);
        bytes.zeroize();
        psk
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Psk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Psk(..)")
    }
}

/// The entropy of one key encapsulation with ML-KEM-768: 64 bytes, erased when dropped and never printed.
///
/// Not `Clone`: used twice, it gives two handshakes the same secret.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct KemSeed {
    d: [u8; 32],
    z: [u8; 32],
}

impl KemSeed {
    /// Wraps twice 32 bytes from a cryptographically secure source, used in one handshake and never again. Wipes both.
    ///
    /// The initiator's key is made of both, as `d` and `z` of FIPS 203 (algorithm 16). The responder encapsulates with
    /// the first as `m` (algorithm 17) and has no use for the second.
    #[must_use]
    pub fn new(d: &mut [u8; 32], z: &mut [u8; 32]) -> Self {
        let seed = Self { d: *d, z: *z };
        d.zeroize();
        z.zeroize();
        seed
    }

    #[cfg_attr(not(feature = "pq"), allow(dead_code))]
    pub(super) fn halves(&self) -> (&[u8; 32], &[u8; 32]) {
        (&self.d, &self.z)
    }
}

impl fmt::Debug for KemSeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KemSeed(..)")
    }
}
