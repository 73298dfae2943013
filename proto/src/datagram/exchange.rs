//! One handshake: its messages, repeated until the answer comes, and read so that a forged one changes nothing.
//!
//! Where its packets travel, alone or inside a session, is the peer's business.

use super::config::Config;
use super::draws::Draws;
use super::error::{ConnectError, Discard};
use super::packet::{
    HANDSHAKE_HEAD, ID_LEN, MACS_LEN, MAX_HANDSHAKE, MIN_FIRST, handshake_head, integer, sealed_cookie,
};
use crate::entropy::Jitter;
use crate::guard::{Cookie, FirstDigest, GateKey, Mac};
use crate::noise::{
    Handshake, HandshakeError, HandshakeHash, PublicKey, Role, SecretKey, SetupError, Transport,
};
use crate::time::Instant;
use alloc::boxed::Box;
use arrayvec::ArrayVec;
use core::time::Duration;

/// What a prologue begins with; both are equally long.
const FIRST: &[u8] = b"sealock datagram first";
const REKEY: &[u8] = b"sealock datagram rekey";

/// Messages that a responder reads in vain at the price of a key agreement, in one handshake; it reads no more then. Who
/// is let in once must not get work without end for it.
const MAX_VAIN: u8 = 16;

/// How often the time between two tries doubles.
const DOUBLINGS: u32 = 4;

/// What a handshake is bound to beyond its messages.
#[derive(Clone, Copy)]
pub(super) enum Binding {
    /// To nothing.
    First,
    /// To the session whose keys it replaces.
    Rekey(HandshakeHash),
}

/// What the owner does after a message was taken.
pub(super) enum Step {
    /// The message came before; what it led to is to be sent again.
    Repeated,
    /// The next message is to be sent.
    Answered,
    /// There are keys.
    Finished(Box<Finished>),
}

/// The outcome of a handshake.
pub(super) struct Finished {
    pub(super) transport: Transport,
    /// The peer's static key, where the pattern has one.
    pub(super) key: Option<PublicKey>,
    /// Whether this end wrote the last message, so that the peer has the keys only once it has read that.
    pub(super) wrote_last: bool,
}

/// One handshake.
pub(super) struct Exchange {
    pub(super) role: Role,
    /// The id under which the peer's packets come, now and with the keys.
    pub(super) local_id: u64,
    /// The id that the peer wants; 0 as long as it is unknown.
    pub(super) remote_id: u64,
    /// `None` once there are keys.
    handshake: Option<Handshake>,
    /// The index of the next message to read.
    expected: u8,
    /// The digest of the last message that was read.
    read: Option<[u8; 32]>,
    /// How many messages were read in vain at the price of a key agreement.
    vain: u8,
    /// Whether the message that was read last was the last of all.
    pub(super) read_last: bool,
    /// The last message of this end, as a packet.
    sent: ArrayVec<u8, MAX_HANDSHAKE>,
    /// Whether `sent` is to be sent.
    pub(super) owed: bool,
    /// What the first message is protected by; `None` inside a session, and for a responder.
    gate: Option<(GateKey, Mac)>,
    base: Duration,
    tries: u32,
    /// When this end tries again.
    pub(super) again: Instant,
    pub(super) deadline: Instant,
    jitter: Jitter,
}

impl Exchange {
    fn new(
        config: &Config,
        role: Role,
        handshake: Handshake,
        local_id: u64,
        now: Instant,
        draws: &mut Draws,
    ) -> Self {
        Self {
            role,
            local_id,
            remote_id: 0,
            handshake: Some(handshake),
            expected: u8::from(role == Role::Initiator),
            read: None,
            vain: 0,
            read_last: false,
            sent: ArrayVec::new(),
            owed: false,
            gate: None,
            base: config.retransmit,
            tries: 0,
            again: Instant::MAX,
            deadline: now + config.handshake_timeout,
            jitter: Jitter::new(u64::from_be_bytes(draws.array())),
        }
    }

