//! What a WebSocket connection on a real socket allocates and holds.
#![cfg(feature = "ws")]

use sealock_std::ws::{Accept, Config, Connection, Endpoint, Event, Kind, Listener, Server};
use sealock_std::{ConnectOptions, ListenOptions};
use std::task::{Context, Waker};
use std::thread::{self, JoinHandle};

const ROUNDS: usize = 60;
/// The most heap bytes of one connection at rest. Its value is on the stack.
const AT_REST: i64 = 4 * 1024;
const SIZES: [usize; 4] = [1, 100, 1_000, 20_000];

fn ask(client: &mut Connection) {
    for len in SIZES {
        client.send(Kind::Text, &[b'7'; 20_000][..len]).unwrap();
        let answer = client.next().unwrap();
        assert!(matches!(answer, Some(Event::Message { payload, .. }) if payload.len() == len));
    }
}

fn answer(server: &mut Connection) {
    for _ in SIZES {
        match server.receiver.next().unwrap() {
            Some(Event::Message { kind, payload }) => server.sender.send(kind, payload).unwrap(),
            other => panic!("{other:?}"),
        }
    }
}

/// What `serve` makes of the one connection of a listener, in a thread, and how to reach that.
fn server<T: Send + 'static>(
    serve: impl FnOnce(Connection) -> T + Send + 'static,
) -> (Endpoint, JoinHandle<T>) {
    let (address, server) = ("127.0.0.1:0".parse().unwrap(), Server::new(Config::default().build().unwrap()));
    let listener = Listener::bind(&address, server, ListenOptions::default()).unwrap();
    let endpoint = format!("ws://{}/", listener.local_address()).parse().unwrap();
    let thread = thread::spawn(move || {
        let asked = listener.accept().unwrap().unwrap().request().unwrap();
        serve(asked.accept(&Accept::new()).unwrap())
    });
    (endpoint, thread)
}

fn connect(endpoint: &Endpoint) -> Connection {
    let config = Config::default().build().unwrap();
    sealock_std::ws::connect(endpoint, &config, &ConnectOptions::default()).unwrap().0
}

/// Counted on the calling thread, after a warm-up.
fn counted(mut round: impl FnMut()) -> u64 {
    (0..ROUNDS).for_each(|_| round());
    allocation_counter::measure(|| (0..ROUNDS).for_each(|_| round())).count_total
}

#[test]
fn an_echo_allocates_nothing_at_either_end() {
    let (endpoint, server) = server(|mut server| {
        let count = counted(|| answer(&mut server));
        server.flush().unwrap();
        count
    });
    let mut client = connect(&endpoint);
    assert_eq!(counted(|| ask(&mut client)), 0, "client");
    assert_eq!(server.join().unwrap(), 0, "server");
}

#[test]
fn a_connection_at_rest_holds_no_buffer_and_at_most_four_kibibytes() {
    let (endpoint, server) = server(|mut server| {
        answer(&mut server);
        server.flush().unwrap();
        server
    });
    let mut halves = None;
    let counted = allocation_counter::measure(|| {
        let mut client = connect(&endpoint);
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
    drop(server.join().unwrap());
}
