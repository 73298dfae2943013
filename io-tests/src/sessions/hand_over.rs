//! Sessions taken off their sockets and put on them again.

use super::{Kind, Net, Session, XX, client, message, pair, server};
use crate::driver::{join, task};
use sealock_net::{NoRestore, NotRestored, Stream};
use sealock_proto::drive::HandOverError;
use sealock_proto::session::{
    Claim, CloseCode, Config, Event, RekeyPolicy, RestoreError, SendError, Snapshot, SnapshotError,
    SnapshotKey,
};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

const CONTEXT: &[u8] = b"from here to there";

fn key(n: u8) -> SnapshotKey {
    SnapshotKey::new(&mut [n; 32])
}

fn restored<N: Net>(
    stream: Stream,
    config: &Arc<Config>,
    snapshot: &Snapshot,
    claim: impl FnOnce(&Claim) -> bool + Send,
) -> Result<Session<N>, NotRestored> {
    // Some runtimes must be there when a socket is given to them.
    N::block_on(async { N::restore(stream, config, snapshot, &key(1), CONTEXT, claim) })
}

fn handed_over<N: Net>(session: Session<N>) -> (Snapshot, Stream) {
    N::block_on(N::hand_over(session, &key(1), CONTEXT)).unwrap()
}

const ROUNDS: usize = 6;
const EACH: usize = 40;
const ALL: usize = ROUNDS * EACH;

/// In one record with others, in one of its own, and in several.
fn numbered(number: usize) -> Vec<u8> {
    message(number, [10, 3_000, 70_000, 50_000][number % 4])
}

/// Sends these and gives the sender back.
fn sending<N: Net>(session: Session<N>, from: usize, to: usize) -> Session<N> {
    let (mut receiver, mut sender) = session.split();
    let sending = task::<N, _>(async move {
        for number in from..to {
            sender.send(&numbered(number)).await.unwrap();
        }
        sender
    });
    N::block_on(async {
        for number in from..to {
            match receiver.next().await.unwrap() {
                Some(Event::Message(received)) => assert!(*received == *numbered(number), "{number}"),
                other => panic!("{other:?} instead of {number}"),
            }
        }
    });
    Session::<N> { receiver, sender: join(sending) }
}

