//! What a handshake starts from, and whether its keys are the ones its protocol asks for.

use super::error::SetupError;
use super::keys::{KemSeed, Psk, PublicKey, SecretKey};
use super::name::Protocol;
use super::{Provider, Role};

/// What a handshake starts from.
#[derive(Debug)]
pub struct HandshakeParams<'a> {
    /// What to run.
    pub protocol: Protocol,
    /// Which side this is.
    pub role: Role,
    /// Data both sides must agree on, hashed as the parts joined (section 6). Usually names the application
    /// and its version. Empty is allowed.
    pub prologue: &'a [&'a [u8]],
    /// This side's static key, exactly if [`Protocol::needs_local_static`].
    pub local_static: Option<&'a SecretKey>,
    /// The peer's static key, exactly if [`Protocol::needs_remote_static`].
    pub remote_static: Option<PublicKey>,
    /// The peer's ephemeral key from its failed first message, exactly if [`Protocol::needs_remote_ephemeral`]:
    /// [`Handshake::remote_ephemeral`](super::Handshake::remote_ephemeral) has it.
    pub remote_ephemeral: Option<PublicKey>,
    /// The pre-shared keys in the order of the name's modifiers, exactly [`Protocol::psk_count`] of them.
    pub psks: &'a [Psk],
    /// A fresh key, used in this handshake and never again. Only the initiator of a fallback passes the one it began
    /// with, which is a pre-message there (section 10.2).
    pub ephemeral: SecretKey,
    /// Fresh entropy for the KEM, exactly if [`Protocol::is_hfs`].
    pub kem_seed: Option<KemSeed>,
    /// Which library computes, in the handshake and in the transport ciphers it ends with. The peer sees no
    /// difference.
    pub provider: Provider,
}

impl HandshakeParams<'_> {
    /// Every key the protocol uses is there and no other (sections 5.3, 7.1 and 9.4).
    pub(super) fn check(&self) -> Result<(), SetupError> {
        let HandshakeParams { protocol, role, .. } = *self;
        match (protocol.needs_local_static(role), self.local_static.is_some()) {
            (true, false) => return Err(SetupError::LocalStaticMissing),
            (false, true) => return Err(SetupError::LocalStaticSuperfluous),
            _ => {}
        }
        match (protocol.needs_remote_static(role), self.remote_static.is_some()) {
            (true, false) => return Err(SetupError::RemoteStaticMissing),
            (false, true) => return Err(SetupError::RemoteStaticSuperfluous),
            _ => {}
        }
        match (protocol.needs_remote_ephemeral(role), self.remote_ephemeral.is_some()) {
            (true, false) => return Err(SetupError::RemoteEphemeralMissing),
            (false, true) => return Err(SetupError::RemoteEphemeralSuperfluous),
            _ => {}
        }
        match (protocol.is_hfs(), self.kem_seed.is_some()) {
            (true, false) => return Err(SetupError::KemSeedMissing),
            (false, true) => return Err(SetupError::KemSeedSuperfluous),
            _ => {}
        }
        let (expected, given) = (protocol.psk_count(), self.psks.len());
        if expected == given { Ok(()) } else { Err(SetupError::PskCount { expected, given }) }
    }
}
