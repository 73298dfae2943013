//! A byte stream in memory: bounded, in random pieces, with one waker per direction as a socket has.

use crate::sim::Clock;
use sealock_proto::drive::{ReadIo, WriteIo};
use sealock_proto::entropy::Jitter;
use sealock_proto::time::Instant;
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

/// The stream failed because it was told to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemError;

impl fmt::Display for MemError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("broken pipe")
    }
}

impl std::error::Error for MemError {}

/// One direction of a stream.
#[derive(Debug)]
pub struct Pipe {
    /// Bytes on their way.
    pub data: VecDeque<u8>,
    /// The most bytes on their way.
    pub capacity: usize,
    /// The writer has closed.
    pub closed: bool,
    /// Writes fail.
    pub broken: bool,
    /// How many writes took bytes.
    pub writes: usize,
    /// How many writes were tried.
    pub attempts: usize,
    jitter: Option<Jitter>,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// One direction, shared by its two ends and the test.
pub type SharedPipe = Arc<Mutex<Pipe>>;

impl Pipe {
    /// A direction that holds `capacity` bytes. With a seed, it takes and gives random pieces and sometimes
    /// nothing at all.
    #[must_use]
    pub fn new(capacity: usize, seed: Option<u64>) -> SharedPipe {
        Arc::new(Mutex::new(Self {
            data: VecDeque::with_capacity(capacity.min(1 << 16)),
            capacity,
            closed: false,
            broken: false,
            writes: 0,
            attempts: 0,
            jitter: seed.map(Jitter::new),
            reader: None,
            writer: None,
        }))
    }

    /// The reader takes `n` bytes, as far as there are any.
    pub fn take(&mut self, n: usize) {
        self.data.drain(..n.min(self.data.len()));
        if let Some(writer) = self.writer.take() {
            writer.wake();
        }
    }

    /// How many of `n` bytes go now; `None` for "not now, ask again at once".
    fn piece(&mut self, n: usize) -> Option<usize> {
        let Some(jitter) = &mut self.jitter else { return Some(n) };
        match jitter.next_u64() % 4 {
            0 => None,
            1 => Some(n.min(1)),
            _ => Some(1 + (jitter.next_u64() % n as u64) as usize),
        }
    }
}

/// The reading half.
#[derive(Debug)]
pub struct MemRead {
    clock: Arc<Clock>,
    pipe: SharedPipe,
}

/// The writing half.
#[derive(Debug)]
pub struct MemWrite {
    clock: Arc<Clock>,
    pipe: SharedPipe,
}

/// One end of a stream that reads from `incoming` and writes to `outgoing`.
#[must_use]
pub fn end(clock: &Arc<Clock>, incoming: &SharedPipe, outgoing: &SharedPipe) -> (MemRead, MemWrite) {
    (
        MemRead { clock: clock.clone(), pipe: incoming.clone() },
        MemWrite { clock: clock.clone(), pipe: outgoing.clone() },
    )
}

impl ReadIo for MemRead {
    type Error = MemError;

    fn now(&self) -> Instant {
        self.clock.now()
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>, deadline: Option<Instant>) -> Poll<()> {
        match deadline {
            Some(at) if at <= self.clock.peek() => Poll::Ready(()),
            Some(at) => {
                self.clock.wake_at(at, cx.waker());
                Poll::Pending
            }
            None => Poll::Pending,
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<Result<usize, MemError>> {
        assert!(!buf.is_empty(), "the driver must not read into nothing");
        let mut pipe = self.pipe.lock().unwrap();
        let available = pipe.data.len().min(buf.len());
        if available == 0 {
            if pipe.closed {
                return Poll::Ready(Ok(0));
            }
            pipe.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let Some(n) = pipe.piece(available) else {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        };
        for (byte, taken) in buf.iter_mut().zip(pipe.data.drain(..n)) {
            *byte = taken;
        }
        if let Some(writer) = pipe.writer.take() {
            writer.wake();
        }
        Poll::Ready(Ok(n))
    }
}

impl WriteIo for MemWrite {
    type Error = MemError;

    fn now(&self) -> Instant {
        self.clock.now()
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        if deadline <= self.clock.peek() {
            return Poll::Ready(());
        }
        self.clock.wake_at(deadline, cx.waker());
        Poll::Pending
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<Result<usize, MemError>> {
        assert!(!buf.is_empty(), "the driver must not write nothing");
        let mut pipe = self.pipe.lock().unwrap();
        pipe.attempts += 1;
        if pipe.broken || pipe.closed {
            return Poll::Ready(Err(MemError));
        }
        let room = (pipe.capacity - pipe.data.len()).min(buf.len());
        if room == 0 {
            pipe.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let Some(n) = pipe.piece(room) else {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        };
        pipe.data.extend(&buf[..n]);
        pipe.writes += 1;
        if let Some(reader) = pipe.reader.take() {
            reader.wake();
        }
        Poll::Ready(Ok(n))
    }

    fn poll_close(&mut self, _: &mut Context<'_>) -> Poll<Result<(), MemError>> {
        let mut pipe = self.pipe.lock().unwrap();
        pipe.closed = true;
        if let Some(reader) = pipe.reader.take() {
            reader.wake();
        }
        Poll::Ready(Ok(()))
    }
}
