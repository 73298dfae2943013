//! Curve25519 key agreement (Noise section 12.1, RFC 7748).

use subtle::ConstantTimeEq;
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

/// The public key that belongs to `secret`.
pub(in crate::noise) fn public(secret: &[u8; 32]) -> [u8; 32] {
    PublicKey::from(&StaticSecret::from(*secret)).to_bytes()
}

/// The shared secret, or `None` when it is all zero: the public key was of low order and the result does
/// not depend on `secret` (RFC 7748 section 6.1). Compared in constant time.
pub(in crate::noise) fn agree(secret: &[u8; 32], public: &[u8; 32]) -> Option<Zeroizing<[u8; 32]>> {
    let shared = StaticSecret::from(*secret).diffie_hellman(&PublicKey::from(*public));
    let zero: bool = shared.as_bytes().ct_eq(&[0; 32]).into();
    if zero { None } else { Some(Zeroizing::new(shared.to_bytes())) }
}
