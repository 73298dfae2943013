//! What a handshake leaves behind (Noise sections 5.1, 5.2 and 11.3): one cipher per direction and the hash.

use super::crypto::{Aead, MAX_HASH_LEN, Provider};
use super::error::CipherError;
use super::exporter::Exporter;
use super::restore::{Salt, restored_key, secret_of};
use super::{CipherFunction, MAX_MESSAGE, TAG_LEN};
use core::fmt;
use zeroize::Zeroizing;

/// The number after `nonce`, or `None` if `nonce` is 2^64 - 1, which no message may use (section 5.1).
pub(super) const fn next_nonce(nonce: u64) -> Option<u64> {
    nonce.checked_add(1)
}

/// A finished handshake: the ciphers for both directions, independent of each other.
#[derive(Debug)]
#[non_exhaustive]
#[must_use]
pub struct Transport {
    /// Seals what this side sends; `None` for the recipient of a one-way pattern (section 7.4).
    pub send: Option<SendCipher>,
    /// Opens what the peer sends; `None` for the sender of a one-way pattern (section 7.4).
    pub recv: Option<RecvCipher>,
    /// Identifies this handshake, the same on both sides (section 11.2).
    pub hash: HandshakeHash,
    /// Derives further secrets, the same on both sides.
    pub exporter: Exporter,
    /// The key of `recv`, for whoever may have to hand it over.
    pub(crate) recv_key: KeptKey,
}

/// A receiving key beside the cipher that was made of it, which does not give it back. Erased when dropped.
pub(crate) struct KeptKey(pub(crate) Zeroizing<[u8; 32]>);

impl fmt::Debug for KeptKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeptKey(..)")
    }
}

/// Seals messages, each under the next nonce. The key is erased when this is dropped, as far as the
/// [`Provider`] does it.
pub struct SendCipher(CipherState);

/// Opens messages, each under the next nonce. The key is erased when this is dropped, as far as the
/// [`Provider`] does it.
pub struct RecvCipher(CipherState);

struct CipherState {
    aead: Aead,
    nonce: u64,
}

impl SendCipher {
    pub(super) fn new(aead: Aead) -> Self {
        Self(CipherState { aead, nonce: 0 })
    }

    /// Which library computes.
    #[must_use]
    pub fn provider(&self) -> Provider {
        self.0.aead.provider()
    }

    /// Encrypts `text` in place, bound to the associated data `ad`, and gives the tag to send behind it.
    ///
    /// # Errors
    ///
    /// [`CipherError::TooLong`] if text and tag are more than 65,535 bytes, [`CipherError::Exhausted`] when
    /// no nonce is left. Neither changes `text` or the nonce.
    pub fn seal(&mut self, ad: &[u8], text: &mut [u8]) -> Result<[u8; TAG_LEN], CipherError> {
        if text.len() > MAX_MESSAGE - TAG_LEN {
            return Err(CipherError::TooLong);
        }
        let next = next_nonce(self.0.nonce).ok_or(CipherError::Exhausted)?;
        #[cfg(test)]
        super::tests::audit::sealed(&self.0.aead, self.0.nonce);
        let tag = self.0.aead.seal(self.0.nonce, ad, text).ok_or(CipherError::TooLong)?;
        self.0.nonce = next;
        Ok(tag)
    }

    /// Replaces the key by one that does not lead back to it (section 4.2). The nonce goes on counting.
    /// The peer has to rekey its [`RecvCipher`] at the same message.
    pub fn rekey(&mut self) {
        self.0.aead.rekey();
    }

    /// What a restored copy of this end goes on from. It leads neither to this key nor to one that follows from it
    /// here. `None` only if the library has no memory.
    pub(crate) fn restore_secret(&self) -> Option<Zeroizing<[u8; 32]>> {
        self.0.aead.successor().map(|key| secret_of(&key))
    }

    /// The cipher of a restored end: under a key of its own, which `salt` makes, from message `nonce` on.
    pub(crate) fn restored(
        provider: Provider,
        function: CipherFunction,
        secret: &[u8; 32],
        salt: &Salt,
        nonce: u64,
    ) -> Self {
        let key = restored_key(secret, salt, nonce);
        Self(CipherState { aead: Aead::keyed(provider, function, &key), nonce })
    }

    /// The number of the next message: how many were sealed before it.
    #[must_use]
    pub fn nonce(&self) -> u64 {
        self.0.nonce
    }
}

impl RecvCipher {
    pub(super) fn new(aead: Aead) -> Self {
        Self(CipherState { aead, nonce: 0 })
    }

    /// Which library computes.
    #[must_use]
    pub fn provider(&self) -> Provider {
        self.0.aead.provider()
    }

