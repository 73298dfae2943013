//! The sending half: messages to frames, control frames when they are owed, and the close.

#[cfg(feature = "deflate")]
mod coding;

use super::close::{CloseCode, MAX_REASON};
use super::config::Config;
use super::control::{Owed, Shared};
use super::error::{AnswerError, SendError};
use super::frame::{Encoded, MAX_CONTROL, MAX_HEAD, Opcode};
use super::http::{Accept, Reject};
use super::mask::{self, Masks};
use super::pongs::Body;
use super::stats::Traffic;
use super::utf8::{Utf8, is_utf8};
use super::{Broadcast, Kind, Role};
use crate::buf::{Full, TxBuf};
use crate::entropy::Seed;
use crate::time::Instant;
use alloc::boxed::Box;
#[cfg(feature = "deflate")]
use coding::Coding;

/// The smallest limit a transmit buffer may have, in bytes: the control frames that may be owed at once, and a little
/// message. The head of a request or an answer must fit it too.
pub const MIN_TX_LIMIT: usize = 1024;

/// The longest control frame.
const CONTROL: usize = MAX_HEAD + MAX_CONTROL;
/// Left free by messages, so that a Ping, a Pong and a Close do not wait behind them.
const CONTROL_RESERVE: usize = 3 * CONTROL;
/// What a frame needs in an empty buffer beside its payload.
pub(super) const FRAME_ROOM: usize = MAX_HEAD + CONTROL_RESERVE;

/// A message in chunks.
#[derive(Clone, Copy)]
struct Chunked {
    kind: Kind,
    size: usize,
    compressed: bool,
    /// Its first frame has been sent.
    begun: bool,
}

impl Chunked {
    const fn frame(self, last: bool) -> Frame {
        let opcode = if self.begun { Opcode::Continuation } else { self.kind.opcode() };
        Frame { fin: last, rsv1: self.compressed && !self.begun, opcode }
    }
}

/// What the head of a frame says beside the payload's length and mask.
#[derive(Clone, Copy)]
struct Frame {
    fin: bool,
    rsv1: bool,
    opcode: Opcode,
}

impl Frame {
    const fn whole(opcode: Opcode) -> Self {
        Self { fin: true, rsv1: false, opcode }
    }
}

pub(super) struct SendState {
    max_message: usize,
    /// A client's.
    masks: Option<Box<Masks>>,
    /// A message sent in chunks that is not complete.
    chunked: Option<Chunked>,
    #[cfg(feature = "deflate")]
    coding: Coding,
    /// Of that, if it is text.
    utf8: Utf8,
    /// Messages were accepted of which the shared block has not been told.
    untold: bool,
    /// A deadline moved, or the receiving half has something to do, by a call of this half.
    moved: bool,
    stats: Traffic,
}

impl SendState {
    pub(super) fn new(config: &Config, role: Role, seed: &Seed) -> Self {
        Self {
            max_message: config.max_message,
            masks: (role == Role::Client).then(|| Box::new(Masks::new(seed))),
            chunked: None,
            #[cfg(feature = "deflate")]
            coding: Coding::new(config, role),
            utf8: Utf8::default(),
            untold: false,
            moved: false,
            stats: Traffic::default(),
        }
    }

    pub(super) const fn stats(&self) -> Traffic {
        self.stats
    }

    // Messages.

    /// Accepts all of a message or nothing.
    #[inline]
    pub(super) fn send(
        &mut self,
        control: &mut impl Shared,
        kind: Kind,
        payload: &[u8],
        tx: &mut TxBuf,
    ) -> Result<(), SendError> {
        self.begin_whole(control, payload.len(), tx)?;
        if kind == Kind::Text && !is_utf8(payload) {
            return Err(SendError::NotUtf8);
        }
        self.put_message(control, kind, payload, tx)?;
        self.count_message(payload.len());
        Ok(())
    }

