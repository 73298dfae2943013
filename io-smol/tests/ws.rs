//! What a WebSocket connection on a real socket allocates and holds. Not counted is `async-io`'s reactor, as `alloc.rs`
//! says.
#![cfg(feature = "ws")]

use futures_lite::future::{or, zip};
use sealock_smol::ws::{Accept, Config, Connection, Endpoint, Event, Kind, Listener, Server};
use sealock_smol::{ConnectOptions, ListenOptions};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// The most heap bytes of one connection at rest, its value included.
const AT_REST: i64 = 4 * 1024;
/// Pairs of connections that are counted.
const PAIRS: usize = 20;

/// A listener, and how to reach it.
struct Ends {
    listener: Listener,
    endpoint: Endpoint,
    config: Arc<Config>,
}

impl Ends {
    async fn new() -> Self {
        let config = Config::default().build().unwrap();
        let (address, server) = ("127.0.0.1:0".parse().unwrap(), Server::new(config.clone()));
        let listener = Listener::bind(&address, server, ListenOptions::default()).await.unwrap();
        let endpoint = format!("ws://{}/", listener.local_address()).parse().unwrap();
        Self { listener, endpoint, config }
    }

    async fn pair(&self) -> (Connection, Connection) {
        let accept = async {
            let asked = self.listener.accept().await.unwrap().request().await.unwrap();
            asked.accept(&Accept::new()).await.unwrap()
        };
        let options = ConnectOptions::default();
        let connect = sealock_smol::ws::connect(&self.endpoint, &self.config, &options);
        let (server, client) = zip(accept, connect).await;
        (server, client.unwrap().0)
    }
}

async fn ask(client: &mut Connection) {
    for len in [1, 100, 1_000, 20_000].into_iter().cycle().take(240) {
        client.send(Kind::Text, &[b'7'; 20_000][..len]).await.unwrap();
        let answer = client.next().await.unwrap();
        assert!(matches!(answer, Some(Event::Message { payload, .. }) if payload.len() == len));
    }
}

async fn answer(server: &mut Connection) {
    while let Some(Event::Message { kind, payload }) = server.receiver.next().await.unwrap() {
        server.sender.send(kind, payload).await.unwrap();
    }
}

#[test]
fn an_echo_allocates_nothing_in_its_tasks() {
    let (mut server, mut client) = async_io::block_on(async { Ends::new().await.pair().await });
    let mut count = 0;
    for _ in 0..2 {
        let mut echo = pin!(or(ask(&mut client), answer(&mut server)));
        count = 0;
        async_io::block_on(poll_fn(|cx| {
            let mut outcome = Poll::Pending;
            count += allocation_counter::measure(|| outcome = echo.as_mut().poll(cx)).count_total;
            outcome
        }));
    }
    assert_eq!(count, 0);
}

#[test]
fn a_connection_at_rest_holds_no_buffer_and_at_most_four_kibibytes() {
    let ends = async_io::block_on(Ends::new());
    drop(async_io::block_on(ends.pair()));
    let mut pairs = Vec::new();
    let counted = allocation_counter::measure(|| {
        pairs.reserve_exact(PAIRS);
        pairs.extend((0..PAIRS).map(|_| async_io::block_on(ends.pair())));
        // All of them wait at once, until a second or two without traffic are over.
        for _ in 0..4 {
            for end in pairs.iter_mut().flat_map(|(server, client)| [server, client]) {
                assert!(pin!(end.next()).poll(&mut Context::from_waker(Waker::noop())).is_pending());
            }
            async_io::block_on(async_io::Timer::after(Duration::from_millis(1100)));
        }
    });
    for (server, client) in &pairs {
        assert_eq!((server.receiver.buffer_memory(), client.receiver.buffer_memory()), (0, 0));
    }
    let each = counted.bytes_current / (2 * PAIRS as i64);
    println!("{each} bytes a connection, {} of them its value", size_of::<Connection>());
    assert!(each <= AT_REST, "{each} bytes");
    // What comes after a rest arrives whole.
    let (mut server, mut client) = pairs.swap_remove(0);
    async_io::block_on(or(ask(&mut client), answer(&mut server)));
}
