//! The opening: hello, handshake packets and alerts (docs/wire.md, section 1). Ends with the keys.

use super::codes::Alert;
use super::config::Config;
use super::error::Error;
use super::policy::Peers;
use super::{Event, SessionInfo};
use crate::buf::{Full, Span, TxBuf};
use crate::entropy::Seed;
use crate::machine::Recv;
use crate::noise::{CipherRoom, Handshake, HandshakeParams, Protocol, Role, SecretKey, Transport};
use alloc::sync::Arc;
use arrayvec::ArrayVec;
use core::fmt::Write as _;

/// Longest Noise protocol name in a hello.
pub(super) const MAX_NAME: usize = 96;
/// Longest payload of a handshake message.
pub(super) const MAX_PAYLOAD: usize = 4096;
/// Longest handshake message: a payload, an ephemeral, a static key and two tags, rounded up.
const MAX_BODY: usize = MAX_PAYLOAD + 256;

const MAGIC: [u8; 4] = *b"SLCK";
const VERSION: u8 = 1;
const PROLOGUE: &[u8] = b"sealock session";

const PACKET_HEAD: usize = 2;
/// A packet this short is an alert: the shortest handshake message and record are 16 and 17 bytes.
const MAX_ALERT: usize = 15;

type Hello = ArrayVec<u8, { 6 + MAX_NAME }>;

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
    hello_owed: Option<Hello>,
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
            hello_owed: None,
            alert_owed: None,
            payload_sent: false,
        };
        let room = CipherRoom::for_any(&config.protocols, config.provider);
        opening.state = match config.role {
            Role::Initiator => {
                let protocol = *config.protocols.first().ok_or(Error::ProtocolNotAllowed)?;
                let hello = hello(protocol).ok_or(Error::ProtocolNotAllowed)?;
                let handshake = opening.handshake(protocol, &hello, room)?;
                opening.hello_owed = Some(hello);
                State::Handshake(handshake)
            }
            Role::Responder => State::AwaitingHello(room),
        };
        Ok(opening)
    }

    fn handshake(&self, protocol: Protocol, hello: &[u8], room: CipherRoom) -> Result<Handshake, Error> {
        let config = &*self.config;
        let mut ephemeral = self.seed.derive("ephemeral");
        let params = HandshakeParams {
            protocol,
            role: config.role,
            prologue: &[PROLOGUE, hello, &config.prologue],
            local_static: config.local_static.as_ref().filter(|_| protocol.needs_local_static(config.role)),
            remote_static: config.remote_static.filter(|_| protocol.needs_remote_static(config.role)),
            psks: &config.psks,
            ephemeral: SecretKey::new(&mut ephemeral),
            provider: config.provider,
        };
        Handshake::new_in(room, params).map_err(Error::Setup)
    }

    /// Works on the front of `buf`. The second value is there once the handshake is complete.
    pub(super) fn recv(&mut self, buf: &mut [u8]) -> Result<(Recv<Event<Span>>, Option<Opened>), Error> {
        let mut start = 0;
        if let State::AwaitingHello(_) = self.state {
            let (protocol, len) = match parse_hello(buf)? {
                Parsed::Whole(protocol, len) => (protocol, len),
                Parsed::Need(more) => return Ok((Recv::need(0, more), None)),
            };
            let protocol = protocol.ok_or(Error::ProtocolNotAllowed)?;
            if !self.config.protocols.contains(&protocol) {
                return Err(Error::ProtocolNotAllowed);
            }
            if let State::AwaitingHello(room) = core::mem::replace(&mut self.state, State::Over) {
                self.state = State::Handshake(self.handshake(protocol, &buf[..len], room)?);
            }
            start = len;
        }
        self.recv_packet(start, &mut buf[start..])
    }

    /// `start` is where `buf` begins in the caller's buffer; what lies before it is consumed.
    fn recv_packet(
        &mut self,
        start: usize,
        buf: &mut [u8],
    ) -> Result<(Recv<Event<Span>>, Option<Opened>), Error> {
        if let Some(missing) = check_alert(buf)? {
            return Ok((Recv::need(start, missing), None));
        }
        let Some((head, rest)) = buf.split_first_chunk_mut::<PACKET_HEAD>() else {
            return Ok((Recv::need(start, PACKET_HEAD), None));
        };
        let len = usize::from(u16::from_be_bytes(*head));
        if len > MAX_BODY {
            return Err(Error::MalformedOpening);
        }
        let available = rest.len();
        let Some(body) = rest.get_mut(..len) else {
            return Ok((Recv::need(start, len - available), None));
        };
        let State::Handshake(noise) = &mut self.state else { return Err(Error::MalformedOpening) };
        if noise.is_my_turn() {
            return Err(Error::MalformedOpening);
        }
        let security = noise.next_security();
        let payload = noise.read(body).map_err(Error::Handshake)?;
        self.check_peer()?;
        let consumed = start + PACKET_HEAD + len;
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
            if self.put_hello(tx).is_ok() && tx.push(&alert_packet(alert)).is_ok() {
                self.alert_owed = None;
                tx.seal();
            }
            return Ok(None);
        }
        let config = Arc::clone(&self.config);
        let State::Handshake(noise) = &mut self.state else { return Ok(None) };
        if !noise.is_my_turn() {
            return Ok(None);
        }
        let payload = config
            .payload
            .as_ref()
            .filter(|(_, at_least)| !self.payload_sent && noise.next_security().meets(*at_least))
            .map(|(payload, _)| &payload[..]);
        let len = noise.next_overhead() + payload.map_or(0, <[u8]>::len);
        let hello = self.hello_owed.as_ref().map_or(0, |hello| hello.len());
        if tx.room() < hello + PACKET_HEAD + len {
            return Ok(None);
        }
        self.payload_sent |= payload.is_some();
        if self.put_hello(tx).and_then(|()| put_blank_packet(tx, len)).is_err() {
            return Ok(None);
        }
        let State::Handshake(noise) = &mut self.state else { return Ok(None) };
        let body = &mut tx.open_mut()[hello + PACKET_HEAD..];
        if let Err(error) = noise.write(payload.unwrap_or_default(), body) {
            tx.truncate_open(hello);
            return Err(Error::Handshake(error));
        }
        tx.seal();
        self.complete()
    }

    fn put_hello(&mut self, tx: &mut TxBuf) -> Result<(), Full> {
        if let Some(hello) = &self.hello_owed {
            tx.push(hello)?;
            self.hello_owed = None;
        }
        Ok(())
    }
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