    /// Accepts all of a message that others send too, or nothing.
    #[inline]
    pub(super) fn send_broadcast(
        &mut self,
        control: &mut impl Shared,
        broadcast: &Broadcast,
        tx: &mut TxBuf,
    ) -> Result<(), SendError> {
        let payload = broadcast.payload();
        self.begin_whole(control, payload.len(), tx)?;
        if self.masks.is_some() {
            self.put(Frame::whole(broadcast.kind().opcode()), payload, CONTROL_RESERVE, tx)?;
        } else {
            has_room(payload.len(), CONTROL_RESERVE, tx)?;
            #[cfg(feature = "deflate")]
            let frame = self.shared_frame(control, broadcast);
            #[cfg(not(feature = "deflate"))]
            let frame = broadcast.frame();
            tx.push_shared(frame).map_err(|Full| SendError::Full)?;
            self.stats.frames += 1;
        }
        self.count_message(payload.len());
        Ok(())
    }

    /// Accepts all of a chunk or nothing.
    pub(super) fn send_chunk(
        &mut self,
        control: &mut impl Shared,
        kind: Kind,
        payload: &[u8],
        last: bool,
        tx: &mut TxBuf,
    ) -> Result<(), SendError> {
        self.begin(control, tx)?;
        let mut message = match self.chunked {
            None => Chunked { kind, size: 0, compressed: false, begun: false },
            Some(chunked) if chunked.kind == kind => chunked,
            Some(_) => return Err(SendError::OutOfTurn),
        };
        let Some(size) = payload.len().checked_add(message.size).filter(|size| *size <= self.max_message)
        else {
            return Err(SendError::TooLarge { max: self.max_message });
        };
        let mut utf8 = self.utf8.clone();
        if kind == Kind::Text {
            utf8.feed(payload).map_err(|_| SendError::NotUtf8)?;
            if last && !utf8.is_complete() {
                return Err(SendError::NotUtf8);
            }
        }
        self.put_chunk(control, &mut message, payload, last, tx)?;
        self.utf8 = utf8;
        (message.size, message.begun) = (size, true);
        self.chunked = (!last).then_some(message);
        if last {
            self.count_message(size);
        }
        Ok(())
    }

    /// Whether a message of `size` bytes may be accepted as one frame.
    #[inline]
    fn begin_whole(
        &mut self,
        control: &mut impl Shared,
        size: usize,
        tx: &mut TxBuf,
    ) -> Result<(), SendError> {
        if !control.is_calm() {
            self.begin(control, tx)?;
        }
        if self.chunked.is_some() {
            return Err(SendError::OutOfTurn);
        }
        if size > self.max_message {
            return Err(SendError::TooLarge { max: self.max_message });
        }
        Ok(())
    }

    /// Whether a message may be accepted. Answers to Pings go before it: whoever measures time with them should not wait
    /// for what was said later.
    #[cold]
    fn begin(&mut self, control: &mut impl Shared, tx: &mut TxBuf) -> Result<(), SendError> {
        control.may_send()?;
        while tx.room() >= 2 * CONTROL {
            let Some(body) = control.with(|control| control.take_pong()) else { break };
            self.put(Frame::whole(Opcode::Pong), &body, 0, tx)?;
        }
        Ok(())
    }

    fn count_message(&mut self, bytes: usize) {
        self.untold = true;
        self.stats.messages += 1;
        self.stats.message_bytes += bytes as u64;
    }

    /// Appends a message as one frame.
    #[cfg(not(feature = "deflate"))]
    #[inline]
    fn put_message(
        &mut self,
        _control: &mut impl Shared,
        kind: Kind,
        payload: &[u8],
        tx: &mut TxBuf,
    ) -> Result<(), SendError> {
        self.put(Frame::whole(kind.opcode()), payload, CONTROL_RESERVE, tx)
    }

    /// Appends a fragment of a message.
    #[cfg(not(feature = "deflate"))]
    fn put_chunk(
        &mut self,
        _control: &mut impl Shared,
        message: &mut Chunked,
        payload: &[u8],
        last: bool,
        tx: &mut TxBuf,
    ) -> Result<(), SendError> {
        self.put(message.frame(last), payload, CONTROL_RESERVE, tx)
    }

