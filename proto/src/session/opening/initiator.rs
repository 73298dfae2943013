//! An initiator before it is answered: its offer, the proof of its address, and the responder's choice (docs/wire.md,
//! sections 1.1 to 1.3).

use super::super::config::Config;
use super::super::error::Error;
use super::super::hello::{self, MAX_HELLO, MAX_OFFERS};
use super::{Before, CHOICE_HEAD, FIRST, Opening, RETRY, State, Step};
use crate::guard::{COOKIE_REPLY_LEN, FirstDigest, Mac};
use crate::machine::Recv;
use crate::noise::{CipherRoom, Protocol};
use arrayvec::ArrayVec;

/// What an initiator may still be told before it is answered.
pub(super) struct Offering {
    /// Memory for the keys of another protocol, where several are offered.
    room: Option<CipherRoom>,
    /// Of the first flight, once sent.
    digest: Option<FirstDigest>,
    retried: bool,
}

impl Offering {
    /// Whether the first flight is sent and nothing has come for it.
    pub(super) const fn is_unanswered(&self) -> bool {
        self.digest.is_some() && !self.retried
    }

    /// The mac1 for `flight`, hello and packet, if that is what goes out now.
    pub(super) fn seal_flight(&mut self, config: &Config, flight: &[u8]) -> Option<Mac> {
        let last = config.offer().last().filter(|_| self.digest.is_none())?;
        let digest = config.gates.of(last).first()?.digest(&[flight]);
        self.digest = Some(digest);
        Some(digest.mac1())
    }
}

impl Opening {
    /// Begins with the protocol offered first.
    pub(super) fn offer(&mut self) -> Result<(), Error> {
        let config = &*self.config;
        let mut others: ArrayVec<Protocol, MAX_OFFERS> = self.offered().take(MAX_OFFERS).collect();
        let first = others.pop_at(0).ok_or(Error::ProtocolNotAllowed)?;
        self.preface = self.hello()?;
        let before = Before { hello: &self.preface, choice: FIRST, passed_over: &[], ephemeral: None };
        let room = CipherRoom::for_any(&[first], config.provider);
        let noise = self.handshake(first, &before, config.static_key(0), room)?;
        let room = (!others.is_empty()).then(|| CipherRoom::for_any(&others, config.provider));
        self.state = State::Handshake(noise, Some(Offering { room, digest: None, retried: false }));
        Ok(())
    }

    /// Takes what may come instead of an answer: a cookie, or the choice of another protocol than the first.
    pub(super) fn recv_answer(&mut self, buf: &[u8]) -> Step {
        let Some(body) = buf.strip_prefix(&CHOICE_HEAD) else { return Ok(Ok(0)) };
        let State::Handshake(_, Some(offering)) = &mut self.state else {
            return Err(Error::MalformedOpening);
        };
        let digest = offering.digest.filter(|_| !self.heard).ok_or(Error::MalformedOpening)?;
        let Some((&choice, behind)) = body.split_first() else { return Ok(Err(Recv::need(0, 1))) };
        let consumed = CHOICE_HEAD.len() + 1;
        if choice == RETRY {
            if offering.retried {
                return Err(Error::MalformedOpening);
            }
            let Some(reply) = behind.first_chunk::<COOKIE_REPLY_LEN>() else {
                return Ok(Err(Recv::need(0, COOKIE_REPLY_LEN - behind.len())));
            };
            offering.retried = true;
            self.prove_address(reply, &digest.mac1())?;
            return Ok(Ok(consumed + COOKIE_REPLY_LEN));
        }
        let room = offering.room.take();
        self.begin_anew(choice, &digest, room)?;
        Ok(Ok(consumed))
    }

    /// Owes the mac2 that the cookie in `reply` is for.
    fn prove_address(&mut self, reply: &[u8; COOKIE_REPLY_LEN], mac1: &Mac) -> Result<(), Error> {
        let gate = self.config.offer().last().and_then(|last| self.config.gates.of(last).first());
        let cookie = gate.and_then(|gate| gate.open_cookie(reply, mac1)).ok_or(Error::MalformedOpening)?;
        self.preface.extend(cookie.mac2(mac1));
        Ok(())
    }

    /// Begins anew with the protocol at place `choice`.
    fn begin_anew(
        &mut self,
        choice: u8,
        digest: &FirstDigest,
        room: Option<CipherRoom>,
    ) -> Result<(), Error> {
        let chosen = self.offered().nth(usize::from(choice)).filter(|_| choice != FIRST);
        let (protocol, room) = chosen.zip(room).ok_or(Error::MalformedOpening)?;
        // The hello that was sent, from the same protocols.
        let hello = self.hello()?;
        let before = Before { hello: &hello, choice, passed_over: digest.as_bytes(), ephemeral: None };
        let noise = self.handshake(protocol, &before, self.config.static_key(0), room)?;
        self.state = State::Handshake(noise, None);
        self.payload_sent = false;
        // A full handshake after all.
        self.ticket = None;
        Ok(())
    }

    fn hello(&self) -> Result<ArrayVec<u8, MAX_HELLO>, Error> {
        let ticket = self.ticket.as_ref().and_then(|ticket| ticket.shown.as_ref());
        hello::write(ticket, self.offered()).ok_or(Error::ProtocolNotAllowed)
    }
}
