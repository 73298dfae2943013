//! What a runtime must offer. Only `core::task`: no boxing, no runtime types.
//!
//! The two directions are separate traits, so that splitting a connection needs no lock around the
//! socket: every runtime can hand out a read half and a write half.

use crate::time::Instant;
use core::task::{Context, Poll};
use core::time::Duration;
#[cfg(feature = "std")]
use std::io::IoSlice;

/// The reading half of a byte stream, with the runtime's clock and one timer.
pub trait ReadIo {
    /// The runtime's I/O error.
    type Error;

    /// Whether [`ReadIo::poll_read`] takes its time, so that the clock must be read again after it, and no waker ends it.
    const BLOCKS: bool = false;

    /// The current time. Never goes backwards.
    fn now(&self) -> Instant;

    /// The current time by the calendar, since the Unix epoch; may be set at any time. `None`: there is no such clock.
    fn unix(&self) -> Option<Duration> {
        None
    }

    /// Ready once `deadline` has come; `None` is never ready. Called before [`ReadIo::poll_read`] with the
    /// deadline that must end the wait, so a blocking adapter can use it as the socket's timeout.
    fn poll_timer(&mut self, cx: &mut Context<'_>, deadline: Option<Instant>) -> Poll<()>;

    /// Reads at least one byte into `buf`, which is not empty; 0 means the peer will send nothing more.
    /// A blocking adapter returns `Pending` when the deadline given to `poll_timer` has come.
    ///
    /// # Errors
    /// The runtime's, when the stream is broken.
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<Result<usize, Self::Error>>;
}

/// The writing half of a byte stream.
pub trait WriteIo {
    /// The runtime's I/O error.
    type Error;

    /// Whether [`WriteIo::poll_write`] takes its time before it is `Pending`, so that it is not tried twice.
    const BLOCKS: bool = false;

    /// The current time, from the same clock as the reading half's.
    fn now(&self) -> Instant;

    /// As [`ReadIo::poll_timer`], for a sender whose receiver was dropped and that waits for the stream: nobody
    /// else would end that wait. A blocking adapter, whose writes return by themselves, need not wake anybody.
    fn poll_timer(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()>;

    /// Writes at least one byte of `buf`, which is not empty; 0 means that the stream is broken. The driver
    /// passes the same waker at every call, so remembering one is enough. A blocking adapter returns
    /// `Pending` after a short while.
    ///
    /// # Errors
    /// The runtime's, when the stream is broken.
    fn poll_write(&mut self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<Result<usize, Self::Error>>;

    /// [`WriteIo::poll_write`] of several pieces, one behind the other; there are some, and none is empty. Called if
    /// what is queued lies in several places, so that it leaves in one write nevertheless. An adapter that can write
    /// one piece only need not implement it.
    ///
    /// # Errors
    /// As there.
    #[cfg(feature = "std")]
    fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<Result<usize, Self::Error>> {
        self.poll_write(cx, pieces.first().map_or(&[], |piece| piece))
    }

    /// Shuts the writing direction down, after everything written has been handed to the system.
    ///
    /// # Errors
    /// The runtime's, when the stream is broken.
    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>>;
}
