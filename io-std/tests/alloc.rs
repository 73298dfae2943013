//! Steady-state traffic on a real socket allocates nothing. In a file of its own, since it counts.

use sealock_std::session::{Config, Event, Peers};
use sealock_std::{ConnectOptions, Connection, ListenOptions, Listener, generate_key};
use std::thread;

const ROUNDS: usize = 60;
const SIZES: [usize; 4] = [1, 100, 1_000, 20_000];

fn ask(client: &mut Connection) {
    for len in SIZES {
        client.send(&[7; 20_000][..len]).unwrap();
        assert!(matches!(client.next().unwrap(), Some(Event::Message(m)) if m.len() == len));
    }
}

fn answer(server: &mut Connection) {
    for _ in SIZES {
        match server.receiver.next().unwrap() {
            Some(Event::Message(message)) => server.sender.send(message).unwrap(),
            other => panic!("{other:?}"),
        }
    }
}

/// Counted on the calling thread, after a warm-up.
fn counted(mut round: impl FnMut()) -> u64 {
    (0..ROUNDS).for_each(|_| round());
    allocation_counter::measure(|| (0..ROUNDS).for_each(|_| round())).count_total
}

#[test]
fn an_echo_allocates_nothing_at_either_end() {
    let protocol = "Noise_XX_25519_ChaChaPoly_BLAKE2s".parse().unwrap();
    let config = Config::responder(&[protocol]).with_static_key(generate_key().unwrap()).build().unwrap();
    let address = "127.0.0.1:0".parse().unwrap();
    let listener = Listener::bind(&address, config, ListenOptions::default()).unwrap();
    let address = listener.local_address().clone();
    let server = thread::spawn(move || {
        let mut server = listener.accept().unwrap().unwrap().handshake().unwrap();
        let count = counted(|| answer(&mut server));
        server.flush().unwrap();
        count
    });
    let config = Config::initiator(protocol)
        .with_peers(Peers::Any)
        .with_static_key(generate_key().unwrap())
        .build()
        .unwrap();
    let mut client = sealock_std::connect(&address, &config, &ConnectOptions::default()).unwrap();
    assert_eq!(counted(|| ask(&mut client)), 0, "client");
    assert_eq!(server.join().unwrap(), 0, "server");
}
