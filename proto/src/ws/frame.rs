//! The head of a frame (RFC 6455, section 5.2), and the rules that show in a head alone.

use super::{Kind, Role};
use core::fmt;

/// The longest head: two bytes, a length of eight, a mask.
pub(super) const MAX_HEAD: usize = 14;
/// The longest payload of a control frame (section 5.5).
pub(super) const MAX_CONTROL: usize = 125;

const FIN: u8 = 0x80;
const RSV1: u8 = 0x40;
const OTHER_RSV: u8 = 0x30;
const OPCODE: u8 = 0x0f;
const MASKED: u8 = 0x80;
const LEN: u8 = 0x7f;
/// The first byte of a message in one frame.
const TEXT: u8 = FIN | Opcode::Text as u8;
const BINARY: u8 = FIN | Opcode::Binary as u8;
const LEN_16: u8 = 126;
const LEN_64: u8 = 127;

/// What a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Opcode {
    Continuation = 0,
    Text = 1,
    Binary = 2,
    Close = 8,
    Ping = 9,
    Pong = 10,
}

impl Opcode {
    const fn new(code: u8) -> Option<Self> {
        Some(match code {
            0 => Self::Continuation,
            1 => Self::Text,
            2 => Self::Binary,
            8 => Self::Close,
            9 => Self::Ping,
            10 => Self::Pong,
            _ => return None,
        })
    }

    pub(super) const fn is_control(self) -> bool {
        self as u8 >= 8
    }
}

/// A rule of framing that a peer broke. All of them end the connection with
/// [`CloseCode::PROTOCOL_ERROR`](super::CloseCode::PROTOCOL_ERROR).
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameFault {
    /// A reserved bit is set that no extension gives a meaning here.
    ReservedBits,
    /// An opcode without a meaning: 3 to 7 or 11 to 15.
    ReservedOpcode,
    /// A frame of a client without a mask.
    Unmasked,
    /// A frame of a server with a mask.
    Masked,
    /// A length in more bytes than it needs, or of more than 63 bits.
    Length,
    /// A control frame of more than 125 bytes.
    LongControl,
    /// A control frame in fragments.
    FragmentedControl,
    /// A continuation of nothing.
    NothingToContinue,
    /// A new message inside of a fragmented one.
    InsideMessage,
    /// A Close frame with a body of one byte.
    CloseBody,
    /// A close code that may not stand in a frame.
    CloseCode,
}

impl fmt::Display for FrameFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ReservedBits => "a reserved bit is set",
            Self::ReservedOpcode => "the opcode is reserved",
            Self::Unmasked => "a client's frame is not masked",
            Self::Masked => "a server's frame is masked",
            Self::Length => "the length is not in its shortest form",
            Self::LongControl => "a control frame is longer than 125 bytes",
            Self::FragmentedControl => "a control frame is fragmented",
            Self::NothingToContinue => "a continuation without a message",
            Self::InsideMessage => "a new message inside of a fragmented one",
            Self::CloseBody => "the body of a close has one byte",
            Self::CloseCode => "the close code may not be sent",
        })
    }
}

impl core::error::Error for FrameFault {}

/// The head of a frame that was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) fin: bool,
    /// The first reserved bit: compressed (RFC 7692, section 6).
    pub(super) rsv1: bool,
    pub(super) opcode: Opcode,
    /// Zeros if the frame is not masked: applying that changes nothing.
    pub(super) mask: [u8; 4],
    pub(super) payload: u64,
    /// Bytes of the head itself.
    pub(super) size: usize,
}

