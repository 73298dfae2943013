//! The opening: hello, choice, handshake packets and alerts (docs/wire.md, section 1). Ends with the keys.

use super::codes::Alert;
use super::config::Config;
use super::error::Error;
use super::hello::{self, MAX_HELLO, Offer, Parsed};
use super::packet::{PACKET_HEAD, Step, alert_packet, packet_len, put_blank_packet};
use super::policy::Peers;
use super::{Event, SessionInfo};
use crate::buf::{Full, Span, TxBuf};
use crate::entropy::Seed;
use crate::machine::Recv;
use crate::noise::{CipherRoom, Handshake, HandshakeParams, Protocol, Role, SecretKey, Transport};
use alloc::sync::Arc;
use alloc::vec::Vec;
use arrayvec::ArrayVec;

const PROLOGUE: &[u8] = b"sealock session";
/// What a packet with a choice begins with; the choice is the one byte of its body.
const CHOICE_HEAD: [u8; PACKET_HEAD] = [0, 1];
/// The choice where the protocol is the one offered first.
const FIRST: u8 = 0;

/// One end of an opening that is not complete.
pub(super) struct Opening {
    config: Arc<Config>,
    seed: Seed,
    state: State,
    /// Until an initiator that offered several protocols has its peer's first packet.
    again: Option<Again>,
    /// What goes out before the next packet: an initiator's hello, a responder's choice. Empty: nothing.
    preface: ArrayVec<u8, MAX_HELLO>,
    choice_told: bool,
    alert_owed: Option<Alert>,
    payload_sent: bool,
}

// One opening a session, on the heap and gone once established: boxing a variant would only add allocations.
#[allow(clippy::large_enum_variant)]
enum State {
    /// A responder before the hello and what it passes over behind that, with memory for the keys of whichever
    /// protocol it allows.
    AwaitingHello(CipherRoom),
    Handshake(Handshake),
    /// Complete, or failed.
    Over,
}

/// What an initiator needs to begin anew with another protocol.
struct Again {
    room: CipherRoom,
    /// The packet with the first handshake message, once sent. It has its memory from the beginning.
    first: Vec<u8>,
}

/// What went over the wire before the handshake that counts.
struct Before<'a> {
    hello: &'a [u8],
    choice: u8,
    /// The packet with the first handshake message, unless that counts.
    passed_over: &'a [u8],
}

/// What an opening leaves behind.
pub(super) struct Opened {
    pub(super) transport: Transport,
    pub(super) info: SessionInfo,
}

impl Opening {
    pub(super) fn new(config: &Arc<Config>, seed: Seed) -> Result<Self, Error> {
        let mut opening = Self {
            config: Arc::clone(config),
            seed,
            state: State::Over,
            again: None,
            preface: ArrayVec::new(),
            choice_told: false,
            alert_owed: None,
            payload_sent: false,
        };
        opening.state = match (config.role, &config.protocols[..]) {
            (Role::Responder, protocols) => {
                State::AwaitingHello(CipherRoom::for_any(protocols, config.provider))
            }
            (Role::Initiator, []) => return Err(Error::ProtocolNotAllowed),
            (Role::Initiator, &[first, ref others @ ..]) => {
                opening.preface = hello::write(&config.protocols).ok_or(Error::ProtocolNotAllowed)?;
                let before = Before { hello: &opening.preface, choice: FIRST, passed_over: &[] };
                let noise =
                    opening.handshake(first, &before, CipherRoom::for_any(&[first], config.provider))?;
                if !others.is_empty() {
                    let payload = config.payload.as_ref().map_or(0, |(payload, _)| payload.len());
                    let longest = PACKET_HEAD + noise.next_overhead() + payload;
                    opening.again = Some(Again {
                        room: CipherRoom::for_any(others, config.provider),
                        first: Vec::with_capacity(longest),
                    });
                }
                State::Handshake(noise)
            }
        };
        Ok(opening)
    }

