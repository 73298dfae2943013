//! The server's end of the opening handshake: what a client asks for, and how it is answered (RFC 6455, section 4.2).

use super::super::config::Config;
use super::super::extensions::{self, Params};
use super::fields::{Fields, check_field, check_token};
use super::{FieldError, UpgradeFault, key};
use crate::buf::{Full, TxBuf};
use arrayvec::ArrayVec;
use core::fmt::{self, Write};
use core::str;

/// The most bytes of offered subprotocols.
pub(crate) const MAX_OFFER: usize = 512;

/// A client's request to be upgraded, as it lies in the buffer.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    target: &'a str,
    fields: Fields<'a>,
}

impl<'a> Request<'a> {
    /// Reads the head of a request, such as an event brought.
    ///
    /// # Errors
    /// If it is malformed, or not a WebSocket upgrade that a server may accept.
    pub fn parse(head: &'a [u8]) -> Result<Self, UpgradeFault> {
        let mut slots = Fields::empty_slots();
        let mut request = httparse::Request::new(&mut slots);
        let parsed = request.parse(head).map_err(fault)?;
        let (method, target, version) = (request.method, request.path, request.version);
        let count = request.headers.len();
        // More bytes than it took: an empty line that only one of the two sees.
        if parsed != httparse::Status::Complete(head.len()) || version != Some(1) {
            return Err(UpgradeFault::Malformed);
        }
        if method != Some("GET") {
            return Err(UpgradeFault::Method);
        }
        let target = target.ok_or(UpgradeFault::Malformed)?;
        let request = Self { target, fields: Fields::new(slots, count) };
        request.check()?;
        Ok(request)
    }

    fn check(&self) -> Result<(), UpgradeFault> {
        use UpgradeFault as F;
        let fields = &self.fields;
        let want = |ok, fault| if ok { Ok(()) } else { Err(fault) };
        want(fields.only("Host").is_some(), F::Host)?;
        want(fields.has_token("Upgrade", "websocket"), F::Upgrade)?;
        want(fields.has_token("Connection", "upgrade"), F::Connection)?;
        want(fields.only("Sec-WebSocket-Version") == Some(b"13"), F::Version)?;
        want(fields.only("Sec-WebSocket-Key").is_some_and(key::is_key), F::Key)?;
        want(fields.only("Content-Length").is_none_or(|length| length == b"0"), F::Malformed)?;
        want(fields.all("Transfer-Encoding").next().is_none(), F::Malformed)
    }

    /// The path, without the query.
    #[must_use]
    pub fn path(&self) -> &'a str {
        self.target.split_once('?').map_or(self.target, |(path, _)| path)
    }

    /// What follows the question mark, if there is one.
    #[must_use]
    pub fn query(&self) -> Option<&'a str> {
        self.target.split_once('?').map(|(_, query)| query)
    }

    /// The header fields.
    #[must_use]
    pub const fn fields(&self) -> &Fields<'a> {
        &self.fields
    }

    /// The subprotocols the client speaks, the one it likes best first.
    pub fn subprotocols(&self) -> impl Iterator<Item = &'a str> + '_ {
        self.fields.list("Sec-WebSocket-Protocol").filter_map(|name| str::from_utf8(name).ok())
    }
}

fn fault(error: httparse::Error) -> UpgradeFault {
    match error {
        httparse::Error::TooManyHeaders => UpgradeFault::TooManyFields,
        _ => UpgradeFault::Malformed,
    }
}

/// What a server must remember of a request until it is answered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Offer {
    accept: [u8; key::ACCEPT_LEN],
    /// Offered subprotocols, a comma behind each.
    subprotocols: ArrayVec<u8, MAX_OFFER>,
    /// Of the extensions it asked for.
    pub(crate) granted: Option<Params>,
}

