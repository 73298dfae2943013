//! The sending half: messages into frames, control frames when they are owed, and the end.

use super::codes::CloseCode;
use super::config::Config;
use super::control::{Control, Owed, Shared, TICKET_BODY};
use super::error::{Error, SendError};
use super::frame;
use super::identity;
use super::outgoing::Outgoing;
use super::padding::Padding;
use super::seal::{RECORD_HEAD, RECORD_OVERHEAD, RECORD_ROOM, Rekey, Sealer, frames_in, put};
use super::snapshot::{Sending, SnapshotError};
use super::stats::Traffic;
use super::{MAX_REASON, varint};
use crate::buf::{Full, TxBuf};
use crate::noise::MAX_MESSAGE;
use crate::time::Instant;
use alloc::sync::Arc;
use arrayvec::ArrayVec;

/// The smallest limit a transmit buffer may have, in bytes: a hello and the longest handshake message fit. With padding
/// see [`Config::min_tx_limit`].
pub const MIN_TX_LIMIT: usize = 5 * 1024;

/// Padded records that end in the buffer take more, each at most `most`: the three that a message of one frame may touch,
/// four that [`control_reserve`] keeps free, and one to spare.
pub(super) const fn min_tx_limit(most: usize) -> usize {
    MIN_TX_LIMIT + 8 * most
}

/// Left free by messages that are not padded, so that control frames do not wait behind them.
const CONTROL_RESERVE: usize = 1024;

/// Left free by messages: room for what is owed and, still, for a CLOSE.
const fn control_reserve(most: usize) -> usize {
    CONTROL_RESERVE + 4 * most
}

/// What a simple message leaves free in the buffer beside itself.
const SIMPLE_OVERHEAD: usize = wire_bound(RECORD_ROOM, Padding::None) - RECORD_ROOM + CONTROL_RESERVE;

/// The most that [`SendState::poll_transmit`] appends: control frames, and the ends of two records. A CLOSE
/// takes no more than this and its reason.
const fn control_room(most: usize) -> usize {
    128 + TICKET_BODY + 2 * most
}

/// Left free by all other control frames, so that a peer which sends PINGs and does not read cannot keep CLOSE
/// from its place.
const fn close_reserve(most: usize) -> usize {
    control_room(most) + MAX_REASON
}

/// Longest head of a fragment: type, length, total.
const FRAGMENT_HEAD: usize = 1 + 4 + 8;
/// A fragment that does not end its message carries at least this much.
const MIN_FRAGMENT: usize = 1024;

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

    /// See [`Sealer::lease`]. `None` too if the key was changed `rekeys` times no more.
    pub(super) fn lease(&mut self, end: u64, rekeys: u64) -> Option<()> {
        self.sealer.as_mut().filter(|sealer| sealer.rekeys == rekeys)?.lease(end)
    }

    pub(super) fn lease_left(&self) -> Option<u32> {
        self.sealer.as_ref().and_then(Sealer::lease_left)
    }

    // Messages.

    /// Accepts all of `message` or nothing.
    pub(super) fn send(
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
    pub(super) fn send_parts(
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
    pub(super) fn send_some(
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

    fn most_padding(&self) -> usize {
        usize::from(self.most_padding)
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

/// At most how many bytes a message of `len` bytes takes in the buffer, whatever the open record holds.
const fn wire_bound(len: usize, padding: Padding) -> usize {
    let records = len / (frames_in(MAX_MESSAGE, padding) - FRAGMENT_HEAD) + 3;
    let frames = len.saturating_add(records * (RECORD_OVERHEAD + FRAGMENT_HEAD + padding.most() as usize));
    let full = records.saturating_mul(RECORD_HEAD + padding.longest(MAX_MESSAGE));
    if full < frames { full } else { frames }
}
