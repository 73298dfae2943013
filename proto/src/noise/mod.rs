//! The Noise Protocol Framework, revision 34: names, patterns, handshakes and transport ciphers.
//!
//! One interpreter runs every handshake pattern from [`pattern::PATTERNS`]; there is no function per
//! pattern. Nothing here frames messages, keeps time, draws entropy or allocates. That belongs to the layers above.
//! The exceptions: room for expanded keys and a KEM's key, boxed when a [`CipherRoom`] or [`Handshake`] is made, and what
//! [`Provider`] says of AWS-LC.
//!
//! ```
//! use sealock_proto::noise::{Handshake, HandshakeParams, Protocol, Provider, Role, SecretKey};
//!
//! # fn main() -> Result<(), Box<dyn core::error::Error>> {
//! let protocol = Protocol::parse("Noise_NN_25519_ChaChaPoly_BLAKE2s")?;
//! // In earnest the 32 bytes come from a cryptographically secure source.
//! let params = |role, byte| HandshakeParams {
//!     protocol,
//!     role,
//!     prologue: &[b"example v1"],
//!     local_static: None,
//!     remote_static: None,
//!     remote_ephemeral: None,
//!     psks: &[],
//!     ephemeral: SecretKey::new(&mut [byte; 32]),
//!     kem_seed: None,
//!     provider: Provider::default(),
//! };
//! let mut alice = Handshake::new(params(Role::Initiator, 1))?;
//! let mut bob = Handshake::new(params(Role::Responder, 2))?;
//!
//! let mut buffer = [0; 128];
//! let n = alice.write(b"", &mut buffer)?;
//! bob.read(&mut buffer[..n])?;
//! let n = bob.write(b"hello", &mut buffer)?;
//! let payload = alice.read(&mut buffer[..n])?;
//! assert_eq!(&buffer[payload], b"hello");
//!
//! let (alice, bob) = (alice.split()?, bob.split()?);
//! assert_eq!(alice.hash, bob.hash);
//! # Ok(())
//! # }
//! ```

mod crypto;
mod error;
mod exporter;
mod handshake;
mod keys;
mod modifiers;
mod name;
pub mod pattern;
mod restore;
mod security;
mod setup;
mod symmetric;
mod transport;
mod validity;

#[cfg(test)]
pub(crate) mod tests;

pub use crypto::{CipherFunction, HashFunction, Provider};
pub(crate) use crypto::{XNONCE_LEN, keyed_blake2s, open_with_xnonce, seal_with_xnonce};
pub use error::{CipherError, ExportError, HandshakeError, KeyError, NameError, PatternError, SetupError};
pub use exporter::Exporter;
pub use handshake::{CipherRoom, Handshake, ReadPart};
pub use keys::{KemSeed, Psk, PublicKey, SecretKey};
pub(crate) use name::NAME_LEN;
pub use name::Protocol;
pub(crate) use restore::{SALT_LEN, Salt};
pub use security::PayloadSecurity;
pub use setup::HandshakeParams;
pub(crate) use transport::KeptKey;
pub use transport::{HandshakeHash, RecvCipher, SendCipher, Transport};

/// The longest Noise message in bytes, handshake or transport, tag included (Noise section 3).
pub const MAX_MESSAGE: usize = 65_535;

/// Bytes an authentication tag adds to what it protects (Noise section 4.2).
pub const TAG_LEN: usize = 16;

/// Bytes of a Curve25519 public key, private key or shared secret (Noise section 12.1).
pub(crate) const DH_LEN: usize = 32;

/// Bytes of an ML-KEM-768 encapsulation key (FIPS 203 table 3).
pub(crate) const KEM_KEY_LEN: usize = 1184;

/// Bytes of an ML-KEM-768 ciphertext (FIPS 203 table 3).
pub(crate) const KEM_CIPHERTEXT_LEN: usize = 1088;

/// Which side of a handshake. The initiator writes the first message, except in a protocol with `fallback`: there that
/// message has become a pre-message and the responder goes on, whom the specification then calls the initiator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Alice in the specification: begins.
    Initiator,
    /// Bob in the specification: answers.
    Responder,
}

impl Role {
    /// The other side.
    #[must_use]
    pub const fn peer(self) -> Self {
        match self {
            Self::Initiator => Self::Responder,
            Self::Responder => Self::Initiator,
        }
    }
}
