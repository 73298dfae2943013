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

/// One poll by a task that is never woken.
fn now<T>(future: impl Future<Output = T>) -> Poll<T> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
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

#[test]
fn any_interleaving_of_dropped_futures_loses_and_repeats_nothing() {
    for seed in 0..60 {
        let outcome = std::panic::catch_unwind(|| {
            let mut sim = Sim::new(seed);
            let mut jitter = Jitter::new(seed);
            let config = Config { stay_open: true, ..Config::default() };
            let clock = Arc::clone(&sim.clock);
            let (toys, _) = toys(&clock, 1 + (jitter.next_u64() % 3000) as usize, Some(seed), config);
            let len = (jitter.next_u64() % 2000) as usize;
            for toy in toys {
                let (mut receiver, mut sender) = toy.split();
                sim.spawn(async move { send_burst(&mut sender, 50, len).await });
                sim.spawn(async move { receive_burst(&mut receiver, 50, len).await });
            }
            sim.run();
        });
        assert!(outcome.is_ok(), "seed {seed}");
    }
}

#[test]
fn a_full_buffer_waits_for_the_stream_and_no_call_is_lost() {
    let mut sim = Sim::new(1);
    let clock = Arc::clone(&sim.clock);
    let (there, back) = (Pipe::new(50, Some(1)), Pipe::new(50, Some(2)));
    let config = Config { stay_open: true, ..Config::default() };
    for (incoming, outgoing) in [(&back, &there), (&there, &back)] {
        let toy = toy(config, Instant::ZERO);
        let (mut receiver, mut sender) =
            Connection::new(toy, end(&clock, incoming, outgoing), RxBuf::new(4096), TxBuf::new(200)).split();
        sim.spawn(async move { send_burst(&mut sender, 300, 150).await });
        sim.spawn(async move { receive_burst(&mut receiver, 300, 150).await });
    }
    sim.run();
}

#[test]
fn a_burst_leaves_in_one_write_when_the_receiver_waits() {
    let clock = Arc::default();
    let ([mut a, mut b], [there, back]) = toys(&clock, 1 << 16, None, Config::default());
    for number in 0..50 {
        send(&mut a, &message(number, 100)).unwrap();
    }
    ready(a.sender.call(|half, _, tx| half.ping(7, tx))).unwrap();
    assert_eq!(there.lock().unwrap().writes, 0, "nothing leaves before it is asked for");
    assert!(now(a.next()).is_pending());
    assert_eq!(there.lock().unwrap().writes, 1);
    for _ in 0..50 {
        let Some(Event::Message(payload)) = ready(b.receiver.next()).unwrap() else { panic!("a message") };
        ready(b.sender.call(|half, _, tx| half.send(payload, tx))).unwrap();
    }
    assert!(now(b.next()).is_pending());
    assert_eq!(back.lock().unwrap().writes, 1, "50 answers and a pong");
}

#[test]
fn a_long_run_of_calls_starts_to_leave_by_itself() {
    let clock = Arc::default();
    let ([mut a, _b], [there, _]) = toys(&clock, 1 << 20, None, Config::default());
    for number in 0..70 {
        send(&mut a, &message(number, 1000)).unwrap();
    }
    assert_eq!(there.lock().unwrap().writes, 1);
    assert!(a.sender.queued() < 64 * 1024);
}

#[test]
fn an_owed_frame_leaves_although_the_sender_held_the_lock() {
    let clock = Arc::default();
    let ([mut a, mut b], [_, back]) = toys(&clock, 1 << 16, None, Config::default());
    ready(a.sender.call(|half, _, tx| half.ping(7, tx))).unwrap();
    ready(a.flush()).unwrap();
    let Connection { receiver, sender } = &mut b;
    ready(sender.call(|_, _, _| {
        assert!(now(receiver.next()).is_pending(), "the receiver must not wait for the lock");
        Ok::<_, ToySendError>(())
    }))
    .unwrap();
    assert_eq!(back.lock().unwrap().writes, 1);
    assert_eq!(ready(a.next()).unwrap(), Some(Event::Pong(7)));
}

