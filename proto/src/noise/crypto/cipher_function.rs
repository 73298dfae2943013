//! Which cipher a protocol name asks for, and how it writes message numbers.

/// The cipher functions a protocol name can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CipherFunction {
    /// ChaCha20-Poly1305 (Noise section 12.3, RFC 8439).
    ChaChaPoly,
    /// AES-256-GCM (Noise section 12.4).
    #[cfg(feature = "aes-gcm")]
    AesGcm,
}

impl CipherFunction {
    /// As protocol names spell it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ChaChaPoly => "ChaChaPoly",
            #[cfg(feature = "aes-gcm")]
            Self::AesGcm => "AESGCM",
        }
    }

    /// 32 zero bits, then the message's number: little-endian for ChaChaPoly, big-endian for AESGCM (Noise
    /// sections 12.3 and 12.4).
    pub(super) fn nonce(self, number: u64) -> [u8; 12] {
        let mut nonce = [0; 12];
        nonce[4..].copy_from_slice(&match self {
            Self::ChaChaPoly => number.to_le_bytes(),
            #[cfg(feature = "aes-gcm")]
            Self::AesGcm => number.to_be_bytes(),
        });
        nonce
    }
}
