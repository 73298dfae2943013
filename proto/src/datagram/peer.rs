//! One peer: its keys, the handshake that makes them or replaces them, its address, its liveness.
//!
//! Does not know the other peers of the endpoint, or who may become one.

mod deadlines;
mod incoming;
mod outgoing;
mod path;

use super::Established;
use super::config::Config;
use super::draws::Draws;
use super::error::{ConnectError, Discard};
use super::exchange::{Binding, Exchange, Finished, Step};
use super::keys::Keys;
use crate::entropy::Jitter;
use crate::guard::{FirstDigest, GateKey};
use crate::heartbeat::Heartbeat;
use crate::noise::{PublicKey, Role};
use crate::time::Instant;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use core::net::SocketAddr;
use core::ops::Range;
use path::Probe;

/// What a peer needs of its endpoint.
pub(super) struct Context<'a> {
    pub(super) now: Instant,
    pub(super) config: &'a Config,
    /// Makes digests of handshake messages.
    pub(super) digests: &'a GateKey,
    pub(super) draws: &'a mut Draws,
    /// Whose session ids are whose.
    pub(super) ids: &'a mut BTreeMap<u64, u32>,
    pub(super) slot: u32,
}

impl Context<'_> {
    /// A session id that belongs to this peer from here on.
    pub(super) fn new_id(&mut self) -> u64 {
        let id = self.draws.id(|id| self.ids.contains_key(&id));
        self.ids.insert(id, self.slot);
        id
    }

    fn retire(&mut self, id: u64) {
        self.ids.remove(&id);
    }
}

/// What came of a packet that was taken.
#[derive(Debug, Default)]
pub(super) struct Taken {
    /// The session is established by it.
    pub(super) established: bool,
    /// Where in the packet a message lies.
    pub(super) message: Option<Range<usize>>,
    /// The peer has closed the session.
    pub(super) closed: Option<u16>,
    /// The peer's address is another.
    pub(super) moved: bool,
    /// Why the handshake message inside was discarded, if it was.
    pub(super) discarded: Option<Discard>,
}

/// One peer. Its handshake is under way, or it has keys, or both.
pub(super) struct Peer {
    role: Role,
    pub(super) address: SocketAddr,
    /// Whose key it must be or is.
    pub(super) key: Option<PublicKey>,
    exchange: Option<Exchange>,
    /// What this end seals with.
    current: Option<Box<Keys>>,
    /// Before `current`; for packets that were under way.
    previous: Option<Box<Keys>>,
    /// After `current`, once the peer is known to have them.
    next: Option<Box<Keys>>,
    established: bool,
    heartbeat: Option<Heartbeat>,
    /// A ping is owed that tells the peer that this end has the new keys.
    confirm: bool,
    pong: Option<u64>,
    /// Where the peer may have moved.
    probe: Option<Probe>,
    closing: Option<u16>,
    /// When an initiator begins a handshake for other keys.
    rekey_at: Instant,
    /// From when on a responder answers another.
    rekey_from: Instant,
}

impl Peer {
    pub(super) const fn new(
        role: Role,
        address: SocketAddr,
        key: Option<PublicKey>,
        exchange: Exchange,
    ) -> Self {
        Self {
            role,
            address,
            key,
            exchange: Some(exchange),
            current: None,
            previous: None,
            next: None,
            established: false,
            heartbeat: None,
            confirm: false,
            pong: None,
            probe: None,
            closing: None,
            rekey_at: Instant::MAX,
            rekey_from: Instant::ZERO,
        }
    }

    pub(super) const fn is_established(&self) -> bool {
        self.established
    }

    pub(super) const fn heartbeat(&self) -> Option<&Heartbeat> {
        self.heartbeat.as_ref()
    }

    /// All session ids of this peer.
    pub(super) fn ids(&self) -> impl Iterator<Item = u64> {
        let keys =
            [&self.current, &self.previous, &self.next].map(|keys| keys.as_ref().map(|keys| keys.local_id));
        keys.into_iter().flatten().chain(self.exchange.as_ref().map(|exchange| exchange.local_id))
    }

    /// What to tell of the session, once there is one.
    pub(super) fn established(&self) -> Option<Established> {
        let keys = self.current.as_ref()?;
        Some(Established { key: self.key, hash: keys.hash, initiator: self.role == Role::Initiator })
    }

    /// The first message of the handshake came again, if it is that of `digest`.
    pub(super) fn repeat_first(&mut self, digest: &FirstDigest) {
        if let Some(exchange) = self.exchange.as_mut().filter(|exchange| exchange.has_just_read(digest)) {
            exchange.owed = true;
        }
    }

