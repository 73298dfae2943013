//! The three drivers behind one trait, so that every command is written once.

mod smol;
mod std;

mod tokio;

pub(crate) use self::smol::Smol;

pub(crate) use self::std::Std;
pub(crate) use self::tokio::Tokio;

use crate::args::Driver;
use ::std::future::Future;
use ::std::io;
use ::std::net::SocketAddr;
use ::std::sync::Arc;
use anyhow::Result;
use sealock_proto::datagram;
use sealock_proto::drive::{
    DatagramIo, Datagrams, Gate, ReadIo, SessionConnection, SessionError, WriteIo, WsConnection, WsError,
    WsIncoming,
};
use sealock_proto::resume::ClientTicket;
use sealock_proto::session::Config;
use sealock_proto::ws;
use sealock_tokio::udp::BindError;
use sealock_tokio::ws::{ConnectError as WsConnectError, Endpoint, Server};
use sealock_tokio::{Address, ConnectError, ListenError, ListenOptions, Service};

/// A session on a runtime's sockets.
pub(crate) type Connection<R> = SessionConnection<<R as Runtime>::Read, <R as Runtime>::Write>;
/// A WebSocket connection on a runtime's sockets.
pub(crate) type WebSocket<R> = WsConnection<<R as Runtime>::Read, <R as Runtime>::Write>;
/// Datagram sessions on a runtime's socket.
pub(crate) type Udp<R> = Datagrams<datagram::Endpoint, <R as Runtime>::Udp>;
/// A request for one that waits for an answer.
pub(crate) type Asked<R> = WsIncoming<<R as Runtime>::Read, <R as Runtime>::Write>;

/// A driver, with what a program needs of a runtime besides.
pub(crate) trait Runtime: 'static {
    /// Which it is.
    const DRIVER: Driver;
    type Read: ReadIo<Error = io::Error> + Send + 'static;
    type Write: WriteIo<Error = io::Error> + Send + 'static;
    /// A UDP socket.
    type Udp: DatagramIo<Error = io::Error> + Send + 'static;
    type Listener<S: Service>: Send + Sync + 'static;
    /// A stream accepted, before its handshake.
    type Incoming<S: Service>: Send + 'static;

    /// Runs `future` to its end on the calling thread.
    fn run<T>(future: impl Future<Output = Result<T>>) -> Result<T>;

    /// Runs `future` besides the one that is run. Only within [`Runtime::run`].
    fn spawn(future: impl Future<Output = ()> + Send + 'static);

    /// Runs two futures at once to their ends.
    fn both<A: Send, B: Send>(
        a: impl Future<Output = A> + Send,
        b: impl Future<Output = B> + Send,
    ) -> impl Future<Output = (A, B)> + Send;

    fn connect(
        address: &Address,
        config: &Arc<Config>,
        ticket: Option<&ClientTicket>,
    ) -> impl Future<Output = Result<Connection<Self>, ConnectError>> + Send;

    fn bind<S: Service>(
        address: &Address,
        service: S,
        options: ListenOptions,
    ) -> impl Future<Output = Result<Self::Listener<S>, ListenError>> + Send;

    /// Where it listens, with the port the system chose.
    fn address<S: Service>(listener: &Self::Listener<S>) -> &Address;

    /// Its admission and guard.
    fn gate<S: Service>(listener: &Self::Listener<S>) -> &Gate;

    fn accept<S: Service>(
        listener: &Self::Listener<S>,
    ) -> impl Future<Output = io::Result<Self::Incoming<S>>> + Send;

    fn handshake(
        incoming: Self::Incoming<Arc<Config>>,
    ) -> impl Future<Output = Result<Connection<Self>, SessionError<io::Error>>> + Send;

    /// Binds a UDP socket.
    fn bind_udp(address: SocketAddr, config: &Arc<datagram::Config>) -> Result<Udp<Self>, BindError>;

    /// Where it is bound.
    fn udp_address(socket: &Self::Udp) -> io::Result<SocketAddr>;

    /// Connects and asks for a WebSocket.
    fn upgrade(
        endpoint: &Endpoint,
        config: &Arc<ws::Config>,
    ) -> impl Future<Output = Result<WebSocket<Self>, WsConnectError>> + Send;

    /// Reads a client's request for a WebSocket.
    fn request(
        incoming: Self::Incoming<Server>,
    ) -> impl Future<Output = Result<Asked<Self>, WsError<io::Error>>> + Send;
}

/// Calls a function that is generic in its runtime for the driver chosen.
macro_rules! with_runtime {
    ($driver:expr, $function:ident :: $run:ident ( $($argument:expr),* )) => {
        match $driver {
            $crate::args::Driver::Tokio => $function::$run::<$crate::runtime::Tokio>($($argument),*),
            $crate::args::Driver::Smol => $function::$run::<$crate::runtime::Smol>($($argument),*),
            $crate::args::Driver::Std => $function::$run::<$crate::runtime::Std>($($argument),*),
        }
    };
}
pub(crate) use with_runtime;
