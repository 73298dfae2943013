//! How sessions end, and begin again.

use super::{Kind, Net, XX, accept_one, client, join, listen, message, pair, public, server, task};
use sealock_net::{Address, ConnectError, ListenOptions};
use sealock_proto::backoff::BackoffConfig;
use sealock_proto::drive::{DriveError, PeerClose};
use sealock_proto::heartbeat::HeartbeatConfig;
use sealock_proto::session::{CloseCode, Error, Event, Peers, SendError};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// A peer whose socket is open but who does not answer is found, and told.
pub fn silent_peer_is_found<S: Net, C: Net>(kind: Kind) {
    let heartbeat = HeartbeatConfig::default()
        .with_interval(Duration::from_millis(40))
        .with_probe_timeout(Duration::from_millis(40))
        .with_misses(1);
    let config = server().with_heartbeat(Some(heartbeat));
    let (mut server, mut client) = pair::<S, C>(kind, config, client(XX).with_heartbeat(None));
    let error = S::block_on(server.next()).unwrap_err();
    assert!(matches!(error, DriveError::Protocol(Error::Dead(_))), "{error:?}");
    assert!(server.stats().pings >= 2);
    // The client was not polled until now.
    match C::block_on(client.next()).unwrap() {
        Some(Event::Closed { code, .. }) => assert_eq!(code, CloseCode::PEER_SILENT),
        other => panic!("{other:?}"),
    }
}

/// A session ends in time although its peer sends without pause, answers nothing, and is slowly received from.
pub fn a_flood_does_not_put_off_the_end<S: Net, C: Net>(kind: Kind) {
    const DEADLINE: Duration = Duration::from_millis(50);
    let config = server().with_lifetime(DEADLINE).with_close_timeout(DEADLINE);
    let (mut server, client) = pair::<S, C>(kind, config, client(XX));
    let (unheard, mut sender) = client.split();
    let client = task::<C, _>(async move { while sender.send(&message(0, 1_000)).await.is_ok() {} });
    let start = Instant::now();
    let error = S::block_on(async {
        loop {
            match server.next().await {
                Ok(Some(Event::Message(_))) => thread::sleep(Duration::from_micros(200)),
                Ok(other) => panic!("{other:?}"),
                Err(error) => break error,
            }
            assert!(start.elapsed() < Duration::from_secs(10), "it is not ended");
        }
    });
    assert!(matches!(error, DriveError::Protocol(Error::CloseTimeout)), "{error:?}");
    drop(server);
    join(client);
    drop(unheard);
}

/// Everything accepted before a drain arrives, whoever drains first.
pub fn drain_loses_nothing<S: Net, C: Net>(kind: Kind) {
    const COUNT: usize = 500;
    const LONG: Duration = Duration::from_secs(20);
    let (mut server, mut client) = pair::<S, C>(kind, server(), client(XX));
    let server = task::<S, _>(async move {
        let mut got = 0;
        while let Some(event) = server.next().await.unwrap() {
            match event {
                Event::Message(_) => got += 1,
                Event::Draining => {
                    for number in 0..COUNT {
                        server.send(&message(number, 300)).await.unwrap();
                    }
                    server.drain(LONG).await.unwrap();
                }
                Event::Closed { code, .. } => assert_eq!(code, CloseCode::NORMAL),
                other => panic!("{other:?}"),
            }
        }
        got
    });
    C::block_on(async {
        for number in 0..COUNT {
            client.send(&message(number, 300)).await.unwrap();
        }
        client.drain(LONG).await.unwrap();
        let refused = client.send(b"late").await.unwrap_err();
        assert!(matches!(refused, DriveError::Protocol(SendError::Draining)), "{refused:?}");
        let mut got = 0;
        while let Some(event) = client.next().await.unwrap() {
            if let Event::Message(received) = event {
                assert_eq!(*received, message(got, 300));
                got += 1;
            }
        }
        assert_eq!(got, COUNT);
    });
    assert_eq!(join(server), COUNT);
}

