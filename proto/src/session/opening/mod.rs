//! The opening: first flight, answer, handshake packets and alerts (docs/wire.md, section 1). Ends with the keys.
//!
//! Here is what both ends do alike; what comes before the first handshake message that counts is `responder.rs`'s and
//! `initiator.rs`'s business.

mod flight;
mod initiator;
mod payload;
mod responder;

use super::codes::Alert;
use super::config::Config;
use super::error::Error;
use super::hello::MAX_HELLO;
use super::packet::{MAX_BODY, PACKET_HEAD, alert_packet, packet_len, put_blank_packet};
use super::padding::Padding;
use super::policy::Peers;
use super::{Event, SessionInfo};
use crate::buf::{Full, Span, TxBuf};
use crate::entropy::Seed;
use crate::guard::{Answer, Question};
use crate::machine::Recv;
use crate::noise::{
    CipherRoom, Handshake, HandshakeError, HandshakeParams, KemSeed, PayloadSecurity, Protocol, Psk,
    PublicKey, ReadPart, Role, SecretKey, Transport,
};
use crate::resume::{ClientTicket, Ticket};
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use arrayvec::ArrayVec;
use core::ops::Range;
use core::time::Duration;
use flight::MAC_LEN;
use initiator::Offering;
use responder::Entry;
use zeroize::Zeroizing;

const PROLOGUE: &[u8] = b"sealock session";
/// What a packet with a choice begins with; the choice is the one byte of its body.
const CHOICE_HEAD: [u8; PACKET_HEAD] = [0, 1];
/// The choice where the protocol is the one offered first.
const FIRST: u8 = 0;
/// In place of a choice: a cookie follows.
const RETRY: u8 = 255;

/// One end of an opening that is not complete.
pub(super) struct Opening {
    config: Arc<Config>,
    seed: Seed,
    state: State,
    /// Time since the Unix epoch when the opening began, if the caller said it.
    unix: Option<Duration>,
    /// Whether the caller answers questions.
    asks: bool,
    /// What the caller has not answered yet.
    asked: ArrayVec<Question, 2>,
    /// Whether it was told of the first of them.
    told: bool,
    /// Whether the peer is known to have the static key that it shows.
    proven: bool,
    /// Whether a handshake message of the peer was read.
    heard: bool,
    /// The ticket that is used: the initiator's, if it may be, and the responder's once it may.
    ticket: Option<Box<Resumed>>,
    /// What a responder goes on with if it cannot read the first message, and its place in the offer.
    spare: Option<(Box<Handshake>, u8)>,
    /// One that was read and is not reported.
    read: Option<Read>,
    /// Bytes behind the next handshake packet that go with it: the macs of a first flight.
    trailer: usize,
    /// What goes out before the next packet: an initiator's hello or mac2, a responder's choice or cookie. Empty: nothing.
    preface: ArrayVec<u8, MAX_HELLO>,
    alert_owed: Option<Alert>,
    payload_sent: bool,
    /// The payload of the next handshake message. It has its memory from the beginning.
    items: Vec<u8>,
}

// One opening a session, on the heap and gone once established: boxing a variant would only add allocations.
#[allow(clippy::large_enum_variant)]
enum State {
    /// A responder that has not let the initiator in.
    Entry(Entry),
    /// The handshake, and what an initiator may still be told before it is answered.
    Handshake(Handshake, Option<Offering>),
    /// Complete, or failed.
    Over,
}

/// What went over the wire before the handshake that counts.
struct Before<'a> {
    hello: &'a [u8],
    choice: u8,
    /// Stands for the first flight, unless the message in it counts.
    passed_over: &'a [u8],
    /// The initiator's ephemeral key in that message, for a fallback.
    ephemeral: Option<PublicKey>,
}

