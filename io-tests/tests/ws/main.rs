//! WebSocket against tokio-tungstenite over loopback, as both client and server, on all drivers.

mod nets;
mod peer;

use nets::{Net, Smol, Std, Tokio};
use sealock_proto::drive::WsConnection;
use sealock_proto::ws::{Accept, CloseCode, Config, Event, Kind};
use sealock_tests::run::bounded;
use std::thread;

/// What goes each way, and comes back.
fn messages() -> Vec<(Kind, Vec<u8>)> {
    vec![
        (Kind::Text, "aé€𝄞".into()),
        (Kind::Binary, vec![0xff, 0, 7]),
        (Kind::Text, Vec::new()),
        (Kind::Binary, Vec::new()),
        (Kind::Text, "é".repeat(70_000).into()),
        (Kind::Binary, (0..1 << 20).map(|n: u32| (n * 31) as u8).collect()),
    ]
}

const SUBPROTOCOL: &str = "superchat";
const REASON: &str = "that was it";
/// Of the end that closes.
const CODE: u16 = 4001;

fn code() -> CloseCode {
    CloseCode::new(CODE).unwrap()
}

/// Our end when the peer leads: everything back, until the peer closes. Its code and reason.
async fn echo<N: Net>(mut ws: WsConnection<N::Read, N::Write>) -> (CloseCode, String) {
    let mut closed = None;
    while let Some(event) = ws.receiver.next().await.unwrap() {
        match event {
            Event::Message { kind, payload } => ws.sender.send(kind, payload).await.unwrap(),
            Event::Closed { code, reason } => {
                closed = Some((code, String::from_utf8(reason.to_vec()).unwrap()));
            }
            other => panic!("{other:?}"),
        }
    }
    closed.expect("the peer's close")
}

/// Our end when it leads: each message whole and in fragments, and a close.
async fn lead<N: Net>(mut ws: WsConnection<N::Read, N::Write>) {
    for (kind, message) in messages() {
        ws.send(kind, &message).await.unwrap();
        expect::<N>(&mut ws, kind, &message).await;
        let third = message.len() / 3;
        for (piece, last) in [(&message[..third], false), (&[], false), (&message[third..], true)] {
            ws.sender.send_chunk(kind, piece, last).await.unwrap();
        }
        expect::<N>(&mut ws, kind, &message).await;
    }
    let closed = ws.close(code(), REASON).await.unwrap();
    assert_eq!(closed.undelivered, 0);
    assert_eq!(closed.peer.expect("the answer").code, code());
    let stats = ws.stats();
    assert_eq!(stats.sent.messages, stats.received.messages);
}

async fn expect<N: Net>(ws: &mut WsConnection<N::Read, N::Write>, kind: Kind, message: &[u8]) {
    match ws.next().await.unwrap() {
        Some(Event::Message { kind: got, payload }) => {
            assert_eq!(got, kind);
            assert!(payload == message, "{} bytes came back, not {}", payload.len(), message.len());
        }
        other => panic!("{other:?}"),
    }
}

/// Our server: takes the subprotocol that the client likes second.
async fn serve<N: Net>(listener: N::Listener) -> WsConnection<N::Read, N::Write> {
    let asked = N::request(&listener).await;
    let request = asked.request().unwrap();
    assert_eq!((request.path(), request.query()), ("/room", Some("n=1")));
    assert!(request.subprotocols().eq(["chat", SUBPROTOCOL]));
    asked.accept(&Accept::new().with_subprotocol(SUBPROTOCOL)).await.unwrap()
}

fn a_client_of_theirs<N: Net>() {
    for they_lead in [true, false] {
        let config = Config::default().build().unwrap();
        let (listener, url) = N::block_on(N::bind(config));
        let client = thread::spawn(move || peer::client(&format!("{url}/room?n=1"), they_lead));
        N::block_on(async {
            let ws = serve::<N>(listener).await;
            if they_lead {
                assert_eq!(echo::<N>(ws).await, (code(), REASON.to_owned()));
            } else {
                lead::<N>(ws).await;
            }
        });
        client.join().unwrap();
    }
}

fn a_server_of_theirs<N: Net>() {
    for they_lead in [true, false] {
        let (url, server) = peer::server(they_lead);
        N::block_on(async {
            let endpoint = format!("{url}/room?n=1").parse::<sealock_net::ws::Endpoint>().unwrap();
            let endpoint = endpoint.with_subprotocol("chat").unwrap().with_subprotocol(SUBPROTOCOL).unwrap();
            let (ws, answer) = N::connect(&endpoint, &Config::default().build().unwrap()).await;
            assert_eq!(answer.response().unwrap().subprotocol(), Some(SUBPROTOCOL));
            if they_lead {
                assert_eq!(echo::<N>(ws).await, (code(), REASON.to_owned()));
            } else {
                lead::<N>(ws).await;
            }
        });
        server.join().unwrap();
    }
}

macro_rules! on {
    ($($name:ident, $net:ty;)*) => {
        $(
            mod $name {
                use super::*;

                #[test]
                fn serves_a_client_of_theirs() {
                    bounded(a_client_of_theirs::<$net>);
                }

                #[test]
                fn uses_a_server_of_theirs() {
                    bounded(a_server_of_theirs::<$net>);
                }
            }
        )*
    };
}

on! {
    on_std, Std;
    on_tokio, Tokio;
    on_smol, Smol;
}
