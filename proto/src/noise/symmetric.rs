//! The symmetric state of a handshake (Noise sections 5.1 and 5.2): chaining key, hash and cipher key.

use super::TAG_LEN;
use super::crypto::{Aead, CipherFunction, Digest, HashFunction, Provider};
use super::error::HandshakeError;
use super::exporter::Exporter;
use super::name::Protocol;
use super::transport::{HandshakeHash, next_nonce};
use zeroize::Zeroizing;

#[derive(Clone)]
pub(super) struct SymmetricState {
    provider: Provider,
    cipher: CipherFunction,
    hash: HashFunction,
    chaining_key: Digest,
    transcript: Digest,
    key: Option<Zeroizing<[u8; 32]>>,
    nonce: u64,
}

impl SymmetricState {
    /// `InitializeSymmetric`.
    pub(super) fn new(protocol: Protocol, provider: Provider) -> Self {
        let (cipher, hash) = (protocol.cipher(), protocol.hash());
        let transcript = hash.pad_or_digest(protocol.name().as_bytes());
        let chaining_key = transcript.clone();
        Self { provider, cipher, hash, chaining_key, transcript, key: None, nonce: 0 }
    }

    /// `HasKey`.
    pub(super) fn has_key(&self) -> bool {
        self.key.is_some()
    }

    /// `MixHash` of `parts` joined.
    pub(super) fn mix_hash(&mut self, parts: &[&[u8]]) {
        let parts = [self.transcript.as_bytes()].into_iter().chain(parts.iter().copied());
        self.transcript = self.hash.digest(parts);
    }

    /// `MixKey`.
    pub(super) fn mix_key(&mut self, input: &[u8; 32]) {
        let [chaining_key, key] = self.hash.hkdf(&self.chaining_key, input);
        self.chaining_key = chaining_key;
        self.set_key(&key);
    }

    /// `MixKeyAndHash`, for pre-shared keys.
    pub(super) fn mix_key_and_hash(&mut self, input: &[u8; 32]) {
        let [chaining_key, hash, key] = self.hash.hkdf(&self.chaining_key, input);
        self.chaining_key = chaining_key;
        self.mix_hash(&[hash.as_bytes()]);
        self.set_key(&key);
    }

    /// `EncryptAndHash` in place. With a key, the last 16 bytes of `field` are room for the tag; without
    /// one, `field` stays as it is.
    pub(super) fn encrypt_and_hash(&mut self, field: &mut [u8]) -> Result<(), HandshakeError> {
        if let Some(key) = &self.key {
            let next = next_nonce(self.nonce).ok_or(HandshakeError::Exhausted)?;
            let (text, tag_room) = field.split_last_chunk_mut::<TAG_LEN>().ok_or(HandshakeError::TooShort)?;
            let ad = self.transcript.as_bytes();
            let tag = self.provider.seal(self.cipher, key, self.nonce, ad, text);
            *tag_room = tag.ok_or(HandshakeError::TooLong)?;
            self.nonce = next;
        }
        self.mix_hash(&[field]);
        Ok(())
    }

    /// `DecryptAndHash` in place; gives the plaintext at the front of `field`.
    pub(super) fn decrypt_and_hash<'a>(
        &mut self,
        field: &'a mut [u8],
    ) -> Result<&'a mut [u8], HandshakeError> {
        let ad = self.transcript.clone();
        self.mix_hash(&[field]);
        let Some(key) = &self.key else { return Ok(field) };
        let next = next_nonce(self.nonce).ok_or(HandshakeError::Exhausted)?;
        let (text, tag) = field.split_last_chunk_mut::<TAG_LEN>().ok_or(HandshakeError::TooShort)?;
        if !self.provider.open(self.cipher, key, self.nonce, ad.as_bytes(), text, tag) {
            return Err(HandshakeError::Decrypt);
        }
        self.nonce = next;
        Ok(text)
    }

    /// `Split`: keys the ciphers, first the sending one of the side that writes first. Gives their keys, the handshake
    /// hash, and what further secrets are exported from.
    pub(super) fn split(
        self,
        ciphers: &mut [Aead; 2],
    ) -> ([Zeroizing<[u8; 32]>; 2], HandshakeHash, Exporter) {
        let keys = self.hash.hkdf::<2>(&self.chaining_key, &[]).map(|key| key.to_key());
        for (cipher, key) in ciphers.iter_mut().zip(&keys) {
            cipher.set_key(key);
        }
        let exporter = Exporter::new(self.hash, &self.chaining_key, &self.transcript);
        (keys, HandshakeHash::new(self.transcript.as_bytes()), exporter)
    }

    /// `InitializeKey`.
    fn set_key(&mut self, key: &Digest) {
        self.key = Some(key.to_key());
        self.nonce = 0;
    }
}