/// An end that is handed over again and again between two that send without pause: every message arrives once and in order,
/// and the peer notices nothing but changes of keys.
pub fn a_session_is_handed_over_under_load<S: Net, C: Net>(kind: Kind) {
    let policy = RekeyPolicy::default().with_bytes(1 << 20);
    let exporting = || server().with_snapshots().with_rekey(policy);
    let config = exporting().build().unwrap();
    let (mut server, client) = pair::<S, C>(kind, exporting(), client(XX).with_rekey(policy));
    let info = client.info();
    let (mut receiver, mut sender) = client.split();
    let client_sends = task::<C, _>(async move {
        for number in 0..ALL {
            sender.send(&numbered(number)).await.unwrap();
        }
        sender.drain(Duration::from_secs(20)).await.unwrap();
        sender
    });
    let client_receives = task::<C, _>(async move {
        let mut number = 0;
        while let Some(event) = receiver.next().await.unwrap() {
            match event {
                Event::Message(received) => {
                    assert!(*received == *numbered(number), "{number}");
                    number += 1;
                }
                Event::Draining | Event::Closed { .. } => {}
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(receiver.info(), info);
        number
    });
    let mut generation = 0;
    for round in 0..ROUNDS {
        server = sending::<S>(server, round * EACH, (round + 1) * EACH);
        let (snapshot, stream) = handed_over::<S>(server);
        server = restored::<S>(stream, &config, &snapshot, |claim| {
            let is_newer = claim.generation > generation;
            generation = claim.generation;
            is_newer
        })
        .unwrap();
    }
    let stats = server.stats();
    assert_eq!((stats.sent.messages, stats.received.messages), (ALL as u64, ALL as u64));
    S::block_on(async {
        server.drain(Duration::from_secs(20)).await.unwrap();
        while let Some(event) = server.next().await.unwrap() {
            assert!(!matches!(event, Event::Message(_)), "twice");
        }
    });
    assert_eq!(join(client_receives), ALL);
    drop(join(client_sends));
}

/// What arrived before a hand-over and was not taken is taken after it, and what was queued has left.
pub fn what_waits_is_handed_over_too<S: Net, C: Net>(kind: Kind) {
    let exporting = || client(XX).with_snapshots();
    let config = exporting().build().unwrap();
    let (mut server, mut client) = pair::<S, C>(kind, server(), exporting());
    S::block_on(async {
        for number in 0..20 {
            server.send(&message(number, 1000)).await.unwrap();
        }
        server.flush().await.unwrap();
    });
    C::block_on(async {
        // One of them, so that the rest has arrived and lies open.
        assert!(matches!(client.next().await.unwrap(), Some(Event::Message(m)) if *m == *message(0, 1000)));
        client.send(b"queued").await.unwrap();
    });
    assert!(client.sender.queued() > 0);
    let (snapshot, stream) = handed_over::<C>(client);
    S::block_on(async {
        assert!(matches!(server.next().await.unwrap(), Some(Event::Message(m)) if *m == *b"queued"));
    });
    let mut client = restored::<C>(stream, &config, &snapshot, |_| true).unwrap();
    C::block_on(async {
        for number in 1..20 {
            match client.next().await.unwrap() {
                Some(Event::Message(m)) => assert_eq!(*m, message(number, 1000)),
                other => panic!("{other:?}"),
            }
        }
    });
    // Again at once, with nothing exchanged under the new key.
    let (snapshot, stream) = handed_over::<C>(client);
    let mut client = restored::<C>(stream, &config, &snapshot, |_| true).unwrap();
    let server = task::<S, _>(async move { while server.next().await.unwrap().is_some() {} });
    let closed = C::block_on(client.close(CloseCode::NORMAL, "")).unwrap();
    assert_eq!(closed.undelivered, 0);
    join(server);
}

fn refusal<N: Net>(session: Session<N>) -> (Session<N>, HandOverError<std::io::Error>) {
    let refused = N::block_on(N::hand_over(session, &key(1), CONTEXT)).unwrap_err();
    (*refused.session, refused.error)
}

fn exchange<A: Net, B: Net>(a: &mut Session<A>, b: &mut Session<B>) {
    A::block_on(async {
        a.send(b"still there").await.unwrap();
        a.flush().await.unwrap();
    });
    let event = B::block_on(b.next());
    assert!(matches!(event, Ok(Some(Event::Message(m))) if *m == *b"still there"));
}

/// What is not handed over goes on, and says why it is not.
pub fn who_is_not_handed_over_goes_on<S: Net, C: Net>(kind: Kind) {
    let pair = || pair::<S, C>(kind, server().with_snapshots(), client(XX));
    let (mut server, client) = pair();
    let (mut client, error) = refusal::<C>(client);
    assert!(matches!(error, HandOverError::Session(SnapshotError::NotExportable)), "{error}");
    exchange::<C, S>(&mut client, &mut server);
    exchange::<S, C>(&mut server, &mut client);
    let (mut other, other_client) = pair();
    let (mixed, error) = refusal::<S>(Session::<S> { receiver: server.receiver, sender: other.sender });
    assert!(matches!(error, HandOverError::Halves), "{error}");
    (server.receiver, other.sender) = (mixed.receiver, mixed.sender);
    exchange::<C, S>(&mut client, &mut server);
    drop((other, other_client));
    // One that ends.
    let closing = task::<C, _>(async move { client.close(CloseCode::NORMAL, "").await.unwrap() });
    S::block_on(async {
        assert!(matches!(server.next().await.unwrap(), Some(Event::Closed { .. })));
    });
    let (mut server, error) = refusal::<S>(server);
    assert!(matches!(error, HandOverError::Session(SnapshotError::Ending)), "{error}");
    S::block_on(async { assert!(server.next().await.unwrap().is_none()) });
    assert_eq!(join(closing).undelivered, 0);
    let (mut server, _) = refusal::<S>(server);
    let refused = S::block_on(server.send(b"too late")).unwrap_err();
    assert!(matches!(refused, sealock_proto::drive::DriveError::Protocol(SendError::Closed)), "{refused}");
}

/// A snapshot that does not fit leaves the stream, which the right one goes on with; once.
pub fn a_snapshot_that_is_refused_leaves_the_stream<S: Net, C: Net>(kind: Kind) {
    let exporting = || server().with_snapshots();
    let config = exporting().build().unwrap();
    let initiator = client(XX).build().unwrap();
    let (server, mut client) = pair::<S, C>(kind, exporting(), client(XX));
    let (snapshot, mut stream) = handed_over::<S>(server);
    for (config, key, context, claimed, want) in [
        (&config, key(2), CONTEXT, true, RestoreError::NotAuthentic),
        (&config, key(1), &b"from there to here"[..], true, RestoreError::NotAuthentic),
        (&initiator, key(1), CONTEXT, true, RestoreError::Role),
        (&config, key(1), CONTEXT, false, RestoreError::Claimed),
    ] {
        let refused =
            S::block_on(async { S::restore(stream, config, &snapshot, &key, context, |_| claimed) });
        let NotRestored { stream: left, error } = refused.err().unwrap();
        assert!(matches!(error, NoRestore::Session(error) if error == want), "{error} instead of {want}");
        stream = left;
    }
    let mut last = 0;
    let mut claim = |claim: &Claim| {
        let is_newer = claim.generation > last;
        last = claim.generation;
        is_newer
    };
    let mut server = restored::<S>(stream, &config, &snapshot, &mut claim).unwrap();
    exchange::<S, C>(&mut server, &mut client);
    exchange::<C, S>(&mut client, &mut server);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let another = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let refused = restored::<S>(another.into(), &config, &snapshot, &mut claim).err().unwrap();
    assert!(matches!(refused.error, NoRestore::Session(RestoreError::Claimed)), "{refused}");
    exchange::<S, C>(&mut server, &mut client);
}
