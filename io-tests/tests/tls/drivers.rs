//! The three drivers' WebSockets behind one trait.

use sealock_net::ws::{ConnectError, Endpoint, Server};
use sealock_net::{ConnectOptions, ListenOptions};
use sealock_proto::drive::{ReadIo, WriteIo, WsConnection, WsError, WsIncoming};
use sealock_proto::ws::Config;
use std::future::Future;
use std::io;
use std::sync::{Arc, OnceLock};

pub(crate) struct Std;
pub(crate) struct Tokio;
pub(crate) struct Smol;

pub(crate) type WebSocket<D> = WsConnection<<D as Driver>::Read, <D as Driver>::Write>;

pub(crate) trait Driver: 'static {
    type Read: ReadIo<Error = io::Error> + Send + 'static;
    type Write: WriteIo<Error = io::Error> + Send + 'static;
    type Listener: Send;

    fn block_on<T>(future: impl Future<Output = T>) -> T;
    async fn bind(server: Server) -> Self::Listener;
    /// Host and port.
    fn address(listener: &Self::Listener) -> String;
    async fn request(
        listener: &Self::Listener,
    ) -> Result<WsIncoming<Self::Read, Self::Write>, WsError<io::Error>>;
    async fn connect(endpoint: &Endpoint, config: &Arc<Config>) -> Result<WebSocket<Self>, ConnectError>;
}

impl Driver for Std {
    type Read = sealock_std::StdRead<sealock_std::Socket>;
    type Write = sealock_std::StdWrite<sealock_std::Socket>;
    type Listener = sealock_std::ws::Listener;

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        sealock_std::block_on(future)
    }

    async fn bind(server: Server) -> Self::Listener {
        sealock_std::ws::Listener::bind(&"127.0.0.1:0".parse().unwrap(), server, ListenOptions::default())
            .unwrap()
    }

    fn address(listener: &Self::Listener) -> String {
        listener.local_address().to_string()
    }

    async fn request(
        listener: &Self::Listener,
    ) -> Result<WsIncoming<Self::Read, Self::Write>, WsError<io::Error>> {
        listener.accept().unwrap().unwrap().request().map(sealock_std::ws::Asked::into_inner)
    }

    async fn connect(endpoint: &Endpoint, config: &Arc<Config>) -> Result<WebSocket<Self>, ConnectError> {
        let (connection, _) = sealock_std::ws::connect(endpoint, config, &ConnectOptions::default())?;
        let (receiver, sender) = connection.split();
        Ok(WsConnection { receiver: receiver.into_inner(), sender: sender.into_inner() })
    }
}

macro_rules! asynchronous {
    ($name:ident, $driver:ident, $read:ty, $write:ty, $block_on:expr) => {
        impl Driver for $name {
            type Read = $read;
            type Write = $write;
            type Listener = $driver::ws::Listener;

            fn block_on<T>(future: impl Future<Output = T>) -> T {
                $block_on(future)
            }

            async fn bind(server: Server) -> Self::Listener {
                let address = "127.0.0.1:0".parse().unwrap();
                $driver::ws::Listener::bind(&address, server, ListenOptions::default()).await.unwrap()
            }

            fn address(listener: &Self::Listener) -> String {
                listener.local_address().to_string()
            }

            async fn request(
                listener: &Self::Listener,
            ) -> Result<WsIncoming<Self::Read, Self::Write>, WsError<io::Error>> {
                listener.accept().await.unwrap().request().await
            }

            async fn connect(
                endpoint: &Endpoint,
                config: &Arc<Config>,
            ) -> Result<WebSocket<Self>, ConnectError> {
                $driver::ws::connect(endpoint, config, &ConnectOptions::default()).await.map(|(ws, _)| ws)
            }
        }
    };
}

asynchronous!(
    Tokio,
    sealock_tokio,
    sealock_tokio::TokioRead<sealock_tokio::SocketRead>,
    sealock_tokio::TokioWrite<sealock_tokio::SocketWrite>,
    |future| {
        // One runtime for all: sockets belong to theirs.
        static RUNTIME: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
        RUNTIME.get_or_init(|| tokio::runtime::Runtime::new().unwrap()).block_on(future)
    }
);
asynchronous!(
    Smol,
    sealock_smol,
    sealock_smol::SmolRead<sealock_smol::AnySocket>,
    sealock_smol::SmolWrite<sealock_smol::AnySocket>,
    async_io::block_on
);
