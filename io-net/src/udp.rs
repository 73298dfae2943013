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

/// Whether an error of receiving is about a datagram that was sent before, which came back or did not get through, and
/// not about the socket.
#[must_use]
pub fn is_passing(error: &io::Error) -> bool {
    use ErrorKind as E;
    matches!(
        error.kind(),
        E::ConnectionReset
            | E::ConnectionRefused
            | E::ConnectionAborted
            | E::HostUnreachable
            | E::NetworkUnreachable
            | E::Interrupted
    )
}
