//! A responder before the handshake: lets an initiator in, and chooses (docs/wire.md, sections 1.1 to 1.3).
//!
//! Until it is in, its first flight stays in the caller's buffer and nothing is kept of it but its digest.

use super::super::config::Config;
use super::super::error::Error;
use super::super::hello::{self, Offer, Parsed};
use super::flight::{self, MAC_LEN, Parts};
use super::{Alert, Before, CHOICE_HEAD, FIRST, Opening, Origin, PACKET_HEAD, RETRY, Resumed, State, Step};
use crate::guard::{Cookie, FirstDigest, FirstSeen, Mac, Question};
use crate::machine::Recv;
use crate::noise::{CipherRoom, Handshake, PayloadSecurity, Protocol, PublicKey};
use crate::resume::TicketContent;
use alloc::boxed::Box;
use core::time::Duration;

/// An initiator that is not in yet.
pub(super) struct Entry {
    /// Memory for the keys of whichever protocol is allowed.
    room: CipherRoom,
    stage: Stage,
    /// Its ticket was looked at.
    ticket_seen: bool,
}

#[derive(Clone, Copy)]
enum Stage {
    /// Its first flight is not there.
    Outside,
    /// Whether it may come in was asked.
    Waiting(Knock),
    /// It was given a cookie: a mac2 follows the flight.
    Retried(Knock),
    Inside(Knock),
}

/// A first flight with a good mac1.
#[derive(Clone, Copy)]
struct Knock {
    protocol: Protocol,
    /// What is offered last.
    last: Protocol,
    digest: FirstDigest,
    /// Which of this end's static keys the initiator knows.
    key: usize,
    /// Bytes of macs behind the first packet.
    macs: usize,
}

impl Entry {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            room: CipherRoom::for_any(&config.protocols, config.provider),
            stage: Stage::Outside,
            ticket_seen: false,
        }
    }
}

impl Opening {
    /// Takes the first flight and chooses. If that is not the first, the message in it belongs to another protocol and is
    /// passed over.
    pub(super) fn recv_flight(&mut self, buf: &[u8]) -> Step {
        let State::Entry(entry) = &self.state else { return Ok(Ok(0)) };
        let (offer, hello) = match hello::parse(buf)? {
            Parsed::Whole(offer, len) => (offer, len),
            Parsed::Need(missing) => return Ok(Err(Recv::need(0, missing))),
        };
        // Before what is behind is looked at, so that what is refused does not depend on how much of that is there.
        let (mut choice, mut protocol) = self.choose(&offer)?;
        let parts = match flight::parts(buf, hello)? {
            Ok(parts) => parts,
            Err(missing) => return Ok(Err(Recv::need(0, missing))),
        };
        let mac1 = parts.mac1;
        let knock = match entry.stage {
            Stage::Outside => self.check_mac1(protocol, &offer, buf, &parts)?,
            Stage::Waiting(_) => return Ok(Err(Recv::need(0, 0))),
            Stage::Inside(knock) => {
                if self.ask_about_ticket(&offer) {
                    return Ok(Ok(0));
                }
                if let Some(ticket) = &self.ticket {
                    (choice, protocol) = (FIRST, ticket.protocol);
                }
                return self.begin(choice, Knock { protocol, ..knock }, &offer, buf, &parts);
            }
            Stage::Retried(knock) => knock,
        };
        let mac2 = if knock.macs == MAC_LEN {
            [0; MAC_LEN]
        } else {
            let behind = buf.get(parts.covered + MAC_LEN..).unwrap_or_default();
            match behind.first_chunk() {
                Some(mac2) => *mac2,
                None => return Ok(Err(Recv::need(0, MAC_LEN - behind.len()))),
            }
        };
        if self.ask(Question::FirstMessage { mac1, mac2 }) {
            self.set_stage(Stage::Waiting(knock));
            return Ok(Ok(0));
        }
        self.begin(choice, knock, &offer, buf, &parts)
    }

