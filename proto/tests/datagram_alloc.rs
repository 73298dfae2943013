//! An established datagram session allocates nothing, whatever comes.

use allocation_counter::measure;
use sealock_proto::datagram::{Config, Endpoint, Event, PeerId, Peers};
use sealock_proto::entropy::{Jitter, Seed};
use sealock_proto::heartbeat::HeartbeatConfig;
use sealock_proto::noise::{Provider, SecretKey};
use sealock_proto::time::Instant;
use std::net::SocketAddr;
use std::time::Duration;

const MAX: usize = 1200;

fn address(end: usize) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, end as u8 + 1], 7000))
}

/// Two ends that move what they owe to each other.
struct Pair {
    now: Instant,
    ends: [Endpoint; 2],
    peers: [PeerId; 2],
}

impl Pair {
    fn new(name: &str, provider: Provider) -> Self {
        let heartbeat = HeartbeatConfig::default().with_interval(Duration::from_secs(1));
        let mut ends = [1, 2].map(|byte: u8| {
            let config = Config::new(name.parse().unwrap())
                .with_static_key(SecretKey::new(&mut [byte; 32]))
                .with_peers(Peers::Any)
                .with_heartbeat(Some(heartbeat))
                .with_provider(provider);
            Endpoint::new(&config.build().unwrap(), Seed::new(&mut [byte; 32])).unwrap()
        });
        let there = SecretKey::new(&mut [2; 32]).public();
        let peer = ends[0].connect(Instant::ZERO, address(1), Some(there)).unwrap();
        let mut pair = Self { now: Instant::ZERO, ends, peers: [peer; 2] };
        pair.settle();
        for end in [0, 1] {
            let Some(Event::Established { peer, .. }) = pair.ends[end].poll_event() else {
                panic!("no session")
            };
            pair.peers[end] = peer;
        }
        pair
    }

    fn settle(&mut self) {
        let mut buffer = [0; MAX];
        let mut quiet = 0;
        while quiet < 2 {
            quiet += 1;
            for end in [0, 1] {
                while let Some(sent) = self.ends[end].poll_transmit(self.now, &mut buffer) {
                    let _ = self.ends[1 - end].recv(self.now, address(end), &mut buffer[..sent.len]);
                    quiet = 0;
                }
            }
        }
    }
}

#[test]
fn messages_pings_and_replays_allocate_nothing() {
    for provider in Provider::ALL {
        for name in ["Noise_IK_25519_ChaChaPoly_BLAKE2s", "Noise_XX_25519_AESGCM_SHA256"] {
            let mut pair = Pair::new(name, *provider);
            let message = [7; 1000];
            let mut buffer = [0; MAX];
            let mut received = 0;
            let began = pair.now;
            let info = measure(|| {
                for n in 0..5_000_u64 {
                    // Before the keys are to be replaced.
                    pair.now = began + Duration::from_millis(20 * n);
                    for end in [0, 1] {
                        let now = pair.now;
                        let sent = pair.ends[end].send(now, pair.peers[end], &message, &mut buffer).unwrap();
                        let mut copy = buffer;
                        let first = pair.ends[1 - end].recv(now, address(end), &mut buffer[..sent.len]);
                        received += u32::from(first.is_some_and(|first| first.payload == message));
                        let second = pair.ends[1 - end].recv(now, address(end), &mut copy[..sent.len]);
                        assert!(second.is_none());
                        if pair.ends[end].poll_timeout().is_some_and(|at| at <= now) {
                            pair.ends[end].handle_timeout(now);
                        }
                    }
                    pair.settle();
                }
            });
            assert_eq!(received, 10_000);
            assert!(pair.ends[0].rtt(pair.peers[0]).is_some(), "pings were answered");
            assert_eq!(info.count_total, 0, "{name} by {}", provider.name());
        }
    }
}

#[test]
fn garbage_and_strangers_without_the_first_mac_allocate_nothing() {
    let mut pair = Pair::new("Noise_IK_25519_ChaChaPoly_BLAKE2s", Provider::RustCrypto);
    let mut random = Jitter::new(1);
    let mut bytes = [0; 1500];
    let info = measure(|| {
        for _ in 0..50_000 {
            let draw = random.next_u64();
            bytes[0] = 0x11 + (draw % 3) as u8;
            bytes[1] = u8::from(draw & 64 != 0);
            bytes[2..10].copy_from_slice(&draw.to_be_bytes());
            let len = (draw >> 20) as usize % bytes.len();
            assert!(pair.ends[1].recv(pair.now, address(7), &mut bytes[..len]).is_none());
        }
    });
    let discards = pair.ends[1].stats().discards;
    assert!(
        discards.mac > 1_000 && discards.unknown_session > 1_000 && discards.too_large > 1_000,
        "{discards:?}"
    );
    assert_eq!(info.count_total, 0);
}
