//! TCP without a cipher, with buffers and a length before each message: the limit.

use crate::stack::{Label, Link, Result, Stack};
use async_io::Async;
use futures_lite::io::{
    AssertAsync, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, BufWriter,
};
use std::net::{Ipv4Addr, SocketAddr};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio_util::compat::{Compat, TokioAsyncReadCompatExt, TokioAsyncWriteCompatExt};

const BUFFER: usize = 64 * 1024;
const ANY: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 0);

pub(crate) struct RawLink<R, W> {
    read: BufReader<R>,
    write: BufWriter<W>,
    message: Vec<u8>,
}

impl<R: AsyncRead, W: AsyncWrite> RawLink<R, W> {
    fn new(read: R, write: W) -> Self {
        let (read, write) = (BufReader::with_capacity(BUFFER, read), BufWriter::with_capacity(BUFFER, write));
        Self { read, write, message: Vec::new() }
    }
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Link for RawLink<R, W> {
    async fn send(&mut self, message: &[u8]) -> Result<()> {
        self.write.write_all(&u32::try_from(message.len())?.to_be_bytes()).await?;
        Ok(self.write.write_all(message).await?)
    }

    async fn flush(&mut self) -> Result<()> {
        Ok(self.write.flush().await?)
    }

    async fn recv<T>(&mut self, look: impl FnOnce(&[u8]) -> T) -> Result<T> {
        let mut length = [0; 4];
        self.read.read_exact(&mut length).await?;
        self.message.resize(u32::from_be_bytes(length).try_into()?, 0);
        self.read.read_exact(&mut self.message).await?;
        Ok(look(&self.message))
    }
}

#[derive(Clone)]
pub(crate) struct Tokio;

fn over_tokio(stream: tokio::net::TcpStream) -> Result<<Tokio as Stack>::Link> {
    stream.set_nodelay(true)?;
    let (read, write) = stream.into_split();
    Ok(RawLink::new(read.compat(), write.compat_write()))
}

impl Stack for Tokio {
    type Link = RawLink<Compat<OwnedReadHalf>, Compat<OwnedWriteHalf>>;
    type Listener = tokio::net::TcpListener;

    fn label(&self) -> Label {
        Label::new("raw TCP", "tokio", "none")
    }

    fn run<T>(future: impl Future<Output = T>) -> T {
        super::block_on(future)
    }

    async fn bind(&self) -> Result<(Self::Listener, SocketAddr)> {
        let listener = tokio::net::TcpListener::bind(ANY).await?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    }

    async fn accept(&self, listener: &mut Self::Listener) -> Result<Self::Link> {
        over_tokio(listener.accept().await?.0)
    }

    async fn connect(&self, address: SocketAddr) -> Result<Self::Link> {
        over_tokio(tokio::net::TcpStream::connect(address).await?)
    }
}

type AsyncStream = Async<std::net::TcpStream>;

#[derive(Clone)]
pub(crate) struct Smol;

fn over_smol(stream: AsyncStream) -> Result<<Smol as Stack>::Link> {
    stream.get_ref().set_nodelay(true)?;
    Ok(RawLink::new(Async::new(stream.get_ref().try_clone()?)?, stream))
}

impl Stack for Smol {
    type Link = RawLink<AsyncStream, AsyncStream>;
    type Listener = Async<std::net::TcpListener>;

    fn label(&self) -> Label {
        Label::new("raw TCP", "smol", "none")
    }

    fn run<T>(future: impl Future<Output = T>) -> T {
        async_io::block_on(future)
    }

    async fn bind(&self) -> Result<(Self::Listener, SocketAddr)> {
        let listener = Async::<std::net::TcpListener>::bind(ANY)?;
        let address = listener.get_ref().local_addr()?;
        Ok((listener, address))
    }

    async fn accept(&self, listener: &mut Self::Listener) -> Result<Self::Link> {
        over_smol(listener.accept().await?.0)
    }

    async fn connect(&self, address: SocketAddr) -> Result<Self::Link> {
        over_smol(AsyncStream::connect(address).await?)
    }
}

type Blocking = AssertAsync<std::net::TcpStream>;

#[derive(Clone)]
pub(crate) struct Std;

fn over_std(stream: std::net::TcpStream) -> Result<<Std as Stack>::Link> {
    stream.set_nodelay(true)?;
    Ok(RawLink::new(AssertAsync::new(stream.try_clone()?), AssertAsync::new(stream)))
}

impl Stack for Std {
    type Link = RawLink<Blocking, Blocking>;
    type Listener = std::net::TcpListener;

    fn label(&self) -> Label {
        Label::new("raw TCP", "std", "none")
    }

    fn run<T>(future: impl Future<Output = T>) -> T {
        futures_lite::future::block_on(future)
    }

    async fn bind(&self) -> Result<(Self::Listener, SocketAddr)> {
        let listener = std::net::TcpListener::bind(ANY)?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    }

    async fn accept(&self, listener: &mut Self::Listener) -> Result<Self::Link> {
        over_std(listener.accept()?.0)
    }

    async fn connect(&self, address: SocketAddr) -> Result<Self::Link> {
        over_std(std::net::TcpStream::connect(address)?)
    }
}
