//! What an endpoint is told before it begins, and the checks on it.

use super::config_error::ConfigError;
use super::packet::{MAX_HANDSHAKE, OVERHEAD};
use crate::guard::{GateConfig, GateKey};
use crate::heartbeat::HeartbeatConfig;
use crate::limit::AdmissionConfig;
use crate::noise::{
    Handshake, HandshakeParams, Protocol, Provider, Psk, PublicKey, Role, SecretKey, SetupError,
};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

/// Packets under one key after which neither end uses it, whatever is configured: 2^23, the limit of AES-GCM (RFC 9001,
/// section 6.6) for both ciphers.
pub const MAX_PACKETS_PER_KEY: u64 = 1 << 23;

/// The last numbers of a key are kept for what is no message: a handshake for other keys needs some.
pub(super) const KEPT_PACKETS: u64 = 1024;

/// The longest that a key may be used: one hour. Forgeries that a network can deliver in that time stay below the limit
/// of both ciphers, 2^36 (RFC 9001, section 6.6).
pub const MAX_KEY_AGE: Duration = Duration::from_secs(3600);

/// The smallest `max_datagram`: what a handshake needs.
pub const MIN_MAX_DATAGRAM: usize = MAX_HANDSHAKE + OVERHEAD;

/// The largest `max_datagram`: what UDP carries over IPv4.
pub const MAX_MAX_DATAGRAM: usize = 65_507;

/// Whose static keys are accepted.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peers {
    /// Anyone who completes the handshake. Check the key yourself once the session is established.
    Any,
    /// Only the owners of these keys.
    Only(Vec<PublicKey>),
}

/// When the keys of a session change, and until when they may be used. A session whose keys do not change in time ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RekeyPolicy {
    pub(super) after: Duration,
    pub(super) packets: u64,
    pub(super) reject_after: Duration,
    pub(super) reject_packets: u64,
}

impl RekeyPolicy {
    /// The end that began the session begins a handshake for new keys when the keys are this old, or up to a tenth
    /// earlier. Default 120 s, not zero.
    #[must_use]
    pub const fn with_after(self, after: Duration) -> Self {
        Self { after, ..self }
    }

    /// It also does when one direction has used its key for this many packets. Default 2^20, at least 1.
    #[must_use]
    pub const fn with_packets(self, packets: u64) -> Self {
        Self { packets, ..self }
    }

    /// Keys this old are not used any more. Default 180 s; longer than `after`, at most [`MAX_KEY_AGE`].
    #[must_use]
    pub const fn with_reject_after(self, reject_after: Duration) -> Self {
        Self { reject_after, ..self }
    }

    /// This end sends no message under a key that has sealed this many packets. Default and most 2^23 - 1,024, since
    /// 1,024 more are kept for the handshake that makes others; more than `packets`.
    #[must_use]
    pub const fn with_reject_packets(self, reject_packets: u64) -> Self {
        Self { reject_packets, ..self }
    }
}

impl Default for RekeyPolicy {
    fn default() -> Self {
        Self {
            after: Duration::from_secs(120),
            packets: 1 << 20,
            reject_after: Duration::from_secs(180),
            reject_packets: MAX_PACKETS_PER_KEY - KEPT_PACKETS,
        }
    }
}

/// What an endpoint needs to know. Make one with [`Config::new`], then [`Config::build`].
pub struct Config {
    pub(super) protocol: Protocol,
    pub(super) local_static: Option<SecretKey>,
    pub(super) remote_static: Option<PublicKey>,
    pub(super) psks: Vec<Psk>,
    /// `None`: not said.
    pub(super) peers: Option<Peers>,
    pub(super) prologue: Vec<u8>,
    pub(super) provider: Provider,
    pub(super) accept: bool,
    pub(super) max_datagram: usize,
    pub(super) max_peers: usize,
    pub(super) handshake_timeout: Duration,
    pub(super) retransmit: Duration,
    pub(super) rekey: RekeyPolicy,
    pub(super) heartbeat: Option<HeartbeatConfig>,
    pub(super) admission: AdmissionConfig,
    pub(super) gate: GateConfig,
}

