//! The sending half: messages into frames, frames into the open record, records sealed once.

use super::config::Config;
use super::control::{Owed, Shared};
use super::error::{CloseCode, SendError};
use super::frame;
use super::outgoing::Outgoing;
use super::stats::Traffic;
use super::{MAX_REASON, varint};
use crate::buf::{Full, TxBuf};
use crate::noise::{MAX_MESSAGE, SendCipher, TAG_LEN};
use crate::time::Instant;
use alloc::sync::Arc;

/// The smallest limit a transmit buffer may have, in bytes.
pub const MIN_TX_LIMIT: usize = 4096;

/// Length field of a record.
pub(super) const RECORD_HEAD: usize = 2;
/// A REKEY frame always fits behind what a record holds.
const REKEY_FRAME: usize = 2;
/// Bytes of frames a record may hold.
const RECORD_ROOM: usize = MAX_MESSAGE - TAG_LEN - REKEY_FRAME;
/// Left free by messages, so that control frames never wait for a peer that does not read.
const CONTROL_RESERVE: usize = 512;
/// The most that [`SendState::poll_transmit`] appends: control frames, and the ends of two records.
const CONTROL_ROOM: usize = 128;
/// Longest head of a fragment: type, length, total.
const FRAGMENT_HEAD: usize = 1 + 4 + 8;
/// A fragment that does not end its message carries at least this much.
const MIN_FRAGMENT: usize = 1024;

pub(super) struct SendState {
    config: Arc<Config>,
    cipher: Option<SendCipher>,
    /// A message is begun and not complete.
    open_message: bool,
    /// Fragmented messages begun, so that a cursor cannot go on inside another's message.
    begun: u64,
    /// Since the last `poll_transmit`.
    messages_sent: bool,
    rekeyed: bool,
    /// A deadline moved, or the session ended, by a call of this half.
    deadline_moved: bool,
    key_records: u64,
    key_bytes: u64,
    stats: Traffic,
}

impl SendState {
    pub(super) fn new(config: &Arc<Config>) -> Self {
        Self {
            config: Arc::clone(config),
            cipher: None,
            open_message: false,
            begun: 0,
            messages_sent: false,
            rekeyed: false,
            deadline_moved: false,
            key_records: 0,
            key_bytes: 0,
            stats: Traffic::default(),
        }
    }

    pub(super) const fn stats(&self) -> Traffic {
        self.stats
    }

