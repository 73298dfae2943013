//! The one interpreter of handshake patterns (Noise section 5.3, with pre-shared keys of section 9 and the KEM of the
//! HFS extension): what each token writes, reads and mixes.

use super::{Handshake, Progress, ReadPart};
use crate::noise::crypto::Kem;
use crate::noise::error::HandshakeError;
use crate::noise::keys::PublicKey;
use crate::noise::pattern::Token;
use crate::noise::{DH_LEN, KEM_CIPHERTEXT_LEN, KEM_KEY_LEN, MAX_MESSAGE, Role, TAG_LEN};

impl Handshake {
    /// Hashes the keys both sides know beforehand, first those of the side that writes first (section 5.3).
    pub(super) fn mix_pre_messages(&mut self) {
        let first = self.protocol.writer(0);
        for side in [first, first.peer()] {
            let local = side == self.role;
            // The keys are there, as the check of the parameters found.
            if self.protocol.needs_remote_ephemeral(side.peer()) {
                let own = || Some(self.ephemeral.public_by(self.provider));
                if let Some(key) = if local { own() } else { self.remote_ephemeral } {
                    self.mix_ephemeral(key);
                }
            }
            if self.protocol.needs_remote_static(side.peer()) {
                let own = || self.local_static.as_ref().map(|key| key.public_by(self.provider));
                if let Some(key) = if local { own() } else { self.remote_static } {
                    self.symmetric.mix_hash(&[key.as_bytes()]);
                }
            }
        }
        self.keyed = self.symmetric.has_key();
    }

    /// Bytes the next message has beyond its payload.
    pub(super) fn overhead(&self) -> usize {
        let mut keyed = self.keyed;
        let mut len = 0;
        for token in self.protocol.tokens(self.message) {
            match token {
                Token::E => {
                    len += DH_LEN;
                    keyed |= self.protocol.is_psk_mode();
                }
                Token::S => len += DH_LEN + tag_len(keyed),
                Token::E1 => len += KEM_KEY_LEN + tag_len(keyed),
                Token::Ekem1 => {
                    len += KEM_CIPHERTEXT_LEN + tag_len(keyed);
                    keyed = true;
                }
                Token::Ee | Token::Es | Token::Se | Token::Ss | Token::Psk => keyed = true,
            }
        }
        len + tag_len(keyed)
    }

    pub(super) fn write_message(&mut self, payload: &[u8], message: &mut [u8]) -> Result<(), HandshakeError> {
        let mut rest = message;
        for token in self.protocol.tokens(self.message) {
            match token {
                Token::E => {
                    let key = self.ephemeral.public_by(self.provider);
                    take(&mut rest, DH_LEN)?.copy_from_slice(key.as_bytes());
                    self.mix_ephemeral(key);
                }
                Token::S => {
                    let key = self.local_static.as_ref().ok_or(HandshakeError::WeakKey)?;
                    let key = key.public_by(self.provider);
                    self.write_field(&mut rest, key.as_bytes())?;
                }
                Token::E1 => {
                    let key = self.kem.as_ref().and_then(Kem::public_key).ok_or(HandshakeError::BadKemKey)?;
                    self.write_field(&mut rest, &key)?;
                }
                Token::Ekem1 => {
                    let encapsulated = self.kem.take().and_then(Kem::encapsulate);
                    let (ciphertext, secret) = encapsulated.ok_or(HandshakeError::BadKemKey)?;
                    self.write_field(&mut rest, &ciphertext)?;
                    self.symmetric.mix_key(&secret);
                }
                _ => self.mix(token)?,
            }
        }
        fill_front(rest, payload);
        self.symmetric.encrypt_and_hash(rest)
    }

