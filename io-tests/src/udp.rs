//! What datagram sessions must do on every driver: a client of one and an echo server of the same or another, on loopback.

use crate::driver::{Driver, join, task};
use sealock_proto::datagram::{Config, EndReason, Endpoint, Event, PeerId, Peers, Stats};
use sealock_proto::drive::{DatagramIo, Datagrams, Incoming};
use sealock_proto::noise::SecretKey;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// A driver with a UDP socket.
pub trait UdpDriver: Driver {
    /// The socket.
    type Udp: DatagramIo<Error = io::Error> + Send + 'static;

    /// Binds one. Called within `block_on`.
    fn bind(address: SocketAddr, config: &Arc<Config>) -> Datagrams<Endpoint, Self::Udp>;
    /// Where it is bound.
    fn local_addr(socket: &Datagrams<Endpoint, Self::Udp>) -> SocketAddr;
}

type Socket<D> = Datagrams<Endpoint, <D as UdpDriver>::Udp>;

/// The code that ends the server.
const STOP: u16 = 99;
const SOON: Duration = Duration::from_millis(100);

fn loopback() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

fn key(end: u8) -> SecretKey {
    SecretKey::new(&mut [end; 32])
}

fn config(end: u8) -> Config {
    let protocol = "Noise_IK_25519_ChaChaPoly_BLAKE2s".parse().expect("a protocol");
    Config::new(protocol).with_static_key(key(end)).with_peers(Peers::Any)
}

/// An echo server and where it listens. It gives its counters once a client closed with [`STOP`].
fn server<D: UdpDriver>() -> (SocketAddr, JoinHandle<Stats>) {
    let (tell, told) = std::sync::mpsc::channel();
    let server = task::<D, _>(async move {
        let mut socket = D::bind(loopback(), &config(2).build().expect("a configuration"));
        tell.send(D::local_addr(&socket)).expect("somebody waits");
        let mut buffer = vec![0; socket.buffer_len()];
        loop {
            match socket.next(&mut buffer).await.expect("a socket that works") {
                Incoming::Message { peer, payload } => drop(socket.send(peer, payload).await),
                Incoming::Event(Event::Ended { reason: EndReason::Closed(STOP), .. }) => break,
                Incoming::Event(_) => {}
            }
        }
        socket.machine().stats()
    });
    (told.recv().expect("a server"), server)
}

/// A client with a session.
async fn client<D: UdpDriver>(server: SocketAddr) -> (Socket<D>, PeerId) {
    let mut socket = D::bind(loopback(), &config(1).build().expect("a configuration"));
    let peer = socket.connect(server, Some(key(2).public())).expect("an attempt");
    let mut buffer = vec![0; socket.buffer_len()];
    match socket.next(&mut buffer).await.expect("a socket that works") {
        Incoming::Event(Event::Established { peer: who, established }) => {
            assert_eq!((who, established.key), (peer, Some(key(2).public())));
        }
        other => panic!("{other:?}"),
    }
    (socket, peer)
}

