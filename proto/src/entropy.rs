//! Entropy as a value: one secret seed in, everything random a machine needs out.
//!
//! The engine never asks an operating system for random bytes. Secrets are derived from a [`Seed`] under
//! a label; timing jitter, which needs no secrecy, comes from [`Jitter`].

use blake2::{Blake2s256, Digest};
use core::fmt;
use core::time::Duration;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// 32 bytes of fresh entropy, given to a machine once.
///
/// Use one seed for one machine: two sessions with the same seed would use the same ephemeral key. For
/// that reason it is not `Clone`. The bytes are erased when it is dropped and never printed.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Seed([u8; 32]);

impl Seed {
    /// Wraps 32 bytes from a cryptographically secure source. Wipes `bytes`.
    #[must_use]
    pub fn new(bytes: &mut [u8; 32]) -> Self {
        let seed = Self(*bytes);
        bytes.zeroize();
        seed
    }

    /// 32 secret bytes for one purpose; different labels give independent values.
    #[must_use]
    pub fn derive(&self, label: &str) -> Zeroizing<[u8; 32]> {
        let mut hash = Blake2s256::new();
        hash.update(b"sealock seed v1");
        hash.update(self.0);
        hash.update(label.as_bytes());
        Zeroizing::new(hash.finalize().into())
    }

    /// A seed for a part of this machine.
    #[must_use]
    pub fn child(&self, label: &str) -> Self {
        Self(*self.derive(label))
    }

    /// A source of timing jitter that tells nothing about the seed.
    #[must_use]
    pub fn jitter(&self, label: &str) -> Jitter {
        let bytes = self.derive(label);
        let mut state = [0; 8];
        state.copy_from_slice(&bytes[..8]);
        Jitter(u64::from_le_bytes(state))
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(..)")
    }
}

/// A small deterministic generator (SplitMix64) for spreading timers. Not for secrets.
#[derive(Clone, Debug)]
pub struct Jitter(u64);

impl Jitter {
    /// A generator that starts from `state`.
    #[must_use]
    pub const fn new(state: u64) -> Self {
        Self(state)
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A duration spread evenly over `0..=max`.
    pub fn up_to(&mut self, max: Duration) -> Duration {
        let max = crate::time::nanos(max);
        let wide = u128::from(self.next_u64()) * (u128::from(max) + 1);
        Duration::from_nanos((wide >> 64) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn wrapping_wipes_the_source_and_debug_hides_the_seed() {
        let mut bytes = [7; 32];
        let seed = Seed::new(&mut bytes);
        assert_eq!(bytes, [0; 32]);
        assert_eq!(format!("{seed:?}"), "Seed(..)");
    }

    #[test]
    fn labels_separate_and_equal_labels_agree() {
        let seed = Seed::new(&mut [1; 32]);
        assert_eq!(*seed.derive("a"), *seed.derive("a"));
        assert_ne!(*seed.derive("a"), *seed.derive("b"));
        assert_ne!(*seed.child("a").derive("x"), *seed.derive("x"));
    }

    #[test]
    fn jitter_stays_in_range_and_moves() {
        let mut jitter = Seed::new(&mut [2; 32]).jitter("t");
        let max = Duration::from_millis(10);
        let draws: alloc::vec::Vec<_> = (0..1000).map(|_| jitter.up_to(max)).collect();
        assert!(draws.iter().all(|d| *d <= max));
        assert!(draws.iter().any(|d| *d < max / 10) && draws.iter().any(|d| *d > max * 9 / 10));
        assert_eq!(jitter.up_to(Duration::ZERO), Duration::ZERO);
    }
}
