//! Frames inside a record: their types, heads and the parser (docs/wire.md, section 3).

use super::varint;
use crate::buf::{Full, TxBuf};
use arrayvec::ArrayVec;
use core::fmt;

pub(super) const MESSAGE: u64 = 0;
pub(super) const PADDING: u64 = 1;
pub(super) const BEGIN: u64 = 2;
pub(super) const CONTINUE: u64 = 4;
pub(super) const ABANDON: u64 = 6;
pub(super) const PING: u64 = 8;
pub(super) const PONG: u64 = 10;
pub(super) const REKEY: u64 = 12;
pub(super) const DRAIN: u64 = 14;
pub(super) const CLOSE: u64 = 16;
/// May be skipped by a receiver that does not know it.
pub(super) const TICKET: u64 = 5;
pub(super) const IDENTITY: u64 = 18;

/// Longest reason a CLOSE may carry, in bytes.
pub const MAX_REASON: usize = 256;

/// A frame that breaks a rule of docs/wire.md, section 3.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameFault {
    /// A type or length is cut short, not in its shortest form, or runs past the record.
    Head,
    /// A record without a frame.
    EmptyRecord,
    /// A body of a length its type does not allow.
    BodyLength,
    /// A fragment that does not belong to an open message, or a message inside an open one.
    OutOfPlace,
    /// A fragment that goes past the announced total, or announces no more than it carries.
    Total,
    /// A frame behind one that must be the last of its record.
    NotLast,
    /// A close reason that is not UTF-8, or a close code out of range.
    Close,
    /// A message begun after its sender said it would begin no more.
    AfterDrain,
    /// A notice of a restored sender that is none, goes back, or does not stand before another.
    Notice,
    /// The proof of an identity that is not the first frame of its sender.
    NotFirst,
}

impl fmt::Display for FrameFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Head => "a frame's type or length is malformed",
            Self::EmptyRecord => "a record holds no frame",
            Self::BodyLength => "a frame's body has a length its type does not allow",
            Self::OutOfPlace => "a fragment or message is out of place",
            Self::Total => "fragments do not add up to the announced total",
            Self::NotLast => "a frame follows one that must end its record",
            Self::Close => "a close code or reason is malformed",
            Self::AfterDrain => "a message began after the drain",
            Self::Notice => "a notice of a restored sender is malformed or out of place",
            Self::NotFirst => "the proof of an identity is not the first frame of its sender",
        })
    }
}

/// What the head of a frame says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) kind: u64,
    /// Where the body begins, from the first byte of the frame.
    pub(super) body: usize,
    /// Length of the body; it lies inside the record.
    pub(super) len: usize,
}

/// Reads the head of the frame at the front of `plain`.
#[inline]
pub(super) fn parse(plain: &[u8]) -> Result<Head, FrameFault> {
    let (kind, a) = varint::decode(plain).ok_or(FrameFault::Head)?;
    let (len, b) = plain.get(a..).and_then(varint::decode).ok_or(FrameFault::Head)?;
    let body = a + b;
    let len = usize::try_from(len).map_err(|_| FrameFault::Head)?;
    if len > plain.len() - body {
        return Err(FrameFault::Head);
    }
    Ok(Head { kind, body, len })
}

/// Longest head of a [`MESSAGE`] that fits into a record.
pub(super) const MESSAGE_HEAD: usize = 1 + 4;

/// Appends a whole message that fits into a record. The heads are spelled out: each is a store or two then, where
/// [`head`] costs as much as the rest of a small message.
#[inline(always)]
pub(super) fn push_message(tx: &mut TxBuf, message: &[u8]) -> Result<(), Full> {
    const KIND: u8 = MESSAGE as u8;
    let [a, b, c, d] = (message.len() as u32).to_be_bytes();
    match message.len() {
        ..=0x3f => tx.push_all([&[KIND, d], message]),
        0x40..=0x3fff => tx.push_all([&[KIND, 0x40 | c, d], message]),
        _ => tx.push_all([&[KIND, 0x80 | a, b, c, d], message]),
    }
}

/// The head of a [`MESSAGE`] below 16 KiB, if `plain` begins with one; else see [`parse`], which says the same.
#[inline]
pub(super) fn parse_message(plain: &[u8]) -> Option<Head> {
    const KIND: u8 = MESSAGE as u8;
    let (body, len) = match *plain {
        [KIND, len @ ..=0x3f, ..] => (2, usize::from(len)),
        [KIND, high @ 0x40..=0x7f, low, ..] => (3, usize::from(high & 0x3f) << 8 | usize::from(low)),
        _ => return None,
    };
    // The second: not in a longer form than it needs.
    let fits = len <= plain.len() - body && (body == 2 || len > 0x3f);
    fits.then_some(Head { kind: MESSAGE, body, len })
}

/// The head of a frame of type `kind` with a body of `len` bytes.
pub(super) fn head(kind: u64, len: usize) -> ArrayVec<u8, 16> {
    let mut out = ArrayVec::new();
    push_varint(&mut out, kind);
    push_varint(&mut out, len as u64);
    out
}

/// Appends `value` if there is room for eight more bytes, which every caller leaves.
pub(super) fn push_varint<const N: usize>(out: &mut ArrayVec<u8, N>, value: u64) {
    let mut bytes = [0; 8];
    let n = varint::encode(value, &mut bytes);
    // A short head would be caught by every round-trip test; it cannot happen with N = 16 and two values.
    let _ = out.try_extend_from_slice(&bytes[..n]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_round_trip() {
        for (kind, len) in [(MESSAGE, 0), (BEGIN, 63), (CLOSE, 64), (PING, 16_383), (MESSAGE, 65_000)] {
            let mut bytes = head(kind, len).to_vec();
            let body = bytes.len();
            bytes.resize(body + len, 0);
            assert_eq!(parse(&bytes), Ok(Head { kind, body, len }));
        }
    }

    #[test]
    fn a_whole_message_begins_with_the_head_of_its_length() {
        for len in [0, 1, 0x3f, 0x40, 0x3fff, 0x4000, 65_000] {
            let mut tx = TxBuf::new(70_000);
            let body = alloc::vec![7; len];
            push_message(&mut tx, &body).unwrap();
            let head = head(MESSAGE, len);
            assert!(head.len() <= MESSAGE_HEAD);
            let parsed = parse(tx.open_mut()).unwrap();
            assert_eq!(parse_message(tx.open_mut()), Some(parsed).filter(|_| len < 0x4000));
            assert_eq!(tx.open_mut(), [&head, &body[..]].concat(), "{len}");
        }
    }

    #[test]
    fn a_frame_must_lie_inside_its_record() {
        for bytes in [&[][..], &[0], &[0, 1], &[0, 0x40], &[0x40], &[0x40, 0, 0], &[0, 0xff]] {
            assert_eq!(parse(bytes), Err(FrameFault::Head), "{bytes:?}");
            assert_eq!(parse_message(bytes), None, "{bytes:?}");
        }
    }
}
