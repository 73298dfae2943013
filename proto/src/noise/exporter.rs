//! Secrets for other uses than the transport, from the end of a handshake (docs/wire.md, section 7).
//!
//! The draft of additional symmetric keys for Noise, and RFC 8446, section 7.5, in the parts of Noise: one secret at
//! Split, apart from the transport keys, and from that as many as there are labels.

use super::crypto::{Digest, HashFunction, MAX_HASH_LEN};
use super::error::ExportError;
use arrayvec::ArrayVec;
use core::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// With a hash behind it neither empty nor 32 bytes long, as is all that Noise gives HKDF.
const SECRET: &[u8; 16] = b"sealock exporter";
const MAX_LABEL: usize = 255;
/// Length, length of the label, label, hash of the context.
const MAX_INFO: usize = 2 + 1 + MAX_LABEL + MAX_HASH_LEN;

/// Derives secrets from a handshake for other uses: tokens bound to this connection, keys of another protocol, a
/// pre-shared key for the next handshake. Both sides derive the same; nobody else can derive any of them, nor from one
/// another, nor from transport keys.
///
/// Erased when dropped and never printed. A clone is a second copy of the secret.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Exporter {
    secret: [u8; 32],
    #[zeroize(skip)]
    hash: HashFunction,
}

impl Exporter {
    /// Of the last chaining key and the handshake hash.
    pub(super) fn new(hash: HashFunction, chaining_key: &Digest, transcript: &Digest) -> Self {
        let mut input = ArrayVec::<u8, { SECRET.len() + MAX_HASH_LEN }>::new();
        input.extend(SECRET.iter().chain(transcript.as_bytes()).copied());
        let [output] = hash.hkdf(chaining_key, &input);
        Self { secret: *output.to_key(), hash }
    }

    /// What everything is derived from, to be kept.
    pub(crate) const fn secret(&self) -> &[u8; 32] {
        &self.secret
    }

    /// The exporter of which [`Exporter::secret`] was kept.
    pub(crate) fn from_secret(hash: HashFunction, secret: Zeroizing<[u8; 32]>) -> Self {
        Self { secret: *secret, hash }
    }

    /// Fills all of `out` with the secret for `label` and `context`: equal on both sides, and different for another
    /// handshake, label, context or length of `out`.
    ///
    /// `label` says what the secret is for, 1 to 255 bytes: begin it with the name of your application. `context` is of
    /// any length, and empty the same as none.
    ///
    /// # Errors
    /// [`ExportError::Label`] for a label that is empty or too long, [`ExportError::TooLong`] for more than 255 hash
    /// outputs (8,160 bytes, 16,320 with a hash of 64 bytes). `out` is unchanged then.
    pub fn export(&self, label: &str, context: &[u8], out: &mut [u8]) -> Result<(), ExportError> {
        let label_len = u8::try_from(label.len()).ok().filter(|len| *len > 0).ok_or(ExportError::Label)?;
        let most = usize::from(u8::MAX) * self.hash.output_len();
        let len = u16::try_from(out.len()).ok().filter(|len| usize::from(*len) <= most);
        let len = len.ok_or(ExportError::TooLong)?.to_be_bytes();
        let context = self.hash.digest([context]);
        let mut info = ArrayVec::<u8, MAX_INFO>::new();
        for part in [&len[..], &[label_len], label.as_bytes(), context.as_bytes()] {
            info.extend(part.iter().copied());
        }
        self.hash.expand(&self.secret, &info, out);
        Ok(())
    }
}

impl fmt::Debug for Exporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Exporter(..)")
    }
}
