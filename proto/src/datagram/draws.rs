//! Secret values one after the other from one seed. What they are used for is the caller's business.

use crate::entropy::Seed;
use zeroize::Zeroizing;

/// A chain of seeds: none of its values tells another, and the seed of those given is erased.
#[derive(Debug)]
pub(super) struct Draws(Seed);

impl Draws {
    pub(super) const fn new(seed: Seed) -> Self {
        Self(seed)
    }

    /// 32 bytes that were never given before.
    pub(super) fn bytes(&mut self) -> Zeroizing<[u8; 32]> {
        let bytes = self.0.derive("draw");
        self.0 = self.0.child("next");
        bytes
    }

    /// The first `N` of them, at most 32.
    pub(super) fn array<const N: usize>(&mut self) -> [u8; N] {
        let bytes = self.bytes();
        let mut array = [0; N];
        array.iter_mut().zip(bytes.iter()).for_each(|(to, from)| *to = *from);
        array
    }

    /// A number for which `taken` is false, and not zero.
    pub(super) fn id(&mut self, taken: impl Fn(u64) -> bool) -> u64 {
        loop {
            let id = u64::from_be_bytes(self.array());
            if id != 0 && !taken(id) {
                return id;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;

    #[test]
    fn no_value_comes_twice_and_none_is_refused_by_its_caller() {
        let mut draws = Draws::new(Seed::new(&mut [1; 32]));
        let mut seen = BTreeSet::new();
        for _ in 0..1_000 {
            assert!(seen.insert(*draws.bytes()));
        }
        let mut again = Draws::new(Seed::new(&mut [1; 32]));
        let first = again.id(|_| false);
        let mut again = Draws::new(Seed::new(&mut [1; 32]));
        assert_ne!(again.id(|id| id == first), first);
    }
}
