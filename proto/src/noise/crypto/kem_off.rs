//! What stands for the KEM without the feature `pq`: a type without values. No name that needs one is accepted.

use crate::noise::keys::KemSeed;
use crate::noise::{KEM_CIPHERTEXT_LEN, KEM_KEY_LEN, Role};
use zeroize::Zeroizing;

pub(in crate::noise) enum Kem {}

impl Kem {
    pub(in crate::noise) fn new(_: Role, _: &KemSeed) -> Option<Self> {
        None
    }

    pub(in crate::noise) fn duplicate(&self) -> Self {
        match *self {}
    }

    pub(in crate::noise) fn public_key(&self) -> Option<[u8; KEM_KEY_LEN]> {
        match *self {}
    }

    pub(in crate::noise) fn set_peers_key(&mut self, _: &[u8]) -> bool {
        match *self {}
    }

    pub(in crate::noise) fn encapsulate(self) -> Option<([u8; KEM_CIPHERTEXT_LEN], Zeroizing<[u8; 32]>)> {
        match self {}
    }

    pub(in crate::noise) fn decapsulate(self, _: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
        match self {}
    }
}
