//! What a session is told before it begins, and the checks on it.

use super::opening::MAX_PAYLOAD;
use crate::heartbeat::{HeartbeatConfig, HeartbeatError};
use crate::limit::Rate;
use crate::noise::{PayloadSecurity, Protocol, Psk, PublicKey, Role, SecretKey};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

/// Records under one key after which a receiver fails, whatever is configured: 2^24 (docs/wire.md, section 4).
pub const MAX_RECORDS_PER_KEY: u64 = 1 << 24;

/// The largest `max_message` that can be configured: 1 GiB.
pub const MAX_MAX_MESSAGE: usize = 1 << 30;

/// Whose static keys are accepted.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peers {
    /// Anyone who completes the handshake. Check the key yourself once the session is established.
    Any,
    /// Only the owners of these keys.
    Only(Vec<PublicKey>),
}

/// When this end changes the key of its sending direction, and how long it lets the peer use one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RekeyPolicy {
    pub(super) records: u64,
    pub(super) bytes: u64,
    pub(super) age: Duration,
    pub(super) peer_records: u64,
}

impl RekeyPolicy {
    /// Rekey after this many records under one key. Default 2^20, at least 1, below 2^24.
    #[must_use]
    pub const fn with_records(mut self, records: u64) -> Self {
        self.records = records;
        self
    }

    /// Rekey after this many bytes of records under one key. Default 16 GiB, at least 1.
    #[must_use]
    pub const fn with_bytes(mut self, bytes: u64) -> Self {
        self.bytes = bytes;
        self
    }

    /// Rekey when a key is this old. Default one hour, not zero.
    #[must_use]
    pub const fn with_age(mut self, age: Duration) -> Self {
        self.age = age;
        self
    }

    /// Fail when the peer uses one key for more records than this. Default and most 2^24, at least 1.
    #[must_use]
    pub const fn with_peer_records(mut self, records: u64) -> Self {
        self.peer_records = records;
        self
    }
}

impl Default for RekeyPolicy {
    fn default() -> Self {
        Self {
            records: 1 << 20,
            bytes: 16 << 30,
            age: Duration::from_secs(3600),
            peer_records: MAX_RECORDS_PER_KEY,
        }
    }
}

/// How fast the peer may send.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RateLimit {
    pub(super) messages: Option<Rate>,
    pub(super) bytes: Option<Rate>,
    pub(super) close: bool,
}

impl RateLimit {
    /// Limits messages a second.
    #[must_use]
    pub const fn with_messages(mut self, rate: Rate) -> Self {
        self.messages = Some(rate);
        self
    }

    /// Limits bytes of records a second, as on the wire. A record is charged in full once opened, so a burst
    /// may exceed the limit by one record.
    #[must_use]
    pub const fn with_bytes(mut self, rate: Rate) -> Self {
        self.bytes = Some(rate);
        self
    }

    /// Over the limit, close with [`CloseCode::RATE_LIMITED`](super::CloseCode::RATE_LIMITED). Without this
    /// the session stops consuming until the peer is within its rate again.
    #[must_use]
    pub const fn closing(mut self) -> Self {
        self.close = true;
        self
    }
}

/// What a session needs to know; shared by all sessions of a listener. Make one with [`Config::initiator`] or
/// [`Config::responder`], then [`Config::build`].
pub struct Config {
    pub(super) role: Role,
    pub(super) protocols: Vec<Protocol>,
    pub(super) local_static: Option<SecretKey>,
    pub(super) remote_static: Option<PublicKey>,
    pub(super) psks: Vec<Psk>,
    pub(super) peers: Peers,
    pub(super) prologue: Vec<u8>,
    pub(super) payload: Option<(Vec<u8>, PayloadSecurity)>,
    pub(super) max_message: usize,
    pub(super) heartbeat: Option<HeartbeatConfig>,
    pub(super) rate_limit: RateLimit,
    pub(super) rekey: RekeyPolicy,
    pub(super) handshake_timeout: Duration,
    pub(super) close_timeout: Duration,
}

impl Config {
    /// The end that opens the stream and offers `protocol`.
    #[must_use]
    pub fn initiator(protocol: Protocol) -> Self {
        Self::new(Role::Initiator, Vec::from([protocol]))
    }

    /// The end that accepts, and which Noise protocols it accepts.
    #[must_use]
    pub fn responder(protocols: &[Protocol]) -> Self {
        Self::new(Role::Responder, protocols.to_vec())
    }

