//! Messages to frames: whole where they fit into the open record, in fragments where not (docs/wire.md, section 3).

use super::SendState;
use super::room::{FRAGMENT_HEAD, MIN_TX_LIMIT, SIMPLE_OVERHEAD, control_reserve, min_tx_limit, wire_bound};
use crate::buf::{Full, TxBuf};
use crate::noise::MAX_MESSAGE;
use crate::session::control::Shared;
use crate::session::error::SendError;
use crate::session::frame;
use crate::session::outgoing::Outgoing;
use crate::session::seal::{RECORD_HEAD, RECORD_ROOM, frames_in, put};
use crate::session::varint;
use arrayvec::ArrayVec;

/// A fragment that does not end its message carries at least this much.
const MIN_FRAGMENT: usize = 1024;

impl SendState {
    /// Accepts all of `message` or nothing.
    pub(in crate::session) fn send(
        &mut self,
        control: &mut impl Shared,
        message: &[u8],
        tx: &mut TxBuf,
    ) -> Result<(), SendError> {
        if self.is_simple(message.len(), tx) {
            self.send_simple(control, message, tx)
        } else {
            self.send_whole(control, message, tx)
        }
    }

    /// [`Self::send`] for a message that [`Self::is_simple`].
    #[inline(always)]
    fn send_simple(
        &mut self,
        control: &mut impl Shared,
        message: &[u8],
        tx: &mut TxBuf,
    ) -> Result<(), SendError> {
        control.may_send()?;
        if tx.open_len() == 0 {
            put(tx, &[0; RECORD_HEAD])?;
        }
        frame::push_message(tx, message).map_err(|Full| SendError::Full)?;
        self.count_message(message.len());
        Ok(())
    }

    /// Whether a message of `len` bytes goes, as nearly all do where nothing is padded, into the open record or an empty
    /// buffer as it is: nothing that [`Self::send_parts`] looks at stands in its way but what the shared block says.
    #[inline]
    fn is_simple(&self, len: usize, tx: &TxBuf) -> bool {
        // None of the sums overflows: a record is the most that gets past the first line.
        len < self.simple_below
            && self.sealer.is_some()
            && !self.open_message
            && tx.limit() >= MIN_TX_LIMIT
            && frame::MESSAGE_HEAD + len <= tx.limit() / 2
            && tx.open_len() + frame::MESSAGE_HEAD + len <= RECORD_HEAD + RECORD_ROOM
            && SIMPLE_OVERHEAD + len <= tx.room()
    }

    /// [`Self::send`] for the other messages. Out of line, so that what most calls need is small.
    #[inline(never)]
    fn send_whole(
        &mut self,
        control: &mut impl Shared,
        message: &[u8],
        tx: &mut TxBuf,
    ) -> Result<(), SendError> {
        self.send_parts(control, &[message], tx)
    }

    /// Accepts all of the message that `parts` make or nothing.
    pub(in crate::session) fn send_parts(
        &mut self,
        control: &mut impl Shared,
        parts: &[&[u8]],
        tx: &mut TxBuf,
    ) -> Result<(), SendError> {
        self.send_all(control, &mut Outgoing::new(parts), tx)
    }

    fn send_all(
        &mut self,
        control: &mut impl Shared,
        message: &mut Outgoing<'_>,
        tx: &mut TxBuf,
    ) -> Result<(), SendError> {
        let needed = self.needed(message);
        if needed > tx.limit() {
            self.check(control, message, tx)?;
            return Err(SendError::LargerThanBuffer { limit: tx.limit() });
        }
        if needed > tx.room() {
            self.check(control, message, tx)?;
            return Err(SendError::Full);
        }
        self.send_some(control, message, tx)
    }

    /// Accepts as much of `message` as there is room for; `Ok` when it is complete.
    #[inline]
    pub(in crate::session) fn send_some(
        &mut self,
        control: &mut impl Shared,
        message: &mut Outgoing<'_>,
        tx: &mut TxBuf,
    ) -> Result<(), SendError> {
        match message.untouched() {
            Some(whole) if self.is_simple(whole.len(), tx) => {
                self.send_simple(control, whole, tx)?;
                message.finish();
                Ok(())
            }
            _ => self.send_next(control, message, tx),
        }
    }

