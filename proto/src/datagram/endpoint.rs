//! One socket with many peers: what its owner calls. Incoming datagrams are in `incoming.rs`.

use super::config::{Config, Peers};
use super::config_error::ConfigError;
use super::deadlines::Deadlines;
use super::draws::Draws;
use super::error::{ConnectError, SendError};
use super::packet::COOKIE_LEN;
use super::peer::{self, Context};
use super::slots::{Admitted, First, Slots};
use super::stats::Stats;
use super::{EndReason, Event, PeerId};
use crate::entropy::Seed;
use crate::guard::{CookieGate, GateKey, GateStats};
use crate::heartbeat::{Heartbeat, Rtt};
use crate::limit::{Admission, AdmissionStats};
use crate::machine::Transmit;
use crate::noise::{PublicKey, Role};
use crate::time::Instant;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::Arc;
use core::fmt;
use core::net::SocketAddr;

/// Cookies that may wait to be sent; more are dropped.
pub(super) const MAX_COOKIES: usize = 64;

/// All sessions of one datagram socket. See the [module](super) for how to drive it.
pub struct Endpoint {
    pub(super) config: Arc<Config>,
    pub(super) draws: Draws,
    /// What this end asks of first messages, as a responder.
    pub(super) gate_key: GateKey,
    pub(super) gate: CookieGate,
    pub(super) admission: Admission,
    pub(super) slots: Slots,
    /// Session ids of this end and whose they are.
    pub(super) ids: BTreeMap<u64, u32>,
    /// First messages and whom they made.
    pub(super) firsts: BTreeMap<First, u32>,
    pub(super) deadlines: Deadlines,
    pub(super) cookies: VecDeque<(SocketAddr, [u8; COOKIE_LEN])>,
    pub(super) stats: Stats,
}

impl Endpoint {
    /// An endpoint without peers.
    ///
    /// # Errors
    /// [`ConfigError::Admission`] or [`ConfigError::Gate`].
    pub fn new(config: &Arc<Config>, seed: Seed) -> Result<Self, ConfigError> {
        let public = config.local_static.as_ref().map(crate::noise::SecretKey::public);
        Ok(Self {
            gate_key: config.gate_key(public.as_ref()),
            gate: CookieGate::new(config.gate, &seed.child("gate")).map_err(ConfigError::Gate)?,
            admission: Admission::new(config.admission, &seed.child("admission"))
                .map_err(ConfigError::Admission)?,
            draws: Draws::new(seed.child("draws")),
            config: Arc::clone(config),
            slots: Slots::default(),
            ids: BTreeMap::new(),
            firsts: BTreeMap::new(),
            deadlines: Deadlines::default(),
            cookies: VecDeque::with_capacity(MAX_COOKIES),
            stats: Stats::default(),
        })
    }

    /// Begins a session with the end at `address`, which must have the static key `key`. `None`: whichever the
    /// configuration accepts, or where the pattern shows none.
    ///
    /// # Errors
    /// There is no attempt then.
    pub fn connect(
        &mut self,
        now: Instant,
        address: SocketAddr,
        key: Option<PublicKey>,
    ) -> Result<PeerId, ConnectError> {
        let shows = self.config.protocol.needs_local_static(Role::Responder);
        match (shows, &key) {
            (false, Some(_)) => return Err(ConnectError::PeerUnknowable),
            (false, None) if matches!(self.config.peers, Some(Peers::Only(_))) => {
                return Err(ConnectError::PeerUnknowable);
            }
            (true, None) if self.config.peers.is_none() => return Err(ConnectError::PeerUnset),
            (true, Some(_)) if !self.config.accepts(key.as_ref()) => return Err(ConnectError::PeerRefused),
            _ => {}
        }
        if self.slots.len() >= self.config.max_peers {
            return Err(ConnectError::Full);
        }
        let number = self.slots.vacant();
        let (_, mut cx) = self.context(now, number);
        let peer = peer::connect(&mut cx, address, key)?;
        let id = self.slots.fill(peer, Admitted::Outgoing, None);
        self.settle(number);
        Ok(id)
    }

    /// Seals a message for `peer` into `out`: send what it holds then. Nothing repeats it if it is lost on the way.
    ///
    /// # Errors
    /// [`SendError`]; nothing was sealed then.
    pub fn send(
        &mut self,
        now: Instant,
        peer: PeerId,
        message: &[u8],
        out: &mut [u8],
    ) -> Result<Transmit, SendError> {
        self.slots.peer(peer).filter(|peer| !peer.is_closing()).ok_or(SendError::UnknownPeer)?;
        let (slots, mut cx) = self.context(now, peer.number);
        let found = slots.peer_mut(peer.number).ok_or(SendError::UnknownPeer)?;
        let len = found.send(&mut cx, message, out)?;
        let destination = found.address;
        self.settle(peer.number);
        Ok(Transmit { destination, len })
    }

    /// Ends the session with `peer` and tells it why by a number that means something to the application. There is no
    /// further event of it. Whether the peer hears it is not certain: else it finds out by its heartbeat.
    pub fn close(&mut self, peer: PeerId, code: u16) {
        if self.slots.peer(peer).is_none() {
            return;
        }
        match self.slots.peer_mut(peer.number).filter(|peer| peer.is_established()) {
            Some(found) => {
                found.close(code);
                self.slots.queue_sending(peer.number);
            }
            None => self.end(peer.number, None),
        }
    }