/// What a ticket brings into a handshake.
struct Resumed {
    /// What is shown; an initiator's alone.
    shown: Option<Ticket>,
    protocol: Protocol,
    /// The full handshake that it goes back to.
    origin: Origin,
    psk: Psk,
    /// The peer's static key, proven in an earlier session.
    peer: Option<PublicKey>,
}

/// A handshake message that was read.
struct Read {
    /// Its packet, and what goes with it.
    len: usize,
    /// Where the application's bytes lie in the packet.
    application: Option<Range<usize>>,
    security: PayloadSecurity,
}

/// The full handshake that a ticket goes back to.
#[derive(Clone, Copy)]
pub(super) struct Origin {
    pub(super) protocol: Protocol,
    /// Since the Unix epoch; a responder's alone.
    pub(super) began: Duration,
}

/// What an opening leaves behind.
pub(super) struct Opened {
    pub(super) transport: Transport,
    pub(super) info: SessionInfo,
    /// Of a resumed session.
    pub(super) origin: Option<Origin>,
}

/// What a step of receiving comes to: so many bytes at the front are done with, or what to answer the caller now.
type Step = Result<Result<usize, Recv<Event<Span>>>, Error>;
type Received = (Recv<Event<Span>>, Option<Opened>);

impl Opening {
    /// An initiator may have a `ticket`, which is left out if the configuration does not fit it.
    pub(super) fn new(
        config: &Arc<Config>,
        seed: Seed,
        ticket: Option<&ClientTicket>,
    ) -> Result<Self, Error> {
        let ticket = ticket.filter(|ticket| config.role == Role::Initiator && config.may_resume(ticket));
        let resumed = |ticket: &ClientTicket| {
            let ClientTicket { ticket: shown, psk, protocol, responder: peer, .. } = ticket.clone();
            let origin = Origin { protocol, began: Duration::ZERO };
            let protocol = protocol.resumption()?;
            Some(Box::new(Resumed { shown: Some(shown), protocol, origin, psk, peer }))
        };
        let application = config.payload.as_ref().map_or(0, |(payload, _)| payload.len());
        let mut opening = Self {
            config: Arc::clone(config),
            seed,
            state: State::Over,
            ticket: ticket.and_then(resumed),
            unix: None,
            asks: false,
            asked: ArrayVec::new(),
            told: false,
            proven: false,
            heard: false,
            spare: None,
            read: None,
            trailer: 0,
            preface: ArrayVec::new(),
            alert_owed: None,
            payload_sent: false,
            items: Vec::with_capacity(match config.padding {
                Padding::None => application + payload::MAX_ITEMS,
                _ => MAX_BODY,
            }),
        };
        match config.role {
            Role::Responder => opening.state = State::Entry(Entry::new(config)),
            Role::Initiator => opening.offer()?,
        }
        Ok(opening)
    }

    /// What time it is by the calendar, for the timestamp of a first message.
    pub(super) const fn set_unix_time(&mut self, unix: Duration) {
        self.unix = Some(unix);
    }

    /// A responder asks its caller from now on.
    pub(super) const fn set_asking(&mut self) {
        self.asks = true;
    }

    /// For the ticket that may be given in the end.
    pub(super) fn ticket_id(&self) -> Zeroizing<[u8; 32]> {
        self.seed.derive("ticket id")
    }

    pub(super) fn question(&self) -> Option<Question> {
        self.asked.first().copied()
    }

    /// Asks again what was not answered for good.
    pub(super) const fn ask_again(&mut self) {
        self.told = false;
    }

