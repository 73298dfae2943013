//! Arbitrary opening handshakes: a request at a WebSocket server, an answer at a client.
//!
//! Byte 0 of an input chooses the end (bit 0: a client) and what a server says (bit 1: it refuses), byte 1 the size of a
//! read. The rest is what the peer sends. In an answer, `ACCEPT` stands for the value that fits the client's key.
//!
//! Reads of any size come to the same. A request that is accepted reads as one that was written anew from its parts, and
//! line by line as a simple reader would; its answer is one that a client understands. Nobody waits for ever.

use crate::ws_end::{WsEnd, seed};
use sealock_proto::time::Instant;
use sealock_proto::ws::{
    Accept, Config, Error, Event, Fields, Reject, Request, Response, UpgradeRequest, WebSocket,
};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Bytes of an input before the peer's.
pub const HEADER: usize = 2;

/// What stands for the right `Sec-WebSocket-Accept`.
pub const ACCEPT: &str = "ACCEPT";

/// What a client offers.
const OFFER: [&str; 2] = ["chat", "superchat"];

fn config() -> &'static Arc<Config> {
    static CONFIG: OnceLock<Arc<Config>> = OnceLock::new();
    CONFIG.get_or_init(|| {
        Config::default().with_max_head(1024).with_heartbeat(None).build().expect("settings in range")
    })
}

fn client() -> WsEnd {
    let request = UpgradeRequest::new("example.org", "/").expect("a request");
    let request =
        OFFER.iter().fold(request, |request, name| request.with_subprotocol(name).expect("a token"));
    WsEnd::new(WebSocket::client(config(), &request, &seed(), Instant::ZERO), config().rx_limit())
}

fn server() -> WsEnd {
    WsEnd::new(WebSocket::server(config(), &seed(), Instant::ZERO), config().rx_limit())
}

/// Runs one input.
///
/// # Panics
/// If a rule is broken.
pub fn run(input: &[u8]) {
    let Some((&[choice, size], bytes)) = input.split_first_chunk::<HEADER>() else { return };
    let sizes = [bytes.len().max(1), usize::from(size).max(1)];
    let (is_client, refuses) = (choice & 1 == 1, choice & 2 == 2);
    let [one, other] = if is_client {
        let answer = filled_in(bytes);
        sizes.map(|size| at_client(&answer, size))
    } else {
        sizes.map(|size| at_server(bytes, size, refuses))
    };
    assert_eq!(one.seen, other.seen, "the events");
    assert_eq!(one.error, other.error);
    if one.error.is_none() {
        assert_eq!(one.sent, other.sent, "the bytes of an opening");
    }
}

/// The answer with the value that fits.
fn filled_in(answer: &[u8]) -> Vec<u8> {
    static VALUE: OnceLock<String> = OnceLock::new();
    let value = VALUE.get_or_init(|| {
        let mut server = server();
        server.feed(&client().sent, usize::MAX);
        server.ws.accept(server.now, &Accept::new(), &mut server.tx).expect("an answer to a request");
        server.transmit();
        let answer = Response::parse(&server.sent).expect("an answer");
        let value = answer.fields().only("Sec-WebSocket-Accept").expect("a field of every answer");
        String::from_utf8(value.to_vec()).expect("base64")
    });
    let at = answer.windows(ACCEPT.len()).position(|window| window == ACCEPT.as_bytes());
    match at {
        Some(at) => [&answer[..at], value.as_bytes(), &answer[at + ACCEPT.len()..]].concat(),
        None => answer.to_vec(),
    }
}

fn at_client(answer: &[u8], size: usize) -> WsEnd {
    let mut end = client();
    let request = Request::parse(&end.sent).expect("its own request");
    assert!(request.subprotocols().eq(OFFER));
    end.feed(answer, size);
    match end.seen.first() {
        Some(Event::Accepted(head)) => {
            let response = Response::parse(head).expect("it was checked");
            assert_eq!(response.status(), 101);
            check_lines(head, response.fields());
            assert!(response.subprotocol().is_none_or(|name| OFFER.contains(&name)));
        }
        Some(Event::Rejected(head)) => {
            let response = Response::parse(head).expect("it was checked");
            assert_ne!(response.status(), 101);
            assert!(end.ws.is_finished());
        }
        Some(other) => panic!("{other:?} before an answer"),
        None => match end.error {
            None => wait(&mut end),
            Some(error) => assert!(matches!(error, Error::Upgrade(_)), "{error:?} of an answer"),
        },
    }
    end
}

