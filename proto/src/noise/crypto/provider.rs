//! Who computes: the libraries compiled in, and the choice between them.

use super::backend::Backend;
use core::fmt;
use zeroize::Zeroizing;

/// The library that computes the ciphers and X25519. All give the same bytes, so the two ends of a session need not
/// agree on it. Hash functions are RustCrypto's whichever it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Provider {
    /// The RustCrypto ciphers and x25519-dalek: pure Rust, for every target, always compiled in. Erases each key when
    /// it is dropped.
    #[default]
    RustCrypto,
    /// The ciphers of ring; X25519 stays with RustCrypto, as ring takes no private key from outside. ring erases
    /// nothing by itself: the keys that are kept are overwritten when dropped, copies on the stack are not.
    #[cfg(feature = "ring")]
    Ring,
    /// Ciphers and X25519 of AWS-LC. Key states lie in memory of the C allocator, one block for each key and some for
    /// each key agreement; each is erased when freed. A rekey allocates a block, and so does every encrypted field of
    /// a handshake. Key agreement also allocates in Rust.
    #[cfg(feature = "aws-lc-rs")]
    AwsLc,
}

/// `$work` with `$B` for the backend of a provider.
macro_rules! with_backend {
    ($provider:expr, $B:ident => $work:expr) => {
        match $provider {
            Provider::RustCrypto => {
                type $B = super::rustcrypto::RustCrypto;
                $work
            }
            #[cfg(feature = "ring")]
            Provider::Ring => {
                type $B = super::ring::Ring;
                $work
            }
            #[cfg(feature = "aws-lc-rs")]
            Provider::AwsLc => {
                type $B = super::aws_lc::AwsLc;
                $work
            }
        }
    };
}
pub(super) use with_backend;

impl Provider {
    /// Those compiled in, the fastest last.
    pub const ALL: &[Self] = &[
        Self::RustCrypto,
        #[cfg(feature = "ring")]
        Self::Ring,
        #[cfg(feature = "aws-lc-rs")]
        Self::AwsLc,
    ];

    /// The fastest that is compiled in: AWS-LC, else ring, else RustCrypto.
    #[must_use]
    pub const fn fastest() -> Self {
        match Self::ALL {
            [.., last] => *last,
            [] => Self::RustCrypto,
        }
    }

    /// The library's name: `RustCrypto`, `ring` or `AWS-LC`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RustCrypto => "RustCrypto",
            #[cfg(feature = "ring")]
            Self::Ring => "ring",
            #[cfg(feature = "aws-lc-rs")]
            Self::AwsLc => "AWS-LC",
        }
    }

    /// The public key that belongs to `secret` (Noise section 12.1, RFC 7748).
    pub(in crate::noise) fn public(self, secret: &[u8; 32]) -> [u8; 32] {
        with_backend!(self, B => B::public(secret))
    }

    /// The shared secret (Noise section 12.1, RFC 7748), or `None` when it is all zero: the public key was of low
    /// order and the result does not depend on `secret` (RFC 7748 section 6.1).
    pub(in crate::noise) fn agree(self, secret: &[u8; 32], public: &[u8; 32]) -> Option<Zeroizing<[u8; 32]>> {
        with_backend!(self, B => B::agree(secret, public))
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
