//! The small block that the two halves of a session share: its state, what it owes the peer, its deadlines.
//!
//! No keys of an established session live here and nothing is encrypted here, so a lock around it is
//! held for moments only.

use super::codes::CloseCode;
use super::config::Config;
use super::error::{Error, ExportError, SendError};
use super::opening::{Opened, Opening};
use super::seal::Sealer;
use super::snapshot::{Common, Notices, SnapshotError};
use super::stats::{Rejects, Stats, Traffic};
use super::{Event, SessionInfo};
use crate::buf::{Span, TxBuf};
use crate::entropy::Seed;
use crate::guard::{Answer, Question};
use crate::heartbeat::Heartbeat;
use crate::identity::IdentityKey;
use crate::machine::Recv;
use crate::noise::{Exporter, HandshakeHash, KeptKey, Protocol, Psk, RecvCipher, Role, SendCipher};
use crate::resume::{ClientTicket, TICKET_LEN, Ticket, TicketContent, resumption_psk};
use crate::share;
use crate::time::Instant;
use crate::timer::Timers;
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::time::Duration;
use zeroize::Zeroizing;

/// How a half reaches the block: directly in a whole session, through a lock in a split one.
pub(super) trait Shared: share::Shared<Block = Control> {}

impl<S: share::Shared<Block = Control>> Shared for S {}

impl share::Block for Control {
    type Refusal = SendError;

    #[inline]
    fn may_send(&self) -> Result<(), SendError> {
        Self::may_send(self)
    }
}

/// Body of a TICKET: the lifetime in seconds, and the ticket.
pub(super) const TICKET_BODY: usize = 4 + TICKET_LEN;

/// The protocol in which the session of `info` is resumed, and the pre-shared key for that.
fn resumption(info: &SessionInfo, exporter: &Exporter) -> Option<(Protocol, Psk)> {
    let protocol = info.protocol.resumption()?;
    let mut secret = Zeroizing::new([0; 32]);
    exporter.export("sealock resumption", &[], &mut *secret).ok()?;
    let psk = resumption_psk(&secret, info.handshake_hash.as_bytes(), &protocol, 0);
    Some((protocol, psk))
}

#[derive(Clone, Copy)]
enum Timer {
    Opening,
    Close,
    Drain,
    /// The session is as old as it may be.
    Lifetime,
    Rekey,
    Throttle,
    /// `Established` is to be had from `recv`.
    Announce,
    /// A question is to be asked again.
    Ask,
}

impl From<Timer> for usize {
    fn from(timer: Timer) -> Self {
        timer as Self
    }
}

/// Control frames to append to the open record.
#[derive(Default)]
pub(super) struct Owed {
    pub(super) ping: Option<u64>,
    pub(super) pong: Option<[u8; 8]>,
    pub(super) rekey: bool,
    pub(super) drain: bool,
    pub(super) close: Option<CloseCode>,
    pub(super) ticket: Option<[u8; TICKET_BODY]>,
}

/// What the receiving half tells when it comes by.
pub(super) struct Visit {
    /// Messages arrived since the last visit.
    pub(super) messages: bool,
    /// A record was used up since then.
    pub(super) record_ended: bool,
    pub(super) step: Step,
}

/// What the receiving half did, or does next.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// A record arrived.
    Record,
    /// It waits for the peer.
    Listen,
    /// It holds the peer back until then.
    Throttle(Instant),
}

pub(super) struct Control {
    config: Arc<Config>,
    /// Until it is complete; kept when it fails.
    opening: Option<Box<Opening>>,
    /// What the halves have not taken yet.
    keys: Option<Box<Keys>>,
    info: Option<SessionInfo>,
    exporter: Option<Exporter>,
    /// Where a ticket is to be given or was got.
    tickets: Option<Box<Tickets>>,
    /// The keys are there, and the session waits for the proof of the peer's identity to be established.
    awaits_proof: bool,
    announced: bool,
    failure: Option<Error>,
    /// Nothing more will be sent or accepted.
    over: bool,
    close_owed: Option<CloseCode>,
    close_sent: bool,
    peer_closed: bool,
    drain: Drain,
    peer_drained: bool,
    /// Kept after the end, for what it measured.
    heartbeat: Option<Heartbeat>,
    /// Whether the heartbeat's deadlines and pings still count.
    beating: bool,
    pong_owed: Option<[u8; 8]>,
    rekey_owed: bool,
    timers: Timers<8>,
    pings: u64,
    pongs: u64,
    throttled: u64,
}