    fn handshake(
        &self,
        protocol: Protocol,
        before: &Before<'_>,
        room: CipherRoom,
    ) -> Result<Handshake, Error> {
        let config = &*self.config;
        let Before { hello, choice, passed_over } = before;
        // An initiator comes here a second time at most, and then with a choice: no key meets two handshakes.
        let label = if *choice == FIRST { "ephemeral" } else { "ephemeral of the choice" };
        let params = HandshakeParams {
            protocol,
            role: config.role,
            prologue: &[PROLOGUE, hello, &[*choice], passed_over, &config.prologue],
            local_static: config.local_static.as_ref().filter(|_| protocol.needs_local_static(config.role)),
            remote_static: config.remote_static.filter(|_| protocol.needs_remote_static(config.role)),
            psks: &config.psks,
            ephemeral: SecretKey::new(&mut self.seed.derive(label)),
            provider: config.provider,
        };
        Handshake::new_in(room, params).map_err(Error::Setup)
    }

    /// Works on the front of `buf`. The second value is there once the handshake is complete.
    pub(super) fn recv(&mut self, buf: &mut [u8]) -> Result<(Recv<Event<Span>>, Option<Opened>), Error> {
        let mut start = 0;
        for step in [Self::recv_hello, Self::recv_choice] {
            match step(self, &buf[start..])? {
                Ok(done) => start += done,
                Err(missing) => return Ok((Recv::need(start, missing), None)),
            }
        }
        self.recv_packet(start, &mut buf[start..])
    }

    /// Responder: takes the hello and chooses. If that is not the first, what follows belongs to another protocol and
    /// is passed over.
    fn recv_hello(&mut self, buf: &[u8]) -> Step {
        if !matches!(self.state, State::AwaitingHello(_)) {
            return Ok(Ok(0));
        }
        let (offer, len) = match hello::parse(buf)? {
            Parsed::Whole(offer, len) => (offer, len),
            Parsed::Need(missing) => return Ok(Err(missing)),
        };
        let (hello, rest) = buf.split_at(len);
        let (choice, protocol) = self.choose(&offer).ok_or(Error::ProtocolNotAllowed)?;
        let mut passed_over = &[][..];
        if choice != FIRST {
            self.tell(choice);
            match packet_len(rest)? {
                Ok(len) => passed_over = &rest[..len],
                Err(missing) => return Ok(Err(missing)),
            }
        }
        if let State::AwaitingHello(room) = core::mem::replace(&mut self.state, State::Over) {
            let before = Before { hello, choice, passed_over };
            self.state = State::Handshake(self.handshake(protocol, &before, room)?);
        }
        Ok(Ok(len + passed_over.len()))
    }

    /// Owes the initiator the choice, once.
    fn tell(&mut self, choice: u8) {
        if !self.choice_told {
            self.preface.extend(CHOICE_HEAD.into_iter().chain([choice]));
            self.choice_told = true;
        }
    }

    /// The protocol this end prefers among those offered, and its place there.
    fn choose(&self, offer: &Offer) -> Option<(u8, Protocol)> {
        self.config.protocols.iter().find_map(|protocol| {
            let place = offer.iter().position(|offered| *offered == Some(*protocol))?;
            Some((u8::try_from(place).ok()?, *protocol))
        })
    }

    /// Initiator: begins anew if the responder chose another protocol than the first.
    fn recv_choice(&mut self, buf: &[u8]) -> Step {
        let Some(body) = buf.strip_prefix(&CHOICE_HEAD) else { return Ok(Ok(0)) };
        if self.again.as_ref().is_none_or(|again| again.first.is_empty()) {
            return Err(Error::MalformedOpening);
        }
        let Some(&choice) = body.first() else { return Ok(Err(1)) };
        let chosen = self.config.protocols.get(usize::from(choice)).filter(|_| choice != FIRST);
        let protocol = *chosen.ok_or(Error::MalformedOpening)?;
        if let Some(Again { room, first }) = self.again.take() {
            // The hello that was sent, from the same protocols.
            let hello = hello::write(&self.config.protocols).ok_or(Error::ProtocolNotAllowed)?;
            let before = Before { hello: &hello, choice, passed_over: &first };
            self.state = State::Handshake(self.handshake(protocol, &before, room)?);
            self.payload_sent = false;
        }
        Ok(Ok(CHOICE_HEAD.len() + 1))
    }

