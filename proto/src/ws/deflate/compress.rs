//! Messages on their way out.

use super::codec::{Codecs, Encoder};
use super::{DeflateParams, MAX_WINDOW, MIN_WINDOW, TAIL};
use crate::ws::Role;
use alloc::sync::Arc;
use zlib_rs::DeflateFlush;

/// Bytes of output that the codec gets at least.
const LEAST_OUTPUT: usize = 256;

/// More bytes than a message of `len` can become.
pub(in crate::ws) const fn bound(len: usize) -> usize {
    len.saturating_add(len / 8 + len / 64 + LEAST_OUTPUT)
}

/// Compresses what one connection sends.
pub(in crate::ws) struct Compressor {
    codecs: Arc<Codecs>,
    window: u8,
    alone: bool,
    /// Kept between messages only if they refer to each other.
    encoder: Option<Encoder>,
}

impl Compressor {
    /// For messages that stand alone, whichever connection they are sent on.
    pub(in crate::ws) fn alone(codecs: &Arc<Codecs>) -> Self {
        let window = codecs.config.server_max_window_bits;
        Self { codecs: Arc::clone(codecs), window, alone: true, encoder: None }
    }

    /// None if the peer's window is smaller than any the codec compresses with: everything is sent as it is then.
    pub(in crate::ws) fn new(codecs: &Arc<Codecs>, params: &DeflateParams, role: Role) -> Option<Self> {
        let (alone, window) = match role {
            Role::Server => (params.server_no_context_takeover, params.server_max_window_bits),
            Role::Client => (params.client_no_context_takeover, params.client_max_window_bits),
        };
        let (alone, own) = match role {
            Role::Server => (alone, codecs.config.server_max_window_bits),
            Role::Client => {
                (alone | codecs.config.client_no_context_takeover, codecs.config.client_max_window_bits)
            }
        };
        let window = window.unwrap_or(MAX_WINDOW).min(own);
        (window >= MIN_WINDOW).then(|| Self { codecs: Arc::clone(codecs), window, alone, encoder: None })
    }

    /// The window, as a power of two.
    pub(in crate::ws) const fn window(&self) -> u8 {
        self.window
    }

    /// Whether a message of so many bytes is compressed.
    pub(in crate::ws) fn wants(&self, len: usize) -> bool {
        len >= self.codecs.config.min_size
    }

    /// The next piece of a message, compressed. To be followed by [`Compressor::settle`]. Nothing if
    /// the codec fails.
    pub(in crate::ws) fn compress(&mut self, piece: &[u8], last: bool) -> Option<&[u8]> {
        let encoder = self.encoder.get_or_insert_with(|| self.codecs.encoder(self.window));
        let Encoder { deflate, output, .. } = encoder;
        // For what a piece mostly becomes; there is more where that is not enough.
        let room = (piece.len() / 2).max(LEAST_OUTPUT);
        if output.len() < room {
            output.resize(room, 0);
        }
        let (mut used, mut filled) = (0, 0);
        loop {
            let (before_in, before_out) = (deflate.total_in(), deflate.total_out());
            let rest = piece.get(used..).unwrap_or_default();
            let spare = output.get_mut(filled..).unwrap_or_default();
            let spare_len = spare.len();
            deflate.compress(rest, spare, DeflateFlush::SyncFlush).ok()?;
            used += (deflate.total_in() - before_in) as usize;
            let written = (deflate.total_out() - before_out) as usize;
            filled += written;
            // With room left nothing waits inside.
            if written < spare_len {
                break;
            }
            output.resize(output.len() + output.len() / 2, 0);
        }
        let mut compressed = output.get(..filled).unwrap_or_default();
        if last {
            compressed = compressed.strip_suffix(&TAIL).unwrap_or(compressed);
            if compressed.is_empty() {
                // The codec does not flush twice: the first byte of an empty block (RFC 7692, section 7.2.3.6).
                compressed = &[0];
            }
        }
        Some(compressed)
    }

    /// The piece last compressed is on its way, or is not: then nothing may refer to it, and the codec begins anew, which
    /// it can behind any piece.
    pub(in crate::ws) fn settle(&mut self, sent: bool, last: bool) {
        if !sent || last && self.alone {
            if let Some(encoder) = self.encoder.take() {
                self.codecs.take_encoder(encoder);
            }
        }
    }

    /// Whether a message may be sent as it is instead, because it became no smaller.
    pub(in crate::ws) const fn may_skip(&self) -> bool {
        self.alone
    }
}

#[cfg(test)]
impl Compressor {
    /// The next piece meets a codec that fails: it was told that nothing follows.
    pub(in crate::ws) fn break_codec(&mut self) {
        let encoder = self.encoder.get_or_insert_with(|| self.codecs.encoder(self.window));
        encoder.deflate.compress(&[], &mut [0; 64], DeflateFlush::Finish).unwrap();
    }
}
