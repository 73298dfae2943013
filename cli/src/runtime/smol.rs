//! Tasks on smol.

use super::{Connection, Runtime};
use crate::args::Driver;
use anyhow::Result;
use async_executor::Executor;
use sealock_proto::drive::SessionError;
use sealock_proto::session::Config;
use sealock_smol::{
    Address, AnySocket, ConnectError, ConnectOptions, Incoming, ListenError, ListenOptions, Listener,
    SmolRead, SmolWrite,
};
use std::future::Future;
use std::io;
use std::sync::Arc;

static EXECUTOR: Executor<'static> = Executor::new();

pub(crate) struct Smol;

impl Runtime for Smol {
    const DRIVER: Driver = Driver::Smol;
    type Read = SmolRead<AnySocket>;
    type Write = SmolWrite<AnySocket>;
    type Listener = Listener;
    type Incoming = Incoming;

    fn run<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
        async_io::block_on(EXECUTOR.run(future))
    }

    fn spawn(future: impl Future<Output = ()> + Send + 'static) {
        EXECUTOR.spawn(future).detach();
    }

    async fn both<A: Send, B: Send>(
        a: impl Future<Output = A> + Send,
        b: impl Future<Output = B> + Send,
    ) -> (A, B) {
        futures_lite::future::zip(a, b).await
    }

    async fn connect(address: &Address, config: &Arc<Config>) -> Result<Connection<Self>, ConnectError> {
        sealock_smol::connect(address, config, &ConnectOptions::default()).await
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
