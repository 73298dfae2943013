//! Steady-state traffic on a real socket allocates nothing, but for `async-io`'s own timers: arming one adds it to
//! a B-tree, which takes a node now and then. In a file of its own, since it counts.

use futures_lite::future::{or, zip};
use sealock_smol::session::{Config, Event};
use sealock_smol::{ConnectOptions, Connection, ListenOptions, Listener, generate_key};

const ROUNDS: usize = 200;

async fn pair() -> (Connection, Connection) {
    let protocol = "Noise_XX_25519_ChaChaPoly_BLAKE2s".parse().unwrap();
    let config = Config::responder(&[protocol]).with_static_key(generate_key().unwrap()).build().unwrap();
    let address = "127.0.0.1:0".parse().unwrap();
    let listener = Listener::bind(&address, config, ListenOptions::default()).await.unwrap();
    let address = listener.local_address().clone();
    let config = Config::initiator(protocol).with_static_key(generate_key().unwrap()).build().unwrap();
    let options = ConnectOptions::default();
    let accept = async { listener.accept().await.unwrap().handshake().await.unwrap() };
    let connect = async { sealock_smol::connect(&address, &config, &options).await.unwrap() };
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
fn an_echo_allocates_nothing_of_ours() {
    let (mut server, mut client) = async_io::block_on(pair());
    let mut echo = || async_io::block_on(or(ask(&mut client), answer(&mut server)));
    echo();
    let counted = allocation_counter::measure(echo);
    let messages = ROUNDS as u64 * 8;
    assert!(counted.count_total * 100 < messages, "{counted:?} for {messages} messages");
    assert_eq!(counted.count_current, 0, "{counted:?}");
}
