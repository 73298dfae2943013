//! Steady-state traffic on a real socket allocates nothing in the connections' tasks. What is not counted is
//! `async-io`'s reactor, which runs between the polls: it makes a list of wakers for a turn and keeps timers in a
//! B-tree. In a file of its own, since it counts.

use futures_lite::future::{or, zip};
use sealock_smol::session::{Config, Event, Peers};
use sealock_smol::{ConnectOptions, Connection, ListenOptions, Listener, generate_key};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

const ROUNDS: usize = 60;

async fn pair() -> (Connection, Connection) {
    let protocol = "Noise_XX_25519_ChaChaPoly_BLAKE2s".parse().unwrap();
    let config = Config::responder(&[protocol]).with_static_key(generate_key().unwrap()).build().unwrap();
    let address = "127.0.0.1:0".parse().unwrap();
    let listener = Listener::bind(&address, config, ListenOptions::default()).await.unwrap();
    let address = listener.local_address().clone();
    let config = Config::initiator(protocol)
        .with_peers(Peers::Any)
        .with_static_key(generate_key().unwrap())
        .build()
        .unwrap();
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
fn an_echo_allocates_nothing_in_its_tasks() {
    let (mut server, mut client) = async_io::block_on(pair());
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
