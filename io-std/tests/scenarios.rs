//! The shared scenarios on blocking sockets, a thread for each task.

use sealock_std::{SocketOptions, StdRead, StdWrite, block_on};
use sealock_tests::scenarios::Runtime;
use std::future::Future;
use std::net::{TcpListener, TcpStream};
use std::thread;

fn spawn<T: Send + 'static>(
    task: impl Future<Output = T> + Send + 'static,
) -> impl Future<Output = T> + Send {
    let thread = thread::spawn(move || block_on(task));
    async move { thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)) }
}

struct Tcp;

impl Runtime for Tcp {
    type Read = StdRead<TcpStream>;
    type Write = StdWrite<TcpStream>;

    async fn pair() -> [(Self::Read, Self::Write); 2] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, _) = listener.accept().unwrap();
        let options =
            SocketOptions::default().with_send_buffer(Some(40_000)).with_receive_buffer(Some(40_000));
        [client, server].map(|stream| sealock_std::tcp(stream, &options).unwrap())
    }

    fn spawn<T: Send + 'static>(
        task: impl Future<Output = T> + Send + 'static,
    ) -> impl Future<Output = T> + Send + 'static {
        spawn(task)
    }
}

sealock_tests::scenarios!(tcp, Tcp, block_on);

#[cfg(unix)]
mod on_unix {
    use super::*;
    use std::os::unix::net::UnixStream;

    pub(super) struct Unix;

    impl Runtime for Unix {
        type Read = StdRead<UnixStream>;
        type Write = StdWrite<UnixStream>;

        async fn pair() -> [(Self::Read, Self::Write); 2] {
            let (a, b) = UnixStream::pair().unwrap();
            [a, b].map(|stream| sealock_std::unix(stream, &SocketOptions::default()).unwrap())
        }

        fn spawn<T: Send + 'static>(
            task: impl Future<Output = T> + Send + 'static,
        ) -> impl Future<Output = T> + Send + 'static {
            spawn(task)
        }
    }

    sealock_tests::scenarios!(unix, Unix, block_on);
}
