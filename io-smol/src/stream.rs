//! Streams of `futures-io`, `async-io`'s timer and the clock behind the driver's traits.

use async_io::Timer;
use futures_io::{AsyncRead, AsyncWrite};
use sealock_net::unix_now;
use sealock_proto::drive::{ReadIo, WriteIo};
use sealock_proto::time::Instant;
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::OnceLock;
use std::task::{Context, Poll};
use std::time::Duration;

/// Nanoseconds since this process first asked.
#[must_use]
pub fn now() -> Instant {
    static EPOCH: OnceLock<std::time::Instant> = OnceLock::new();
    Instant::ZERO + EPOCH.get_or_init(std::time::Instant::now).elapsed()
}

/// Two halves of any stream that is split already.
pub fn halves<R, W>(read: R, write: W) -> (SmolRead<R>, SmolWrite<W>)
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    (SmolRead { stream: read, timer: Alarm::default() }, SmolWrite { stream: write, timer: None })
}

/// One timer, moved only when a deadline comes earlier than what it is set to.
#[derive(Debug)]
pub(crate) struct Alarm {
    timer: Timer,
    /// What `timer` is set to; `None` once it has fired.
    armed: Option<Instant>,
}

impl Default for Alarm {
    fn default() -> Self {
        Self { timer: Timer::never(), armed: None }
    }
}

impl Alarm {
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        loop {
            if self.armed.is_none_or(|armed| deadline < armed) {
                self.timer.set_after(deadline.saturating_since(now()));
                self.armed = Some(deadline);
            }
            if Pin::new(&mut self.timer).poll(cx).is_pending() {
                return Poll::Pending;
            }
            self.armed = None;
            if deadline <= now() {
                return Poll::Ready(());
            }
        }
    }
}

/// The reading half of a stream, with the connection's timer.
#[derive(Debug)]
pub struct SmolRead<R> {
    stream: R,
    timer: Alarm,
}

impl<R> SmolRead<R> {
    /// The stream.
    pub const fn get_ref(&self) -> &R {
        &self.stream
    }

    /// The stream.
    pub fn into_inner(self) -> R {
        self.stream
    }
}

impl<R: AsyncRead + Unpin> ReadIo for SmolRead<R> {
    type Error = io::Error;

    fn now(&self) -> Instant {
        now()
    }

    fn unix(&self) -> Option<Duration> {
        unix_now()
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>, deadline: Option<Instant>) -> Poll<()> {
        deadline.map_or(Poll::Pending, |deadline| self.timer.poll(cx, deadline))
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

/// The writing half of a stream.
#[derive(Debug)]
pub struct SmolWrite<W> {
    stream: W,
    /// Made on first use, which is rare.
    timer: Option<Box<Alarm>>,
}

impl<W> SmolWrite<W> {
    /// The stream.
    pub fn into_inner(self) -> W {
        self.stream
    }
}

impl<W: AsyncWrite + Unpin> WriteIo for SmolWrite<W> {
    type Error = io::Error;

    fn now(&self) -> Instant {
        now()
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        self.timer.get_or_insert_default().poll(cx, deadline)
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
        Pin::new(&mut self.stream).poll_close(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use std::time::Duration;

    #[test]
    fn a_deadline_comes_and_only_an_earlier_one_moves_the_timer() {
        let (mut read, _write) = halves(futures_lite::io::empty(), futures_lite::io::sink());
        let mut cx = Context::from_waker(std::task::Waker::noop());
        assert!(read.poll_timer(&mut cx, None).is_pending());
        let start = now();
        for (wait, armed) in [(100, 100), (120, 100), (90, 90), (300, 90)] {
            assert!(read.poll_timer(&mut cx, Some(start + Duration::from_secs(wait))).is_pending());
            assert_eq!(read.timer.armed, Some(start + Duration::from_secs(armed)));
        }
        for wait in [5, 40, 20] {
            let deadline = start + Duration::from_millis(wait);
            async_io::block_on(poll_fn(|cx| read.poll_timer(cx, Some(deadline))));
            assert!(now() >= deadline);
        }
    }
}
