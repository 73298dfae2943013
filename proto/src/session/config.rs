//! What a session is told before it begins. `config/` has the checks on it, and who may come again.

mod again;
mod check;

use super::gate::Gates;
use super::padding::Padding;
use super::policy::{Peers, RateLimit, RekeyPolicy};
use crate::heartbeat::HeartbeatConfig;
use crate::identity::{Signer, Verifier};
use crate::noise::{PayloadSecurity, Protocol, Provider, Psk, PublicKey, Role, SecretKey};
use crate::resume::TicketKeys;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

/// The largest `max_message` that can be configured: 1 GiB.
pub const MAX_MAX_MESSAGE: usize = 1 << 30;

/// How many static keys of the past a responder can still accept: 3.
pub const MAX_PREVIOUS_KEYS: usize = 3;

/// What the keys of a KEM add to a handshake message, rounded up: 1,184 bytes and a tag.
const KEM_ROOM: usize = 1280;

/// What a session needs to know; shared by all sessions of a listener. Make one with [`Config::initiator`] or
/// [`Config::responder`], then [`Config::build`].
pub struct Config {
    pub(super) role: Role,
    pub(super) protocols: Vec<Protocol>,
    /// What the responder may go on with if it cannot read the first message; once built.
    pub(super) fallback: Option<Protocol>,
    falls_back: bool,
    pub(super) tickets: Option<Arc<TicketKeys>>,
    pub(super) local_static: Option<SecretKey>,
    /// Static keys of the past that initiators may still know.
    previous_statics: Vec<SecretKey>,
    pub(super) remote_static: Option<PublicKey>,
    pub(super) psks: Vec<Psk>,
    /// `None`: not said.
    pub(super) peers: Option<Peers>,
    pub(super) prologue: Vec<u8>,
    gate_key: Option<PublicKey>,
    pub(super) gates: Gates,
    pub(super) provider: Provider,
    pub(super) payload: Option<(Vec<u8>, PayloadSecurity)>,
    pub(super) signer: Option<Arc<dyn Signer>>,
    pub(super) verifier: Option<Arc<dyn Verifier>>,
    pub(super) require_identity: bool,
    pub(super) max_message: usize,
    pub(super) heartbeat: Option<HeartbeatConfig>,
    pub(super) rate_limit: RateLimit,
    pub(super) rekey: RekeyPolicy,
    pub(super) padding: Padding,
    pub(super) handshake_timeout: Duration,
    pub(super) close_timeout: Duration,
    /// [`Duration::MAX`]: for ever.
    pub(super) lifetime: Duration,
    pub(super) snapshots: bool,
    pub(super) max_gap: u64,
}

impl Config {
    /// The end that opens the stream and offers `protocol`.
    #[must_use]
    pub fn initiator(protocol: Protocol) -> Self {
        Self::new(Role::Initiator, Vec::from([protocol]))
    }

    /// The end that opens the stream and leaves the choice among `protocols` to the peer, at the cost of one more round
    /// trip unless that takes the first. They differ in nothing but the cipher. The choice is authenticated: nobody
    /// on the path can influence it.
    #[must_use]
    pub fn initiator_offering(protocols: &[Protocol]) -> Self {
        Self::new(Role::Initiator, protocols.to_vec())
    }

    /// The end that accepts, and which Noise protocols it accepts. Of several that are offered it takes the one that
    /// comes first here.
    #[must_use]
    pub fn responder(protocols: &[Protocol]) -> Self {
        Self::new(Role::Responder, protocols.to_vec())
    }

    fn new(role: Role, protocols: Vec<Protocol>) -> Self {
        Self {
            role,
            protocols,
            fallback: None,
            falls_back: false,
            tickets: None,
            local_static: None,
            previous_statics: Vec::new(),
            remote_static: None,
            psks: Vec::new(),
            peers: None,
            prologue: Vec::new(),
            gate_key: None,
            gates: Gates::new(&[], None, &[]),
            provider: Provider::default(),
            payload: None,
            signer: None,
            verifier: None,
            require_identity: false,
            max_message: 16 << 20,
            heartbeat: Some(HeartbeatConfig::default()),
            rate_limit: RateLimit::default(),
            rekey: RekeyPolicy::default(),
            padding: Padding::None,
            handshake_timeout: Duration::from_secs(10),
            close_timeout: Duration::from_secs(5),
            lifetime: Duration::MAX,
            snapshots: false,
            max_gap: 0,
        }
    }

