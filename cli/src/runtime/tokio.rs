//! Tasks on tokio.

use super::{Asked, Connection, Runtime, Udp, WebSocket};
use crate::args::Driver;
use anyhow::{Context, Result};
use sealock_proto::datagram;
use sealock_proto::drive::{Gate, SessionError, WsError};
use sealock_proto::resume::ClientTicket;
use sealock_proto::session::Config;
use sealock_proto::ws;
use sealock_tokio::udp::{self, BindError, TokioUdp};
use sealock_tokio::ws::{ConnectError as WsConnectError, Endpoint, Server};
use sealock_tokio::{
    Address, ConnectError, ConnectOptions, Incoming, ListenError, ListenOptions, Listener, Service,
    SocketRead, SocketWrite, TokioRead, TokioWrite,
};
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

pub(crate) struct Tokio;

impl Runtime for Tokio {
    const DRIVER: Driver = Driver::Tokio;
    type Read = TokioRead<SocketRead>;
    type Write = TokioWrite<SocketWrite>;
    type Udp = TokioUdp;
    type Listener<S: Service> = Listener<S>;
    type Incoming<S: Service> = Incoming<S>;

    fn run<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.context("the system has no room for a runtime")?.block_on(future)
    }

    fn spawn(future: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(future);
    }

    async fn both<A: Send, B: Send>(
        a: impl Future<Output = A> + Send,
        b: impl Future<Output = B> + Send,
    ) -> (A, B) {
        futures_lite::future::zip(a, b).await
    }

    async fn connect(
        address: &Address,
        config: &Arc<Config>,
        ticket: Option<&ClientTicket>,
    ) -> Result<Connection<Self>, ConnectError> {
        let options = ConnectOptions::default();
        match ticket {
            Some(ticket) => sealock_tokio::resume(address, config, ticket, &options).await,
            None => sealock_tokio::connect(address, config, &options).await,
        }
    }

    async fn bind<S: Service>(
        address: &Address,
        service: S,
        options: ListenOptions,
    ) -> Result<Listener<S>, ListenError> {
        Listener::bind(address, service, options).await
    }

    fn address<S: Service>(listener: &Listener<S>) -> &Address {
        listener.local_address()
    }

    fn gate<S: Service>(listener: &Listener<S>) -> &Gate {
        listener.gate()
    }

    async fn accept<S: Service>(listener: &Listener<S>) -> io::Result<Incoming<S>> {
        listener.accept().await
    }

    async fn handshake(incoming: Incoming) -> Result<Connection<Self>, SessionError<io::Error>> {
        incoming.handshake().await
    }

    fn bind_udp(address: SocketAddr, config: &Arc<datagram::Config>) -> Result<Udp<Self>, BindError> {
        udp::bind(address, config)
    }

    fn udp_address(socket: &TokioUdp) -> io::Result<SocketAddr> {
        socket.local_addr()
    }

    async fn upgrade(
        endpoint: &Endpoint,
        config: &Arc<ws::Config>,
    ) -> Result<WebSocket<Self>, WsConnectError> {
        let connected = sealock_tokio::ws::connect(endpoint, config, &ConnectOptions::default()).await;
        connected.map(|(connection, _)| connection)
    }

    async fn request(incoming: Incoming<Server>) -> Result<Asked<Self>, WsError<io::Error>> {
        incoming.request().await
    }
}
