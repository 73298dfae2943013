//! The rules of datagram sessions, by name: two ends in memory on virtual time, with every datagram in the test's hands.

mod config;
mod handshake;
mod hostile;
mod keys;
mod limits;
mod messages;
mod paths;
mod wire;

use super::{Config, EndReason, Endpoint, Event, PeerId, Peers};
use crate::entropy::Seed;
use crate::noise::{Psk, PublicKey, Role, SecretKey};
use crate::time::Instant;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

pub(super) const MS: Duration = Duration::from_millis(1);
pub(super) const SECOND: Duration = Duration::from_secs(1);

pub(super) const IK: &str = "Noise_IK_25519_ChaChaPoly_BLAKE2s";
pub(super) const XX: &str = "Noise_XX_25519_ChaChaPoly_BLAKE2s";

/// The end that connects and the one that accepts.
pub(super) const A: usize = 0;
pub(super) const B: usize = 1;

pub(super) fn secret(end: usize) -> SecretKey {
    SecretKey::new(&mut [end as u8 + 1; 32])
}

pub(super) fn public(end: usize) -> PublicKey {
    secret(end).public()
}

pub(super) fn address(end: usize) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, end as u8 + 1], 7000))
}

pub(super) fn elsewhere() -> SocketAddr {
    SocketAddr::from(([198, 51, 100, 9], 9))
}