    /// Appends a frame behind which `reserve` bytes stay free, all of it or nothing.
    #[inline]
    fn put(&mut self, frame: Frame, payload: &[u8], reserve: usize, tx: &mut TxBuf) -> Result<(), SendError> {
        has_room(payload.len(), reserve, tx)?;
        let mask = self.masks.as_mut().map(|masks| masks.next());
        let head = Encoded::new(frame.fin, frame.rsv1, frame.opcode, mask, payload.len());
        let head = head.bytes();
        tx.push_all([head, payload]).map_err(|Full| SendError::Full)?;
        if let Some(mask) = mask {
            mask_behind(mask, head.len(), tx);
        }
        tx.seal();
        self.stats.frames += 1;
        Ok(())
    }

    // Control frames.

    pub(super) fn poll_transmit(&mut self, control: &mut impl Shared, now: Instant, tx: &mut TxBuf) {
        let messages = core::mem::take(&mut self.untold);
        self.moved |= control.with(|control| {
            if messages {
                control.on_message(now);
            }
            control.transmit_opening(tx)
        });
        while tx.room() >= CONTROL {
            let has_room = tx.room() >= 2 * CONTROL;
            // There is room for each.
            let _ = match control.with(|control| control.take_owed(now, has_room)) {
                Some(Owed::Close(code)) => self.put_close(control, now, Some(code), "", tx),
                Some(Owed::Ping(id)) => self.put(Frame::whole(Opcode::Ping), &id.to_be_bytes(), 0, tx),
                Some(Owed::Pong(body)) => self.put(Frame::whole(Opcode::Pong), &body, 0, tx),
                None => return,
            };
        }
    }

    // The beginning and the end.

    pub(super) fn accept(
        &mut self,
        control: &mut impl Shared,
        now: Instant,
        accept: &Accept<'_>,
        tx: &mut TxBuf,
    ) -> Result<(), AnswerError> {
        self.moved = true;
        control.with(|control| control.accept(now, accept, tx))
    }

    pub(super) fn reject(
        &mut self,
        control: &mut impl Shared,
        reject: &Reject<'_>,
        tx: &mut TxBuf,
    ) -> Result<(), AnswerError> {
        self.moved = true;
        control.with(|control| control.reject(reject, tx))
    }

    /// Appends a Close frame behind everything accepted.
    pub(super) fn close(
        &mut self,
        control: &mut impl Shared,
        now: Instant,
        code: CloseCode,
        reason: &str,
        tx: &mut TxBuf,
    ) -> Result<(), SendError> {
        control.may_send()?;
        let code = CloseCode::new(code.get());
        if reason.len() > MAX_REASON || code.is_none() && !reason.is_empty() {
            return Err(SendError::Close);
        }
        self.put_close(control, now, code, reason, tx)
    }

    /// `None` for a close without a code.
    fn put_close(
        &mut self,
        control: &mut impl Shared,
        now: Instant,
        code: Option<CloseCode>,
        reason: &str,
        tx: &mut TxBuf,
    ) -> Result<(), SendError> {
        let mut body = Body::new();
        if let Some(code) = code.filter(|code| *code != CloseCode::NO_STATUS) {
            // Two bytes and at most MAX_REASON fit.
            let _ = body.try_extend_from_slice(&code.get().to_be_bytes());
            let _ = body.try_extend_from_slice(reason.as_bytes());
        }
        self.put(Frame::whole(Opcode::Close), &body, 0, tx)?;
        control.with(|control| control.closed_here(now));
        self.moved = true;
        Ok(())
    }

    /// Whether something moved that the receiving half waits for, since the last time this was asked.
    #[cfg(feature = "std")]
    pub(super) fn take_moved(&mut self) -> bool {
        core::mem::take(&mut self.moved)
    }
}

/// Whether there is room for a frame behind which `reserve` bytes stay free.
#[inline]
fn has_room(payload: usize, reserve: usize, tx: &TxBuf) -> Result<(), SendError> {
    if tx.room() < payload.saturating_add(reserve + MAX_HEAD) { Err(SendError::Full) } else { Ok(()) }
}

/// Masks the payload behind a head of `head` bytes. Out of line, so that a server's end is small.
#[inline(never)]
fn mask_behind(mask: [u8; 4], head: usize, tx: &mut TxBuf) {
    mask::apply(mask, tx.open_mut().get_mut(head..).unwrap_or_default());
}
