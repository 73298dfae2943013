//! The codecs that the connections of one configuration share.
//!
//! A codec stands behind no connection between two messages that stand alone, so a few serve any number of connections.

use super::{DeflateConfig, MAX_WINDOW};
use alloc::vec::Vec;
use core::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use zlib_rs::{Deflate, Inflate};

/// The most codecs of each kind that are kept for the next message.
const KEPT: usize = 16;
/// Output memory that a compressor keeps for the next message.
const KEPT_OUTPUT: usize = 64 * 1024;

/// What compresses, with the window it was made for.
pub(super) struct Encoder {
    pub(super) deflate: Deflate,
    window: u8,
    /// Initialised storage.
    pub(super) output: Vec<u8>,
}

/// Codecs that nobody uses, and the configuration they are made by.
pub(in crate::ws) struct Codecs {
    pub(super) config: DeflateConfig,
    encoders: Mutex<Vec<Encoder>>,
    decoders: Mutex<Vec<Inflate>>,
}

impl Codecs {
    pub(in crate::ws) const fn new(config: DeflateConfig) -> Self {
        Self { config, encoders: Mutex::new(Vec::new()), decoders: Mutex::new(Vec::new()) }
    }

    pub(in crate::ws) const fn config(&self) -> &DeflateConfig {
        &self.config
    }

    /// One that begins anew. The window is 9 to 15, or the codec would panic.
    pub(super) fn encoder(&self, window: u8) -> Encoder {
        let mut encoders = lock(&self.encoders);
        let kept = encoders.iter().position(|encoder| encoder.window == window);
        kept.map(|at| encoders.swap_remove(at)).unwrap_or_else(|| {
            let deflate = Deflate::new(i32::from(self.config.level), false, window);
            Encoder { deflate, window, output: Vec::new() }
        })
    }

    pub(super) fn take_encoder(&self, mut encoder: Encoder) {
        encoder.deflate.reset();
        encoder.output.truncate(KEPT_OUTPUT);
        encoder.output.shrink_to_fit();
        let mut encoders = lock(&self.encoders);
        if encoders.len() < KEPT {
            encoders.push(encoder);
        }
    }

    /// One that begins anew, and reads what any window wrote.
    pub(super) fn decoder(&self) -> Inflate {
        lock(&self.decoders).pop().unwrap_or_else(|| Inflate::new(false, MAX_WINDOW))
    }

    pub(super) fn take_decoder(&self, mut decoder: Inflate) {
        decoder.reset(false);
        let mut decoders = lock(&self.decoders);
        if decoders.len() < KEPT {
            decoders.push(decoder);
        }
    }
}

/// Nothing is left half done by a panic beside it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Codecs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.config.fmt(f)
    }
}
