//! Bytes and buffers: nothing lost, few writes, bounded memory.

use super::*;
use sealock_proto::sim::seeds;

#[test]
fn any_interleaving_of_dropped_futures_loses_and_repeats_nothing() {
    for seed in seeds("any_interleaving_of_dropped_futures_loses_and_repeats_nothing", 0..60) {
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
fn a_woken_receiver_reads_before_it_writes() {
    let clock = Arc::default();
    let ([mut a, mut b], [there, _]) = toys(&clock, 1 << 16, None, Config::default());
    assert!(now(a.next()).is_pending());
    send(&mut b, b"question").unwrap();
    ready(b.flush()).unwrap();
    send(&mut a, b"queued meanwhile").unwrap();
    assert!(matches!(ready(a.next()), Ok(Some(Event::Message(_)))));
    send(&mut a, b"answer").unwrap();
    assert!(now(a.next()).is_pending());
    assert_eq!(there.lock().unwrap().writes, 1, "both together");
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
fn a_stream_that_takes_nothing_is_not_tried_at_every_call() {
    let clock = Arc::default();
    let ([mut a, _b], [there, _]) = toys(&clock, 1, None, Config::default());
    for number in 0..500 {
        send(&mut a, &message(number, 1000)).unwrap();
    }
    let attempts = there.lock().unwrap().attempts;
    // Seven times or so, and each time once more with a waker left.
    assert!((2..=20).contains(&attempts), "{attempts}");
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

#[test]
fn calls_and_events_that_never_wait_give_others_their_turn() {
    let clock = Arc::default();
    let ([mut a, mut b], _) = toys(&clock, 1 << 20, None, Config::default());
    let flag = Arc::new(Flag::default());
    let waker = Waker::from(flag.clone());
    let cx = &mut Context::from_waker(&waker);
    let mut turns = [0, 0];
    for _ in 0..640 {
        while pin!(a.sender.call(|half, _, tx| half.send(b"x", tx))).poll(cx).is_pending() {
            turns[0] += 1;
        }
    }
    ready(a.flush()).unwrap();
    for _ in 0..640 {
        while pin!(b.next()).poll(cx).is_pending() {
            turns[1] += 1;
        }
    }
    assert_eq!(turns, [9, 9], "every 64th asks for another turn first");
    assert!(flag.wakes.load(Ordering::SeqCst) >= 18);
}
