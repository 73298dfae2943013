//! The three drivers.

use sealock_tests::driver::Driver;
use std::future::Future;
use std::net::TcpStream;
use std::sync::OnceLock;

pub(crate) struct Std;
pub(crate) struct Tokio;
pub(crate) struct Smol;

impl Driver for Std {
    type Read = sealock_std::StdRead<sealock_std::Socket>;
    type Write = sealock_std::StdWrite<sealock_std::Socket>;
    type RawRead = sealock_std::StdRead<TcpStream>;
    type RawWrite = sealock_std::StdWrite<TcpStream>;

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        sealock_std::block_on(future)
    }

    fn raw(stream: TcpStream) -> (Self::RawRead, Self::RawWrite) {
        sealock_std::tcp(stream, &sealock_std::SocketOptions::default()).unwrap()
    }
}

impl Driver for Tokio {
    type Read = sealock_tokio::TokioRead<sealock_tokio::SocketRead>;
    type Write = sealock_tokio::TokioWrite<sealock_tokio::SocketWrite>;
    type RawRead = sealock_tokio::TokioRead<tokio::net::tcp::OwnedReadHalf>;
    type RawWrite = sealock_tokio::TokioWrite<tokio::net::tcp::OwnedWriteHalf>;

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        // One runtime for all: sockets belong to theirs.
        static RUNTIME: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
        RUNTIME.get_or_init(|| tokio::runtime::Runtime::new().unwrap()).block_on(future)
    }

    fn raw(stream: TcpStream) -> (Self::RawRead, Self::RawWrite) {
        stream.set_nonblocking(true).unwrap();
        let stream = tokio::net::TcpStream::from_std(stream).unwrap();
        sealock_tokio::tcp(stream, &sealock_tokio::SocketOptions::default()).unwrap()
    }
}

impl Driver for Smol {
    type Read = sealock_smol::SmolRead<sealock_smol::AnySocket>;
    type Write = sealock_smol::SmolWrite<sealock_smol::AnySocket>;
    type RawRead = sealock_smol::SmolRead<sealock_smol::Socket<TcpStream>>;
    type RawWrite = sealock_smol::SmolWrite<sealock_smol::Socket<TcpStream>>;

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        async_io::block_on(future)
    }

    fn raw(stream: TcpStream) -> (Self::RawRead, Self::RawWrite) {
        let stream = async_io::Async::new(stream).unwrap();
        sealock_smol::tcp(stream, &sealock_smol::SocketOptions::default()).unwrap()
    }
}
