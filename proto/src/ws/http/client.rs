//! The client's end of the opening handshake: what it asks for, and the checks on the answer (RFC 6455, section 4.1).

use super::super::config::Config;
use super::super::extensions::{self, Params};
use super::fields::{Fields, check_field, check_token};
use super::server::{MAX_OFFER, write_head};
use super::{FieldError, UpgradeFault, key};
use crate::buf::{Full, TxBuf};
use crate::entropy::Seed;
use alloc::boxed::Box;
use alloc::string::String;
use core::fmt::Write;
use core::str;

/// What a client asks a server for. One may serve many connections.
#[derive(Clone, Debug)]
pub struct UpgradeRequest {
    /// The request line and `Host`.
    start: String,
    /// A comma and a space between them.
    subprotocols: String,
    fields: String,
}

impl UpgradeRequest {
    /// Asks `host` (a name or address, with the port unless it is the usual one) for `target` (path and query,
    /// beginning with a slash).
    ///
    /// # Errors
    /// If either has characters that may not stand in a request; percent-encode them.
    pub fn new(host: &str, target: &str) -> Result<Self, FieldError> {
        let visible = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        if !visible(host) || !visible(target) || !target.starts_with('/') || target.contains('#') {
            return Err(FieldError::Value);
        }
        let start = alloc::format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n");
        Ok(Self { start, subprotocols: String::new(), fields: String::new() })
    }

    /// The host that is asked, with its port if there is one.
    #[must_use]
    pub fn host(&self) -> &str {
        self.start.rsplit_once("Host: ").map_or("", |(_, host)| host.trim_end())
    }

    /// Offers a subprotocol, the one liked best first. Together they are at most 512 bytes.
    ///
    /// # Errors
    /// If it is not a token, or there are too many.
    pub fn with_subprotocol(mut self, name: &str) -> Result<Self, FieldError> {
        check_token(name)?;
        let separator = if self.subprotocols.is_empty() { "" } else { ", " };
        if self.subprotocols.len() + separator.len() + name.len() > MAX_OFFER {
            return Err(FieldError::Value);
        }
        self.subprotocols.push_str(separator);
        self.subprotocols.push_str(name);
        Ok(self)
    }

    /// Adds a header field, such as `Authorization` or `Origin`.
    ///
    /// # Errors
    /// If it may not stand in a request, or the handshake sets it itself.
    pub fn with_field(mut self, name: &str, value: &str) -> Result<Self, FieldError> {
        check_field(name, value)?;
        for part in [name, ": ", value, "\r\n"] {
            self.fields.push_str(part);
        }
        Ok(self)
    }
}

/// A request under way: what is sent, and what the answer must fit.
#[derive(Debug)]
pub(crate) struct ClientHello {
    request: UpgradeRequest,
    key: [u8; key::KEY_LEN],
}

impl ClientHello {
    pub(crate) fn new(request: &UpgradeRequest, seed: &Seed) -> Box<Self> {
        let secret = seed.derive("ws key");
        let nonce = secret.first_chunk::<16>().copied().unwrap_or_default();
        Box::new(Self { request: request.clone(), key: key::key(&nonce) })
    }

    /// Appends the request, all of it or nothing.
    pub(crate) fn write(&self, config: &Config, tx: &mut TxBuf) -> Result<(), Full> {
        let UpgradeRequest { start, subprotocols, fields } = &self.request;
        write_head(tx, |head| {
            head.write_str(start)?;
            head.write_str("Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n")?;
            write!(head, "Sec-WebSocket-Key: {}\r\n", str::from_utf8(&self.key).unwrap_or_default())?;
            if !subprotocols.is_empty() {
                write!(head, "Sec-WebSocket-Protocol: {subprotocols}\r\n")?;
            }
            if let Some(offer) = extensions::offer(config) {
                write!(head, "Sec-WebSocket-Extensions: {offer}\r\n")?;
            }
            head.write_str(fields)
        })
    }
}

/// A server's answer, as it lies in the buffer.
#[derive(Clone, Copy, Debug)]
pub struct Response<'a> {
    status: u16,
    fields: Fields<'a>,
}

impl<'a> Response<'a> {
    /// Reads the head of an answer, such as an event brought.
    ///
    /// # Errors
    /// If it is malformed.
    pub fn parse(head: &'a [u8]) -> Result<Self, UpgradeFault> {
        let mut slots = Fields::empty_slots();
        let mut response = httparse::Response::new(&mut slots);
        let parsed = response.parse(head);
        let (status, version, count) = (response.code, response.version, response.headers.len());
        match (parsed, status, version) {
            (Ok(httparse::Status::Complete(len)), Some(status), Some(1)) if len == head.len() => {
                Ok(Self { status, fields: Fields::new(slots, count) })
            }
            (Err(httparse::Error::TooManyHeaders), ..) => Err(UpgradeFault::TooManyFields),
            _ => Err(UpgradeFault::Malformed),
        }
    }

    /// The HTTP status; 101 if the server accepted.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// The header fields.
    #[must_use]
    pub const fn fields(&self) -> &Fields<'a> {
        &self.fields
    }

    /// The subprotocol the server chose among those offered.
    #[must_use]
    pub fn subprotocol(&self) -> Option<&'a str> {
        self.fields.only("Sec-WebSocket-Protocol").and_then(|name| str::from_utf8(name).ok())
    }
}

