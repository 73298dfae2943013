//! Blocking streams with time limits.

use crate::block::{note_deadline, note_try};
use crate::timeout::quantised;
use sealock_net::{SocketOptions, unix_now};
use sealock_proto::drive::{ReadIo, WriteIo};
use sealock_proto::time::Instant;
use std::cell::Cell;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

/// How long one write may block. A receiving thread that writes goes back to reading after this, so two
/// peers that both write cannot wait for each other.
const WRITE_TIMEOUT: Duration = Duration::from_millis(50);
/// How long a read may block while written bytes wait for the stream.
const READ_WHILE_WRITING: Duration = Duration::from_millis(10);

/// Nanoseconds since this process first asked.
#[must_use]
pub fn now() -> Instant {
    static EPOCH: OnceLock<std::time::Instant> = OnceLock::new();
    Instant::ZERO + EPOCH.get_or_init(std::time::Instant::now).elapsed()
}

thread_local! {
    /// Whether reads on this thread take what is there instead of waiting.
    static LOOKING: Cell<bool> = const { Cell::new(false) };
}

/// Runs `look` with reads that block for the shortest time there is.
pub(crate) fn without_waiting<T>(look: impl FnOnce() -> T) -> T {
    LOOKING.set(true);
    let seen = look();
    LOOKING.set(false);
    seen
}

/// A blocking stream whose reads and writes can be given a time limit.
pub trait Timeouts {
    /// From now on a read fails with `WouldBlock` or `TimedOut` after about `timeout`, at least 1 ms.
    ///
    /// # Errors
    /// If the system refuses.
    fn set_read_timeout(&self, timeout: Duration) -> io::Result<()>;

    /// From now on a write that the stream takes nothing of fails with `WouldBlock` or `TimedOut` after
    /// about `timeout`.
    ///
    /// # Errors
    /// If the system refuses.
    fn set_write_timeout(&self, timeout: Duration) -> io::Result<()>;

    /// Tells the peer that nothing more will be written.
    ///
    /// # Errors
    /// If the stream is broken.
    fn close_write(&self) -> io::Result<()>;
}

macro_rules! socket {
    ($socket:ty) => {
        impl Timeouts for $socket {
            fn set_read_timeout(&self, timeout: Duration) -> io::Result<()> {
                self.set_read_timeout(Some(timeout))
            }

            fn set_write_timeout(&self, timeout: Duration) -> io::Result<()> {
                self.set_write_timeout(Some(timeout))
            }

            fn close_write(&self) -> io::Result<()> {
                self.shutdown(Shutdown::Write)
            }
        }
    };
}

socket!(TcpStream);
#[cfg(unix)]
socket!(std::os::unix::net::UnixStream);

/// The two halves of a TCP connection.
///
/// # Errors
/// If the socket cannot be set up.
pub fn tcp(
    stream: TcpStream,
    options: &SocketOptions,
) -> io::Result<(StdRead<TcpStream>, StdWrite<TcpStream>)> {
    options.apply_tcp(&stream)?;
    halves(stream.try_clone()?, stream)
}

/// The two halves of a Unix-domain stream.
///
/// # Errors
/// If the socket cannot be set up.
#[cfg(unix)]
pub fn unix(
    stream: std::os::unix::net::UnixStream,
    options: &SocketOptions,
) -> io::Result<(StdRead<std::os::unix::net::UnixStream>, StdWrite<std::os::unix::net::UnixStream>)> {
    options.apply_unix(&stream)?;
    halves(stream.try_clone()?, stream)
}

/// The two halves of any stream with time limits, given as two handles to it.
///
/// # Errors
/// If the write timeout cannot be set.
pub fn halves<R, W>(read: R, write: W) -> io::Result<(StdRead<R>, StdWrite<W>)>
where
    R: Read + Timeouts,
    W: Write + Timeouts,
{
    write.set_write_timeout(WRITE_TIMEOUT)?;
    let behind = Arc::new(AtomicBool::new(false));
    let read =
        StdRead { stream: read, wait: Duration::MAX, timeout: Duration::ZERO, behind: Arc::clone(&behind) };
    Ok((read, StdWrite { stream: write, behind }))
}

