//! What drivers hand over and restore alike: a socket without a runtime, and errors that leave it in the caller's hands.

use crate::seed;
use sealock_proto::drive::{HandOverError, NotHandedOver};
use sealock_proto::entropy::Seed;
use sealock_proto::session::{RestoreError, Restored};
use socket2::SockRef;
use std::error::Error;
use std::fmt;
use std::io;
use std::net::TcpStream;
#[cfg(unix)]
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
#[cfg(unix)]
use std::os::unix::net::UnixStream;

/// A connected socket that no runtime has, to be passed to another process or come from one. Whether it blocks, and its time
/// limits, are as its last user left them; a driver sets what it needs.
#[derive(Debug)]
pub enum Stream {
    /// TCP.
    Tcp(TcpStream),
    /// Unix-domain.
    #[cfg(unix)]
    Unix(UnixStream),
}

impl Stream {
    /// Another handle to a TCP socket of any runtime.
    ///
    /// # Errors
    /// If the system has none to give.
    pub fn of_tcp<'s, S>(socket: &'s S) -> io::Result<Self>
    where
        SockRef<'s>: From<&'s S>,
    {
        Ok(Self::Tcp(SockRef::from(socket).try_clone()?.into()))
    }

    /// Another handle to a Unix-domain socket of any runtime.
    ///
    /// # Errors
    /// If the system has none to give.
    #[cfg(unix)]
    pub fn of_unix<'s, S>(socket: &'s S) -> io::Result<Self>
    where
        SockRef<'s>: From<&'s S>,
    {
        Ok(Self::Unix(OwnedFd::from(SockRef::from(socket).try_clone()?).into()))
    }

    fn try_clone(&self) -> io::Result<Self> {
        match self {
            Self::Tcp(stream) => stream.try_clone().map(Self::Tcp),
            #[cfg(unix)]
            Self::Unix(stream) => stream.try_clone().map(Self::Unix),
        }
    }
}

impl From<TcpStream> for Stream {
    fn from(stream: TcpStream) -> Self {
        Self::Tcp(stream)
    }
}

#[cfg(unix)]
impl From<UnixStream> for Stream {
    fn from(stream: UnixStream) -> Self {
        Self::Unix(stream)
    }
}

#[cfg(unix)]
impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(stream) => stream.as_fd(),
            Self::Unix(stream) => stream.as_fd(),
        }
    }
}

#[cfg(unix)]
impl From<Stream> for OwnedFd {
    fn from(stream: Stream) -> Self {
        match stream {
            Stream::Tcp(stream) => stream.into(),
            Stream::Unix(stream) => stream.into(),
        }
    }
}

/// Why a session does not go on.
#[non_exhaustive]
#[derive(Debug)]
pub enum NoRestore {
    /// The snapshot is not restored.
    Session(RestoreError),
    /// The system has no entropy, or no handle for the stream.
    Io(io::Error),
}

impl fmt::Display for NoRestore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session(error) => error.fmt(f),
            Self::Io(error) => write!(f, "the session cannot be put on the stream: {error}"),
        }
    }
}

/// The stream as it was, and why no session goes on with it. Nothing was read from it or written to it.
#[derive(Debug)]
pub struct NotRestored {
    /// For another try, or to be closed.
    pub stream: Stream,
    /// Why.
    pub error: NoRestore,
}

impl fmt::Display for NotRestored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl Error for NotRestored {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.error {
            NoRestore::Session(_) => None,
            // The cause itself is part of the text.
            NoRestore::Io(error) => error.source(),
        }
    }
}

/// What handing `session` over takes besides: a handle to its socket that stays, and a seed.
///
/// # Errors
/// The session, if the system has none to give.
pub fn prepare<C>(
    session: C,
    handle: impl FnOnce(&C) -> io::Result<Stream>,
) -> Result<(C, Stream, Seed), NotHandedOver<C>> {
    match handle(&session).and_then(|stream| Ok((stream, seed()?))) {
        Ok((stream, seed)) => Ok((session, stream, seed)),
        Err(error) => Err(NotHandedOver::new(session, HandOverError::Io(error))),
    }
}

/// Registers `stream` with a runtime and then restores. All that can fail comes before the session is claimed, and leaves
/// the stream.
///
/// # Errors
/// The stream and the reason.
pub fn restore<T>(
    stream: Stream,
    register: impl FnOnce(Stream) -> io::Result<T>,
    restore: impl FnOnce(&Seed) -> Result<Restored, RestoreError>,
) -> Result<(Restored, T), NotRestored> {
    let prepared = stream.try_clone().and_then(register).and_then(|io| Ok((io, seed()?)));
    let restored = match prepared {
        Ok((io, seed)) => restore(&seed).map(|restored| (restored, io)).map_err(NoRestore::Session),
        Err(error) => Err(NoRestore::Io(error)),
    };
    restored.map_err(|error| NotRestored { stream, error })
}
