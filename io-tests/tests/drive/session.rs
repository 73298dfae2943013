//! Sessions on virtual time: what they do with a clock that went on.

use super::*;
use sealock_proto::drive::{SessionConnection, SessionError};
use sealock_proto::entropy::Seed;
use sealock_proto::identity::{IdentityKey, SignWith};
use sealock_proto::session::{CloseCode, Config, Event};
use std::cell::RefCell;
use std::rc::Rc;

pub(super) type Session = SessionConnection<MemRead, MemWrite>;

/// Two sessions on one stream, the initiator's first, without heartbeats.
fn sessions(clock: &Arc<Clock>) -> [Session; 2] {
    sessions_over(clock, 1 << 20)
}

/// [`sessions`] on a stream that holds `capacity` bytes in each direction.
fn sessions_over(clock: &Arc<Clock>, capacity: usize) -> [Session; 2] {
    let protocol = "Noise_NN_25519_ChaChaPoly_BLAKE2s".parse().unwrap();
    let configs = [Config::initiator(protocol), Config::responder(&[protocol])];
    establish(clock, capacity, configs.map(|config| config.with_heartbeat(None))).0
}

/// Two sessions of these configurations, and the two directions of their stream: the first one's outgoing one first.
pub(super) fn establish(
    clock: &Arc<Clock>,
    capacity: usize,
    configs: [Config; 2],
) -> ([Session; 2], [SharedPipe; 2]) {
    let (outcomes, pipes) = outcomes(clock, capacity, configs);
    (outcomes.map(Result::unwrap), pipes)
}

type Outcome = Result<Session, SessionError<MemError>>;

/// What comes of the handshakes of both ends.
fn outcomes(clock: &Arc<Clock>, capacity: usize, configs: [Config; 2]) -> ([Outcome; 2], [SharedPipe; 2]) {
    let pipes = [Pipe::new(capacity, None), Pipe::new(capacity, None)];
    let [there, back] = &pipes;
    let ios = [end(clock, back, there), end(clock, there, back)];
    let done: Rc<RefCell<[Option<Outcome>; 2]>> = Rc::default();
    let mut sim = Sim::new(1);
    for (at, (config, io)) in configs.into_iter().zip(ios).enumerate() {
        let done = Rc::clone(&done);
        let config = config.build().unwrap();
        sim.spawn(async move {
            let session = Session::establish(&config, Seed::new(&mut [at as u8 + 1; 32]), io).await;
            done.borrow_mut()[at] = Some(session);
        });
    }
    sim.run();
    (done.take().map(Option::unwrap), pipes)
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

/// Messages that have arrived at `session`, taken until it waits for more.
fn arrived(session: &mut Session) -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    while let Poll::Ready(event) = now(session.next()) {
        match event.unwrap() {
            Some(Event::Message(message)) => messages.push(message.to_vec()),
            other => panic!("{other:?}"),
        }
    }
    messages
}

#[test]
fn a_send_dropped_at_any_poll_is_a_message_that_was_never_sent() {
    let clock: Arc<Clock> = Arc::default();
    let large = message(7, 700_000);
    for polls in 1.. {
        let [mut a, mut b] = sessions_over(&clock, 8 * 1024);
        let mut messages = Vec::new();
        let mut sent = false;
        {
            let mut sending = pin!(a.send(&large));
            for _ in 0..polls {
                if let Poll::Ready(outcome) = sending.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                    outcome.unwrap();
                    sent = true;
                    break;
                }
                messages.extend(arrived(&mut b));
            }
        }
        while now(a.send(b"after")).map(Result::unwrap).is_pending() {
            messages.extend(arrived(&mut b));
        }
        while now(a.flush()).map(Result::unwrap).is_pending() {
            messages.extend(arrived(&mut b));
        }
        messages.extend(arrived(&mut b));
        let expected: &[&[u8]] = if sent { &[&large, b"after"] } else { &[b"after"] };
        assert!(messages == expected, "dropped after {polls} polls: {} messages", messages.len());
        if sent {
            assert!(polls > 20, "{polls} polls are too few to show anything");
            return;
        }
    }
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

#[test]
fn an_identity_that_is_proven_is_in_the_information_about_the_session() {
    const KEY: IdentityKey = IdentityKey([7; 32]);
    let signer = Arc::new(SignWith::new(KEY, |_: &[u8]| Some([9; 64])));
    let verifier =
        Arc::new(|key: &IdentityKey, _: &[u8], signature: &[u8; 64]| *key == KEY && *signature == [9; 64]);
    for required in [false, true] {
        let clock: Arc<Clock> = Arc::default();
        let protocol = "Noise_NN_25519_ChaChaPoly_BLAKE2s".parse().unwrap();
        let responder = Config::responder(&[protocol]).with_identity_verifier(verifier.clone());
        let responder = if required { responder.require_identity() } else { responder };
        let initiator = Config::initiator(protocol).with_identity(signer.clone());
        let [mut a, mut b] = establish(&clock, 1 << 20, [initiator, responder]).0;
        assert_eq!((a.info().identity, b.info().identity.is_some()), (None, required));
        ready(a.send(b"hello")).unwrap();
        ready(a.flush()).unwrap();
        assert!(matches!(ready(b.next()), Ok(Some(Event::Message(_)))));
        assert_eq!(b.info().identity, Some(KEY), "{required}");
    }
}

#[test]
fn an_identity_that_cannot_be_proven_is_told_by_its_error() {
    const PROTOCOL: &str = "Noise_NN_25519_ChaChaPoly_BLAKE2s";
    let not_signed = "the signer of this end's identity gave no signature";
    let missing = "the peer proves no identity, and one is required";
    let silent = Arc::new(SignWith::new(IdentityKey([7; 32]), |_: &[u8]| None));
    let judge = Arc::new(|_: &IdentityKey, _: &[u8], _: &[u8; 64]| true);
    let protocol = PROTOCOL.parse().unwrap();
    let judging = |config: Config| config.with_identity_verifier(judge.clone()).require_identity();
    let (initiator, responder) = (Config::initiator(protocol), Config::responder(&[protocol]));
    let silent_responder = [judging(initiator), responder.with_identity(silent.clone())];
    let (initiator, responder) = (Config::initiator(protocol), Config::responder(&[protocol]));
    let silent_initiator = [initiator.with_identity(silent), judging(responder)];
    for (configs, expected) in
        [(silent_responder, [missing, not_signed]), (silent_initiator, [not_signed, missing])]
    {
        let outcomes =
            outcomes(&Arc::default(), 1 << 20, configs).0.map(|outcome| outcome.unwrap_err().to_string());
        assert_eq!(outcomes, expected);
    }
}