    /// Opens the ticket that is shown, if this end accepts tickets, and asks whether it was used before. Whether the answer
    /// is to be waited for. What is wrong with a ticket is no fault: the handshake goes on without it.
    fn ask_about_ticket(&mut self, offer: &Offer) -> bool {
        let State::Entry(entry) = &mut self.state else { return false };
        let first = core::mem::replace(&mut entry.ticket_seen, true);
        let (Some(shown), Some(keys), Some(unix), false) =
            (&offer.ticket, &self.config.tickets, self.unix, first || !self.asks)
        else {
            return false;
        };
        let Ok(opened) = keys.open(unix, shown.as_bytes()) else { return false };
        let TicketContent { psk, protocol: full, began, peer, context } = opened.content;
        let offered = offer.names.first().copied().flatten();
        let resumption = full.resumption().filter(|resumption| Some(*resumption) == offered);
        let Some(protocol) = resumption.filter(|_| self.config.would_let_in(full, peer, &context)) else {
            return false;
        };
        let origin = Origin { protocol: full, began };
        self.ticket = Some(Box::new(Resumed { shown: None, protocol, origin, psk, peer }));
        self.ask(Question::Ticket { id: opened.id, issued: opened.issued })
    }

    /// The protocol this end prefers among those offered, and its place there. A ticket's place is no part of that.
    fn choose(&self, offer: &Offer) -> Result<(u8, Protocol), Error> {
        let tickets = usize::from(offer.ticket.is_some());
        let choice = self.config.protocols.iter().find_map(|protocol| {
            let mut places = offer.names.iter().enumerate().skip(tickets);
            let (place, _) = places.find(|(_, offered)| **offered == Some(*protocol))?;
            Some((u8::try_from(place).ok()?, *protocol))
        });
        choice.ok_or(Error::ProtocolNotAllowed)
    }

    /// Who sent the flight knows this end's key, where the protocol wants that, and its prologue. Nothing was computed
    /// before but this hash.
    fn check_mac1(
        &self,
        protocol: Protocol,
        offer: &Offer,
        buf: &[u8],
        parts: &Parts,
    ) -> Result<Knock, Error> {
        let covered = buf.get(..parts.covered).unwrap_or_default();
        // What is offered last says what the initiator knows.
        let last = offer.names.iter().rev().find_map(|offered| *offered).unwrap_or(protocol);
        let gates = self.config.gates.of(last).iter().enumerate();
        let mut digests = gates.map(|(key, gate)| (key, gate.digest(&[covered])));
        let good = digests.find(|(_, digest)| digest.verify(&parts.mac1));
        let (key, digest) = good.ok_or(Error::BadMac1)?;
        Ok(Knock { protocol, last, digest, key, macs: MAC_LEN })
    }

    /// Begins the handshake. A key of the initiator that is known beforehand is asked about before anything is computed.
    fn begin(&mut self, choice: u8, knock: Knock, offer: &Offer, buf: &[u8], parts: &Parts) -> Step {
        let State::Entry(Entry { room, .. }) = core::mem::replace(&mut self.state, State::Over) else {
            return Ok(Ok(0));
        };
        let hello = buf.get(..parts.hello).unwrap_or_default();
        let mut before = Before { hello, choice, passed_over: &[], ephemeral: None };
        let consumed = if choice == FIRST {
            self.trailer = knock.macs;
            if self.ticket.is_none() {
                self.spare = self.prepare_fallback(knock, offer, buf, parts)?;
            }
            parts.hello
        } else {
            self.preface.extend(CHOICE_HEAD.into_iter().chain([choice]));
            before.passed_over = knock.digest.as_bytes();
            parts.covered + knock.macs
        };
        let noise = self.handshake(knock.protocol, &before, self.config.static_key(knock.key), room)?;
        let known = noise.remote_static();
        self.state = State::Handshake(noise, None);
        if let Some(key) = known {
            self.ask(Question::Identity(key));
        }
        Ok(Ok(consumed))
    }

