//! Padding: which lengths are told apart on the wire, and the frames that fill a record up (docs/wire.md, section 2.1).

use super::error::SendError;
use super::frame;
use super::seal::put;
use crate::buf::TxBuf;

/// What a PADDING frame takes at least. Where a record ends with room for padding, it has room for this.
pub(super) const PADDING_FRAME: usize = 2;
/// The longest [`Padding::Block`] and [`Padding::Constant`].
const MAX_SIZE: u16 = 16_384;
/// The shortest [`Padding::Constant`]: a CLOSE with the longest reason fits.
const MIN_CONSTANT: u16 = 512;
/// The steps of [`Padding::Padme`] where they are widest below [`MAX_MESSAGE`](crate::noise::MAX_MESSAGE).
const WIDEST_STEP: u16 = 2048;

/// How lengths are hidden: records are filled up with zeros to one of a few lengths. Sizes are those of a record's body in
/// bytes, frames and tag, without the two bytes of its length.
///
/// Handshake messages are filled up in the same way, up to 8,192 bytes. When records are sent, and how many, is not hidden;
/// nor are the hello and with it the pattern.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Padding {
    /// Lengths are as they are.
    #[default]
    None,
    /// To the next multiple of so many bytes, 2 to 16,384.
    Block(u16),
    /// To a length that a floating point number of few digits can be, which costs at most 12 % and shows the magnitude
    /// of a length only: PADMÉ (Nikitin and others, *Reducing Metadata Leakage from Encrypted Files and Communication
    /// with PURBs*, PoPETs 2019, section 4).
    Padme,
    /// Every record has exactly so many bytes, 512 to 16,384. A message that is longer takes several.
    Constant(u16),
}

impl Padding {
    /// The length to fill `len` bytes up to: at least `len`, and at most `max` where `len` allows it. More bytes than
    /// [`Padding::Constant`] says go up to the next multiple of that.
    #[must_use]
    pub const fn padded(self, len: usize, max: usize) -> usize {
        let size = match self {
            Self::None => len,
            Self::Block(n) | Self::Constant(n) => {
                let up = len.div_ceil(if n == 0 { 1 } else { n as usize }).saturating_mul(n as usize);
                // Even nothing is filled up to be of constant length.
                if len == 0 && matches!(self, Self::Constant(_)) { n as usize } else { up }
            }
            Self::Padme => match len.checked_add(padme_mask(len)) {
                Some(up) => up & !padme_mask(len),
                None => len,
            },
        };
        let size = if size > max { max } else { size };
        if size < len { len } else { size }
    }

    /// The longest of the lengths that is at most `max`; 0 if none is.
    pub(super) const fn longest(self, max: usize) -> usize {
        match self {
            Self::None => max,
            Self::Block(n) => max - max % n as usize,
            Self::Padme => max & !padme_mask(max),
            Self::Constant(n) => {
                if max < n as usize {
                    0
                } else {
                    n as usize
                }
            }
        }
    }

    /// The most bytes that a record is filled up with.
    pub(super) const fn most(self) -> u16 {
        match self {
            Self::None => 0,
            // One byte is no frame: that is a step more.
            Self::Block(n) => n.saturating_add(1),
            Self::Padme => WIDEST_STEP + 1,
            Self::Constant(n) => n,
        }
    }

    /// What a record keeps free for padding: the least there can be.
    pub(super) const fn kept(self) -> usize {
        if matches!(self, Self::None) { 0 } else { PADDING_FRAME }
    }

    pub(super) const fn is_valid(self) -> bool {
        match self {
            Self::None | Self::Padme => true,
            Self::Block(n) => 2 <= n && n <= MAX_SIZE,
            Self::Constant(n) => MIN_CONSTANT <= n && n <= MAX_SIZE,
        }
    }

    /// The length of a record's body of which `len` bytes are there and [`Padding::kept`] more have room.
    pub(super) const fn body(self, len: usize) -> usize {
        let size = self.padded(len, usize::MAX);
        if size == len + 1 { self.padded(len + PADDING_FRAME, usize::MAX) } else { size }
    }

    /// How many bytes of padding `len` bytes take that may be `max` in the end; never one, which nothing fills.
    pub(super) const fn filling(self, len: usize, max: usize) -> usize {
        let size = self.padded(len, max);
        let size = if size == len + 1 { self.padded(len + PADDING_FRAME, max) } else { size };
        if size <= len + 1 || size > max { 0 } else { size - len }
    }

    /// Appends frames of padding to the open record, whose body is to hold `len` bytes without them. Says how many bytes
    /// they are.
    pub(super) fn put(self, len: usize, tx: &mut TxBuf) -> Result<usize, SendError> {
        let missing = self.body(len) - len;
        if missing > 0 {
            put_frames(missing, tx)?;
        }
        Ok(missing)
    }
}

/// The low bits that PADMÉ rounds away: as many as the exponent has more than its own length.
const fn padme_mask(len: usize) -> usize {
    let Some(exponent) = len.checked_ilog2() else { return 0 };
    let Some(digits) = exponent.checked_ilog2() else { return 0 };
    (1 << (exponent - digits - 1)) - 1
}

/// Appends frames that are `len` bytes long together, which is not 1.
fn put_frames(len: usize, tx: &mut TxBuf) -> Result<(), SendError> {
    static ZEROS: [u8; 1024] = [0; 1024];
    // Behind a longer length field a byte or two cannot be made up by the body: an empty frame goes first.
    let whole = (PADDING_FRAME..=5).find_map(|head| {
        let body = len.checked_sub(head)?;
        Some(frame::head(frame::PADDING, body))
            .filter(|encoded| encoded.len() == head)
            .map(|head| (head, body))
    });
    let Some((head, mut body)) = whole else {
        put(tx, &frame::head(frame::PADDING, 0))?;
        return if len > PADDING_FRAME { put_frames(len - PADDING_FRAME, tx) } else { Ok(()) };
    };
    put(tx, &head)?;
    while body > 0 {
        let n = body.min(ZEROS.len());
        put(tx, &ZEROS[..n])?;
        body -= n;
    }
    Ok(())
}
