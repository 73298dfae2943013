//! Tasks on tokio.

use super::{Asked, Connection, Runtime, WebSocket};
use crate::args::Driver;
use anyhow::{Context, Result};
use sealock_proto::drive::{SessionError, WsError};
use sealock_proto::session::Config;
use sealock_proto::ws;
use sealock_tokio::ws::{ConnectError as WsConnectError, Endpoint, Server};
use sealock_tokio::{
    Address, ConnectError, ConnectOptions, Incoming, ListenError, ListenOptions, Listener, Service,
    SocketRead, SocketWrite, TokioRead, TokioWrite,
};
use std::future::Future;
use std::io;
use std::sync::Arc;

pub(crate) struct Tokio;

impl Runtime for Tokio {
    const DRIVER: Driver = Driver::Tokio;
    type Read = TokioRead<SocketRead>;
    type Write = TokioWrite<SocketWrite>;
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

    async fn connect(address: &Address, config: &Arc<Config>) -> Result<Connection<Self>, ConnectError> {
        sealock_tokio::connect(address, config, &ConnectOptions::default()).await
    }

    async fn bind<S: Service>(address: &Address, service: S) -> Result<Listener<S>, ListenError> {
        Listener::bind(address, service, ListenOptions::default()).await
    }

    fn address<S: Service>(listener: &Listener<S>) -> &Address {
        listener.local_address()
    }

    async fn accept<S: Service>(listener: &Listener<S>) -> io::Result<Incoming<S>> {
        listener.accept().await
    }

    async fn handshake(incoming: Incoming) -> Result<Connection<Self>, SessionError<io::Error>> {
        incoming.handshake().await
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
