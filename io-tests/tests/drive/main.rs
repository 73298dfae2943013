//! The driver loop on virtual time, where every lost wake-up and every write is visible.

use sealock_proto::buf::{RxBuf, TxBuf};
use sealock_proto::drive::{Connection, DriveError, WriteError};
use sealock_proto::entropy::Jitter;
use sealock_proto::time::Instant;
use sealock_tests::mem::{MemError, MemRead, MemWrite, Pipe, SharedPipe, end};
use sealock_tests::scenarios::{Toy, connect, message, receive_burst, send_burst};
use sealock_tests::sim::{Clock, Flag, Sim};
use sealock_tests::toy::{Config, Event, ToyError, ToySendError, toy};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

#[path = "../support/certs.rs"]
mod certs;
mod claims;
mod ended;
mod ending;
mod flood;
mod flow;
mod idle;
mod session;
mod tls;
mod waking;

type MemToy = Toy<MemRead, MemWrite>;

/// Two toys on one stream, and its two directions: the first toy's outgoing one first.
fn toys(
    clock: &Arc<Clock>,
    capacity: usize,
    seed: Option<u64>,
    config: Config,
) -> ([MemToy; 2], [SharedPipe; 2]) {
    let there = Pipe::new(capacity, seed);
    let back = Pipe::new(capacity, seed.map(|seed| !seed));
    let toys = [end(clock, &back, &there), end(clock, &there, &back)].map(|io| connect(config, io));
    (toys, [there, back])
}

thread_local! {
    static WAKES: (Arc<Flag>, Waker) = {
        let flag = Arc::new(Flag::default());
        (flag.clone(), Waker::from(flag))
    };
}

/// Polls by a task that nobody else wakes, for as long as the future only gives others their turn.
fn now<T>(future: impl Future<Output = T>) -> Poll<T> {
    let mut future = pin!(future);
    WAKES.with(|(flag, waker)| {
        loop {
            let before = flag.wakes.load(Ordering::SeqCst);
            let outcome = future.as_mut().poll(&mut Context::from_waker(waker));
            if outcome.is_ready() || flag.wakes.load(Ordering::SeqCst) == before {
                return outcome;
            }
        }
    })
}

fn ready<T>(future: impl Future<Output = T>) -> T {
    match now(future) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("must not wait"),
    }
}

fn send(toy: &mut MemToy, message: &[u8]) -> Result<(), DriveError<ToySendError, MemError>> {
    ready(toy.sender.call(|half, _, tx| half.send(message, tx)))
}
