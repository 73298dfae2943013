//! Messages that are sent compressed, where both ends agreed on that.

use super::super::broadcast::Broadcast;
use super::super::config::Config;
use super::super::control::{Control, Shared};
use super::super::deflate::{Codecs, Compressor, bound};
use super::super::error::SendError;
use super::super::frame::MAX_HEAD;
use super::super::{Kind, Role};
use super::{CONTROL_RESERVE, Chunked, Frame, SendState};
use crate::buf::TxBuf;
use alloc::boxed::Box;
use alloc::sync::Arc;
use bytes::Bytes;

/// Whether messages are compressed.
pub(super) enum Coding {
    No,
    /// If the ends agreed on it, which this half has not asked yet.
    Maybe(Arc<Codecs>, Role),
    Deflate(Box<Compressor>),
}

impl Coding {
    pub(super) fn new(config: &Config, role: Role) -> Self {
        config.deflate.as_ref().map_or(Self::No, |codecs| Self::Maybe(Arc::clone(codecs), role))
    }

    /// The compressor, once the connection is open.
    fn compressor(&mut self, control: &mut impl Shared) -> Option<&mut Compressor> {
        if let Self::Maybe(codecs, role) = self {
            let granted = control.with(|control: &mut Control| control.granted());
            let compressor = granted.and_then(|params| Compressor::new(codecs, &params, *role));
            *self = compressor.map_or(Self::No, |compressor| Self::Deflate(Box::new(compressor)));
        }
        match self {
            Self::Deflate(compressor) => Some(compressor),
            _ => None,
        }
    }
}

/// Whether there is room for whatever `len` bytes become, as far as that is worth waiting for: an empty buffer may hold
/// what they become in the end.
fn may_fit(len: usize, tx: &TxBuf) -> bool {
    tx.is_empty() || tx.room() >= bound(len).saturating_add(CONTROL_RESERVE + MAX_HEAD)
}

impl SendState {
    /// Appends a message as one frame.
    #[inline]
    pub(super) fn put_message(
        &mut self,
        control: &mut impl Shared,
        kind: Kind,
        payload: &[u8],
        tx: &mut TxBuf,
    ) -> Result<(), SendError> {
        let frame = Frame::whole(kind.opcode());
        if matches!(self.coding, Coding::No) {
            return self.put(frame, payload, CONTROL_RESERVE, tx);
        }
        self.put_coded(control, frame, payload, tx)
    }

    #[inline(never)]
    fn put_coded(
        &mut self,
        control: &mut impl Shared,
        frame: Frame,
        payload: &[u8],
        tx: &mut TxBuf,
    ) -> Result<(), SendError> {
        let mut coding = core::mem::replace(&mut self.coding, Coding::No);
        let result = match coding.compressor(control).filter(|compressor| compressor.wants(payload.len())) {
            None => self.put(frame, payload, CONTROL_RESERVE, tx),
            Some(_) if !may_fit(payload.len(), tx) => Err(SendError::Full),
            Some(compressor) => {
                let may_skip = compressor.may_skip();
                let smaller = compressor.compress(payload, true);
                let smaller = smaller.filter(|smaller| smaller.len() < payload.len() || !may_skip);
                let result = match smaller {
                    Some(smaller) => self.put(Frame { rsv1: true, ..frame }, smaller, CONTROL_RESERVE, tx),
                    None => self.put(frame, payload, CONTROL_RESERVE, tx),
                };
                let sent = smaller.is_some() && result.is_ok();
                compressor.settle(sent, true);
                result
            }
        };
        self.coding = coding;
        result
    }

    /// What a server appends for a message that others send too.
    pub(super) fn shared_frame<'b>(
        &mut self,
        control: &mut impl Shared,
        broadcast: &'b Broadcast,
    ) -> &'b Bytes {
        let Some((window, frame)) = broadcast.deflated() else { return broadcast.frame() };
        match self.coding.compressor(control).filter(|compressor| compressor.window() >= window) {
            Some(compressor) => {
                // The peer now has seen what this end's codec has not: nothing refers back past it.
                compressor.settle(false, true);
                frame
            }
            None => broadcast.frame(),
        }
    }

    /// Appends a fragment of a message.
    pub(super) fn put_chunk(
        &mut self,
        control: &mut impl Shared,
        message: &mut Chunked,
        payload: &[u8],
        last: bool,
        tx: &mut TxBuf,
    ) -> Result<(), SendError> {
        let mut coding = core::mem::replace(&mut self.coding, Coding::No);
        let compressor = coding.compressor(control);
        let result = match compressor.filter(|_| message.compressed || !message.begun) {
            None => self.put(message.frame(last), payload, CONTROL_RESERVE, tx),
            Some(_) if !may_fit(payload.len(), tx) => Err(SendError::Full),
            Some(compressor) => {
                message.compressed = true;
                let frame = message.frame(last);
                let result = match compressor.compress(payload, last) {
                    Some(smaller) => self.put(frame, smaller, CONTROL_RESERVE, tx),
                    None => Err(SendError::Codec),
                };
                compressor.settle(result.is_ok(), last);
                result
            }
        };
        self.coding = coding;
        result
    }
}

#[cfg(test)]
impl SendState {
    /// [`Compressor::break_codec`], behind a message that was compressed.
    pub(in crate::ws) fn break_codec(&mut self) {
        let Coding::Deflate(compressor) = &mut self.coding else { panic!("nothing is compressed") };
        compressor.break_codec();
    }
}
