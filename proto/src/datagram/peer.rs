//! One peer: its keys, the handshake that makes them or replaces them, its address, its liveness.
//!
//! Does not know the other peers of the endpoint, or who may become one.

use super::config::Config;
use super::draws::Draws;
use super::error::{ConnectError, Discard, SendError};
use super::exchange::{Binding, Exchange, Finished, Step};
use super::keys::{Keys, Unusable};
use super::packet::{DATA_HEAD, Frame, Head, OVERHEAD, Outgoing, parse};
use super::{EndReason, Established};
use crate::entropy::Jitter;
use crate::guard::{FirstDigest, GateKey};
use crate::heartbeat::Heartbeat;
use crate::noise::{PublicKey, Role};
use crate::time::Instant;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use core::net::SocketAddr;
use core::ops::Range;

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
    closing: Option<u16>,
    rekey_at: Instant,
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
            closing: None,
            rekey_at: Instant::MAX,
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

    /// A data packet for the session `id`.
    pub(super) fn take_data(
        &mut self,
        cx: &mut Context<'_>,
        source: SocketAddr,
        (id, number): (u64, u64),
        packet: &mut [u8],
    ) -> Result<Taken, Discard> {
        let all = [&mut self.current, &mut self.next, &mut self.previous];
        let keys =
            all.into_iter().flatten().find(|keys| keys.local_id == id).ok_or(Discard::UnknownSession)?;
        let opened = keys.open(cx.now, &cx.config.rekey, number, packet)?;
        // The packet is authentic from here on.
        let mut taken = Taken { established: self.hear(cx, id), ..Taken::default() };
        let is_current = self.current.as_ref().is_some_and(|keys| keys.local_id == id);
        if opened.newest && is_current && self.address != source {
            self.address = source;
            taken.moved = true;
        }
        if let Some(heartbeat) = &mut self.heartbeat {
            heartbeat.on_received(cx.now);
        }
        let plain = packet.get_mut(DATA_HEAD..opened.end).unwrap_or_default();
        match Frame::parse(plain) {
            Some(Frame::Message) => {
                if let Some(heartbeat) = &mut self.heartbeat {
                    heartbeat.on_message(cx.now);
                }
                taken.message = Some(DATA_HEAD + 1..opened.end);
            }
            Some(Frame::Ping(ping)) => self.pong = Some(ping),
            Some(Frame::Pong(ping)) => {
                if let Some(heartbeat) = &mut self.heartbeat {
                    heartbeat.on_pong(cx.now, ping);
                }
            }
            Some(Frame::Close(code)) => taken.closed = Some(code),
            Some(Frame::Handshake(inner)) => {
                let ready =
                    if inner.get(1) == Some(&0) { self.answer_rekey(cx, id, number, inner) } else { Ok(()) };
                match ready.and_then(|()| self.take_handshake(cx, inner)) {
                    Ok(inner) => taken.established |= inner.established,
                    Err(discard) => taken.discarded = Some(discard),
                }
            }
            // Of a later version: skipped.
            None => {}
        }
        self.rekey_if_worn(cx);
        Ok(taken)
    }

    /// An authentic packet came under the keys of `id`: the peer has them. Gives whether that establishes the session.
    fn hear(&mut self, cx: &mut Context<'_>, id: u64) -> bool {
        if self.exchange.as_ref().is_some_and(|exchange| exchange.is_finished() && exchange.local_id == id) {
            self.exchange = None;
        }
        match self.next.take_if(|next| next.local_id == id) {
            Some(next) => self.rotate(cx, next),
            None => false,
        }
    }

    /// Makes ready for the first message of a handshake for other keys, unless it is the one in progress.
    fn answer_rekey(
        &mut self,
        cx: &mut Context<'_>,
        id: u64,
        number: u64,
        packet: &[u8],
    ) -> Result<(), Discard> {
        let digest = cx.digests.digest(&[packet]);
        if self.exchange.as_ref().is_some_and(|exchange| exchange.has_just_read(&digest)) {
            return Ok(());
        }
        let current =
            self.current.as_mut().filter(|keys| keys.local_id == id && self.role == Role::Responder);
        let current = current.ok_or(Discard::Unexpected)?;
        // One that was overtaken by the first message of a later handshake must not replace that.
        if current.began.is_some_and(|began| began > number) {
            return Err(Discard::Unexpected);
        }
        current.began = Some(number);
        let binding = Binding::Rekey(current.hash);
        let Some(Head::First { id: remote_id }) = parse(packet) else { return Err(Discard::Malformed) };
        let local_id = cx.new_id();
        match Exchange::answer(cx.config, binding, remote_id, local_id, cx.now, cx.draws) {
            Ok(exchange) => {
                self.set_exchange(cx, Some(exchange));
                Ok(())
            }
            Err(discard) => {
                cx.retire(local_id);
                Err(discard)
            }
        }
    }

    /// Another handshake in the place of the one there is, whose keys stay if it made any.
    fn set_exchange(&mut self, cx: &mut Context<'_>, exchange: Option<Exchange>) {
        if let Some(old) = core::mem::replace(&mut self.exchange, exchange).filter(|old| !old.is_finished()) {
            cx.retire(old.local_id);
        }
    }

    fn rekey_if_worn(&mut self, cx: &mut Context<'_>) {
        let worn = self.current.as_ref().is_some_and(|keys| keys.is_worn(&cx.config.rekey));
        if worn && self.role == Role::Initiator && self.exchange.is_none() {
            self.begin_rekey(cx);
        }
    }

    fn begin_rekey(&mut self, cx: &mut Context<'_>) {
        self.rekey_at = Instant::MAX;
        let Some(current) = &self.current else { return };
        let binding = Binding::Rekey(current.hash);
        let local_id = cx.new_id();
        let exchange = Exchange::begin(cx.config, binding, self.key, None, local_id, cx.now, cx.draws);
        match exchange {
            Ok(exchange) => self.set_exchange(cx, Some(exchange)),
            // The same keys made a handshake before, so it does not happen; the session would end with its keys.
            Err(_) => cx.retire(local_id),
        }
    }

    /// Seals a message into `out` and gives the datagram's length.
    pub(super) fn send(
        &mut self,
        cx: &mut Context<'_>,
        message: &[u8],
        out: &mut [u8],
    ) -> Result<usize, SendError> {
        let current = self.current.as_mut().ok_or(SendError::NotEstablished)?;
        let max = cx.config.max_message();
        if message.len() > max {
            return Err(SendError::TooLarge { max });
        }
        let sealed = current.seal(cx.now, &cx.config.rekey, &Outgoing::Message(message), out);
        let len = sealed.map_err(|unusable| match unusable {
            Unusable::Expired => SendError::KeyExpired,
            Unusable::UsedUp => SendError::KeyExhausted,
            Unusable::NoRoom => SendError::NoRoom { needed: OVERHEAD + message.len() },
        })?;
        if let Some(heartbeat) = &mut self.heartbeat {
            heartbeat.on_message(cx.now);
        }
        self.rekey_if_worn(cx);
        Ok(len)
    }

    /// Owes the peer a Close; nothing else is sent any more.
    pub(super) const fn close(&mut self, code: u16) {
        self.closing = Some(code);
    }

    /// Whether [`transmit`](Self::transmit) has something to send.
    pub(super) fn owes(&self) -> bool {
        self.exchange.as_ref().is_some_and(|exchange| exchange.owed)
            || self.confirm
            || self.pong.is_some()
            || self.closing.is_some()
            || self.heartbeat.as_ref().is_some_and(Heartbeat::ping_owed)
    }

    /// Whether the session is over once [`transmit`](Self::transmit) was called.
    pub(super) const fn is_closing(&self) -> bool {
        self.closing.is_some()
    }

    /// Writes the next packet that is owed to the front of `out`, which has room for the largest, and gives its length.
    pub(super) fn transmit(&mut self, cx: &mut Context<'_>, out: &mut [u8]) -> Option<usize> {
        let Some(current) = &mut self.current else {
            let exchange = self.exchange.as_mut().filter(|exchange| exchange.owed)?;
            exchange.owed = false;
            let packet = exchange.packet();
            out.get_mut(..packet.len())?.copy_from_slice(packet);
            return Some(packet.len());
        };
        let frame = if let Some(code) = self.closing {
            Outgoing::Close(code)
        } else if let Some(exchange) = self.exchange.as_mut().filter(|exchange| exchange.owed) {
            exchange.owed = false;
            Outgoing::Handshake(exchange.packet())
        } else if core::mem::take(&mut self.confirm) {
            Outgoing::Ping(0)
        } else if let Some(ping) = self.pong.take() {
            Outgoing::Pong(ping)
        } else {
            Outgoing::Ping(self.heartbeat.as_mut()?.take_ping(cx.now)?)
        };
        current.seal(cx.now, &cx.config.rekey, &frame, out).ok()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout).
    pub(super) fn poll_timeout(&self, config: &Config) -> Option<Instant> {
        let expiry = |keys: &Option<Box<Keys>>| keys.as_ref().map(|keys| keys.expiry(&config.rekey));
        let exchange = self.exchange.as_ref();
        let next = [
            expiry(&self.current),
            expiry(&self.next),
            expiry(&self.previous),
            exchange.map(|exchange| exchange.deadline.min(exchange.again)),
            exchange.is_none().then_some(self.rekey_at),
            self.heartbeat.as_ref().and_then(Heartbeat::poll_timeout),
        ];
        next.into_iter().flatten().min().filter(|at| *at < Instant::MAX)
    }

    /// Acts on the deadlines that have come. Gives why the peer is lost, if it is.
    pub(super) fn handle_timeout(&mut self, cx: &mut Context<'_>) -> Option<EndReason> {
        if let Some(Err(dead)) = self.heartbeat.as_mut().map(|heartbeat| heartbeat.handle_timeout(cx.now)) {
            return Some(EndReason::Dead(dead));
        }
        let (now, policy) = (cx.now, cx.config.rekey);
        let expired = |keys: &mut Box<Keys>| keys.expiry(&policy) <= now;
        if self.current.as_mut().is_some_and(expired) {
            return Some(EndReason::KeysExpired);
        }
        for keys in [&mut self.next, &mut self.previous] {
            if let Some(old) = keys.take_if(|keys| expired(keys)) {
                cx.retire(old.local_id);
            }
        }
        let Some(exchange) = &mut self.exchange else {
            if self.rekey_at <= now {
                self.begin_rekey(cx);
            }
            return None;
        };
        if exchange.deadline <= now {
            // A session that nothing was heard of since its handshake never came to be.
            let heard = self.current.as_ref().is_some_and(|keys| keys.heard) || self.previous.is_some();
            if !heard {
                return Some(EndReason::HandshakeTimeout);
            }
            let again = !exchange.read_last && self.role == Role::Initiator;
            self.set_exchange(cx, None);
            if again {
                self.begin_rekey(cx);
            }
        } else if exchange.again <= now {
            exchange.schedule(now);
            if exchange.read_last { self.confirm = true } else { exchange.owed = true }
        }
        None
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