fn at_server(bytes: &[u8], size: usize, refuses: bool) -> WsEnd {
    let mut end = server();
    let rest = end.feed(bytes, size);
    let asked = end.seen.first().map(|event| match event {
        Event::Request(head) => head.clone(),
        other => panic!("{other:?} before a request"),
    });
    let Some(head) = asked else {
        match end.error {
            None => wait(&mut end),
            Some(Error::Upgrade(fault)) => check_refusal(&end.sent, fault.status()),
            Some(other) => panic!("{other:?} of a request"),
        }
        return end;
    };
    assert_eq!(end.seen.len(), 1, "something behind a request that was not answered");
    let chosen = check_request(&head);
    if refuses {
        let reject = Reject::new(403).with_body(b"no");
        end.ws.reject(end.now, &reject, &mut end.tx).expect("a refusal");
        end.transmit();
        let (head, body) = end.sent.split_at(end.sent.len() - 2);
        check_refusal(head, 403);
        assert_eq!(body, b"no");
        assert!(end.ws.is_finished());
        return end;
    }
    let accept = chosen.as_deref().map_or(Accept::new(), |name| Accept::new().with_subprotocol(name));
    // A name that is no token cannot be chosen.
    if end.ws.accept(end.now, &accept, &mut end.tx).is_err() {
        end.ws.accept(end.now, &Accept::new(), &mut end.tx).expect("an answer without a subprotocol");
    }
    end.transmit();
    let response = Response::parse(&end.sent).expect("its own answer");
    assert_eq!(response.status(), 101);
    assert!(response.subprotocol().is_none_or(|name| chosen.as_deref() == Some(name)));
    // Frames that the client did not wait with.
    end.read();
    end.feed(rest, size);
    end
}

/// An accepted request, read in other ways. The subprotocol the client likes best.
fn check_request(head: &[u8]) -> Option<String> {
    let request = Request::parse(head).expect("it was checked");
    check_lines(head, request.fields());
    let target = match request.query() {
        Some(query) => format!("{}?{query}", request.path()),
        None => request.path().to_owned(),
    };
    let mut anew = format!("GET {target} HTTP/1.1\r\n").into_bytes();
    for (name, value) in request.fields().iter() {
        anew.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
    }
    anew.extend(b"\r\n");
    let again = Request::parse(&anew).expect("the same request");
    assert_eq!((again.path(), again.query()), (request.path(), request.query()));
    assert!(again.fields().iter().eq(request.fields().iter()));
    assert!(again.subprotocols().eq(request.subprotocols()));
    request.subprotocols().next().map(str::to_owned)
}

/// A head has a start line, a line for each field, and nothing that another reader could take for its end.
fn check_lines(head: &[u8], fields: &Fields<'_>) {
    let lines: Vec<&[u8]> =
        head.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line)).collect();
    let first = lines.iter().position(|line| !line.is_empty()).expect("a start line");
    let (end, lines) = lines[first + 1..].split_at(fields.iter().count());
    assert!(lines.iter().all(|line| line.is_empty()) && lines.len() == 2, "an end in the middle of a head");
    for (line, (name, value)) in end.iter().zip(fields.iter()) {
        let at = line.iter().position(|byte| *byte == b':').expect("a field");
        assert_eq!(
            (line[..at].trim_ascii(), line[at + 1..].trim_ascii()),
            (name.as_bytes(), value.trim_ascii())
        );
    }
}

fn check_refusal(answer: &[u8], status: u16) {
    let response = Response::parse(answer).expect("a refusal");
    assert_eq!(response.status(), status);
    assert_eq!(response.fields().only("Connection"), Some(&b"close"[..]));
}

/// A peer that says no more is not waited for.
fn wait(end: &mut WsEnd) {
    end.pass(Duration::from_secs(60));
    assert_eq!(end.error, Some(Error::HandshakeTimeout));
}

/// An answer of a server, or what [`run`] makes one of; for the seeds.
pub(crate) fn answer(fields: &[&str]) -> Vec<u8> {
    let good = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"];
    let accept = format!("Sec-WebSocket-Accept: {ACCEPT}");
    [&good[..], &[&accept], fields, &["\r\n"]].concat().join("\r\n").into_bytes()
}
