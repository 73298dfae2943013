//! The shared scenarios on async-io: TCP, Unix-domain and any other stream.

use async_executor::Executor;
use async_io::Async;
use futures_lite::io::{ReadHalf, WriteHalf};
use sealock_smol::{SmolRead, SmolWrite, Socket, SocketOptions};
use sealock_tests::scenarios::Runtime;
use std::future::Future;
use std::net::{TcpListener, TcpStream};
use std::thread;

static EXECUTOR: Executor<'static> = Executor::new();

/// Two threads run the tasks, one of them this one. The test is a task too: it is polled only when woken.
fn block_on<T: Send + 'static>(test: impl Future<Output = T> + Send + 'static) -> T {
    static WORKER: std::sync::Once = std::sync::Once::new();
    WORKER.call_once(|| {
        thread::spawn(|| async_io::block_on(EXECUTOR.run(std::future::pending::<()>())));
    });
    async_io::block_on(EXECUTOR.run(EXECUTOR.spawn(test)))
}

macro_rules! runtime {
    ($runtime:ident, $read:ty, $write:ty, $pair:expr) => {
        struct $runtime;

        impl Runtime for $runtime {
            type Read = SmolRead<$read>;
            type Write = SmolWrite<$write>;

            async fn pair() -> [(Self::Read, Self::Write); 2] {
                $pair
            }

            fn spawn<T: Send + 'static>(
                task: impl Future<Output = T> + Send + 'static,
            ) -> impl Future<Output = T> + Send + 'static {
                EXECUTOR.spawn(task)
            }
        }
    };
}

fn sockets() -> [Async<TcpStream>; 2] {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (server, _) = listener.accept().unwrap();
    [client, server].map(|stream| Async::new(stream).unwrap())
}

runtime!(
    Tcp,
    Socket<TcpStream>,
    Socket<TcpStream>,
    sockets().map(|socket| sealock_smol::tcp(socket, &SocketOptions::default()).unwrap())
);

#[cfg(unix)]
runtime!(Unix, Socket<std::os::unix::net::UnixStream>, Socket<std::os::unix::net::UnixStream>, {
    let (a, b) = Async::<std::os::unix::net::UnixStream>::pair().unwrap();
    [a, b].map(|socket| sealock_smol::unix(socket, &SocketOptions::default()).unwrap())
});

runtime!(Any, ReadHalf<Async<TcpStream>>, WriteHalf<Async<TcpStream>>, {
    sockets().map(|socket| {
        let (read, write) = futures_lite::io::split(socket);
        sealock_smol::halves(read, write)
    })
});

sealock_tests::scenarios!(tcp, Tcp, block_on);
#[cfg(unix)]
sealock_tests::scenarios!(unix, Unix, block_on);
sealock_tests::scenarios!(
    any_stream,
    Any,
    block_on,
    [echo, burst_both_ways, throttling_waits_without_spinning]
);
