//! What the next connection goes on from: its pre-shared key, and what must not have changed for that.

use crate::noise::{Protocol, Psk};
use blake2::digest::{FixedOutput, KeyInit, Update};
use blake2::{Blake2s256, Blake2sMac256};
use zeroize::Zeroizing;

/// The key that both ends use when they resume: from a secret that the session exported under a label of its own for
/// this, bound to the session (`handshake_hash`, at most 64 bytes), to the `protocol` it is for and to the `number` of
/// the ticket in the session. Keyed BLAKE2s; it does not lead back to `exported`.
///
/// `exported` is the same at both ends, secret, and used for nothing else.
#[must_use]
pub fn resumption_psk(exported: &[u8; 32], handshake_hash: &[u8], protocol: &Protocol, number: u32) -> Psk {
    let mut mac = Blake2sMac256::new(exported.into());
    mac.update(b"sealock resumption psk v1");
    // Lengths in front, so that no two inputs run into the same bytes.
    let name = protocol.name();
    for part in [handshake_hash, name.as_bytes()] {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac.update(&number.to_be_bytes());
    let mut psk = Zeroizing::new(mac.finalize_fixed().into());
    Psk::new(&mut psk)
}

/// What a responder asks of all initiators alike, as one value: pre-shared keys and prologue. Who was let in under others
/// shows a ticket in vain.
pub(crate) fn admission_context(psks: &[Psk], prologue: &[u8]) -> [u8; 32] {
    let mut hash = Blake2s256::default();
    Update::update(&mut hash, b"sealock ticket context v1");
    Update::update(&mut hash, &(psks.len() as u64).to_be_bytes());
    psks.iter().for_each(|psk| Update::update(&mut hash, psk.as_bytes()));
    Update::update(&mut hash, prologue);
    hash.finalize_fixed().into()
}
