//! Steady-state traffic on a real socket allocates nothing in the connections' tasks. What is not counted is
//! `async-io`'s reactor, which runs between the polls: it makes a list of wakers for a turn and keeps timers in a
//! B-tree. In a file of its own, since it counts.

use futures_lite::future::{or, zip};
use sealock_smol::session::{Config, Event, Peers};
use sealock_smol::{ConnectOptions, Connection, ListenOptions, Listener, generate_key};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

const ROUNDS: usize = 60;
/// Pairs of connections that are counted.
const PAIRS: usize = 20;
/// The most heap bytes of one connection at rest: session, driver and socket, and the connection's value itself.
const AT_REST: i64 = 2_688;

/// A listener, and how to reach it.
async fn ends() -> (Listener, Arc<Config>) {
    let protocol = "Noise_XX_25519_ChaChaPoly_BLAKE2s".parse().unwrap();
    let config = Config::responder(&[protocol]).with_static_key(generate_key().unwrap()).build().unwrap();
    let address = "127.0.0.1:0".parse().unwrap();
    let listener = Listener::bind(&address, config, ListenOptions::default()).await.unwrap();
    let config = Config::initiator(protocol).with_peers(Peers::Any).with_static_key(generate_key().unwrap());
    (listener, config.build().unwrap())
}

async fn pair((listener, config): &(Listener, Arc<Config>)) -> (Connection, Connection) {
    let options = ConnectOptions::default();
    let accept = async { listener.accept().await.unwrap().handshake().await.unwrap() };
    let connect = async { sealock_smol::connect(listener.local_address(), config, &options).await.unwrap() };
    zip(accept, connect).await
}

async fn ask(client: &mut Connection) {
    for _ in 0..ROUNDS {
        for len in [1, 100, 1_000, 20_000] {
            client.send(&[7; 20_000][..len]).await.unwrap();
            assert!(matches!(client.next().await.unwrap(), Some(Event::Message(m)) if m.len() == len));
        }
    }
}

async fn answer(server: &mut Connection) {
    while let Some(Event::Message(message)) = server.receiver.next().await.unwrap() {
        server.sender.send(message).await.unwrap();
    }
}

#[test]
fn an_echo_allocates_nothing_in_its_tasks() {
    let (mut server, mut client) = async_io::block_on(async { pair(&ends().await).await });
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
fn a_connection_at_rest_holds_no_buffer_and_little_else() {
    let ends = async_io::block_on(ends());
    drop(async_io::block_on(pair(&ends)));
    let mut pairs = Vec::new();
    let counted = allocation_counter::measure(|| {
        pairs.reserve_exact(PAIRS);
        pairs.extend((0..PAIRS).map(|_| async_io::block_on(pair(&ends))));
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
