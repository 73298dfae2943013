//! The opening handshake, from both ends.

use super::peer::{BINARY, FIN, Peer, binary, frame};
use crate::buf::TxBuf;
use crate::ws::{
    Accept, AnswerError, Config, Error, Event, FieldError, Kind, Reject, Request, Response, SendError,
    UpgradeFault, UpgradeRequest,
};
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

fn request() -> UpgradeRequest {
    let request = UpgradeRequest::new("example.org", "/chat?x=1").unwrap();
    request.with_subprotocol("a").unwrap().with_subprotocol("b").unwrap()
}

/// A client's bytes, and a server that has read them.
fn asked(config: Config) -> (Peer, Peer) {
    let (mut client, mut server) = (Peer::client(Config::default(), &request()), Peer::server(config));
    let seen = server.give(&client.out());
    assert!(matches!(&seen[..], [Event::Request(_)]), "{seen:?}");
    (client, server)
}

fn accept(server: &mut Peer, accept: &Accept<'_>) -> Result<(), AnswerError> {
    server.ws.accept(server.now, accept, &mut server.tx)
}

#[test]
fn a_client_asks_and_a_server_accepts_however_the_bytes_are_cut() {
    for slowly in [false, true] {
        let (mut client, mut server) =
            (Peer::client(Config::default(), &request()), Peer::server(Config::default()));
        let deliver = |to: &mut Peer, bytes: &[u8]| {
            if slowly { to.give_slowly(bytes).unwrap() } else { to.give(bytes) }
        };
        let seen = deliver(&mut server, &client.out());
        let [Event::Request(head)] = &seen[..] else { panic!("{seen:?}") };
        let asked = Request::parse(head).unwrap();
        assert_eq!((asked.path(), asked.query()), ("/chat", Some("x=1")));
        assert_eq!(asked.subprotocols().collect::<Vec<_>>(), ["a", "b"]);
        let fields = [("Set-Cookie", "c=d")];
        accept(&mut server, &Accept::new().with_subprotocol("b").with_fields(&fields)).unwrap();
        let seen = deliver(&mut client, &server.out());
        let [Event::Accepted(head)] = &seen[..] else { panic!("{seen:?}") };
        let answer = Response::parse(head).unwrap();
        assert_eq!((answer.status(), answer.subprotocol()), (101, Some("b")));
        assert_eq!(answer.fields().only("set-cookie"), Some(&b"c=d"[..]));
        client.send(Kind::Binary, b"up");
        assert_eq!(deliver(&mut server, &client.out()), [binary(b"up")]);
        server.send(Kind::Binary, b"down");
        assert_eq!(deliver(&mut client, &server.out()), [binary(b"down")]);
    }
}

#[test]
fn bytes_behind_the_handshake_are_frames() {
    let (mut client, mut server) =
        (Peer::client(Config::default(), &request()), Peer::server(Config::default()));
    // A client that does not wait: its frame waits for the answer.
    let eager = [client.out(), frame(FIN | BINARY, true, b"eager")].concat();
    assert!(matches!(&server.give(&eager)[..], [Event::Request(_)]));
    accept(&mut server, &Accept::new()).unwrap();
    assert_eq!(server.give(b""), [binary(b"eager")]);
    server.send(Kind::Binary, b"at once");
    let seen = client.give(&server.out());
    assert!(matches!(&seen[..], [Event::Accepted(_), message] if *message == binary(b"at once")), "{seen:?}");
}

#[test]
fn a_request_that_breaks_a_rule_gets_the_status_for_it_and_ends_the_connection() {
    let good = String::from_utf8(Peer::client(Config::default(), &request()).out()).unwrap();
    for (from, to, fault) in [
        ("GET", "POST", UpgradeFault::Method),
        ("Host: example.org\r\n", "", UpgradeFault::Host),
        ("Version: 13", "Version: 12", UpgradeFault::Version),
        ("Upgrade: websocket", "Upgrade: h2c", UpgradeFault::Upgrade),
        ("HTTP/1.1", "HTTP/0.9", UpgradeFault::Malformed),
    ] {
        let mut server = Peer::server(Config::default());
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good);
        assert_eq!(server.try_give(bad.as_bytes()), Err(Error::Upgrade(fault)), "{bad}");
        assert!(!server.ws.is_finished(), "the answer is owed");
        let answer = server.out();
        assert_eq!(Response::parse(&answer).unwrap().status(), fault.status());
        assert!(server.ws.is_finished() && server.ws.poll_timeout().is_none());
        assert_eq!(server.try_give(b"more"), Err(Error::Upgrade(fault)), "it says the same again");
        assert_eq!(server.out(), b"");
    }
}

#[test]
fn an_answer_is_checked_before_it_is_given() {
    let (_, mut server) = asked(Config::default());
    let field = Accept::new().with_fields(&[("Upgrade", "x")]);
    for (answer, error) in [
        (Accept::new().with_subprotocol("c"), AnswerError::Subprotocol),
        (field, AnswerError::Field(FieldError::Reserved)),
    ] {
        assert_eq!(accept(&mut server, &answer), Err(error));
    }
    let mut small = TxBuf::new(20);
    assert_eq!(server.ws.accept(server.now, &Accept::new(), &mut small), Err(AnswerError::Full));
    assert_eq!(server.ws.send(server.now, Kind::Text, b"", &mut small), Err(SendError::NotOpen));
    assert_eq!(accept(&mut server, &Accept::new()), Ok(()));
    assert_eq!(accept(&mut server, &Accept::new()), Err(AnswerError::NothingAsked));
    let mut client = Peer::client(Config::default(), &request());
    assert_eq!(accept(&mut client, &Accept::new()), Err(AnswerError::NothingAsked));
}

