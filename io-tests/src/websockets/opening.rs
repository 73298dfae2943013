//! Opening handshakes that do not succeed.

use super::{Layer, Net, connect, listen, raw};
use crate::driver::{join, task};
use sealock_net::ListenOptions;
use sealock_net::ws::{ConnectError, Endpoint};
use sealock_proto::drive::{DriveError, WsAnswer, WsConnectError};
use sealock_proto::ws::{Config, Error, Reject, UpgradeFault};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

/// Time for a handshake that is not to succeed.
const SHORT: Duration = Duration::from_millis(100);
/// Less than any other time that an end waits for.
const SOON: Duration = Duration::from_secs(4);

fn impatient() -> Config {
    Config::default().with_handshake_timeout(SHORT)
}

/// What a client without a connection is told.
pub(super) fn refused<C: Net>(endpoint: &Endpoint, config: Config) -> Result<WsAnswer, Error> {
    match connect::<C>(endpoint, config).map(|_| ()).unwrap_err() {
        ConnectError::Upgrade { error: WsConnectError::Rejected(answer), .. } => Ok(answer),
        ConnectError::Upgrade { error: WsConnectError::Failed(DriveError::Protocol(error)), .. } => {
            Err(error)
        }
        other => panic!("{other:?}"),
    }
}

/// A client that says nothing, half of its request, or a byte now and then, has its time and no more.
pub fn a_client_that_does_not_ask_in_time_is_dropped<S: Net>() {
    fn told(mut stream: TcpStream) {
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 408 "), "{}", answer.escape_ascii());
    }
    let cases: [fn(TcpStream); 3] = [
        told,
        |mut stream| {
            stream.write_all(&raw::REQUEST.as_bytes()[..40]).unwrap();
            told(stream);
        },
        |stream| raw::drip(stream, raw::REQUEST),
    ];
    for says in cases {
        let (listener, _) = listen::<S>(&Layer::Plain, impatient(), ListenOptions::default());
        let stream = raw::dial(&S::address(&listener));
        let client = thread::spawn(move || says(stream));
        let start = Instant::now();
        let error = S::block_on(async { S::request(S::accept(&listener).await).await }).unwrap_err();
        assert!(matches!(error, DriveError::Protocol(Error::HandshakeTimeout)), "{error:?}");
        assert!((SHORT..SOON).contains(&start.elapsed()), "{:?}", start.elapsed());
        assert_eq!(S::stats(&listener).handshakes, 0);
        join(client);
    }
}

/// A server that does not accept, says nothing, half of its answer, or a byte now and then, has its time and no more.
pub fn a_server_that_does_not_answer_in_time_is_given_up<C: Net>() {
    const ANSWER: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
    fn wait(mut stream: TcpStream) {
        let _ = stream.read_to_end(&mut Vec::new());
    }
    let cases: [fn(TcpStream); 3] = [
        wait,
        |mut stream| {
            stream.write_all(ANSWER.as_bytes()).unwrap();
            wait(stream);
        },
        |stream| raw::drip(stream, ANSWER),
    ];
    let given_up = |endpoint: &Endpoint| {
        let start = Instant::now();
        assert_eq!(refused::<C>(endpoint, impatient()), Err(Error::HandshakeTimeout));
        assert!((SHORT..SOON).contains(&start.elapsed()), "{:?}", start.elapsed());
    };
    let deaf = TcpListener::bind("127.0.0.1:0").unwrap();
    given_up(&raw::endpoint(&deaf));
    for says in cases {
        let (endpoint, server) = raw::server(move |stream, _| says(stream));
        given_up(&endpoint);
        join(server);
    }
}

/// Whatever else a server answers is a refusal with its status or a fault with its name, at once, whether the server
/// then leaves or stays.
pub fn answers_that_open_nothing_have_their_errors<C: Net>() {
    let fault = |fault| Err(Error::Upgrade(fault));
    let of_another_key = raw::acceptance(b"dGhlIHNhbXBsZSBub25jZQ==");
    let too_long = "x".repeat(9_000);
    for (answer, want) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", Ok(200)),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\nhello", Ok(200)),
        ("HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\n\r\n", Ok(302)),
        ("SSH-2.0-other\r\n\r\n", fault(UpgradeFault::Malformed)),
        ("\0\u{1}\u{2}\u{3}\r\n\r\n", fault(UpgradeFault::Malformed)),
        (&too_long, fault(UpgradeFault::HeadTooLong)),
        (&of_another_key, fault(UpgradeFault::Accept)),
    ] {
        for stays in [true, false] {
            let said = answer.to_owned();
            let (endpoint, server) = raw::server(move |mut stream, _| {
                stream.write_all(said.as_bytes()).unwrap();
                if stays {
                    let _ = stream.read_to_end(&mut Vec::new());
                }
            });
            let start = Instant::now();
            let told = refused::<C>(&endpoint, Config::default());
            assert!(start.elapsed() < SOON, "{:?} for {answer:?}", start.elapsed());
            let status = told.as_ref().map(|answer| answer.response().unwrap().status());
            assert_eq!(status, want.as_ref().map(|status| *status), "{answer:?}");
            if let Ok(302) = status {
                let answer = told.unwrap();
                let location = answer.response().unwrap().fields().only("Location").map(<[u8]>::to_vec);
                assert_eq!(location.as_deref(), Some(&b"/elsewhere"[..]));
            }
            join(server);
        }
    }
    for answer in ["", "HTTP/1.1 101 Swi"] {
        let (endpoint, server) =
            raw::server(move |mut stream, _| stream.write_all(answer.as_bytes()).unwrap());
        assert_eq!(refused::<C>(&endpoint, Config::default()), Err(Error::Truncated), "{answer:?}");
        join(server);
    }
}

/// What the application answers instead of accepting is what the client is told, and the place of the request is free.
pub fn a_rejection_arrives_with_its_status<S: Net, C: Net>(layer: &Layer) {
    const FIELDS: &[(&str, &str)] = &[("X-Reason", "not you")];
    let (listener, endpoint) = listen::<S>(layer, Config::default(), ListenOptions::default());
    for (status, body) in [(403, ""), (302, "elsewhere"), (503, "later")] {
        let serving = task::<S, _>({
            let listener = listener.clone();
            async move {
                let asked = S::request(S::accept(&listener).await).await.unwrap();
                let reject = Reject::new(status).with_fields(FIELDS).with_body(body.as_bytes());
                asked.reject(&reject).await.unwrap();
            }
        });
        let answer = refused::<C>(&endpoint, Config::default()).unwrap();
        let response = answer.response().unwrap();
        assert_eq!((response.status(), response.fields().only("X-Reason")), (status, Some(&b"not you"[..])));
        join(serving);
        let stats = S::stats(&listener);
        assert_eq!((stats.handshakes, stats.sessions), (0, 0));
    }
}
