//! Running a connection's futures on the calling thread.

use sealock_proto::time::Instant;
use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

/// The longest sleep between two polls that did not block in the system.
const LONGEST_SLEEP: Duration = Duration::from_millis(50);

/// What happened on this thread during one poll.
#[derive(Clone, Copy, Default)]
struct Turn {
    /// A read or write was tried, which blocks by itself when there is nothing to do.
    tried: bool,
    deadline: Option<Instant>,
}

thread_local! {
    static TURN: Cell<Turn> = const { Cell::new(Turn { tried: false, deadline: None }) };
    static UNPARK: Waker = Waker::from(Arc::new(Unpark(thread::current())));
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

pub(crate) fn note_try() {
    TURN.set(Turn { tried: true, ..TURN.get() });
}

pub(crate) fn note_deadline(deadline: Option<Instant>) {
    TURN.set(Turn { deadline, ..TURN.get() });
}

/// Runs a future of a connection made of this crate's streams to its end. Reads and writes block inside
/// the poll; where the protocol wants neither, the thread sleeps until the deadline, a wake-up from
/// another thread, or 50 ms have passed.
///
/// It runs other futures too, but one that waits for something else than this crate's streams may be
/// polled needlessly, and two that are joined take turns blocking.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let waker = UNPARK.with(Waker::clone);
    let mut cx = Context::from_waker(&waker);
    loop {
        TURN.set(Turn::default());
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return output;
        }
        let Turn { tried, deadline } = TURN.get();
        if !tried {
            let wait = deadline.map_or(Duration::MAX, |at| at.saturating_since(crate::now()));
            thread::park_timeout(wait.min(LONGEST_SLEEP));
        }
    }
}
