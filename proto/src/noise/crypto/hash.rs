//! The hash functions, and HMAC and HKDF over them (Noise sections 4.3 and 12.5 to 12.8).

use blake2::digest::{FixedOutput, KeyInit, Update};
use blake2::{Blake2b512, Blake2s256, Blake2sMac256};
#[cfg(feature = "sha2")]
use sha2::{Sha256, Sha512};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// The longest hash output in bytes.
pub(in crate::noise) const MAX_HASH_LEN: usize = 64;
const MAX_BLOCK_LEN: usize = 128;

/// The hash functions a protocol name can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HashFunction {
    /// BLAKE2s, 32 bytes out (Noise section 12.7).
    Blake2s,
    /// BLAKE2b, 64 bytes out (Noise section 12.8).
    Blake2b,
    /// SHA-256, 32 bytes out (Noise section 12.5).
    #[cfg(feature = "sha2")]
    Sha256,
    /// SHA-512, 64 bytes out (Noise section 12.6).
    #[cfg(feature = "sha2")]
    Sha512,
}

/// A hash output: 32 or 64 bytes, erased when dropped because chaining keys are made of it too.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub(in crate::noise) struct Digest {
    bytes: [u8; MAX_HASH_LEN],
    len: usize,
}

impl Digest {
    pub(in crate::noise) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// The first 32 bytes: what a hash of 64 bytes is cut to when it becomes a cipher key (section 5.2).
    pub(in crate::noise) fn to_key(&self) -> Zeroizing<[u8; 32]> {
        let mut key = Zeroizing::new([0; 32]);
        key.copy_from_slice(&self.bytes[..32]);
        key
    }
}

impl HashFunction {
    /// As protocol names spell it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Blake2s => "BLAKE2s",
            Self::Blake2b => "BLAKE2b",
            #[cfg(feature = "sha2")]
            Self::Sha256 => "SHA256",
            #[cfg(feature = "sha2")]
            Self::Sha512 => "SHA512",
        }
    }

    /// Bytes of output (HASHLEN): 32 or 64.
    #[must_use]
    pub const fn output_len(self) -> usize {
        match self {
            Self::Blake2s => 32,
            Self::Blake2b => 64,
            #[cfg(feature = "sha2")]
            Self::Sha256 => 32,
            #[cfg(feature = "sha2")]
            Self::Sha512 => 64,
        }
    }

    /// Bytes of a block (BLOCKLEN): twice the output for each of the four.
    const fn block_len(self) -> usize {
        2 * self.output_len()
    }

    /// The hash of `parts` joined.
    pub(in crate::noise) fn digest<'a>(self, parts: impl IntoIterator<Item = &'a [u8]>) -> Digest {
        match self {
            Self::Blake2s => run::<Blake2s256>(parts),
            Self::Blake2b => run::<Blake2b512>(parts),
            #[cfg(feature = "sha2")]
            Self::Sha256 => run::<Sha256>(parts),
            #[cfg(feature = "sha2")]
            Self::Sha512 => run::<Sha512>(parts),
        }
    }

    /// `bytes` padded with zeros to one output if they fit in it, else their hash (section 5.2).
    pub(in crate::noise) fn pad_or_digest(self, bytes: &[u8]) -> Digest {
        let mut digest = Digest { bytes: [0; MAX_HASH_LEN], len: self.output_len() };
        match digest.bytes[..self.output_len()].get_mut(..bytes.len()) {
            Some(front) => {
                front.copy_from_slice(bytes);
                digest
            }
            None => self.digest([bytes]),
        }
    }

    /// HMAC (RFC 2104). `key` is at most one output long, which is less than a block, so it is never hashed first.
    fn hmac(self, key: &[u8], parts: &[&[u8]]) -> Digest {
        let pad = |byte: u8| {
            let mut block = Zeroizing::new([byte; MAX_BLOCK_LEN]);
            block.iter_mut().zip(key).for_each(|(pad, key)| *pad ^= key);
            block
        };
        let (inner, outer) = (pad(0x36), pad(0x5c));
        let inner = self.digest([&inner[..self.block_len()]].into_iter().chain(parts.iter().copied()));
        self.digest([&outer[..self.block_len()], inner.as_bytes()])
    }

    /// The first `N` outputs of HKDF (section 4.3); Noise asks for 2 or 3.
    pub(in crate::noise) fn hkdf<const N: usize>(self, chaining_key: &Digest, input: &[u8]) -> [Digest; N] {
        let secret = self.hmac(chaining_key.as_bytes(), &[input]);
        let mut previous = Digest { bytes: [0; MAX_HASH_LEN], len: 0 };
        core::array::from_fn(|i| {
            // N is 2 or 3, far below where the counter byte would wrap.
            previous = self.hmac(secret.as_bytes(), &[previous.as_bytes(), &[i as u8 + 1]]);
            previous.clone()
        })
    }

    /// HKDF-Expand (RFC 5869, section 2.3) into all of `out`, which is at most 255 outputs long.
    pub(in crate::noise) fn expand(self, secret: &[u8; 32], info: &[u8], out: &mut [u8]) {
        let mut previous = Digest { bytes: [0; MAX_HASH_LEN], len: 0 };
        for (block, counter) in out.chunks_mut(self.output_len()).zip(1..=u8::MAX) {
            previous = self.hmac(secret, &[previous.as_bytes(), info, &[counter]]);
            block.copy_from_slice(&previous.as_bytes()[..block.len()]);
        }
    }
}

/// Keyed BLAKE2s (RFC 7693) of `parts` joined, for keys that no handshake makes.
pub(crate) fn keyed_blake2s(key: &[u8; 32], parts: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    let mut mac = Blake2sMac256::new(key.into());
    parts.iter().for_each(|part| mac.update(part));
    Zeroizing::new(mac.finalize_fixed().into())
}

fn run<'a, D: blake2::Digest>(parts: impl IntoIterator<Item = &'a [u8]>) -> Digest {
    let mut hash = D::new();
    for part in parts {
        hash.update(part);
    }
    let mut output = hash.finalize();
    let mut digest = Digest { bytes: [0; MAX_HASH_LEN], len: output.len() };
    digest.bytes[..output.len()].copy_from_slice(&output);
    output.as_mut_slice().zeroize();
    digest
}
