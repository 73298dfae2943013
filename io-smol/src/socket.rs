//! A socket that both halves hold, and TCP and Unix-domain sockets as one type.

use crate::stream::{SmolRead, SmolWrite, halves};
use async_io::{Async, IoSafe};
use futures_io::{AsyncRead, AsyncWrite};
use sealock_net::{SocketOptions, Stream};
use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Half of a socket: the other half may be used on another thread without a lock. Closing it shuts the
/// socket down for writing.
#[derive(Debug)]
pub struct Socket<T> {
    socket: Arc<Async<T>>,
    close: fn(&T) -> io::Result<()>,
}

impl<T> Socket<T> {
    /// The socket.
    pub fn get_ref(&self) -> &Async<T> {
        &self.socket
    }
}

type Halves<T> = (SmolRead<Socket<T>>, SmolWrite<Socket<T>>);

/// The two halves of a TCP connection.
///
/// # Errors
/// If the socket cannot be set up.
pub fn tcp(socket: Async<TcpStream>, options: &SocketOptions) -> io::Result<Halves<TcpStream>> {
    options.apply_tcp(socket.get_ref())?;
    Ok(split(socket, |socket| socket.shutdown(Shutdown::Write)))
}

/// The two halves of a Unix-domain stream.
///
/// # Errors
/// If the socket cannot be set up.
#[cfg(unix)]
pub fn unix(
    socket: Async<std::os::unix::net::UnixStream>,
    options: &SocketOptions,
) -> io::Result<Halves<std::os::unix::net::UnixStream>> {
    options.apply_unix(socket.get_ref())?;
    Ok(split(socket, |socket| socket.shutdown(Shutdown::Write)))
}

fn split<T>(socket: Async<T>, close: fn(&T) -> io::Result<()>) -> Halves<T>
where
    for<'a> &'a T: Read + Write + IoSafe,
{
    let [read, write] = pair(socket, close);
    halves(read, write)
}

fn pair<T>(socket: Async<T>, close: fn(&T) -> io::Result<()>) -> [Socket<T>; 2] {
    let socket = Arc::new(socket);
    [Socket { socket: Arc::clone(&socket), close }, Socket { socket, close }]
}

impl<T> AsyncRead for Socket<T>
where
    for<'a> &'a T: Read + IoSafe,
{
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut &*self.socket).poll_read(cx, buf)
    }
}

impl<T> AsyncWrite for Socket<T>
where
    for<'a> &'a T: Write + IoSafe,
{
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut &*self.socket).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut &*self.socket).poll_write_vectored(cx, pieces)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut &*self.socket).poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match (self.close)((*self.socket).get_ref()) {
            // The peer has closed the whole stream already.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Poll::Ready(Ok(())),
            result => Poll::Ready(result),
        }
    }
}

pub(crate) type Io = (SmolRead<AnySocket>, SmolWrite<AnySocket>);

/// Half of a TCP or Unix-domain socket, so that a connection's type does not depend on its address.
#[derive(Debug)]
pub enum AnySocket {
    /// TCP.
    Tcp(Socket<TcpStream>),
    /// Unix-domain.
    #[cfg(unix)]
    Unix(Socket<std::os::unix::net::UnixStream>),
}

pub(crate) fn from_tcp(socket: Async<TcpStream>, options: &SocketOptions) -> io::Result<Io> {
    options.apply_tcp(socket.get_ref())?;
    let [read, write] = pair(socket, |socket| socket.shutdown(Shutdown::Write));
    Ok(halves(AnySocket::Tcp(read), AnySocket::Tcp(write)))
}

#[cfg(unix)]
pub(crate) fn from_unix(
    socket: Async<std::os::unix::net::UnixStream>,
    options: &SocketOptions,
) -> io::Result<Io> {
    options.apply_unix(socket.get_ref())?;
    let [read, write] = pair(socket, |socket| socket.shutdown(Shutdown::Write));
    Ok(halves(AnySocket::Unix(read), AnySocket::Unix(write)))
}

/// Gives a socket to the reactor.
pub(crate) fn register(stream: Stream) -> io::Result<Io> {
    Ok(match stream {
        Stream::Tcp(stream) => {
            let [read, write] = pair(Async::new(stream)?, |socket| socket.shutdown(Shutdown::Write));
            halves(AnySocket::Tcp(read), AnySocket::Tcp(write))
        }
        #[cfg(unix)]
        Stream::Unix(stream) => {
            let [read, write] = pair(Async::new(stream)?, |socket| socket.shutdown(Shutdown::Write));
            halves(AnySocket::Unix(read), AnySocket::Unix(write))
        }
    })
}

impl AnySocket {
    /// Another handle to the socket.
    pub(crate) fn handle(&self) -> io::Result<Stream> {
        match self {
            Self::Tcp(half) => Stream::of_tcp(half.get_ref().get_ref()),
            #[cfg(unix)]
            Self::Unix(half) => Stream::of_unix(half.get_ref().get_ref()),
        }
    }
}

impl AsyncRead for AnySocket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(socket) => Pin::new(socket).poll_read(cx, buf),
            #[cfg(unix)]
            Self::Unix(socket) => Pin::new(socket).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for AnySocket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(socket) => Pin::new(socket).poll_write(cx, buf),
            #[cfg(unix)]
            Self::Unix(socket) => Pin::new(socket).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(socket) => Pin::new(socket).poll_write_vectored(cx, pieces),
            #[cfg(unix)]
            Self::Unix(socket) => Pin::new(socket).poll_write_vectored(cx, pieces),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(socket) => Pin::new(socket).poll_flush(cx),
            #[cfg(unix)]
            Self::Unix(socket) => Pin::new(socket).poll_flush(cx),
        }
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(socket) => Pin::new(socket).poll_close(cx),
            #[cfg(unix)]
            Self::Unix(socket) => Pin::new(socket).poll_close(cx),
        }
    }
}
