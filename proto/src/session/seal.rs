//! The open record and its end: room for frames, sealing, and when the sending key changes.

use super::config::Config;
use super::error::{Error, SendError};
use super::frame;
use super::padding::Padding;
use super::stats::Traffic;
use crate::buf::{Full, TxBuf};
use crate::noise::{MAX_MESSAGE, SendCipher, TAG_LEN};
use alloc::sync::Arc;
use zeroize::Zeroizing;

/// Length field of a record.
pub(super) const RECORD_HEAD: usize = 2;
/// A REKEY frame always fits behind what a record holds.
const REKEY_FRAME: usize = 2;
/// Bytes of frames a record may hold that is not padded.
pub(super) const RECORD_ROOM: usize = frames_in(MAX_MESSAGE, Padding::None);
/// What a record takes in the buffer beside its frames.
pub(super) const RECORD_OVERHEAD: usize = RECORD_HEAD + REKEY_FRAME + TAG_LEN;

/// Records that a lease holds back for CLOSE: it, and one that was open before.
pub(super) const LEASE_RESERVE: u32 = 2;
/// In [`Sealer::left`]: there is no lease.
const UNLEASED: u32 = u32::MAX;

/// Whether a record that is sealed is the last under its key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Rekey {
    /// If the configured policy says so.
    WhenDue,
    Now,
}

/// The sending key and the records it has sealed.
pub(super) struct Sealer {
    config: Arc<Config>,
    cipher: SendCipher,
    key_records: u32,
    key_bytes: u64,
    pub(super) records: u64,
    pub(super) wire_bytes: u64,
    pub(super) rekeys: u64,
    pub(super) padding_bytes: u64,
    /// The key changed and the shared block has not been told.
    pub(super) untold: bool,
    /// What the lease holds back is in use.
    closing: bool,
    /// Records that may be sealed.
    left: u32,
}

impl Sealer {
    pub(super) fn new(cipher: SendCipher, config: &Arc<Config>) -> Self {
        Self {
            config: Arc::clone(config),
            cipher,
            key_records: 0,
            key_bytes: 0,
            records: 0,
            wire_bytes: 0,
            rekeys: 0,
            padding_bytes: 0,
            untold: false,
            closing: false,
            left: UNLEASED,
        }
    }

    /// The sealer of a restored session, which goes on counting.
    pub(super) fn restored(cipher: SendCipher, config: &Arc<Config>, traffic: &Traffic) -> Self {
        let Traffic { records, wire_bytes, rekeys, padding_bytes, .. } = *traffic;
        Self { records, wire_bytes, rekeys, padding_bytes, ..Self::new(cipher, config) }
    }

    /// The key as a copy of this end may know it, and the number of the next record.
    pub(super) fn copy(&self) -> Option<(Zeroizing<[u8; 32]>, u64)> {
        Some((self.cipher.restore_secret()?, self.cipher.nonce()))
    }

    /// Records are sealed up to the nonce `end`, which is not used, and CLOSE before it; `None` ends all leases.
    pub(super) fn set_lease(&mut self, end: Option<u64>) {
        self.left = end.map_or(UNLEASED, |end| {
            let left = end.saturating_sub(self.cipher.nonce()).saturating_sub(LEASE_RESERVE.into());
            // A lease is never as long as that.
            u32::try_from(left).unwrap_or(0)
        });
    }

    /// The nonce up to which records are sealed, if there is a lease.
    pub(super) fn lease_end(&self) -> Option<u64> {
        self.lease_left().map(|left| self.cipher.nonce().saturating_add(u64::from(left + LEASE_RESERVE)))
    }

    /// At most `records` more are sealed, however many the lease covers.
    pub(super) fn cap_lease(&mut self, records: u32) {
        self.left = self.left.min(records);
    }

    /// Records that may still be sealed under the lease; `None` if there is none.
    pub(super) const fn lease_left(&self) -> Option<u32> {
        if self.left == UNLEASED { None } else { Some(self.left) }
    }

    /// Nothing follows what is sealed now: uses what the lease holds back.
    pub(super) const fn begin_closing(&mut self) {
        if self.left != UNLEASED && !self.closing {
            self.closing = true;
            self.left += LEASE_RESERVE;
        }
    }

    /// Appends a frame with a body of one piece, leaving `reserve` bytes of `tx` free.
    pub(super) fn put_frame(
        &mut self,
        kind: u64,
        body: &[u8],
        reserve: usize,
        tx: &mut TxBuf,
    ) -> Result<(), SendError> {
        let head = frame::head(kind, body.len());
        self.make_place(head.len() + body.len(), reserve, tx)?;
        put(tx, &head)?;
        put(tx, body)
    }

    /// Makes sure a record is open in which `least` bytes of frames fit, with `reserve` bytes of `tx` left over.
    /// Returns how many bytes fit.
    pub(super) fn make_place(
        &mut self,
        least: usize,
        reserve: usize,
        tx: &mut TxBuf,
    ) -> Result<usize, SendError> {
        if tx.open_len() > 0 && self.room_in_record(MAX_MESSAGE, tx) < least {
            self.seal(Rekey::WhenDue, tx)?;
        }
        let in_buffer = (tx.room() + tx.open_len()).saturating_sub(RECORD_HEAD + reserve);
        let place = self.room_in_record(in_buffer.min(MAX_MESSAGE), tx);
        if place < least {
            return Err(SendError::Full);
        }
        let head = if tx.open_len() == 0 { RECORD_HEAD } else { 0 };
        put(tx, &[0; RECORD_HEAD][..head])?;
        Ok(place)
    }

