//! Two ends of datagram sessions and everything that a network may do to them, beside a plain model: which message was
//! sent by whom, and which arrived. Shared by the property tests and the fuzz target `datagram`.
//!
//! Bytes are decisions; behind the last byte everything is 0. Nothing here knows how an end does its work.

pub(crate) use crate::input::Input;
use sealock_proto::datagram::{Config, EndReason, Endpoint, Event, PeerId, Peers, RekeyPolicy};
use sealock_proto::entropy::Seed;
use sealock_proto::guard::{GateConfig, LoadConfig};
use sealock_proto::heartbeat::HeartbeatConfig;
use sealock_proto::limit::AdmissionConfig;
use sealock_proto::noise::{HandshakeHash, Protocol, Psk, Role, SecretKey};
use sealock_proto::time::Instant;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

const NAMES: [&str; 6] = [
    "Noise_IK_25519_ChaChaPoly_BLAKE2s",
    "Noise_XX_25519_ChaChaPoly_BLAKE2s",
    "Noise_NNpsk0_25519_ChaChaPoly_BLAKE2s",
    "Noise_KK_25519_ChaChaPoly_BLAKE2s",
    "Noise_X1X1_25519_ChaChaPoly_BLAKE2s",
    "Noise_NX1_25519_AESGCM_SHA256",
];
const MAX_PEERS: usize = 4;
const MAX_WIRE: usize = 48;
const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// What happened, by name.
#[derive(Debug, Default)]
pub(crate) struct Tally(BTreeMap<&'static str, u64>);

impl Tally {
    fn saw(&mut self, what: &'static str) {
        *self.0.entry(what).or_default() += 1;
    }

    #[allow(dead_code)] // The fuzzer does not ask.
    pub(crate) fn count(&self, what: &str) -> u64 {
        self.0.get(what).copied().unwrap_or(0)
    }
}

/// What must happen often in many runs together, or they show little.
#[allow(dead_code)]
pub(crate) const OFTEN: [&str; 9] = [
    "established",
    "ended",
    "delivered",
    "delivered twice",
    "damaged",
    "garbage",
    "moved",
    "cookies",
    "healed with a session",
];

fn secret(end: usize) -> SecretKey {
    SecretKey::new(&mut [end as u8 + 1; 32])
}

fn end(name: &str, number: usize, asks: bool, patient: bool) -> Endpoint {
    let protocol: Protocol = name.parse().unwrap();
    let load = LoadConfig::default().with_backlog(if asks { 1 } else { 100 });
    // By default pings come later than a handshake may take.
    let slow = HeartbeatConfig::default();
    let fast = slow.with_interval(5 * SECOND).with_probe_timeout(2 * SECOND);
    let mut config = Config::new(protocol)
        .with_peers(Peers::Any)
        .with_accept(number == 1)
        .with_max_datagram(300)
        .with_max_peers(MAX_PEERS)
        .with_heartbeat(Some(if patient { slow } else { fast }))
        .with_rekey(
            RekeyPolicy::default().with_after(20 * SECOND).with_reject_after(40 * SECOND).with_packets(40),
        )
        .with_admission(AdmissionConfig::default().with_keyed(None))
        .with_gate(GateConfig::default().with_load(load));
    let role = [Role::Initiator, Role::Responder][number];
    if protocol.needs_local_static(role) {
        config = config.with_static_key(secret(number));
    }
    if protocol.needs_remote_static(role) {
        config = config.with_remote_static(secret(1 - number).public());
    }
    for n in 0..protocol.psk_count() {
        config = config.with_psk(Psk::new(&mut [n as u8 + 9; 32]));
    }
    Endpoint::new(&config.build().unwrap(), Seed::new(&mut [number as u8 + 50; 32])).unwrap()
}

fn address(host: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, host], 7000))
}

#[derive(Clone)]
struct Packet {
    from: SocketAddr,
    to: SocketAddr,
    bytes: Vec<u8>,
}