/// What `end` is configured as for the protocol `name`, before it is built.
pub(super) fn config(name: &str, end: usize) -> Config {
    let protocol: crate::noise::Protocol = name.parse().unwrap();
    let mut config = Config::new(protocol).with_peers(Peers::Any).with_accept(end == B).with_heartbeat(None);
    let role = if end == A { Role::Initiator } else { Role::Responder };
    if protocol.needs_local_static(role) {
        config = config.with_static_key(secret(end));
    }
    if end == B && protocol.needs_remote_static(Role::Responder) {
        config = config.with_remote_static(public(A));
    }
    (0..protocol.psk_count()).fold(config, |config, n| config.with_psk(Psk::new(&mut [n as u8 + 9; 32])))
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Packet {
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    pub(super) bytes: Vec<u8>,
}

/// Two ends and what is on the wire between them.
pub(super) struct Net {
    pub(super) now: Instant,
    pub(super) ends: [Endpoint; 2],
    pub(super) addresses: [SocketAddr; 2],
    pub(super) events: [Vec<Event>; 2],
    pub(super) messages: [Vec<Vec<u8>>; 2],
    pub(super) wire: VecDeque<Packet>,
}

impl Net {
    pub(super) fn new(a: Config, b: Config) -> Self {
        let end = |config: Config, end: usize| {
            let config: Arc<Config> = config.build().unwrap();
            Endpoint::new(&config, Seed::new(&mut [end as u8 + 50; 32])).unwrap()
        };
        Self {
            now: Instant::ZERO + SECOND,
            ends: [end(a, A), end(b, B)],
            addresses: [address(A), address(B)],
            events: [Vec::new(), Vec::new()],
            messages: [Vec::new(), Vec::new()],
            wire: VecDeque::new(),
        }
    }

    /// Both ends by `name`, as they are by default.
    pub(super) fn of(name: &str) -> Self {
        Self::new(config(name, A), config(name, B))
    }

    /// A session of `a` and `b`, established.
    pub(super) fn established(a: Config, b: Config) -> (Self, PeerId, PeerId) {
        let mut net = Self::new(a, b);
        let peer = net.connect();
        net.pump();
        let there = net.peer(B).expect("established");
        assert_eq!(net.peer(A), Some(peer));
        net.events = [Vec::new(), Vec::new()];
        (net, peer, there)
    }

    /// The key that the connecting end must name.
    pub(super) fn expected(&self) -> Option<PublicKey> {
        self.ends[A].config.protocol.needs_local_static(Role::Responder).then(|| public(B))
    }

    pub(super) fn connect(&mut self) -> PeerId {
        let key = self.expected();
        let peer = self.ends[A].connect(self.now, self.addresses[B], key).unwrap();
        self.collect();
        peer
    }

    /// Whom the last Established of `end` named.
    pub(super) fn peer(&self, end: usize) -> Option<PeerId> {
        self.events[end].iter().rev().find_map(|event| match event {
            Event::Established { peer, .. } => Some(*peer),
            _ => None,
        })
    }

    pub(super) fn ended(&self, end: usize) -> Vec<EndReason> {
        let reason = |event: &Event| match event {
            Event::Ended { reason, .. } => Some(*reason),
            _ => None,
        };
        self.events[end].iter().filter_map(reason).collect()
    }

    /// Puts everything that is owed on the wire, and gathers events.
    pub(super) fn collect(&mut self) {
        let mut buffer = [0; 2048];
        for end in [A, B] {
            while let Some(sent) = self.ends[end].poll_transmit(self.now, &mut buffer) {
                let bytes = buffer[..sent.len].to_vec();
                self.wire.push_back(Packet { from: self.addresses[end], to: sent.destination, bytes });
            }
            while let Some(event) = self.ends[end].poll_event() {
                self.events[end].push(event);
            }
        }
    }

    /// Hands a datagram to whose address it has, if it is an end's.
    pub(super) fn deliver(&mut self, packet: &Packet) {
        let Some(end) = self.addresses.iter().position(|address| *address == packet.to) else { return };
        let mut bytes = packet.bytes.clone();
        let received = self.ends[end].recv(self.now, packet.from, &mut bytes);
        let message = received.map(|received| received.payload.to_vec());
        self.messages[end].extend(message);
        self.collect();
    }

    /// Delivers until nothing is on the wire.
    pub(super) fn pump(&mut self) {
        self.pump_some(|_| true);
    }

    /// Delivers what `pass` lets pass and drops the rest, until nothing is on the wire.
    pub(super) fn pump_some(&mut self, mut pass: impl FnMut(&Packet) -> bool) {
        self.collect();
        let mut rounds = 0;
        while let Some(packet) = self.wire.pop_front() {
            if pass(&packet) {
                self.deliver(&packet);
            }
            rounds += 1;
            assert!(rounds < 10_000, "never quiet");
        }
    }

    /// Lets time go by until `until`, acting on deadlines and delivering what `pass` lets pass.
    pub(super) fn run_some(&mut self, until: Instant, mut pass: impl FnMut(&Packet) -> bool) {
        loop {
            self.pump_some(&mut pass);
            let next = self.ends.iter().filter_map(Endpoint::poll_timeout).min();
            let Some(next) = next.filter(|next| *next <= until) else { break };
            self.now = self.now.max(next);
            for end in &mut self.ends {
                end.handle_timeout(self.now);
                assert!(end.poll_timeout().is_none_or(|next| next > self.now), "a deadline stays");
            }
        }
        self.now = self.now.max(until);
    }

    pub(super) fn run_for(&mut self, wait: Duration) {
        self.run_some(self.now + wait, |_| true);
    }

    /// Seals a message and gives the datagram, which is not on the wire yet.
    pub(super) fn seal(&mut self, end: usize, peer: PeerId, message: &[u8]) -> Packet {
        let mut buffer = [0; 2048];
        let sent = self.ends[end].send(self.now, peer, message, &mut buffer).unwrap();
        let bytes = buffer[..sent.len].to_vec();
        Packet { from: self.addresses[end], to: sent.destination, bytes }
    }

    pub(super) fn send(&mut self, end: usize, peer: PeerId, message: &[u8]) {
        let packet = self.seal(end, peer, message);
        self.wire.push_back(packet);
    }

    /// A message each way arrives, once.
    pub(super) fn assert_works(&mut self, a: PeerId, b: PeerId) {
        self.messages = [Vec::new(), Vec::new()];
        self.send(A, a, b"there");
        self.send(B, b, b"back");
        self.pump();
        assert_eq!(self.messages, [[b"back".to_vec()], [b"there".to_vec()]]);
        self.messages = [Vec::new(), Vec::new()];
    }
}
