//! Sessions that their listener ends while they wait for a peer that reads nothing, and handshakes that are given up.

use super::*;
use sealock_proto::drive::{Gate, SessionConnection, SessionError, SessionSender};
use sealock_proto::entropy::Seed;
use sealock_proto::guard::{Excess, Guard, GuardConfig, Policy};
use sealock_proto::limit::AdmissionConfig;
use sealock_proto::noise::SecretKey;
use sealock_proto::session::{CloseCode, Config, Error, Event, Peers, SendError};
use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;

type Session = SessionConnection<MemRead, MemWrite>;
type Handshake = Pin<Box<dyn Future<Output = Result<Session, SessionError<MemError>>>>>;

/// When a session is ended from outside: long after all buffers are full.
const ENDED: Duration = Duration::from_secs(10);
/// How long a session waits for the answer to its close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a sender waits for a peer that takes no byte, where nobody else judges that.
const ALONE: Duration = Duration::from_secs(30);

fn since_start(clock: &Clock) -> Duration {
    clock.now().saturating_since(Instant::ZERO)
}

async fn until(clock: &Clock, time: Duration) {
    poll_fn(|cx| clock.poll_until(Instant::ZERO + time, cx.waker())).await;
}

/// One handshake at a time, and for each key one session, the newest.
fn gate() -> Gate {
    let policy = Policy::default().with_max_sessions_per_identity(Some(1)).with_excess(Excess::EndOldest);
    let seed = Seed::new(&mut [9; 32]);
    let guard = Guard::new(GuardConfig::default().with_policy(policy), &seed, Duration::ZERO).unwrap();
    let admission = AdmissionConfig::default().with_max_handshakes(1);
    Gate::new(admission, &seed).unwrap().with_guard(guard)
}

/// Handshakes in progress, sessions, and those of them that the guard counts.
fn counts(gate: &Gate) -> (usize, usize, usize) {
    let stats = gate.stats();
    (stats.handshakes, stats.sessions, gate.guard_stats().unwrap().roster.sessions)
}

/// The handshakes of both ends of a stream that takes `capacity` bytes, the listener's first. The client's key is always
/// the same.
fn begin(clock: &Arc<Clock>, gate: &Gate, capacity: usize, jitter: Option<u64>) -> [Handshake; 2] {
    let [there, back] = [0, !0].map(|end| Pipe::new(capacity, jitter.map(|seed| seed ^ end)));
    let (here, peer) = (end(clock, &there, &back), end(clock, &back, &there));
    let protocol = "Noise_XX_25519_ChaChaPoly_BLAKE2s".parse().unwrap();
    let secret = |n| SecretKey::new(&mut [n; 32]);
    let server = Config::responder(&[protocol]).with_static_key(secret(2)).with_close_timeout(CLOSE_TIMEOUT);
    let client = Config::initiator(protocol).with_static_key(secret(1)).with_peers(Peers::Any);
    let [server, client] = [server, client].map(|config| config.with_heartbeat(None).build().unwrap());
    let permit = gate.admit(clock.now(), None).unwrap();
    [
        Box::pin(async move { Session::accept(&server, Seed::new(&mut [3; 32]), here, permit).await }),
        Box::pin(async move {
            let mut session = Session::establish(&client, Seed::new(&mut [4; 32]), peer).await?;
            // The last message of the handshake is its own.
            session.flush().await?;
            Ok(session)
        }),
    ]
}

/// A session behind `gate`: the listener's end and the client's.
fn enter(clock: &Arc<Clock>, gate: &Gate, jitter: Option<u64>) -> [Session; 2] {
    let mut sim = Sim::new(jitter.unwrap_or_default());
    let ends = begin(clock, gate, 16 * 1024, jitter).map(|handshake| {
        let done = Rc::new(RefCell::new(None));
        let put = Rc::clone(&done);
        sim.spawn(async move { *put.borrow_mut() = Some(handshake.await.unwrap()) });
        done
    });
    sim.run();
    ends.map(|end| end.take().unwrap())
}

/// How a listener ends a session. What it gives is to be kept: it is what the session had to go for.
type Way = fn(&Arc<Clock>, &Gate) -> Option<[Session; 2]>;

const WAYS: [(Way, &str); 2] = [
    (|clock, gate| Some(enter(clock, gate, None)), "replaced by a newer session of this key"),
    (
        |_, gate| {
            gate.set_policy(Policy::default().with_allowed(Some(&[]))).unwrap().unwrap();
            None
        },
        "this key is no longer accepted",
    ),
];

/// Ends the session of `gate` in its time, and gives the counts at once. Its place is free then.
async fn end_it(clock: &Arc<Clock>, gate: &Gate, way: Way) -> Option<[Session; 2]> {
    until(clock, ENDED).await;
    assert_eq!(counts(gate), (0, 1, 1));
    let newer = way(clock, gate);
    let others = usize::from(newer.is_some());
    assert_eq!(counts(gate), (0, 1 + others, others), "its place goes with it, its slot when it has ended");
    newer
}

/// Sends messages of `len` bytes until that fails. How many were accepted, and when it failed.
async fn send_on(clock: &Clock, sender: &mut SessionSender<MemWrite>, len: usize) -> (usize, Duration) {
    let mut sent = 0;
    loop {
        match sender.send(&message(sent, len)).await {
            Ok(()) => sent += 1,
            Err(error) => {
                assert_eq!(error, DriveError::Protocol(SendError::Closed));
                return (sent, since_start(clock));
            }
        }
    }
}