    /// The caller's answer to the question that was asked, which is not to wait; without one it is ignored.
    pub(super) fn answer(&mut self, answer: Answer) -> Result<(), Error> {
        self.told = false;
        match (self.asked.pop_at(0), answer) {
            (None, _) => Ok(()),
            (Some(Question::FirstMessage { .. }), Answer::Proceed) => {
                self.let_in();
                Ok(())
            }
            (Some(Question::FirstMessage { mac1, .. }), Answer::Cookie(cookie)) => self.retry(&cookie, &mac1),
            // Without the ticket, then.
            (Some(Question::Ticket { .. }), Answer::Refuse(_) | Answer::Cookie(_)) => {
                self.ticket = None;
                Ok(())
            }
            (Some(_), Answer::Refuse(refusal)) => Err(Error::Declined(refusal.into())),
            (Some(_), Answer::Proceed) => Ok(()),
            // A cookie proves an address, which is not what was asked.
            (Some(_), Answer::Cookie(_) | Answer::Wait(_)) => Err(Error::Declined(Alert::Busy)),
        }
    }

    /// Asks the caller, if it answers questions. Whether its answer is to be waited for.
    fn ask(&mut self, question: Question) -> bool {
        // There is room: what was asked before is answered, but for one question of the same message.
        self.asks && self.asked.try_push(question).is_ok()
    }

    fn handshake(
        &self,
        protocol: Protocol,
        before: &Before<'_>,
        local_static: Option<&SecretKey>,
        room: CipherRoom,
    ) -> Result<Handshake, Error> {
        let config = &*self.config;
        let Before { hello, choice, passed_over, ephemeral } = before;
        // An initiator comes here a second time at most, and then with a choice: no key meets two handshakes, but for the
        // one that a fallback goes on with.
        let goes_on = protocol.is_fallback() && config.role == Role::Initiator;
        let [label, d, z] = match *choice {
            _ if goes_on => ["ephemeral"; 3],
            FIRST => ["ephemeral", "kem d", "kem z"],
            _ => ["ephemeral of the choice", "kem d of the choice", "kem z of the choice"],
        };
        let kem_seed = || KemSeed::new(&mut self.seed.derive(d), &mut self.seed.derive(z));
        let params = HandshakeParams {
            protocol,
            role: config.role,
            prologue: &[PROLOGUE, hello, &[*choice], passed_over, &config.prologue],
            local_static: local_static.filter(|_| protocol.needs_local_static(config.role)),
            remote_static: config.remote_static.filter(|_| protocol.needs_remote_static(config.role)),
            remote_ephemeral: ephemeral.filter(|_| protocol.needs_remote_ephemeral(config.role)),
            psks: match &self.ticket {
                // Only place 0 is the ticket's.
                Some(ticket) if *choice == FIRST => core::slice::from_ref(&ticket.psk),
                _ => &config.psks,
            },
            ephemeral: SecretKey::new(&mut self.seed.derive(label)),
            kem_seed: protocol.is_hfs().then(kem_seed),
            provider: config.provider,
        };
        Handshake::new_in(room, params).map_err(Error::Setup)
    }

    /// Works on the front of `buf`. The second value is there once the handshake is complete.
    pub(super) fn recv(&mut self, buf: &mut [u8]) -> Result<Received, Error> {
        if !self.asked.is_empty() {
            return Ok((self.tell(0), None));
        }
        let begun = match self.config.role {
            Role::Responder => self.recv_flight(buf)?,
            Role::Initiator => self.recv_answer(buf)?,
        };
        match begun {
            Ok(start) if self.asked.is_empty() => self.recv_packet(start, &mut buf[start..]),
            Ok(start) => Ok((self.tell(start), None)),
            Err(recv) => Ok((recv, None)),
        }
    }

    /// Tells the caller of the question, once. Nothing else happens before it is answered.
    const fn tell(&mut self, consumed: usize) -> Recv<Event<Span>> {
        if core::mem::replace(&mut self.told, true) {
            Recv::need(consumed, 0)
        } else {
            Recv::event(consumed, Event::Question)
        }
    }

