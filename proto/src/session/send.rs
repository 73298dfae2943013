//! The sending half: its key, control frames when they are owed, and the end. What becomes of messages is in `messages.rs`.

mod messages;
mod room;

pub use room::MIN_TX_LIMIT;
pub(super) use room::min_tx_limit;

use super::MAX_REASON;
use super::codes::CloseCode;
use super::config::Config;
use super::control::{Control, Owed, Shared};
use super::error::{Error, SendError};
use super::frame;
use super::identity;
use super::padding::Padding;
use super::seal::{RECORD_ROOM, Rekey, Sealer, put};
use super::snapshot::{Sending, SnapshotError};
use super::stats::Traffic;
use crate::buf::TxBuf;
use crate::time::Instant;
use alloc::sync::Arc;
use arrayvec::ArrayVec;
use room::{close_reserve, control_room};

pub(super) struct SendState {
    config: Arc<Config>,
    /// Messages that are shorter may be simple: at most those of a record.
    simple_below: usize,
    /// The most bytes that a record is filled up with.
    most_padding: u16,
    sealer: Option<Sealer>,
    /// The first record begins with the proof of an identity.
    proves: bool,
    /// A message is begun and not complete.
    open_message: bool,
    /// Fragmented messages begun: the serial number of the newest.
    begun: u64,
    /// Messages were accepted of which the shared block has not been told.
    untold: bool,
    /// A deadline moved, or the session ended, by a call of this half.
    deadline_moved: bool,
    messages: u64,
    message_bytes: u64,
    abandoned: u64,
}

impl SendState {
    pub(super) fn new(config: &Arc<Config>) -> Self {
        let simple_below = match config.padding {
            Padding::None => config.max_message.min(RECORD_ROOM) + 1,
            _ => 0,
        };
        Self {
            config: Arc::clone(config),
            simple_below,
            most_padding: config.padding.most(),
            sealer: None,
            proves: false,
            open_message: false,
            begun: 0,
            untold: false,
            deadline_moved: false,
            messages: 0,
            message_bytes: 0,
            abandoned: 0,
        }
    }

    pub(super) fn stats(&self) -> Traffic {
        let (messages, message_bytes, abandoned) = (self.messages, self.message_bytes, self.abandoned);
        let traffic = Traffic { messages, message_bytes, abandoned, ..Traffic::default() };
        self.sealer.as_ref().map_or(traffic, |sealer| Traffic {
            records: sealer.records,
            wire_bytes: sealer.wire_bytes,
            rekeys: sealer.rekeys,
            padding_bytes: sealer.padding_bytes,
            ..traffic
        })
    }

    // Snapshots.

    /// What goes on of this half. `open`: the transmit buffer holds a record that is not sealed.
    pub(super) fn copy(&self, open: bool) -> Result<Sending, SnapshotError> {
        // Without a key, `poll_transmit` was not called since the handshake or the restore.
        let sealer = self.sealer.as_ref().filter(|_| !open).ok_or(SnapshotError::Unsent)?;
        // What is restored does not prove anything again.
        if self.proves && sealer.records == 0 {
            return Err(SnapshotError::Unsent);
        }
        let (secret, nonce) = sealer.copy().ok_or(SnapshotError::KeyExhausted)?;
        let Self { open_message, begun, .. } = *self;
        Ok(Sending { secret, nonce, skip: false, open_message, begun, traffic: self.stats() })
    }

    /// The key comes from the shared block.
    pub(super) fn restored(config: &Arc<Config>, sending: &Sending) -> Self {
        let Traffic { messages, message_bytes, abandoned, .. } = sending.traffic;
        let Sending { open_message, begun, .. } = *sending;
        Self { open_message, begun, messages, message_bytes, abandoned, ..Self::new(config) }
    }