fn hello(protocol: Protocol) -> Option<Hello> {
    let mut name = ArrayName::default();
    write!(name, "{protocol}").ok()?;
    let mut hello = Hello::new();
    hello.try_extend_from_slice(&MAGIC).ok()?;
    hello.push(VERSION);
    hello.push(u8::try_from(name.0.len()).ok()?);
    hello.try_extend_from_slice(&name.0).ok()?;
    Some(hello)
}

#[derive(Default)]
struct ArrayName(ArrayVec<u8, MAX_NAME>);

impl core::fmt::Write for ArrayName {
    fn write_str(&mut self, s: &str) -> core::fmt::Result {
        self.0.try_extend_from_slice(s.as_bytes()).map_err(|_| core::fmt::Error)
    }
}

enum Parsed {
    /// The protocol (`None` if this build does not know it) and the length of the hello.
    Whole(Option<Protocol>, usize),
    Need(usize),
}

/// Reads a hello. A wrong first byte is refused at once, without waiting for more.
fn parse_hello(buf: &[u8]) -> Result<Parsed, Error> {
    let seen = buf.len().min(MAGIC.len());
    if buf[..seen] != MAGIC[..seen] {
        return Err(Error::NotSealock);
    }
    let &[_, _, _, _, version, ref rest @ ..] = buf else { return Ok(Parsed::Need(6 - buf.len())) };
    if version != VERSION {
        return Err(Error::UnsupportedVersion(version));
    }
    let &[len, ref rest @ ..] = rest else { return Ok(Parsed::Need(1)) };
    let len = usize::from(len);
    if !(1..=MAX_NAME).contains(&len) {
        return Err(Error::MalformedOpening);
    }
    let Some(name) = rest.get(..len) else { return Ok(Parsed::Need(len - rest.len())) };
    let protocol = core::str::from_utf8(name).ok().and_then(|name| Protocol::parse(name).ok());
    Ok(Parsed::Whole(protocol, 6 + len))
}
