//! Messages that arrive compressed: their payloads are unmasked where they lie and inflated into the caller's scratch.

use super::super::Role;
use super::super::config::{Config, Delivery};
use super::super::deflate::{Corrupt, Decompressor, DeflateParams};
use super::super::error::Error;
use super::super::mask;
use super::{Kind, Partial, RecvState, Step};
use crate::buf::{Scratch, Span};
use alloc::boxed::Box;

/// The most inflated bytes that are handed out at once in chunks.
const CHUNK: usize = 16 * 1024;

/// What is known of compression.
#[derive(Default)]
pub(super) struct Inflation {
    /// There if the two ends agreed on it.
    decompressor: Option<Box<Decompressor>>,
    /// The message under way is compressed.
    compressed: bool,
    /// What is in the scratch was handed out.
    handed: bool,
}

impl Inflation {
    pub(super) fn begin(&mut self, config: &Config, role: Role, agreed: Option<DeflateParams>) {
        let agreed = config.deflate.as_ref().zip(agreed);
        self.decompressor = agreed.map(|(codecs, params)| Box::new(Decompressor::new(codecs, &params, role)));
    }

    pub(super) const fn is_agreed(&self) -> bool {
        self.decompressor.is_some()
    }

    pub(super) const fn is_compressed(&self) -> bool {
        self.compressed
    }

    /// A message begins.
    pub(super) const fn set_compressed(&mut self, compressed: bool) {
        self.compressed = compressed;
    }
}

impl RecvState {
    /// Empties the scratch once its payload is done with.
    pub(super) fn clear(&mut self, scratch: Option<&mut Scratch>) {
        if core::mem::take(&mut self.inflation.handed) {
            if let Some(scratch) = scratch {
                scratch.clear();
            }
        }
    }

    /// Takes what has come of the payload of the frame under way, as far as there is room for what it becomes.
    pub(super) fn compressed_payload(
        &mut self,
        buf: &mut [u8],
        scratch: &mut Scratch,
    ) -> Result<Step, Error> {
        let max = match self.config.delivery {
            // One more than allowed shows that it is too large.
            Delivery::Messages => self.config.max_message.saturating_add(1),
            Delivery::Chunks => CHUNK,
        };
        let (Some(Partial { fin, mask, left }), Some(kind)) = (&self.frame, self.message) else {
            return Ok(Step::Done);
        };
        let (fin, mask, left) = (*fin, *mask, *left);
        let rest = buf.get_mut(self.joiner.unread()..).ok_or(Error::BufferChanged)?;
        let n = left.min(rest.len());
        let (came, _) = rest.split_at_mut(n);
        let unmasked = self.inflation.decompressor.as_ref().map_or(0, |decompressor| decompressor.waiting());
        let (_, fresh) = came.split_at_mut(unmasked.min(n));
        let is_news = !fresh.is_empty();
        self.unmask(mask::turned(mask, unmasked), fresh);

        let before = scratch.len();
        let Some(decompressor) = &mut self.inflation.decompressor else { return Ok(Step::Done) };
        let max_message = self.config.max_message;
        let sum = decompressor.sum();
        let outcome = decompressor.inflate(came, scratch, max).and_then(|used| {
            let ended = used == left && fin;
            Ok((used, ended && decompressor.finish(scratch, max)?))
        });
        let inflated = scratch.filled().get(before..).unwrap_or_default();
        let size = sum.saturating_add(inflated.len());
        // In the order of the bytes, however many are judged at once.
        let allowed = inflated.get(..max_message.saturating_sub(sum)).unwrap_or(inflated);
        if kind == Kind::Text {
            self.utf8.feed(allowed).map_err(|_| Error::NotUtf8)?;
        }
        if size > max_message {
            return Err(Error::MessageTooLarge { size: max_message as u64 + 1, max: max_message });
        }
        let (used, last) = outcome.map_err(|Corrupt| Error::Corrupt)?;
        decompressor.settle(n - used, if last { 0 } else { size });
        self.received |= is_news;
        self.joiner.skip(used);
        let left = left - used;
        let done = if fin { last } else { left == 0 };
        let partial = Partial { fin, mask: mask::turned(mask, used), left };
        self.frame = (!done).then_some(partial);
        if last {
            if !self.utf8.is_complete() {
                return Err(Error::NotUtf8);
            }
            self.message = None;
            self.inflation.compressed = false;
            self.joiner.end();
            self.count_message(size);
        }
        let hands_out = match self.config.delivery {
            Delivery::Messages => last,
            Delivery::Chunks => last || !scratch.is_empty(),
        };
        if hands_out {
            self.inflation.handed = true;
            return Ok(Step::Event(self.event(kind, Span::in_scratch(scratch.len()), last)));
        }
        Ok(if done { Step::Done } else { Step::Need(1) })
    }
}
