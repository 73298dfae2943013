//! WebSocket against tokio-tungstenite over loopback, as both client and server, on all drivers.

use crate::drivers::{Smol, Std, Tokio};
use crate::peer;
use sealock_net::ListenOptions;
use sealock_net::ws::{Endpoint, Server};
use sealock_proto::ws::{Accept, Config};
use sealock_tests::run::bounded;
use sealock_tests::websockets::{Net, REASON, WebSocket, code, echo, lead};
use std::thread;

pub(crate) const SUBPROTOCOL: &str = "superchat";

/// Our server: takes the subprotocol that the client likes second.
async fn serve<N: Net>(listener: N::Listener) -> WebSocket<N> {
    let asked = N::request(N::accept(&listener).await).await.unwrap();
    let request = asked.request().unwrap();
    assert_eq!((request.path(), request.query()), ("/room", Some("n=1")));
    assert!(request.subprotocols().eq(["chat", SUBPROTOCOL]));
    asked.accept(&Accept::new().with_subprotocol(SUBPROTOCOL)).await.unwrap()
}

fn a_client_of_theirs<N: Net>() {
    for they_lead in [true, false] {
        let config = Config::default().build().unwrap();
        let listener = N::block_on(N::bind(Server::new(config), ListenOptions::default()));
        let url = format!("ws://{}", N::address(&listener));
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
            let endpoint = format!("{url}/room?n=1").parse::<Endpoint>().unwrap();
            let endpoint = endpoint.with_subprotocol("chat").unwrap().with_subprotocol(SUBPROTOCOL).unwrap();
            let (ws, answer) = N::connect(&endpoint, &Config::default().build().unwrap()).await.unwrap();
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
    ($($name:ident, $net:ident;)*) => {
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

sealock_tests::every_driver!(on);