impl Offer {
    /// Checks the head of a request and keeps what the answer needs.
    pub(crate) fn read(&mut self, config: &Config, head: &[u8]) -> Result<(), UpgradeFault> {
        let request = Request::parse(head)?;
        let key = request.fields.only("Sec-WebSocket-Key").ok_or(UpgradeFault::Key)?;
        self.accept = key::accept(key);
        self.granted = extensions::accept(config, request.fields.list("Sec-WebSocket-Extensions"));
        self.subprotocols.clear();
        for name in request.fields.list("Sec-WebSocket-Protocol") {
            let names = &mut self.subprotocols;
            if names.try_extend_from_slice(name).is_err() || names.try_push(b',').is_err() {
                return Err(UpgradeFault::TooManyFields);
            }
        }
        Ok(())
    }

    /// Whether the client offered that subprotocol.
    pub(crate) fn has(&self, subprotocol: &str) -> bool {
        self.subprotocols.split(|byte| *byte == b',').any(|name| name == subprotocol.as_bytes())
    }
}

/// How a server accepts: 101, with at most one of the offered subprotocols.
#[derive(Clone, Copy, Debug, Default)]
pub struct Accept<'a> {
    pub(crate) subprotocol: Option<&'a str>,
    fields: &'a [(&'a str, &'a str)],
}

impl<'a> Accept<'a> {
    /// Without a subprotocol.
    #[must_use]
    pub const fn new() -> Self {
        Self { subprotocol: None, fields: &[] }
    }

    /// Speaks that subprotocol, which the client must have offered.
    #[must_use]
    pub const fn with_subprotocol(mut self, subprotocol: &'a str) -> Self {
        self.subprotocol = Some(subprotocol);
        self
    }

    /// Adds header fields, such as cookies.
    #[must_use]
    pub const fn with_fields(mut self, fields: &'a [(&'a str, &'a str)]) -> Self {
        self.fields = fields;
        self
    }

    pub(crate) fn check(&self) -> Result<(), FieldError> {
        self.subprotocol.map_or(Ok(()), check_token)?;
        self.fields.iter().try_for_each(|(name, value)| check_field(name, value))
    }
}

/// How a server refuses: an HTTP status, header fields and a body.
#[derive(Clone, Copy, Debug)]
pub struct Reject<'a> {
    status: u16,
    fields: &'a [(&'a str, &'a str)],
    body: &'a [u8],
}

impl<'a> Reject<'a> {
    /// The status is 300 to 599; anything else is sent as 500.
    #[must_use]
    pub const fn new(status: u16) -> Self {
        let status = if status >= 300 && status <= 599 { status } else { 500 };
        Self { status, fields: &[], body: &[] }
    }

    /// Adds header fields, such as `WWW-Authenticate` or `Location`.
    #[must_use]
    pub const fn with_fields(mut self, fields: &'a [(&'a str, &'a str)]) -> Self {
        self.fields = fields;
        self
    }

    /// Adds a body.
    #[must_use]
    pub const fn with_body(mut self, body: &'a [u8]) -> Self {
        self.body = body;
        self
    }

    pub(crate) fn check(&self) -> Result<(), FieldError> {
        self.fields.iter().try_for_each(|(name, value)| check_field(name, value))
    }
}

/// Appends the head of a 101, all of it or nothing.
pub(crate) fn write_accept(offer: &Offer, accept: &Accept<'_>, tx: &mut TxBuf) -> Result<(), Full> {
    write_head(tx, |head| {
        head.write_str("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n")?;
        write_field(head, "Sec-WebSocket-Accept", str::from_utf8(&offer.accept).unwrap_or_default())?;
        if let Some(subprotocol) = accept.subprotocol {
            write_field(head, "Sec-WebSocket-Protocol", subprotocol)?;
        }
        if let Some(granted) = &offer.granted {
            write!(head, "Sec-WebSocket-Extensions: {granted}\r\n")?;
        }
        accept.fields.iter().try_for_each(|(name, value)| write_field(head, name, value))
    })
}