impl Config {
    /// An endpoint that connects and accepts by `protocol`.
    #[must_use]
    pub fn new(protocol: Protocol) -> Self {
        Self {
            protocol,
            local_static: None,
            remote_static: None,
            psks: Vec::new(),
            peers: None,
            prologue: Vec::new(),
            provider: Provider::default(),
            accept: true,
            max_datagram: 1200,
            max_peers: 10_000,
            handshake_timeout: Duration::from_secs(10),
            retransmit: Duration::from_millis(250),
            rekey: RekeyPolicy::default(),
            heartbeat: Some(HeartbeatConfig::default()),
            admission: AdmissionConfig::default(),
            gate: GateConfig::default(),
        }
    }

    /// This end's static key, where the pattern has one.
    #[must_use]
    pub fn with_static_key(mut self, key: SecretKey) -> Self {
        // Every handshake needs the public key: compute it once.
        self.local_static = Some(key.with_public());
        self
    }

    /// The static key of the one peer that may connect, where the pattern needs it beforehand (K patterns such as KK).
    /// Whom this end connects to is said to [`Endpoint::connect`](super::Endpoint::connect).
    #[must_use]
    pub fn with_remote_static(mut self, key: PublicKey) -> Self {
        self.remote_static = Some(key);
        self
    }

    /// The next pre-shared key, in the order of the pattern's `psk` tokens.
    #[must_use]
    pub fn with_psk(mut self, psk: Psk) -> Self {
        self.psks.push(psk);
        self
    }

    /// Whose static keys are accepted. Default [`Peers::Any`], which connecting to an unknown key takes only if it was
    /// said.
    #[must_use]
    pub fn with_peers(mut self, peers: Peers) -> Self {
        self.peers = Some(peers);
        self
    }

    /// Bytes both ends must agree on, such as the application's name and version: the end of the Noise prologue.
    #[must_use]
    pub fn with_prologue(mut self, prologue: &[u8]) -> Self {
        self.prologue = prologue.to_vec();
        self
    }

    /// Which library computes the ciphers and X25519. Default [`Provider::RustCrypto`]. The ends need not agree on it.
    #[must_use]
    pub fn with_provider(mut self, provider: Provider) -> Self {
        self.provider = provider;
        self
    }

    /// Whether others may connect. Default yes.
    #[must_use]
    pub fn with_accept(mut self, accept: bool) -> Self {
        self.accept = accept;
        self
    }

    /// The largest datagram to send or take, in bytes of UDP payload. Default 1,200, which every path of IPv6 carries
    /// (RFC 9000, section 14); [`MIN_MAX_DATAGRAM`] to [`MAX_MAX_DATAGRAM`]. Nothing is fragmented.
    #[must_use]
    pub fn with_max_datagram(mut self, bytes: usize) -> Self {
        self.max_datagram = bytes;
        self
    }

    /// Peers at once, whoever began and handshakes included; at least 1. Default 10,000. Of those that connect to this
    /// end, [`with_admission`](Self::with_admission) allows for its own number.
    #[must_use]
    pub fn with_max_peers(mut self, peers: usize) -> Self {
        self.max_peers = peers;
        self
    }

    /// How long a handshake may take. Default 10 s, not zero.
    #[must_use]
    pub fn with_handshake_timeout(mut self, timeout: Duration) -> Self {
        self.handshake_timeout = timeout;
        self
    }

    /// After how long without an answer the initiator sends its message again: this, then twice as long each time up to
    /// 16 times, and up to a quarter more. Default 250 ms, not zero.
    #[must_use]
    pub fn with_retransmit(mut self, first: Duration) -> Self {
        self.retransmit = first;
        self
    }

    /// When keys change.
    #[must_use]
    pub fn with_rekey(mut self, policy: RekeyPolicy) -> Self {
        self.rekey = policy;
        self
    }

    /// How peers' lives are watched; `None` for not at all. Default [`HeartbeatConfig::default`].
    #[must_use]
    pub fn with_heartbeat(mut self, heartbeat: Option<HeartbeatConfig>) -> Self {
        self.heartbeat = heartbeat;
        self
    }

    /// How many may connect to this end. Attempts are counted only for sources that have shown a cookie: any other
    /// address may be forged.
    #[must_use]
    pub fn with_admission(mut self, admission: AdmissionConfig) -> Self {
        self.admission = admission;
        self
    }

    /// When whoever connects must first show that it receives at its address. Handshakes in progress are also load when they
    /// are more than a quarter of those that there is room for.
    #[must_use]
    pub fn with_gate(mut self, gate: GateConfig) -> Self {
        self.gate = gate;
        self
    }