    /// Writes the next datagram that is owed to the front of `out`. Call it after any other call until it gives `None`,
    /// with room for [`Config::max_datagram`] bytes: with less, nothing is written.
    pub fn poll_transmit(&mut self, now: Instant, out: &mut [u8]) -> Option<Transmit> {
        if out.len() < self.config.max_datagram {
            return None;
        }
        if let Some((destination, packet)) = self.cookies.pop_front() {
            out.get_mut(..COOKIE_LEN)?.copy_from_slice(&packet);
            return Some(Transmit { destination, len: COOKIE_LEN });
        }
        while let Some(number) = self.slots.next_sending() {
            let (slots, mut cx) = self.context(now, number);
            let Some(peer) = slots.peer_mut(number) else { continue };
            let sent = peer.transmit(&mut cx, out);
            if peer.is_closing() {
                self.end(number, None);
            } else {
                self.settle(number);
            }
            if let Some((len, destination)) = sent {
                return Some(Transmit { destination, len });
            }
        }
        None
    }

    /// What happened to sessions. Call it after [`recv`](Self::recv), before its message is used, and after
    /// [`handle_timeout`](Self::handle_timeout), until it gives `None`.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.slots.next_event()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout): O(1). May change with any other call.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.deadlines.next()
    }

    /// Acts on the deadlines that have come. After it the next one is later than `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(due) = self.deadlines.due(now) {
            let number = due as u32;
            let (slots, mut cx) = self.context(now, number);
            let Some(peer) = slots.peer_mut(number) else {
                self.deadlines.set(due, None);
                continue;
            };
            match peer.handle_timeout(&mut cx) {
                Some(reason) => self.end(number, Some(reason)),
                None => self.settle(number),
            }
        }
    }

    /// The address that datagrams for `peer` go to. It changes when the peer has answered from another.
    #[must_use]
    pub fn address(&self, peer: PeerId) -> Option<SocketAddr> {
        self.slots.peer(peer).map(|peer| peer.address)
    }

    /// The round trip to `peer`, once a ping has been answered.
    #[must_use]
    pub fn rtt(&self, peer: PeerId) -> Option<Rtt> {
        self.slots.peer(peer)?.heartbeat().and_then(Heartbeat::rtt)
    }

    /// How many peers there are, handshakes included. Counts them, one by one.
    #[must_use]
    pub fn peers(&self) -> usize {
        self.slots.peers()
    }

    /// What has been counted so far.
    #[must_use]
    pub const fn stats(&self) -> Stats {
        self.stats
    }

    /// What has been counted of those that connect.
    #[must_use]
    pub const fn admission(&self) -> AdmissionStats {
        self.admission.stats()
    }

    /// What the gate has counted.
    #[must_use]
    pub const fn gate(&self) -> GateStats {
        self.gate.stats()
    }

    /// The configuration.
    #[must_use]
    pub const fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// The peers, and what one of them needs of the rest.
    pub(super) fn context(&mut self, now: Instant, slot: u32) -> (&mut Slots, Context<'_>) {
        let cx = Context {
            now,
            config: &self.config,
            digests: &self.gate_key,
            draws: &mut self.draws,
            ids: &mut self.ids,
            slot,
        };
        (&mut self.slots, cx)
    }

    /// What a call changed for a peer: its deadline, and whether something is owed to it.
    pub(super) fn settle(&mut self, number: u32) {
        let Some(peer) = self.slots.peer_mut(number) else { return };
        let owes = peer.owes();
        self.deadlines.set(number as usize, peer.poll_timeout(&self.config));
        if owes {
            self.slots.queue_sending(number);
        }
    }

    /// A session is there.
    pub(super) fn establish(&mut self, number: u32) {
        let Some(slot) = self.slots.get_mut(number) else { return };
        if let Admitted::Handshake(source) = slot.admitted {
            slot.admitted = Admitted::Session;
            self.admission.handshake_done(source);
        }
        self.stats.established = self.stats.established.saturating_add(1);
        if let Some(established) = slot.peer.as_ref().and_then(peer::Peer::established) {
            self.slots.tell_established(number, established);
        }
    }

    /// A peer is gone. Nothing is told without a reason, of one that connected and was never established, and of one that
    /// this end has closed.
    pub(super) fn end(&mut self, number: u32, reason: Option<EndReason>) {
        let Some(slot) = self.slots.get_mut(number) else { return };
        let Some(peer) = slot.peer.take() else { return };
        let (admitted, first) = (slot.admitted, slot.first.take());
        self.deadlines.set(number as usize, None);
        for id in peer.ids() {
            self.ids.remove(&id);
        }
        first.map(|first| self.firsts.remove(&first));
        match admitted {
            Admitted::Outgoing => {}
            Admitted::Handshake(source) => {
                self.admission.handshake_failed(source);
                self.stats.handshakes_timed_out = self.stats.handshakes_timed_out.saturating_add(1);
            }
            Admitted::Session => self.admission.session_ended(),
        }
        match reason.filter(|_| !peer.is_closing() && !matches!(admitted, Admitted::Handshake(_))) {
            Some(reason) => self.slots.tell_ended(number, reason),
            None => self.slots.vacate(number),
        }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("config", &self.config)
            .field("stats", &self.stats)
            .finish_non_exhaustive()
    }
}
