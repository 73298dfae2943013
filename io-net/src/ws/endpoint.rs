//! Where a WebSocket server is, as a URL tells it, and a client's way to it.

#[cfg(feature = "tls")]
use crate::tls::ClientTls;
use crate::{Address, seed};
use sealock_proto::drive::{ReadIo, Transport, WriteIo, WsAnswer, WsConnectError, WsConnection};
#[cfg(feature = "tls")]
use sealock_proto::drive::{Tls, WsError};
use sealock_proto::ws::{Config, FieldError, UpgradeRequest};
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::io;
use std::str::FromStr;
use std::sync::Arc;

/// Where a WebSocket server is and what it is asked for: `ws://host[:port][/path][?query]`, the same with `wss` for TLS,
/// or the address of any stream with [`Endpoint::new`].
#[derive(Clone, Debug)]
pub struct Endpoint {
    address: Address,
    request: UpgradeRequest,
    #[cfg_attr(not(feature = "tls"), allow(dead_code))]
    security: Security,
}

/// Whether the stream is encrypted.
#[derive(Clone, Debug)]
enum Security {
    Plain,
    /// It must be, and nobody has said how.
    #[cfg(feature = "tls")]
    Wanted,
    #[cfg(feature = "tls")]
    Tls(ClientTls),
}

impl Endpoint {
    /// The server at `address`, asked for `request`.
    #[must_use]
    pub const fn new(address: Address, request: UpgradeRequest) -> Self {
        Self { address, request, security: Security::Plain }
    }

    /// Encrypts the stream, whatever the URL says. An URL of `wss` needs this. The server must have a certificate for the
    /// host that is asked.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn with_tls(mut self, tls: ClientTls) -> Self {
        self.security = Security::Tls(tls);
        self
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

    /// Whether the stream is encrypted.
    #[cfg(feature = "tls")]
    #[must_use]
    pub const fn is_secure(&self) -> bool {
        !matches!(self.security, Security::Plain)
    }

    /// Asks for a WebSocket on the stream that `dial` makes to the address. For drivers.
    ///
    /// # Errors
    /// If the server cannot be reached or refuses, or the handshake fails.
    pub async fn upgrade<I, W>(
        &self,
        config: &Arc<Config>,
        dial: impl Future<Output = io::Result<(I, W)>>,
    ) -> Result<(WsConnection<I, W>, WsAnswer), ConnectError>
    where
        I: ReadIo<Error = io::Error>,
        W: WriteIo<Error = io::Error>,
    {
        let failed = |error| ConnectError::Io { address: self.address.clone(), error };
        #[cfg(feature = "tls")]
        let tls = self.begin()?;
        let seed = seed().map_err(failed)?;
        let io = Transport::from(dial.await.map_err(failed)?);
        #[cfg(feature = "tls")]
        let io = match tls {
            Some(tls) => io.with_tls(tls),
            None => io,
        };
        let ws = WsConnection::connect(config, &self.request, &seed, io).await;
        ws.map_err(|error| ConnectError::Upgrade { address: self.address.clone(), error })
    }

    #[cfg(feature = "tls")]
    fn begin(&self) -> Result<Option<Tls>, ConnectError> {
        match &self.security {
            Security::Plain => Ok(None),
            Security::Wanted => Err(ConnectError::NoTls),
            Security::Tls(tls) => {
                tls.begin(name_of(self.request.host())).map(Some).map_err(|error| ConnectError::Upgrade {
                    address: self.address.clone(),
                    error: WsConnectError::Failed(WsError::Tls(error)),
                })
            }
        }
    }
}

/// Why a text is no URL of a WebSocket.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UrlError {
    /// It does not begin with `ws://`, or `wss://` where that is supported.
    Scheme,
    /// Its host or port is not one.
    Authority,
    /// Its path or query has characters that may not stand there.
    Target,
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheme if cfg!(feature = "tls") => {
                "not a WebSocket URL: give ws://host[:port][/path][?query], or wss:// for TLS"
            }
            Self::Scheme => "not a WebSocket URL without TLS: give ws://host[:port][/path][?query]",
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
        let (rest, port, security) = scheme(url).ok_or(UrlError::Scheme)?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (host, target) = rest.split_at(end);
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| !port.ends_with(']'));
        let address = if has_port { host.to_owned() } else { format!("{host}:{port}") };
        let address = address.parse::<Address>().ok().filter(|_| !host.contains('@'));
        let address =
            address.filter(|address| matches!(address, Address::Tcp(_))).ok_or(UrlError::Authority)?;
        let slash = if target.starts_with('/') { "" } else { "/" };
        let request = UpgradeRequest::new(host, &format!("{slash}{target}")).map_err(|_| UrlError::Target)?;
        Ok(Self { address, request, security })
    }
}

/// The name or address that a host's certificate is for.
#[cfg(feature = "tls")]
fn name_of(host: &str) -> &str {
    let without_port = match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => name,
        _ => host,
    };
    without_port.trim_start_matches('[').trim_end_matches(']')
}

/// What is behind the scheme of a URL, with the scheme's own port.
fn scheme(url: &str) -> Option<(&str, u16, Security)> {
    let (scheme, rest) = url.split_once("://")?;
    if scheme.eq_ignore_ascii_case("ws") {
        return Some((rest, 80, Security::Plain));
    }
    #[cfg(feature = "tls")]
    if scheme.eq_ignore_ascii_case("wss") {
        return Some((rest, 443, Security::Wanted));
    }
    None
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
        error: WsConnectError<io::Error>,
    },
    /// The URL is one of `wss`, and nothing says whom to trust.
    #[cfg(feature = "tls")]
    NoTls,
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { address, error } => write!(f, "cannot connect to {address}: {error}"),
            Self::Upgrade { address, error } => write!(f, "no WebSocket with {address}: {error}"),
            #[cfg(feature = "tls")]
            Self::NoTls => {
                f.write_str("the URL wants TLS and nothing says whom to trust: use Endpoint::with_tls")
            }
        }
    }
}

impl Error for ConnectError {
    /// What lies below the cause: the cause itself is part of the text.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Io { error, .. } => error.source(),
            Self::Upgrade { error, .. } => error.source(),
            #[cfg(feature = "tls")]
            Self::NoTls => None,
        }
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
            #[cfg(not(feature = "tls"))]
            ("wss://a", UrlError::Scheme),
        ] {
            assert_eq!(url.parse::<Endpoint>().unwrap_err(), want, "{url}");
        }
    }

    #[cfg(feature = "tls")]
    #[test]
    fn a_url_of_wss_has_its_own_port_and_never_goes_without_tls() {
        let endpoint: Endpoint = "WSS://example.org/a".parse().unwrap();
        assert_eq!(endpoint.address().to_string(), "example.org:443");
        assert_eq!(endpoint.request().host(), "example.org");
        assert!(matches!(endpoint.begin(), Err(ConnectError::NoTls)));
    }

    #[cfg(feature = "tls")]
    #[test]
    fn the_name_in_a_certificate_is_the_host_without_its_port() {
        for (url, name) in [
            ("wss://example.org/", "example.org"),
            ("wss://example.org:8443/", "example.org"),
            ("wss://127.0.0.1:1/", "127.0.0.1"),
            ("wss://[::1]/", "::1"),
            ("wss://[::1]:8443/", "::1"),
        ] {
            let endpoint: Endpoint = url.parse().unwrap();
            assert_eq!(name_of(endpoint.request().host()), name);
        }
    }
}
