//! Where to connect or listen.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// A TCP address or the path of a Unix-domain socket: `host:port`, `[v6]:port` or `unix:PATH`.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// A host name or IP address, with a port.
    Tcp(String),
    /// The path of a Unix-domain socket.
    Unix(PathBuf),
}

impl Address {
    /// The path of a Unix-domain socket.
    pub fn unix(path: impl AsRef<Path>) -> Self {
        Self::Unix(path.as_ref().to_owned())
    }
}

impl From<std::net::SocketAddr> for Address {
    fn from(address: std::net::SocketAddr) -> Self {
        Self::Tcp(address.to_string())
    }
}

/// What an [`Address`] looks like, for one that does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressError;

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an address: give host:port, [v6]:port or unix:PATH")
    }
}

impl std::error::Error for AddressError {}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if let Some(path) = text.strip_prefix("unix:") {
            return if path.is_empty() { Err(AddressError) } else { Ok(Self::unix(path)) };
        }
        let (host, port) = text.rsplit_once(':').ok_or(AddressError)?;
        // Rust's own parser would take a sign.
        let digits = port.bytes().all(|byte| byte.is_ascii_digit());
        let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let host = match bracketed {
            Some(v6) => v6,
            // Without brackets nobody can tell which colon begins the port.
            None if host.contains(':') => return Err(AddressError),
            None => host,
        };
        if host.is_empty() || !digits || port.parse::<u16>().is_err() {
            return Err(AddressError);
        }
        Ok(Self::Tcp(text.to_owned()))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => f.write_str(address),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_what_it_prints() {
        for text in
            ["localhost:1", "127.0.0.1:65535", "[::1]:0", "example.org:443", "unix:/run/a b.sock", "unix:x"]
        {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in ["", "host", "host:", ":1", "host:65536", "host:+1", "host:-1", "::1:80", "[]:1", "unix:"]
        {
            assert_eq!(text.parse::<Address>(), Err(AddressError), "{text}");
        }
    }
}