#[test]
fn both_tasks_are_woken_when_the_stream_takes_bytes_again() {
    let clock = Arc::default();
    let ([mut a, b], [there, _]) = toys(&clock, 10, None, Config::default());
    send(&mut a, &[0; 100]).unwrap();
    let (flags, wakers): (Vec<_>, Vec<_>) =
        (0..2).map(|_| Arc::new(Flag::default())).map(|f| (f.clone(), Waker::from(f))).unzip();
    assert!(pin!(a.sender.flush()).poll(&mut Context::from_waker(&wakers[0])).is_pending());
    assert!(pin!(a.receiver.next()).poll(&mut Context::from_waker(&wakers[1])).is_pending());
    let (mut receiver, _) = b.split();
    assert!(now(receiver.next()).is_pending());
    assert!(there.lock().unwrap().data.is_empty());
    let wakes: Vec<_> = flags.iter().map(|flag| flag.wakes.load(Ordering::SeqCst)).collect();
    assert_eq!(wakes, [1, 1]);
}

#[test]
fn whoever_writes_wakes_the_other_who_waits_for_it() {
    let clock = Arc::default();
    let ([mut a, _b], [there, _]) = toys(&clock, 10, None, Config::default());
    let flag = Arc::new(Flag::default());
    let waker = Waker::from(flag.clone());
    send(&mut a, &[0; 100]).unwrap();
    assert!(pin!(a.sender.flush()).poll(&mut Context::from_waker(&waker)).is_pending());
    // Room that no waker was told of.
    there.lock().unwrap().capacity = 1000;
    assert!(now(a.next()).is_pending());
    assert_eq!((a.sender.queued(), flag.wakes.load(Ordering::SeqCst)), (0, 1));
    send(&mut a, b"more").unwrap();
    assert!(pin!(a.sender.flush()).poll(&mut Context::from_waker(&waker)).is_ready());
    ready(a.sender.call(|half, _, tx| half.ping(1, tx))).unwrap();
    assert!(now(a.next()).is_pending());
    assert_eq!(flag.wakes.load(Ordering::SeqCst), 1, "who does not wait is left alone");
}

#[test]
fn a_receiver_that_found_the_lock_taken_is_woken() {
    let clock = Arc::default();
    let ([mut a, mut b], _) = toys(&clock, 1000, None, Config::default());
    ready(b.sender.call(|half, _, tx| half.close(tx))).unwrap();
    ready(b.flush()).unwrap();
    assert_eq!(ready(a.next()).unwrap(), Some(Event::Closed));
    let flag = Arc::new(Flag::default());
    let waker = Waker::from(flag.clone());
    let Connection { receiver, sender } = &mut a;
    ready(sender.call(|_, _, _| {
        assert!(pin!(receiver.next()).poll(&mut Context::from_waker(&waker)).is_pending());
        Ok::<_, ToySendError>(())
    }))
    .unwrap();
    assert_eq!(flag.wakes.load(Ordering::SeqCst), 1, "its answer to the close has left");
    assert_eq!(ready(a.next()).unwrap(), None);
}

#[test]
fn the_clock_is_read_when_a_burst_starts() {
    let clock: Arc<Clock> = Arc::default();
    let ([mut a, _b], _) = toys(&clock, 1000, None, Config::default());
    let called_at = |a: &mut MemToy| {
        ready(a.sender.call(|half, now, tx| half.send(b"x", tx).map(|()| now))).unwrap().as_nanos()
    };
    assert!(now(a.next()).is_pending());
    clock.advance_to(Instant::from_nanos(100));
    assert_eq!(called_at(&mut a), 100);
    clock.advance_to(Instant::from_nanos(200));
    assert_eq!(called_at(&mut a), 100, "the same burst");
    assert!(now(a.next()).is_pending());
    assert_eq!(a.sender.with_half(|half| half.transmitted_at().as_nanos()), 200);
    clock.advance_to(Instant::from_nanos(300));
    assert_eq!(called_at(&mut a), 300);
}