    /// This end's static key, where the pattern has one.
    #[must_use]
    pub fn with_static_key(mut self, key: SecretKey) -> Self {
        // Every handshake needs the public key: compute it once.
        self.local_static = Some(key.with_public());
        self
    }

    /// A static key that initiators may still know, up to [`MAX_PREVIOUS_KEYS`] of them: who knows one of these is served
    /// under it. For a responder whose pattern lets initiators know its key; others show the key in use.
    #[must_use]
    pub fn with_previous_static_key(mut self, key: SecretKey) -> Self {
        self.previous_statics.push(key.with_public());
        self
    }

    /// The key by which initiators are told from whoever scans for responders, for both ends: before it computes anything
    /// a responder checks a hash of the first message under this key and the prologue (docs/wire.md, section 1.2). Not
    /// needed where the initiator knows the responder's static key: unless told otherwise that is the key, and in other
    /// patterns there is none, so the prologue is all there is to know. Any 32 bytes serve; the responder's public key is
    /// the usual choice.
    #[must_use]
    pub fn with_gate_key(mut self, key: PublicKey) -> Self {
        self.gate_key = Some(key);
        self
    }

    /// Noise Pipes (Noise section 10.4): beside IK, where the initiator knows the responder's static key, both ends may go
    /// on as XXfallback in the same connection if the responder cannot read the first message, because that is for a key
    /// it has no more. For both ends; the initiator says by [`Config::with_peers`] whose keys it accepts then, and finds
    /// the one it got in [`SessionInfo::peer`](super::SessionInfo::peer). A first payload is sent again. As the
    /// initiator's idea of the responder's key may be wrong, that is no part of mac1 unless there is a
    /// [`Config::with_gate_key`].
    ///
    /// The protocol is IK, the only one that an initiator offers, and one of those that a responder accepts.
    #[must_use]
    pub fn with_fallback(mut self) -> Self {
        self.falls_back = true;
        self
    }

