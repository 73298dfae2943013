//! The opening: hello, choice, handshake packets and alerts (docs/wire.md, section 1). Ends with the keys.

use super::codes::Alert;
use super::config::Config;
use super::error::Error;
use super::hello::{self, MAX_HELLO, Offer, Parsed};
use super::policy::Peers;
use super::{Event, SessionInfo};
use crate::buf::{Full, Span, TxBuf};
use crate::entropy::Seed;
use crate::machine::Recv;
use crate::noise::{CipherRoom, Handshake, HandshakeParams, Protocol, Role, SecretKey, Transport};
use alloc::sync::Arc;
use arrayvec::ArrayVec;

/// Longest payload of a handshake message.
pub(super) const MAX_PAYLOAD: usize = 4096;
/// Longest handshake message: a payload, an ephemeral, a static key and two tags, rounded up.
const MAX_BODY: usize = MAX_PAYLOAD + 256;

const PROLOGUE: &[u8] = b"sealock session";

const PACKET_HEAD: usize = 2;
/// A packet this short is an alert: the shortest handshake message and record are 16 and 17 bytes.
const MAX_ALERT: usize = 15;
/// What a packet with a choice begins with; the choice is the one byte of its body.
const CHOICE_HEAD: [u8; PACKET_HEAD] = [0, 1];
/// The choice where the protocol is the one offered first.
const FIRST: u8 = 0;

/// The bytes of an alert packet, for a listener that refuses a stream before it makes a session for it.
#[must_use]
pub fn alert_packet(alert: Alert) -> [u8; 4] {
    let [high, low] = alert.code().to_be_bytes();
    [0, 2, high, low]
}

/// Checks that what lies at the front of `bytes` is not an alert. `Some`: so many more bytes are needed to say.
///
/// # Errors
/// [`Error::Refused`] for an alert, [`Error::MalformedOpening`] for a packet that is neither one nor anything
/// else.
pub(super) fn check_alert(bytes: &[u8]) -> Result<Option<usize>, Error> {
    let Some(head) = bytes.first_chunk::<PACKET_HEAD>() else {
        return Ok(Some(PACKET_HEAD - bytes.len()));
    };
    match usize::from(u16::from_be_bytes(*head)) {
        0 | 1 => Err(Error::MalformedOpening),
        2..=MAX_ALERT => match bytes.get(PACKET_HEAD..).and_then(<[u8]>::first_chunk) {
            Some(code) => Err(Error::Refused(Alert::from_code(u16::from_be_bytes(*code)))),
            None => Ok(Some((PACKET_HEAD + 2).saturating_sub(bytes.len()))),
        },
        _ => Ok(None),
    }
}

/// One end of an opening that is not complete.
pub(super) struct Opening {
    config: Arc<Config>,
    seed: Seed,
    state: State,
    switch: Switch,
    /// What goes out before the next packet: an initiator's hello, a responder's choice. Empty: nothing.
    preface: ArrayVec<u8, MAX_HELLO>,
    alert_owed: Option<Alert>,
    payload_sent: bool,
}

// One opening a session, on the heap and gone once established: boxing a variant would only add allocations.
#[allow(clippy::large_enum_variant)]
enum State {
    /// A responder before the hello, with memory for the keys of whichever protocol it allows.
    AwaitingHello(CipherRoom),
    Handshake(Handshake),
    /// Complete, or failed.
    Over,
}

/// Whether the handshake may still begin anew with another protocol.
enum Switch {
    /// No: the protocol is settled.
    No,
    /// An initiator that offered several before its peer's first packet, with memory for the keys of another.
    Possible(CipherRoom),
    /// A responder that did not choose the first passes over the message in it.
    PassOver,
}