    /// Begins a handshake; its first message is owed. With `gate` it is padded and ends in MACs.
    pub(super) fn begin(
        config: &Config,
        binding: Binding,
        remote_static: Option<PublicKey>,
        gate: Option<GateKey>,
        local_id: u64,
        now: Instant,
        draws: &mut Draws,
    ) -> Result<Self, ConnectError> {
        let handshake = start(config, Role::Initiator, binding, local_id, remote_static, draws)
            .map_err(ConnectError::Setup)?;
        let mut exchange = Self::new(config, Role::Initiator, handshake, local_id, now, draws);
        let Some(mut handshake) = exchange.handshake.take() else { return Ok(exchange) };
        let unpadded = HANDSHAKE_HEAD + handshake.next_overhead() + MACS_LEN;
        let padding = if gate.is_some() { MIN_FIRST.saturating_sub(unpadded) } else { 0 };
        let padding = [0; MIN_FIRST].get(..padding).map(<[u8]>::to_vec).unwrap_or_default();
        exchange.write(&mut handshake, 0, local_id, &padding).map_err(ConnectError::Handshake)?;
        exchange.handshake = Some(handshake);
        if let Some(gate) = gate {
            let mac1 = gate.digest(&[&exchange.sent]).mac1();
            let _ = exchange.sent.try_extend_from_slice(&mac1);
            let _ = exchange.sent.try_extend_from_slice(&[0; size_of::<Mac>()]);
            exchange.gate = Some((gate, mac1));
        }
        exchange.schedule(now);
        Ok(exchange)
    }

    /// The other end of it, before it has read the first message, which came from the session `remote_id`.
    pub(super) fn answer(
        config: &Config,
        binding: Binding,
        remote_id: u64,
        local_id: u64,
        now: Instant,
        draws: &mut Draws,
    ) -> Result<Self, Discard> {
        let handshake = start(config, Role::Responder, binding, remote_id, config.remote_static, draws)
            .map_err(|_| Discard::Unexpected)?;
        let mut exchange = Self::new(config, Role::Responder, handshake, local_id, now, draws);
        exchange.remote_id = remote_id;
        Ok(exchange)
    }

    /// Whether the message of this digest is the one that was read last.
    pub(super) fn has_just_read(&self, digest: &FirstDigest) -> bool {
        self.read.as_ref() == Some(digest.as_bytes())
    }

    /// Reads `packet`, a whole handshake packet without MACs whose digest is `digest`. `accept` says whether the peer of
    /// a static key is wanted. On an error nothing has changed but the bytes of `packet` and what it cost.
    pub(super) fn read(
        &mut self,
        now: Instant,
        packet: &mut [u8],
        digest: &FirstDigest,
        accept: impl FnOnce(Option<&PublicKey>) -> bool,
    ) -> Result<Step, Discard> {
        if self.has_just_read(digest) {
            return Ok(Step::Repeated);
        }
        let handshake = self.handshake.as_ref().ok_or(Discard::Unexpected)?;
        let index =
            packet.get(1).copied().filter(|index| *index == self.expected).ok_or(Discard::Unexpected)?;
        let message = packet.get_mut(HANDSHAKE_HEAD..).ok_or(Discard::Malformed)?;
        if self.role == Role::Responder && self.vain >= MAX_VAIN {
            return Err(Discard::Unexpected);
        }
        // A forged message ruins the copy alone.
        let mut copy = handshake.duplicate();
        let read = copy.read(message).map_err(|_| Discard::Forged);
        let key = copy.remote_static();
        let read =
            read.and_then(|payload| if accept(key.as_ref()) { Ok(payload) } else { Err(Discard::Unwanted) });
        if read.is_err() && copy.agreements() > handshake.agreements() {
            self.vain = self.vain.saturating_add(1);
        }
        let payload = read?;
        let mut remote_id = self.remote_id;
        if index == 1 {
            let payload = message.get(payload).unwrap_or_default();
            remote_id = integer(payload).map(|(id, _)| id).filter(|id| *id != 0).ok_or(Discard::Malformed)?;
        }
        let wrote_last = !copy.is_finished();
        if wrote_last {
            let id = self.local_id.to_be_bytes();
            let payload = if index == 0 { &id[..] } else { &[] };
            self.write(&mut copy, index.wrapping_add(1), remote_id, payload).map_err(|_| Discard::Forged)?;
        }
        self.remote_id = remote_id;
        self.read = Some(*digest.as_bytes());
        self.expected = index.wrapping_add(2);
        self.read_last = !wrote_last;
        self.tries = 0;
        self.schedule(now);
        if !copy.is_finished() {
            self.handshake = Some(copy);
            return Ok(Step::Answered);
        }
        self.handshake = None;
        self.owed = wrote_last;
        let transport = copy.split().map_err(|_| Discard::Forged)?;
        Ok(Step::Finished(Box::new(Finished { transport, key, wrote_last })))
    }