#[test]
fn a_server_that_refuses_says_so_and_both_ends_are_over() {
    let (mut client, mut server) = asked(Config::default());
    let reject = Reject::new(401).with_fields(&[("WWW-Authenticate", "Basic")]).with_body(b"who?");
    server.ws.reject(server.now, &reject, &mut server.tx).unwrap();
    assert!(server.ws.is_finished());
    let seen = client.give(&server.out());
    let [Event::Rejected(head)] = &seen[..] else { panic!("{seen:?}") };
    let answer = Response::parse(head).unwrap();
    assert_eq!((answer.status(), answer.fields().only("www-authenticate")), (401, Some(&b"Basic"[..])));
    assert!(client.ws.is_finished());
    assert_eq!(client.ws.recv_eof(client.now), Ok(()));
    assert_eq!(client.ws.send(client.now, Kind::Text, b"", &mut client.tx), Err(SendError::Closed));
}

#[test]
fn an_answer_that_does_not_fit_fails_the_client_without_a_word() {
    let (mut client, mut server) = asked(Config::default());
    accept(&mut server, &Accept::new().with_subprotocol("a")).unwrap();
    let answer = String::from_utf8(server.out()).unwrap();
    let wrong = answer.replace("Protocol: a", "Protocol: z");
    let error = Error::Upgrade(UpgradeFault::Subprotocol);
    assert_eq!(client.try_give(wrong.as_bytes()), Err(error));
    assert!(client.ws.is_finished());
    assert_eq!(client.out(), b"");
}

#[test]
fn a_head_may_be_as_long_as_configured_and_no_longer() {
    let bytes = Peer::client(Config::default(), &request()).out();
    let fit = bytes.len();
    let config = |max| Config::default().with_max_head(max);
    let padded = |len: usize| {
        let text = String::from_utf8(bytes.clone()).unwrap();
        text.replace("\r\n\r\n", &alloc::format!("\r\nX: {}\r\n\r\n", "y".repeat(len - fit - 5))).into_bytes()
    };
    for (len, ok) in [(400, true), (401, false)] {
        let mut server = Peer::server(config(400));
        let result = server.try_give(&padded(len));
        assert_eq!(result.is_ok(), ok, "{result:?}");
        if !ok {
            assert_eq!(result, Err(Error::Upgrade(UpgradeFault::HeadTooLong)));
            assert_eq!(Response::parse(&server.out()).unwrap().status(), 431);
        }
    }
    let mut client = Peer::client(config(256), &request());
    client.out();
    assert_eq!(client.try_give(&[b'x'; 256]), Err(Error::Upgrade(UpgradeFault::HeadTooLong)));
}

#[test]
fn a_handshake_that_takes_too_long_ends() {
    let config = || Config::default().with_handshake_timeout(Duration::from_secs(3));
    let mut silent = Peer::server(config());
    assert_eq!(silent.sleep(), Err(Error::HandshakeTimeout));
    assert_eq!(silent.now.as_nanos(), 3_000_000_000);
    assert_eq!(Response::parse(&silent.out()).unwrap().status(), 408);

    let (_, mut unanswered) = asked(config());
    assert_eq!(unanswered.sleep(), Err(Error::HandshakeTimeout));
    assert_eq!(Response::parse(&unanswered.out()).unwrap().status(), 503);
    assert_eq!(accept(&mut unanswered, &Accept::new()), Err(AnswerError::Failed(Error::HandshakeTimeout)));

    // Accepted behind the deadline by somebody who never came by it.
    let (_, mut late) = asked(config());
    late.now = silent.now;
    assert_eq!(accept(&mut late, &Accept::new()), Err(AnswerError::Failed(Error::HandshakeTimeout)));
    assert_eq!(Response::parse(&late.out()).unwrap().status(), 503);

    let mut client = Peer::client(config(), &request());
    client.out();
    assert_eq!(client.sleep(), Err(Error::HandshakeTimeout));
    assert!(client.ws.is_finished());

    // One that sends a byte now and then, and whose owner therefore never gets to the deadline.
    let mut slow = Peer::server(config());
    slow.now = silent.now;
    assert_eq!(slow.try_give(b"G"), Err(Error::HandshakeTimeout));
}

#[test]
fn a_stream_that_ends_in_the_handshake_is_truncated() {
    let mut server = Peer::server(Config::default());
    server.give(b"GET / HT");
    assert_eq!(server.ws.recv_eof(server.now), Err(Error::Truncated));
    assert!(server.ws.is_finished());
}

#[test]
fn a_request_waits_for_room() {
    let mut client = Peer::client(Config::default(), &request());
    let mut small = TxBuf::new(50);
    client.ws.poll_transmit(client.now, &mut small);
    assert!(small.is_empty());
    let first = client.out();
    assert!(first.starts_with(b"GET /chat?x=1 HTTP/1.1\r\n"));
    assert_eq!(client.out(), b"", "once");
}
