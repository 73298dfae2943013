//! TCP and Unix-domain sockets as one type, so that a connection's type does not depend on its address.

use crate::stream::{TokioRead, TokioWrite, halves};
use sealock_net::{SocketOptions, Stream};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, tcp};
#[cfg(unix)]
use tokio::net::{UnixStream, unix};

pub(crate) type Io = (TokioRead<SocketRead>, TokioWrite<SocketWrite>);

/// The reading half of a socket.
#[derive(Debug)]
pub enum SocketRead {
    /// TCP.
    Tcp(tcp::OwnedReadHalf),
    /// Unix-domain.
    #[cfg(unix)]
    Unix(unix::OwnedReadHalf),
}

/// The writing half of a socket.
#[derive(Debug)]
pub enum SocketWrite {
    /// TCP.
    Tcp(tcp::OwnedWriteHalf),
    /// Unix-domain.
    #[cfg(unix)]
    Unix(unix::OwnedWriteHalf),
}

pub(crate) fn from_tcp(stream: TcpStream, options: &SocketOptions) -> io::Result<Io> {
    options.apply_tcp(&stream)?;
    Ok(Whole::Tcp(stream).halves())
}

#[cfg(unix)]
pub(crate) fn from_unix(stream: UnixStream, options: &SocketOptions) -> io::Result<Io> {
    options.apply_unix(&stream)?;
    Ok(Whole::Unix(stream).halves())
}

impl SocketRead {
    /// Another handle to the socket.
    pub(crate) fn handle(&self) -> io::Result<Stream> {
        match self {
            Self::Tcp(half) => Stream::of_tcp::<TcpStream>(half.as_ref()),
            #[cfg(unix)]
            Self::Unix(half) => Stream::of_unix::<UnixStream>(half.as_ref()),
        }
    }
}

impl SocketWrite {
    /// Drops this half and leaves the socket open.
    pub(crate) fn forget(self) {
        match self {
            Self::Tcp(half) => half.forget(),
            #[cfg(unix)]
            Self::Unix(half) => half.forget(),
        }
    }
}

/// A socket that is not split: dropping it does not shut it down.
pub(crate) enum Whole {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

impl Whole {
    pub(crate) fn register(stream: Stream) -> io::Result<Self> {
        match stream {
            Stream::Tcp(stream) => {
                stream.set_nonblocking(true)?;
                TcpStream::from_std(stream).map(Self::Tcp)
            }
            #[cfg(unix)]
            Stream::Unix(stream) => {
                stream.set_nonblocking(true)?;
                UnixStream::from_std(stream).map(Self::Unix)
            }
        }
    }

    pub(crate) fn halves(self) -> Io {
        match self {
            Self::Tcp(stream) => {
                let (read, write) = stream.into_split();
                halves(SocketRead::Tcp(read), SocketWrite::Tcp(write))
            }
            #[cfg(unix)]
            Self::Unix(stream) => {
                let (read, write) = stream.into_split();
                halves(SocketRead::Unix(read), SocketWrite::Unix(write))
            }
        }
    }
}

impl AsyncRead for SocketRead {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(half) => Pin::new(half).poll_read(cx, buf),
            #[cfg(unix)]
            Self::Unix(half) => Pin::new(half).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for SocketWrite {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(half) => Pin::new(half).poll_write(cx, buf),
            #[cfg(unix)]
            Self::Unix(half) => Pin::new(half).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(half) => Pin::new(half).poll_write_vectored(cx, pieces),
            #[cfg(unix)]
            Self::Unix(half) => Pin::new(half).poll_write_vectored(cx, pieces),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Tcp(half) => half.is_write_vectored(),
            #[cfg(unix)]
            Self::Unix(half) => half.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(half) => Pin::new(half).poll_flush(cx),
            #[cfg(unix)]
            Self::Unix(half) => Pin::new(half).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(half) => Pin::new(half).poll_shutdown(cx),
            #[cfg(unix)]
            Self::Unix(half) => Pin::new(half).poll_shutdown(cx),
        }
    }
}