    /// Reads from where [`Self::progress`] says.
    pub(super) fn read_on(&mut self, message: &mut [u8]) -> Result<ReadPart, HandshakeError> {
        let message_len = message.len();
        let start = match self.progress {
            Some(progress) => progress,
            None if message_len > MAX_MESSAGE => return Err(HandshakeError::TooLong),
            // Before any costly DH is done for a message that cannot be right.
            None if message_len < self.next_overhead() => return Err(HandshakeError::TooShort),
            None => Progress { message_len, read: 0, tokens: 0 },
        };
        let mut rest = message.get_mut(start.read..).ok_or(HandshakeError::TooShort)?;
        for (index, token) in self.protocol.tokens(self.message).enumerate().skip(start.tokens) {
            match token {
                Token::E => {
                    let key = public_key(take(&mut rest, DH_LEN)?)?;
                    self.remote_ephemeral = Some(key);
                    self.mix_ephemeral(key);
                }
                Token::S => {
                    let key = public_key(self.read_field(&mut rest, DH_LEN)?)?;
                    self.remote_static = Some(key);
                    let read = message_len.saturating_sub(rest.len());
                    self.progress = Some(Progress { message_len, read, tokens: index + 1 });
                    return Ok(ReadPart::Static(key));
                }
                Token::E1 => {
                    let key = self.read_field(&mut rest, KEM_KEY_LEN)?;
                    if !self.kem.as_mut().is_some_and(|kem| kem.set_peers_key(key)) {
                        return Err(HandshakeError::BadKemKey);
                    }
                }
                Token::Ekem1 => {
                    let ciphertext = self.read_field(&mut rest, KEM_CIPHERTEXT_LEN)?;
                    let secret = self.kem.take().and_then(|kem| kem.decapsulate(ciphertext));
                    self.symmetric.mix_key(&*secret.ok_or(HandshakeError::BadKemKey)?);
                }
                _ => self.mix(token)?,
            }
        }
        // The payload is the last field.
        let start = message_len.saturating_sub(rest.len());
        let payload_len = self.symmetric.decrypt_and_hash(rest)?.len();
        Ok(ReadPart::Payload(start..start.saturating_add(payload_len)))
    }

    /// `bytes` at the front of `rest`, encrypted if there is a key.
    fn write_field(&mut self, rest: &mut &mut [u8], bytes: &[u8]) -> Result<(), HandshakeError> {
        let field = take(rest, bytes.len() + tag_len(self.symmetric.has_key()))?;
        fill_front(field, bytes);
        self.symmetric.encrypt_and_hash(field)
    }

    /// `len` bytes from the front of `rest`, which have to be decrypted if there is a key.
    fn read_field<'a>(
        &mut self,
        rest: &mut &'a mut [u8],
        len: usize,
    ) -> Result<&'a mut [u8], HandshakeError> {
        let field = take(rest, len + tag_len(self.symmetric.has_key()))?;
        self.symmetric.decrypt_and_hash(field)
    }

    /// With pre-shared keys in play an ephemeral key also randomizes the encryption key (section 9.2).
    fn mix_ephemeral(&mut self, key: PublicKey) {
        self.symmetric.mix_hash(&[key.as_bytes()]);
        if self.protocol.is_psk_mode() {
            self.symmetric.mix_key(key.as_bytes());
        }
    }

    /// The tokens that put nothing on the wire: a DH or a pre-shared key.
    fn mix(&mut self, token: Token) -> Result<(), HandshakeError> {
        let initiator = self.role == Role::Initiator;
        let (local, remote) = match token {
            Token::Psk => {
                // There is one for every token: new counted them.
                let psk = self.psks.pop().ok_or(HandshakeError::WeakKey)?;
                self.symmetric.mix_key_and_hash(psk.as_bytes());
                return Ok(());
            }
            Token::Ss => (self.local_static.as_ref(), self.remote_static),
            Token::Es if initiator => (Some(&self.ephemeral), self.remote_static),
            Token::Se if !initiator => (Some(&self.ephemeral), self.remote_static),
            Token::Es | Token::Se => (self.local_static.as_ref(), self.remote_ephemeral),
            Token::Ee => (Some(&self.ephemeral), self.remote_ephemeral),
            Token::E | Token::S | Token::E1 | Token::Ekem1 => return Ok(()),
        };
        // Both keys are there: patterns keep rule 1 of section 7.3, and new asked for the given ones.
        let (Some(local), Some(remote)) = (local, remote) else { return Err(HandshakeError::WeakKey) };
        let shared = self.provider.agree(local.as_bytes(), remote.as_bytes());
        let shared = shared.ok_or(HandshakeError::WeakKey)?;
        self.symmetric.mix_key(&shared);
        // No pattern has more than a few.
        self.agreements = self.agreements.saturating_add(1);
        Ok(())
    }
}

const fn tag_len(keyed: bool) -> usize {
    if keyed { TAG_LEN } else { 0 }
}

/// Cuts the next `len` bytes off the front of `rest`.
fn take<'a>(rest: &mut &'a mut [u8], len: usize) -> Result<&'a mut [u8], HandshakeError> {
    let (field, tail) = core::mem::take(rest).split_at_mut_checked(len).ok_or(HandshakeError::TooShort)?;
    *rest = tail;
    Ok(field)
}

/// Copies `bytes` to the front of `field`, which has room for them and perhaps a tag.
fn fill_front(field: &mut [u8], bytes: &[u8]) {
    field.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
}

fn public_key(field: &[u8]) -> Result<PublicKey, HandshakeError> {
    field.try_into().map(PublicKey).map_err(|_| HandshakeError::TooShort)
}
