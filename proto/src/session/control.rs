//! The small block that the two halves of a session share: its state, what it owes the peer, its deadlines.
//!
//! No keys of an established session live here and nothing is encrypted here, so a lock around it is
//! held for moments only. `control/` has what is done once: the opening, tickets, snapshots.

mod opening;
mod snapshot;
mod tickets;

pub(super) use tickets::TICKET_BODY;

use super::SessionInfo;
use super::codes::CloseCode;
use super::config::Config;
use super::error::{Error, ExportError, SendError};
use super::opening::Opening;
use super::stats::{Rejects, Stats};
use crate::entropy::Seed;
use crate::heartbeat::Heartbeat;
use crate::identity::IdentityKey;
use crate::noise::{Exporter, HandshakeHash};
use crate::resume::ClientTicket;
use crate::share;
use crate::time::Instant;
use crate::timer::Timers;
use alloc::boxed::Box;
use alloc::sync::Arc;
use opening::Keys;
use tickets::Tickets;

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
        // Until it is done: a lease that is spent may be in its way.
        let (pong, rekey) = (self.pong_owed.take(), self.rekey_owed);
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
        self.rekey_owed |= self.timers.take_due(Timer::Rekey, now);
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
