//! Who is woken when, and what the clock says.

use super::*;
use sealock_proto::drive::ReadIo;
use std::sync::Mutex;

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

/// A reading half that would block in the system until the deadline it was given last.
struct Blocking {
    inner: MemRead,
    until: Arc<Mutex<Option<Instant>>>,
}

impl ReadIo for Blocking {
    type Error = MemError;
    const BLOCKS: bool = true;

    fn now(&self) -> Instant {
        self.inner.now()
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>, deadline: Option<Instant>) -> Poll<()> {
        *self.until.lock().unwrap() = deadline;
        self.inner.poll_timer(cx, deadline)
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<Result<usize, MemError>> {
        self.inner.poll_read(cx, buf)
    }
}

#[test]
fn a_blocking_receiver_that_found_the_lock_taken_looks_again_soon() {
    let clock: Arc<Clock> = Arc::default();
    let (there, back) = (Pipe::new(1000, None), Pipe::new(1000, None));
    let until = Arc::default();
    let (inner, write) = end(&clock, &back, &there);
    let read = Blocking { inner, until: Arc::clone(&until) };
    let (mut a, mut b) =
        (connect(Config::default(), (read, write)), connect(Config::default(), end(&clock, &there, &back)));
    ready(b.sender.call(|half, _, tx| half.close(tx))).unwrap();
    ready(b.flush()).unwrap();
    assert_eq!(ready(a.next()).unwrap(), Some(Event::Closed));
    let Connection { receiver, sender } = &mut a;
    ready(sender.call(|_, _, _| {
        assert!(now(receiver.next()).is_pending());
        Ok::<_, ToySendError>(())
    }))
    .unwrap();
    // The sender has answered the close, which ended the protocol.
    let until = until.lock().unwrap().expect("a deadline");
    assert!(until <= clock.now() + Duration::from_millis(10), "{until:?}");
    assert_eq!(ready(a.next()).unwrap(), None);
}

#[test]
fn a_call_sees_the_current_time_however_long_bytes_have_waited() {
    let clock: Arc<Clock> = Arc::default();
    let ([mut a, _b], _) = toys(&clock, 1000, None, Config::default());
    let called_at = |a: &mut MemToy| {
        ready(a.sender.call(|half, now, tx| half.send(b"x", tx).map(|()| now))).unwrap().as_nanos()
    };
    assert!(now(a.next()).is_pending());
    clock.advance_to(Instant::from_nanos(100));
    assert_eq!(called_at(&mut a), 100);
    clock.advance_to(Instant::from_nanos(200));
    assert_eq!(called_at(&mut a), 200);
    assert!(now(a.next()).is_pending());
    assert_eq!(a.sender.with_half(|half| half.transmitted_at().as_nanos()), 200);
    clock.advance_to(Instant::from_nanos(300));
    assert_eq!(called_at(&mut a), 300);
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
