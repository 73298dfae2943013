//! permessage-deflate (RFC 7692): what is asked for and agreed, and messages through the codec.
//!
//! Knows no frames. The codec is `zlib-rs`; it keeps up to about 300 KiB for a compressor and 50 KiB for a decompressor.
//! Without context takeover none of that belongs to a connection: codecs are lent to it for one message (`codec.rs`).

mod codec;
mod compress;
mod config;
mod decompress;
mod negotiate;

pub(super) use codec::Codecs;
pub(super) use compress::{Compressor, bound};
pub use config::DeflateConfig;
pub(super) use config::DeflateFault;
pub(super) use decompress::{Corrupt, Decompressor};
pub use negotiate::DeflateParams;
pub(super) use negotiate::{accept, check, offer};

/// What a sender takes off the end of a message and a receiver puts back: an empty stored block, but for its first byte
/// (RFC 7692, section 7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// The window that needs no agreement, as a power of two.
const MAX_WINDOW: u8 = 15;
/// The smallest window that the codec compresses with.
const MIN_WINDOW: u8 = 9;