    /// The Noise protocol.
    #[must_use]
    pub const fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// The largest message, in bytes: 34 less than the largest datagram.
    #[must_use]
    pub const fn max_message(&self) -> usize {
        self.max_datagram.saturating_sub(OVERHEAD)
    }

    /// The largest datagram to send or take, in bytes. Give this much room to
    /// [`Endpoint::poll_transmit`](super::Endpoint::poll_transmit).
    #[must_use]
    pub const fn max_datagram(&self) -> usize {
        self.max_datagram
    }

    /// Checks everything and makes the configuration shareable.
    ///
    /// # Errors
    /// Names the field and what is wrong with it.
    pub fn build(self) -> Result<Arc<Self>, ConfigError> {
        use ConfigError as E;
        if self.protocol.is_one_way() {
            return Err(E::OneWay);
        }
        if self.protocol.is_fallback() || self.protocol.is_hfs() {
            return Err(E::Modifier);
        }
        // Who accepts may also connect, if it has the keys for that: `connect` looks for them.
        let role = if self.accept { Role::Responder } else { Role::Initiator };
        if self.protocol.needs_local_static(role) && self.local_static.is_none() {
            return Err(E::StaticKeyMissing);
        }
        if self.accept && self.protocol.needs_remote_static(Role::Responder) && self.remote_static.is_none() {
            return Err(E::RemoteStaticMissing);
        }
        if self.protocol.psk_count() != self.psks.len() {
            return Err(E::PskCount { expected: self.protocol.psk_count(), configured: self.psks.len() });
        }
        if matches!(self.peers, Some(Peers::Only(_))) && !self.protocol.needs_local_static(role.peer()) {
            return Err(E::PeersUnknowable);
        }
        if !(MIN_MAX_DATAGRAM..=MAX_MAX_DATAGRAM).contains(&self.max_datagram) {
            return Err(E::MaxDatagram);
        }
        if self.max_peers == 0 || u32::try_from(self.max_peers).is_err() {
            return Err(E::MaxPeers);
        }
        if self.handshake_timeout.is_zero() || self.retransmit.is_zero() {
            return Err(E::ZeroTimeout);
        }
        let rekey = &self.rekey;
        if rekey.after.is_zero() || rekey.reject_after <= rekey.after || rekey.reject_after > MAX_KEY_AGE {
            return Err(E::RekeyAge);
        }
        if rekey.packets == 0
            || rekey.reject_packets <= rekey.packets
            || rekey.reject_packets > MAX_PACKETS_PER_KEY - KEPT_PACKETS
        {
            return Err(E::RekeyPackets);
        }
        if let Some(heartbeat) = &self.heartbeat {
            heartbeat.validate().map_err(E::Heartbeat)?;
        }
        Ok(Arc::new(self))
    }

    /// Whether the owner of `key` may be a peer. `None`: the handshake has not shown one yet.
    pub(super) fn accepts(&self, key: Option<&PublicKey>) -> bool {
        match (&self.peers, key) {
            (Some(Peers::Only(known)), Some(key)) => known.contains(key),
            _ => true,
        }
    }

    /// What a responder with the static key `responder` asks of a first message.
    pub(super) fn gate_key(&self, responder: Option<&PublicKey>) -> GateKey {
        let known = responder.filter(|_| self.protocol.needs_remote_static(Role::Initiator));
        let name = alloc::format!("{} ", self.protocol);
        GateKey::new(known, &[name.as_bytes(), &self.prologue].concat())
    }

    /// A handshake of this configuration.
    pub(super) fn handshake(
        &self,
        role: Role,
        prologue: &[&[u8]],
        remote_static: Option<PublicKey>,
        ephemeral: SecretKey,
    ) -> Result<Handshake, SetupError> {
        let protocol = self.protocol;
        let mut parts = prologue.to_vec();
        parts.push(&self.prologue);
        Handshake::new(HandshakeParams {
            protocol,
            role,
            prologue: &parts,
            local_static: self.local_static.as_ref().filter(|_| protocol.needs_local_static(role)),
            remote_static: remote_static.filter(|_| protocol.needs_remote_static(role)),
            remote_ephemeral: None,
            psks: &self.psks,
            ephemeral,
            kem_seed: None,
            provider: self.provider,
        })
    }
}

impl fmt::Debug for Config {
    /// Without keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("protocol", &self.protocol)
            .field("accept", &self.accept)
            .field("max_datagram", &self.max_datagram)
            .finish_non_exhaustive()
    }
}
