//! TCP and Unix-domain sockets as one type, so that a connection's type does not depend on its address.

use crate::stream::{StdRead, StdWrite, Timeouts, halves};
use sealock_net::{SocketOptions, Stream};
use std::io::{self, IoSlice, Read, Write};
use std::net::TcpStream;
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

pub(crate) type Io = (StdRead<Socket>, StdWrite<Socket>);

/// A TCP or Unix-domain socket, which both halves hold: a connection takes one file of the system's.
#[derive(Debug)]
pub enum Socket {
    /// TCP.
    Tcp(Arc<TcpStream>),
    /// Unix-domain.
    #[cfg(unix)]
    Unix(Arc<UnixStream>),
}

macro_rules! either {
    ($self:expr, $socket:ident => $call:expr) => {
        match $self {
            Self::Tcp($socket) => $call,
            #[cfg(unix)]
            Self::Unix($socket) => $call,
        }
    };
}

pub(crate) fn from_tcp(stream: TcpStream, options: &SocketOptions) -> io::Result<Io> {
    options.apply_tcp(&stream)?;
    let stream = Arc::new(stream);
    halves(Socket::Tcp(Arc::clone(&stream)), Socket::Tcp(stream))
}

#[cfg(unix)]
pub(crate) fn from_unix(stream: UnixStream, options: &SocketOptions) -> io::Result<Io> {
    options.apply_unix(&stream)?;
    let stream = Arc::new(stream);
    halves(Socket::Unix(Arc::clone(&stream)), Socket::Unix(stream))
}

/// Has a socket block, as this driver needs it.
pub(crate) fn register(stream: Stream) -> io::Result<Io> {
    match stream {
        Stream::Tcp(stream) => {
            stream.set_nonblocking(false)?;
            let stream = Arc::new(stream);
            halves(Socket::Tcp(Arc::clone(&stream)), Socket::Tcp(stream))
        }
        #[cfg(unix)]
        Stream::Unix(stream) => {
            stream.set_nonblocking(false)?;
            let stream = Arc::new(stream);
            halves(Socket::Unix(Arc::clone(&stream)), Socket::Unix(stream))
        }
    }
}

impl Socket {
    /// Another handle to the socket.
    pub(crate) fn handle(&self) -> io::Result<Stream> {
        match self {
            Self::Tcp(socket) => Stream::of_tcp(&**socket),
            #[cfg(unix)]
            Self::Unix(socket) => Stream::of_unix(&**socket),
        }
    }
}

impl Read for Socket {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        either!(self, socket => (&**socket).read(buf))
    }
}

impl Write for Socket {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        either!(self, socket => (&**socket).write(buf))
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        either!(self, socket => (&**socket).write_vectored(pieces))
    }

    fn flush(&mut self) -> io::Result<()> {
        either!(self, socket => (&**socket).flush())
    }
}

impl Timeouts for Socket {
    fn set_read_timeout(&self, timeout: Duration) -> io::Result<()> {
        either!(self, socket => Timeouts::set_read_timeout(&**socket, timeout))
    }

    fn set_write_timeout(&self, timeout: Duration) -> io::Result<()> {
        either!(self, socket => Timeouts::set_write_timeout(&**socket, timeout))
    }

    fn close_write(&self) -> io::Result<()> {
        either!(self, socket => Timeouts::close_write(&**socket))
    }
}