    fn new(role: Role, protocols: Vec<Protocol>) -> Self {
        Self {
            role,
            protocols,
            local_static: None,
            remote_static: None,
            psks: Vec::new(),
            peers: Peers::Any,
            prologue: Vec::new(),
            payload: None,
            max_message: 16 << 20,
            heartbeat: Some(HeartbeatConfig::default()),
            rate_limit: RateLimit::default(),
            rekey: RekeyPolicy::default(),
            handshake_timeout: Duration::from_secs(10),
            close_timeout: Duration::from_secs(5),
        }
    }

    /// This end's static key, where the pattern has one.
    #[must_use]
    pub fn with_static_key(mut self, key: SecretKey) -> Self {
        // Every handshake needs the public key: compute it once.
        self.local_static = Some(key.with_public());
        self
    }

    /// The peer's static key, where the pattern needs it beforehand.
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

    /// Whose static keys are accepted. Default [`Peers::Any`].
    #[must_use]
    pub fn with_peers(mut self, peers: Peers) -> Self {
        self.peers = peers;
        self
    }

    /// Bytes both ends must agree on, such as the application's name and version: the end of the Noise prologue.
    #[must_use]
    pub fn with_prologue(mut self, prologue: &[u8]) -> Self {
        self.prologue = prologue.to_vec();
        self
    }

    /// Sends `payload` (at most 4,096 bytes) with the first handshake message of this end whose payload has at
    /// least the security `at_least` (Noise section 7.7). The peer gets it as
    /// [`Event::HandshakePayload`](super::Event::HandshakePayload), before the session is established.
    #[must_use]
    pub fn with_handshake_payload(mut self, payload: &[u8], at_least: PayloadSecurity) -> Self {
        self.payload = Some((payload.to_vec(), at_least));
        self
    }

    /// The largest message to send or accept, in bytes. Default 16 MiB; 1 byte to 1 GiB.
    #[must_use]
    pub fn with_max_message(mut self, bytes: usize) -> Self {
        self.max_message = bytes;
        self
    }

    /// How the peer's life is watched; `None` for not at all. Default [`HeartbeatConfig::default`].
    #[must_use]
    pub fn with_heartbeat(mut self, heartbeat: Option<HeartbeatConfig>) -> Self {
        self.heartbeat = heartbeat;
        self
    }

    /// How fast the peer may send. Default without limit.
    #[must_use]
    pub fn with_rate_limit(mut self, limit: RateLimit) -> Self {
        self.rate_limit = limit;
        self
    }

    /// When keys change.
    #[must_use]
    pub fn with_rekey(mut self, policy: RekeyPolicy) -> Self {
        self.rekey = policy;
        self
    }

    /// How long the handshake may take. Default 10 s, not zero.
    #[must_use]
    pub fn with_handshake_timeout(mut self, timeout: Duration) -> Self {
        self.handshake_timeout = timeout;
        self
    }

    /// How long to wait for the peer's answer to a close. Default 5 s, not zero.
    #[must_use]
    pub fn with_close_timeout(mut self, timeout: Duration) -> Self {
        self.close_timeout = timeout;
        self
    }

    /// The most bytes a read buffer needs for this configuration: what to give
    /// [`RxBuf::new`](crate::buf::RxBuf::new).
    #[must_use]
    pub const fn rx_limit(&self) -> usize {
        super::recv::buffer_bound(self.max_message)
    }

