//! What can go wrong while driving a protocol.

use core::error::Error;
use core::fmt;

/// Why a connection failed. `P` is the protocol's error, `E` the runtime's I/O error.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DriveError<P, E> {
    /// The protocol refused a call, or failed.
    Protocol(P),
    /// The byte stream failed.
    Io(E),
    /// The stream failed earlier, and that was reported then; or it is closed for writing.
    Broken,
    /// The protocol needs more bytes at once than the receive buffer may hold.
    ReceiveBufferTooSmall,
    /// TLS failed.
    #[cfg(feature = "tls")]
    Tls(super::TlsError),
}

impl<P, E> DriveError<P, E> {
    /// The same with the protocol's error changed by `f`.
    pub fn map_protocol<Q>(self, f: impl FnOnce(P) -> Q) -> DriveError<Q, E> {
        match self {
            Self::Protocol(error) => DriveError::Protocol(f(error)),
            Self::Io(error) => DriveError::Io(error),
            Self::Broken => DriveError::Broken,
            Self::ReceiveBufferTooSmall => DriveError::ReceiveBufferTooSmall,
            #[cfg(feature = "tls")]
            Self::Tls(error) => DriveError::Tls(error),
        }
    }
}

impl<P: fmt::Display, E: fmt::Display> fmt::Display for DriveError<P, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Protocol(error) => error.fmt(f),
            Self::Io(error) => write!(f, "the byte stream failed: {error}; connect again"),
            Self::Broken => BROKEN.fmt(f),
            Self::ReceiveBufferTooSmall => f.write_str(
                "the receive buffer cannot hold what the protocol needs at once: raise its maximum",
            ),
            #[cfg(feature = "tls")]
            Self::Tls(error) => error.fmt(f),
        }
    }
}

impl<P: Error + 'static, E: Error + 'static> Error for DriveError<P, E> {
    /// What lies below the cause: the cause itself is part of the text.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Protocol(error) => error.source(),
            Self::Io(error) => error.source(),
            Self::Broken | Self::ReceiveBufferTooSmall => None,
            #[cfg(feature = "tls")]
            Self::Tls(error) => error.source(),
        }
    }
}

/// Why queued bytes could not be written. Converts into [`DriveError`].
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteError<E> {
    /// The byte stream failed.
    Io(E),
    /// The stream failed earlier, and that was reported then; or it is closed for writing.
    Broken,
}

const BROKEN: &str =
    "the stream takes no more bytes: it was closed, or failed as reported before; connect again";

impl<E: fmt::Display> fmt::Display for WriteError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "the byte stream failed: {error}; connect again"),
            Self::Broken => BROKEN.fmt(f),
        }
    }
}

impl<E: Error + 'static> Error for WriteError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Io(error) => error.source(),
            Self::Broken => None,
        }
    }
}

impl<P, E> From<WriteError<E>> for DriveError<P, E> {
    fn from(error: WriteError<E>) -> Self {
        match error {
            WriteError::Io(error) => Self::Io(error),
            WriteError::Broken => Self::Broken,
        }
    }
}
