//! Tokio's streams behind the driver's traits.

use crate::timer::{Timer, now};
use sealock_net::{SocketOptions, unix_now};
use sealock_proto::drive::{ReadIo, WriteIo};
use sealock_proto::time::Instant;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf, ReadHalf, WriteHalf};
use tokio::net::{TcpStream, tcp as tcp_half};

/// The two halves of a TCP connection.
///
/// # Errors
/// If the socket cannot be set up.
pub fn tcp(
    stream: TcpStream,
    options: &SocketOptions,
) -> io::Result<(TokioRead<tcp_half::OwnedReadHalf>, TokioWrite<tcp_half::OwnedWriteHalf>)> {
    options.apply_tcp(&stream)?;
    let (read, write) = stream.into_split();
    Ok(halves(read, write))
}

/// The two halves of a Unix-domain stream.
///
/// # Errors
/// If the socket cannot be set up.
#[cfg(unix)]
pub fn unix(
    stream: tokio::net::UnixStream,
    options: &SocketOptions,
) -> io::Result<(TokioRead<tokio::net::unix::OwnedReadHalf>, TokioWrite<tokio::net::unix::OwnedWriteHalf>)> {
    options.apply_unix(&stream)?;
    let (read, write) = stream.into_split();
    Ok(halves(read, write))
}

/// The two halves of any stream. They share a lock of tokio's; use [`halves`] where the stream can be
/// split without.
pub fn stream<T: AsyncRead + AsyncWrite + Unpin>(
    stream: T,
) -> (TokioRead<ReadHalf<T>>, TokioWrite<WriteHalf<T>>) {
    let (read, write) = tokio::io::split(stream);
    halves(read, write)
}

/// Two halves that are split already.
pub fn halves<R, W>(read: R, write: W) -> (TokioRead<R>, TokioWrite<W>)
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    (
        TokioRead { stream: read, timer: Timer::default() },
        TokioWrite { stream: write, timer: Timer::default() },
    )
}

/// The reading half of a stream, with the connection's timer.
#[derive(Debug)]
pub struct TokioRead<R> {
    stream: R,
    timer: Timer,
}

impl<R> TokioRead<R> {
    /// The stream.
    pub const fn get_ref(&self) -> &R {
        &self.stream
    }

    /// The stream.
    pub fn into_inner(self) -> R {
        self.stream
    }
}

impl<R: AsyncRead + Unpin> ReadIo for TokioRead<R> {
    type Error = io::Error;

    fn now(&self) -> Instant {
        now()
    }

    fn unix(&self) -> Option<Duration> {
        unix_now()
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>, deadline: Option<Instant>) -> Poll<()> {
        self.timer.poll(cx, deadline)
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut buf = ReadBuf::new(buf);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buf))?;
        Poll::Ready(Ok(buf.filled().len()))
    }
}

/// The writing half of a stream.
#[derive(Debug)]
pub struct TokioWrite<W> {
    stream: W,
    /// Costs nothing before its first use.
    timer: Timer,
}

impl<W> TokioWrite<W> {
    /// The stream.
    pub fn into_inner(self) -> W {
        self.stream
    }
}

impl<W: AsyncWrite + Unpin> WriteIo for TokioWrite<W> {
    type Error = io::Error;

    fn now(&self) -> Instant {
        now()
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        self.timer.poll(cx, Some(deadline))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, pieces)
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