#[test]
fn a_stream_that_takes_nothing_is_not_tried_at_every_call() {
    let clock = Arc::default();
    let ([mut a, _b], [there, _]) = toys(&clock, 1, None, Config::default());
    for number in 0..500 {
        send(&mut a, &message(number, 1000)).unwrap();
    }
    let attempts = there.lock().unwrap().attempts;
    assert!((2..=10).contains(&attempts), "{attempts}");
}

#[test]
fn a_sender_that_ends_the_protocol_wakes_its_receiver() {
    let clock = Arc::default();
    let config = Config { stay_open: true, ..Config::default() };
    let ([mut a, mut b], _) = toys(&clock, 1000, None, config);
    ready(b.sender.call(|half, _, tx| half.close(tx))).unwrap();
    ready(b.flush()).unwrap();
    assert_eq!(ready(a.next()).unwrap(), Some(Event::Closed));
    let flag = Arc::new(Flag::default());
    assert!(pin!(a.receiver.next()).poll(&mut Context::from_waker(&Waker::from(flag.clone()))).is_pending());
    ready(a.sender.call(|half, _, tx| half.close(tx))).unwrap();
    assert_eq!(flag.wakes.load(Ordering::SeqCst), 1);
    assert_eq!(ready(a.next()).unwrap(), None);
}

#[test]
fn the_end_flushes_closes_and_stays() {
    let clock = Arc::default();
    let ([mut a, mut b], [there, back]) = toys(&clock, 1 << 16, None, Config::default());
    send(&mut a, b"last words").unwrap();
    ready(a.sender.call(|half, _, tx| half.close(tx))).unwrap();
    ready(a.flush()).unwrap();
    assert!(matches!(ready(b.next()).unwrap(), Some(Event::Message(p)) if p == b"last words"));
    for toy in [&mut b, &mut a] {
        assert_eq!(ready(toy.next()).unwrap(), Some(Event::Closed));
        assert_eq!(ready(toy.next()).unwrap(), None);
        assert_eq!(ready(toy.next()).unwrap(), None);
        ready(toy.flush()).unwrap();
    }
    assert!(there.lock().unwrap().closed && back.lock().unwrap().closed);
}

#[test]
fn a_peer_that_stops_reading_cannot_hold_a_finished_connection() {
    let mut sim = Sim::new(3);
    let clock = Arc::clone(&sim.clock);
    let ([mut a, mut b], _) = toys(&clock, 100, None, Config::default());
    ready(b.sender.call(|half, _, tx| half.close(tx))).unwrap();
    ready(b.flush()).unwrap();
    send(&mut a, &[0; 5000]).unwrap();
    let (mut receiver, mut sender) = a.split();
    sim.spawn(async move {
        assert_eq!(receiver.next().await.unwrap(), Some(Event::Closed));
        assert_eq!(receiver.next().await.unwrap(), None);
    });
    sim.spawn(async move { assert_eq!(sender.flush().await, Err(WriteError::Broken)) });
    sim.run();
    assert!(clock.now() < Instant::ZERO + Duration::from_secs(60));
    drop(b);
}

#[test]
fn a_failure_sends_its_alert_is_reported_once_and_the_peer_learns_why() {
    let clock = Arc::default();
    let ([mut a, mut b], [there, _]) = toys(&clock, 1 << 16, None, Config::default());
    there.lock().unwrap().data.extend([99; 10]);
    assert_eq!(ready(b.next()), Err(DriveError::Protocol(ToyError::BadFrame)));
    assert_eq!(ready(b.next()), Ok(None));
    assert_eq!(send(&mut b, b"late"), Err(DriveError::Protocol(ToySendError::Closed)));
    assert_eq!(ready(a.next()), Err(DriveError::Protocol(ToyError::Alerted)));
}