/// Appends a refusal, all of it or nothing.
pub(crate) fn write_reject(reject: &Reject<'_>, tx: &mut TxBuf) -> Result<(), Full> {
    let Reject { status, fields, body } = reject;
    if body.len() > tx.room() {
        return Err(Full);
    }
    write_head(tx, |head| {
        write!(head, "HTTP/1.1 {status} {}\r\nConnection: close\r\n", reason(*status))?;
        write!(head, "Content-Length: {}\r\n", body.len())?;
        fields.iter().try_for_each(|(name, value)| write_field(head, name, value))
    })?;
    tx.push(body)?;
    tx.seal();
    Ok(())
}

/// Appends the answer to a request that breaks a rule (RFC 6455, section 4.4; RFC 9110, sections 15.5.6 and 15.5.22).
pub(crate) fn write_refusal(status: u16, tx: &mut TxBuf) -> Result<(), Full> {
    let fields: &[(&str, &str)] = match status {
        405 => &[("Allow", "GET")],
        426 => &[("Sec-WebSocket-Version", "13"), ("Upgrade", "websocket")],
        _ => &[],
    };
    write_reject(&Reject { status, fields, body: &[] }, tx)
}

fn write_field(head: &mut Writer<'_>, name: &str, value: &str) -> fmt::Result {
    write!(head, "{name}: {value}\r\n")
}

/// Appends a head and the empty line behind it, and seals it; nothing if there is no room.
pub(super) fn write_head(
    tx: &mut TxBuf,
    write: impl FnOnce(&mut Writer<'_>) -> fmt::Result,
) -> Result<(), Full> {
    let mut head = Writer(tx);
    let written = write(&mut head).and_then(|()| head.write_str("\r\n"));
    if written.is_err() {
        tx.truncate_open(0);
        return Err(Full);
    }
    tx.seal();
    Ok(())
}

/// Text appended to the open region.
pub(super) struct Writer<'a>(&'a mut TxBuf);

impl Write for Writer<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.push(text.as_bytes()).map_err(|_| fmt::Error)
    }
}

