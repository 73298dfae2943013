//! A second copy of a handshake, for reading a message that may be forged: the first is kept until it was not.

use super::{CipherRoom, Handshake};

impl Handshake {
    /// The same handshake at the same message, secrets included. Continue only one of the two: both would send
    /// different messages under the same keys.
    pub(crate) fn duplicate(&self) -> Self {
        let room = CipherRoom::for_any(&[self.protocol], self.provider);
        Self {
            protocol: self.protocol,
            role: self.role,
            provider: self.provider,
            symmetric: self.symmetric.clone(),
            local_static: self.local_static.as_ref().map(|key| key.duplicate()),
            ephemeral: self.ephemeral.duplicate(),
            remote_static: self.remote_static,
            remote_ephemeral: self.remote_ephemeral,
            psks: self.psks.clone(),
            ciphers: room.fitted(self.provider, self.protocol.cipher()),
            message: self.message,
            kem: self.kem.as_ref().map(|kem| kem.duplicate()),
            keyed: self.keyed,
            progress: self.progress,
            poisoned: self.poisoned,
            agreements: self.agreements,
        }
    }
}
