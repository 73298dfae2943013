//! The layout of packets (docs/wire-datagram.md). Bytes to fields and back; what they mean is decided elsewhere.

use crate::guard::{COOKIE_REPLY_LEN, Mac};
use crate::noise::TAG_LEN;

/// The upper half of every packet's first byte: version 1 of the format.
const VERSION: u8 = 0x10;
/// A handshake message, as a packet or as a frame.
pub(super) const HANDSHAKE: u8 = VERSION | 1;
/// A cookie.
pub(super) const COOKIE: u8 = VERSION | 2;
/// A frame under the keys of a session.
pub(super) const DATA: u8 = VERSION | 3;

/// Type, index and session id.
pub(super) const HANDSHAKE_HEAD: usize = 1 + 1 + ID_LEN;
/// Type, session id and number.
pub(super) const DATA_HEAD: usize = 1 + ID_LEN + 8;
/// Bytes of a session id.
pub(super) const ID_LEN: usize = 8;
/// Both MACs, at the end of a first message.
pub(super) const MACS_LEN: usize = 2 * size_of::<Mac>();
/// A cookie reply.
pub(super) const COOKIE_LEN: usize = 1 + ID_LEN + COOKIE_REPLY_LEN;

/// What [`Handshake::next_overhead`](crate::noise::Handshake::next_overhead) is at most.
const MAX_OVERHEAD: usize = 96;
/// The longest handshake packet that is not padded: the id in its payload, MACs at its end.
pub(super) const MAX_HANDSHAKE: usize = HANDSHAKE_HEAD + MAX_OVERHEAD + ID_LEN + MACS_LEN;
/// The shortest first message: as long as the longest answer to it.
pub(super) const MIN_FIRST: usize = HANDSHAKE_HEAD + MAX_OVERHEAD + ID_LEN;
const _: () = assert!(MIN_FIRST >= COOKIE_LEN && MIN_FIRST <= MAX_HANDSHAKE);

/// Bytes of a datagram around a message: head, kind of frame and tag.
pub(super) const OVERHEAD: usize = DATA_HEAD + 1 + TAG_LEN;

/// Where a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Head {
    /// The first message of a handshake, from the session `id`.
    First { id: u64 },
    /// A later one, for the session `id`.
    Later { index: u8, id: u64 },
    /// For the session `id`.
    Cookie { id: u64 },
    /// For the session `id`.
    Data { id: u64, number: u64 },
}

/// What the front of `packet` says; `None` for what no end of this version sends.
pub(super) fn parse(packet: &[u8]) -> Option<Head> {
    let (&kind, rest) = packet.split_first()?;
    match kind {
        HANDSHAKE => {
            let (&index, rest) = rest.split_first()?;
            let (id, _) = integer(rest)?;
            Some(if index == 0 { Head::First { id } } else { Head::Later { index, id } })
        }
        COOKIE if packet.len() == COOKIE_LEN => integer(rest).map(|(id, _)| Head::Cookie { id }),
        DATA if packet.len() >= OVERHEAD => {
            let (id, rest) = integer(rest)?;
            let (number, _) = integer(rest)?;
            Some(Head::Data { id, number })
        }
        _ => None,
    }
}

/// The integer at the front, and what follows.
pub(super) fn integer(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (front, rest) = bytes.split_first_chunk()?;
    Some((u64::from_be_bytes(*front), rest))
}

/// The front of a handshake packet.
pub(super) fn handshake_head(index: u8, id: u64) -> [u8; HANDSHAKE_HEAD] {
    let mut head = [0; HANDSHAKE_HEAD];
    let bytes = [HANDSHAKE, index].into_iter().chain(id.to_be_bytes());
    head.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
    head
}

/// The front of a data packet.
pub(super) fn data_head(id: u64, number: u64) -> [u8; DATA_HEAD] {
    let mut head = [0; DATA_HEAD];
    let bytes = [DATA].into_iter().chain(id.to_be_bytes()).chain(number.to_be_bytes());
    head.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
    head
}

/// A cookie reply to the session `id`.
pub(super) fn cookie_reply(id: u64, sealed: &[u8; COOKIE_REPLY_LEN]) -> [u8; COOKIE_LEN] {
    let mut packet = [0; COOKIE_LEN];
    let bytes = [COOKIE].into_iter().chain(id.to_be_bytes()).chain(sealed.iter().copied());
    packet.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
    packet
}

/// The cookie in a reply of the right length.
pub(super) fn sealed_cookie(packet: &[u8]) -> Option<&[u8; COOKIE_REPLY_LEN]> {
    packet.last_chunk()
}

/// A first message in what its MACs protect, and its MACs.
pub(super) fn split_macs(packet: &mut [u8]) -> Option<(&mut [u8], Mac, Mac)> {
    let (rest, mac2) = packet.split_last_chunk_mut()?;
    let (rest, mac1) = rest.split_last_chunk_mut()?;
    Some((rest, *mac1, *mac2))
}

/// What a data packet carries.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Frame<'a> {
    /// A message of the application.
    Message,
    /// Answer it with a pong of the same id.
    Ping(u64),
    /// The answer to a ping.
    Pong(u64),
    /// The session is over, for the reason that the application gave.
    Close(u16),
    /// A handshake message, as in a packet.
    Handshake(&'a mut [u8]),
}

const MESSAGE: u8 = 0;
const PING: u8 = 1;
const PONG: u8 = 2;
const CLOSE: u8 = 3;

impl Frame<'_> {
    /// What `plain` holds; `None` for a kind that is unknown or has another length.
    pub(super) fn parse(plain: &mut [u8]) -> Option<Frame<'_>> {
        let (&mut kind, body) = plain.split_first_mut()?;
        let whole = |body: &[u8]| integer(body).filter(|(_, rest)| rest.is_empty()).map(|(id, _)| id);
        match kind {
            MESSAGE => Some(Frame::Message),
            PING => whole(body).map(Frame::Ping),
            PONG => whole(body).map(Frame::Pong),
            CLOSE => <[u8; 2]>::try_from(&*body).ok().map(|code| Frame::Close(u16::from_be_bytes(code))),
            HANDSHAKE => Some(Frame::Handshake(plain)),
            _ => None,
        }
    }
}

/// The frame's kind and its body in two parts: one of at most 8 bytes, one of any length.
pub(super) enum Outgoing<'a> {
    Message(&'a [u8]),
    Ping(u64),
    Pong(u64),
    Close(u16),
    /// A whole packet, its type byte included.
    Handshake(&'a [u8]),
}

impl Outgoing<'_> {
    /// Writes the frame to the front of `out` and gives its length, or `None` if it does not fit.
    pub(super) fn write(&self, out: &mut [u8]) -> Option<usize> {
        let put = |out: &mut [u8], kind: &[u8], body: &[u8]| {
            let (front, rest) = out.split_at_mut_checked(kind.len())?;
            front.copy_from_slice(kind);
            rest.get_mut(..body.len())?.copy_from_slice(body);
            Some(kind.len() + body.len())
        };
        match *self {
            Self::Message(message) => put(out, &[MESSAGE], message),
            Self::Ping(id) => put(out, &[PING], &id.to_be_bytes()),
            Self::Pong(id) => put(out, &[PONG], &id.to_be_bytes()),
            Self::Close(code) => put(out, &[CLOSE], &code.to_be_bytes()),
            Self::Handshake(packet) => put(out, &[], packet),
        }
    }
}
