//! The proof of an identity: what is signed, and the frame that says it (docs/wire.md, section 10).

use super::config::Config;
use crate::identity::{IdentityKey, SIGNATURE_LEN};
use crate::noise::{HandshakeHash, Role};
use arrayvec::ArrayVec;
use core::fmt;

const LABEL: &[u8; 20] = b"sealock identity v1\0";
/// The longest handshake hash.
const MAX_HASH: usize = 64;
const KEY_LEN: usize = 32;
/// The body of an IDENTITY frame: key, signature.
pub(super) const PROOF_LEN: usize = KEY_LEN + SIGNATURE_LEN;

/// What is wrong with the proof of an identity.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentityFault {
    /// The peer proves no identity, and one is required.
    Missing,
    /// The verifier refuses the peer's: a wrong signature, or a key that is not accepted.
    Refused,
    /// This end's signer gave no signature.
    NotSigned,
}

impl fmt::Display for IdentityFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "the peer proves no identity, and one is required",
            Self::Refused => "the peer's identity is not accepted, or its proof is wrong",
            Self::NotSigned => "the signer of this end's identity gave no signature",
        })
    }
}

/// What the end that plays `role` signs.
fn message(role: Role, hash: &HandshakeHash) -> ArrayVec<u8, { LABEL.len() + 1 + MAX_HASH }> {
    let role = match role {
        Role::Initiator => 0,
        Role::Responder => 1,
    };
    LABEL.iter().copied().chain([role]).chain(hash.as_bytes().iter().copied()).collect()
}

/// The proof of this end's identity, by its signer.
pub(super) fn prove(config: &Config, hash: &HandshakeHash) -> Result<[u8; PROOF_LEN], IdentityFault> {
    let signer = config.signer.as_ref().ok_or(IdentityFault::NotSigned)?;
    let signature = signer.sign(&message(config.role, hash)).ok_or(IdentityFault::NotSigned)?;
    let mut proof = [0; PROOF_LEN];
    let bytes = signer.public_key().0.into_iter().chain(signature);
    proof.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
    Ok(proof)
}

/// Whose identity the peer has proven; `None` if nobody here judges that.
pub(super) fn judge(
    config: &Config,
    hash: &HandshakeHash,
    proof: &[u8; PROOF_LEN],
) -> Result<Option<IdentityKey>, IdentityFault> {
    let Some(verifier) = &config.verifier else { return Ok(None) };
    let (Some(key), Some(signature)) = (proof.first_chunk(), proof.last_chunk()) else {
        return Err(IdentityFault::Refused);
    };
    let key = IdentityKey(*key);
    let accepted = verifier.verify(&key, &message(config.role.peer(), hash), signature);
    if accepted { Ok(Some(key)) } else { Err(IdentityFault::Refused) }
}
