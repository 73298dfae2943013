//! The shared scenarios on tokio: TCP, Unix-domain and any other stream.

use sealock_tests::scenarios::Runtime;
use sealock_tokio::{SocketOptions, TokioRead, TokioWrite};
use std::future::Future;
use tokio::io::{DuplexStream, ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};

fn spawn<T: Send + 'static>(
    task: impl Future<Output = T> + Send + 'static,
) -> impl Future<Output = T> + Send {
    let handle = tokio::spawn(task);
    async move { handle.await.unwrap() }
}

fn block_on<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(test)
}

fn block_on_one_thread<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test)
}

macro_rules! runtime {
    ($runtime:ident, $read:ty, $write:ty, $pair:expr) => {
        struct $runtime;

        impl Runtime for $runtime {
            type Read = TokioRead<$read>;
            type Write = TokioWrite<$write>;

            async fn pair() -> [(Self::Read, Self::Write); 2] {
                $pair
            }

            fn spawn<T: Send + 'static>(
                task: impl Future<Output = T> + Send + 'static,
            ) -> impl Future<Output = T> + Send + 'static {
                spawn(task)
            }
        }
    };
}

runtime!(Tcp, tokio::net::tcp::OwnedReadHalf, tokio::net::tcp::OwnedWriteHalf, {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (server, _) = listener.accept().await.unwrap();
    [client, server].map(|stream| sealock_tokio::tcp(stream, &SocketOptions::default()).unwrap())
});

#[cfg(unix)]
runtime!(Unix, tokio::net::unix::OwnedReadHalf, tokio::net::unix::OwnedWriteHalf, {
    let (a, b) = tokio::net::UnixStream::pair().unwrap();
    [a, b].map(|stream| sealock_tokio::unix(stream, &SocketOptions::default()).unwrap())
});

runtime!(Any, ReadHalf<DuplexStream>, WriteHalf<DuplexStream>, {
    let (a, b) = tokio::io::duplex(1000);
    [a, b].map(sealock_tokio::stream)
});

sealock_tests::scenarios!(tcp, Tcp, block_on);
sealock_tests::scenarios!(tcp_on_one_thread, Tcp, block_on_one_thread);
#[cfg(unix)]
sealock_tests::scenarios!(unix, Unix, block_on);
sealock_tests::scenarios!(any_stream, Any, block_on, [echo, burst_both_ways, truncation_is_an_error]);
