//! Steady-state traffic on a real socket allocates nothing. In a file of its own, since it counts.

use sealock_tokio::session::{Config, Event, Peers};
use sealock_tokio::{ConnectOptions, Connection, ListenOptions, Listener, generate_key};
use tokio::runtime::Builder;

const ROUNDS: usize = 60;

async fn pair() -> (Connection, Connection) {
    let protocol = "Noise_XX_25519_ChaChaPoly_BLAKE2s".parse().unwrap();
    let config = Config::responder(&[protocol]).with_static_key(generate_key().unwrap()).build().unwrap();
    let address = "127.0.0.1:0".parse().unwrap();
    let listener = Listener::bind(&address, config, ListenOptions::default()).await.unwrap();
    let address = listener.local_address().clone();
    let server = tokio::spawn(async move { listener.accept().await.unwrap().handshake().await.unwrap() });
    let config = Config::initiator(protocol)
        .with_peers(Peers::Any)
        .with_static_key(generate_key().unwrap())
        .build()
        .unwrap();
    let client = sealock_tokio::connect(&address, &config, &ConnectOptions::default()).await.unwrap();
    (server.await.unwrap(), client)
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
    let (mut server, mut client) = runtime.block_on(pair());
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