/// The reading half of a blocking stream.
#[derive(Debug)]
pub struct StdRead<R> {
    stream: R,
    /// How long the next read may block: until the deadline that came with it.
    wait: Duration,
    /// The read timeout in force.
    timeout: Duration,
    /// The writing half has bytes the stream did not take.
    behind: Arc<AtomicBool>,
}

impl<R: Read + Timeouts> StdRead<R> {
    fn limit(&mut self) -> io::Result<()> {
        let mut wait = self.wait;
        if self.behind.load(Ordering::Relaxed) {
            wait = wait.min(READ_WHILE_WRITING);
        }
        if LOOKING.get() {
            wait = Duration::ZERO;
        }
        let timeout = quantised(wait);
        if timeout != self.timeout {
            self.stream.set_read_timeout(timeout)?;
            self.timeout = timeout;
        }
        Ok(())
    }
}

impl<R> StdRead<R> {
    /// The stream.
    pub const fn get_ref(&self) -> &R {
        &self.stream
    }

    /// The stream.
    pub fn into_inner(self) -> R {
        self.stream
    }
}

impl<R: Read + Timeouts> ReadIo for StdRead<R> {
    type Error = io::Error;
    const BLOCKS: bool = true;

    fn now(&self) -> Instant {
        now()
    }

    fn unix(&self) -> Option<Duration> {
        unix_now()
    }

    fn poll_timer(&mut self, _: &mut Context<'_>, deadline: Option<Instant>) -> Poll<()> {
        note_deadline(deadline);
        self.wait = deadline.map_or(Duration::MAX, |at| at.saturating_since(now()));
        if self.wait.is_zero() { Poll::Ready(()) } else { Poll::Pending }
    }

    fn poll_read(&mut self, _: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        note_try();
        self.limit()?;
        attempt(|| self.stream.read(buf))
    }
}

/// The writing half of a blocking stream.
#[derive(Debug)]
pub struct StdWrite<W> {
    stream: W,
    behind: Arc<AtomicBool>,
}

impl<W> StdWrite<W> {
    /// The stream.
    pub fn into_inner(self) -> W {
        self.stream
    }

    fn attempt(&mut self, mut write: impl FnMut(&mut W) -> io::Result<usize>) -> Poll<io::Result<usize>> {
        note_try();
        let written = attempt(|| write(&mut self.stream));
        self.behind.store(written.is_pending(), Ordering::Relaxed);
        written
    }
}

impl<W: Write + Timeouts> WriteIo for StdWrite<W> {
    type Error = io::Error;
    const BLOCKS: bool = true;

    fn now(&self) -> Instant {
        now()
    }

    fn poll_timer(&mut self, _: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        if deadline <= now() { Poll::Ready(()) } else { Poll::Pending }
    }

    fn poll_write(&mut self, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.attempt(|stream| stream.write(buf))
    }

    fn poll_write_vectored(
        &mut self,
        _: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.attempt(|stream| stream.write_vectored(pieces))
    }

    fn poll_close(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.stream.flush().and_then(|()| self.stream.close_write()) {
            // The peer has closed the whole stream already.
            Err(error) if error.kind() == ErrorKind::NotConnected => Poll::Ready(Ok(())),
            result => Poll::Ready(result),
        }
    }
}

/// One system call: again if a signal interrupted it, `Pending` if its time is over.
fn attempt(mut call: impl FnMut() -> io::Result<usize>) -> Poll<io::Result<usize>> {
    loop {
        match call() {
            Err(error) => match error.kind() {
                ErrorKind::Interrupted => {}
                ErrorKind::WouldBlock | ErrorKind::TimedOut => return Poll::Pending,
                _ => return Poll::Ready(Err(error)),
            },
            done => return Poll::Ready(done),
        }
    }
}

#[cfg(test)]
mod tests;
