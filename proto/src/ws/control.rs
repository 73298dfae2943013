//! The small block that the two halves of a connection share: its state, what it owes the peer, its deadlines.

use super::close::CloseCode;
use super::config::Config;
use super::error::{AnswerError, Error, SendError};
use super::extensions::Params;
use super::http::{
    Accept, ClientHello, Offer, Reject, check_response, head_len, write_accept, write_refusal, write_reject,
};
use super::pongs::{Body, Pongs};
use super::{Event, Role};
use crate::buf::{Span, TxBuf};
use crate::entropy::{Jitter, Seed};
use crate::heartbeat::{Heartbeat, Rtt};
use crate::machine::Recv;
use crate::share;
use crate::time::Instant;
use crate::timer::Timers;
use alloc::boxed::Box;
use alloc::sync::Arc;

/// How a half reaches the block: directly in a whole connection, through a lock in a split one.
pub(super) trait Shared: share::Shared<Block = Control> {}

impl<S: share::Shared<Block = Control>> Shared for S {}

#[derive(Clone, Copy)]
enum Timer {
    Opening,
    Close,
}

impl From<Timer> for usize {
    fn from(timer: Timer) -> Self {
        timer as Self
    }
}

/// How far the opening handshake is.
pub(super) enum Opening {
    /// A client whose request is not written yet.
    Ask(Box<ClientHello>),
    /// A client that waits for the answer.
    AwaitAnswer(Box<ClientHello>),
    /// A server that waits for the request. What it must remember of that has room already.
    AwaitRequest(Box<Offer>),
    /// A server whose application has the request and owes the answer.
    Asked(Box<Offer>),
    /// A server that refused, or a client that was.
    Refused,
    /// Frames flow.
    Open,
}

/// What to append next.
pub(super) enum Owed {
    Close(CloseCode),
    Ping(u64),
    Pong(Body),
}

/// What the receiving half tells when it comes by.
#[derive(Clone, Copy)]
pub(super) struct Visit {
    /// Messages arrived since the last visit.
    pub(super) messages: bool,
    /// Anything did.
    pub(super) received: bool,
    /// It waits for the peer now; otherwise it has bytes to work on.
    pub(super) listening: bool,
}

pub(super) struct Control {
    config: Arc<Config>,
    role: Role,
    opening: Opening,
    /// Bytes of the peer's head that are known not to end it.
    scanned: usize,
    /// Extensions that are agreed on.
    granted: Option<Params>,
    /// The status owed to a client whose request is refused.
    refusal: Option<u16>,
    failure: Option<Error>,
    /// Nothing more will be sent or accepted.
    over: bool,
    close_owed: Option<CloseCode>,
    close_sent: bool,
    peer_closed: bool,
    /// The peer sends nothing more.
    eof: bool,
    /// Kept after the end, for what it measured.
    heartbeat: Option<Heartbeat>,
    jitter: Jitter,
    pongs_owed: Pongs,
    timers: Timers<2>,
    pings: u64,
    pongs: u64,
}

impl share::Block for Control {
    type Refusal = SendError;

    #[inline]
    fn may_send(&self) -> Result<(), SendError> {
        if let Some(error) = self.failure {
            Err(SendError::Failed(error))
        } else if self.over | self.close_sent | self.peer_closed {
            Err(SendError::Closed)
        } else if !self.is_open() {
            Err(SendError::NotOpen)
        } else {
            Ok(())
        }
    }

    #[inline]
    fn owes_first(&self) -> bool {
        !self.pongs_owed.is_empty()
    }
}

impl Control {
    pub(super) fn new(config: &Arc<Config>, role: Role, opening: Opening, seed: &Seed, now: Instant) -> Self {
        let mut control = Self {
            config: Arc::clone(config),
            role,
            opening,
            scanned: 0,
            granted: None,
            refusal: None,
            failure: None,
            over: false,
            close_owed: None,
            close_sent: false,
            peer_closed: false,
            eof: false,
            heartbeat: None,
            jitter: seed.jitter("ws heartbeat"),
            pongs_owed: Pongs::default(),
            timers: Timers::new(),
            pings: 0,
            pongs: 0,
        };
        if control.is_open() {
            control.opened(now);
        } else {
            control.timers.set(Timer::Opening, now + config.handshake_timeout);
        }
        control
    }

    pub(super) const fn is_open(&self) -> bool {
        matches!(self.opening, Opening::Open)
    }

    pub(super) const fn is_over(&self) -> bool {
        self.over
    }

    pub(super) const fn failure(&self) -> Option<Error> {
        self.failure
    }

    /// Extensions that are agreed on, once the connection is open.
    #[cfg(feature = "deflate")]
    pub(super) const fn granted(&self) -> Option<Params> {
        self.granted
    }

    /// Somebody else opened the connection, and agreed on this.
    #[cfg(feature = "deflate")]
    pub(super) const fn grant(&mut self, granted: Params) {
        self.granted = Some(granted);
    }

    pub(super) const fn beats(&self) -> (u64, u64) {
        (self.pings, self.pongs)
    }

