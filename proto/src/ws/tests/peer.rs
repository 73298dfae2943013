//! One end with its buffers, and frames as they go over the wire, written without the code under test.

use crate::buf::{RxBuf, Scratch, TxBuf};
use crate::entropy::Seed;
use crate::time::Instant;
use crate::ws::{Config, Error, Event, Kind, Role, UpgradeRequest, WebSocket};
use alloc::vec::Vec;
use core::time::Duration;

pub(super) type Seen = Event<Vec<u8>>;

pub(super) const CONT: u8 = 0;
pub(super) const TEXT: u8 = 1;
pub(super) const BINARY: u8 = 2;
pub(super) const CLOSE: u8 = 8;
pub(super) const PING: u8 = 9;
pub(super) const PONG: u8 = 10;
/// Added to an opcode: the last frame of its message.
pub(super) const FIN: u8 = 0x80;

pub(super) struct Peer {
    pub(super) ws: WebSocket,
    pub(super) tx: TxBuf,
    pub(super) now: Instant,
    pub(super) scratch: Scratch,
    rx: RxBuf,
    role: Role,
}

impl Peer {
    fn new(
        config: Config,
        role: Role,
        make: impl FnOnce(&alloc::sync::Arc<Config>, &Seed) -> WebSocket,
    ) -> Self {
        let config = config.build().unwrap();
        let ws = make(&config, &Seed::new(&mut [7; 32]));
        let (rx, tx) = (RxBuf::new(config.rx_limit()), TxBuf::new(config.tx_limit()));
        Self { ws, tx, now: Instant::ZERO, scratch: Scratch::new(), rx, role }
    }

    pub(super) fn open(role: Role, config: Config) -> Self {
        Self::new(config, role, |config, seed| WebSocket::upgraded(config, role, seed, Instant::ZERO))
    }

    pub(super) fn server(config: Config) -> Self {
        Self::new(config, Role::Server, |config, seed| WebSocket::server(config, seed, Instant::ZERO))
    }

    pub(super) fn client(config: Config, request: &UpgradeRequest) -> Self {
        Self::new(config, Role::Client, |config, seed| {
            WebSocket::client(config, request, seed, Instant::ZERO)
        })
    }

    /// Somebody else has opened the connection, and agreed on this.
    #[cfg(feature = "deflate")]
    pub(super) fn agree(&mut self, params: crate::ws::DeflateParams) {
        let config = Config::default().build().unwrap();
        let ws = WebSocket::upgraded(&config, self.role, &Seed::new(&mut [0; 32]), self.now);
        self.ws = core::mem::replace(&mut self.ws, ws).with_deflate(params);
    }

    /// Receives `bytes` at once; the events they make.
    pub(super) fn give(&mut self, bytes: &[u8]) -> Vec<Seen> {
        self.try_give(bytes).unwrap()
    }

    /// The same, one byte after the other.
    pub(super) fn give_slowly(&mut self, bytes: &[u8]) -> Result<Vec<Seen>, Error> {
        let mut seen = Vec::new();
        for byte in bytes {
            seen.extend(self.try_give(&[*byte])?);
        }
        Ok(seen)
    }

    pub(super) fn try_give(&mut self, bytes: &[u8]) -> Result<Vec<Seen>, Error> {
        let mut rest = bytes;
        let mut seen = Vec::new();
        loop {
            rest = &rest[self.rx.append(rest)..];
            self.drain(&mut seen)?;
            if rest.is_empty() {
                return Ok(seen);
            }
            assert!(self.rx.len() < self.rx.max(), "the buffer is full of what nobody takes");
        }
    }

    /// Takes every event there is without new bytes.
    pub(super) fn drain(&mut self, seen: &mut Vec<Seen>) -> Result<(), Error> {
        loop {
            let recv = self.ws.recv_with(self.now, self.rx.filled_mut(), &mut self.scratch)?;
            let consumed = recv.consumed;
            let event = recv.event.map(|event| event.map(|payload| payload.to_vec()));
            self.rx.consume(consumed);
            match event {
                Some(event) => seen.push(event),
                None => return Ok(()),
            }
        }
    }

    /// What this end owes and has queued.
    pub(super) fn out(&mut self) -> Vec<u8> {
        self.ws.poll_transmit(self.now, &mut self.tx);
        let bytes = self.tx.chunks().collect::<Vec<_>>().concat();
        self.tx.consume(bytes.len());
        bytes
    }

    /// [`Peer::out`] as frames, unmasked.
    pub(super) fn frames_out(&mut self) -> Vec<(u8, Vec<u8>)> {
        let masked = self.role == Role::Client;
        let (bytes, mut at, mut frames) = (self.out(), 0, Vec::new());
        while at < bytes.len() {
            let (first, short) = (bytes[at], bytes[at + 1] & 0x7f);
            assert_eq!(bytes[at + 1] >> 7 == 1, masked);
            at += 2;
            let extra = [0, 2, 8][usize::from(short == 126) + 2 * usize::from(short == 127)];
            let len = bytes[at..at + extra].iter().fold(0_usize, |len, byte| len << 8 | usize::from(*byte));
            let len = if extra == 0 { usize::from(short) } else { len };
            at += extra;
            let mask: Vec<u8> = if masked { bytes[at..at + 4].to_vec() } else { Vec::from([0; 4]) };
            at += 4 * usize::from(masked);
            let payload = bytes[at..at + len].iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask);
            frames.push((first, payload.collect()));
            at += len;
        }
        frames
    }

    pub(super) fn send(&mut self, kind: Kind, payload: &[u8]) {
        self.ws.send(self.now, kind, payload, &mut self.tx).unwrap();
    }

    /// Lets time pass to the deadline that comes next, and acts on it. How much passed.
    pub(super) fn sleep(&mut self) -> Result<Duration, Error> {
        let at = self.ws.poll_timeout().unwrap();
        let slept = at.saturating_since(self.now);
        self.now = at;
        self.ws.handle_timeout(at).map(|()| slept)
    }

    /// A frame that the other end of this one may send.
    pub(super) fn frame(&self, first: u8, payload: &[u8]) -> Vec<u8> {
        frame(first, self.role == Role::Server, payload)
    }
}

/// A frame; a masked one has a mask that follows from its length.
pub(super) fn frame(first: u8, masked: bool, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::from([first]);
    let bit = u8::from(masked) << 7;
    match payload.len() {
        len @ 0..=125 => bytes.push(bit | len as u8),
        len @ 126..=0xffff => {
            bytes.push(bit | 126);
            bytes.extend((len as u16).to_be_bytes());
        }
        len => {
            bytes.push(bit | 127);
            bytes.extend((len as u64).to_be_bytes());
        }
    }
    let mask = if masked { [0x11, payload.len() as u8, 0x80, 0xff] } else { [0; 4] };
    bytes.extend(mask.iter().filter(|_| masked));
    bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

pub(super) fn text(payload: &str) -> Seen {
    Event::Message { kind: Kind::Text, payload: payload.as_bytes().to_vec() }
}

pub(super) fn binary(payload: &[u8]) -> Seen {
    Event::Message { kind: Kind::Binary, payload: payload.to_vec() }
}
