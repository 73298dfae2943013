//! Ends, failures and who learns of them.

use super::*;

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
fn a_silent_peer_cannot_hold_a_connection_that_cannot_be_written() {
    for sender_first in [false, true] {
        let mut sim = Sim::new(5);
        let clock = Arc::clone(&sim.clock);
        let ([mut a, _b], [there, _]) = toys(&clock, 1 << 16, None, Config::default());
        there.lock().unwrap().broken = true;
        send(&mut a, b"into the void").unwrap();
        let (mut receiver, mut sender) = a.split();
        let expected = if sender_first { DriveError::Broken } else { DriveError::Io(MemError) };
        sim.spawn(async move {
            assert_eq!(receiver.next().await, Err(expected));
            assert_eq!(receiver.next().await, Ok(None));
        });
        if sender_first {
            // Fails while the receiver may be asleep without any deadline.
            assert_eq!(ready(sender.flush()), Err(WriteError::Io(MemError)));
        }
        sim.run();
        assert!(clock.now() < Instant::ZERO + Duration::from_secs(60));
    }
}

#[test]
fn a_waiting_receiver_hears_of_the_senders_failed_write() {
    let clock = Arc::default();
    let ([a, _b], [there, _]) = toys(&clock, 1 << 16, None, Config::default());
    let (mut receiver, mut sender) = a.split();
    let flag = Arc::new(Flag::default());
    let waker = Waker::from(Arc::clone(&flag));
    assert!(receiver.poll_next(&mut Context::from_waker(&waker)).is_pending());
    there.lock().unwrap().broken = true;
    ready(sender.call(|half, _, tx| half.send(b"into the void", tx))).unwrap();
    assert_eq!(flag.wakes.load(Ordering::SeqCst), 0);
    assert_eq!(ready(sender.flush()), Err(WriteError::Io(MemError)));
    assert_eq!(flag.wakes.load(Ordering::SeqCst), 1);
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
fn a_sender_whose_receiver_was_dropped_does_not_wait_for_ever() {
    for dropped_while_waiting in [false, true] {
        let mut sim = Sim::new(1);
        let clock = Arc::clone(&sim.clock);
        let ([a, b], [there, _]) = toys(&clock, 100, None, Config::default());
        let (receiver, mut sender) = a.split();
        let mut receiver = Some(receiver);
        if !dropped_while_waiting {
            receiver = None;
        }
        sim.spawn(async move {
            sender.call(|half, _, tx| half.send(&[0; 1000], tx)).await.unwrap();
            assert_eq!(sender.flush().await, Err(WriteError::Broken));
            assert_eq!(sender.flush().await, Err(WriteError::Broken));
        });
        let slow = Arc::clone(&clock);
        sim.spawn(async move {
            let _b = b;
            // A peer that is slow but not deaf gets its time anew with every byte.
            for second in [20, 40, 60] {
                let at = Instant::ZERO + Duration::from_secs(second);
                poll_fn(|cx| slow.poll_until(at, cx.waker())).await;
                drop(receiver.take());
                there.lock().unwrap().take(10);
            }
        });
        sim.run();
        assert_eq!(clock.now(), Instant::ZERO + Duration::from_secs(90));
    }
}

#[test]
fn an_end_that_has_heard_the_close_is_not_at_rest_while_its_last_bytes_cannot_leave() {
    let clock = Arc::default();
    let ([mut a, mut b], _) = toys(&clock, 100, None, Config::default());
    ready(b.sender.call(|half, _, tx| half.close(tx))).unwrap();
    ready(b.flush()).unwrap();
    send(&mut a, &[0; 5000]).unwrap();
    assert_eq!(ready(a.receiver.next()).unwrap(), Some(Event::Closed));
    assert!(!a.receiver.is_at_rest());
}