    /// A responder gives each established session a ticket, sealed with `keys`, by which the initiator can come again with
    /// one key agreement instead of three or four ([`Session::resume`](super::Session::resume)), and accepts such
    /// tickets. Each is good once: that is for the guard to know, so only a responder that asks
    /// ([`Session::asking`](super::Session::asking)) and has a clock issues and accepts them. A listener of the drivers
    /// does. To rotate keys give the listener another configuration.
    #[must_use]
    pub fn with_tickets(mut self, keys: Arc<TicketKeys>) -> Self {
        self.tickets = Some(keys);
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

    /// Whose static keys are accepted. A responder accepts [`Peers::Any`] unless told otherwise. An initiator whose
    /// pattern brings the responder's key (XX, NX and so on) must say it: with any key accepted, anybody on the
    /// path can be the responder.
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

    /// Sends `payload` (at most 4,096 bytes; an empty one is none) with the first handshake message of this end whose
    /// payload has at least the security `at_least` (Noise section 7.7). The peer gets it as
    /// [`Event::HandshakePayload`](super::Event::HandshakePayload), before the session is established; once, though an
    /// initiator sends it twice if the responder chooses another protocol than the first offered.
    #[must_use]
    pub fn with_handshake_payload(mut self, payload: &[u8], at_least: PayloadSecurity) -> Self {
        self.payload = Some((payload.to_vec(), at_least));
        self
    }

    /// Proves an identity to the peer, whichever the pattern: the first thing that this end sends behind the handshake is
    /// `signer`'s signature for this very session. The peer may judge it or not.
    #[must_use]
    pub fn with_identity(mut self, signer: Arc<dyn Signer>) -> Self {
        self.signer = Some(signer);
        self
    }

    /// Judges the proof of the peer's identity, if it brings one. What `verifier` refuses ends the session. Without a
    /// verifier nothing is made of a proof.
    #[must_use]
    pub fn with_identity_verifier(mut self, verifier: Arc<dyn Verifier>) -> Self {
        self.verifier = Some(verifier);
        self
    }

    /// The peer must prove an identity: the session is not established before it has, and fails without. The handshake
    /// timeout covers the wait. A session is restored only if its peer has proven one; the verifier is not asked again.
    #[must_use]
    pub const fn require_identity(mut self) -> Self {
        self.require_identity = true;
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

    /// How the lengths of what this end sends are hidden. Default [`Padding::None`]. The peer needs to know nothing of it.
    #[must_use]
    pub fn with_padding(mut self, padding: Padding) -> Self {
        self.padding = padding;
        self
    }

    /// How long the handshake may take, with the proof of the peer's identity if that is required. Default 10 s, not zero.
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

    /// How long a session may last, from the end of the handshake on; not zero. Without this it may last for ever. At that
    /// age this end drains, as by [`Session::drain`](super::Session::drain): messages that are accepted are delivered, and
    /// no other is accepted. A peer that does not drain or close within the close timeout is closed with
    /// [`CloseCode::GOING_AWAY`](super::CloseCode::GOING_AWAY). Whoever comes again is admitted anew.
    #[must_use]
    pub fn with_lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// Keeps what it takes to export a session: its receiving key, in a block of its own on the heap. Default
    /// not.
    #[must_use]
    pub fn with_snapshots(mut self) -> Self {
        self.snapshots = true;
        self
    }

    /// How many of its records a peer may say are lost because it crashed and was restored from a lease; then there is an
    /// [`Event::RecordsLost`](super::Event::RecordsLost). Give the length of the peer's leases and two, and as
    /// many more as the peer may have sealed and not written when it takes a lease. Default 0: such a
    /// peer is an error. A peer that was handed over loses nothing and is always accepted.
    #[must_use]
    pub fn with_max_gap(mut self, records: u64) -> Self {
        self.max_gap = records;
        self
    }

    /// The most bytes a read buffer needs for this configuration: what to give
    /// [`RxBuf::new`](crate::buf::RxBuf::new).
    #[must_use]
    pub const fn rx_limit(&self) -> usize {
        super::recv::buffer_bound(self.max_message)
    }

    /// The smallest limit that a [`TxBuf`](crate::buf::TxBuf) may have for this configuration, in bytes:
    /// [`MIN_TX_LIMIT`](super::MIN_TX_LIMIT), and more where records are padded or a handshake has the keys of a KEM, at most
    /// 136 KiB.
    #[must_use]
    pub fn min_tx_limit(&self) -> usize {
        let hybrid = self.protocols.iter().any(Protocol::is_hfs);
        super::send::min_tx_limit(self.padding.most() as usize) + if hybrid { KEM_ROOM } else { 0 }
    }

    /// Which end this is.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.role
    }

    /// Whether this end proves an identity: [`Config::with_identity`].
    #[must_use]
    pub const fn proves_identity(&self) -> bool {
        self.signer.is_some()
    }

    /// Which library computes the ciphers and X25519.
    #[must_use]
    pub const fn provider(&self) -> Provider {
        self.provider
    }

    /// This end's static keys, the one in use first.
    fn static_keys(&self) -> impl Iterator<Item = &SecretKey> {
        self.local_static.iter().chain(&self.previous_statics)
    }

    /// Static key number `place` of this end, 0 being the one in use.
    pub(super) fn static_key(&self, place: usize) -> Option<&SecretKey> {
        self.static_keys().nth(place)
    }

    /// What an initiator offers, in its order.
    pub(super) fn offer(&self) -> impl Iterator<Item = Protocol> + Clone {
        self.protocols.iter().copied().chain(self.fallback)
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
