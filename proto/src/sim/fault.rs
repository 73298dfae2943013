//! What can be scripted to go wrong at a place in a stream.

use alloc::vec::Vec;
use core::fmt;

/// Something that happens to a stream at an offset, which [`Link::strike`](super::Link::strike) names. Offsets count
/// what the sender wrote.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The byte there arrives with these bits changed.
    Flip(u8),
    /// The stream ends there: nothing behind arrives, and the receiver sees the end.
    Truncate,
    /// As many bytes from there on never arrive; what is behind them does.
    Remove(u64),
    /// The sender's bytes `from..to` arrive once more before the byte there. What lies past the offset is left out.
    /// To be scripted before the sender writes the first byte, or on a link
    /// [`with_history`](super::Link::with_history): only then the bytes are kept.
    Replay {
        /// First offset of the range.
        from: u64,
        /// One past the last.
        to: u64,
    },
    /// These bytes arrive before the byte there.
    Splice(Vec<u8>),
    /// The stream is reset there; see [`Link::reset`](super::Link::reset).
    Reset,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flip(mask) => write!(f, "byte changed by {mask:#04x}"),
            Self::Truncate => f.write_str("stream truncated"),
            Self::Remove(len) => write!(f, "{len} bytes removed"),
            Self::Replay { from, to } => write!(f, "bytes {from}..{to} replayed"),
            Self::Splice(bytes) => write!(f, "{} bytes spliced in", bytes.len()),
            Self::Reset => f.write_str("stream reset"),
        }
    }
}
