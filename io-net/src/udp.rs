//! What the drivers' datagram sockets share.

use sealock_proto::datagram::{Config, ConfigError, Endpoint};
use std::fmt;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;

/// Why there is no socket.
#[non_exhaustive]
#[derive(Debug)]
pub enum BindError {
    /// The address could not be taken, or the system has no entropy to give.
    Io {
        /// Where to bind.
        address: SocketAddr,
        /// The system's reason.
        error: io::Error,
    },
    /// The configuration is wrong.
    Config(ConfigError),
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { address, error } => write!(f, "cannot bind {address}: {error}"),
            Self::Config(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for BindError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            // The causes themselves are part of the text.
            Self::Io { error, .. } => error.source(),
            Self::Config(error) => error.source(),
        }
    }
}

/// An endpoint, and the socket at `address` that `bind` makes.
///
/// # Errors
/// [`BindError`].
pub fn bind<S>(
    address: SocketAddr,
    config: &Arc<Config>,
    bind: impl FnOnce() -> io::Result<S>,
) -> Result<(Endpoint, S), BindError> {
    let failed = |error| BindError::Io { address, error };
    let endpoint = Endpoint::new(config, crate::seed().map_err(failed)?).map_err(BindError::Config)?;
    Ok((endpoint, bind().map_err(failed)?))
}

/// Whether an error of receiving is about one datagram, which came back, did not get through or was too long for the buffer,
/// and not about the socket.
#[must_use]
pub fn is_passing(error: &io::Error) -> bool {
    use ErrorKind as E;
    let passing = matches!(
        error.kind(),
        E::ConnectionReset
            | E::ConnectionRefused
            | E::ConnectionAborted
            | E::HostUnreachable
            | E::NetworkUnreachable
            | E::Interrupted
    );
    passing || cfg!(windows) && error.raw_os_error().is_some_and(is_passing_winsock)
}

/// Winsock fails where other systems cut a datagram that is longer than the buffer (WSAEMSGSIZE), and when the time to
/// live of one that was sent ran out (WSAENETRESET). Neither has an [`ErrorKind`].
const fn is_passing_winsock(code: i32) -> bool {
    matches!(code, 10_040 | 10_052)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_datagram_met_with_is_passing_and_what_the_socket_did_is_not() {
        for (kind, passing) in [
            (ErrorKind::ConnectionReset, true),
            (ErrorKind::HostUnreachable, true),
            (ErrorKind::Interrupted, true),
            (ErrorKind::PermissionDenied, false),
            (ErrorKind::WouldBlock, false),
        ] {
            assert_eq!(is_passing(&kind.into()), passing, "{kind:?}");
        }
        // Too long, expired; not a socket, no buffers.
        for (code, passing) in [(10_040, true), (10_052, true), (10_038, false), (10_055, false)] {
            assert_eq!(is_passing_winsock(code), passing, "{code}");
            // The numbers mean this on Windows alone.
            assert_eq!(is_passing(&io::Error::from_raw_os_error(code)), passing && cfg!(windows), "{code}");
        }
    }
}