#[test]
fn an_end_from_outside_ends_everything_that_waits_for_a_peer_that_reads_nothing() {
    for ((way, _), seed) in WAYS.into_iter().flat_map(|way| (0..10).map(move |seed| (way, seed))) {
        let mut sim = Sim::new(seed);
        let (clock, gate) = (Arc::clone(&sim.clock), gate());
        let [server, deaf] = enter(&clock, &gate, Some(seed));
        let (mut receiver, mut sender) = server.split();
        let time = Arc::clone(&clock);
        sim.spawn(async move {
            let (sent, failed) = send_on(&time, &mut sender, 1000).await;
            assert!(sent > 200, "it was not held up: {sent}");
            assert_eq!(failed, ENDED);
        });
        let time = Arc::clone(&clock);
        sim.spawn(async move {
            let error = receiver.next().await.map(|_| ()).unwrap_err();
            assert_eq!(error, DriveError::Protocol(Error::CloseTimeout));
            assert_eq!(since_start(&time), ENDED + CLOSE_TIMEOUT);
        });
        let (time, ending) = (Arc::clone(&clock), gate.clone());
        sim.spawn(async move { drop(end_it(&time, &ending, way).await) });
        sim.run();
        assert_eq!(counts(&gate), (0, 0, 0));
        drop(deaf);
    }
}

#[test]
fn a_peer_that_reads_again_gets_what_was_accepted_and_is_told_why_it_ends() {
    // (bytes of each message, the least that were accepted): a single one is held up half way.
    for ((way, why), (len, least)) in
        WAYS.into_iter().flat_map(|way| [(1000, 200), (700_000, 0)].map(move |case| (way, case)))
    {
        for seed in 0..5 {
            let mut sim = Sim::new(seed);
            let (clock, gate) = (Arc::clone(&sim.clock), gate());
            let [server, mut peer] = enter(&clock, &gate, Some(seed));
            let (mut receiver, mut sender) = server.split();
            let accepted = Rc::new(Cell::new(None));
            let (time, sent) = (Arc::clone(&clock), Rc::clone(&accepted));
            sim.spawn(async move { sent.set(Some(send_on(&time, &mut sender, len).await)) });
            sim.spawn(async move {
                assert!(matches!(receiver.next().await, Ok(Some(Event::Closed { .. }))), "the peer's answer");
                assert!(matches!(receiver.next().await, Ok(None)));
            });
            let (time, ending) = (Arc::clone(&clock), gate.clone());
            sim.spawn(async move {
                let newer = end_it(&time, &ending, way).await;
                until(&time, ENDED + CLOSE_TIMEOUT).await;
                drop(newer);
            });
            let (time, sent) = (Arc::clone(&clock), Rc::clone(&accepted));
            sim.spawn(async move {
                until(&time, ENDED + CLOSE_TIMEOUT / 2).await;
                let mut got = 0;
                let closed = loop {
                    match peer.next().await.unwrap() {
                        Some(Event::Message(bytes)) => {
                            assert!(*bytes == message(got, len));
                            got += 1;
                        }
                        Some(Event::Closed { code, reason }) => break (code, reason.to_vec()),
                        other => panic!("{other:?}"),
                    }
                };
                assert_eq!(closed, (CloseCode::GOING_AWAY, why.as_bytes().to_vec()));
                let (sent, failed) = sent.get().unwrap();
                assert_eq!((got, failed), (sent, ENDED));
                assert!(sent >= least, "{sent}");
                assert!(matches!(peer.next().await, Ok(None)));
            });
            sim.run();
            assert_eq!(counts(&gate), (0, 0, 0));
        }
    }
}

#[test]
fn a_task_that_only_sends_hears_of_an_end_from_outside_although_nobody_receives() {
    for (way, _) in WAYS {
        for flushes in [false, true] {
            let mut sim = Sim::new(1);
            let (clock, gate) = (Arc::clone(&sim.clock), gate());
            let [mut server, deaf] = enter(&clock, &gate, None);
            let time = Arc::clone(&clock);
            sim.spawn(async move {
                if flushes {
                    server.send(&message(0, 30_000)).await.unwrap();
                    assert!(server.flush().await.is_err());
                    assert_eq!(since_start(&time), ENDED + ALONE);
                } else {
                    assert_eq!(send_on(&time, &mut server.sender, 1000).await.1, ENDED);
                }
            });
            let (time, ending) = (Arc::clone(&clock), gate.clone());
            sim.spawn(async move { drop(end_it(&time, &ending, way).await) });
            sim.run();
            assert_eq!(counts(&gate), (0, 0, 0));
            drop(deaf);
        }
    }
}

#[test]
fn a_handshake_dropped_at_any_poll_gives_its_place_back() {
    let clock: Arc<Clock> = Arc::default();
    let mut cx = Context::from_waker(Waker::noop());
    for polls in 0.. {
        let gate = gate();
        let [mut accepting, mut connecting] = begin(&clock, &gate, 20, None);
        let (mut accepted, mut connected) = (None, None);
        for _ in 0..polls {
            if let Poll::Ready(session) = accepting.as_mut().poll(&mut cx) {
                accepted = Some(session.unwrap());
                break;
            }
            if connected.is_none() {
                connected = Some(connecting.as_mut().poll(&mut cx)).filter(Poll::is_ready);
            }
        }
        let entered = accepted.is_some();
        assert_eq!(counts(&gate), if entered { (0, 1, 1) } else { (1, 0, 0) });
        drop((accepting, accepted));
        assert_eq!(counts(&gate), (0, 0, 0), "dropped after {polls} polls");
        // There is one place for a handshake.
        drop(enter(&clock, &gate, None));
        if entered {
            assert!(polls > 10, "{polls} polls are too few to show anything");
            return;
        }
    }
}