    pub(super) fn rtt(&self) -> Option<Rtt> {
        self.heartbeat.as_ref().and_then(Heartbeat::rtt)
    }

    // The opening.

    /// Looks for the peer's head at the front of `buf`.
    pub(super) fn recv_opening(&mut self, now: Instant, buf: &[u8]) -> Result<Recv<Event<Span>>, Error> {
        self.keep_deadlines(now)?;
        if self.over {
            return Ok(Recv::need(buf.len(), 0));
        }
        if matches!(self.opening, Opening::Asked(_)) {
            // What the client sends before it is answered waits.
            return Ok(Recv::need(0, 0));
        }
        match self.read_head(now, buf) {
            Ok(Some((len, event))) => Ok(Recv::event(len, event)),
            Ok(None) => Ok(Recv::need(0, 1)),
            Err(error) => Err(self.fail(error)),
        }
    }

    fn read_head(&mut self, now: Instant, buf: &[u8]) -> Result<Option<(usize, Event<Span>)>, Error> {
        let Some(len) = head_len(buf, self.config.max_head, &mut self.scanned).map_err(Error::Upgrade)?
        else {
            return Ok(None);
        };
        let head = buf.get(..len).unwrap_or_default();
        let span = Span::new(0, len);
        let event = match core::mem::replace(&mut self.opening, Opening::Refused) {
            Opening::AwaitRequest(mut offer) => match offer.read(&self.config, head) {
                Ok(()) => {
                    self.opening = Opening::Asked(offer);
                    Event::Request(span)
                }
                Err(fault) => {
                    self.opening = Opening::AwaitRequest(offer);
                    return Err(Error::Upgrade(fault));
                }
            },
            Opening::Ask(hello) | Opening::AwaitAnswer(hello) => {
                if let Some(granted) = check_response(&hello, &self.config, head).map_err(Error::Upgrade)? {
                    self.granted = granted;
                    self.opened(now);
                    Event::Accepted(span)
                } else {
                    self.finish();
                    Event::Rejected(span)
                }
            }
            other => {
                self.opening = other;
                return Ok(None);
            }
        };
        Ok(Some((len, event)))
    }

    fn opened(&mut self, now: Instant) {
        self.opening = Opening::Open;
        self.timers.clear(Timer::Opening);
        self.heartbeat = self.config.heartbeat.map(|config| Heartbeat::new(config, self.jitter.clone(), now));
    }

    /// Accepts the request that waits for an answer.
    pub(super) fn accept(
        &mut self,
        now: Instant,
        accept: &Accept<'_>,
        tx: &mut TxBuf,
    ) -> Result<(), AnswerError> {
        // Whoever only decides meanwhile does not come by the deadline.
        self.keep_deadlines(now).map_err(AnswerError::Failed)?;
        let offer = self.asked()?;
        if accept.subprotocol.is_some_and(|name| !offer.has(name)) {
            return Err(AnswerError::Subprotocol);
        }
        accept.check().map_err(AnswerError::Field)?;
        write_accept(offer, accept, tx).map_err(|_| AnswerError::Full)?;
        self.granted = offer.granted;
        self.opened(now);
        Ok(())
    }

    /// Refuses the request that waits for an answer.
    pub(super) fn reject(&mut self, reject: &Reject<'_>, tx: &mut TxBuf) -> Result<(), AnswerError> {
        self.asked()?;
        reject.check().map_err(AnswerError::Field)?;
        write_reject(reject, tx).map_err(|_| AnswerError::Full)?;
        self.opening = Opening::Refused;
        self.finish();
        Ok(())
    }

    fn asked(&self) -> Result<&Offer, AnswerError> {
        match (&self.opening, self.failure) {
            (_, Some(error)) => Err(AnswerError::Failed(error)),
            (Opening::Asked(offer), _) if !self.over => Ok(offer),
            _ => Err(AnswerError::NothingAsked),
        }
    }

    /// Appends what the opening owes. Says whether that ended the connection.
    pub(super) fn transmit_opening(&mut self, tx: &mut TxBuf) -> bool {
        if let Some(status) = self.refusal {
            if write_refusal(status, tx).is_ok() {
                self.refusal = None;
                self.finish();
            }
            return self.over;
        }
        match core::mem::replace(&mut self.opening, Opening::Refused) {
            Opening::Ask(hello) if self.failure.is_none() && hello.write(&self.config, tx).is_ok() => {
                self.opening = Opening::AwaitAnswer(hello);
            }
            other => self.opening = other,
        }
        false
    }

    // Sending.

    /// What to append now, if there is room for a control frame and, unless it is the close, for a close behind it.
    pub(super) fn take_owed(&mut self, now: Instant, has_room: bool) -> Option<Owed> {
        if self.close_sent || self.over {
            return None;
        }
        if let Some(code) = self.close_owed {
            return Some(Owed::Close(code));
        }
        if !has_room {
            return None;
        }
        if let Some(id) = self.heartbeat.as_mut().and_then(|heartbeat| heartbeat.take_ping(now)) {
            self.pings += 1;
            return Some(Owed::Ping(id));
        }
        self.take_pong().map(Owed::Pong)
    }

