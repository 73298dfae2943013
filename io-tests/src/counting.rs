//! The writing half of a stream that counts the writes.

use sealock_proto::drive::WriteIo;
use sealock_proto::time::Instant;
use std::io::IoSlice;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

/// Counts writes that took bytes or failed, and closing for none.
#[derive(Debug)]
pub struct Counting<W> {
    inner: W,
    writes: Arc<AtomicUsize>,
}

impl<W: WriteIo> Counting<W> {
    /// `inner`, and the number of its writes so far.
    pub fn new(inner: W) -> (Self, Arc<AtomicUsize>) {
        let writes = Arc::<AtomicUsize>::default();
        (Self { inner, writes: Arc::clone(&writes) }, writes)
    }

    fn count<T>(&mut self, write: impl FnOnce(&mut W) -> Poll<T>) -> Poll<T> {
        // Counted before the peer can see it.
        self.writes.fetch_add(1, Ordering::SeqCst);
        let written = write(&mut self.inner);
        self.writes.fetch_sub(usize::from(written.is_pending()), Ordering::SeqCst);
        written
    }
}

impl<W: WriteIo> WriteIo for Counting<W> {
    type Error = W::Error;

    fn now(&self) -> Instant {
        self.inner.now()
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        self.inner.poll_timer(cx, deadline)
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<Result<usize, W::Error>> {
        self.count(|inner| inner.poll_write(cx, buf))
    }

    fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<Result<usize, W::Error>> {
        self.count(|inner| inner.poll_write_vectored(cx, pieces))
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), W::Error>> {
        self.inner.poll_close(cx)
    }
}
