//! How connections end: closes, answers, failures, and streams that just stop (RFC 6455, section 7).

use super::peer::{BINARY, CLOSE, CONT, FIN, PING, Peer, TEXT, binary};
use crate::ws::{CloseCode, Config, Error, Event, FrameFault, Kind, MAX_REASON, Role, SendError};
use alloc::vec::Vec;
use core::time::Duration;

fn open(role: Role) -> Peer {
    Peer::open(role, Config::default())
}

fn body(code: u16, reason: &[u8]) -> Vec<u8> {
    [&code.to_be_bytes(), reason].concat()
}

fn closed(code: CloseCode, reason: &str) -> Event<Vec<u8>> {
    Event::Closed { code, reason: reason.as_bytes().to_vec() }
}

const ROLES: [Role; 2] = [Role::Client, Role::Server];

#[test]
fn a_close_is_answered_once_with_its_code() {
    let reason = "é".repeat(MAX_REASON / 2);
    for role in ROLES {
        for (sent, code, text, answer) in [
            (Vec::new(), CloseCode::NO_STATUS, "", Vec::new()),
            (body(1000, b""), CloseCode::NORMAL, "", body(1000, b"")),
            (body(1001, b"bye"), CloseCode::GOING_AWAY, "bye", body(1001, b"")),
            (body(1014, reason.as_bytes()), CloseCode::BAD_GATEWAY, &reason, body(1014, b"")),
            (body(3000, b""), CloseCode::new(3000).unwrap(), "", body(3000, b"")),
            (body(4999, b""), CloseCode::new(4999).unwrap(), "", body(4999, b"")),
        ] {
            let mut end = open(role);
            // What comes behind a close is not looked at.
            let wire = [end.frame(FIN | CLOSE, &sent), end.frame(FIN | TEXT, b"late"), Vec::from([0xff; 9])]
                .concat();
            assert_eq!(end.give(&wire), [closed(code, text)]);
            assert_eq!(end.ws.send(end.now, Kind::Text, b"", &mut end.tx), Err(SendError::Closed));
            assert_eq!(end.frames_out(), [(FIN | CLOSE, answer)]);
            assert_eq!(end.frames_out(), []);
            assert_eq!(end.give(b"more"), []);
            // The server closes the stream first (section 7.1.1).
            assert_eq!(end.ws.is_finished(), role == Role::Server);
            assert_eq!(end.ws.recv_eof(end.now), Ok(()));
            assert!(end.ws.is_finished());
        }
    }
}

#[test]
fn a_close_that_breaks_a_rule_is_a_failure_with_the_code_for_it() {
    for (sent, error, code) in [
        (Vec::from(*b"x"), Error::Frame(FrameFault::CloseBody), 1002),
        (body(0, b""), Error::Frame(FrameFault::CloseCode), 1002),
        (body(999, b""), Error::Frame(FrameFault::CloseCode), 1002),
        (body(1004, b""), Error::Frame(FrameFault::CloseCode), 1002),
        (body(1005, b""), Error::Frame(FrameFault::CloseCode), 1002),
        (body(1006, b""), Error::Frame(FrameFault::CloseCode), 1002),
        (body(1015, b""), Error::Frame(FrameFault::CloseCode), 1002),
        (body(2999, b""), Error::Frame(FrameFault::CloseCode), 1002),
        (body(5000, b""), Error::Frame(FrameFault::CloseCode), 1002),
        (body(1000, b"\xff"), Error::NotUtf8, 1007),
    ] {
        for role in ROLES {
            let mut end = open(role);
            let wire = end.frame(FIN | CLOSE, &sent);
            assert_eq!(end.try_give(&wire), Err(error));
            assert_eq!(end.frames_out(), [(FIN | CLOSE, body(code, b""))]);
            assert!(end.ws.is_finished());
            assert_eq!(end.try_give(&wire), Err(error), "it says the same again");
            assert_eq!(end.ws.handle_timeout(end.now), Err(error));
            assert_eq!(end.ws.send(end.now, Kind::Text, b"", &mut end.tx), Err(SendError::Failed(error)));
        }
    }
}

