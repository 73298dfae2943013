//! What a listener's guard refuses, ends and counts, as its peers see it.

use super::{CLIENT, IK, Kind, Net, SERVER, Session, XX, client, join, listen, public, secret, server, task};
use crate::driver::until;
use sealock_net::{Address, ConnectError, ConnectOptions, ListenOptions};
use sealock_proto::drive::DriveError;
use sealock_proto::guard::{Excess, GateConfig, GuardConfig, LoadConfig, Policy};
use sealock_proto::limit::{AdmissionConfig, KeyedConfig};
use sealock_proto::noise::PublicKey;
use sealock_proto::session::{Alert, CloseCode, Config, Error, Event, alert_packet};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

fn options(guard: Option<GuardConfig>) -> ListenOptions {
    let admission = AdmissionConfig::default().with_keyed(None);
    ListenOptions::default().with_admission(admission).with_guard(guard)
}

fn judged(policy: Policy) -> ListenOptions {
    options(Some(GuardConfig::default().with_policy(policy)))
}

/// Answers every message of every session with itself, for as long as the test runs.
pub(super) fn echo<S: Net>(config: Config, options: ListenOptions) -> Arc<S::Listener> {
    let listener = listen::<S>(Kind::Tcp, config, options);
    let accepting = Arc::clone(&listener);
    task::<S, _>(async move {
        loop {
            let incoming = S::accept(&accepting).await;
            task::<S, _>(async move {
                let Ok(mut session) = S::handshake(incoming).await else { return };
                while let Ok(Some(event)) = session.next().await {
                    let Event::Message(message) = event else { continue };
                    let message = message.to_vec();
                    if session.send(&message).await.is_err() || session.flush().await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    listener
}

/// A client with the secret key made of `n`.
fn by(n: u8) -> Config {
    client(IK).with_static_key(secret(n))
}

fn enter<C: Net>(address: &Address, config: Config) -> Result<Session<C>, ConnectError> {
    C::block_on(C::connect(address, &config.build().unwrap(), &ConnectOptions::default()))
}

/// Whether the session still carries a message there and back.
pub(super) fn works<C: Net>(session: &mut Session<C>, text: &[u8]) {
    C::block_on(async {
        session.send(text).await.unwrap();
        session.flush().await.unwrap();
        match session.next().await.unwrap() {
            Some(Event::Message(answer)) => assert_eq!(&*answer, text),
            other => panic!("{other:?}"),
        }
    });
}

pub(super) fn fails<C: Net>(address: &Address, config: Config, expected: Error) {
    match enter::<C>(address, config).map(|_| ()).unwrap_err() {
        ConnectError::Session { error: DriveError::Protocol(error), .. } => assert_eq!(error, expected),
        other => panic!("{other:?}"),
    }
}

fn refused<C: Net>(address: &Address, config: Config, alert: Alert) {
    fails::<C>(address, config, Error::Refused(alert));
}

fn closed<C: Net>(session: &mut Session<C>) {
    match C::block_on(session.next()).unwrap() {
        Some(Event::Closed { code, .. }) => assert_eq!(code, CloseCode::GOING_AWAY),
        other => panic!("{other:?}"),
    }
}

fn stream(address: &Address) -> TcpStream {
    let Address::Tcp(address) = address else { panic!("not TCP") };
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream
}

/// An address whose next stream goes to `server`; what its client says first is also handed out.
fn recorder(server: &Address) -> (Address, Receiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().into();
    let (said, first) = channel();
    let server = server.clone();
    thread::spawn(move || {
        let (client, server) = (listener.accept().unwrap().0, stream(&server));
        let mut flight = vec![0; 4096];
        // A client says all of its first flight in one write, then waits.
        let count = (&client).read(&mut flight).unwrap();
        flight.truncate(count);
        (&server).write_all(&flight).unwrap();
        said.send(flight).unwrap();
        server.set_read_timeout(None).unwrap();
        let (mut from, mut to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
        thread::spawn(move || std::io::copy(&mut from, &mut to));
        let _ = std::io::copy(&mut &client, &mut &server);
    });
    (address, first)
}

fn recorded<C: Net>(server: &Address) -> (Session<C>, Vec<u8>) {
    let (address, first) = recorder(server);
    let session = enter::<C>(&address, client(IK)).unwrap();
    (session, first.recv().unwrap())
}

/// All that the listener says to `flight` on a connection of its own, until it closes that.
fn said_to(server: &Address, flight: &[u8]) -> Vec<u8> {
    let mut stream = stream(server);
    stream.write_all(flight).unwrap();
    let mut said = Vec::new();
    stream.read_to_end(&mut said).unwrap();
    said
}

/// A first flight seen before is refused with an alert, and the session it began goes on.
pub fn replayed_first_flight_is_refused<S: Net, C: Net>(_: Kind) {
    let listener = echo::<S>(server(), options(Some(GuardConfig::default())));
    let address = S::address(&listener);
    let (mut session, flight) = recorded::<C>(&address);
    works::<C>(&mut session, b"before");
    assert_eq!(said_to(&address, &flight), alert_packet(Alert::Replayed));
    works::<C>(&mut session, b"after");
    until(|| S::stats(&listener), |stats| stats.handshakes == 0);
    let stats = S::gate(&listener).guard_stats().unwrap();
    assert_eq!((stats.gate.unloaded, stats.replay.accepted), (2, 1));
}

/// Without a guard the same bytes are answered: it is the guard that refuses them.
pub fn replayed_first_flight_is_answered_without_a_guard<S: Net, C: Net>(_: Kind) {
    let listener = echo::<S>(server(), options(None));
    let address = S::address(&listener);
    let (_session, flight) = recorded::<C>(&address);
    let mut stream = stream(&address);
    stream.write_all(&flight).unwrap();
    let mut said = [0; 5];
    stream.read_exact(&mut said).unwrap();
    assert_ne!(said[..4], alert_packet(Alert::Replayed));
    assert!(S::gate(&listener).guard_stats().is_none());
}

/// A listener started anew remembers nothing, and refuses what was said before it started.
pub fn first_flight_from_before_the_start_is_refused<S: Net, C: Net>(_: Kind) {
    let flight = {
        let first = echo::<S>(server(), options(Some(GuardConfig::default())));
        recorded::<C>(&S::address(&first)).1
    };
    let anew = echo::<S>(server(), options(Some(GuardConfig::default())));
    assert_eq!(said_to(&S::address(&anew), &flight), alert_packet(Alert::Replayed));
    assert_eq!(S::gate(&anew).guard_stats().unwrap().replay.before_start, 1);
}

/// Under load an honest client proves its address and gets in; a scanner gets no byte.
pub fn load_asks_for_a_cookie<S: Net, C: Net>(_: Kind) {
    let load = LoadConfig::default().with_backlog(1);
    let gate = GateConfig::default().with_load(load);
    let listener = echo::<S>(server(), options(Some(GuardConfig::default().with_gate(Some(gate)))));
    let address = S::address(&listener);
    let _half_open = [stream(&address), stream(&address)];
    until(|| S::stats(&listener), |stats| stats.handshakes == 2);
    let (mut session, mut flight) = recorded::<C>(&address);
    works::<C>(&mut session, b"in");
    let stats = S::gate(&listener).guard_stats().unwrap().gate;
    assert_eq!((stats.cookies, stats.verified, stats.unloaded), (1, 1, 0));
    // The first MAC is the last of a first flight.
    *flight.last_mut().unwrap() ^= 1;
    assert_eq!(said_to(&address, &flight), b"");
}

/// The lists and the counts of a policy, each with what the refused are told.
pub fn policy_is_kept<S: Net, C: Net>(_: Kind) {
    let attempts = KeyedConfig::default().with_attempts(1).with_cool_down(Duration::from_secs(600));
    let open = Policy::default;
    // (policy, what another key and then this key again get)
    let cases = [
        (open().with_allowed(Some(&[public(CLIENT)])), Some(Alert::PeerNotAllowed), None),
        (open().with_denied(&[public(5)]), Some(Alert::PeerNotAllowed), None),
        (open().with_attempts(Some(attempts)), None, Some(Alert::TooManyAttempts)),
        (open().with_max_sessions_per_identity(Some(1)), None, Some(Alert::Busy)),
        (open().with_max_sessions(1), Some(Alert::Busy), Some(Alert::Busy)),
    ];
    for (policy, other, again) in cases {
        let listener = echo::<S>(server(), judged(policy));
        let address = S::address(&listener);
        let mut first = enter::<C>(&address, by(CLIENT)).unwrap();
        works::<C>(&mut first, b"first");
        for (key, expected) in [(5, other), (CLIENT, again)] {
            match expected {
                Some(alert) => refused::<C>(&address, by(key), alert),
                None => works::<C>(&mut enter::<C>(&address, by(key)).unwrap(), b"second"),
            }
        }
        works::<C>(&mut first, b"still");
    }
}

/// Where the newest wins, the older session of a key is told so while it waits, and the newer lives.
pub fn newest_session_of_a_key_wins<S: Net, C: Net>(_: Kind) {
    let policy = Policy::default().with_max_sessions_per_identity(Some(1)).with_excess(Excess::EndOldest);
    let listener = echo::<S>(server(), judged(policy));
    let address = S::address(&listener);
    let mut older = enter::<C>(&address, by(CLIENT)).unwrap();
    works::<C>(&mut older, b"older");
    let waiting = task::<C, _>(async move {
        match older.next().await.unwrap() {
            Some(Event::Closed { code, .. }) => assert_eq!(code, CloseCode::GOING_AWAY),
            other => panic!("{other:?}"),
        }
        // Answers the close, which ends the read of the server.
        while let Ok(Some(_)) = older.next().await {}
    });
    let mut newer = enter::<C>(&address, by(CLIENT)).unwrap();
    works::<C>(&mut newer, b"newer");
    join(waiting);
    until(|| S::stats(&listener), |stats| stats.sessions == 1);
    works::<C>(&mut newer, b"still");
}

/// Another policy closes the sessions it does not accept at once, leaves the others alone and judges new ones.
pub fn policy_is_changed_while_sessions_live<S: Net, C: Net>(_: Kind) {
    let listener = echo::<S>(server(), judged(Policy::default()));
    let address = S::address(&listener);
    let mut sessions = [5, 6].map(|key| enter::<C>(&address, by(key)).unwrap());
    sessions.iter_mut().for_each(|session| works::<C>(session, b"open"));
    let only: [PublicKey; 1] = [public(6)];
    S::gate(&listener).set_policy(Policy::default().with_allowed(Some(&only))).unwrap().unwrap();
    let [gone, stays] = &mut sessions;
    closed::<C>(gone);
    works::<C>(stays, b"stays");
    refused::<C>(&address, by(5), Alert::PeerNotAllowed);
    works::<C>(&mut enter::<C>(&address, by(6)).unwrap(), b"new");
}

/// Keys are replaced while the listener runs: who knows the old key gets in as long as it is kept, sessions go on.
pub fn keys_are_replaced_while_sessions_live<S: Net, C: Net>(_: Kind) {
    const NEXT: u8 = 7;
    let listener = echo::<S>(server(), options(Some(GuardConfig::default())));
    let address = S::address(&listener);
    let old = || client(IK);
    let new = || client(IK).with_remote_static(public(NEXT));
    let mut sessions = vec![enter::<C>(&address, old()).unwrap()];
    let both = server().with_static_key(secret(NEXT)).with_previous_static_key(secret(SERVER));
    S::set_service(&listener, both.build().unwrap());
    sessions.extend([old(), new()].map(|config| enter::<C>(&address, config).unwrap()));
    S::set_service(&listener, server().with_static_key(secret(NEXT)).build().unwrap());
    fails::<C>(&address, old(), Error::Unanswered);
    sessions.push(enter::<C>(&address, new()).unwrap());
    sessions.iter_mut().for_each(|session| works::<C>(session, b"open"));
    // With XX the responder shows the key in use.
    works::<C>(&mut enter::<C>(&address, client(XX).with_remote_static(public(NEXT))).unwrap(), b"shown");
}
