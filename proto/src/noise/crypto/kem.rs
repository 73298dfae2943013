//! ML-KEM-768 (FIPS 203) by RustCrypto, whichever the provider.
//!
//! Nothing is allocated but what [`Kem::new`] boxes. Keys are erased when dropped; what the library computes with lies on
//! the stack until that is used again.

use crate::noise::keys::KemSeed;
use crate::noise::{KEM_CIPHERTEXT_LEN, KEM_KEY_LEN, Role};
use alloc::boxed::Box;
use ml_kem::ml_kem_768::{DecapsulationKey, EncapsulationKey};
use ml_kem::{Decapsulate, KeyExport};
use zeroize::Zeroizing;

/// One side of a key encapsulation that is not done.
pub(in crate::noise) struct Kem(Box<Side>);

// Boxed as a whole: boxing the larger variant would only allocate it.
#[allow(clippy::large_enum_variant)]
enum Side {
    /// Decapsulates with its own key.
    Own(DecapsulationKey),
    /// Encapsulates to the peer's key, once that is there.
    Peers { key: Option<EncapsulationKey>, randomness: Zeroizing<[u8; 32]> },
}

impl Kem {
    /// The initiator generates a key from all of `seed`, the responder encapsulates with the first half as randomness
    /// (FIPS 203 algorithms 16 and 17).
    pub(in crate::noise) fn new(role: Role, seed: &KemSeed) -> Option<Self> {
        let (d, z) = seed.halves();
        Some(Self(Box::new(match role {
            Role::Initiator => {
                let mut seed = Zeroizing::new([0; 64]);
                seed.iter_mut().zip(d.iter().chain(z)).for_each(|(to, from)| *to = *from);
                Side::Own(DecapsulationKey::from_seed((*seed).into()))
            }
            Role::Responder => Side::Peers { key: None, randomness: Zeroizing::new(*d) },
        })))
    }

    /// A second copy.
    pub(in crate::noise) fn duplicate(&self) -> Self {
        Self(Box::new(match &*self.0 {
            Side::Own(key) => Side::Own(key.clone()),
            Side::Peers { key, randomness } => {
                Side::Peers { key: key.clone(), randomness: randomness.clone() }
            }
        }))
    }

    /// The own encapsulation key.
    pub(in crate::noise) fn public_key(&self) -> Option<[u8; KEM_KEY_LEN]> {
        match &*self.0 {
            Side::Own(key) => Some(key.encapsulation_key().to_bytes().into()),
            Side::Peers { .. } => None,
        }
    }

    /// Takes the peer's encapsulation key; false if it fails the check of FIPS 203 section 7.2.
    #[must_use]
    pub(in crate::noise) fn set_peers_key(&mut self, bytes: &[u8]) -> bool {
        let Side::Peers { key, .. } = &mut *self.0 else { return false };
        *key = bytes.try_into().ok().and_then(|bytes| EncapsulationKey::new(bytes).ok());
        key.is_some()
    }

    /// A fresh shared secret and the ciphertext that tells it to the peer.
    pub(in crate::noise) fn encapsulate(self) -> Option<([u8; KEM_CIPHERTEXT_LEN], Zeroizing<[u8; 32]>)> {
        let Side::Peers { key: Some(key), randomness } = *self.0 else { return None };
        let (ciphertext, secret) = key.encapsulate_deterministic(&(*randomness).into());
        Some((ciphertext.into(), Zeroizing::new(secret.into())))
    }

    /// The shared secret in the peer's ciphertext. A ciphertext that was not made for this key gives another secret
    /// than its maker has, and no error (FIPS 203 algorithm 18, implicit rejection).
    pub(in crate::noise) fn decapsulate(self, ciphertext: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
        let Side::Own(key) = &*self.0 else { return None };
        Some(Zeroizing::new(key.decapsulate(ciphertext.try_into().ok()?).into()))
    }
}