#[test]
fn messages_arrive_until_the_peer_has_closed_too() {
    for role in ROLES {
        let mut end = open(role);
        end.send(Kind::Text, b"last words");
        end.ws.close(end.now, CloseCode::NORMAL, "done", &mut end.tx).unwrap();
        assert_eq!(end.ws.close(end.now, CloseCode::NORMAL, "", &mut end.tx), Err(SendError::Closed));
        let sent = [(FIN | TEXT, b"last words".to_vec()), (FIN | CLOSE, body(1000, b"done"))];
        assert_eq!(end.frames_out(), sent);
        let wire =
            [end.frame(FIN | BINARY, b"still"), end.frame(FIN | PING, b"x"), end.frame(BINARY, b"here")];
        assert_eq!(end.give(&wire.concat()), [binary(b"still")]);
        assert_eq!(end.frames_out(), [], "nothing follows a close, not even a pong");
        let wire = [end.frame(FIN | CONT, b"!"), end.frame(FIN | CLOSE, &body(1000, b""))];
        assert_eq!(end.give(&wire.concat()), [binary(b"here!"), closed(CloseCode::NORMAL, "")]);
        assert_eq!(end.frames_out(), []);
        assert_eq!(end.ws.is_finished(), role == Role::Server);
        if role == Role::Client {
            // The server leaves the stream open: nothing is lost, so that is no failure.
            assert_eq!(end.sleep(), Ok(Duration::from_secs(5)));
            assert!(end.ws.is_finished());
        }
    }
}

#[test]
fn two_closes_that_cross_are_each_others_answer() {
    let (mut client, mut server) = (open(Role::Client), open(Role::Server));
    for end in [&mut client, &mut server] {
        end.ws.close(end.now, CloseCode::NORMAL, "", &mut end.tx).unwrap();
    }
    let (up, down) = (client.out(), server.out());
    assert_eq!(server.give(&up), [closed(CloseCode::NORMAL, "")]);
    assert_eq!(client.give(&down), [closed(CloseCode::NORMAL, "")]);
    assert!(server.ws.is_finished() && client.out().is_empty() && server.out().is_empty());
    assert_eq!(client.ws.recv_eof(client.now), Ok(()));
    assert!(client.ws.is_finished());
}

#[test]
fn a_close_without_an_answer_ends_in_time_even_under_a_flood() {
    let config = || Config::default().with_close_timeout(Duration::from_secs(2));
    for role in ROLES {
        let mut end = Peer::open(role, config());
        end.ws.close(end.now, CloseCode::GOING_AWAY, "", &mut end.tx).unwrap();
        end.out();
        assert_eq!(end.sleep(), Err(Error::CloseTimeout));
        assert_eq!(end.now.as_nanos(), 2_000_000_000);
        assert!(end.ws.is_finished());

        let mut flooded = Peer::open(role, config());
        flooded.ws.close(flooded.now, CloseCode::GOING_AWAY, "", &mut flooded.tx).unwrap();
        flooded.out();
        let message = flooded.frame(FIN | BINARY, b"flood");
        assert_eq!(flooded.give(&message).len(), 1);
        flooded.now = end.now;
        assert_eq!(flooded.try_give(&message), Err(Error::CloseTimeout));
    }
}

#[test]
fn a_close_that_may_not_be_sent_is_refused() {
    let mut end = open(Role::Server);
    let long = "x".repeat(MAX_REASON + 1);
    for (code, reason) in [(CloseCode::NORMAL, &long[..]), (CloseCode::NO_STATUS, "why")] {
        assert_eq!(end.ws.close(end.now, code, reason, &mut end.tx), Err(SendError::Close));
    }
    assert_eq!(end.ws.close(end.now, CloseCode::NO_STATUS, "", &mut end.tx), Ok(()));
    assert_eq!(end.frames_out(), [(FIN | CLOSE, Vec::new())]);
}

#[test]
fn a_stream_that_ends_without_a_close_is_truncated() {
    for role in ROLES {
        let mut end = open(role);
        let begun = end.frame(BINARY, b"half");
        assert_eq!(end.give(&begun), []);
        assert_eq!(end.ws.recv_eof(end.now), Err(Error::Truncated));
        assert!(end.ws.is_finished());
        assert_eq!(end.out(), b"");
    }
    let mut end = open(Role::Client);
    end.ws.close(end.now, CloseCode::NORMAL, "", &mut end.tx).unwrap();
    assert_eq!(end.ws.recv_eof(end.now), Err(Error::Truncated), "the close was not answered");
}

#[test]
fn a_client_answers_a_close_even_behind_the_end_of_the_stream() {
    let mut client = open(Role::Client);
    let close = client.frame(FIN | CLOSE, &body(1000, b""));
    assert_eq!(client.give(&close).len(), 1);
    assert_eq!(client.ws.recv_eof(client.now), Ok(()));
    assert!(!client.ws.is_finished());
    assert_eq!(client.frames_out(), [(FIN | CLOSE, body(1000, b""))]);
    assert!(client.ws.is_finished());
}
