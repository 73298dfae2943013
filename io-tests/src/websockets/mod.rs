//! What a WebSocket connection must do on every driver and between any two of them, written once.
//!
//! A driver's tests implement [`Net`]; a scenario gets the server's and the client's. `raw.rs` has the peers that speak
//! by hand.

mod admission;
mod cancel;
mod ending;
mod flow;
mod opening;
mod raw;

pub use admission::{attempts_are_limited, connections_are_limited, handshakes_are_limited};
pub use cancel::dropped_futures_tear_lose_and_repeat_nothing;
pub use ending::{a_peer_that_vanishes_is_an_error_behind_its_messages, silent_peer_is_found};
pub use flow::{
    CODE, REASON, code, echo, echo_of_all_sizes, everything_accepted_arrives_before_the_close, lead,
    messages, pieces_make_up_the_message,
};
pub use opening::{
    a_client_that_does_not_ask_in_time_is_dropped, a_rejection_arrives_with_its_status,
    a_server_that_does_not_answer_in_time_is_given_up, answers_that_open_nothing_have_their_errors,
};

use crate::driver::{Driver, join, task};
use sealock_net::tls::{ClientTls, ServerTls};
use sealock_net::ws::{ConnectError, Endpoint, Server};
use sealock_net::{Address, ListenOptions};
use sealock_proto::drive::{WsAnswer, WsConnection, WsError, WsIncoming};
use sealock_proto::limit::AdmissionStats;
use sealock_proto::ws::{Accept, Config};
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

/// A driver for WebSocket.
pub trait Net: Driver {
    /// Its listener.
    type Listener: Send + Sync + 'static;
    /// What that accepts.
    type Incoming: Send + 'static;

    /// The driver's `Listener::bind`, on the loopback interface.
    fn bind(server: Server, options: ListenOptions) -> impl Future<Output = Self::Listener> + Send;
    /// The driver's `Listener::local_address`.
    fn address(listener: &Self::Listener) -> Address;
    /// The driver's `Listener::stats`.
    fn stats(listener: &Self::Listener) -> AdmissionStats;
    /// The driver's `Listener::accept`.
    fn accept(listener: &Self::Listener) -> impl Future<Output = Self::Incoming> + Send;
    /// The driver's `Incoming::request`.
    fn request(
        incoming: Self::Incoming,
    ) -> impl Future<Output = Result<Asked<Self>, WsError<io::Error>>> + Send;
    /// The driver's `ws::connect`.
    fn connect(endpoint: &Endpoint, config: &Arc<Config>) -> impl Future<Output = Connected<Self>> + Send;
}

/// A connection of a driver.
pub type WebSocket<N> = WsConnection<<N as Driver>::Read, <N as Driver>::Write>;
/// A client's request at a server of a driver.
pub type Asked<N> = WsIncoming<<N as Driver>::Read, <N as Driver>::Write>;
/// What connecting with a driver ends in.
pub type Connected<N> = Result<(WebSocket<N>, WsAnswer), ConnectError>;

/// What is between the two ends, besides TCP.
#[derive(Clone, Debug)]
pub enum Layer {
    /// Nothing.
    Plain,
    /// TLS.
    Tls(ServerTls, ClientTls),
}

impl Layer {
    fn server(&self, config: Config) -> Server {
        let server = Server::new(config.build().unwrap());
        match self {
            Self::Plain => server,
            Self::Tls(tls, _) => server.with_tls(tls.clone()),
        }
    }

    fn endpoint(&self, address: &Address) -> Endpoint {
        let endpoint: Endpoint = format!("ws://{address}/").parse().unwrap();
        match self {
            Self::Plain => endpoint,
            Self::Tls(_, tls) => endpoint.with_tls(tls.clone()),
        }
    }
}

/// A listener, and how to reach it.
fn listen<S: Net>(layer: &Layer, config: Config, options: ListenOptions) -> (Arc<S::Listener>, Endpoint) {
    let listener = S::block_on(S::bind(layer.server(config), options));
    let endpoint = layer.endpoint(&S::address(&listener));
    (Arc::new(listener), endpoint)
}

/// Without the answer's head.
fn connect<C: Net>(endpoint: &Endpoint, config: Config) -> Result<WebSocket<C>, ConnectError> {
    C::block_on(C::connect(endpoint, &config.build().unwrap())).map(|(ws, _)| ws)
}

/// Accepts one client and what it asks for.
fn accept_one<S: Net>(listener: &Arc<S::Listener>) -> JoinHandle<Result<WebSocket<S>, WsError<io::Error>>> {
    let listener = Arc::clone(listener);
    task::<S, _>(async move {
        let asked = S::request(S::accept(&listener).await).await?;
        Ok(asked.accept(&Accept::new()).await.unwrap())
    })
}

/// Two ends of a connection: the server's and the client's.
fn pair<S: Net, C: Net>(layer: &Layer, server: Config, client: Config) -> (WebSocket<S>, WebSocket<C>) {
    let (listener, endpoint) = listen::<S>(layer, server, ListenOptions::default());
    let accepted = accept_one::<S>(&listener);
    let client = connect::<C>(&endpoint, client).unwrap();
    (join(accepted).unwrap(), client)
}
