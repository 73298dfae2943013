//! The three drivers' WebSockets behind one trait.

use sealock_net::ws::{Endpoint, Server};
use sealock_net::{ConnectOptions, ListenOptions};
use sealock_proto::drive::{ReadIo, WriteIo, WsAnswer, WsConnection, WsIncoming};
use sealock_proto::ws::Config;
use std::future::Future;
use std::io;
use std::sync::{Arc, OnceLock};

/// A driver.
pub(crate) trait Net: 'static {
    type Read: ReadIo<Error = io::Error> + Send + 'static;
    type Write: WriteIo<Error = io::Error> + Send + 'static;
    type Listener: Send + Sync + 'static;

    /// Runs a future to its end, on this thread.
    fn block_on<T>(future: impl Future<Output = T>) -> T;
    /// A listener on loopback, and its URL.
    fn bind(config: Arc<Config>) -> impl Future<Output = (Self::Listener, String)>;
    /// The request of the next client.
    fn request(listener: &Self::Listener) -> impl Future<Output = WsIncoming<Self::Read, Self::Write>>;
    /// The driver's `ws::connect`.
    fn connect(
        endpoint: &Endpoint,
        config: &Arc<Config>,
    ) -> impl Future<Output = (WsConnection<Self::Read, Self::Write>, WsAnswer)>;
}

pub(crate) struct Std;
pub(crate) struct Tokio;
pub(crate) struct Smol;

impl Net for Std {
    type Read = sealock_std::StdRead<sealock_std::Socket>;
    type Write = sealock_std::StdWrite<sealock_std::Socket>;
    type Listener = sealock_std::ws::Listener;

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        sealock_std::block_on(future)
    }

    async fn bind(config: Arc<Config>) -> (Self::Listener, String) {
        let address = "127.0.0.1:0".parse().unwrap();
        let listener = Self::Listener::bind(&address, Server::new(config), ListenOptions::default()).unwrap();
        let url = format!("ws://{}", listener.local_address());
        (listener, url)
    }

    async fn request(listener: &Self::Listener) -> WsIncoming<Self::Read, Self::Write> {
        listener.accept().unwrap().unwrap().request().unwrap().into_inner()
    }

    async fn connect(
        endpoint: &Endpoint,
        config: &Arc<Config>,
    ) -> (WsConnection<Self::Read, Self::Write>, WsAnswer) {
        let (ws, answer) = sealock_std::ws::connect(endpoint, config, &ConnectOptions::default()).unwrap();
        let (receiver, sender) = ws.split();
        (WsConnection { receiver: receiver.into_inner(), sender: sender.into_inner() }, answer)
    }
}

macro_rules! asynchronous {
    ($net:ident, $driver:ident, $block_on:expr, $read:ty, $write:ty) => {
        impl Net for $net {
            type Read = $read;
            type Write = $write;
            type Listener = $driver::ws::Listener;

            fn block_on<T>(future: impl Future<Output = T>) -> T {
                $block_on(future)
            }

            async fn bind(config: Arc<Config>) -> (Self::Listener, String) {
                let address = "127.0.0.1:0".parse().unwrap();
                let server = Server::new(config);
                let listener =
                    Self::Listener::bind(&address, server, ListenOptions::default()).await.unwrap();
                let url = format!("ws://{}", listener.local_address());
                (listener, url)
            }

            async fn request(listener: &Self::Listener) -> WsIncoming<Self::Read, Self::Write> {
                listener.accept().await.unwrap().request().await.unwrap()
            }

            async fn connect(
                endpoint: &Endpoint,
                config: &Arc<Config>,
            ) -> (WsConnection<Self::Read, Self::Write>, WsAnswer) {
                $driver::ws::connect(endpoint, config, &ConnectOptions::default()).await.unwrap()
            }
        }
    };
}

asynchronous!(
    Tokio,
    sealock_tokio,
    |future| {
        // One runtime for all: sockets belong to theirs.
        static RUNTIME: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
        RUNTIME.get_or_init(|| tokio::runtime::Runtime::new().unwrap()).block_on(future)
    },
    sealock_tokio::TokioRead<sealock_tokio::SocketRead>,
    sealock_tokio::TokioWrite<sealock_tokio::SocketWrite>
);

asynchronous!(
    Smol,
    sealock_smol,
    async_io::block_on,
    sealock_smol::SmolRead<sealock_smol::AnySocket>,
    sealock_smol::SmolWrite<sealock_smol::AnySocket>
);