    /// `start` is where `buf` begins in the caller's buffer; what lies before it is consumed.
    fn recv_packet(&mut self, start: usize, buf: &mut [u8]) -> Result<Received, Error> {
        if self.read.is_none() {
            let len = match packet_len(buf)? {
                Ok(len) => len,
                Err(missing) => return Ok((Recv::need(start, missing), None)),
            };
            let passed_over = self.read_message(&mut buf[..len])?;
            if passed_over > 0 {
                return Ok((Recv::need(start + passed_over, PACKET_HEAD), None));
            }
        }
        if !self.asked.is_empty() {
            return Ok((self.tell(start), None));
        }
        let Some(Read { len, application, security }) = self.read.take() else {
            return Ok((Recv::need(start, 0), None));
        };
        let recv = match application {
            None => Recv::need(start + len, PACKET_HEAD),
            Some(bytes) => {
                let payload = Span::new(start + bytes.start, bytes.len());
                Recv::event(start + len, Event::HandshakePayload { payload, security })
            }
        };
        Ok((recv, self.complete()?))
    }

    /// Reads the handshake message in `packet`, or the part of it before a question. Gives how many bytes are done with
    /// and need no report.
    fn read_message(&mut self, packet: &mut [u8]) -> Result<usize, Error> {
        let len = packet.len();
        let body = packet.get_mut(PACKET_HEAD..).ok_or(Error::MalformedOpening)?;
        let (security, payload) = loop {
            let State::Handshake(noise, _) = &mut self.state else { return Err(Error::MalformedOpening) };
            if noise.is_my_turn() {
                return Err(Error::MalformedOpening);
            }
            let security = noise.next_security();
            let part = noise.read_part(body);
            if matches!(part, Err(HandshakeError::Decrypt)) && self.spare.is_some() {
                self.fall_back();
                return Ok(len + core::mem::take(&mut self.trailer));
            }
            match part.map_err(Error::Handshake)? {
                ReadPart::Payload(payload) => break (security, payload),
                ReadPart::Static(key) => {
                    self.check_peer(key)?;
                    if self.config.role == Role::Responder && self.ask(Question::Identity(key)) {
                        return Ok(0);
                    }
                }
            }
        };
        let items = payload::parse(body.get(payload.clone()).unwrap_or_default())?;
        let at = PACKET_HEAD + payload.start;
        let application = items.application.map(|bytes| at + bytes.start..at + bytes.end);
        let len = len + core::mem::take(&mut self.trailer);
        self.read = Some(Read { len, application, security });
        let first = !core::mem::replace(&mut self.heard, true);
        if self.config.role == Role::Responder {
            if first && is_replayable(security) {
                self.ask_whether_new(body, items.timestamp, security);
            }
            self.ask_when_proven(security);
        }
        self.spare = None;
        Ok(0)
    }

    /// The peer's static key, be it from an earlier session.
    fn peer_of(&self, noise: &Handshake) -> Option<PublicKey> {
        noise.remote_static().or(self.ticket.as_ref().and_then(|ticket| ticket.peer))
    }

    /// What an initiator offers, in its order.
    fn offered(&self) -> impl Iterator<Item = Protocol> + Clone {
        let ticket = self.ticket.as_ref().map(|ticket| ticket.protocol);
        ticket.into_iter().chain(self.config.offer())
    }

    /// Refuses a static key that is not in the list.
    fn check_peer(&self, key: PublicKey) -> Result<(), Error> {
        match &self.config.peers {
            Some(Peers::Only(keys)) if !keys.contains(&key) => Err(Error::PeerNotAllowed),
            _ => Ok(()),
        }
    }

    /// Takes the keys if the handshake is complete.
    fn complete(&mut self) -> Result<Option<Opened>, Error> {
        match core::mem::replace(&mut self.state, State::Over) {
            State::Handshake(noise, _) if noise.is_finished() => {
                let (protocol, provider, peer) = (noise.protocol(), noise.provider(), self.peer_of(&noise));
                let transport = noise.split().map_err(Error::Handshake)?;
                let origin = self.ticket.as_ref().map(|ticket| ticket.origin);
                let resumed = origin.is_some();
                let handshake_hash = transport.hash;
                let info = SessionInfo { protocol, provider, peer, resumed, handshake_hash, identity: None };
                Ok(Some(Opened { transport, info, origin }))
            }
            other => {
                self.state = other;
                Ok(None)
            }
        }
    }

