//! One WebSocket message to many connections, on all drivers.

#[path = "support/drivers.rs"]
mod drivers;

use drivers::{Smol, Std, Tokio};
use sealock_proto::drive::{ReadIo, WriteIo, WsConnection, WsReceiver};
use sealock_proto::entropy::Seed;
use sealock_proto::ws::{Broadcast, CloseCode, Config, Event, Kind, Role, Traffic};
use sealock_tests::counting::Counting;
use sealock_tests::driver::Driver;
use sealock_tests::run::bounded;
use std::fmt::Debug;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Clients, of which the first reads slowly.
const CLIENTS: u8 = 4;
const ROUNDS: u8 = 60;

type Ws<D> = WsConnection<<D as Driver>::RawRead, Counting<<D as Driver>::RawWrite>>;

/// Within `block_on`.
fn end<D: Driver>(stream: TcpStream, config: &Arc<Config>, role: Role) -> (Ws<D>, Arc<AtomicUsize>) {
    let (read, write) = D::raw(stream);
    let (write, writes) = Counting::new(write);
    let io = (read, write);
    (Ws::<D>::upgraded(config, role, &Seed::new(&mut [7; 32]), io, &[]).unwrap(), writes)
}

fn streams() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (listener.accept().unwrap().0, client)
}

/// Receives until the peer closes, and answers.
async fn collect<I, W>(receiver: &mut WsReceiver<I, W>, mut each: impl FnMut(usize)) -> Vec<Vec<u8>>
where
    I: ReadIo,
    W: WriteIo<Error = I::Error>,
    I::Error: Debug,
{
    let mut messages = Vec::new();
    while let Some(event) = receiver.next().await.unwrap() {
        if let Event::Message { payload, .. } = event {
            messages.push(payload.to_vec());
            each(messages.len());
        }
    }
    messages
}

/// Large and small broadcasts between messages for one client alone, and answers to every client's Pings.
fn everybody_receives_all_in_order<D: Driver>() {
    let config = Config::default().with_heartbeat(None).build().unwrap();
    let (mut senders, mut servers) = (Vec::new(), Vec::new());
    let mut clients = Vec::<JoinHandle<(Vec<Vec<u8>>, Traffic)>>::new();
    for n in 0..CLIENTS {
        let (server, client) = streams();
        let own = config.clone();
        clients.push(thread::spawn(move || {
            D::block_on(async {
                let mut wire = client.try_clone().unwrap();
                let mut ws = end::<D>(client, &own, Role::Client).0;
                let messages = collect(&mut ws.receiver, |count| {
                    if count % 9 == 0 {
                        // With a mask of zeros. The machine itself writes nothing before it answers the close.
                        wire.write_all(&[0x89, 0x81, 0, 0, 0, 0, b'p']).unwrap();
                    }
                    if n == 0 {
                        thread::sleep(Duration::from_millis(3));
                    }
                });
                (messages.await, ws.stats().received)
            })
        }));
        let (mut receiver, sender) = D::block_on(async { end::<D>(server, &config, Role::Server).0.split() });
        servers.push(thread::spawn(move || D::block_on(collect(&mut receiver, |_| {}))));
        senders.push(sender);
    }
    let large = |round: u8| vec![round; 100_000];
    let small = |round: u8| vec![round; 40];
    D::block_on(async {
        for round in 0..ROUNDS {
            let news =
                [large(round), small(round)].map(|bytes| Broadcast::new(Kind::Binary, &bytes).unwrap());
            for (n, sender) in (0..).zip(&mut senders) {
                sender.send_broadcast(&news[0]).await.unwrap();
                sender.send(Kind::Binary, &[round, n]).await.unwrap();
                sender.send_broadcast(&news[1]).await.unwrap();
                if round % 4 == 0 {
                    sender.flush().await.unwrap();
                }
                // Without this the system's buffers could take everything, and the close, before a client pings.
                while round == ROUNDS / 2 && sender.stats().frames == sender.stats().messages {
                    thread::sleep(Duration::from_millis(1));
                }
            }
        }
        for sender in &mut senders {
            sender.close(CloseCode::NORMAL, "done").await.unwrap();
        }
    });
    for (n, client) in (0..).zip(clients) {
        let (messages, received) = client.join().unwrap();
        let want: Vec<_> =
            (0..ROUNDS).flat_map(|round| [large(round), vec![round, n], small(round)]).collect();
        assert!(messages == want, "client {n}: {} messages", messages.len());
        // The close is one.
        assert!(received.frames > received.messages + 1, "client {n}: no Ping was answered between messages");
    }
    servers.into_iter().for_each(|server| assert_eq!(server.join().unwrap(), Vec::<Vec<u8>>::new()));
}

/// A queue of own and shared pieces leaves at once.
fn pieces_are_one_write<D: Driver>() {
    let config = Config::default().with_heartbeat(None).build().unwrap();
    let (server, client) = streams();
    let own = config.clone();
    let client = thread::spawn(move || {
        D::block_on(async { collect(&mut end::<D>(client, &own, Role::Client).0.receiver, |_| {}).await })
    });
    let (server, writes) = D::block_on(async {
        let (mut ws, writes) = end::<D>(server, &config, Role::Server);
        let news = Broadcast::new(Kind::Binary, &[1; 3000]).unwrap();
        for n in 0..5 {
            ws.send(Kind::Binary, &[n]).await.unwrap();
            ws.send_broadcast(&news).await.unwrap();
        }
        ws.flush().await.unwrap();
        let before_close = writes.load(Ordering::SeqCst);
        assert_eq!(ws.close(CloseCode::NORMAL, "").await.unwrap().undelivered, 0);
        (ws.sender.stats().messages, before_close)
    });
    assert_eq!((server, writes), (10, 1));
    let messages = client.join().unwrap();
    assert_eq!(messages.len(), 10);
    assert!((0..5).all(|n| messages[2 * n] == [n as u8] && messages[2 * n + 1] == [1; 3000]));
}

macro_rules! on {
    ($($driver:ident, $net:ty;)*) => {
        $(
            mod $driver {
                use super::*;

                #[test]
                fn everybody_receives_all_in_order() {
                    bounded(super::everybody_receives_all_in_order::<$net>);
                }

                #[test]
                fn pieces_are_one_write() {
                    bounded(super::pieces_are_one_write::<$net>);
                }
            }
        )*
    };
}

sealock_tests::every_driver!(on);