/// Sends a message until its echo is there. Echoes of earlier ones are passed over.
async fn exchange<D: UdpDriver>(socket: &mut Socket<D>, peer: PeerId, number: u32) {
    let mut buffer = vec![0; socket.buffer_len()];
    let mut message = vec![number as u8; 1000];
    message[..4].copy_from_slice(&number.to_be_bytes());
    for _ in 0..100 {
        socket.send(peer, &message).await.expect("a session");
        let until = socket.io().now() + SOON;
        while let Some(incoming) = socket.next_until(until, &mut buffer).await.expect("a socket that works") {
            match incoming {
                Incoming::Message { payload, .. } if payload[..4] == message[..4] => {
                    assert_eq!(payload, message);
                    return;
                }
                Incoming::Message { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }
    panic!("message {number} never came back");
}

async fn stop<D: UdpDriver>(mut socket: Socket<D>, peer: PeerId, server: JoinHandle<Stats>) -> Stats {
    socket.close(peer, STOP).await;
    // Blocking is no harm: nothing else is owed.
    join(server)
}

/// Messages go to and fro, and a close is told.
pub fn echo<S: UdpDriver, C: UdpDriver>() {
    let (address, server) = server::<S>();
    let stats = C::block_on(async {
        let (mut socket, peer) = client::<C>(address).await;
        for number in 0..200 {
            exchange::<C>(&mut socket, peer, number).await;
        }
        stop::<C>(socket, peer, server).await
    });
    assert!(stats.messages >= 200 && stats.discards.total() == 0, "{stats:?}");
}

/// Something between client and server that loses datagrams, and can take another address towards the server.
struct Relay {
    address: SocketAddr,
    over: Arc<AtomicBool>,
    moves: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Relay {
    /// Loses every `lose`-th datagram in each direction; 0 for none.
    fn new(server: SocketAddr, lose: u32) -> Self {
        let inner = UdpSocket::bind(loopback()).expect("a port");
        let mut outer = UdpSocket::bind(loopback()).expect("a port");
        let address = inner.local_addr().expect("an address");
        let (over, moves) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let (until, asked) = (Arc::clone(&over), Arc::clone(&moves));
        let threads = vec![thread::spawn(move || {
            let mut buffer = [0; 2048];
            let mut client = None;
            let mut counts = [0_u32; 2];
            inner.set_nonblocking(true).expect("a mode");
            outer.set_nonblocking(true).expect("a mode");
            while !until.load(Ordering::Relaxed) {
                if asked.swap(false, Ordering::Relaxed) {
                    outer = UdpSocket::bind(loopback()).expect("a port");
                    outer.set_nonblocking(true).expect("a mode");
                }
                let mut idle = true;
                let mut keeps = |direction: usize| {
                    counts[direction] += 1;
                    lose == 0 || counts[direction] % lose != 0
                };
                while let Ok((len, from)) = inner.recv_from(&mut buffer) {
                    (client, idle) = (Some(from), false);
                    if keeps(0) {
                        let _ = outer.send_to(&buffer[..len], server);
                    }
                }
                while let Ok((len, _)) = outer.recv_from(&mut buffer) {
                    idle = false;
                    if let Some(client) = client.filter(|_| keeps(1)) {
                        let _ = inner.send_to(&buffer[..len], client);
                    }
                }
                if idle {
                    thread::sleep(Duration::from_millis(1));
                }
            }
        })];
        Self { address, over, moves, threads }
    }

    fn end(self) {
        self.over.store(true, Ordering::Relaxed);
        self.threads.into_iter().for_each(join);
    }
}

/// Handshake and messages get through a network that loses every third datagram.
pub fn losses<S: UdpDriver, C: UdpDriver>() {
    let (address, server) = server::<S>();
    let relay = Relay::new(address, 3);
    C::block_on(async {
        let (mut socket, peer) = client::<C>(relay.address).await;
        for number in 0..10 {
            exchange::<C>(&mut socket, peer, number).await;
        }
        // A close may be lost like anything else.
        relay.end();
        socket.close(peer, 1).await;
        let (socket, peer) = client::<C>(address).await;
        stop::<C>(socket, peer, server).await;
    });
}

/// A session goes on from another address, as behind an address translator that forgot.
pub fn roaming<S: UdpDriver, C: UdpDriver>() {
    let (address, server) = server::<S>();
    let relay = Relay::new(address, 0);
    let stats = C::block_on(async {
        let (mut socket, peer) = client::<C>(relay.address).await;
        for number in 0..20 {
            exchange::<C>(&mut socket, peer, number).await;
            if number % 5 == 4 {
                relay.moves.store(true, Ordering::Relaxed);
                thread::sleep(Duration::from_millis(5));
            }
        }
        // The relay forwards the close while this waits.
        let stats = stop::<C>(socket, peer, server).await;
        relay.end();
        stats
    });
    assert!(stats.moved >= 3 && stats.established == 1, "{stats:?}");
}

/// Floods of garbage and of forged packets change nothing.
pub fn garbage<S: UdpDriver, C: UdpDriver>() {
    let (address, server) = server::<S>();
    let stats = C::block_on(async {
        let (mut socket, peer) = client::<C>(address).await;
        let flood = UdpSocket::bind(loopback()).expect("a port");
        let mut bytes = vec![0_u8; 3000];
        for number in 0..4_000_usize {
            bytes
                .iter_mut()
                .step_by(7)
                .for_each(|byte| *byte = byte.wrapping_mul(5).wrapping_add(number as u8));
            bytes[0] = 0x11 + (number % 4) as u8;
            let _ = flood.send_to(&bytes[..number % 1500], address);
            if number % 400 == 0 {
                let _ = flood.send_to(&bytes, address);
                exchange::<C>(&mut socket, peer, number as u32).await;
            }
        }
        exchange::<C>(&mut socket, peer, 9_999).await;
        stop::<C>(socket, peer, server).await
    });
    let discards = stats.discards;
    assert!(discards.total() > 100 && discards.too_large > 0 && discards.unknown_session > 0, "{stats:?}");
    assert_eq!(stats.established, 1);
}

/// Nobody is there: the attempt ends, and the socket goes on.
pub fn nobody<S: UdpDriver, C: UdpDriver>() {
    let (address, server) = server::<S>();
    let gone = UdpSocket::bind(loopback()).and_then(|socket| socket.local_addr()).expect("a port");
    C::block_on(async {
        let hasty =
            config(1).with_handshake_timeout(Duration::from_millis(300)).build().expect("a configuration");
        let mut socket = C::bind(loopback(), &hasty);
        let peer = socket.connect(gone, Some(key(2).public())).expect("an attempt");
        let mut buffer = vec![0; socket.buffer_len()];
        let ended = socket.next(&mut buffer).await.expect("a socket that works");
        assert_eq!(ended, Incoming::Event(Event::Ended { peer, reason: EndReason::HandshakeTimeout }));
        let peer = socket.connect(address, Some(key(2).public())).expect("an attempt");
        assert!(matches!(
            socket.next(&mut buffer).await.expect("a socket that works"),
            Incoming::Event(Event::Established { .. })
        ));
        exchange::<C>(&mut socket, peer, 1).await;
        let short = socket.next(&mut buffer[..1200]).await.map(drop);
        assert!(
            short.is_err_and(|error| error.to_string().contains("1201")),
            "one byte more than the largest"
        );
        stop::<C>(socket, peer, server).await;
    });
}