    /// What this end goes on with if it cannot read the first message, where both ends allow that.
    fn prepare_fallback(
        &self,
        knock: Knock,
        offer: &Offer,
        buf: &[u8],
        parts: &Parts,
    ) -> Result<Option<(Box<Handshake>, u8)>, Error> {
        let place =
            offer.names.iter().position(|offered| offered.is_some() && *offered == self.config.fallback);
        let place = place.filter(|place| *place > 0).and_then(|place| u8::try_from(place).ok());
        let Some((choice, protocol)) = place.zip(self.config.fallback) else { return Ok(None) };
        // Every pattern begins with the ephemeral key in the clear.
        let message = buf.get(parts.hello + PACKET_HEAD..).unwrap_or_default();
        let ephemeral = message.first_chunk().map(|key| PublicKey(*key));
        let hello = buf.get(..parts.hello).unwrap_or_default();
        let before = Before { hello, choice, passed_over: knock.digest.as_bytes(), ephemeral };
        let room = CipherRoom::for_any(&[protocol], self.config.provider);
        let noise = self.handshake(protocol, &before, self.config.static_key(0), room)?;
        Ok(Some((Box::new(noise), choice)))
    }

    /// Goes on without the first message, which cannot be read.
    pub(super) fn fall_back(&mut self) {
        if let Some((noise, choice)) = self.spare.take() {
            self.preface.extend(CHOICE_HEAD.into_iter().chain([choice]));
            self.state = State::Handshake(*noise, None);
            self.heard = true;
        }
    }

    fn set_stage(&mut self, to: Stage) {
        if let State::Entry(Entry { stage, .. }) = &mut self.state {
            *stage = to;
        }
    }

    /// The caller lets the initiator in.
    pub(super) fn let_in(&mut self) {
        if let State::Entry(Entry { stage: Stage::Waiting(knock), .. }) = self.state {
            self.set_stage(Stage::Inside(knock));
        }
    }

    /// The caller demands a proof of the initiator's address: owes it the cookie for that, once.
    pub(super) fn retry(&mut self, cookie: &Cookie, mac1: &Mac) -> Result<(), Error> {
        let State::Entry(Entry { stage: Stage::Waiting(knock), .. }) = self.state else { return Ok(()) };
        let gate = self.config.gates.of(knock.last).get(knock.key).filter(|_| knock.macs == MAC_LEN);
        let gate = gate.ok_or(Error::Declined(Alert::Busy))?;
        let mut nonce = [0; 24];
        nonce.iter_mut().zip(*self.seed.derive("cookie nonce")).for_each(|(to, from)| *to = from);
        self.preface
            .extend(CHOICE_HEAD.into_iter().chain([RETRY]).chain(gate.seal_cookie(cookie, mac1, &nonce)));
        self.set_stage(Stage::Retried(Knock { macs: 2 * MAC_LEN, ..knock }));
        Ok(())
    }

    /// Asks whether the first message, which is read, came for the first time. A sender is named only if it is proven: a
    /// key that is claimed under a pre-shared key must not be filtered as its owner's.
    pub(super) fn ask_whether_new(
        &mut self,
        body: &[u8],
        timestamp: Option<Duration>,
        security: PayloadSecurity,
    ) {
        let State::Handshake(noise, _) = &self.state else { return };
        // Every pattern begins with the ephemeral key in the clear.
        let Some(ephemeral) = body.first_chunk() else {
            return;
        };
        let peer = self.peer_of(noise).filter(|_| self.is_proof(security));
        let ephemeral = PublicKey(*ephemeral);
        self.ask(Question::Fresh(FirstSeen { peer, ephemeral, timestamp }));
    }

    /// Asks about the initiator's static key once it is proven by the message just read. Where only the first record proves
    /// it this is not asked.
    pub(super) fn ask_when_proven(&mut self, security: PayloadSecurity) {
        let State::Handshake(noise, _) = &self.state else { return };
        if let Some(key) = self.peer_of(noise).filter(|_| !self.proven && self.is_proof(security)) {
            self.proven = true;
            self.ask(Question::Proven(key));
        }
    }

    /// Whether a message of this security comes from the owner of the key. A ticket is as good as the proof it was given
    /// for.
    const fn is_proof(&self, security: PayloadSecurity) -> bool {
        security.source > 0 || self.ticket.is_some()
    }
}
