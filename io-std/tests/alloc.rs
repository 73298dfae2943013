//! Steady-state traffic on a real socket allocates nothing. In a file of its own, since it counts.

use sealock_std::session::{Config, Event, Peers};
use sealock_std::{ConnectOptions, Connection, ListenOptions, Listener, generate_key};
use std::task::{Context, Waker};
use std::thread;

const ROUNDS: usize = 60;
/// The most heap bytes of one connection at rest: session and driver. Its value is on the stack.
const AT_REST: i64 = 1_280;
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

#[test]
fn a_connection_at_rest_holds_no_buffer_and_little_else() {
    let protocol = "Noise_XX_25519_ChaChaPoly_BLAKE2s".parse().unwrap();
    let config = Config::responder(&[protocol]).with_static_key(generate_key().unwrap()).build().unwrap();
    let address = "127.0.0.1:0".parse().unwrap();
    let listener = Listener::bind(&address, config, ListenOptions::default()).unwrap();
    let address = listener.local_address().clone();
    let server = thread::spawn(move || {
        let mut server = listener.accept().unwrap().unwrap().handshake().unwrap();
        answer(&mut server);
        server.flush().unwrap();
        server
    });
    let config = Config::initiator(protocol)
        .with_peers(Peers::Any)
        .with_static_key(generate_key().unwrap())
        .build()
        .unwrap();
    let mut halves = None;
    let counted = allocation_counter::measure(|| {
        let mut client = sealock_std::connect(&address, &config, &ConnectOptions::default()).unwrap();
        ask(&mut client);
        let (receiver, sender) = client.split();
        let mut receiver = receiver.into_inner();
        assert!(receiver.buffer_memory() > 20_000);
        // A poll blocks in the system, for a second at most.
        for _ in 0..10 {
            if receiver.buffer_memory() > 0 {
                assert!(receiver.poll_next(&mut Context::from_waker(Waker::noop())).is_pending());
            }
        }
        assert_eq!(receiver.buffer_memory(), 0);
        halves = Some((receiver, sender));
    });
    println!("{} bytes a connection", counted.bytes_current);
    assert!(counted.bytes_current <= AT_REST, "{} bytes", counted.bytes_current);
    // What comes after a rest arrives whole.
    let (mut receiver, mut sender) = halves.unwrap();
    let mut server = server.join().unwrap();
    sender.send(&[7; 20_000]).unwrap();
    sender.flush().unwrap();
    server.send(&[8; 20_000]).unwrap();
    server.flush().unwrap();
    for message in [sealock_std::block_on(receiver.next()), server.next()] {
        assert!(matches!(message.unwrap(), Some(Event::Message(m)) if m.len() == 20_000));
    }
}