    /// Whether an initiator has spoken and its peer has not said a word.
    pub(super) fn is_unanswered(&self) -> bool {
        let offering = match &self.state {
            State::Handshake(_, Some(offering)) => offering,
            _ => return false,
        };
        !self.heard && offering.is_unanswered()
    }

    /// Owes the peer an alert for `error`, if there is one for it.
    pub(super) fn fail(&mut self, error: Error) {
        self.state = State::Over;
        self.asked.clear();
        self.alert_owed = error.alert();
    }

    /// Whether nothing more will be sent.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.state, State::Over) && self.alert_owed.is_none()
    }

    /// Appends what is owed, as far as there is room.
    pub(super) fn transmit(&mut self, tx: &mut TxBuf) -> Result<Option<Opened>, Error> {
        if let Some(alert) = self.alert_owed {
            if self.put_preface(tx).is_ok() && tx.push(&alert_packet(alert)).is_ok() {
                self.alert_owed = None;
                tx.seal();
            }
            return Ok(None);
        }
        let my_turn = matches!(&self.state, State::Handshake(noise, _) if noise.is_my_turn());
        // What was read is reported before it is answered: the caller may refuse it.
        if my_turn && self.asked.is_empty() && self.read.is_none() {
            return self.transmit_message(tx);
        }
        if !self.preface.is_empty() && !matches!(self.state, State::Over) && self.put_preface(tx).is_ok() {
            tx.seal();
        }
        Ok(None)
    }

    /// Appends the next handshake message, with what goes out before and behind it.
    fn transmit_message(&mut self, tx: &mut TxBuf) -> Result<Option<Opened>, Error> {
        let State::Handshake(noise, offering) = &mut self.state else { return Ok(None) };
        let security = noise.next_security();
        let config = &*self.config;
        self.items.clear();
        if let Some(unix) = self.unix.filter(|_| !self.heard && noise.role() == Role::Initiator) {
            if is_replayable(security) {
                payload::put_timestamp(&mut self.items, unix);
            }
        }
        let due =
            config.payload.as_ref().filter(|(_, at_least)| !self.payload_sent && security.meets(*at_least));
        if let Some((payload, _)) = due {
            payload::put_application(&mut self.items, payload);
        }
        let len = noise.next_overhead() + self.items.len();
        payload::put_padding(&mut self.items, config.padding.filling(len, MAX_BODY));
        let len = noise.next_overhead() + self.items.len();
        let preface = self.preface.len();
        if tx.room() < preface + PACKET_HEAD + len + MAC_LEN {
            return Ok(None);
        }
        if tx.push(&self.preface).and_then(|()| put_blank_packet(tx, len)).is_err() {
            tx.truncate_open(0);
            return Ok(None);
        }
        let body = tx.open_mut().get_mut(preface + PACKET_HEAD..).unwrap_or_default();
        if let Err(error) = noise.write(&self.items, body) {
            tx.truncate_open(preface);
            self.preface.clear();
            return Err(Error::Handshake(error));
        }
        if let Some(mac1) = offering.as_mut().and_then(|offering| offering.seal_flight(config, tx.open_mut()))
        {
            // There is room: it was asked for.
            let _ = tx.push(&mac1);
        }
        self.payload_sent |= due.is_some();
        self.preface.clear();
        tx.seal();
        self.complete()
    }

    fn put_preface(&mut self, tx: &mut TxBuf) -> Result<(), Full> {
        tx.push(&self.preface)?;
        self.preface.clear();
        Ok(())
    }
}

/// Whether a first message with a payload of this security can be replayed to good effect: it is encrypted, so the
/// responder believes what it says.
const fn is_replayable(security: PayloadSecurity) -> bool {
    security.destination > 0 || security.psk
}