/// The head at the front of `buf`, sent by the peer of `role`, or how many bytes it lacks at least.
///
/// Checks what a head can break by itself, as soon as the bytes are there that show it.
#[inline]
pub(super) fn parse(role: Role, buf: &[u8]) -> Result<Result<Head, usize>, FrameFault> {
    let (first, second) = match buf {
        [first, second, ..] => (*first, *second),
        _ => return Ok(Err(2 - buf.len())),
    };
    let masked = second & MASKED != 0;
    let opcode = Opcode::new(first & OPCODE).ok_or(FrameFault::ReservedOpcode)?;
    let (fin, rsv1) = (first & FIN != 0, first & RSV1 != 0);
    let short = second & LEN;
    if first & OTHER_RSV != 0 || rsv1 && matches!(opcode, Opcode::Continuation) {
        return Err(FrameFault::ReservedBits);
    }
    if masked != (role == Role::Server) {
        return Err(if masked { FrameFault::Masked } else { FrameFault::Unmasked });
    }
    if opcode.is_control() {
        if rsv1 {
            return Err(FrameFault::ReservedBits);
        }
        if !fin {
            return Err(FrameFault::FragmentedControl);
        }
        if usize::from(short) > MAX_CONTROL {
            return Err(FrameFault::LongControl);
        }
    }
    let Some((payload, at)) = payload_len(short, buf)? else {
        let size = if short == LEN_16 { 4 } else { 10 };
        return Ok(Err(size + mask_size(masked) - buf.len()));
    };
    let size = at + mask_size(masked);
    let mask = match (masked, buf.get(at..size).and_then(|mask| <[u8; 4]>::try_from(mask).ok())) {
        (false, _) => [0; 4],
        (true, Some(mask)) => mask,
        (true, None) => return Ok(Err(size - buf.len())),
    };
    Ok(Ok(Head { fin, rsv1, opcode, mask, payload, size }))
}

/// A frame that is a message by itself and not compressed.
pub(super) struct Whole {
    pub(super) kind: Kind,
    pub(super) mask: [u8; 4],
    /// Where its payload begins, and how long it is.
    pub(super) at: usize,
    pub(super) len: usize,
}

/// What [`parse`] says of the usual frame, in fewer steps: `None` if it is another, or its head is not complete.
#[inline]
pub(super) fn parse_whole(role: Role, buf: &[u8]) -> Option<Whole> {
    let &[first, second] = buf.first_chunk::<2>()?;
    let kind = match first {
        TEXT => Kind::Text,
        BINARY => Kind::Binary,
        _ => return None,
    };
    let masked = role == Role::Server;
    let short = second ^ if masked { MASKED } else { 0 };
    let at = if short < LEN_16 { 2 } else { 4 } + mask_size(masked);
    let head = buf.get(..at)?;
    let mask = if masked { *head.last_chunk()? } else { [0; 4] };
    let len = match (short, head) {
        (..LEN_16, _) => usize::from(short),
        (LEN_16, [_, _, a, b, ..]) => match u16::from_be_bytes([*a, *b]) {
            len @ 126.. => usize::from(len),
            _ => return None,
        },
        // Longer, or not masked as it should be.
        _ => return None,
    };
    Some(Whole { kind, mask, at, len })
}

const fn mask_size(masked: bool) -> usize {
    if masked { 4 } else { 0 }
}

/// The length of the payload and where the head goes on; `None` if bytes are missing. Only the shortest form is
/// allowed.
#[inline]
fn payload_len(short: u8, buf: &[u8]) -> Result<Option<(u64, usize)>, FrameFault> {
    let rest = buf.get(2..).unwrap_or_default();
    let (len, at, least) = match short {
        LEN_16 => match rest.first_chunk::<2>() {
            Some(bytes) => (u64::from(u16::from_be_bytes(*bytes)), 4, u64::from(LEN_16)),
            None => return Ok(None),
        },
        LEN_64 => match rest.first_chunk::<8>() {
            Some(bytes) => (u64::from_be_bytes(*bytes), 10, 1 << 16),
            None => return Ok(None),
        },
        short => return Ok(Some((u64::from(short), 2))),
    };
    if len < least || len > i64::MAX as u64 { Err(FrameFault::Length) } else { Ok(Some((len, at))) }
}

/// The bytes of a head to send.
#[derive(Clone, Copy)]
pub(super) struct Encoded {
    bytes: [u8; MAX_HEAD],
    len: usize,
}

impl Encoded {
    /// The head of a frame of `payload` bytes; `rsv1` if it begins a compressed message.
    #[inline]
    pub(super) fn new(fin: bool, rsv1: bool, opcode: Opcode, mask: Option<[u8; 4]>, payload: usize) -> Self {
        let mut head = Self { bytes: [0; MAX_HEAD], len: 0 };
        let first = if fin { FIN } else { 0 } | if rsv1 { RSV1 } else { 0 } | opcode as u8;
        let masked = if mask.is_some() { MASKED } else { 0 };
        match (u8::try_from(payload), u16::try_from(payload)) {
            (Ok(short), _) if short < LEN_16 => head.push(&[first, masked | short]),
            (_, Ok(len)) => {
                let [a, b] = len.to_be_bytes();
                head.push(&[first, masked | LEN_16, a, b]);
            }
            _ => {
                head.push(&[first, masked | LEN_64]);
                head.push(&(payload as u64).to_be_bytes());
            }
        }
        if let Some(mask) = mask {
            head.push(&mask);
        }
        head
    }