struct World<'t> {
    now: Instant,
    ends: [Endpoint; 2],
    addresses: [SocketAddr; 2],
    /// With what names the session at both ends.
    live: [Vec<(PeerId, HandshakeHash)>; 2],
    /// Since when the network is perfect.
    healed: Option<Instant>,
    wire: Vec<Packet>,
    /// By number: who sent it, and whether it arrived.
    sent: Vec<(usize, bool)>,
    tally: &'t mut Tally,
}

impl World<'_> {
    /// Gathers what ends owe and tell.
    fn collect(&mut self) {
        let mut buffer = [0; 300];
        for number in [0, 1] {
            let mut packets = 0;
            while let Some(sent) = self.ends[number].poll_transmit(self.now, &mut buffer) {
                let bytes = buffer[..sent.len].to_vec();
                self.wire.push(Packet { from: self.addresses[number], to: sent.destination, bytes });
                packets += 1;
                assert!(packets < 200, "an end has no end of packets");
            }
            while let Some(event) = self.ends[number].poll_event() {
                match event {
                    Event::Established { peer, established, .. } => {
                        self.tally.saw("established");
                        self.live[number].push((peer, established.hash));
                    }
                    Event::Ended { peer, reason, .. } => self.ended(number, peer, reason),
                    _ => {}
                }
            }
            assert!(self.ends[number].peers() <= MAX_PEERS);
        }
        let over = self.wire.len().saturating_sub(MAX_WIRE);
        self.wire.drain(..over);
    }

    fn ended(&mut self, number: usize, peer: PeerId, reason: EndReason) {
        self.tally.saw("ended");
        let Some(at) = self.live[number].iter().position(|(live, _)| *live == peer) else { return };
        let (_, hash) = self.live[number].remove(at);
        // What proves a session to its other end is repeated within 5 s, to an address that still is one.
        let late = self.healed.is_some_and(|healed| self.now > healed + 6 * SECOND);
        let shared = self.live[1 - number].iter().any(|(_, other)| *other == hash);
        if late && shared && self.addresses[0] == address(1) {
            assert_ne!(reason, EndReason::HandshakeTimeout, "both ends had the session");
        }
    }

    /// Gives whether a message came out.
    fn deliver(&mut self, mut packet: Packet) -> bool {
        let Some(to) = self.addresses.iter().position(|address| *address == packet.to) else { return false };
        let moved = self.ends[to].stats().moved;
        let message = self.ends[to].recv(self.now, packet.from, &mut packet.bytes);
        let message = message.map(|received| (received.peer, received.payload.to_vec()));
        if self.ends[to].stats().moved > moved {
            self.tally.saw("moved");
        }
        self.collect();
        let Some((peer, message)) = message else { return false };
        assert!(
            self.live[to].iter().any(|(live, _)| *live == peer),
            "a message of a session that is not there"
        );
        let number = u64::from_be_bytes(message[..8].try_into().unwrap()) as usize;
        let (from, arrived) = self.sent.get_mut(number).expect("a message that nobody sent");
        assert!(
            *from != to && message[8..].iter().all(|byte| *byte == number as u8),
            "another message than was sent"
        );
        assert!(!*arrived, "a message that arrived before");
        *arrived = true;
        self.tally.saw("delivered");
        true
    }

    fn send(&mut self, from: usize, peer: PeerId, len: usize) -> Option<usize> {
        let number = self.sent.len();
        let mut message = (number as u64).to_be_bytes().to_vec();
        message.resize(8 + len, number as u8);
        let mut buffer = [0; 300];
        let sent = self.ends[from].send(self.now, peer, &message, &mut buffer).ok()?;
        let packet =
            Packet { from: self.addresses[from], to: sent.destination, bytes: buffer[..sent.len].to_vec() };
        self.sent.push((from, false));
        self.wire.push(packet);
        self.collect();
        Some(number)
    }

    fn advance(&mut self, to: Instant) {
        self.now = self.now.max(to);
        for end in &mut self.ends {
            if end.poll_timeout().is_some_and(|at| at <= self.now) {
                end.handle_timeout(self.now);
            }
            assert!(end.poll_timeout().is_none_or(|at| at > self.now), "a deadline that stays");
        }
        self.collect();
    }

    fn connect(&mut self) {
        let shows = self.ends[0].config().protocol().needs_local_static(Role::Responder);
        let key = shows.then(|| secret(1).public());
        let _ = self.ends[0].connect(self.now, self.addresses[1], key);
        self.collect();
    }

    fn step(&mut self, input: &mut Input<'_>) {
        let choice = input.byte();
        match choice % 16 {
            0 => self.connect(),
            1..=4 => {
                let from = usize::from(choice >> 4 & 1);
                if !self.live[from].is_empty() {
                    let (peer, _) = self.live[from][input.below(self.live[from].len())];
                    self.send(from, peer, usize::from(choice >> 5));
                }
            }
            5..=8 if !self.wire.is_empty() => {
                let packet =
                    self.wire.remove(if choice & 0x80 == 0 { 0 } else { input.below(self.wire.len()) });
                self.deliver(packet);
            }
            9 if !self.wire.is_empty() => {
                let packet = self.wire[input.below(self.wire.len())].clone();
                self.tally.saw("delivered twice");
                self.deliver(packet);
            }
            10 if !self.wire.is_empty() => drop(self.wire.remove(input.below(self.wire.len()))),
            11 if !self.wire.is_empty() => {
                let mut packet = self.wire[input.below(self.wire.len())].clone();
                let place = input.size() % packet.bytes.len();
                packet.bytes[place] ^= 1 << (choice >> 5);
                self.tally.saw("damaged");
                assert!(!self.deliver(packet), "a message out of a damaged packet");
            }
            12 => {
                let wait = [MS, 100 * MS, SECOND, 7 * SECOND][usize::from(choice >> 4) % 4];
                self.advance(self.now + wait);
            }
            13 => {
                let next = self.ends.iter().filter_map(Endpoint::poll_timeout).min();
                self.advance(next.unwrap_or(self.now));
            }
            14 => {
                let to = usize::from(choice >> 4 & 1);
                let len = input.size() % 320;
                let bytes = input.take(len).to_vec();
                self.tally.saw("garbage");
                let packet = Packet { from: address(9), to: self.addresses[to], bytes };
                assert!(!self.deliver(packet), "a message out of nothing");
            }
            _ if choice & 0x80 == 0 => self.addresses[0] = address(100 + (choice >> 4)),
            _ => {
                let from = usize::from(choice >> 4 & 1);
                if let Some((peer, _)) = self.live[from].pop() {
                    self.ends[from].close(peer, 7);
                    self.collect();
                }
            }
        }
    }

    /// From here on the network is perfect: what has survived after a while works.
    fn heal(&mut self) {
        self.healed = Some(self.now);
        let until = self.now + 120 * SECOND;
        while self.now < until {
            let mut packets = 0;
            while !self.wire.is_empty() {
                let packet = self.wire.remove(0);
                self.deliver(packet);
                packets += 1;
                assert!(packets < 1_000, "the ends never rest");
            }
            let next = self.ends.iter().filter_map(Endpoint::poll_timeout).min();
            self.advance(next.unwrap_or(until).min(until));
        }
        assert_eq!(self.live[0].len(), self.live[1].len(), "half a session is left");
        for from in [0, 1] {
            for (peer, _) in self.live[from].clone() {
                let number = self.send(from, peer, 1).expect("a session that lives");
                while !self.wire.is_empty() {
                    let packet = self.wire.remove(0);
                    self.deliver(packet);
                }
                assert!(self.sent[number].1, "a session that lives and does not work");
                self.tally.saw("healed with a session");
            }
        }
    }
}

/// Runs one input; panics where a rule is broken.
pub(crate) fn run(input: &mut Input<'_>, tally: &mut Tally) {
    let (name, asks, patient) = (input.pick(&NAMES), input.flag(), input.flag());
    let mut world = World {
        now: Instant::ZERO + SECOND,
        ends: [end(name, 0, false, patient), end(name, 1, asks, patient)],
        addresses: [address(1), address(2)],
        live: [Vec::new(), Vec::new()],
        healed: None,
        wire: Vec::new(),
        sent: Vec::new(),
        tally,
    };
    world.connect();
    while !input.is_empty() {
        world.step(input);
    }
    world.heal();
    if world.ends[1].stats().cookies > 0 {
        world.tally.saw("cookies");
    }
}
