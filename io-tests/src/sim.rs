//! A seeded executor on virtual time that notices lost wake-ups.

use sealock_proto::entropy::Jitter;
use sealock_proto::time::Instant;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

/// Virtual time with the timers that wait for it.
#[derive(Debug, Default)]
pub struct Clock {
    now: AtomicU64,
    reads: AtomicUsize,
    timers: Mutex<Vec<(Instant, Waker)>>,
}

impl Clock {
    /// The current time.
    pub fn now(&self) -> Instant {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.peek()
    }

    /// How often [`Clock::now`] was asked.
    pub fn reads(&self) -> usize {
        self.reads.load(Ordering::Relaxed)
    }

    /// The current time for the simulation itself, which does not count.
    pub(crate) fn peek(&self) -> Instant {
        Instant::from_nanos(self.now.load(Ordering::Relaxed))
    }

    /// Moves the time and wakes whoever waits for it.
    pub fn advance_to(&self, at: Instant) {
        self.now.fetch_max(at.as_nanos(), Ordering::Relaxed);
        let due: Vec<_> = {
            let mut timers = self.timers.lock().unwrap();
            let (due, later) = mem::take(&mut *timers).into_iter().partition(|(when, _)| *when <= at);
            *timers = later;
            due
        };
        due.into_iter().for_each(|(_, waker): (Instant, Waker)| waker.wake());
    }

    /// Ready once the time has come.
    pub fn poll_until(&self, at: Instant, waker: &Waker) -> Poll<()> {
        if at <= self.peek() {
            return Poll::Ready(());
        }
        self.wake_at(at, waker);
        Poll::Pending
    }

    pub(crate) fn wake_at(&self, at: Instant, waker: &Waker) {
        let mut timers = self.timers.lock().unwrap();
        if !timers.iter().any(|(other, held)| *other == at && held.will_wake(waker)) {
            timers.push((at, waker.clone()));
        }
    }

    /// The earliest time that somebody waits for.
    pub fn next(&self) -> Option<Instant> {
        self.timers.lock().unwrap().iter().map(|(at, _)| *at).min()
    }
}

/// A waker that counts.
#[derive(Debug, Default)]
pub struct Flag {
    woken: AtomicBool,
    /// How often it was woken.
    pub wakes: AtomicUsize,
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::SeqCst);
        self.wakes.fetch_add(1, Ordering::SeqCst);
    }
}

type Task = Pin<Box<dyn Future<Output = ()>>>;

/// Tasks polled in a random order, and only when they were woken.
pub struct Sim {
    /// The clock all streams of this simulation share.
    pub clock: Arc<Clock>,
    jitter: Jitter,
    tasks: Vec<(Arc<Flag>, Task)>,
}

impl Sim {
    /// The simulation numbered `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { clock: Arc::default(), jitter: Jitter::new(seed), tasks: Vec::new() }
    }

    /// Adds a task.
    pub fn spawn(&mut self, task: impl Future<Output = ()> + 'static) {
        let flag = Arc::new(Flag { woken: AtomicBool::new(true), ..Flag::default() });
        self.tasks.push((flag, Box::pin(task)));
    }

    /// Runs until every task has ended. Time moves only when nobody can go on.
    ///
    /// # Panics
    /// If nobody can go on and nobody waits for time: a wake-up was lost. Or after very many polls.
    pub fn run(&mut self) {
        for _ in 0..10_000_000 {
            if self.tasks.is_empty() {
                return;
            }
            let ready: Vec<usize> = (0..self.tasks.len())
                .filter(|task| self.tasks[*task].0.woken.load(Ordering::SeqCst))
                .collect();
            if ready.is_empty() {
                let next = self.clock.next().expect("every task waits and nobody will wake one");
                self.clock.advance_to(next);
                continue;
            }
            let chosen = ready[(self.jitter.next_u64() % ready.len() as u64) as usize];
            let (flag, task) = &mut self.tasks[chosen];
            flag.woken.store(false, Ordering::SeqCst);
            let waker = Waker::from(Arc::clone(flag));
            if task.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
                drop(self.tasks.swap_remove(chosen));
            }
        }
        panic!("the tasks do not come to an end");
    }
}
