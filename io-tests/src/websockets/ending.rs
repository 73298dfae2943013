//! Connections that end without a close.

use super::{Layer, Net, WebSocket, connect, listen, pair, raw};
use crate::driver::{join, task};
use sealock_net::ListenOptions;
use sealock_proto::drive::DriveError;
use sealock_proto::heartbeat::{Dead, HeartbeatConfig};
use sealock_proto::ws::{Accept, Config, Error, Event, Kind, SendError};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Opcodes with the bit of the last fragment, and the code of a close of a silent peer's.
const PING: u8 = 0x89;
const CLOSE: u8 = 0x88;
const GOING_AWAY: [u8; 2] = 1001_u16.to_be_bytes();

/// A peer whose socket is open but who answers no Ping is found, and told, at either end.
pub fn silent_peer_is_found<N: Net>() {
    let heartbeat = HeartbeatConfig::default()
        .with_interval(Duration::from_millis(40))
        .with_probe_timeout(Duration::from_millis(40))
        .with_misses(1);
    let config = Config::default().with_heartbeat(Some(heartbeat));

    let (listener, _) = listen::<N>(&Layer::Plain, config.clone(), ListenOptions::default());
    let accepting = task::<N, _>({
        let listener = listener.clone();
        async move { N::request(N::accept(&listener).await).await.unwrap().accept(&Accept::new()).await.unwrap() }
    });
    let stream = raw::client(&N::address(&listener));
    find::<N>(join(accepting), stream);

    let (endpoint, server) = raw::server(|mut stream, key| {
        stream.write_all(raw::acceptance(key).as_bytes()).unwrap();
        stream
    });
    let client = connect::<N>(&endpoint, config).unwrap();
    find::<N>(client, join(server));
}

fn find<N: Net>(mut ws: WebSocket<N>, mut silent: TcpStream) {
    let error = N::block_on(ws.next()).unwrap_err();
    assert!(matches!(error, DriveError::Protocol(Error::Dead(Dead::Silent { probes: 2, .. }))), "{error:?}");
    let stats = ws.stats();
    // More on a busy machine: an end that does not listen pings too.
    assert!(stats.pings >= 2 && stats.pongs == 0, "{stats:?}");
    assert!(N::block_on(ws.next()).unwrap().is_none());
    let late = N::block_on(ws.send(Kind::Text, b"late")).unwrap_err();
    assert!(matches!(late, DriveError::Protocol(SendError::Failed(Error::Dead(_)))), "{late:?}");
    // Only the writing half of the stream was closed until now.
    drop(ws);
    let mut wire = Vec::new();
    silent.read_to_end(&mut wire).unwrap();
    let frames = frames(&wire);
    let (close, pings) = frames.split_last().unwrap();
    assert!(pings.iter().all(|(head, _)| *head == PING) && pings.len() as u64 == stats.pings, "{frames:?}");
    assert_eq!((close.0, &close.1[..2]), (CLOSE, &GOING_AWAY[..]));
}

/// The first bytes of control frames, and their payloads without the mask.
fn frames(mut wire: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut frames = Vec::new();
    while let [head, len, rest @ ..] = wire {
        let (mask, rest) = if len & 0x80 == 0 { (&[0; 4][..], rest) } else { rest.split_at(4) };
        let (payload, rest) = rest.split_at(usize::from(len & 0x7f));
        frames
            .push((*head, payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect()));
        wire = rest;
    }
    frames
}

/// A stream that ends without a Close, also in the middle of a message, is an error behind the messages that arrived.
pub fn a_peer_that_vanishes_is_an_error_behind_its_messages<S: Net, C: Net>(layer: &Layer) {
    for begun in [false, true] {
        let (server, client) = pair::<S, C>(layer, Config::default(), Config::default());
        vanish::<C, S>(client, server, begun);
        let (server, client) = pair::<S, C>(layer, Config::default(), Config::default());
        vanish::<S, C>(server, client, begun);
    }
}

fn vanish<From: Net, To: Net>(mut from: WebSocket<From>, mut to: WebSocket<To>, begun: bool) {
    From::block_on(async move {
        from.send(Kind::Text, b"first").await.unwrap();
        from.send(Kind::Binary, b"second").await.unwrap();
        if begun {
            from.sender.send_chunk(Kind::Text, b"a beginning", false).await.unwrap();
        }
        from.flush().await.unwrap();
    });
    To::block_on(async {
        for (want, bytes) in [(Kind::Text, &b"first"[..]), (Kind::Binary, b"second")] {
            match to.next().await.unwrap() {
                Some(Event::Message { kind, payload }) => assert_eq!((kind, &*payload), (want, bytes)),
                other => panic!("{other:?}"),
            }
        }
        let error = to.next().await.unwrap_err();
        assert!(matches!(error, DriveError::Protocol(Error::Truncated)), "{error:?}");
        assert!(to.next().await.unwrap().is_none());
        let late = to.send(Kind::Text, b"late").await.unwrap_err();
        assert!(matches!(late, DriveError::Protocol(SendError::Failed(Error::Truncated))), "{late:?}");
    });
}
