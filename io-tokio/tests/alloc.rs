//! Steady-state traffic on a real socket allocates nothing, and a connection at rest holds little. In a file of its
//! own, since it counts.

use sealock_tokio::session::{Config, Event, Peers};
use sealock_tokio::{ConnectOptions, Connection, ListenOptions, Listener, generate_key};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Builder;

const ROUNDS: usize = 60;
/// Pairs of connections that are counted.
const PAIRS: usize = 40;
/// The most heap bytes of one connection at rest: session, driver, socket and timer, and the connection's value itself.
const AT_REST: i64 = 2_560;

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
    let connect = async { sealock_tokio::connect(listener.local_address(), config, &options).await.unwrap() };
    tokio::join!(accept, connect)
}

async fn ask(client: &mut Connection) {
    for len in [1, 100, 1_000, 20_000] {
        client.send(&[7; 20_000][..len]).await.unwrap();
        assert!(matches!(client.next().await.unwrap(), Some(Event::Message(m)) if m.len() == len));
    }
}

#[test]
fn an_echo_allocates_nothing_at_either_end() {
    // One thread, so that everything is counted: client, server and runtime.
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let (mut server, mut client) = runtime.block_on(async { pair(&ends().await).await });
    runtime.spawn(async move {
        while let Some(Event::Message(message)) = server.receiver.next().await.unwrap() {
            server.sender.send(message).await.unwrap();
        }
    });
    runtime.block_on(async {
        for _ in 0..ROUNDS {
            ask(&mut client).await;
        }
    });
    let counted = allocation_counter::measure(|| {
        runtime.block_on(async {
            for _ in 0..ROUNDS {
                ask(&mut client).await;
            }
        });
    });
    assert_eq!(counted.count_total, 0, "{counted:?}");
}

/// Polls both ends of a pair until a second or two without traffic are over, on virtual time.
async fn rest(pairs: &mut [(Connection, Connection)]) {
    for (server, client) in &mut *pairs {
        for end in [server, client] {
            for _ in 0..3 {
                assert!(tokio::time::timeout(Duration::from_millis(1100), end.next()).await.is_err());
            }
            assert_eq!(end.receiver.buffer_memory(), 0);
        }
    }
}

#[test]
fn a_connection_at_rest_holds_no_buffer_and_little_else() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let ends = runtime.block_on(ends());
    drop(runtime.block_on(pair(&ends)));
    let mut pairs = Vec::new();
    let counted = allocation_counter::measure(|| {
        runtime.block_on(async {
            pairs.reserve_exact(PAIRS);
            for _ in 0..PAIRS {
                pairs.push(pair(&ends).await);
            }
            tokio::time::pause();
            rest(&mut pairs).await;
            tokio::time::resume();
        });
    });
    let each = counted.bytes_current / (2 * PAIRS as i64);
    println!("{each} bytes a connection, {} of them its value", size_of::<Connection>());
    assert!(each <= AT_REST, "{each} bytes");
    // What comes after a rest arrives whole.
    runtime.block_on(async {
        for (mut server, mut client) in pairs {
            let answer = async {
                let Some(Event::Message(message)) = server.receiver.next().await.unwrap() else { panic!() };
                server.sender.send(message).await.unwrap();
                server.flush().await.unwrap();
            };
            client.send(&[7; 20_000]).await.unwrap();
            let (asked, ()) = tokio::join!(client.next(), answer);
            assert!(matches!(asked.unwrap(), Some(Event::Message(m)) if *m == [7; 20_000]));
        }
    });
}