    /// Accepts all of `message` or nothing.
    pub(super) fn send(
        &mut self,
        control: &mut impl Shared,
        message: &mut Outgoing<'_>,
        tx: &mut TxBuf,
    ) -> Result<(), SendError> {
        let needed = wire_bound(message.total()) + CONTROL_RESERVE;
        if needed > tx.limit() && !self.is_whole(message, tx) {
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
    pub(super) fn send_some(
        &mut self,
        control: &mut impl Shared,
        message: &mut Outgoing<'_>,
        tx: &mut TxBuf,
    ) -> Result<(), SendError> {
        self.check(control, message, tx)?;
        if message.sent() == 0 {
            self.abandon(control, tx)?;
            if self.is_whole(message, tx) {
                return self.send_whole(control, message, tx);
            }
        } else if !self.open_message || message.begun != self.begun {
            return Err(SendError::Abandoned);
        }
        while message.rest() > 0 {
            self.send_fragment(control, message, tx)?;
        }
        self.open_message = false;
        self.count_message(message.total());
        Ok(())
    }

    fn check(
        &mut self,
        control: &mut impl Shared,
        message: &Outgoing<'_>,
        tx: &TxBuf,
    ) -> Result<(), SendError> {
        control.with(|control| control.may_send())?;
        self.take_key(control)?;
        if message.total() > self.config.max_message {
            return Err(SendError::TooLarge { size: message.total(), max: self.config.max_message });
        }
        if tx.limit() < MIN_TX_LIMIT {
            return Err(SendError::BufferTooSmall);
        }
        Ok(())
    }

    /// Takes the key when the handshake has just left it behind.
    fn take_key(&mut self, control: &mut impl Shared) -> Result<(), SendError> {
        if self.cipher.is_none() {
            self.cipher = control.with(|control| control.take_send_key());
        }
        if self.cipher.is_some() { Ok(()) } else { Err(SendError::NotEstablished) }
    }

    /// Whether `message` goes out in one frame.
    fn is_whole(&self, message: &Outgoing<'_>, tx: &TxBuf) -> bool {
        let frame = message.total().saturating_add(1 + varint::len(message.total() as u64));
        frame <= RECORD_ROOM.min(tx.limit() / 2)
    }

    fn send_whole(
        &mut self,
        control: &mut impl Shared,
        message: &mut Outgoing<'_>,
        tx: &mut TxBuf,
    ) -> Result<(), SendError> {
        let head = frame::head(frame::MESSAGE, message.total());
        self.make_place(control, head.len() + message.total(), tx)?;
        put(tx, &head)?;
        message.take(message.rest(), |part| put(tx, part))?;
        self.count_message(message.total());
        Ok(())
    }

    fn send_fragment(
        &mut self,
        control: &mut impl Shared,
        message: &mut Outgoing<'_>,
        tx: &mut TxBuf,
    ) -> Result<(), SendError> {
        let least = FRAGMENT_HEAD + message.rest().min(MIN_FRAGMENT);
        let place = self.make_place(control, least, tx)?;
        let body = message.rest().min(place - FRAGMENT_HEAD);
        if message.sent() == 0 {
            let mut total = arrayvec::ArrayVec::<u8, 8>::new();
            frame::push_varint(&mut total, message.total() as u64);
            put(tx, &frame::head(frame::BEGIN, total.len() + body))?;
            put(tx, &total)?;
            self.begun += 1;
            message.begun = self.begun;
        } else {
            put(tx, &frame::head(frame::CONTINUE, body))?;
        }
        self.open_message = true;
        message.take(body, |part| put(tx, part))
    }

    fn count_message(&mut self, bytes: usize) {
        self.messages_sent = true;
        self.stats.messages += 1;
        self.stats.message_bytes += bytes as u64;
    }

    /// Abandons an open message.
    fn abandon(&mut self, control: &mut impl Shared, tx: &mut TxBuf) -> Result<(), SendError> {
        if self.open_message {
            let head = frame::head(frame::ABANDON, 0);
            self.make_place(control, head.len(), tx)?;
            put(tx, &head)?;
            self.open_message = false;
            self.stats.abandoned += 1;
        }
        Ok(())
    }

    /// Appends CLOSE behind everything accepted.
    pub(super) fn close(
        &mut self,
        control: &mut impl Shared,
        now: Instant,
        code: CloseCode,
        reason: &str,
        tx: &mut TxBuf,
    ) -> Result<(), SendError> {
        control.with(|control| control.may_close())?;
        self.take_key(control)?;
        if reason.len() > MAX_REASON {
            return Err(SendError::ReasonTooLong);
        }
        self.put_close(control, code, reason, tx)?;
        control.with(|control| control.closed_here(now));
        self.deadline_moved = true;
        Ok(())
    }

    /// Accepts nothing more and owes the peer word of it.
    pub(super) fn drain(&mut self, control: &mut impl Shared, deadline: Instant) -> Result<(), SendError> {
        control.with(|control| {
            control.may_send()?;
            control.drain(deadline);
            Ok(())
        })?;
        self.deadline_moved = true;
        Ok(())
    }

    /// Whether a deadline moved since the last time this was asked.
    pub(super) fn take_deadline_moved(&mut self) -> bool {
        core::mem::take(&mut self.deadline_moved)
    }

    pub(super) fn poll_transmit(&mut self, control: &mut impl Shared, now: Instant, tx: &mut TxBuf) {
        if self.cipher.is_none() {
            control.with(|control| control.transmit_opening(now, tx));
        }
        if self.take_key(control).is_err() {
            return;
        }
        if tx.room() >= CONTROL_ROOM {
            let owed = self.take_owed(control, now);
            // There is room: neither can be Full.
            let _ = self.put_owed(control, &owed, tx);
            let _ = self.seal(control, owed.rekey, tx);
            self.report(control, now);
        } else {
            // What was accepted kept room for its tag.
            let _ = self.seal(control, false, tx);
        }
    }

    fn take_owed(&mut self, control: &mut impl Shared, now: Instant) -> Owed {
        self.report(control, now);
        control.with(|control| control.take_owed(now))
    }

    /// Tells the shared block what happened here since the last time.
    fn report(&mut self, control: &mut impl Shared, now: Instant) {
        let rekeyed = core::mem::take(&mut self.rekeyed);
        let messages_sent = core::mem::take(&mut self.messages_sent);
        if rekeyed || messages_sent {
            control.with(|control| control.on_sent(now, rekeyed, messages_sent));
        }
    }

    fn put_owed(&mut self, control: &mut impl Shared, owed: &Owed, tx: &mut TxBuf) -> Result<(), SendError> {
        if let Some(code) = owed.close {
            return self.put_close(control, code, "", tx);
        }
        for (kind, body) in [(frame::PING, owed.ping.map(u64::to_be_bytes)), (frame::PONG, owed.pong)] {
            if let Some(body) = body {
                self.put_control(control, kind, &body, tx)?;
            }
        }
        if owed.drain {
            self.abandon_in_reserve(control, tx)?;
            self.put_control(control, frame::DRAIN, &[], tx)?;
        }
        Ok(())
    }

    /// A message that is open when the session drains or closes was not accepted.
    fn abandon_in_reserve(&mut self, control: &mut impl Shared, tx: &mut TxBuf) -> Result<(), SendError> {
        if core::mem::take(&mut self.open_message) {
            self.stats.abandoned += 1;
            self.put_control(control, frame::ABANDON, &[], tx)?;
        }
        Ok(())
    }

    fn put_close(
        &mut self,
        control: &mut impl Shared,
        code: CloseCode,
        reason: &str,
        tx: &mut TxBuf,
    ) -> Result<(), SendError> {
        let mut body = arrayvec::ArrayVec::<u8, { 8 + MAX_REASON }>::new();
        frame::push_varint(&mut body, u64::from(code.get()));
        // Checked to be at most MAX_REASON.
        let _ = body.try_extend_from_slice(reason.as_bytes());
        self.abandon_in_reserve(control, tx)?;
        self.put_control(control, frame::CLOSE, &body, tx)?;
        self.seal_record(control, false, tx)
    }

    /// Appends a control frame; it may use the reserve.
    fn put_control(
        &mut self,
        control: &mut impl Shared,
        kind: u64,
        body: &[u8],
        tx: &mut TxBuf,
    ) -> Result<(), SendError> {
        let head = frame::head(kind, body.len());
        self.begin_record(control, head.len() + body.len(), 0, tx)?;
        put(tx, &head)?;
        put(tx, body)
    }

    /// Makes sure that `least` bytes of frames can be appended outside the reserve; returns how many can be.
    fn make_place(
        &mut self,
        control: &mut impl Shared,
        least: usize,
        tx: &mut TxBuf,
    ) -> Result<usize, SendError> {
        self.begin_record(control, least, CONTROL_RESERVE, tx)?;
        let in_record = RECORD_ROOM.saturating_sub(tx.open_len() - RECORD_HEAD);
        let in_buffer = tx.room().saturating_sub(CONTROL_RESERVE + REKEY_FRAME + TAG_LEN);
        Ok(in_record.min(in_buffer))
    }

    /// Makes sure a record is open in which `least` bytes of frames fit, with `reserve` bytes of `tx` left over.
    fn begin_record(
        &mut self,
        control: &mut impl Shared,
        least: usize,
        reserve: usize,
        tx: &mut TxBuf,
    ) -> Result<(), SendError> {
        if tx.open_len() > 0 && RECORD_ROOM.saturating_sub(tx.open_len() - RECORD_HEAD) < least {
            self.seal(control, false, tx)?;
        }
        let head = if tx.open_len() == 0 { RECORD_HEAD } else { 0 };
        if tx.room() < head + least + REKEY_FRAME + TAG_LEN + reserve {
            return Err(SendError::Full);
        }
        if head > 0 {
            put(tx, &[0; RECORD_HEAD])?;
        }
        Ok(())
    }

    /// Seals the open record, if there is one; changes the key behind it if it is time or `rekey` asks for it.
    fn seal(&mut self, control: &mut impl Shared, rekey: bool, tx: &mut TxBuf) -> Result<(), SendError> {
        if rekey && tx.open_len() == 0 {
            put(tx, &[0; RECORD_HEAD])?;
        }
        if tx.open_len() == 0 {
            return Ok(());
        }
        let policy = &self.config.rekey;
        let bytes = tx.open_len() + REKEY_FRAME + TAG_LEN;
        let rekey = rekey
            || self.key_records + 1 >= policy.records
            || self.key_bytes.saturating_add(bytes as u64) >= policy.bytes;
        self.seal_record(control, rekey, tx)
    }

    /// Seals the open record as it is, or with a change of key behind it. For CLOSE, which must be the last frame
    /// of its record.
    fn seal_record(
        &mut self,
        control: &mut impl Shared,
        rekey: bool,
        tx: &mut TxBuf,
    ) -> Result<(), SendError> {
        let Some(cipher) = &mut self.cipher else { return Err(SendError::NotEstablished) };
        if rekey {
            put(tx, &frame::head(frame::REKEY, 0))?;
        }
        put(tx, &[0; TAG_LEN])?;
        let record = tx.open_mut();
        let len = record.len();
        let (head, body) = record.split_at_mut(RECORD_HEAD);
        let (text, tag) = body.split_at_mut(len - RECORD_HEAD - TAG_LEN);
        head.copy_from_slice(&((len - RECORD_HEAD) as u16).to_be_bytes());
        let Ok(sealed) = cipher.seal(&[], text) else {
            // Only at nonce 2^64-1: nothing may leave under this key again.
            tx.truncate_open(0);
            return Err(SendError::Failed(control.with(|control| control.sender_exhausted())));
        };
        tag.copy_from_slice(&sealed);
        tx.seal();
        self.stats.records += 1;
        self.stats.wire_bytes += len as u64;
        self.key_records += 1;
        self.key_bytes += len as u64;
        if rekey {
            cipher.rekey();
            self.stats.rekeys += 1;
            (self.key_records, self.key_bytes) = (0, 0);
            self.rekeyed = true;
        }
        Ok(())
    }
}

#[cfg(test)]
impl SendState {
    /// Seals `plain` as a record of its own, whatever it holds.
    pub(super) fn forge(&mut self, control: &mut impl Shared, plain: &[u8], tx: &mut TxBuf) {
        self.seal(control, false, tx).unwrap();
        put(tx, &[0; RECORD_HEAD]).unwrap();
        put(tx, plain).unwrap();
        self.seal(control, false, tx).unwrap();
    }

    pub(super) fn set_nonce(&mut self, nonce: u64) {
        self.cipher.as_mut().unwrap().set_nonce(nonce);
    }
}

fn put(tx: &mut TxBuf, bytes: &[u8]) -> Result<(), SendError> {
    tx.push(bytes).map_err(|Full| SendError::Full)
}

/// At most how many bytes a message of `len` bytes takes in the buffer, whatever the open record holds.
const fn wire_bound(len: usize) -> usize {
    const RECORD: usize = RECORD_HEAD + FRAGMENT_HEAD + REKEY_FRAME + TAG_LEN;
    len + (len / (RECORD_ROOM - FRAGMENT_HEAD) + 3) * RECORD
}