    /// How many more bytes of frames fit a record whose body takes at most `most` bytes in the end.
    fn room_in_record(&self, most: usize, tx: &TxBuf) -> usize {
        frames_in(most, self.config.padding).saturating_sub(tx.open_len().saturating_sub(RECORD_HEAD))
    }

    /// Appends CLOSE and seals the record that it is in.
    pub(super) fn close(&mut self, body: &[u8], tx: &mut TxBuf) -> Result<(), SendError> {
        let head = frame::head(frame::CLOSE, body.len());
        let len = head.len() + body.len();
        self.make_place(len, 0, tx)?;
        self.pad(len, tx)?;
        put(tx, &head)?;
        put(tx, body)?;
        self.end_record(false, tx)
    }

    /// Fills the open record up, before the `last` bytes of its frames.
    #[inline]
    fn pad(&mut self, last: usize, tx: &mut TxBuf) -> Result<(), SendError> {
        if self.config.padding == Padding::None { Ok(()) } else { self.fill_up(last, tx) }
    }

    #[inline(never)]
    fn fill_up(&mut self, last: usize, tx: &mut TxBuf) -> Result<(), SendError> {
        let len = tx.open_len() - RECORD_HEAD + last + TAG_LEN;
        self.padding_bytes += self.config.padding.put(len, tx)? as u64;
        Ok(())
    }

    /// Pads and seals the open record, if there is one; changes the key behind it as `rekey` says.
    ///
    /// `LeaseSpent` leaves the record open. `Failed` only at nonce 2^64-1: nothing may leave under this key again.
    #[inline]
    pub(super) fn seal(&mut self, rekey: Rekey, tx: &mut TxBuf) -> Result<(), SendError> {
        if tx.open_len() == 0 && rekey != Rekey::Now { Ok(()) } else { self.seal_some(rekey, tx) }
    }

    #[inline(never)]
    fn seal_some(&mut self, rekey: Rekey, tx: &mut TxBuf) -> Result<(), SendError> {
        if self.left == 0 {
            return Err(SendError::LeaseSpent);
        }
        if tx.open_len() == 0 {
            put(tx, &[0; RECORD_HEAD])?;
        }
        let rekey = rekey == Rekey::Now || self.is_rekey_due(tx);
        self.pad(if rekey { REKEY_FRAME } else { 0 }, tx)?;
        if rekey {
            put(tx, &frame::head(frame::REKEY, 0))?;
        }
        self.end_record(rekey, tx)
    }

    /// Encrypts the open record, all of whose frames are there.
    #[inline(always)]
    fn end_record(&mut self, rekey: bool, tx: &mut TxBuf) -> Result<(), SendError> {
        put(tx, &[0; TAG_LEN])?;
        let record = tx.open_mut();
        let len = record.len();
        let (head, body) = record.split_at_mut(RECORD_HEAD);
        let (text, tag) = body.split_at_mut(len - RECORD_HEAD - TAG_LEN);
        head.copy_from_slice(&((len - RECORD_HEAD) as u16).to_be_bytes());
        let Ok(sealed) = self.cipher.seal(&[], text) else {
            tx.truncate_open(0);
            return Err(SendError::Failed(Error::KeyExhausted));
        };
        tag.copy_from_slice(&sealed);
        tx.seal();
        self.records += 1;
        self.wire_bytes += len as u64;
        self.key_records += 1;
        self.key_bytes += len as u64;
        if self.left != UNLEASED {
            self.left -= 1;
        }
        if rekey {
            // The snapshots of leases know the old key only. What closes needs no lease any more.
            if self.left != UNLEASED && !self.closing {
                self.left = 0;
            }
            self.cipher.rekey();
            self.rekeys += 1;
            self.untold = true;
            (self.key_records, self.key_bytes) = (0, 0);
        }
        Ok(())
    }

    /// Whether the open record is to be the last under its key.
    fn is_rekey_due(&self, tx: &TxBuf) -> bool {
        let (policy, padding) = (&self.config.rekey, self.config.padding);
        let body = tx.open_len() - RECORD_HEAD + REKEY_FRAME + TAG_LEN;
        let body = if padding == Padding::None { body } else { padding.body(body) };
        let more = (RECORD_HEAD + body) as u64;
        u64::from(self.key_records) + 1 >= policy.records
            || self.key_bytes.saturating_add(more) >= policy.bytes
    }
}

/// How many bytes of frames fit a record whose body has at most `most` bytes.
pub(super) const fn frames_in(most: usize, padding: Padding) -> usize {
    padding.longest(most).saturating_sub(REKEY_FRAME + TAG_LEN + padding.kept())
}

pub(super) fn put(tx: &mut TxBuf, bytes: &[u8]) -> Result<(), SendError> {
    tx.push(bytes).map_err(|Full| SendError::Full)
}

#[cfg(test)]
impl Sealer {
    /// Seals `plain` as a record of its own, whatever it holds.
    pub(super) fn forge(&mut self, plain: &[u8], tx: &mut TxBuf) {
        self.seal(Rekey::WhenDue, tx).unwrap();
        put(tx, &[0; RECORD_HEAD]).unwrap();
        put(tx, plain).unwrap();
        self.seal(Rekey::WhenDue, tx).unwrap();
    }

    pub(super) fn set_nonce(&mut self, nonce: u64) {
        self.cipher.set_nonce(nonce);
    }
}
