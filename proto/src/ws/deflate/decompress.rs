//! Messages on their way in.

use super::codec::Codecs;
use super::{DeflateParams, TAIL};
use crate::buf::Scratch;
use crate::ws::Role;
use alloc::sync::Arc;
use zlib_rs::{Inflate, InflateFlush, Status};

/// What came is no compressed data.
pub(in crate::ws) struct Corrupt;

/// Inflates what one connection receives.
pub(in crate::ws) struct Decompressor {
    codecs: Arc<Codecs>,
    alone: bool,
    /// Kept between messages only if they refer to each other.
    decoder: Option<Inflate>,
    waiting: usize,
    size: usize,
    /// Bytes of [`TAIL`] that were inflated behind this message.
    tail: usize,
    /// There was no room for all that waits inside.
    stalled: bool,
    /// The input so far ended with the end of a stream.
    ended: bool,
}

impl Decompressor {
    pub(in crate::ws) fn new(codecs: &Arc<Codecs>, params: &DeflateParams, role: Role) -> Self {
        let alone = match role {
            Role::Server => params.client_no_context_takeover,
            Role::Client => params.server_no_context_takeover,
        };
        Self {
            codecs: Arc::clone(codecs),
            alone,
            decoder: None,
            waiting: 0,
            size: 0,
            tail: 0,
            stalled: false,
            ended: false,
        }
    }

    /// Inflated bytes of the message so far.
    pub(in crate::ws) const fn sum(&self) -> usize {
        self.size
    }

    /// Bytes of the input that have been unmasked, and wait for room to be inflated.
    pub(in crate::ws) const fn waiting(&self) -> usize {
        self.waiting
    }

    /// For the caller to remember, here where it costs nothing without compression: [`Decompressor::waiting`] and
    /// [`Decompressor::sum`].
    pub(in crate::ws) const fn settle(&mut self, waiting: usize, sum: usize) {
        (self.waiting, self.size) = (waiting, sum);
    }

    /// Inflates from the front of `input` to the end of `output`, until one is used up or `max` bytes are there. Returns
    /// how many bytes of the input were used.
    pub(in crate::ws) fn inflate(
        &mut self,
        input: &[u8],
        output: &mut Scratch,
        max: usize,
    ) -> Result<usize, Corrupt> {
        let decoder = self.decoder.get_or_insert_with(|| self.codecs.decoder());
        self.ended &= input.is_empty();
        let mut used = 0;
        loop {
            let rest = input.get(used..).unwrap_or_default();
            let spare = output.spare_mut(max);
            let room = spare.len();
            let (before_in, before_out) = (decoder.total_in(), decoder.total_out());
            let status = decoder.decompress(rest, spare, InflateFlush::SyncFlush);
            used += (decoder.total_in() - before_in) as usize;
            let made = (decoder.total_out() - before_out) as usize;
            // Also of what turns out to be corrupt: the same bytes are judged wherever the input was cut.
            output.commit(made);
            let status = status.map_err(|_| Corrupt)?;
            if status == Status::StreamEnd {
                // The peer's codec has ended a stream. What follows is another and refers to nothing before: a codec
                // that ended begins anew.
                decoder.reset(false);
                self.ended = used == input.len();
                if self.ended {
                    return Ok(used);
                }
            } else if room == 0 || made < room {
                // With room left nothing waits inside.
                self.stalled = room == 0;
                return Ok(used);
            }
        }
    }

    /// The message has come as a whole: inflates the rest of it. False if there is no room for all of it.
    pub(in crate::ws) fn finish(&mut self, output: &mut Scratch, max: usize) -> Result<bool, Corrupt> {
        // A stream that has ended needs no tail.
        while !self.ended && (self.stalled || self.tail < TAIL.len()) {
            let rest = TAIL.get(self.tail..).unwrap_or_default();
            self.tail += self.inflate(rest, output, max)?;
            if self.stalled {
                return Ok(false);
            }
        }
        (self.tail, self.ended) = (0, false);
        if self.alone {
            if let Some(decoder) = self.decoder.take() {
                self.codecs.take_decoder(decoder);
            }
        }
        Ok(true)
    }
}