/// How many bytes are done with, or how many are missing.
type Step = Result<Result<usize, usize>, Error>;

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
            switch: Switch::No,
            preface: ArrayVec::new(),
            alert_owed: None,
            payload_sent: false,
        };
        opening.state = match (config.role, &config.protocols[..]) {
            (Role::Responder, protocols) => State::AwaitingHello(CipherRoom::for_any(protocols)),
            (Role::Initiator, []) => return Err(Error::ProtocolNotAllowed),
            (Role::Initiator, &[first, ref others @ ..]) => {
                opening.preface = hello::write(&config.protocols).ok_or(Error::ProtocolNotAllowed)?;
                if !others.is_empty() {
                    opening.switch = Switch::Possible(CipherRoom::for_any(others));
                }
                let room = CipherRoom::for_any(&[first]);
                State::Handshake(opening.handshake(first, &opening.preface, FIRST, room)?)
            }
        };
        Ok(opening)
    }

    fn handshake(
        &self,
        protocol: Protocol,
        hello: &[u8],
        choice: u8,
        room: CipherRoom,
    ) -> Result<Handshake, Error> {
        let config = &*self.config;
        // An initiator comes here a second time at most, and then with a choice: a key never meets two handshakes.
        let mut ephemeral =
            self.seed.derive(if choice == FIRST { "ephemeral" } else { "ephemeral of the choice" });
        let params = HandshakeParams {
            protocol,
            role: config.role,
            prologue: &[PROLOGUE, hello, &[choice], &config.prologue],
            local_static: config.local_static.as_ref().filter(|_| protocol.needs_local_static(config.role)),
            remote_static: config.remote_static.filter(|_| protocol.needs_remote_static(config.role)),
            psks: &config.psks,
            ephemeral: SecretKey::new(&mut ephemeral),
        };
        Handshake::new_in(room, params).map_err(Error::Setup)
    }

    /// Works on the front of `buf`. The second value is there once the handshake is complete.
    pub(super) fn recv(&mut self, buf: &mut [u8]) -> Result<(Recv<Event<Span>>, Option<Opened>), Error> {
        let mut start = 0;
        for step in [Self::recv_hello, Self::pass_over, Self::recv_choice] {
            match step(self, &buf[start..])? {
                Ok(done) => start += done,
                Err(missing) => return Ok((Recv::need(start, missing), None)),
            }
        }
        self.recv_packet(start, &mut buf[start..])
    }

    /// Responder: takes the hello and chooses.
    fn recv_hello(&mut self, buf: &[u8]) -> Step {
        if !matches!(self.state, State::AwaitingHello(_)) {
            return Ok(Ok(0));
        }
        let (offer, len) = match hello::parse(buf)? {
            Parsed::Whole(offer, len) => (offer, len),
            Parsed::Need(missing) => return Ok(Err(missing)),
        };
        let (choice, protocol) = self.choose(&offer).ok_or(Error::ProtocolNotAllowed)?;
        if let State::AwaitingHello(room) = core::mem::replace(&mut self.state, State::Over) {
            self.state = State::Handshake(self.handshake(protocol, &buf[..len], choice, room)?);
        }
        if choice != FIRST {
            self.switch = Switch::PassOver;
            self.preface.extend(CHOICE_HEAD.into_iter().chain([choice]));
        }
        Ok(Ok(len))
    }

    /// The protocol this end prefers among those offered, and its place there.
    fn choose(&self, offer: &Offer) -> Option<(u8, Protocol)> {
        self.config.protocols.iter().find_map(|protocol| {
            let place = offer.iter().position(|offered| *offered == Some(*protocol))?;
            Some((u8::try_from(place).ok()?, *protocol))
        })
    }

    /// Responder: skips a first handshake message that belongs to another protocol than the one chosen.
    fn pass_over(&mut self, buf: &[u8]) -> Step {
        if !matches!(self.switch, Switch::PassOver) {
            return Ok(Ok(0));
        }
        let len = packet_len(buf)?;
        if len.is_ok() {
            self.switch = Switch::No;
        }
        Ok(len)
    }

    /// Initiator: begins anew if the responder chose another protocol than the first.
    fn recv_choice(&mut self, buf: &[u8]) -> Step {
        let Some(body) = buf.strip_prefix(&CHOICE_HEAD) else { return Ok(Ok(0)) };
        let has_sent = matches!(&self.state, State::Handshake(noise) if !noise.is_my_turn());
        if !has_sent || !matches!(self.switch, Switch::Possible(_)) {
            return Err(Error::MalformedOpening);
        }
        let Some(&choice) = body.first() else { return Ok(Err(1)) };
        let chosen = self.config.protocols.get(usize::from(choice)).filter(|_| choice != FIRST);
        let protocol = *chosen.ok_or(Error::MalformedOpening)?;
        if let Switch::Possible(room) = core::mem::replace(&mut self.switch, Switch::No) {
            // The hello that was sent, from the same protocols.
            let hello = hello::write(&self.config.protocols).ok_or(Error::ProtocolNotAllowed)?;
            self.state = State::Handshake(self.handshake(protocol, &hello, choice, room)?);
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
        self.switch = Switch::No;
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
                let (protocol, peer) = (noise.protocol(), noise.remote_static());
                let transport = noise.split().map_err(Error::Handshake)?;
                let info = SessionInfo { protocol, peer, handshake_hash: transport.hash };
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
        let State::Handshake(noise) = &mut self.state else { return Ok(None) };
        if !noise.is_my_turn() {
            // A choice does not wait: the handshake goes on only once the initiator has it.
            if !self.preface.is_empty() && self.put_preface(tx).is_ok() {
                tx.seal();
            }
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
        tx.seal();
        self.complete()
    }

    fn put_preface(&mut self, tx: &mut TxBuf) -> Result<(), Full> {
        tx.push(&self.preface)?;
        self.preface.clear();
        Ok(())
    }
}

/// The length of the handshake packet at the front of `buf`, head included, or how many bytes are missing.
fn packet_len(buf: &[u8]) -> Step {
    if let Some(missing) = check_alert(buf)? {
        return Ok(Err(missing));
    }
    let Some(head) = buf.first_chunk::<PACKET_HEAD>() else { return Ok(Err(PACKET_HEAD)) };
    let body = usize::from(u16::from_be_bytes(*head));
    if body > MAX_BODY {
        return Err(Error::MalformedOpening);
    }
    let len = PACKET_HEAD + body;
    Ok(if len <= buf.len() { Ok(len) } else { Err(len - buf.len()) })
}

/// Appends a handshake packet with a body of `len` zeros, to be written over in place.
fn put_blank_packet(tx: &mut TxBuf, len: usize) -> Result<(), Full> {
    let [high, low] = u16::try_from(len).unwrap_or(u16::MAX).to_be_bytes();
    tx.push(&[high, low])?;
    let mut left = len;
    while left > 0 {
        let zeros = [0; 256];
        let n = left.min(zeros.len());
        tx.push(&zeros[..n])?;
        left -= n;
    }
    Ok(())
}
