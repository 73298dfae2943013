//! Ed25519 (RFC 8032) by `ed25519-dalek`: the only file that names it.

use super::{IdentityKey, SIGNATURE_LEN, Signer, Verifier};
use alloc::vec::Vec;
use core::fmt;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use zeroize::Zeroize;

/// Signs with a private key in memory, which is erased when this is dropped and never printed.
pub struct Ed25519Signer(SigningKey);

impl Ed25519Signer {
    /// The key of 32 bytes from a cryptographically secure source, the private key of RFC 8032, section 5.1.5. Wipes
    /// `seed`. It must not be the key of a handshake too.
    #[must_use]
    pub fn new(seed: &mut [u8; 32]) -> Self {
        let key = SigningKey::from_bytes(seed);
        seed.zeroize();
        Self(key)
    }
}

impl Signer for Ed25519Signer {
    fn public_key(&self) -> IdentityKey {
        IdentityKey(self.0.verifying_key().to_bytes())
    }

    fn sign(&self, message: &[u8]) -> Option<[u8; SIGNATURE_LEN]> {
        self.0.try_sign(message).ok().map(|signature| signature.to_bytes())
    }
}

impl fmt::Debug for Ed25519Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ed25519Signer({})", self.public_key())
    }
}

/// Checks signatures strictly: also a key or a point of low order is refused, and what is not encoded as RFC 8032 says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ed25519Verifier {
    /// `None`: any.
    accepted: Option<Vec<IdentityKey>>,
}

impl Ed25519Verifier {
    /// Accepts any key of which there is proof: look at it yourself once the session is established.
    #[must_use]
    pub const fn any() -> Self {
        Self { accepted: None }
    }

    /// Accepts these keys.
    #[must_use]
    pub fn only(keys: &[IdentityKey]) -> Self {
        Self { accepted: Some(keys.to_vec()) }
    }
}

impl Verifier for Ed25519Verifier {
    fn verify(&self, key: &IdentityKey, message: &[u8], signature: &[u8; SIGNATURE_LEN]) -> bool {
        self.accepted.as_ref().is_none_or(|accepted| accepted.contains(key))
            && VerifyingKey::from_bytes(key.as_bytes())
                .is_ok_and(|key| key.verify_strict(message, &Signature::from_bytes(signature)).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    /// RFC 8032, section 7.1, test 2.
    const SEED: &str = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb";
    const PUBLIC: &str = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
    const SIGNATURE: [&str; 2] = [
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da",
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ];

    fn hex(text: &str) -> [u8; 32] {
        text.parse::<IdentityKey>().unwrap().0
    }

    #[test]
    fn signatures_are_those_of_the_rfc() {
        let mut seed = hex(SEED);
        let signer = Ed25519Signer::new(&mut seed);
        assert_eq!(seed, [0; 32]);
        let signature = signer.sign(&[0x72]).unwrap();
        assert_eq!((signer.public_key().0, &signature[..]), (hex(PUBLIC), &SIGNATURE.map(hex).concat()[..]));
        assert_eq!(format!("{signer:?}"), format!("Ed25519Signer({PUBLIC})"));
    }

    #[test]
    fn only_a_right_signature_of_an_accepted_key_is_taken() {
        let [signer, other] = [1, 2].map(|n| Ed25519Signer::new(&mut [n; 32]));
        let (key, signature) = (signer.public_key(), signer.sign(b"message").unwrap());
        let any = Ed25519Verifier::any();
        assert!(any.verify(&key, b"message", &signature));
        assert!(Ed25519Verifier::only(&[other.public_key(), key]).verify(&key, b"message", &signature));
        assert!(!Ed25519Verifier::only(&[other.public_key()]).verify(&key, b"message", &signature));
        assert!(!Ed25519Verifier::only(&[]).verify(&key, b"message", &signature));
        assert!(!any.verify(&other.public_key(), b"message", &signature));
        assert!(!any.verify(&key, b"messagf", &signature));
        for bit in 0..512 {
            let mut changed = signature;
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(!any.verify(&key, b"message", &changed), "{bit}");
        }
    }

    #[test]
    fn a_key_of_low_order_signs_nothing() {
        // The neutral element as key and point: without strictness it verifies for every message.
        let mut one = [0; 32];
        one[0] = 1;
        let mut signature = [0; 64];
        signature[0] = 1;
        assert!(!Ed25519Verifier::any().verify(&IdentityKey(one), b"any message", &signature));
    }
}
