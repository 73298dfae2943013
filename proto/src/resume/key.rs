//! One key that seals tickets.

use crate::entropy::Seed;
use blake2::digest::{FixedOutput, KeyInit, Update};
use blake2::{Blake2s256, Blake2sMac256, Digest};
use core::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Bytes that name a key in front of a ticket.
pub(super) const KEY_ID_LEN: usize = 8;

/// A key that seals tickets. Its name, which every ticket shows, follows from it, so servers that have the same key
/// know it by the same name.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct TicketKey {
    #[zeroize(skip)]
    id: [u8; KEY_ID_LEN],
    key: [u8; 32],
}

impl TicketKey {
    /// A key made of 32 bytes from a cryptographically secure source, which several servers may share. Wipes `bytes`.
    #[must_use]
    pub fn new(bytes: &mut [u8; 32]) -> Self {
        let mut mac = Blake2sMac256::new((&*bytes).into());
        mac.update(b"sealock ticket key id v1");
        let digest: [u8; 32] = mac.finalize_fixed().into();
        let mut id = [0; KEY_ID_LEN];
        id.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
        let key = Self { id, key: *bytes };
        bytes.zeroize();
        key
    }

    /// Key `number` of a seed: the next rotation takes the next number. Whoever has the seed has all of them, the past
    /// ones too; draw keys and use [`TicketKey::new`] where a stolen one must open no older ticket.
    #[must_use]
    pub fn derive(seed: &Seed, number: u64) -> Self {
        let secret = seed.derive("ticket keys");
        let mut hash = Blake2s256::new();
        Digest::update(&mut hash, b"sealock ticket key v1");
        Digest::update(&mut hash, *secret);
        Digest::update(&mut hash, number.to_be_bytes());
        let mut key = Zeroizing::new(hash.finalize().into());
        Self::new(&mut key)
    }

    /// The name, which is not secret.
    #[must_use]
    pub const fn id(&self) -> &[u8; 8] {
        &self.id
    }

    pub(super) const fn bytes(&self) -> &[u8; 32] {
        &self.key
    }
}

impl fmt::Debug for TicketKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TicketKey(..)")
    }
}