/// The phrase behind a status. Nobody reads it, but a person with a dump.
const fn reason(status: u16) -> &'static str {
    match status {
        301 => "Moved Permanently",
        302 => "Found",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        426 => "Upgrade Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "Refused",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;
    use alloc::vec::Vec;

    fn check_request(head: &[u8]) -> Result<Offer, UpgradeFault> {
        let mut offer = Offer::default();
        offer.read(&Config::default(), head).map(|()| offer)
    }

    const GOOD: &[(&str, &str)] = &[
        ("Host", "example.org"),
        ("Upgrade", "h2c, WebSocket"),
        ("Connection", "keep-alive"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Protocol", "chat, superchat"),
        ("Sec-WebSocket-Protocol", "third"),
    ];

    fn head(line: &str, fields: &[(&str, &str)]) -> Vec<u8> {
        let fields: String =
            fields.iter().map(|(name, value)| alloc::format!("{name}: {value}\r\n")).collect();
        alloc::format!("{line}\r\n{fields}\r\n").into_bytes()
    }

    #[test]
    fn a_request_tells_path_query_fields_and_subprotocols() {
        let head = head("GET /chat/room?a=1?b HTTP/1.1", GOOD);
        let request = Request::parse(&head).unwrap();
        assert_eq!((request.path(), request.query()), ("/chat/room", Some("a=1?b")));
        assert_eq!(request.subprotocols().collect::<Vec<_>>(), ["chat", "superchat", "third"]);
        assert_eq!(request.fields().only("host"), Some(&b"example.org"[..]));
        assert_eq!(request.fields().iter().count(), GOOD.len());
        let offer = check_request(&head).unwrap();
        assert!(
            offer.has("superchat")
                && offer.has("third")
                && !offer.has("super")
                && !offer.has("chat,superchat")
        );
    }

    #[test]
    fn a_request_that_breaks_a_rule_is_refused_with_the_status_for_it() {
        use UpgradeFault as F;
        let with = |name: &str, value: Option<&'static str>| {
            let mut fields: Vec<_> = GOOD.iter().copied().filter(|field| field.0 != name).collect();
            fields.extend(value.map(|value| match name {
                "Host" => ("Host", value),
                "Upgrade" => ("Upgrade", value),
                "Connection" => ("Connection", value),
                "Sec-WebSocket-Key" => ("Sec-WebSocket-Key", value),
                "Sec-WebSocket-Version" => ("Sec-WebSocket-Version", value),
                "Sec-WebSocket-Protocol" => ("Sec-WebSocket-Protocol", value),
                _ => ("Content-Length", value),
            }));
            head("GET / HTTP/1.1", &fields)
        };
        let many: Vec<_> = (0..=crate::ws::MAX_FIELDS).map(|_| ("X", "y")).collect();
        let long: &str = String::leak("x".repeat(MAX_OFFER));
        for (head, fault, status) in [
            (head("POST / HTTP/1.1", GOOD), F::Method, 405),
            (head("GET / HTTP/1.0", GOOD), F::Malformed, 400),
            (head("GET /", GOOD), F::Malformed, 400),
            (head("GET / HTTP/1.1", &many), F::TooManyFields, 431),
            (with("Host", None), F::Host, 400),
            (with("Upgrade", None), F::Upgrade, 426),
            (with("Upgrade", Some("websockets")), F::Upgrade, 426),
            (with("Connection", Some("keep-alive")), F::Connection, 426),
            (with("Sec-WebSocket-Key", Some("c2hvcnQ=")), F::Key, 400),
            (with("Sec-WebSocket-Key", None), F::Key, 400),
            (with("Sec-WebSocket-Version", Some("8")), F::Version, 426),
            (with("Sec-WebSocket-Protocol", Some(long)), F::TooManyFields, 431),
            (with("", Some("5")), F::Malformed, 400),
        ] {
            assert_eq!(check_request(&head).unwrap_err(), fault, "{}", head.escape_ascii());
            assert_eq!(fault.status(), status);
        }
        let twice = [GOOD, &[("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==")]].concat();
        assert_eq!(check_request(&head("GET / HTTP/1.1", &twice)).unwrap_err(), F::Key);
    }

    #[test]
    fn an_empty_line_with_bare_line_feeds_does_not_end_a_head() {
        let mut smuggled = b"GET / HTTP/1.1\nHost: a\n\n".to_vec();
        smuggled.extend(head("GET / HTTP/1.1", GOOD));
        assert_eq!(check_request(&smuggled).unwrap_err(), UpgradeFault::Malformed);
    }

    #[test]
    fn answers_are_written_whole_or_not_at_all() {
        let offer = check_request(&head("GET / HTTP/1.1", GOOD)).unwrap();
        let accept = Accept::new().with_subprotocol("chat").with_fields(&[("Set-Cookie", "a=b")]);
        let want = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
            Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: chat\r\n\
            Set-Cookie: a=b\r\n\r\n";
        let reject = Reject::new(404).with_fields(&[("X", "y")]).with_body(b"no such room");
        let refusal =
            "HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 12\r\nX: y\r\n\r\nno such room";
        for (limit, fits) in [(10, false), (1000, true)] {
            let mut tx = TxBuf::new(limit);
            assert_eq!(write_accept(&offer, &accept, &mut tx).is_ok(), fits);
            assert_eq!(tx.sealed(), if fits { want.as_bytes() } else { b"" });
            let mut tx = TxBuf::new(limit);
            assert_eq!(write_reject(&reject, &mut tx).is_ok(), fits);
            assert_eq!(tx.sealed(), if fits { refusal.as_bytes() } else { b"" });
            assert_eq!(tx.open_len(), 0);
        }
        for (status, line) in
            [(405, "Allow: GET\r\n"), (426, "Sec-WebSocket-Version: 13\r\n"), (400, "400 Bad Request\r\n")]
        {
            let mut tx = TxBuf::new(1000);
            write_refusal(status, &mut tx).unwrap();
            assert!(str::from_utf8(tx.sealed()).unwrap().contains(line), "{status}");
        }
    }
}
