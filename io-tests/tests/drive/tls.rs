//! TLS as a stage of the loop: everything the loop promises, and what is TLS's own.

use super::certs::{
    Authority, Identity, certificate, client, client_config, client_of, server, server_config,
};
use super::*;
use sealock_proto::drive::{
    CertificateFault, HandOverError, SessionConnection, Tls, TlsError, Transport, WsConnection, WsIncoming,
};
use sealock_proto::entropy::Seed;
use sealock_proto::sim::seeds;
use sealock_proto::{session, ws};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::OnceLock;

const NAME: &str = "here.test";

/// One authority and a certificate of it: making keys takes longer than all else here.
fn known() -> &'static (Authority, Identity) {
    static KNOWN: OnceLock<(Authority, Identity)> = OnceLock::new();
    KNOWN.get_or_init(|| {
        let authority = Authority::new("known");
        let identity = authority.issue(NAME);
        (authority, identity)
    })
}

fn ends() -> [Tls; 2] {
    let (authority, identity) = known();
    [client(authority, NAME, None), server(identity, None)]
}

/// A toy behind each end of TLS, the client first, on a stream of which the client's outgoing direction comes first.
fn toys(
    clock: &Arc<Clock>,
    tls: [Tls; 2],
    capacity: usize,
    seed: Option<u64>,
    config: Config,
) -> ([MemToy; 2], [SharedPipe; 2]) {
    let there = Pipe::new(capacity, seed);
    let back = Pipe::new(capacity, seed.map(|seed| !seed));
    let [client, server] = tls;
    let over = |io, tls| {
        let io = Transport::from(io).with_tls(tls);
        Connection::new(toy(config, Instant::ZERO), io, RxBuf::new(1 << 20), TxBuf::new(512 * 1024))
    };
    let toys = [over(end(clock, &back, &there), client), over(end(clock, &there, &back), server)];
    (toys, [there, back])
}

/// Polls both receivers until neither goes on; neither has an event before the other spoke.
fn shake_hands(toys: &mut [MemToy; 2]) {
    for _ in 0..4 {
        toys.iter_mut().for_each(|toy| assert!(now(toy.next()).is_pending()));
    }
}

