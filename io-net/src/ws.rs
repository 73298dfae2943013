//! WebSocket endpoints and listening for WebSocket clients, without a runtime.

use crate::listen::{Incoming, Service};
use crate::{Address, ListenError, seed};
use sealock_proto::drive::{self, ReadIo, WriteIo, WsError, WsIncoming};
use sealock_proto::limit::Refusal;
use sealock_proto::ws::{Config, FieldError, UpgradeRequest};
use std::error::Error;
use std::fmt;
use std::io;
use std::str::FromStr;
use std::sync::Arc;

/// Where a WebSocket server is and what it is asked for: `ws://host[:port][/path][?query]`, or the address of any
/// stream with [`Endpoint::new`].
#[derive(Clone, Debug)]
pub struct Endpoint {
    address: Address,
    request: UpgradeRequest,
}

impl Endpoint {
    /// The server at `address`, asked for `request`.
    #[must_use]
    pub const fn new(address: Address, request: UpgradeRequest) -> Self {
        Self { address, request }
    }

    /// Offers a subprotocol, the one liked best first.
    ///
    /// # Errors
    /// As [`UpgradeRequest::with_subprotocol`].
    pub fn with_subprotocol(mut self, name: &str) -> Result<Self, FieldError> {
        self.request = self.request.with_subprotocol(name)?;
        Ok(self)
    }

    /// Adds a header field, such as `Authorization` or `Origin`.
    ///
    /// # Errors
    /// As [`UpgradeRequest::with_field`].
    pub fn with_field(mut self, name: &str, value: &str) -> Result<Self, FieldError> {
        self.request = self.request.with_field(name, value)?;
        Ok(self)
    }

    /// Where the server is.
    #[must_use]
    pub const fn address(&self) -> &Address {
        &self.address
    }

    /// What it is asked for.
    #[must_use]
    pub const fn request(&self) -> &UpgradeRequest {
        &self.request
    }
}

/// Why a text is no URL of a WebSocket.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UrlError {
    /// It does not begin with `ws://`.
    Scheme,
    /// Its host or port is not one.
    Authority,
    /// Its path or query has characters that may not stand there.
    Target,
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheme => "not a WebSocket URL: give ws://host[:port][/path][?query]",
            Self::Authority => "the URL's host or port is not one: give host, host:port or [v6]:port",
            Self::Target => {
                "the URL's path or query has spaces, a fragment or other characters: percent-encode them"
            }
        })
    }
}

impl Error for UrlError {}

impl FromStr for Endpoint {
    type Err = UrlError;

    /// RFC 6455, section 3.
    fn from_str(url: &str) -> Result<Self, UrlError> {
        let scheme = url.get(..5).filter(|scheme| scheme.eq_ignore_ascii_case("ws://"));
        let rest = url.get(5..).filter(|_| scheme.is_some()).ok_or(UrlError::Scheme)?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (host, target) = rest.split_at(end);
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| !port.ends_with(']'));
        let address = if has_port { host.to_owned() } else { format!("{host}:80") };
        let address = address.parse::<Address>().ok().filter(|_| !host.contains('@'));
        let address =
            address.filter(|address| matches!(address, Address::Tcp(_))).ok_or(UrlError::Authority)?;
        let slash = if target.starts_with('/') { "" } else { "/" };
        let request = UpgradeRequest::new(host, &format!("{slash}{target}")).map_err(|_| UrlError::Target)?;
        Ok(Self { address, request })
    }
}

/// Why a client has no WebSocket connection.
#[non_exhaustive]
#[derive(Debug)]
pub enum ConnectError {
    /// The server could not be reached.
    Io {
        /// Whom to reach.
        address: Address,
        /// The system's reason.
        error: io::Error,
    },
    /// The server was reached, and refused, or the handshake failed.
    Upgrade {
        /// Whom to reach.
        address: Address,
        /// The reason.
        error: drive::WsConnectError<io::Error>,
    },
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { address, error } => write!(f, "cannot connect to {address}: {error}"),
            Self::Upgrade { address, error } => write!(f, "no WebSocket with {address}: {error}"),
        }
    }
}

impl Error for ConnectError {
    /// What lies below the cause: the cause itself is part of the text.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Io { error, .. } => error.source(),
            Self::Upgrade { error, .. } => error.source(),
        }
    }
}

/// What a listener needs to serve WebSocket clients.
#[derive(Clone, Debug)]
pub struct Server {
    config: Arc<Config>,
}

impl Server {
    /// Connections with these settings.
    #[must_use]
    pub const fn new(config: Arc<Config>) -> Self {
        Self { config }
    }
}

impl Service for Server {
    fn check(&self) -> Result<(), ListenError> {
        Ok(())
    }

    fn refusal(&self, refusal: Refusal) -> impl AsRef<[u8]> {
        match refusal {
            Refusal::TooManyAttempts { .. } => {
                "HTTP/1.1 429 Too Many Requests\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
            }
            _ => "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        }
    }
}

impl<I, W> Incoming<I, W, Server>
where
    I: ReadIo<Error = io::Error>,
    W: WriteIo<Error = io::Error>,
{
    /// Reads the client's request, for at most the time the configuration gives it. In a task of its own, a slow client
    /// delays nobody.
    ///
    /// # Errors
    /// If the stream fails, or the request is no WebSocket's.
    pub async fn request(self) -> Result<WsIncoming<I, W>, WsError<io::Error>> {
        let (io, server, permit) = self.into_parts();
        let seed = seed().map_err(WsError::Io)?;
        Ok(WsIncoming::read(&server.config, &seed, io).await?.with_permit(permit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_tells_where_to_connect_and_what_to_ask_for() {
        for (url, address, head) in [
            ("ws://example.org", "example.org:80", "GET / HTTP/1.1\r\nHost: example.org\r\n"),
            (
                "WS://example.org:8080/a?b=c",
                "example.org:8080",
                "GET /a?b=c HTTP/1.1\r\nHost: example.org:8080\r\n",
            ),
            ("ws://[::1]/", "[::1]:80", "GET / HTTP/1.1\r\nHost: [::1]\r\n"),
            ("ws://[::1]:9?x", "[::1]:9", "GET /?x HTTP/1.1\r\nHost: [::1]:9\r\n"),
        ] {
            let endpoint: Endpoint = url.parse().unwrap();
            assert_eq!(endpoint.address().to_string(), address, "{url}");
            assert!(format!("{:?}", endpoint.request()).contains(&format!("{head:?}")), "{url}");
        }
    }

    #[test]
    fn what_is_no_url_of_a_websocket_is_refused() {
        for (url, want) in [
            ("", UrlError::Scheme),
            ("http://a/", UrlError::Scheme),
            ("ws:/a", UrlError::Scheme),
            ("ws://", UrlError::Authority),
            ("ws://a:b", UrlError::Authority),
            ("ws://u@a/", UrlError::Authority),
            ("ws://unix:x", UrlError::Authority),
            ("ws://a/ b", UrlError::Target),
            ("ws://a/#b", UrlError::Target),
        ] {
            assert_eq!(url.parse::<Endpoint>().unwrap_err(), want, "{url}");
        }
    }
}