    /// A cookie for the first message.
    pub(super) fn take_cookie(&mut self, packet: &[u8]) -> Result<(), Discard> {
        self.exchange.as_mut().ok_or(Discard::Unexpected)?.take_cookie(packet)
    }

    /// A handshake packet without MACs, alone or out of a data packet.
    pub(super) fn take_handshake(
        &mut self,
        cx: &mut Context<'_>,
        packet: &mut [u8],
    ) -> Result<Taken, Discard> {
        let digest = cx.digests.digest(&[packet]);
        let exchange = self.exchange.as_mut().ok_or(Discard::Unexpected)?;
        let (known, config) = (self.key, cx.config);
        let step = exchange.read(cx.now, packet, &digest, |key| match (known, key) {
            (Some(known), Some(key)) => known == *key,
            (None, key) => config.accepts(key),
            // It is shown later.
            (Some(_), None) => true,
        })?;
        let mut taken = Taken::default();
        match step {
            Step::Repeated if exchange.read_last => self.confirm = true,
            Step::Repeated => exchange.owed = true,
            Step::Answered => {}
            Step::Finished(finished) => {
                let ids = (exchange.local_id, exchange.remote_id);
                taken.established = self.take_keys(cx, ids, *finished)?;
            }
        }
        Ok(taken)
    }

    /// Gives whether they establish the session.
    fn take_keys(
        &mut self,
        cx: &mut Context<'_>,
        ids: (u64, u64),
        finished: Finished,
    ) -> Result<bool, Discard> {
        let Finished { transport, key, wrote_last } = finished;
        let (Some(send), Some(recv)) = (transport.send, transport.recv) else {
            return Err(Discard::Unexpected);
        };
        self.key = key.or(self.key);
        let keys = Box::new(Keys::new(cx.now, ids, (send, recv), transport.hash));
        if !wrote_last {
            self.confirm = true;
            return Ok(self.rotate(cx, keys));
        }
        // The peer has them only once it has read the last message: until then the old ones go on.
        if let Some(old) = self.next.replace(keys) {
            cx.retire(old.local_id);
        }
        Ok(false)
    }

    /// Seals with `keys` from here on. Gives whether that establishes the session.
    fn rotate(&mut self, cx: &mut Context<'_>, keys: Box<Keys>) -> bool {
        if self.role == Role::Initiator {
            let after = cx.config.rekey.after;
            let early = Jitter::new(u64::from_be_bytes(cx.draws.array())).up_to(after / 10);
            self.rekey_at = keys.made() + after.saturating_sub(early);
        }
        let old = core::mem::replace(&mut self.previous, self.current.replace(keys));
        if let Some(old) = old {
            cx.retire(old.local_id);
        }
        if self.established {
            return false;
        }
        self.established = true;
        let jitter = Jitter::new(u64::from_be_bytes(cx.draws.array()));
        self.heartbeat = cx.config.heartbeat.map(|config| Heartbeat::new(config, jitter, cx.now));
        true
    }

    #[cfg(test)]
    pub(super) fn current_mut(&mut self) -> Option<&mut Keys> {
        self.current.as_deref_mut()
    }
}

/// A peer to whom the first message is owed.
pub(super) fn connect(
    cx: &mut Context<'_>,
    address: SocketAddr,
    key: Option<PublicKey>,
) -> Result<Peer, ConnectError> {
    let gate = cx.config.gate_key(key.as_ref());
    let local_id = cx.new_id();
    let exchange = Exchange::begin(cx.config, Binding::First, key, Some(gate), local_id, cx.now, cx.draws);
    match exchange {
        Ok(exchange) => Ok(Peer::new(Role::Initiator, address, key, exchange)),
        Err(error) => {
            cx.retire(local_id);
            Err(error)
        }
    }
}

/// A peer whose first message `packet`, without MACs, came from the session `remote_id`.
pub(super) fn accept(
    cx: &mut Context<'_>,
    address: SocketAddr,
    remote_id: u64,
    packet: &mut [u8],
) -> Result<Peer, Discard> {
    let local_id = cx.new_id();
    let exchange = Exchange::answer(cx.config, Binding::First, remote_id, local_id, cx.now, cx.draws);
    let result = exchange.and_then(|exchange| {
        let mut peer = Peer::new(Role::Responder, address, None, exchange);
        peer.take_handshake(cx, packet)?;
        Ok(peer)
    });
    if result.is_err() {
        cx.retire(local_id);
    }
    result
}
