//! The three drivers as [`Net`]s.

use sealock_net::{Address, ConnectError, ConnectOptions, ListenError, ListenOptions};
use sealock_proto::backoff::BackoffConfig;
use sealock_proto::limit::AdmissionStats;
use sealock_proto::session::Config;
use sealock_tests::sessions::{Established, Net, Session};
use std::future::Future;
use std::net::TcpStream;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

pub(crate) struct Std;
pub(crate) struct Tokio;
pub(crate) struct Smol;

impl Net for Std {
    type Read = sealock_std::StdRead<sealock_std::Socket>;
    type Write = sealock_std::StdWrite<sealock_std::Socket>;
    type RawRead = sealock_std::StdRead<TcpStream>;
    type RawWrite = sealock_std::StdWrite<TcpStream>;
    type Listener = sealock_std::Listener;
    type Incoming = sealock_std::Incoming;

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        sealock_std::block_on(future)
    }

    fn raw(stream: TcpStream) -> (Self::RawRead, Self::RawWrite) {
        sealock_std::tcp(stream, &sealock_std::SocketOptions::default()).unwrap()
    }

    async fn bind(
        address: &Address,
        config: Arc<Config>,
        options: ListenOptions,
    ) -> Result<Self::Listener, ListenError> {
        sealock_std::Listener::bind(address, config, options)
    }

    fn address(listener: &Self::Listener) -> Address {
        listener.local_address().clone()
    }

    fn stats(listener: &Self::Listener) -> AdmissionStats {
        listener.stats()
    }

    async fn accept(listener: &Self::Listener) -> Self::Incoming {
        listener.accept().unwrap().unwrap()
    }

    async fn handshake(incoming: Self::Incoming) -> Established<Self> {
        incoming.handshake().map(whole)
    }

    async fn connect(
        address: &Address,
        config: &Arc<Config>,
        options: &ConnectOptions,
    ) -> Result<Session<Self>, ConnectError> {
        sealock_std::connect(address, config, options).map(whole)
    }

    async fn reconnect(
        address: Address,
        config: Arc<Config>,
        backoff: BackoffConfig,
        failed: impl FnMut(&ConnectError, Duration) + Send,
    ) -> Result<Session<Self>, ConnectError> {
        sealock_std::Reconnector::new(address, config, backoff).unwrap().connect_with(failed).map(whole)
    }
}

fn whole(connection: sealock_std::Connection) -> Session<Std> {
    let (receiver, sender) = connection.split();
    Session::<Std> { receiver: receiver.into_inner(), sender: sender.into_inner() }
}

macro_rules! asynchronous {
    ($net:ident, $driver:ident, $block_on:expr, $raw:expr, [$($types:tt)*]) => {
        impl Net for $net {
            $($types)*
            type Listener = $driver::Listener;
            type Incoming = $driver::Incoming;

            fn block_on<T>(future: impl Future<Output = T>) -> T {
                $block_on(future)
            }

            fn raw(stream: TcpStream) -> (Self::RawRead, Self::RawWrite) {
                $raw(stream)
            }

            async fn bind(
                address: &Address,
                config: Arc<Config>,
                options: ListenOptions,
            ) -> Result<Self::Listener, ListenError> {
                $driver::Listener::bind(address, config, options).await
            }

            fn address(listener: &Self::Listener) -> Address {
                listener.local_address().clone()
            }

            fn stats(listener: &Self::Listener) -> AdmissionStats {
                listener.stats()
            }

            async fn accept(listener: &Self::Listener) -> Self::Incoming {
                listener.accept().await.unwrap()
            }

            async fn handshake(incoming: Self::Incoming) -> Established<Self> {
                incoming.handshake().await
            }

            async fn connect(
                address: &Address,
                config: &Arc<Config>,
                options: &ConnectOptions,
            ) -> Result<Session<Self>, ConnectError> {
                $driver::connect(address, config, options).await
            }

            async fn reconnect(
                address: Address,
                config: Arc<Config>,
                backoff: BackoffConfig,
                failed: impl FnMut(&ConnectError, Duration) + Send,
            ) -> Result<Session<Self>, ConnectError> {
                $driver::Reconnector::new(address, config, backoff).unwrap().connect_with(failed).await
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
    |stream: TcpStream| {
        stream.set_nonblocking(true).unwrap();
        let stream = tokio::net::TcpStream::from_std(stream).unwrap();
        sealock_tokio::tcp(stream, &sealock_tokio::SocketOptions::default()).unwrap()
    },
    [
        type Read = sealock_tokio::TokioRead<sealock_tokio::SocketRead>;
        type Write = sealock_tokio::TokioWrite<sealock_tokio::SocketWrite>;
        type RawRead = sealock_tokio::TokioRead<tokio::net::tcp::OwnedReadHalf>;
        type RawWrite = sealock_tokio::TokioWrite<tokio::net::tcp::OwnedWriteHalf>;
    ]
);

asynchronous!(
    Smol,
    sealock_smol,
    async_io::block_on,
    |stream: TcpStream| {
        let stream = async_io::Async::new(stream).unwrap();
        sealock_smol::tcp(stream, &sealock_smol::SocketOptions::default()).unwrap()
    },
    [
        type Read = sealock_smol::SmolRead<sealock_smol::AnySocket>;
        type Write = sealock_smol::SmolWrite<sealock_smol::AnySocket>;
        type RawRead = sealock_smol::SmolRead<sealock_smol::Socket<TcpStream>>;
        type RawWrite = sealock_smol::SmolWrite<sealock_smol::Socket<TcpStream>>;
    ]
);