#[test]
fn what_the_peer_said_outranks_a_broken_pipe() {
    const ALERT: [u8; 5] = [4, 0, 0, 0, 0];
    const HALF_A_FRAME: [u8; 6] = [0, 0, 0, 0, 9, 1];
    let cases: [(&[u8], DriveError<ToyError, MemError>); 3] = [
        (&ALERT, DriveError::Protocol(ToyError::Alerted)),
        (&HALF_A_FRAME, DriveError::Io(MemError)),
        (&[], DriveError::Io(MemError)),
    ];
    for (said, expected) in cases {
        let clock = Arc::default();
        let ([mut a, _b], [there, back]) = toys(&clock, 1 << 16, None, Config::default());
        there.lock().unwrap().broken = true;
        send(&mut a, b"into the void").unwrap();
        assert!(now(a.next()).is_pending(), "the peer may still say why");
        back.lock().unwrap().data.extend(said);
        back.lock().unwrap().closed = true;
        assert_eq!(ready(a.next()), Err(expected), "{said:?}");
        assert_eq!(ready(a.next()), Ok(None));
    }
}

#[test]
fn a_failed_write_is_reported_to_the_first_who_asks() {
    let clock = Arc::default();
    let ([mut a, _b], [there, back]) = toys(&clock, 1 << 16, None, Config::default());
    there.lock().unwrap().broken = true;
    send(&mut a, b"into the void").unwrap();
    assert_eq!(ready(a.flush()), Err(WriteError::Io(MemError)));
    assert_eq!(ready(a.flush()), Err(WriteError::Broken));
    assert_eq!(send(&mut a, b"more"), Err(DriveError::Broken));
    back.lock().unwrap().closed = true;
    assert_eq!(ready(a.next()), Err(DriveError::Protocol(ToyError::Truncated)));
}

#[test]
fn silence_is_judged_only_after_the_stream_was_found_empty() {
    let clock: Arc<Clock> = Arc::default();
    let config = Config { silence: Some(Duration::from_secs(10)), ..Config::default() };
    let ([mut a, mut b], _) = toys(&clock, 1 << 16, None, config);
    assert!(now(a.next()).is_pending());
    send(&mut b, b"in time, read late").unwrap();
    ready(b.flush()).unwrap();
    clock.advance_to(Instant::ZERO + Duration::from_secs(3600));
    assert!(matches!(ready(a.next()), Ok(Some(Event::Message(_)))));
    assert!(now(a.next()).is_pending());
    clock.advance_to(Instant::ZERO + Duration::from_secs(3610));
    assert_eq!(ready(a.next()), Err(DriveError::Protocol(ToyError::Silent)));
}

#[test]
fn a_throttled_peer_is_not_read() {
    let clock: Arc<Clock> = Arc::default();
    let config = Config { gap: Some(Duration::from_secs(1)), ..Config::default() };
    let ([mut a, mut b], [there, _]) = toys(&clock, 1 << 20, None, config);
    for round in 0..5_u64 {
        for number in 0..200 {
            send(&mut a, &message(number, 1000)).unwrap();
        }
        ready(a.flush()).unwrap();
        assert!(matches!(ready(b.next()), Ok(Some(Event::Message(_)))), "round {round}");
        let calls = b.receiver.half().calls();
        assert!(now(b.next()).is_pending());
        assert!(b.receiver.half().calls() <= calls + 2);
        clock.advance_to(Instant::ZERO + Duration::from_secs(round + 1));
    }
    assert!(there.lock().unwrap().data.len() > 900_000, "the stream pushes back");
}

#[test]
fn a_frame_that_cannot_fit_is_an_error() {
    let clock = Arc::default();
    let (there, back) = (Pipe::new(1 << 16, None), Pipe::new(1 << 16, None));
    let toy = toy(Config::default(), Instant::ZERO);
    let mut small = Connection::new(toy, end(&clock, &there, &back), RxBuf::new(1000), TxBuf::new(100));
    let refused = ready(small.sender.call(|half, _, tx| half.send(&[0; 200], tx)));
    assert_eq!(refused, Err(DriveError::Protocol(ToySendError::Full)), "waiting would not help");
    there.lock().unwrap().data.extend([0, 0, 0, 4, 0].iter().chain(&[1; 1024]));
    assert_eq!(ready(small.next()), Err(DriveError::ReceiveBufferTooSmall));
    assert_eq!(ready(small.next()), Ok(None));
}