/// A close arrives behind the messages, with its code and reason; what arrives meanwhile is counted.
pub fn close_says_why_and_counts<S: Net, C: Net>(kind: Kind) {
    let (mut server, mut client) = pair::<S, C>(kind, server(), client(XX));
    let code = CloseCode::application(300).unwrap();
    S::block_on(async {
        for number in 0..2 {
            server.send(&message(number, 10)).await.unwrap();
        }
        server.flush().await.unwrap();
    });
    let server = task::<S, _>(async move {
        let mut got = 0;
        loop {
            match server.next().await.unwrap() {
                Some(Event::Message(_)) => got += 1,
                Some(Event::Closed { code, reason }) => {
                    assert_eq!((code.get(), &*reason), (300, &b"bye"[..]))
                }
                Some(other) => panic!("{other:?}"),
                None => break,
            }
        }
        assert_eq!(
            server.receiver.peer_close(),
            Some(&PeerClose { code: CloseCode::application(300).unwrap(), reason: "bye".into() })
        );
        let late = server.send(b"late").await.unwrap_err();
        assert!(matches!(late, DriveError::Protocol(SendError::Closed)), "{late:?}");
        // Closing what is closed already is its end, no error.
        let again = server.close(CloseCode::NORMAL, "").await.unwrap();
        assert_eq!(again.peer.unwrap().code.get(), 300);
        got
    });
    C::block_on(async {
        let long = "x".repeat(257);
        let refused = client.close(code, &long).await.unwrap_err();
        assert!(matches!(refused, DriveError::Protocol(SendError::ReasonTooLong)), "{refused:?}");
        for number in 0..3 {
            client.send(&message(number, 10)).await.unwrap();
        }
        let closed = client.close(code, "bye").await.unwrap();
        assert_eq!(closed.undelivered, 2);
        assert_eq!(closed.peer, Some(PeerClose { code: CloseCode::NORMAL, reason: String::new() }));
    });
    assert_eq!(join(server), 3);
}

/// A stream that ends without a close is an error, behind the messages that arrived.
pub fn truncation_is_an_error<S: Net, C: Net>(kind: Kind) {
    let (mut server, mut client) = pair::<S, C>(kind, server(), client(XX));
    C::block_on(async move {
        client.send(b"first").await.unwrap();
        client.flush().await.unwrap();
        client.send(b"never flushed").await.unwrap();
    });
    S::block_on(async {
        assert!(matches!(server.next().await.unwrap(), Some(Event::Message(m)) if *m == *b"first"));
        let error = server.next().await.unwrap_err();
        assert!(matches!(error, DriveError::Protocol(Error::Truncated)), "{error:?}");
        assert!(server.next().await.unwrap().is_none());
    });
}

fn quick() -> BackoffConfig {
    BackoffConfig::default().with_base(Duration::from_millis(2)).with_cap(Duration::from_millis(20))
}

/// A client comes back when the listener does.
pub fn reconnects_after_a_restart<S: Net, C: Net>(kind: Kind) {
    let listener = listen::<S>(kind, server(), ListenOptions::default());
    let address = S::address(&listener);
    let accepted = accept_one::<S>(&listener);
    let config = client(XX).build().unwrap();
    let mut reconnector = C::reconnector(address.clone(), config, quick());
    let mut reconnect = |failed: &mut (dyn FnMut(&ConnectError) + Send)| {
        C::block_on(C::reconnect(&mut reconnector, |error, _| failed(error)))
    };
    let mut session = reconnect(&mut |error| panic!("{error}")).unwrap();
    drop(join(accepted).unwrap());
    drop(listener);
    assert!(C::block_on(session.next()).is_err());

    let (tell, failed) = mpsc::channel();
    let again = thread::spawn({
        let address = address.clone();
        move || {
            // Only once the client has failed at least once.
            failed.recv().unwrap();
            let config = server().build().unwrap();
            let listener = S::block_on(S::bind(&address, config, ListenOptions::default())).unwrap();
            S::block_on(async { S::handshake(S::accept(&listener).await).await.map(|_| ()) }).unwrap();
        }
    });
    reconnect(&mut |_| tell.send(()).unwrap_or_default()).unwrap();
    join(again);
}

/// Retrying ends with the last error when the attempts are used up, and at once where it cannot help.
pub fn retries_end<S: Net, C: Net>(kind: Kind) {
    let gone = match kind {
        Kind::Tcp => {
            let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            Address::from(socket.local_addr().unwrap())
        }
        Kind::Unix => kind.address(),
    };
    let config = client(XX).build().unwrap();
    let mut failures = 0;
    let backoff = quick().with_attempts(Some(3));
    let mut reconnector = C::reconnector(gone, config, backoff);
    let last = C::block_on(C::reconnect(&mut reconnector, |_, _| failures += 1));
    assert!(matches!(last.map(|_| ()).unwrap_err(), ConnectError::Io { .. }));
    assert_eq!(failures, 3);

    let listener = listen::<S>(kind, server(), ListenOptions::default());
    let accepted = accept_one::<S>(&listener);
    let config = client(XX).with_peers(Peers::Only(vec![public(9)])).build().unwrap();
    let never = |error: &ConnectError, _| panic!("tried again after {error}");
    let mut reconnector = C::reconnector(S::address(&listener), config, backoff);
    let last = C::block_on(C::reconnect(&mut reconnector, never));
    assert!(matches!(last.map(|_| ()).unwrap_err(), ConnectError::Session { .. }));
    join(accepted).unwrap_err();
}