    pub(super) fn take_pong(&mut self) -> Option<Body> {
        self.pongs_owed.take()
    }

    /// A message was exchanged, in either direction.
    pub(super) fn on_message(&mut self, now: Instant) {
        if let Some(heartbeat) = &mut self.heartbeat {
            heartbeat.on_message(now);
        }
    }

    /// A Close frame is in the transmit buffer.
    pub(super) fn closed_here(&mut self, now: Instant) {
        self.close_sent = true;
        self.close_owed = None;
        if self.failure.is_some() || self.peer_closed && (self.eof || self.role == Role::Server) {
            self.finish();
        } else {
            // For the peer's answer; a client that has it waits for the server to close the stream (RFC 6455,
            // section 7.1.1).
            self.timers.set(Timer::Close, now + self.config.close_timeout);
        }
    }

    // Receiving.

    /// The receiving half says what it did.
    ///
    /// # Errors
    /// The connection has failed, by this or before.
    pub(super) fn on_visit(&mut self, now: Instant, visit: Visit) -> Result<(), Error> {
        if let Some(error) = self.failure {
            return Err(error);
        }
        if let Some(heartbeat) = &mut self.heartbeat {
            if visit.messages {
                heartbeat.on_message(now);
            }
            if visit.received {
                heartbeat.on_received(now);
            }
            heartbeat.set_listening(now, visit.listening);
        }
        self.keep_deadlines(now)
    }

    /// The deadlines that a peer must not be able to put off by sending without pause.
    pub(super) fn keep_deadlines(&mut self, now: Instant) -> Result<(), Error> {
        if self.timers.take_due(Timer::Opening, now) {
            return Err(self.fail(Error::HandshakeTimeout));
        }
        if self.timers.take_due(Timer::Close, now) {
            if !self.peer_closed {
                return Err(self.fail(Error::CloseTimeout));
            }
            // Both have closed, and the server leaves the stream open: nothing is lost with it.
            self.finish();
        }
        Ok(())
    }

    pub(super) fn on_ping(&mut self, body: &[u8]) {
        self.pongs_owed.push(body);
    }

    pub(super) fn on_pong(&mut self, now: Instant, body: &[u8]) {
        let (Some(heartbeat), Ok(id)) = (&mut self.heartbeat, <[u8; 8]>::try_from(body)) else { return };
        self.pongs += u64::from(heartbeat.on_pong(now, u64::from_be_bytes(id)).is_some());
    }

    /// The peer has closed with `code`, which is the answer too.
    pub(super) fn on_close(&mut self, now: Instant, code: CloseCode) {
        self.peer_closed = true;
        if self.close_sent && self.role == Role::Server {
            self.finish();
            return;
        }
        if !self.close_sent {
            self.close_owed.get_or_insert(code);
        }
        self.timers.set(Timer::Close, now + self.config.close_timeout);
    }

    pub(super) fn on_eof(&mut self) -> Result<(), Error> {
        if let Some(error) = self.failure {
            return Err(error);
        }
        self.eof = true;
        if self.over || self.peer_closed {
            // An answer that is still owed leaves with the next transmission.
            if self.close_sent {
                self.finish();
            }
            return Ok(());
        }
        Err(self.fail(Error::Truncated))
    }

    // Time.

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let beat = self.heartbeat.as_ref().filter(|_| self.is_beating()).and_then(Heartbeat::poll_timeout);
        match (self.timers.next(), beat) {
            (Some(timer), Some(beat)) => Some(timer.min(beat)),
            (timer, beat) => timer.or(beat),
        }
    }

    /// Whether the peer's life is still watched: no longer once either end has closed.
    const fn is_beating(&self) -> bool {
        !self.over && !self.close_sent && !self.peer_closed && self.failure.is_none()
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        if let Some(error) = self.failure {
            return Err(error);
        }
        self.keep_deadlines(now)?;
        if self.is_beating() {
            if let Some(Err(dead)) = self.heartbeat.as_mut().map(|heartbeat| heartbeat.handle_timeout(now)) {
                return Err(self.fail(Error::Dead(dead)));
            }
        }
        Ok(())
    }

    // The end.

    /// The connection fails; the first reason stays. What the peer can be told is owed to it.
    pub(super) fn fail(&mut self, error: Error) -> Error {
        if let Some(first) = self.failure {
            return first;
        }
        self.failure = Some(error);
        self.timers = Timers::new();
        self.refusal = match (&self.opening, error) {
            (Opening::AwaitRequest(_), Error::Upgrade(fault)) => Some(fault.status()),
            (Opening::AwaitRequest(_), Error::HandshakeTimeout) => Some(408),
            (Opening::Asked(_), Error::HandshakeTimeout) => Some(503),
            _ => None,
        };
        self.close_owed = error.close_code().filter(|_| self.is_open() && !self.close_sent);
        if self.refusal.is_none() && self.close_owed.is_none() {
            self.finish();
        }
        error
    }

    fn finish(&mut self) {
        self.over = true;
        self.timers = Timers::new();
    }
}
