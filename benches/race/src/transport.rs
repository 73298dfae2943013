//! What a stack of tokio's runs over: loopback TCP, or a pipe in memory, where no system call hides what a stack costs.

use crate::stack::Result;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, duplex};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Bytes that a pipe holds: about what a loopback socket does.
const PIPE: usize = 256 * 1024;

pub(crate) trait Transport: Clone + Send + 'static {
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;
    type Listener;
    /// As the runtime is called in the table.
    const ON: &'static str;

    async fn bind(&self) -> Result<(Self::Listener, SocketAddr)>;
    async fn accept(&self, listener: &mut Self::Listener) -> Result<Self::Stream>;
    async fn connect(&self, address: SocketAddr) -> Result<Self::Stream>;
}

#[derive(Clone)]
pub(crate) struct Tcp;

impl Transport for Tcp {
    type Stream = TcpStream;
    type Listener = TcpListener;
    const ON: &'static str = "tokio";

    async fn bind(&self) -> Result<(TcpListener, SocketAddr)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    }

    async fn accept(&self, listener: &mut TcpListener) -> Result<TcpStream> {
        let stream = listener.accept().await?.0;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    async fn connect(&self, address: SocketAddr) -> Result<TcpStream> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

#[derive(Clone)]
pub(crate) struct Memory {
    ends: UnboundedSender<DuplexStream>,
    waiting: Arc<Mutex<Option<UnboundedReceiver<DuplexStream>>>>,
}

impl Memory {
    pub(crate) fn new() -> Self {
        let (ends, waiting) = unbounded_channel();
        Self { ends, waiting: Arc::new(Mutex::new(Some(waiting))) }
    }
}

impl Transport for Memory {
    type Stream = DuplexStream;
    type Listener = UnboundedReceiver<DuplexStream>;
    const ON: &'static str = "memory";

    async fn bind(&self) -> Result<(Self::Listener, SocketAddr)> {
        let waiting = self.waiting.lock().map_err(|_| "poisoned")?.take().ok_or("bound already")?;
        Ok((waiting, (Ipv4Addr::UNSPECIFIED, 0).into()))
    }

    async fn accept(&self, listener: &mut Self::Listener) -> Result<DuplexStream> {
        listener.recv().await.ok_or_else(|| "nobody connects any more".into())
    }

    async fn connect(&self, _: SocketAddr) -> Result<DuplexStream> {
        let (here, there) = duplex(PIPE);
        self.ends.send(there)?;
        Ok(here)
    }
}