    /// A lease of so many records is on its way to the store. Gives the end of the one before it.
    pub(super) fn begin_lease(&mut self, records: u32) -> Option<u64> {
        let sealer = self.sealer.as_mut()?;
        let before = sealer.lease_end();
        sealer.cap_lease(records);
        before
    }

    /// See [`Sealer::set_lease`]. `None`, and nothing done, if there is an `end` and the key has changed since it had
    /// changed `rekeys` times.
    pub(super) fn set_lease(&mut self, end: Option<u64>, rekeys: u64) -> Option<()> {
        let sealer = self.sealer.as_mut().filter(|sealer| end.is_none() || sealer.rekeys == rekeys)?;
        sealer.set_lease(end);
        Some(())
    }

    pub(super) fn lease_left(&self) -> Option<u32> {
        self.sealer.as_ref().and_then(Sealer::lease_left)
    }

    /// Takes the key when the handshake has just left it behind, or a restore.
    #[inline]
    fn take_key(&mut self, control: &mut impl Shared, tx: &mut TxBuf) -> Result<(), SendError> {
        if self.sealer.is_none() {
            self.begin(control, tx)?;
        }
        self.sealer().map(|_| ())
    }

    /// Takes the key, and says who this end is before anything else.
    #[inline(never)]
    fn begin(&mut self, control: &mut impl Shared, tx: &mut TxBuf) -> Result<(), SendError> {
        let Some((config, hash)) = control.with(|control| control.to_prove()) else {
            return self.go_on(control, tx);
        };
        if tx.limit() < min_tx_limit(self.most_padding()) {
            return Err(SendError::BufferTooSmall);
        }
        if tx.room() < control_room(self.most_padding()) {
            return Err(SendError::Full);
        }
        // Signing may take its time: the block is not held meanwhile.
        let proof = identity::prove(&config, &hash);
        self.go_on(control, tx)?;
        match proof {
            Ok(proof) => {
                self.proves = true;
                self.sealer()?.put_frame(frame::IDENTITY, &proof, 0, tx)
            }
            Err(fault) => {
                self.deadline_moved = true;
                Err(SendError::Failed(control.with(|control| control.fail(Error::Identity(fault)))))
            }
        }
    }

    /// Takes the key. After a restore the peer is told first.
    fn go_on(&mut self, control: &mut impl Shared, tx: &mut TxBuf) -> Result<(), SendError> {
        let room = tx.room();
        if let Some((sealer, notices)) = control.with(|control| control.take_send_key(room))? {
            if !notices.is_empty() {
                // What another session left open would go out unsealed.
                tx.truncate_open(0);
                put(tx, &notices)?;
                tx.seal();
            }
            self.sealer = Some(sealer);
        }
        Ok(())
    }

    fn sealer(&mut self) -> Result<&mut Sealer, SendError> {
        self.sealer.as_mut().ok_or(SendError::NotEstablished)
    }

    fn most_padding(&self) -> usize {
        usize::from(self.most_padding)
    }

    /// Makes the peer forget the part it has of a message that is not complete: it was not accepted.
    fn abandon(&mut self, reserve: usize, tx: &mut TxBuf) -> Result<(), SendError> {
        if self.open_message {
            self.sealer()?.put_frame(frame::ABANDON, &[], reserve, tx)?;
            self.open_message = false;
            self.abandoned += 1;
        }
        Ok(())
    }

    // Control frames.

