//! Masking of payloads (RFC 6455, section 5.3), and where a client's masks come from.

use crate::entropy::Seed;
use chacha20::ChaCha20Legacy;
use chacha20::cipher::{KeyIvInit, StreamCipher};

/// The bit that no byte of ASCII has, in each byte of a word.
const HIGH_BITS: u64 = 0x8080_8080_8080_8080;
/// Bytes that are XORed at a time. An array of bytes, because compilers make vectors of that.
const BLOCK: usize = 32;

/// The mask for what follows `n` bytes.
#[inline]
pub(super) fn turned(mut mask: [u8; 4], n: usize) -> [u8; 4] {
    mask.rotate_left(n % 4);
    mask
}

/// XORs `data` with `mask`, over and over. Says whether the result is ASCII, which costs nothing while the bytes are at
/// hand. Inlined, because a call shows beside a short message.
#[inline(always)]
pub(super) fn apply(mask: [u8; 4], data: &mut [u8]) -> bool {
    let mask = u32::from_le_bytes(mask);
    let word = u64::from(mask) | u64::from(mask) << 32;
    let bytes = word.to_le_bytes();
    let mut block = [0; BLOCK];
    for part in block.chunks_exact_mut(8) {
        part.copy_from_slice(&bytes);
    }
    let mut seen_in_blocks = [0; BLOCK];
    let mut blocks = data.chunks_exact_mut(BLOCK);
    for data in &mut blocks {
        for ((byte, mask), seen) in data.iter_mut().zip(&block).zip(&mut seen_in_blocks) {
            *byte ^= mask;
            *seen |= *byte;
        }
    }
    let mut seen = seen_in_blocks.chunks_exact(8).fold(0, |seen, part| seen | load(part));
    let mut words = blocks.into_remainder().chunks_exact_mut(8);
    for data in &mut words {
        let plain = load(data) ^ word;
        data.copy_from_slice(&plain.to_le_bytes());
        seen |= plain;
    }
    for (byte, mask) in words.into_remainder().iter_mut().zip(bytes) {
        *byte ^= mask;
        seen |= u64::from(*byte);
    }
    seen & HIGH_BITS == 0
}

/// The word of eight bytes.
#[inline]
fn load(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(bytes.try_into().unwrap_or_default())
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
    fn every_byte_meets_its_mask_whatever_the_length_and_the_cut() {
        let mask = [1, 2, 4, 0x80];
        for len in 0..80 {
            let data: Vec<u8> = (0..len).map(|n: u8| n.wrapping_mul(37)).collect();
            let want: Vec<u8> =
                data.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
            for cut in [0, len / 3, len / 2, len] {
                let mut got = data.clone();
                let (first, rest) = got.split_at_mut(cut.into());
                let ascii = apply(mask, first) & apply(turned(mask, first.len()), rest);
                assert_eq!((&got, ascii), (&want, want.is_ascii()), "{len} bytes cut at {cut}");
                apply(mask, &mut got);
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