/// A responder's ticket to be given, an initiator's that it got.
#[derive(Default)]
struct Tickets {
    /// Time since the Unix epoch, and this machine's time then.
    clock: Option<(Duration, Instant)>,
    /// Of the ticket that is owed.
    id: Option<Zeroizing<[u8; 32]>>,
    got: Option<Box<ClientTicket>>,
    /// No second one is taken.
    taken: bool,
}

impl Tickets {
    fn unix(&self, now: Instant) -> Option<Duration> {
        self.clock.map(|(unix, then)| unix + now.saturating_since(then))
    }
}

/// Gone once both halves have theirs.
struct Keys {
    /// For the heartbeat, which begins when the keys are there.
    seed: Seed,
    began: Instant,
    send: Option<SendCipher>,
    recv: Option<RecvCipher>,
    /// The key of `recv`, where it may be handed over.
    recv_key: Option<KeptKey>,
    /// Of a restored session: what the peer is told first, and what was counted before.
    restored: Option<(Notices, Traffic)>,
}

impl Keys {
    fn new(seed: &Seed, began: Instant) -> Self {
        Self { seed: seed.child("heartbeat"), began, send: None, recv: None, recv_key: None, restored: None }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Drain {
    No,
    Owed,
    Sent,
}

impl Control {
    pub(super) fn new(
        config: &Arc<Config>,
        seed: &Seed,
        now: Instant,
        ticket: Option<&ClientTicket>,
    ) -> Result<Self, Error> {
        let mut timers = Timers::new();
        timers.set(Timer::Opening, now + config.handshake_timeout);
        Ok(Self {
            config: Arc::clone(config),
            opening: Some(Box::new(Opening::new(config, seed.child("opening"), ticket)?)),
            keys: Some(Box::new(Keys::new(seed, now))),
            info: None,
            exporter: None,
            tickets: None,
            awaits_proof: false,
            announced: false,
            failure: None,
            over: false,
            close_owed: None,
            close_sent: false,
            peer_closed: false,
            drain: Drain::No,
            peer_drained: false,
            heartbeat: None,
            beating: true,
            pong_owed: None,
            rekey_owed: false,
            timers,
            pings: 0,
            pongs: 0,
            throttled: 0,
        })
    }

    #[cfg(test)]
    pub(super) const fn config(&self) -> &Arc<Config> {
        &self.config
    }

    pub(super) const fn info(&self) -> Option<SessionInfo> {
        if self.awaits_proof { None } else { self.info }
    }

    /// A copy, so that nothing is computed under the lock.
    pub(super) fn exporter(&self) -> Result<Exporter, ExportError> {
        let established = self.exporter.as_ref().filter(|_| !self.awaits_proof);
        established.cloned().ok_or(ExportError::NotEstablished)
    }

    /// The counters that belong to neither half.
    pub(super) fn stats(&self) -> Stats {
        Stats {
            pings: self.pings,
            pongs: self.pongs,
            throttled: self.throttled,
            // A session refuses one thing at most: it is fatal.
            rejects: self.failure.map_or_else(Rejects::default, Rejects::of),
            rtt: self.heartbeat.as_ref().and_then(Heartbeat::rtt),
            ..Stats::default()
        }
    }

    pub(super) const fn failure(&self) -> Option<Error> {
        self.failure
    }

    // The opening.

    pub(super) fn set_unix_time(&mut self, unix: Duration) {
        if let Some(opening) = &mut self.opening {
            opening.set_unix_time(unix);
            if self.config.role == Role::Responder && self.config.tickets.is_none() {
                return;
            }
            let began = self.keys.as_ref().map(|keys| keys.began);
            self.tickets.get_or_insert_default().clock = began.map(|began| (unix, began));
        }
    }

    pub(super) fn set_asking(&mut self) {
        if let Some(opening) = &mut self.opening {
            opening.set_asking();
            if self.config.tickets.is_some() {
                self.tickets.get_or_insert_default().id = Some(opening.ticket_id());
            }
        }
    }

    /// What the ticket that this end owes its peer says on the wire: lifetime in seconds, ticket. Once, and only to a peer
    /// with a session.
    pub(super) fn take_ticket_owed(&mut self, now: Instant) -> Option<[u8; TICKET_BODY]> {
        let (keys, info) = (self.config.tickets.as_ref()?, self.info.filter(|_| self.announced)?);
        let tickets = self.tickets.as_mut()?;
        let unix = tickets.unix(now)?;
        let id = tickets.id.take()?;
        let (protocol, psk) = resumption(&info, self.exporter.as_ref()?)?;
        let content = TicketContent { psk, protocol, peer: info.peer, identity: None };
        let ticket = keys.seal(unix, *id.first_chunk()?, &content);
        let seconds = u32::try_from(keys.lifetime().as_secs()).unwrap_or(u32::MAX);
        let mut body = [0; TICKET_BODY];
        let parts = seconds.to_be_bytes().into_iter().chain(*ticket.as_bytes());
        body.iter_mut().zip(parts).for_each(|(to, from)| *to = from);
        Some(body)
    }

    /// The peer gave a ticket. `false`: not its place.
    pub(super) fn on_ticket(&mut self, now: Instant, body: &[u8; TICKET_BODY]) -> bool {
        let (seconds, ticket) = body.split_at(4);
        let (Some(info), Ok(seconds), Ok(ticket)) = (self.info, seconds.try_into(), ticket.try_into()) else {
            return false;
        };
        let tickets = self.tickets.get_or_insert_default();
        if self.config.role == Role::Responder || core::mem::replace(&mut tickets.taken, true) {
            return false;
        }
        let Some((protocol, psk)) = self.exporter.as_ref().and_then(|exporter| resumption(&info, exporter))
        else {
            return false;
        };
        // Without a clock nobody can say when it expires but the responder.
        let lifetime = Duration::from_secs(u32::from_be_bytes(seconds).into());
        let expires = tickets.unix(now).map_or(Duration::MAX, |unix| unix.saturating_add(lifetime));
        let ticket = Ticket::from_bytes(ticket);
        tickets.got = Some(Box::new(ClientTicket { ticket, psk, protocol, responder: info.peer, expires }));
        true
    }

    pub(super) fn take_ticket(&mut self) -> Option<ClientTicket> {
        self.tickets.as_mut()?.got.take().map(|ticket| *ticket)
    }

    pub(super) fn question(&self) -> Option<Question> {
        self.opening.as_ref().and_then(|opening| opening.question())
    }

    pub(super) fn answer(&mut self, now: Instant, answer: Answer) -> Result<(), Error> {
        let Some(opening) = &mut self.opening else { return Ok(()) };
        if let Answer::Wait(time) = answer {
            // Not at this instant: a deadline must be later than the one it is set at.
            self.timers.set(Timer::Ask, now + time.max(Duration::from_nanos(1)));
            return Ok(());
        }
        opening.answer(answer).map_err(|error| self.fail(error))
    }

    /// Passes received bytes to the opening. `Established` comes with the last of them, or in a call of its own
    /// if there is another event or this end wrote the last handshake message.
    pub(super) fn recv_opening(&mut self, now: Instant, buf: &mut [u8]) -> Result<Recv<Event<Span>>, Error> {
        if self.has_event() {
            return Ok(self.announce(0));
        }
        self.keep_deadlines(now)?;
        let Some(opening) = &mut self.opening else { return Ok(Recv::need(0, 0)) };
        match opening.recv(buf) {
            Ok((recv, opened)) => {
                let complete = opened.is_some();
                self.opened(now, opened);
                Ok(if complete && recv.event.is_none() && !self.awaits_proof {
                    self.announce(recv.consumed)
                } else {
                    recv
                })
            }
            Err(error) => Err(self.fail(error)),
        }
    }

    /// Whether `Established` is to be announced.
    pub(super) const fn has_event(&self) -> bool {
        self.info.is_some() && !self.announced && !self.awaits_proof && self.failure.is_none()
    }

    fn announce(&mut self, consumed: usize) -> Recv<Event<Span>> {
        self.announced = true;
        self.timers.clear(Timer::Announce);
        Recv::event(consumed, Event::Established)
    }

    /// The receiving key, once `Established` has been announced or waits for the peer's first record.
    pub(super) fn take_recv_key(&mut self) -> Option<(RecvCipher, Option<KeptKey>)> {
        let keys = self.keys.as_mut().filter(|_| self.announced | self.awaits_proof)?;
        let (cipher, key) = (keys.recv.take(), keys.recv_key.take());
        self.free_keys();
        Some((cipher?, key))
    }

    /// Appends what the opening owes. Says whether that ended it, well or not.
    pub(super) fn transmit_opening(&mut self, now: Instant, tx: &mut TxBuf) -> bool {
        let Some(opening) = &mut self.opening else { return false };
        match opening.transmit(tx) {
            Ok(Some(opened)) => {
                self.opened(now, Some(opened));
                if !self.awaits_proof {
                    // Nobody may be about to call `recv`: the peer perhaps waits for this end to begin.
                    self.timers.set(Timer::Announce, now);
                }
            }
            Ok(None) => {}
            Err(error) => {
                self.fail(error);
                if let Some(opening) = &mut self.opening {
                    // The alert, which has room where the handshake message had some.
                    let _ = opening.transmit(tx);
                }
            }
        }
        let failed = self.failure.is_some() && self.opening.as_ref().is_some_and(|o| o.is_over());
        self.over |= failed;
        failed || self.opening.is_none()
    }

    /// The sending key, once the handshake is complete, and what goes out before its first record.
    ///
    /// # Errors
    /// [`SendError::Full`] if that is more than `room`.
    pub(super) fn take_send_key(&mut self, room: usize) -> Result<Option<(Sealer, Notices)>, SendError> {
        let Some(keys) = &mut self.keys else { return Ok(None) };
        if keys.restored.as_ref().is_some_and(|(notices, _)| notices.len() > room) {
            return Err(SendError::Full);
        }
        let (cipher, restored) = (keys.send.take(), keys.restored.take());
        self.free_keys();
        let config = &self.config;
        Ok(cipher.map(|cipher| match restored {
            Some((notices, traffic)) => (Sealer::restored(cipher, config, &traffic), notices),
            None => (Sealer::new(cipher, config), Notices::new()),
        }))
    }

    /// Gives the memory back once both halves have their keys.
    fn free_keys(&mut self) {
        self.keys.take_if(|keys| self.info.is_some() && keys.send.is_none() && keys.recv.is_none());
    }

    fn opened(&mut self, now: Instant, opened: Option<Opened>) {
        let Some(Opened { transport, info }) = opened else { return };
        self.opening = None;
        self.info = Some(info);
        self.awaits_proof = self.config.require_identity;
        if !self.awaits_proof {
            self.timers.clear(Timer::Opening);
        }
        self.timers.set(Timer::Rekey, now + self.config.rekey.age);
        self.timers.set(Timer::Lifetime, now + self.config.lifetime);
        let Some(keys) = &mut self.keys else { return };
        (keys.send, keys.recv) = (transport.send, transport.recv);
        self.exporter = Some(transport.exporter);
        keys.recv_key = Some(transport.recv_key).filter(|_| self.config.snapshots);
        self.heartbeat =
            self.config.heartbeat.map(|config| Heartbeat::new(config, keys.seed.jitter("ping"), now));
    }

    // Snapshots.

    /// Whether the session may go on elsewhere.
    pub(super) fn may_export(&self) -> Result<(), SnapshotError> {
        self.may_lease()?;
        // A ping is sent anew, and a restore changes the key.
        if self.drain == Drain::No { Ok(()) } else { Err(SnapshotError::Ending) }
    }

    /// Whether it is worth recovering.
    pub(super) fn may_lease(&self) -> Result<(), SnapshotError> {
        let ends = self.failure.is_some() | self.over | self.close_sent | self.peer_closed;
        if ends || self.close_owed.is_some() { Err(SnapshotError::Ending) } else { Ok(()) }
    }

    /// `None` before the session is established.
    pub(super) fn copy(&self, info: &SessionInfo) -> Option<Common> {
        let Self { pings, pongs, throttled, pong_owed, .. } = *self;
        Some(Common {
            role: self.config.role,
            protocol: info.protocol,
            peer: info.peer,
            identity: info.identity,
            exporter: self.exporter.clone()?,
            pings,
            pongs,
            throttled,
            pong_owed,
        })
    }

    /// The block of a session that goes on.
    pub(super) fn restored(
        config: &Arc<Config>,
        info: SessionInfo,
        common: &Common,
        seed: &Seed,
        now: Instant,
    ) -> Self {
        let keys = Keys::new(seed, now);
        let mut timers = Timers::new();
        timers.set(Timer::Rekey, now + config.rekey.age);
        timers.set(Timer::Lifetime, now + config.lifetime);
        let jitter = keys.seed.jitter("ping");
        Self {
            config: Arc::clone(config),
            opening: None,
            heartbeat: config.heartbeat.map(|config| Heartbeat::new(config, jitter, now)),
            keys: Some(Box::new(keys)),
            info: Some(info),
            exporter: Some(common.exporter.clone()),
            tickets: None,
            awaits_proof: false,
            announced: true,
            failure: None,
            over: false,
            close_owed: None,
            close_sent: false,
            peer_closed: false,
            drain: Drain::No,
            peer_drained: false,
            beating: true,
            pong_owed: common.pong_owed,
            rekey_owed: false,
            timers,
            pings: common.pings,
            pongs: common.pongs,
            throttled: common.throttled,
        }
    }

    pub(super) const fn with_peer_drained(mut self) -> Self {
        self.peer_drained = true;
        self
    }

    /// Holds the sending key of a restored session until the peer is told.
    pub(super) fn with_sender(mut self, cipher: SendCipher, notices: Notices, traffic: Traffic) -> Self {
        if let Some(keys) = &mut self.keys {
            (keys.send, keys.restored) = (Some(cipher), Some((notices, traffic)));
        }
        self
    }

    // Identities.

    /// What this end signs for, while the key with which it says so is here. A restored session has said it before.
    pub(super) fn to_prove(&self) -> Option<(Arc<Config>, HandshakeHash)> {
        let fresh = |keys: &Keys| keys.send.is_some() && keys.restored.is_none();
        let waiting = self.failure.is_none() && self.keys.as_deref().is_some_and(fresh);
        let hash = self.info.filter(|_| waiting && self.config.signer.is_some())?.handshake_hash;
        Some((Arc::clone(&self.config), hash))
    }

    pub(super) fn handshake_hash(&self) -> Option<HandshakeHash> {
        self.info.map(|info| info.handshake_hash)
    }

    /// The deadline of a session that waits for the peer's proof, which a record that trickles in does not put off.
    pub(super) fn keep_patience(&mut self, now: Instant) -> Result<(), Error> {
        if self.awaits_proof { self.keep_deadlines(now) } else { Ok(()) }
    }

    /// The peer has proven that it is `key`. Says whether that establishes the session.
    pub(super) fn on_identity(&mut self, key: IdentityKey) -> bool {
        if let Some(info) = &mut self.info {
            info.identity = Some(key);
        }
        let establishes = core::mem::take(&mut self.awaits_proof);
        if establishes {
            self.announced = true;
            self.timers.clear(Timer::Opening);
        }
        establishes
    }

    // Sending.

    /// Whether a message may be accepted now.
    pub(super) const fn may_send(&self) -> Result<(), SendError> {
        if let Some(error) = self.failure {
            Err(SendError::Failed(error))
        } else if self.over | self.close_sent | self.close_owed.is_some() | self.peer_closed {
            Err(SendError::Closed)
        } else if !matches!(self.drain, Drain::No) {
            Err(SendError::Draining)
        } else if self.info.is_none() | self.awaits_proof {
            Err(SendError::NotEstablished)
        } else {
            Ok(())
        }
    }

    /// Whether this end may close now, be it while draining.
    pub(super) const fn may_close(&self) -> Result<(), SendError> {
        match self.may_send() {
            Err(SendError::Draining) => Ok(()),
            other => other,
        }
    }

    /// Whether CLOSE is to be appended next.
    pub(super) const fn owes_close(&self) -> bool {
        // Neither end begins another message: CLOSE says what our DRAIN would.
        let both_drain = self.peer_drained && !matches!(self.drain, Drain::No);
        !self.close_sent && !self.over && (both_drain || self.close_owed.is_some())
    }

    /// What to append now. The caller has checked that everything fits.
    pub(super) fn take_owed(&mut self, now: Instant) -> Option<Owed> {
        if self.close_sent || self.over {
            return None;
        }
        if self.owes_close() {
            self.close_owed.get_or_insert(CloseCode::NORMAL);
            return Some(Owed { close: self.close_owed, ..Owed::default() });
        }
        let ping_owed = self.heartbeat.as_ref().is_some_and(Heartbeat::ping_owed);
        let ticket = if self.tickets.is_some() { self.take_ticket_owed(now) } else { None };
        if ticket.is_none()
            && !ping_owed
            && self.pong_owed.is_none()
            && !self.rekey_owed
            && self.drain != Drain::Owed
        {
            return None;
        }
        let ping = self.heartbeat.as_mut().and_then(|heartbeat| heartbeat.take_ping(now));
        self.pings += u64::from(ping.is_some());
        let drain = self.drain == Drain::Owed;
        if drain {
            self.drain = Drain::Sent;
        }
        let (pong, rekey) = (self.pong_owed.take(), core::mem::take(&mut self.rekey_owed));
        Some(Owed { ping, pong, rekey, drain, close: None, ticket })
    }

    /// What the sending half did since it last said.
    pub(super) fn on_sent(&mut self, now: Instant, rekeyed: bool, messages: bool) {
        if rekeyed && !self.close_sent && self.failure.is_none() {
            self.rekey_owed = false;
            self.timers.set(Timer::Rekey, now + self.config.rekey.age);
        }
        if messages {
            self.on_message(now);
        }
    }

    /// A message was exchanged, in either direction.
    pub(super) fn on_message(&mut self, now: Instant) {
        if let Some(heartbeat) = &mut self.heartbeat {
            heartbeat.on_message(now);
        }
    }

    /// CLOSE is in the transmit buffer.
    pub(super) fn closed_here(&mut self, now: Instant) {
        self.close_sent = true;
        self.close_owed = None;
        self.pong_owed = None;
        self.beating = false;
        let throttled = self.timers.get(Timer::Throttle);
        self.timers = Timers::new();
        if self.failure.is_some() || self.peer_closed {
            self.over = true;
        } else {
            self.timers.set(Timer::Close, now + self.config.close_timeout);
            if let Some(until) = throttled {
                self.timers.set(Timer::Throttle, until);
            }
        }
    }

    pub(super) fn drain(&mut self, deadline: Instant) {
        self.drain = Drain::Owed;
        self.timers.set(Timer::Drain, deadline);
    }

    /// Drains, and does not wait for the peer for longer than it waits for a CLOSE.
    fn expire(&mut self, now: Instant) {
        let latest = now + self.config.close_timeout;
        if self.drain == Drain::No {
            self.drain = Drain::Owed;
        }
        if self.close_owed.is_none() {
            let deadline = self.timers.get(Timer::Drain).map_or(latest, |deadline| deadline.min(latest));
            self.timers.set(Timer::Drain, deadline);
        }
    }

    // Receiving.

    /// The receiving half says what it did.
    ///
    /// # Errors
    /// The session has failed, by this or before.
    pub(super) fn on_visit(&mut self, now: Instant, visit: Visit) -> Result<(), Error> {
        if let Some(error) = self.failure {
            return Err(error);
        }
        if visit.record_ended {
            // Behind its frames: a CLOSE that is there in time counts.
            self.keep_deadlines(now)?;
        }
        if let Some(heartbeat) = &mut self.heartbeat {
            if visit.messages {
                heartbeat.on_message(now);
            }
            if visit.step == Step::Record {
                heartbeat.on_received(now);
            }
            // Whether this end is truly waiting for the peer.
            heartbeat.set_listening(now, visit.step == Step::Listen);
        }
        if let Step::Throttle(until) = visit.step {
            self.throttle(until);
        }
        Ok(())
    }

    /// The deadlines that a peer must not be able to put off by sending without pause: a driver that always
    /// finds something to read does not get to [`Self::handle_timeout`].
    #[inline]
    pub(super) fn keep_deadlines(&mut self, now: Instant) -> Result<(), Error> {
        if self.timers.any_due(now) { self.keep_due_deadlines(now) } else { Ok(()) }
    }

    fn keep_due_deadlines(&mut self, now: Instant) -> Result<(), Error> {
        if self.timers.take_due(Timer::Opening, now) {
            return Err(self.fail(Error::HandshakeTimeout));
        }
        if self.timers.take_due(Timer::Close, now) {
            return Err(self.fail(Error::CloseTimeout));
        }
        if self.timers.take_due(Timer::Lifetime, now) {
            self.expire(now);
        }
        if self.timers.take_due(Timer::Drain, now) {
            self.close_owed.get_or_insert(CloseCode::GOING_AWAY);
            // In case there is never room for it.
            self.timers.set(Timer::Close, now + self.config.close_timeout);
        }
        Ok(())
    }

    pub(super) fn on_ping(&mut self, body: [u8; 8]) {
        self.pong_owed = (!self.close_sent).then_some(body);
    }

    pub(super) fn on_pong(&mut self, now: Instant, id: u64) {
        let sample = self.heartbeat.as_mut().and_then(|heartbeat| heartbeat.on_pong(now, id));
        self.pongs += u64::from(sample.is_some());
    }

    pub(super) fn on_drain(&mut self) {
        self.peer_drained = true;
    }

    pub(super) fn on_close(&mut self, now: Instant) {
        self.peer_closed = true;
        self.beating = false;
        if self.close_sent {
            self.over = true;
            self.timers = Timers::new();
        } else if !self.over {
            self.close_owed.get_or_insert(CloseCode::NORMAL);
            self.timers = Timers::new();
            self.timers.set(Timer::Close, now + self.config.close_timeout);
        }
    }

    /// The peer is held back until `until`.
    fn throttle(&mut self, until: Instant) {
        self.throttled += u64::from(self.timers.get(Timer::Throttle).is_none());
        self.timers.set(Timer::Throttle, until);
    }

    pub(super) fn on_eof(&mut self) -> Result<(), Error> {
        if self.peer_closed || self.over {
            // The answer to the peer's CLOSE may still be owed: it may have shut its sending direction only.
            return Ok(());
        }
        match self.failure {
            Some(_) => Ok(()),
            None if self.opening.as_ref().is_some_and(|opening| opening.is_unanswered()) => {
                Err(self.fail(Error::Unanswered))
            }
            None => Err(self.fail(Error::Truncated)),
        }
    }

    // Time and the end.

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let beat = self.heartbeat.as_ref().filter(|_| self.beating).and_then(Heartbeat::poll_timeout);
        let next = self.timers.next();
        next.map_or(beat, |next| Some(beat.map_or(next, |beat| next.min(beat))))
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        self.keep_deadlines(now)?;
        self.rekey_owed |= self.timers.take_due(Timer::Rekey, now);
        if self.timers.take_due(Timer::Ask, now) {
            if let Some(opening) = &mut self.opening {
                opening.ask_again();
            }
        }
        for acted_on_by_recv in [Timer::Throttle, Timer::Announce] {
            self.timers.take_due(acted_on_by_recv, now);
        }
        let heartbeat = self.heartbeat.as_mut().filter(|_| self.beating);
        match heartbeat.map_or(Ok(()), |heartbeat| heartbeat.handle_timeout(now)) {
            Ok(()) => Ok(()),
            Err(dead) => Err(self.fail(Error::Dead(dead))),
        }
    }

    /// Notes the first failure and what the peer must be told of it.
    pub(super) fn fail(&mut self, error: Error) -> Error {
        if let Some(first) = self.failure {
            return first;
        }
        self.failure = Some(error);
        self.beating = false;
        self.timers = Timers::new();
        if let Some(opening) = &mut self.opening {
            opening.fail(error);
            self.over = opening.is_over();
        } else {
            self.close_owed = error.close_code().filter(|_| !self.close_sent);
            self.over = self.close_owed.is_none();
        }
        error
    }

    pub(super) const fn is_over(&self) -> bool {
        self.over
    }

    /// Nothing more can be sent: the sending key is used up.
    pub(super) fn sender_exhausted(&mut self) {
        self.fail(Error::KeyExhausted);
        self.over = true;
    }
}