    /// Owes message `index`, and forgets the one before unless it could not be written.
    fn write(
        &mut self,
        handshake: &mut Handshake,
        index: u8,
        id: u64,
        payload: &[u8],
    ) -> Result<(), HandshakeError> {
        let mut packet = [0; MAX_HANDSHAKE];
        let (head, message) = packet.split_at_mut(HANDSHAKE_HEAD);
        head.copy_from_slice(&handshake_head(index, id));
        let len = handshake.write(payload, message)?;
        self.sent.clear();
        self.sent.extend(packet.into_iter().take(HANDSHAKE_HEAD + len));
        self.owed = true;
        self.gate = None;
        Ok(())
    }

    /// Takes a cookie: the first message is sent again at once, with its second MAC.
    pub(super) fn take_cookie(&mut self, packet: &[u8]) -> Result<(), Discard> {
        let (gate, mac1) = self.gate.as_ref().ok_or(Discard::Unexpected)?;
        let sealed = sealed_cookie(packet).ok_or(Discard::Malformed)?;
        let cookie: Cookie = gate.open_cookie(sealed, mac1).ok_or(Discard::Forged)?;
        let mac2 = cookie.mac2(mac1);
        let place = self.sent.last_chunk_mut().ok_or(Discard::Unexpected)?;
        // A cookie that came before brings nothing to send: it may have been recorded.
        if *place == mac2 {
            return Err(Discard::Replayed);
        }
        *place = mac2;
        self.owed = true;
        Ok(())
    }

    /// The packet to send.
    pub(super) fn packet(&self) -> &[u8] {
        &self.sent
    }

    /// Whether there are keys, or were.
    pub(super) const fn is_finished(&self) -> bool {
        self.handshake.is_none()
    }

    /// When to try again, counted from `now`: an initiator its message, and whoever read the last message its word that it
    /// did, which the peer needs before it has a session.
    pub(super) fn schedule(&mut self, now: Instant) {
        if self.role == Role::Initiator || self.read_last {
            let wait = self.base.saturating_mul(1 << self.tries.min(DOUBLINGS));
            self.tries = self.tries.saturating_add(1);
            self.again = now + wait + self.jitter.up_to(wait / 4);
        }
    }
}

/// The prologue holds the initiator's id, which its first message carries in the clear.
fn start(
    config: &Config,
    role: Role,
    binding: Binding,
    initiator: u64,
    remote_static: Option<PublicKey>,
    draws: &mut Draws,
) -> Result<Handshake, SetupError> {
    let id: [u8; ID_LEN] = initiator.to_be_bytes();
    let ephemeral = SecretKey::new(&mut draws.bytes());
    match binding {
        Binding::First => config.handshake(role, &[FIRST, &id], remote_static, ephemeral),
        Binding::Rekey(hash) => {
            config.handshake(role, &[REKEY, &id, hash.as_bytes()], remote_static, ephemeral)
        }
    }
}
