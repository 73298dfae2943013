//! Notes every key and nonce that a thread seals with, and fails when a pair comes twice.

use crate::noise::crypto::Aead;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use std::cell::RefCell;

std::thread_local! {
    /// What a key does is known by its successor; the nonces under it.
    static USED: RefCell<Option<BTreeMap<[u8; 32], Vec<u64>>>> = const { RefCell::new(None) };
}

pub(in crate::noise) fn sealed(aead: &Aead, nonce: u64) {
    USED.with_borrow_mut(|used| {
        let Some(used) = used else { return };
        let key = aead.successor().unwrap();
        let nonces = used.entry(*key).or_default();
        assert!(!nonces.contains(&nonce), "nonce {nonce} was used twice under a key");
        nonces.push(nonce);
    });
}

/// Runs `f` and gives how many keys and how many pairs of key and nonce this thread sealed with.
pub(crate) fn audited(f: impl FnOnce()) -> (usize, usize) {
    USED.set(Some(BTreeMap::new()));
    f();
    let used = USED.take().unwrap();
    (used.len(), used.values().map(Vec::len).sum())
}