    pub(super) fn poll_transmit(&mut self, control: &mut impl Shared, now: Instant, tx: &mut TxBuf) {
        if self.sealer.is_none() {
            self.deadline_moved |= control.with(|control| control.transmit_opening(now, tx));
        }
        // An end that cannot prove its identity has the key nevertheless, and a CLOSE to send.
        let _ = self.take_key(control, tx);
        if self.sealer.is_none() {
            return;
        }
        let may_seal = self.lease_left() != Some(0);
        let (room, least) = (tx.room(), control_room(self.most_padding()));
        let reserve = close_reserve(self.most_padding());
        let owed = control.with(|control| {
            self.report(control, now);
            let fits = (may_seal && room >= least + reserve) || (room >= least && control.owes_close());
            if fits { control.take_owed(now) } else { None }
        });
        // Neither can be Full: there is room for what is owed, and what was accepted kept room for its tag.
        let result = match (owed, &mut self.sealer) {
            (None, Some(sealer)) => sealer.seal(Rekey::WhenDue, tx),
            (owed, _) => self.put_owed(control, now, &owed.unwrap_or_default(), tx),
        };
        self.note_exhaustion(control, &result);
        if self.sealer.as_ref().is_some_and(|sealer| sealer.untold) {
            control.with(|control| self.report(control, now));
        }
    }

    fn put_owed(
        &mut self,
        control: &mut impl Shared,
        now: Instant,
        owed: &Owed,
        tx: &mut TxBuf,
    ) -> Result<(), SendError> {
        if let Some(code) = owed.close {
            return self.put_close(control, now, code, "", tx);
        }
        if let Some(body) = owed.ticket {
            self.sealer()?.put_frame(frame::TICKET, &body, 0, tx)?;
        }
        for (kind, body) in [(frame::PING, owed.ping.map(u64::to_be_bytes)), (frame::PONG, owed.pong)] {
            if let Some(body) = body {
                self.sealer()?.put_frame(kind, &body, 0, tx)?;
            }
        }
        if owed.drain {
            self.abandon(0, tx)?;
            self.sealer()?.put_frame(frame::DRAIN, &[], 0, tx)?;
        }
        self.sealer()?.seal(if owed.rekey { Rekey::Now } else { Rekey::WhenDue }, tx)
    }

    /// Tells the shared block what happened here since the last time.
    fn report(&mut self, control: &mut Control, now: Instant) {
        let rekeyed = self.sealer.as_mut().is_some_and(|sealer| core::mem::take(&mut sealer.untold));
        let sent = core::mem::take(&mut self.untold);
        if rekeyed | sent {
            control.on_sent(now, rekeyed, sent);
        }
    }

    fn note_exhaustion(&mut self, control: &mut impl Shared, result: &Result<(), SendError>) {
        if matches!(result, Err(SendError::Failed(Error::KeyExhausted))) {
            control.with(|control| control.sender_exhausted());
            self.deadline_moved = true;
        }
    }

    // The end.

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
        self.take_key(control, tx)?;
        if reason.len() > MAX_REASON {
            return Err(SendError::ReasonTooLong);
        }
        if tx.limit() < min_tx_limit(self.most_padding()) {
            return Err(SendError::BufferTooSmall);
        }
        // Beforehand, so that a refusal does not abandon an open message.
        if tx.room() < control_room(self.most_padding()) + reason.len() {
            return Err(SendError::Full);
        }
        let result = self.put_close(control, now, code, reason, tx);
        self.note_exhaustion(control, &result);
        result
    }

    fn put_close(
        &mut self,
        control: &mut impl Shared,
        now: Instant,
        code: CloseCode,
        reason: &str,
        tx: &mut TxBuf,
    ) -> Result<(), SendError> {
        let mut body = ArrayVec::<u8, { 8 + MAX_REASON }>::new();
        frame::push_varint(&mut body, u64::from(code.get()));
        // Checked to be at most MAX_REASON.
        let _ = body.try_extend_from_slice(reason.as_bytes());
        self.sealer()?.begin_closing();
        self.abandon(0, tx)?;
        self.sealer()?.close(&body, tx)?;
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
    #[cfg(feature = "std")]
    pub(super) fn take_deadline_moved(&mut self) -> bool {
        core::mem::take(&mut self.deadline_moved)
    }
}

#[cfg(test)]
impl SendState {
    /// The sender's innermost part, for tests that play a hostile peer.
    pub(super) fn forger(&mut self) -> &mut Sealer {
        self.sealer.as_mut().unwrap()
    }
}