    /// `start` is where `buf` begins in the caller's buffer; what lies before it is consumed.
    fn recv_packet(
        &mut self,
        start: usize,
        buf: &mut [u8],
    ) -> Result<(Recv<Event<Span>>, Option<Opened>), Error> {
        let len = match packet_len(buf)? {
            Ok(len) => len,
            Err(missing) => return Ok((Recv::need(start, missing), None)),
        };
        let body = &mut buf[PACKET_HEAD..len];
        let State::Handshake(noise) = &mut self.state else { return Err(Error::MalformedOpening) };
        if noise.is_my_turn() {
            return Err(Error::MalformedOpening);
        }
        let security = noise.next_security();
        let payload = noise.read(body).map_err(Error::Handshake)?;
        self.again = None;
        self.check_peer()?;
        let consumed = start + len;
        let recv = if payload.is_empty() {
            Recv::need(consumed, PACKET_HEAD)
        } else {
            let payload = Span::new(start + PACKET_HEAD + payload.start, payload.len());
            Recv::event(consumed, Event::HandshakePayload { payload, security })
        };
        Ok((recv, self.complete()?))
    }

    /// Refuses a static key that is not in the list, as soon as it is known.
    fn check_peer(&self) -> Result<(), Error> {
        let State::Handshake(noise) = &self.state else { return Ok(()) };
        match (&self.config.peers, noise.remote_static()) {
            (Some(Peers::Only(keys)), Some(key)) if !keys.contains(&key) => Err(Error::PeerNotAllowed),
            _ => Ok(()),
        }
    }

    /// Takes the keys if the handshake is complete.
    fn complete(&mut self) -> Result<Option<Opened>, Error> {
        match core::mem::replace(&mut self.state, State::Over) {
            State::Handshake(noise) if noise.is_finished() => {
                let (protocol, provider, peer) = (noise.protocol(), noise.provider(), noise.remote_static());
                let transport = noise.split().map_err(Error::Handshake)?;
                let info = SessionInfo { protocol, provider, peer, handshake_hash: transport.hash };
                Ok(Some(Opened { transport, info }))
            }
            other => {
                self.state = other;
                Ok(None)
            }
        }
    }

    /// Owes the peer an alert for `error`, if there is one for it.
    pub(super) fn fail(&mut self, error: Error) {
        self.state = State::Over;
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
        let config = Arc::clone(&self.config);
        let State::Handshake(noise) = &self.state else {
            self.transmit_choice(tx);
            return Ok(None);
        };
        if !noise.is_my_turn() {
            self.transmit_choice(tx);
            return Ok(None);
        }
        let payload = config
            .payload
            .as_ref()
            .filter(|(_, at_least)| !self.payload_sent && noise.next_security().meets(*at_least))
            .map(|(payload, _)| &payload[..]);
        let len = noise.next_overhead() + payload.map_or(0, <[u8]>::len);
        let preface = self.preface.len();
        if tx.room() < preface + PACKET_HEAD + len {
            return Ok(None);
        }
        self.payload_sent |= payload.is_some();
        if self.put_preface(tx).and_then(|()| put_blank_packet(tx, len)).is_err() {
            return Ok(None);
        }
        let State::Handshake(noise) = &mut self.state else { return Ok(None) };
        let body = &mut tx.open_mut()[preface + PACKET_HEAD..];
        if let Err(error) = noise.write(payload.unwrap_or_default(), body) {
            tx.truncate_open(preface);
            return Err(Error::Handshake(error));
        }
        if let Some(again) = &mut self.again {
            again.first.extend_from_slice(&tx.open_mut()[preface..]);
        }
        tx.seal();
        self.complete()
    }

    /// Appends a choice that is owed: the handshake goes on only once the initiator has it.
    fn transmit_choice(&mut self, tx: &mut TxBuf) {
        let owed = self.choice_told && !self.preface.is_empty() && !matches!(self.state, State::Over);
        if owed && self.put_preface(tx).is_ok() {
            tx.seal();
        }
    }

    fn put_preface(&mut self, tx: &mut TxBuf) -> Result<(), Full> {
        tx.push(&self.preface)?;
        self.preface.clear();
        Ok(())
    }
}