/// What the answer grants if it accepts; `None` if it is a refusal.
pub(crate) fn check_response(
    hello: &ClientHello,
    config: &Config,
    head: &[u8],
) -> Result<Option<Option<Params>>, UpgradeFault> {
    use UpgradeFault as F;
    let response = Response::parse(head)?;
    if response.status != 101 {
        return Ok(None);
    }
    let fields = &response.fields;
    let want = |ok, fault| if ok { Ok(()) } else { Err(fault) };
    want(fields.has_token("Upgrade", "websocket"), F::Upgrade)?;
    want(fields.has_token("Connection", "upgrade"), F::Connection)?;
    want(fields.only("Sec-WebSocket-Accept") == Some(&key::accept(&hello.key)), F::Accept)?;
    let granted = extensions::check(config, fields.list("Sec-WebSocket-Extensions")).ok_or(F::Extension)?;
    let mut chosen = fields.all("Sec-WebSocket-Protocol");
    let offered = |name: &[u8]| hello.request.subprotocols.split(", ").any(|offer| offer.as_bytes() == name);
    let fits = chosen.next().is_none_or(|name| !name.is_empty() && offered(name)) && chosen.next().is_none();
    want(fits, F::Subprotocol)?;
    Ok(Some(granted))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello() -> Box<ClientHello> {
        let request = UpgradeRequest::new("example.org:8080", "/chat?x=1").unwrap();
        let request = request.with_subprotocol("chat").unwrap().with_subprotocol("superchat").unwrap();
        let request = request.with_field("Origin", "http://example.org").unwrap();
        let mut hello = ClientHello::new(&request, &Seed::new(&mut [1; 32]));
        hello.key = *b"dGhlIHNhbXBsZSBub25jZQ==";
        hello
    }

    #[test]
    fn the_request_is_that_of_the_rfc() {
        let want = "GET /chat?x=1 HTTP/1.1\r\nHost: example.org:8080\r\nUpgrade: websocket\r\n\
            Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
            Sec-WebSocket-Protocol: chat, superchat\r\nOrigin: http://example.org\r\n\r\n";
        let mut tx = TxBuf::new(1000);
        hello().write(&Config::default(), &mut tx).unwrap();
        assert_eq!(tx.sealed(), want.as_bytes());
        let mut tx = TxBuf::new(want.len() - 1);
        assert_eq!((hello().write(&Config::default(), &mut tx), tx.len()), (Err(Full), 0));
    }

    #[test]
    fn a_request_that_could_be_read_as_two_is_not_made() {
        for (host, target) in
            [("", "/"), ("a b", "/"), ("a", ""), ("a", "chat"), ("a", "/ x"), ("a", "/x\r\n"), ("a", "/#x")]
        {
            assert_eq!(UpgradeRequest::new(host, target).unwrap_err(), FieldError::Value, "{host} {target}");
        }
        let request = UpgradeRequest::new("a", "/").unwrap();
        assert_eq!(request.clone().with_subprotocol("a,b").unwrap_err(), FieldError::NotAToken);
        assert_eq!(request.clone().with_subprotocol(&"x".repeat(513)).unwrap_err(), FieldError::Value);
        assert_eq!(request.with_field("Host", "b").unwrap_err(), FieldError::Reserved);
    }

    #[test]
    fn an_answer_must_fit_the_request() {
        use UpgradeFault as F;
        const ACCEPT: &str = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
        let good = ["Upgrade: websocket", "Connection: upgrade", ACCEPT];
        let answer = |line: &str, fields: &[&str]| [&[line], fields, &["\r\n"]].concat().join("\r\n");
        let accepted = |extra: &[&str]| answer("HTTP/1.1 101 Yes", &[&good[..], extra].concat());
        let without = |n: usize| {
            let fields: alloc::vec::Vec<_> =
                good.iter().enumerate().filter(|(at, _)| *at != n).map(|(_, f)| *f).collect();
            answer("HTTP/1.1 101 Yes", &fields)
        };
        for (answer, want) in [
            (accepted(&[]), Ok(true)),
            (accepted(&["Sec-WebSocket-Protocol: superchat"]), Ok(true)),
            (accepted(&["Sec-WebSocket-Protocol: other"]), Err(F::Subprotocol)),
            (
                accepted(&["Sec-WebSocket-Protocol: chat", "Sec-WebSocket-Protocol: chat"]),
                Err(F::Subprotocol),
            ),
            (accepted(&["Sec-WebSocket-Extensions: permessage-deflate"]), Err(F::Extension)),
            (without(0), Err(F::Upgrade)),
            (without(1), Err(F::Connection)),
            (without(2), Err(F::Accept)),
            (accepted(&[ACCEPT]), Err(F::Accept)),
            (answer("HTTP/1.1 302 Found", &["Location: /x"]), Ok(false)),
            (answer("HTTP/1.0 101 Yes", &good), Err(F::Malformed)),
            ("SSH-2.0-x\r\n\r\n".into(), Err(F::Malformed)),
        ] {
            let accepts = check_response(&hello(), &Config::default(), answer.as_bytes());
            assert_eq!(accepts.map(|granted| granted.is_some()), want, "{answer}");
        }
    }
}
