//! Threads and blocking sockets. The futures here block inside their polls.

use super::{Asked, Connection, Runtime, Udp, WebSocket};
use crate::args::Driver;
use anyhow::Result;
use sealock_proto::datagram;
use sealock_proto::drive::{Gate, SessionConnection, SessionError, WsError};
use sealock_proto::resume::ClientTicket;
use sealock_proto::session::Config;
use sealock_proto::ws;
use sealock_std::udp::{self, BindError, StdUdp};
use sealock_std::ws::{ConnectError as WsConnectError, Endpoint, Server};
use sealock_std::{
    Address, ConnectError, ConnectOptions, Incoming, ListenError, ListenOptions, Listener, Service, Socket,
    StdRead, StdWrite, block_on,
};
use std::future::Future;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::panic;
use std::sync::Arc;
use std::thread;

pub(crate) struct Std;

impl Runtime for Std {
    const DRIVER: Driver = Driver::Std;
    type Read = StdRead<Socket>;
    type Write = StdWrite<Socket>;
    type Udp = StdUdp;
    type Listener<S: Service> = Listener<S>;
    type Incoming<S: Service> = Incoming<S>;

    fn run<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
        block_on(future)
    }

    fn spawn(future: impl Future<Output = ()> + Send + 'static) {
        thread::spawn(|| block_on(future));
    }

    async fn both<A: Send, B: Send>(
        a: impl Future<Output = A> + Send,
        b: impl Future<Output = B> + Send,
    ) -> (A, B) {
        thread::scope(|scope| {
            let b = scope.spawn(|| block_on(b));
            let a = block_on(a);
            (a, b.join().unwrap_or_else(|cause| panic::resume_unwind(cause)))
        })
    }

    async fn connect(
        address: &Address,
        config: &Arc<Config>,
        ticket: Option<&ClientTicket>,
    ) -> Result<Connection<Self>, ConnectError> {
        let options = ConnectOptions::default();
        let connected = match ticket {
            Some(ticket) => sealock_std::resume(address, config, ticket, &options),
            None => sealock_std::connect(address, config, &options),
        };
        connected.map(with_futures)
    }

    async fn bind<S: Service>(
        address: &Address,
        service: S,
        options: ListenOptions,
    ) -> Result<Listener<S>, ListenError> {
        Listener::bind(address, service, options)
    }

    fn address<S: Service>(listener: &Listener<S>) -> &Address {
        listener.local_address()
    }

    fn gate<S: Service>(listener: &Listener<S>) -> &Gate {
        listener.gate()
    }

    async fn accept<S: Service>(listener: &Listener<S>) -> io::Result<Incoming<S>> {
        listener.accept()?.ok_or_else(|| ErrorKind::NotConnected.into())
    }

    async fn handshake(incoming: Incoming) -> Result<Connection<Self>, SessionError<io::Error>> {
        incoming.handshake().map(with_futures)
    }

    fn bind_udp(address: SocketAddr, config: &Arc<datagram::Config>) -> Result<Udp<Self>, BindError> {
        udp::bind(address, config).map(udp::Socket::into_inner)
    }

    fn udp_address(socket: &StdUdp) -> io::Result<SocketAddr> {
        socket.local_addr()
    }

    async fn upgrade(
        endpoint: &Endpoint,
        config: &Arc<ws::Config>,
    ) -> Result<WebSocket<Self>, WsConnectError> {
        let (connection, _) = sealock_std::ws::connect(endpoint, config, &ConnectOptions::default())?;
        let (receiver, sender) = connection.split();
        Ok(WebSocket::<Self> { receiver: receiver.into_inner(), sender: sender.into_inner() })
    }

    async fn request(incoming: Incoming<Server>) -> Result<Asked<Self>, WsError<io::Error>> {
        incoming.request().map(sealock_std::ws::Asked::into_inner)
    }
}

/// The same connection with futures instead of methods that block.
fn with_futures(connection: sealock_std::Connection) -> Connection<Std> {
    let (receiver, sender) = connection.split();
    SessionConnection { receiver: receiver.into_inner(), sender: sender.into_inner() }
}