#[test]
fn a_flood_without_events_lets_other_tasks_run() {
    let clock = Arc::default();
    let (there, back) = (Pipe::new(1 << 20, None), Pipe::new(1 << 16, None));
    let toy = toy(Config::default(), Instant::ZERO);
    let mut flooded = Connection::new(toy, end(&clock, &there, &back), RxBuf::new(1300), TxBuf::new(1000));
    there.lock().unwrap().data.extend([1, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 1].repeat(80_000));
    let flag = Arc::new(Flag::default());
    assert!(pin!(flooded.next()).poll(&mut Context::from_waker(&Waker::from(flag.clone()))).is_pending());
    assert!(!there.lock().unwrap().data.is_empty());
    assert!(flag.wakes.load(Ordering::SeqCst) > 0, "it asks for its next turn");
}

#[test]
fn large_buffers_are_given_back_when_idle_and_only_then() {
    let clock: Arc<Clock> = Arc::default();
    let ([mut a, mut b], _) = toys(&clock, 1 << 20, None, Config::default());
    let mut at = Instant::ZERO;
    for _ in 0..10 {
        send(&mut a, &message(0, 300_000)).unwrap();
        ready(a.flush()).unwrap();
        assert!(matches!(ready(b.next()), Ok(Some(Event::Message(_)))));
        assert!(now(b.next()).is_pending());
        assert!(b.receiver.capacity() > 300_000, "in use");
        at += Duration::from_millis(900);
        clock.advance_to(at);
    }
    assert!(now(a.next()).is_pending());
    assert!(a.sender.capacity() > 300_000);
    clock.advance_to(at + Duration::from_secs(1));
    for toy in [&mut a, &mut b] {
        assert!(now(toy.next()).is_pending());
        assert!(toy.receiver.capacity() <= 64 * 1024 && toy.sender.capacity() <= 64 * 1024);
    }
}

#[test]
fn a_panicking_call_leaves_the_connection_usable() {
    let clock = Arc::default();
    let ([mut a, mut b], _) = toys(&clock, 1 << 16, None, Config::default());
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        ready(a.sender.call(|_, _, _| -> Result<(), ToySendError> { panic!("of the test") }))
    }));
    assert!(panicked.is_err());
    send(&mut a, b"still here").unwrap();
    assert!(now(a.next()).is_pending());
    assert!(matches!(ready(b.next()), Ok(Some(Event::Message(p))) if p == b"still here"));
}

#[test]
fn a_steady_exchange_allocates_nothing() {
    let clock = Arc::default();
    let ([mut a, mut b], _) = toys(&clock, 1 << 16, None, Config::default());
    let sent = message(1, 1000);
    let mut exchange = || {
        for _ in 0..20 {
            send(&mut a, &sent).unwrap();
        }
        assert!(now(a.next()).is_pending());
        for _ in 0..20 {
            let Some(Event::Message(payload)) = ready(b.receiver.next()).unwrap() else {
                panic!("a message")
            };
            ready(b.sender.call(|half, _, tx| half.send(payload, tx))).unwrap();
        }
        assert!(now(b.next()).is_pending());
        for _ in 0..20 {
            assert!(matches!(ready(a.next()), Ok(Some(Event::Message(_)))));
        }
    };
    (0..10).for_each(|_| exchange());
    let counted = allocation_counter::measure(|| (0..100).for_each(|_| exchange()));
    assert_eq!(counted.count_total, 0);
}

#[test]
fn futures_of_two_halves_can_run_on_two_threads() {
    fn send<T: Send>(_: T) {}
    let clock = Arc::default();
    let ([a, _b], _) = toys(&clock, 1, None, Config::default());
    let (mut receiver, mut sender) = a.split();
    send(poll_fn(|cx| receiver.poll_next(cx)));
    send(receiver.next());
    send(sender.flush());
    send(sender.call(|half, _, tx| half.close(tx)));
    send((receiver, sender));
}