    /// Which end this is.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.role
    }

    /// Checks everything and makes the configuration shareable.
    ///
    /// # Errors
    /// Names the field and what is wrong with it.
    pub fn build(self) -> Result<Arc<Self>, ConfigError> {
        use ConfigError as E;
        if self.protocols.is_empty() {
            return Err(E::NoProtocol);
        }
        for protocol in &self.protocols {
            self.check_protocol(*protocol)?;
        }
        if !(1..=MAX_MAX_MESSAGE).contains(&self.max_message) {
            return Err(E::MaxMessage);
        }
        if let Some(heartbeat) = &self.heartbeat {
            heartbeat.validate().map_err(E::Heartbeat)?;
        }
        let rekey = &self.rekey;
        if rekey.records == 0 || rekey.records >= MAX_RECORDS_PER_KEY {
            return Err(E::RekeyRecords);
        }
        if rekey.bytes == 0 || rekey.age.is_zero() {
            return Err(E::RekeyZero);
        }
        if rekey.peer_records == 0 || rekey.peer_records > MAX_RECORDS_PER_KEY {
            return Err(E::PeerRecords);
        }
        if self.handshake_timeout.is_zero() || self.close_timeout.is_zero() {
            return Err(E::ZeroTimeout);
        }
        Ok(Arc::new(self))
    }

    fn check_protocol(&self, protocol: Protocol) -> Result<(), ConfigError> {
        use ConfigError as E;
        if protocol.is_one_way() {
            return Err(E::OneWay(protocol));
        }
        let peer = self.role.peer();
        if protocol.needs_local_static(self.role) && self.local_static.is_none() {
            return Err(E::StaticKeyMissing(protocol));
        }
        if protocol.needs_remote_static(self.role) && self.remote_static.is_none() {
            return Err(E::RemoteStaticMissing(protocol));
        }
        if protocol.psk_count() != self.psks.len() {
            return Err(E::PskCount { protocol, configured: self.psks.len() });
        }
        if self.peers != Peers::Any && !protocol.needs_local_static(peer) {
            return Err(E::PeersUnknowable(protocol));
        }
        if let Some((payload, at_least)) = &self.payload {
            if payload.len() > MAX_PAYLOAD {
                return Err(E::PayloadTooLong);
            }
            let first = usize::from(self.role == Role::Responder);
            let fits = (first..protocol.message_count())
                .step_by(2)
                .filter_map(|index| protocol.payload_security(index))
                .any(|security| security.meets(*at_least));
            if !fits {
                return Err(E::PayloadSecurity(protocol));
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Config {
    /// Without keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("role", &self.role)
            .field("protocols", &self.protocols)
            .finish_non_exhaustive()
    }
}

/// What is wrong with a [`Config`].
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigError {
    /// A responder must accept at least one Noise protocol.
    NoProtocol,
    /// A session needs both directions, which a one-way pattern does not have.
    OneWay(Protocol),
    /// The pattern uses this end's static key: `with_static_key`.
    StaticKeyMissing(Protocol),
    /// The pattern needs the peer's static key beforehand: `with_remote_static`.
    RemoteStaticMissing(Protocol),
    /// The pattern mixes another number of pre-shared keys: `with_psk`.
    PskCount {
        /// The Noise protocol.
        protocol: Protocol,
        /// How many keys are configured.
        configured: usize,
    },
    /// A list of peers could not be enforced: the pattern never shows the peer's static key.
    PeersUnknowable(Protocol),
    /// The handshake payload is longer than 4,096 bytes.
    PayloadTooLong,
    /// No handshake message of this end gives its payload the security asked for.
    PayloadSecurity(Protocol),
    /// `max_message` must be 1 byte to 1 GiB.
    MaxMessage,
    /// The heartbeat's configuration is wrong.
    Heartbeat(HeartbeatError),
    /// Rekeying by records must be at least 1 and below 2^24.
    RekeyRecords,
    /// Rekeying by bytes or age must not be zero.
    RekeyZero,
    /// The records a peer may send under one key must be 1 to 2^24.
    PeerRecords,
    /// The handshake and close timeouts must not be zero.
    ZeroTimeout,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoProtocol => f.write_str("a responder must accept at least one Noise protocol"),
            Self::OneWay(p) => write!(f, "{p} is one-way: a session needs both directions"),
            Self::StaticKeyMissing(p) => write!(f, "{p} needs this end's static key: with_static_key"),
            Self::RemoteStaticMissing(p) => {
                write!(f, "{p} needs the peer's static key beforehand: with_remote_static")
            }
            Self::PskCount { protocol, configured } => write!(
                f,
                "{protocol} mixes {} pre-shared keys, {configured} are configured: with_psk",
                protocol.psk_count()
            ),
            Self::PeersUnknowable(p) => {
                write!(f, "{p} never shows the peer's static key, so a list of peers cannot be enforced")
            }
            Self::PayloadTooLong => write!(f, "a handshake payload has at most {MAX_PAYLOAD} bytes"),
            Self::PayloadSecurity(p) => {
                write!(f, "no handshake message of this end in {p} has the security asked for its payload")
            }
            Self::MaxMessage => f.write_str("max_message must be 1 byte to 1 GiB"),
            Self::Heartbeat(error) => write!(f, "heartbeat: {error}"),
            Self::RekeyRecords => f.write_str("rekey: records must be at least 1 and below 2^24"),
            Self::RekeyZero => f.write_str("rekey: bytes and age must not be zero"),
            Self::PeerRecords => f.write_str("rekey: the peer's records per key must be 1 to 2^24"),
            Self::ZeroTimeout => f.write_str("the handshake and close timeouts must not be zero"),
        }
    }
}

impl core::error::Error for ConfigError {}
