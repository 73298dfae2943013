//! Tasks on tokio.

use super::{Connection, Runtime};
use crate::args::Driver;
use anyhow::{Context, Result};
use sealock_proto::drive::SessionError;
use sealock_proto::session::Config;
use sealock_tokio::{
    Address, ConnectError, ConnectOptions, Incoming, ListenError, ListenOptions, Listener, SocketRead,
    SocketWrite, TokioRead, TokioWrite,
};
use std::future::Future;
use std::io;
use std::sync::Arc;

pub(crate) struct Tokio;

impl Runtime for Tokio {
    const DRIVER: Driver = Driver::Tokio;
    type Read = TokioRead<SocketRead>;
    type Write = TokioWrite<SocketWrite>;
    type Listener = Listener;
    type Incoming = Incoming;

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

    async fn bind(address: &Address, config: Arc<Config>) -> Result<Listener, ListenError> {
        Listener::bind(address, config, ListenOptions::default()).await
    }

    fn address(listener: &Listener) -> &Address {
        listener.local_address()
    }

    async fn accept(listener: &Listener) -> io::Result<Incoming> {
        listener.accept().await
    }

    async fn handshake(incoming: Incoming) -> Result<Connection<Self>, SessionError<io::Error>> {
        incoming.handshake().await
    }
}