    /// Decrypts `record`, ciphertext and then tag, in place and gives the plaintext's length; the plaintext
    /// lies at the front.
    ///
    /// # Errors
    ///
    /// [`CipherError`]; the nonce is unchanged then, so the message counts as never received. On
    /// [`CipherError::Decrypt`] the ciphertext in `record` is overwritten with zeros, whichever provider computes;
    /// the other errors leave `record` as it is.
    pub fn open(&mut self, ad: &[u8], record: &mut [u8]) -> Result<usize, CipherError> {
        if record.len() > MAX_MESSAGE {
            return Err(CipherError::TooLong);
        }
        let (text, tag) = record.split_last_chunk_mut::<TAG_LEN>().ok_or(CipherError::TooShort)?;
        let next = next_nonce(self.0.nonce).ok_or(CipherError::Exhausted)?;
        if !self.0.aead.open(self.0.nonce, ad, text, tag) {
            return Err(CipherError::Decrypt);
        }
        self.0.nonce = next;
        Ok(text.len())
    }

    /// [`open`](Self::open) under a nonce that came with the message (section 11.4); the counter does not move. Whoever
    /// calls it must see that no nonce is accepted twice.
    ///
    /// # Errors
    /// As there.
    pub(crate) fn open_at(&self, nonce: u64, ad: &[u8], record: &mut [u8]) -> Result<usize, CipherError> {
        if record.len() > MAX_MESSAGE {
            return Err(CipherError::TooLong);
        }
        let (text, tag) = record.split_last_chunk_mut::<TAG_LEN>().ok_or(CipherError::TooShort)?;
        next_nonce(nonce).ok_or(CipherError::Exhausted)?;
        let right = self.0.aead.open(nonce, ad, text, tag);
        if right { Ok(text.len()) } else { Err(CipherError::Decrypt) }
    }

    /// Replaces the key by one that does not lead back to it (section 4.2). The nonce goes on counting.
    /// The peer has to rekey its [`SendCipher`] at the same message.
    pub fn rekey(&mut self) {
        self.0.aead.rekey();
    }

    /// Goes on where another one was, under the same key: the peer notices nothing.
    pub(crate) fn resumed(provider: Provider, function: CipherFunction, key: &[u8; 32], nonce: u64) -> Self {
        Self(CipherState { aead: Aead::keyed(provider, function, key), nonce })
    }

    /// [`RecvCipher::rekey`] with the key that is kept beside it.
    pub(crate) fn rekey_with(&mut self, kept: Option<&mut KeptKey>) {
        if let Some(key) = self.0.aead.successor() {
            self.replace(key, kept);
        }
    }

    /// The peer's end was restored, at the message that is due here: follows it to its new key.
    pub(crate) fn follow(&mut self, salt: &Salt, kept: Option<&mut KeptKey>) {
        if let Some(key) = self.0.aead.successor() {
            self.replace(restored_key(&secret_of(&key), salt, self.0.nonce), kept);
        }
    }

    fn replace(&mut self, key: Zeroizing<[u8; 32]>, kept: Option<&mut KeptKey>) {
        self.0.aead.set_key(&key);
        if let Some(kept) = kept {
            kept.0 = key;
        }
    }

    /// Passes over messages up to `nonce`; never goes back.
    pub(crate) fn skip_to(&mut self, nonce: u64) {
        self.0.nonce = self.0.nonce.max(nonce);
    }

    /// The number of the next message: how many were opened before it.
    #[must_use]
    pub fn nonce(&self) -> u64 {
        self.0.nonce
    }
}

#[cfg(test)]
impl SendCipher {
    pub(crate) fn set_nonce(&mut self, nonce: u64) {
        self.0.nonce = nonce;
    }
}

#[cfg(test)]
impl RecvCipher {
    pub(crate) fn set_nonce(&mut self, nonce: u64) {
        self.0.nonce = nonce;
    }
}

impl fmt::Debug for SendCipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendCipher").field("nonce", &self.nonce()).finish_non_exhaustive()
    }
}

impl fmt::Debug for RecvCipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecvCipher").field("nonce", &self.nonce()).finish_non_exhaustive()
    }
}

/// The handshake hash, for channel binding (section 11.2): 32 or 64 bytes, unique to this handshake and not
/// secret. Whoever signs or compares it vouches for this very connection.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct HandshakeHash {
    bytes: [u8; MAX_HASH_LEN],
    /// A byte, so that it takes no more: every session keeps a hash.
    len: u8,
}

impl HandshakeHash {
    /// `hash` is one hash output, so it always fits.
    pub(crate) fn new(hash: &[u8]) -> Self {
        let mut bytes = [0; MAX_HASH_LEN];
        bytes.iter_mut().zip(hash).for_each(|(to, from)| *to = *from);
        Self { bytes, len: hash.len().min(MAX_HASH_LEN) as u8 }
    }

    /// The hash: 32 or 64 bytes, as long as the protocol's hash function gives.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

impl AsRef<[u8]> for HandshakeHash {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl fmt::Debug for HandshakeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HandshakeHash(")?;
        self.as_bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}