#[test]
fn any_interleaving_of_dropped_futures_loses_and_repeats_nothing() {
    for seed in seeds("tls::any_interleaving_of_dropped_futures_loses_and_repeats_nothing", 0..30) {
        let outcome = std::panic::catch_unwind(|| {
            let mut sim = Sim::new(seed);
            let mut jitter = Jitter::new(seed);
            let config = Config { stay_open: true, ..Config::default() };
            let clock = Arc::clone(&sim.clock);
            let capacity = 1 + (jitter.next_u64() % 3000) as usize;
            let (toys, _) = toys(&clock, ends(), capacity, Some(seed), config);
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
fn messages_of_all_sizes_arrive_over_a_stream_that_takes_one_byte_a_write() {
    let mut sim = Sim::new(1);
    let clock = Arc::clone(&sim.clock);
    let (toys, _) = toys(&clock, ends(), 1, None, Config { stay_open: true, ..Config::default() });
    for toy in toys {
        let (mut receiver, mut sender) = toy.split();
        sim.spawn(async move { send_burst(&mut sender, 3, 9000).await });
        sim.spawn(async move { receive_burst(&mut receiver, 3, 9000).await });
    }
    sim.run();
}

#[test]
fn nothing_of_the_protocol_leaves_before_the_handshake_or_in_the_clear() {
    let clock = Arc::default();
    let (mut toys, [there, back]) = toys(&clock, ends(), 1 << 20, None, Config::default());
    let secret = message(3, 5000);
    send(&mut toys[0], &secret).unwrap();
    send(&mut toys[1], &secret).unwrap();
    assert!(now(toys[0].flush()).is_pending(), "the receiver has not been polled");
    let hello = there.lock().unwrap().data.len();
    assert!(hello > 0 && hello < 2000, "{hello} bytes");
    assert!(now(toys[1].flush()).is_pending());
    assert_eq!(back.lock().unwrap().data.len(), 0, "a server speaks second");
    assert!(now(toys[1].next()).is_pending());
    let answer: Vec<u8> = back.lock().unwrap().data.iter().copied().collect();
    assert!(answer.len() < 2000, "{} bytes: more than a handshake", answer.len());
    assert!(now(toys[0].next()).is_pending());
    let sent: Vec<u8> = there.lock().unwrap().data.iter().copied().collect();
    assert!(sent.len() > secret.len(), "now it has left");
    for window in [&secret[..32], &secret[1000..1032]] {
        assert!(!sent.windows(32).any(|bytes| bytes == window), "in the clear");
    }
    assert!(matches!(ready(toys[1].next()), Ok(Some(Event::Message(got))) if *got == *secret));
}

#[test]
fn a_sender_that_waited_for_the_handshake_is_woken_by_its_end() {
    let clock = Arc::default();
    let (mut toys, _) = toys(&clock, ends(), 1 << 20, None, Config::default());
    send(&mut toys[0], b"early").unwrap();
    let flag = Arc::new(Flag::default());
    let waker = Waker::from(flag.clone());
    assert!(pin!(toys[0].sender.flush()).poll(&mut Context::from_waker(&waker)).is_pending());
    assert!(now(toys[1].next()).is_pending());
    assert!(now(toys[0].next()).is_pending());
    assert!(flag.wakes.load(Ordering::SeqCst) > 0, "nobody told the sender");
    ready(toys[0].flush()).unwrap();
    assert!(matches!(ready(toys[1].next()), Ok(Some(Event::Message(m))) if *m == *b"early"));
}

#[test]
fn a_burst_leaves_in_one_write_and_is_received_without_another_wait() {
    let clock = Arc::default();
    let (mut toys, [there, _]) = toys(&clock, ends(), 1 << 20, None, Config::default());
    shake_hands(&mut toys);
    let before = there.lock().unwrap().writes;
    for number in 0..50 {
        send(&mut toys[0], &message(number, 100)).unwrap();
    }
    ready(toys[0].flush()).unwrap();
    assert_eq!(there.lock().unwrap().writes - before, 1);
    for number in 0..50 {
        let Some(Event::Message(payload)) = ready(toys[1].next()).unwrap() else { panic!("a message") };
        assert!(*payload == *message(number, 100));
    }
}

#[test]
fn an_end_by_the_protocol_is_told_with_a_closing_alert_behind_its_last_bytes() {
    let clock = Arc::default();
    let (mut toys, [there, back]) = toys(&clock, ends(), 1 << 20, None, Config::default());
    shake_hands(&mut toys);
    send(&mut toys[0], b"last").unwrap();
    ready(toys[0].sender.call(|half, _, tx| half.close(tx))).unwrap();
    ready(toys[0].flush()).unwrap();
    assert!(matches!(ready(toys[1].next()), Ok(Some(Event::Message(m))) if *m == *b"last"));
    assert_eq!(ready(toys[1].next()).unwrap(), Some(Event::Closed));
    let before = back.lock().unwrap().data.len();
    assert_eq!(ready(toys[1].next()).unwrap(), None);
    // The answer of the toy, and an alert: 2 bytes, the type of the record, a tag, a header.
    assert!(back.lock().unwrap().data.len() - before >= 2 * (5 + 1 + 16) + 2, "no alert");
    assert!(back.lock().unwrap().closed);
    assert_eq!(ready(toys[0].next()).unwrap(), Some(Event::Closed));
    assert_eq!(ready(toys[0].next()).unwrap(), None);
    assert!(there.lock().unwrap().closed);
}

#[test]
fn a_flush_does_not_wait_for_the_closing_alert() {
    let clock = Arc::default();
    let config = Config { stay_open: true, ..Config::default() };
    let (mut toys, [there, _]) = toys(&clock, ends(), 1 << 20, None, config);
    shake_hands(&mut toys);
    for toy in &mut toys {
        ready(toy.sender.call(|half, _, tx| half.close(tx))).unwrap();
        ready(toy.flush()).unwrap();
    }
    let mut pipe = there.lock().unwrap();
    pipe.capacity = pipe.data.len();
    drop(pipe);
    assert_eq!(ready(toys[0].next()).unwrap(), Some(Event::Closed));
    assert!(now(toys[0].next()).is_pending(), "the alert is stuck");
    ready(toys[0].flush()).unwrap();
    assert_eq!(toys[0].sender.queued(), 0);
    send(&mut toys[0], b"late").unwrap_err();
}

#[test]
fn an_end_before_the_protocol_has_closed_is_reported_with_or_without_an_alert() {
    for with_alert in [false, true] {
        let clock = Arc::default();
        let (mut toys, [there, _]) = toys(&clock, ends(), 1 << 20, None, Config::default());
        shake_hands(&mut toys);
        send(&mut toys[0], b"delivered first").unwrap();
        if with_alert {
            ready(toys[0].sender.close()).unwrap();
        } else {
            ready(toys[0].flush()).unwrap();
            there.lock().unwrap().closed = true;
        }
        assert!(matches!(ready(toys[1].next()), Ok(Some(Event::Message(_)))), "{with_alert}");
        let ended = ready(toys[1].next());
        assert_eq!(ended, Err(DriveError::Protocol(ToyError::Truncated)), "{with_alert}");
    }
}

#[test]
fn a_stream_that_ends_in_the_handshake_says_so() {
    let clock = Arc::default();
    let (mut toys, [_, back]) = toys(&clock, ends(), 1 << 20, None, Config::default());
    assert!(now(toys[0].next()).is_pending());
    back.lock().unwrap().closed = true;
    assert_eq!(ready(toys[0].next()), Err(DriveError::Tls(TlsError::Truncated)));
}

#[test]
fn a_record_that_was_changed_is_a_failure_behind_what_was_authentic() {
    let clock = Arc::default();
    let (mut toys, [there, back]) = toys(&clock, ends(), 1 << 20, None, Config::default());
    shake_hands(&mut toys);
    for text in [b"good", b"evil"] {
        send(&mut toys[0], text).unwrap();
        ready(toys[0].flush()).unwrap();
    }
    *there.lock().unwrap().data.back_mut().unwrap() ^= 1;
    let before = back.lock().unwrap().data.len();
    assert!(matches!(ready(toys[1].next()), Ok(Some(Event::Message(m))) if *m == *b"good"));
    assert_eq!(ready(toys[1].next()), Err(DriveError::Tls(TlsError::Forged)));
    assert!(back.lock().unwrap().data.len() > before, "the peer is not told");
    assert_eq!(ready(toys[0].next()), Err(DriveError::Tls(TlsError::Alert(20))), "bad_record_mac");
    send(&mut toys[1], b"late").unwrap_err();
}

#[test]
fn a_peer_that_does_not_speak_tls_is_told_from_one_that_does() {
    let clock = Arc::default();
    let (mut toys, [there, _]) = toys(&clock, ends(), 1 << 20, None, Config::default());
    there.lock().unwrap().data.extend(*b"GET / HTTP/1.1\r\n\r\n");
    assert_eq!(ready(toys[1].next()), Err(DriveError::Tls(TlsError::NotTls)));
}

#[test]
fn certificates_are_judged_and_both_ends_are_told() {
    let (authority, identity) = known();
    let stranger = Authority::new("stranger");
    let expired = authority.issue_expired(NAME);
    let of_stranger = stranger.issue(NAME);
    let fault = |fault| TlsError::Certificate(fault);
    let cases = [
        (
            "an unknown issuer",
            client(&stranger, NAME, None),
            server(identity, None),
            Some(fault(CertificateFault::UnknownIssuer)),
            TlsError::Alert(48),
        ),
        (
            "another name",
            client(authority, "there.test", None),
            server(identity, None),
            Some(fault(CertificateFault::WrongName)),
            TlsError::Alert(42),
        ),
        (
            "an old certificate",
            client(authority, NAME, None),
            server(&expired, None),
            Some(fault(CertificateFault::Expired)),
            TlsError::Alert(45),
        ),
        (
            "a client without",
            client(authority, NAME, None),
            server(identity, Some(authority)),
            None,
            TlsError::NoCertificate,
        ),
        (
            "a client of a stranger",
            client(authority, NAME, Some(&of_stranger)),
            server(identity, Some(authority)),
            None,
            fault(CertificateFault::UnknownIssuer),
        ),
    ];
    for (case, client, server, at_client, at_server) in cases {
        let clock = Arc::default();
        let ([mut a, mut b], _) = toys(&clock, [client, server], 1 << 20, None, Config::default());
        let mut outcomes = [None, None];
        for _ in 0..6 {
            for (toy, outcome) in [&mut a, &mut b].into_iter().zip(&mut outcomes) {
                if outcome.is_none() {
                    if let Poll::Ready(Err(error)) = now(toy.next()) {
                        *outcome = Some(error);
                    }
                }
            }
        }
        let [client, server] = outcomes;
        match at_client {
            Some(error) => assert_eq!(client, Some(DriveError::Tls(error)), "{case}"),
            None => {
                assert!(matches!(client, Some(DriveError::Tls(TlsError::Alert(_)))), "{case}: {client:?}")
            }
        }
        assert_eq!(server, Some(DriveError::Tls(at_server)), "{case}");
    }
}

#[test]
fn a_client_with_the_certificate_wanted_is_let_in() {
    let (authority, identity) = known();
    let tls = [client(authority, NAME, Some(identity)), server(identity, Some(authority))];
    let clock = Arc::default();
    let (mut toys, _) = toys(&clock, tls, 1 << 20, None, Config::default());
    shake_hands(&mut toys);
    send(&mut toys[0], b"in").unwrap();
    ready(toys[0].flush()).unwrap();
    assert!(matches!(ready(toys[1].next()), Ok(Some(Event::Message(m))) if *m == *b"in"));
}

#[test]
fn each_end_knows_the_other_once_the_handshake_is_complete() {
    let (authority, identity) = known();
    let client_of_ours = authority.issue("client.test");
    let leaf = |identity: &Identity| Some(vec![certificate(identity)]);
    for (shown, seen) in [(None, None), (Some(&client_of_ours), leaf(&client_of_ours))] {
        let wanted = shown.map(|_| authority);
        let tls = [client(authority, NAME, shown), server(identity, wanted)];
        let clock = Arc::default();
        let (mut toys, _) = toys(&clock, tls, 1 << 20, None, Config::default());
        assert!(now(toys[0].next()).is_pending(), "it has spoken");
        assert!(now(toys[1].next()).is_pending(), "and was answered");
        assert_eq!(toys.each_ref().map(Connection::peer_certificates), [None, None]);
        shake_hands(&mut toys);
        assert_eq!(toys.each_ref().map(Connection::peer_certificates), [leaf(identity), seen]);
    }
    let clock = Arc::default();
    let (plain, _) = super::toys(&clock, 1 << 20, None, Config::default());
    assert_eq!(plain[0].peer_certificates(), None);
}

/// What two futures come to on virtual time.
fn both<A: 'static, B: 'static>(
    sim: &mut Sim,
    a: impl Future<Output = A> + 'static,
    b: impl Future<Output = B> + 'static,
) -> (A, B) {
    let (left, right) = (Rc::new(RefCell::new(None)), Rc::new(RefCell::new(None)));
    let (to_left, to_right) = (Rc::clone(&left), Rc::clone(&right));
    sim.spawn(async move { *to_left.borrow_mut() = Some(a.await) });
    sim.spawn(async move { *to_right.borrow_mut() = Some(b.await) });
    sim.run();
    (left.take().unwrap(), right.take().unwrap())
}

#[test]
fn a_native_session_runs_over_tls() {
    let mut sim = Sim::new(1);
    let (there, back) = (Pipe::new(999, Some(1)), Pipe::new(999, Some(2)));
    let [tls_a, tls_b] = ends();
    let a = Transport::from(end(&sim.clock, &back, &there)).with_tls(tls_a);
    let b = Transport::from(end(&sim.clock, &there, &back)).with_tls(tls_b);
    let protocol = "Noise_NN_25519_ChaChaPoly_BLAKE2s".parse().unwrap();
    let configs = [session::Config::initiator(protocol), session::Config::responder(&[protocol])];
    let [to, from] = configs.map(|config| config.with_snapshots().build().unwrap());
    let sent = message(1, 100_000);
    let expected = sent.clone();
    let (_, got) = both(
        &mut sim,
        async move {
            let session = SessionConnection::establish(&to, Seed::new(&mut [1; 32]), a).await.unwrap();
            let key = session::SnapshotKey::new(&mut [3; 32]);
            let refused = session.hand_over(&key, b"", Seed::new(&mut [4; 32])).await.unwrap_err();
            assert_eq!(refused.error, HandOverError::Tls);
            let mut session = *refused.session;
            session.send(&sent).await.unwrap();
            let _ = session.close(session::CloseCode::NORMAL, "").await.unwrap();
        },
        async move {
            let mut session = SessionConnection::establish(&from, Seed::new(&mut [2; 32]), b).await.unwrap();
            let mut got = Vec::new();
            while let Some(event) = session.next().await.unwrap() {
                if let session::Event::Message(message) = event {
                    got.push(message.to_vec());
                }
            }
            got
        },
    );
    assert!(got == [expected]);
}

#[test]
fn a_websocket_runs_over_tls() {
    let mut sim = Sim::new(1);
    let (there, back) = (Pipe::new(999, Some(1)), Pipe::new(999, Some(2)));
    let [tls_a, tls_b] = ends();
    let a = Transport::from(end(&sim.clock, &back, &there)).with_tls(tls_a);
    let b = Transport::from(end(&sim.clock, &there, &back)).with_tls(tls_b);
    let config = ws::Config::default().build().unwrap();
    let of_server = Arc::clone(&config);
    let (closed, ()) = both(
        &mut sim,
        async move {
            let request = ws::UpgradeRequest::new(NAME, "/").unwrap();
            let (mut ws, _) =
                WsConnection::connect(&config, &request, &Seed::new(&mut [1; 32]), a).await.unwrap();
            let sent = message(1, 100_000);
            ws.send(ws::Kind::Binary, &sent).await.unwrap();
            let Ok(Some(ws::Event::Message { payload, .. })) = ws.next().await else { panic!("no echo") };
            assert!(*payload == *sent);
            ws.close(ws::CloseCode::NORMAL, "done").await.unwrap()
        },
        async move {
            let asked = WsIncoming::read(&of_server, &Seed::new(&mut [2; 32]), b).await.unwrap();
            let mut ws = asked.accept(&ws::Accept::new()).await.unwrap();
            while let Some(event) = ws.receiver.next().await.unwrap() {
                if let ws::Event::Message { kind, payload } = event {
                    ws.sender.send(kind, payload).await.unwrap();
                }
            }
        },
    );
    assert_eq!(closed.peer.unwrap().code, ws::CloseCode::NORMAL);
}

#[test]
fn the_handshake_has_the_time_that_the_protocol_gives_its_opening() {
    let mut sim = Sim::new(1);
    let (there, back) = (Pipe::new(1 << 16, None), Pipe::new(1 << 16, None));
    let [tls, _] = ends();
    let io = Transport::from(end(&sim.clock, &back, &there)).with_tls(tls);
    let config = ws::Config::default().build().unwrap();
    let clock = Arc::clone(&sim.clock);
    let (error, ()) = both(
        &mut sim,
        async move {
            let request = ws::UpgradeRequest::new(NAME, "/").unwrap();
            WsConnection::connect(&config, &request, &Seed::new(&mut [1; 32]), io).await.unwrap_err()
        },
        async {},
    );
    let sealock_proto::drive::WsConnectError::Failed(DriveError::Protocol(error)) = error else {
        panic!("{error:?}")
    };
    assert_eq!(error, ws::Error::HandshakeTimeout);
    assert!(clock.now() < Instant::ZERO + Duration::from_secs(60));
}

/// Both toys receive what has arrived, until neither goes on.
fn settle(toys: &mut [MemToy; 2]) {
    for _ in 0..4 {
        for toy in toys.iter_mut() {
            while let Poll::Ready(event) = now(toy.next()) {
                assert!(matches!(event, Ok(Some(Event::Message(_)))));
            }
        }
    }
}

/// Bytes of heap that one end may hold at rest, besides the stream, 8 KiB as measured: nearly all are rustls' own, half
/// of them a buffer of 4 KiB that it does not give back.
const AT_REST: i64 = 10 * 1024;

#[test]
fn an_end_at_rest_holds_no_buffers_of_ours_and_little_of_rustls() {
    let (authority, identity) = known();
    let (of_client, of_server) = (client_config(authority, None), server_config(identity, None));
    let ends = || [client_of(Arc::clone(&of_client), NAME), Tls::server(Arc::clone(&of_server)).unwrap()];
    let clock: Arc<Clock> = Arc::default();
    let rested = |len| {
        let (there, back) = (Pipe::new(1 << 20, None), Pipe::new(1 << 20, None));
        for pipe in [&there, &back] {
            pipe.lock().unwrap().data.reserve(1 << 20);
        }
        let ios = [end(&clock, &back, &there), end(&clock, &there, &back)];
        let mut held = None;
        let counted = allocation_counter::measure(|| {
            let mut made = ios.into_iter().zip(ends()).map(|(io, tls)| {
                let io = Transport::from(io).with_tls(tls);
                let toy = toy(Config::default(), Instant::ZERO);
                Connection::new(toy, io, RxBuf::new(1 << 20), TxBuf::new(1 << 20))
            });
            let toys: [MemToy; 2] = std::array::from_fn(|_| made.next().unwrap());
            let toys = held.insert(toys);
            settle(toys);
            for at in [0, 1] {
                send(&mut toys[at], &message(0, len)).unwrap();
            }
            settle(toys);
            for _ in 0..4 {
                clock.advance_to(clock.now() + Duration::from_secs(1));
                settle(toys);
            }
        });
        let memory = held.as_ref().unwrap().iter().map(|toy| toy.receiver.buffer_memory()).sum::<usize>();
        assert_eq!(memory, 0);
        counted.bytes_current / 2
    };
    // What the configurations keep to resume sessions is there then.
    for _ in 0..150 {
        rested(1);
    }
    let bytes = rested(200_000);
    assert!((1..AT_REST).contains(&bytes), "{bytes} bytes an end");
}

#[test]
fn a_record_costs_the_allocations_of_rustls_and_none_of_ours() {
    let clock = Arc::default();
    let (mut toys, _) = toys(&clock, ends(), 1 << 20, None, Config::default());
    shake_hands(&mut toys);
    let mut exchange = |len| {
        for at in [0, 1] {
            send(&mut toys[at], &message(0, len)).unwrap();
            ready(toys[at].flush()).unwrap();
            assert!(matches!(ready(toys[1 - at].next()), Ok(Some(Event::Message(_)))));
        }
    };
    // For each record one block at either end; rustls also enlarges the buffer it reads into by 4 KiB at a time, and
    // begins anew when it is empty.
    for (len, records) in [(100, 1), (10_000, 1), (40_000, 3)] {
        (0..10).for_each(|_| exchange(len));
        let counted = allocation_counter::measure(|| (0..100).for_each(|_| exchange(len)));
        // The message itself is one more.
        let each = counted.count_total.div_ceil(200) - 1;
        let allowed = 2 * records + if len > 4000 { len as u64 / 4096 + records } else { 0 };
        assert!(each <= allowed, "{each} allocations for {records} records, {len} bytes");
    }
}
