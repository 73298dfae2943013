//! Sessions on virtual time: what they do with a clock that went on.

use super::*;
use sealock_proto::drive::SessionConnection;
use sealock_proto::entropy::Seed;
use sealock_proto::session::{CloseCode, Config, Event};
use std::cell::RefCell;
use std::rc::Rc;

type Session = SessionConnection<MemRead, MemWrite>;

/// Two sessions on one stream, the initiator's first, without heartbeats.
fn sessions(clock: &Arc<Clock>) -> [Session; 2] {
    let (there, back) = (Pipe::new(1 << 20, None), Pipe::new(1 << 20, None));
    let protocol = "Noise_NN_25519_ChaChaPoly_BLAKE2s".parse().unwrap();
    let configs = [Config::initiator(protocol), Config::responder(&[protocol])];
    let ios = [end(clock, &back, &there), end(clock, &there, &back)];
    let done: Rc<RefCell<[Option<Session>; 2]>> = Rc::default();
    let mut sim = Sim::new(1);
    for (at, (config, io)) in configs.into_iter().zip(ios).enumerate() {
        let done = Rc::clone(&done);
        let config = config.with_heartbeat(None).build().unwrap();
        sim.spawn(async move {
            let session = Session::establish(&config, Seed::new(&mut [at as u8 + 1; 32]), io).await;
            done.borrow_mut()[at] = Some(session.unwrap());
        });
    }
    sim.run();
    done.take().map(Option::unwrap)
}

#[test]
fn a_close_behind_bytes_that_waited_long_has_all_its_time() {
    let clock: Arc<Clock> = Arc::default();
    let [mut a, mut b] = sessions(&clock);
    ready(a.send(b"queued and left alone")).unwrap();
    clock.advance_to(clock.now() + Duration::from_secs(60));
    let mut closing = pin!(a.close(CloseCode::NORMAL, ""));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(closing.as_mut().poll(&mut cx).is_pending(), "the peer has not had a chance to answer");
    assert!(matches!(ready(b.next()), Ok(Some(Event::Message(_)))));
    assert!(matches!(ready(b.next()), Ok(Some(Event::Closed { .. }))));
    assert!(matches!(ready(b.next()), Ok(None)));
    assert!(matches!(closing.as_mut().poll(&mut cx), Poll::Ready(Ok(_))));
}

#[test]
fn a_drain_behind_bytes_that_waited_long_has_all_its_time() {
    let clock: Arc<Clock> = Arc::default();
    let [mut a, mut b] = sessions(&clock);
    ready(a.send(b"queued and left alone")).unwrap();
    clock.advance_to(clock.now() + Duration::from_secs(60));
    ready(a.drain(Duration::from_secs(30))).unwrap();
    assert!(now(a.next()).is_pending());
    assert!(matches!(ready(b.next()), Ok(Some(Event::Message(_)))));
    assert!(matches!(ready(b.next()), Ok(Some(Event::Draining))));
    assert!(now(b.next()).is_pending(), "not closed before the time is over");
    ready(b.send(b"still welcome")).unwrap();
    ready(b.flush()).unwrap();
    assert!(matches!(ready(a.next()), Ok(Some(Event::Message(_)))));
}

#[test]
fn a_flood_behind_a_close_leaves_other_tasks_their_turn() {
    const COUNT: u64 = 1000;
    let clock: Arc<Clock> = Arc::default();
    let [mut a, mut b] = sessions(&clock);
    for _ in 0..COUNT {
        ready(b.send(b"flood")).unwrap();
    }
    ready(b.sender.close(CloseCode::NORMAL, "")).unwrap();
    let once = pin!(a.receiver.finish()).poll(&mut Context::from_waker(Waker::noop()));
    assert!(once.is_pending(), "other tasks had no turn");
    let mut sim = Sim::new(1);
    sim.spawn(async move { assert_eq!(a.receiver.finish().await.unwrap().undelivered, COUNT) });
    sim.run();
}
