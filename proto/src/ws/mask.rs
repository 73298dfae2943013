//! Masking of payloads (RFC 6455, section 5.3), and where a client's masks come from.

use crate::entropy::Seed;
use chacha20::ChaCha20Legacy;
use chacha20::cipher::{KeyIvInit, StreamCipher};

/// The bit that no byte of ASCII has, in each byte of a word.
const HIGH_BITS: u64 = 0x8080_8080_8080_8080;

/// XORs `data` with `mask`, whose byte `phase` (modulo 4) falls on the first byte. Says whether the result is ASCII,
/// which costs nothing while the bytes are at hand.
#[inline]
pub(super) fn apply(mask: [u8; 4], phase: usize, data: &mut [u8]) -> bool {
    let mut mask = mask;
    mask.rotate_left(phase % 4);
    let [a, b, c, d] = mask;
    let twice = [a, b, c, d, a, b, c, d];
    let word = u64::from_ne_bytes(twice);
    let mut seen = 0;
    let mut words = data.chunks_exact_mut(8);
    for bytes in &mut words {
        let plain = u64::from_ne_bytes(<[u8; 8]>::try_from(&*bytes).unwrap_or_default()) ^ word;
        bytes.copy_from_slice(&plain.to_ne_bytes());
        seen |= plain;
    }
    for (byte, mask) in words.into_remainder().iter_mut().zip(twice) {
        *byte ^= mask;
        seen |= u64::from(*byte);
    }
    seen & HIGH_BITS == 0
}

/// Masks that a peer cannot predict: the keystream of ChaCha20 under a key of this connection alone.
pub(super) struct Masks {
    /// With a counter of 64 bits: its keystream does not end.
    cipher: ChaCha20Legacy,
    block: [u8; 64],
    used: usize,
}

impl Masks {
    pub(super) fn new(seed: &Seed) -> Self {
        let cipher = ChaCha20Legacy::new((&*seed.derive("ws masks")).into(), (&[0; 8]).into());
        Self { cipher, block: [0; 64], used: 64 }
    }

    /// The next mask.
    #[inline]
    pub(super) fn next(&mut self) -> [u8; 4] {
        if self.used >= self.block.len() {
            self.refill();
        }
        let mask = self.block.get(self.used..).and_then(|rest| rest.first_chunk::<4>().copied());
        self.used += 4;
        mask.unwrap_or_default()
    }

    #[cold]
    fn refill(&mut self) {
        self.block = [0; 64];
        self.used = 0;
        // It fails behind 2^64 blocks only.
        let _ = self.cipher.try_apply_keystream(&mut self.block);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn every_byte_meets_its_mask_whatever_the_phase_and_length() {
        let mask = [1, 2, 4, 0x80];
        for phase in 0..5 {
            for len in 0..40 {
                let data: Vec<u8> = (0..len).map(|n: u8| n.wrapping_mul(37)).collect();
                let want: Vec<u8> =
                    data.iter().enumerate().map(|(n, byte)| byte ^ mask[(phase + n) % 4]).collect();
                let mut got = data.clone();
                let ascii = apply(mask, phase, &mut got);
                assert_eq!((&got, ascii), (&want, want.is_ascii()), "phase {phase}, {len} bytes");
                apply(mask, phase, &mut got);
                assert_eq!(got, data);
            }
        }
    }

    #[test]
    fn masks_follow_from_the_seed_and_do_not_repeat() {
        let draw = |n: u8| {
            let mut masks = Masks::new(&Seed::new(&mut [n; 32]));
            (0..100).map(|_| masks.next()).collect::<Vec<_>>()
        };
        let (masks, mut sorted) = (draw(1), draw(1));
        assert_eq!(masks, sorted);
        assert_ne!(masks, draw(2));
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), 100);
    }
}
