//! Threads and blocking sockets. The futures here block inside their polls.

use super::{Connection, Runtime};
use crate::args::Driver;
use anyhow::Result;
use sealock_proto::drive::{SessionConnection, SessionError};
use sealock_proto::session::Config;
use sealock_std::{
    Address, ConnectError, ConnectOptions, Incoming, ListenError, ListenOptions, Listener, Socket, StdRead,
    StdWrite, block_on,
};
use std::future::Future;
use std::io::{self, ErrorKind};
use std::panic;
use std::sync::Arc;
use std::thread;

pub(crate) struct Std;

impl Runtime for Std {
    const DRIVER: Driver = Driver::Std;
    type Read = StdRead<Socket>;
    type Write = StdWrite<Socket>;
    type Listener = Listener;
    type Incoming = Incoming;

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

    async fn connect(address: &Address, config: &Arc<Config>) -> Result<Connection<Self>, ConnectError> {
        sealock_std::connect(address, config, &ConnectOptions::default()).map(with_futures)
    }

    async fn bind(address: &Address, config: Arc<Config>) -> Result<Listener, ListenError> {
        Listener::bind(address, config, ListenOptions::default())
    }

    fn address(listener: &Listener) -> &Address {
        listener.local_address()
    }

    async fn accept(listener: &Listener) -> io::Result<Incoming> {
        listener.accept()?.ok_or_else(|| ErrorKind::NotConnected.into())
    }

    async fn handshake(incoming: Incoming) -> Result<Connection<Self>, SessionError<io::Error>> {
        incoming.handshake().map(with_futures)
    }
}

/// The same connection with futures instead of methods that block.
fn with_futures(connection: sealock_std::Connection) -> Connection<Std> {
    let (receiver, sender) = connection.split();
    SessionConnection { receiver: receiver.into_inner(), sender: sender.into_inner() }
}
