//! Datagram sessions on bad networks: beside a model under random operations, which the fuzz target `datagram` runs too,
//! and on the simulator's links.
#![cfg(feature = "std")]

#[path = "support/input.rs"]
mod input;
#[path = "support/datagram.rs"]
mod model;

use model::{Input, OFTEN, Tally};
use sealock_proto::datagram::{Config, Endpoint, Event, PeerId, Peers, RekeyPolicy};
use sealock_proto::entropy::{Jitter, Seed};
use sealock_proto::noise::SecretKey;
use sealock_proto::sim::{BurstLoss, DatagramLink, Fate, check, is_replay};
use sealock_proto::time::Instant;
use std::net::SocketAddr;
use std::time::Duration;

#[test]
fn whatever_the_network_does_a_message_arrives_unchanged_and_once_or_not_at_all() {
    let mut tally = Tally::default();
    check("whatever_the_network_does", 0..500, |seed| {
        let mut random = Jitter::new(seed);
        let bytes: Vec<u8> = (0..40 + 100 * (seed % 8)).map(|_| random.next_u64() as u8).collect();
        model::run(&mut Input::new(&bytes), &mut tally);
        Ok(())
    });
    let often = |what: &&str| is_replay() || tally.count(what) >= 20;
    assert!(OFTEN.iter().all(often), "{tally:?}");
}

const MS: Duration = Duration::from_millis(1);
const MTU: usize = 500;

fn address(end: usize) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, end as u8 + 1], 7000))
}

fn endpoint(name: &str, end: usize) -> Endpoint {
    let config = Config::new(name.parse().unwrap())
        .with_static_key(SecretKey::new(&mut [end as u8 + 1; 32]))
        .with_peers(Peers::Any)
        .with_max_datagram(MTU)
        .with_rekey(RekeyPolicy::default().with_packets(100));
    Endpoint::new(&config.build().unwrap(), Seed::new(&mut [end as u8 + 7; 32])).unwrap()
}

/// What one run came to.
#[derive(Debug, Default, PartialEq, Eq)]
struct Outcome {
    end: Instant,
    lost: u32,
    duplicated: u32,
    sent: [u64; 2],
    received: [u64; 2],
}

/// Both ends send 400 numbers, one every 10 ms, over links that lose, double and delay them.
fn run(name: &str, seed: u64) -> Outcome {
    let mut random = Jitter::new(seed);
    let burst = BurstLoss { enter: 0.02, leave: 0.3, good: 0.0, bad: 0.8 };
    let mut link = || {
        DatagramLink::new(random.next_u64())
            .with_latency(20 * MS)
            .with_jitter(10 * MS)
            .with_loss(0.1)
            .with_burst_loss(burst)
            .with_duplication(0.1)
            .with_reordering(0.1, 300 * MS)
            .with_mtu(MTU)
    };
    let mut links = [link(), link()];
    let mut ends = [endpoint(name, 0), endpoint(name, 1)];
    let mut peers: [Option<PeerId>; 2] = [None, None];
    let mut seen = [[false; 400]; 2];
    let mut outcome = Outcome::default();
    let mut now = Instant::ZERO;
    let mut tick = [now; 2];
    let mut buffer = [0; MTU];
    ends[0].connect(now, address(1), Some(SecretKey::new(&mut [2; 32]).public())).unwrap();
    loop {
        for to in [0, 1] {
            while let Some(mut datagram) = links[to].pop(now) {
                let message = ends[to].recv(now, address(1 - to), &mut datagram);
                let Some(message) = message else { continue };
                let number = usize::from(u16::from_be_bytes(message.payload[..2].try_into().unwrap()));
                assert_eq!(message.payload.len(), ends[to].config().max_message());
                assert!(!std::mem::replace(&mut seen[to][number], true), "{number} twice");
                outcome.received[to] += 1;
            }
            if ends[to].poll_timeout().is_some_and(|at| at <= now) {
                ends[to].handle_timeout(now);
            }
            while let Some(event) = ends[to].poll_event() {
                match event {
                    Event::Established { peer, .. } => (peers[to], tick[to]) = (Some(peer), now),
                    event => panic!("{event:?}"),
                }
            }
        }
        for from in [0, 1] {
            let mut push = |bytes: &[u8]| match links[1 - from].push(now, bytes) {
                Fate::Lost => outcome.lost += 1,
                Fate::Duplicated => outcome.duplicated += 1,
                fate => assert_eq!(fate, Fate::Sent, "the MTU is kept"),
            };
            if let Some(peer) = peers[from].filter(|_| tick[from] <= now && outcome.sent[from] < 400) {
                let mut message = [0; MTU - 34];
                message[..2].copy_from_slice(&(outcome.sent[from] as u16).to_be_bytes());
                let sent = ends[from].send(now, peer, &message, &mut buffer).unwrap();
                assert_eq!(sent.destination, address(1 - from));
                push(&buffer[..sent.len]);
                (outcome.sent[from], tick[from]) = (outcome.sent[from] + 1, now + 10 * MS);
            }
            while let Some(sent) = ends[from].poll_transmit(now, &mut buffer) {
                push(&buffer[..sent.len]);
            }
        }
        if outcome.sent == [400, 400] && links.iter().all(|link| link.poll_timeout().is_none()) {
            break;
        }
        let deadlines = ends.iter().filter_map(Endpoint::poll_timeout);
        let links = links.iter().filter_map(DatagramLink::poll_timeout);
        let ticks = [0, 1].into_iter().filter(|end| peers[*end].is_some() && outcome.sent[*end] < 400);
        let next = deadlines.chain(links).chain(ticks.map(|end| tick[end])).min().unwrap();
        assert!(next > now, "something is left to do at {now:?}");
        now = next;
        assert!(now < Instant::ZERO + Duration::from_secs(60), "no end");
    }
    outcome.end = now;
    outcome
}

#[test]
fn sessions_live_over_links_that_lose_double_and_reorder() {
    for name in ["Noise_IK_25519_ChaChaPoly_BLAKE2s", "Noise_XX_25519_ChaChaPoly_BLAKE2s"] {
        check("sessions_live_over_links", 0..40, |seed| {
            let outcome = run(name, seed);
            assert!(outcome.lost > 0 && outcome.duplicated > 0, "{outcome:?}");
            // What the links did not lose arrived: the changes of keys cost nothing.
            let missing = outcome.sent.iter().sum::<u64>() - outcome.received.iter().sum::<u64>();
            assert!(missing <= u64::from(outcome.lost), "{outcome:?}");
            assert_eq!(run(name, seed), outcome, "the same seed, the same run");
            Ok(())
        });
    }
}