    /// [`Self::send_some`] for the other messages.
    #[inline(never)]
    fn send_next(
        &mut self,
        control: &mut impl Shared,
        message: &mut Outgoing<'_>,
        tx: &mut TxBuf,
    ) -> Result<(), SendError> {
        self.check(control, message, tx)?;
        let result = self.put_message(message, tx);
        self.note_exhaustion(control, &result);
        result
    }

    fn check(
        &mut self,
        control: &mut impl Shared,
        message: &Outgoing<'_>,
        tx: &mut TxBuf,
    ) -> Result<(), SendError> {
        control.may_send()?;
        self.take_key(control, tx)?;
        let (size, max) = (message.total(), self.config.max_message);
        if size > max {
            return Err(SendError::TooLarge { size, max });
        }
        if tx.limit() < min_tx_limit(self.most_padding()) {
            return Err(SendError::BufferTooSmall);
        }
        Ok(())
    }

    fn put_message(&mut self, message: &mut Outgoing<'_>, tx: &mut TxBuf) -> Result<(), SendError> {
        if message.sent() == 0 {
            self.abandon(control_reserve(self.most_padding()), tx)?;
            if self.is_whole(message, tx) {
                self.put_whole(message, tx)?;
                return Ok(());
            }
        } else if !self.open_message || message.serial() != self.begun {
            return Err(SendError::Abandoned);
        }
        while message.rest() > 0 {
            self.put_fragment(message, tx)?;
        }
        self.open_message = false;
        self.count_message(message.total());
        Ok(())
    }

    fn put_whole(&mut self, message: &mut Outgoing<'_>, tx: &mut TxBuf) -> Result<(), SendError> {
        let head = frame::head(frame::MESSAGE, message.total());
        let reserve = control_reserve(self.most_padding());
        self.sealer()?.make_place(head.len() + message.total(), reserve, tx)?;
        put(tx, &head)?;
        message.take(message.rest(), |part| put(tx, part))?;
        self.count_message(message.total());
        Ok(())
    }

    fn put_fragment(&mut self, message: &mut Outgoing<'_>, tx: &mut TxBuf) -> Result<(), SendError> {
        let least = (FRAGMENT_HEAD + message.rest().min(MIN_FRAGMENT)).min(self.record_room());
        let reserve = control_reserve(self.most_padding());
        let place = self.sealer()?.make_place(least, reserve, tx)?;
        let body = message.rest().min(place - FRAGMENT_HEAD);
        if body == message.total() {
            // There is room for all of it just now, and BEGIN must not carry that.
            put(tx, &frame::head(frame::MESSAGE, body))?;
        } else if message.sent() == 0 {
            self.begun += 1;
            message.begin(self.begun);
            let mut total = ArrayVec::<u8, 8>::new();
            frame::push_varint(&mut total, message.total() as u64);
            put(tx, &frame::head(frame::BEGIN, total.len() + body))?;
            put(tx, &total)?;
        } else {
            put(tx, &frame::head(frame::CONTINUE, body))?;
        }
        self.open_message = true;
        message.take(body, |part| put(tx, part))
    }

    /// Bytes of frames a record may hold.
    fn record_room(&self) -> usize {
        frames_in(MAX_MESSAGE, self.config.padding)
    }

    /// Whether `message` goes out in one frame.
    fn is_whole(&self, message: &Outgoing<'_>, tx: &TxBuf) -> bool {
        let frame = message.total().saturating_add(1 + varint::len(message.total() as u64));
        frame <= self.record_room().min(tx.limit() / 2) && self.needed(message) <= tx.limit()
    }

    /// How much room in the buffer is enough for all of `message`, with what is left free.
    fn needed(&self, message: &Outgoing<'_>) -> usize {
        wire_bound(message.total(), self.config.padding).saturating_add(control_reserve(self.most_padding()))
    }

    fn count_message(&mut self, bytes: usize) {
        self.untold = true;
        self.messages += 1;
        self.message_bytes += bytes as u64;
    }
}