    #[inline]
    fn push(&mut self, bytes: &[u8]) {
        if let Some(to) = self.bytes.get_mut(self.len..self.len + bytes.len()) {
            to.copy_from_slice(bytes);
            self.len += bytes.len();
        }
    }

    #[inline]
    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_round_trips_in_its_shortest_form_and_is_known_byte_by_byte() {
        for payload in [0, 1, 125, 126, 127, 65_535, 65_536, 1 << 40] {
            for (role, mask) in [(Role::Server, Some([1, 2, 3, 4])), (Role::Client, None)] {
                for (fin, rsv1) in [(true, false), (false, true)] {
                    let encoded = Encoded::new(fin, rsv1, Opcode::Binary, mask, payload);
                    let bytes = encoded.bytes();
                    for cut in 0..bytes.len() {
                        let need = parse(role, &bytes[..cut]).unwrap().unwrap_err();
                        assert!(need >= 1 && cut + need <= bytes.len(), "{payload} cut at {cut}: {need}");
                    }
                    let head = parse(role, bytes).unwrap().unwrap();
                    let mask = mask.unwrap_or_default();
                    let (payload, size) = (payload as u64, bytes.len());
                    assert_eq!(head, Head { fin, rsv1, opcode: Opcode::Binary, mask, payload, size });
                }
            }
        }
    }

    /// For every two first bytes, with lengths around the borders.
    #[test]
    fn the_short_way_takes_what_the_long_way_does_and_all_that_is_usual() {
        for (first, second) in
            (0..=u8::MAX).flat_map(|first| (0..=u8::MAX).map(move |second| (first, second)))
        {
            for len in [0_u16, 125, 126, 127, u16::MAX] {
                let [a, b] = len.to_be_bytes();
                let bytes = [first, second, a, b, 5, 6, 7, 8];
                for (role, cut) in
                    [(Role::Server, 8), (Role::Server, 3), (Role::Client, 8), (Role::Client, 3)]
                {
                    let bytes = &bytes[..cut];
                    let long = match parse(role, bytes) {
                        Ok(Ok(head)) if head.fin && !head.rsv1 && head.payload < 1 << 16 => {
                            Kind::of(head.opcode)
                                .map(|kind| (kind, head.mask, head.size, head.payload as usize))
                        }
                        _ => None,
                    };
                    let short =
                        parse_whole(role, bytes).map(|whole| (whole.kind, whole.mask, whole.at, whole.len));
                    assert_eq!(short, long, "{role:?} {bytes:x?}");
                }
            }
        }
    }

    #[test]
    fn a_broken_rule_shows_with_the_byte_that_breaks_it() {
        use FrameFault as F;
        use Role::{Client, Server};
        for (role, bytes, fault) in [
            (Client, &[0xa1, 0][..], F::ReservedBits),
            (Client, &[0x91, 0], F::ReservedBits),
            (Client, &[0xc0, 0], F::ReservedBits),
            (Client, &[0xc9, 0], F::ReservedBits),
            (Client, &[0x83, 0], F::ReservedOpcode),
            (Client, &[0x8f, 0], F::ReservedOpcode),
            (Client, &[0x81, 0x80], F::Masked),
            (Server, &[0x81, 0], F::Unmasked),
            (Client, &[0x89, 126], F::LongControl),
            (Client, &[0x09, 1], F::FragmentedControl),
            (Client, &[0x82, 126, 0, 125], F::Length),
            (Client, &[0x82, 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff], F::Length),
            (Client, &[0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0], F::Length),
        ] {
            assert_eq!(parse(role, bytes), Err(fault), "{bytes:x?}");
            assert!(matches!(parse(role, &bytes[..bytes.len() - 1]), Ok(Err(_))), "{bytes:x?}");
        }
    }
}
