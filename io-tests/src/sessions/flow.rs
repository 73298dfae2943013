//! Messages on their way.

use super::{CLIENT, IK, Kind, Net, SERVER, Session, XX, client, join, message, pair, public, server, task};
use crate::counting::Counting;
use crate::driver::Driver;
use sealock_proto::drive::{SessionConnection, SessionError, SessionSender, WriteIo};
use sealock_proto::entropy::Seed;
use sealock_proto::limit::Rate;
use sealock_proto::noise::PayloadSecurity;
use sealock_proto::session::{CloseCode, Error, Event, RateLimit, RekeyPolicy};
use std::io;
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

const SIZES: [usize; 8] = [0, 1, 100, 4_096, 65_000, 65_536, 70_000, 1 << 20];
/// Of the sizes, how many on TCP: the largest takes its time between debug builds.
const ON_TCP: usize = 7;

/// XX on TCP and IK on Unix-domain sockets; both ends know each other, payloads of the handshake arrive, and every
/// size comes back.
pub fn echo_of_all_sizes<S: Net, C: Net>(kind: Kind) {
    let (name, sizes) = if kind == Kind::Tcp { (XX, &SIZES[..ON_TCP]) } else { (IK, &SIZES[..]) };
    let authentic = PayloadSecurity::new(1, 1);
    let config = server().with_handshake_payload(b"from the server", authentic);
    let (mut server, mut client) = pair::<S, C>(kind, config, client(name));
    assert_eq!((server.info().peer, client.info().peer), (Some(public(CLIENT)), Some(public(SERVER))));
    assert_eq!(server.info().handshake_hash, client.info().handshake_hash);
    let [mut ours, mut theirs] = [[0; 32]; 2];
    assert_eq!(server.export("a token", b"for both", &mut ours), Ok(()));
    assert_eq!(client.export("a token", b"for both", &mut theirs), Ok(()));
    assert!(ours == theirs && ours != [0; 32]);
    assert_eq!(client.handshake_payloads()[0].bytes, b"from the server");
    assert!(client.handshake_payloads()[0].security.meets(authentic));
    let server = task::<S, _>(async move {
        while let Some(event) = server.receiver.next().await.unwrap() {
            if let Event::Message(message) = event {
                server.sender.send(message).await.unwrap();
            }
        }
        server.stats()
    });
    C::block_on(async {
        for (number, &len) in sizes.iter().enumerate() {
            let sent = message(number, len);
            let (front, back) = sent.split_at(len / 3);
            client.send_parts(&[front, back]).await.unwrap();
            match client.next().await.unwrap() {
                Some(Event::Message(echo)) => assert!(*echo == *sent, "{len} bytes came back changed"),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(client.close(CloseCode::NORMAL, "").await.unwrap().undelivered, 0);
    });
    let (server, client) = (join(server), client.stats());
    assert_eq!(server.sent.messages, sizes.len() as u64);
    assert_eq!((server.sent, server.received), (client.received, client.sent));
}

/// Splits `end` into two tasks that send and receive `count` messages each and drain.
fn exchange<N: Net>(end: Session<N>, count: usize, len: usize) -> [JoinHandle<u64>; 2] {
    let (mut receiver, mut sender) = end.split();
    let sending = task::<N, _>(async move {
        for number in 0..count {
            sender.send(&message(number, len)).await.unwrap();
        }
        sender.drain(Duration::from_secs(20)).await.unwrap();
        sender.stats().rekeys
    });
    let receiving = task::<N, _>(async move {
        let mut number = 0;
        while let Some(event) = receiver.next().await.unwrap() {
            if let Event::Message(received) = event {
                assert!(*received == *message(number, len), "message {number}");
                number += 1;
            }
        }
        assert_eq!(number, count);
        receiver.stats().received.rekeys
    });
    [sending, receiving]
}

/// Much more than all buffers hold, both ways, with a task for each direction.
pub fn both_directions_at_once<S: Net, C: Net>(kind: Kind) {
    let (server, client) = pair::<S, C>(kind, server(), client(XX));
    let tasks = [exchange::<S>(server, 12, 60_000), exchange::<C>(client, 12, 60_000)];
    tasks.into_iter().flatten().for_each(|task| assert_eq!(join(task), 0));
}

/// Keys change many times, both ways, while messages flow.
pub fn rekey_under_load<S: Net, C: Net>(kind: Kind) {
    // Each end insists on what the other is told to do.
    let (server, client) = pair::<S, C>(
        kind,
        server().with_rekey(RekeyPolicy::default().with_records(2)),
        client(XX).with_rekey(RekeyPolicy::default().with_bytes(100_000).with_peer_records(2)),
    );
    let tasks = [exchange::<S>(server, 50, 20_000), exchange::<C>(client, 50, 20_000)];
    let [[sent_by_server, got_by_server], [sent_by_client, got_by_client]] = tasks.map(|end| end.map(join));
    assert_eq!((sent_by_server, sent_by_client), (got_by_client, got_by_server));
    assert!(sent_by_server >= 5 && sent_by_client >= 5, "{sent_by_server} {sent_by_client}");
}

type RawSession<N> = SessionConnection<<N as Driver>::RawRead, Counting<<N as Driver>::RawWrite>>;

fn counted<N: Net>(
    stream: TcpStream,
    config: sealock_proto::session::Config,
    seed: u8,
) -> JoinHandle<(RawSession<N>, Arc<AtomicUsize>)> {
    task::<N, _>(async move {
        let (read, write) = N::raw(stream);
        let (write, writes) = Counting::new(write);
        let (config, seed) = (config.build().unwrap(), Seed::new(&mut [seed; 32]));
        let session = RawSession::<N>::establish(&config, seed, (read, write)).await;
        (session.unwrap_or_else(|error: SessionError<io::Error>| panic!("{error}")), writes)
    })
}

/// A burst of a hundred messages leaves in one write, and so do the hundred answers.
pub fn burst_is_one_write<S: Net, C: Net>(_: Kind) {
    const BURST: usize = 100;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let server = counted::<S>(listener.accept().unwrap().0, server(), 1);
    let client = counted::<C>(stream, client(XX), 2);
    let ((mut server, by_server), (mut client, by_client)) = (join(server), join(client));
    let before = [by_server, by_client].map(|writes| (writes.load(Ordering::SeqCst), writes));
    let [by_server, by_client] =
        before.map(|(before, writes)| move || writes.load(Ordering::SeqCst) - before);
    C::block_on(async {
        for number in 0..BURST {
            client.send(&message(number, 100)).await.unwrap();
        }
        assert_eq!(by_client(), 0, "sending queues");
        client.flush().await.unwrap();
        assert_eq!(by_client(), 1);
    });
    let server = task::<S, _>(async move {
        for number in 0..BURST {
            match server.receiver.next().await.unwrap() {
                Some(Event::Message(received)) => {
                    assert_eq!(*received, message(number, 100));
                    server.sender.send(received).await.unwrap();
                }
                other => panic!("{other:?}"),
            }
        }
        while server.next().await.unwrap().is_some() {}
    });
    C::block_on(async {
        for number in 0..BURST {
            assert!(
                matches!(client.next().await.unwrap(), Some(Event::Message(m)) if *m == *message(number, 100))
            );
        }
        assert_eq!((by_client(), by_server()), (1, 1));
        assert_eq!(client.close(CloseCode::NORMAL, "").await.unwrap().undelivered, 0);
    });
    join(server);
}

/// A peer over its rate waits, and nothing of it is lost.
pub fn flood_is_throttled<S: Net, C: Net>(kind: Kind) {
    const COUNT: usize = 60;
    let limit = RateLimit::default().with_messages(Rate::new(300, 10).unwrap());
    let (mut server, mut client) = pair::<S, C>(kind, server().with_rate_limit(limit), client(XX));
    let client = task::<C, _>(async move {
        for number in 0..COUNT {
            client.send(&message(number, 200)).await.unwrap();
        }
        client.close(CloseCode::NORMAL, "").await.unwrap()
    });
    S::block_on(async {
        let mut number = 0;
        while let Some(event) = server.next().await.unwrap() {
            if let Event::Message(received) = event {
                assert_eq!(*received, message(number, 200));
                number += 1;
            }
        }
        assert_eq!(number, COUNT);
    });
    assert!(server.stats().throttled > 0);
    assert_eq!(join(client).undelivered, 0);
}

/// Where the configuration says so, a peer over its rate is closed, and told why.
pub fn flood_is_closed<S: Net, C: Net>(kind: Kind) {
    let limit = RateLimit::default().with_messages(Rate::new(1, 10).unwrap()).closing();
    let (mut server, mut client) = pair::<S, C>(kind, server().with_rate_limit(limit), client(XX));
    let server = task::<S, _>(async move {
        let mut messages = 0;
        loop {
            match server.next().await {
                Ok(Some(Event::Message(_))) => messages += 1,
                Ok(other) => panic!("{other:?}"),
                Err(error) => break (messages, error, server.stats().rejects.rates),
            }
        }
    });
    C::block_on(async {
        for number in 0..50 {
            client.send(&message(number, 200)).await.unwrap();
        }
        match client.next().await.unwrap() {
            Some(Event::Closed { code, .. }) => assert_eq!(code, CloseCode::RATE_LIMITED),
            other => panic!("{other:?}"),
        }
    });
    let (messages, error, rejects) = join(server);
    assert!(matches!(error, sealock_proto::drive::DriveError::Protocol(Error::RateLimited)), "{error:?}");
    assert_eq!(rejects, 1);
    assert!((10..50).contains(&messages), "{messages}");
}

/// While there is room in the queue, sending does not wait for a peer that reads nothing, nor for the receiving half.
/// For sockets whose buffers do not grow.
pub fn a_deaf_peer_does_not_hold_a_send<S: Net, C: Net>(kind: Kind) {
    async fn queue<W: WriteIo<Error = io::Error>>(sender: &mut SessionSender<W>, bytes: usize) {
        while sender.queued() < bytes {
            sender.send(&[0; 1000]).await.unwrap();
        }
    }
    let (mut server, client) =
        pair::<S, C>(kind, server().with_heartbeat(None), client(XX).with_heartbeat(None));
    let (mut receiver, mut sender) = client.split();
    let (tell, heard) = mpsc::channel();
    let receiving = task::<C, _>(async move {
        while receiver.next().await?.is_some() {
            tell.send(()).unwrap();
        }
        Ok::<_, SessionError<io::Error>>(())
    });
    let mut sender = join(task::<C, _>(async move {
        queue(&mut sender, 70 * 1024).await;
        sender
    }));
    // From now on the receiver tries to write too.
    S::block_on(async {
        server.send(b"listening").await.unwrap();
        server.flush().await.unwrap();
    });
    heard.recv().unwrap();
    let sender = join(task::<C, _>(async move {
        queue(&mut sender, 220 * 1024).await;
        sender
    }));
    drop(server);
    join(receiving).unwrap_err();
    drop(sender);
}
