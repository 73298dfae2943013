//! The receiving half: records opened in place, and what is in them taken one frame at a time.
//!
//! Here is what happens to every record; a frame that is not just a whole message is `frames.rs`'s business. Nothing is
//! copied out: a message lies in the caller's buffer, which looks like this between two calls:
//!
//! ```text
//! | what `buf/join.rs` keeps at the front | plaintext not yet read (open) | tag | records to come ...
//! ```

mod frames;
mod kept;
mod limits;

use super::Event;
use super::config::Config;
use super::control::{Shared, Step, Visit};
use super::error::Error;
use super::frame::{self, FrameFault, Head};
use super::packet::check_alert;
use super::seal::RECORD_HEAD;
use super::snapshot::NOTICE_LEN;
use super::stats::Traffic;
use crate::buf::{Joiner, MAX_GAP, Span};
use crate::machine::Recv;
use crate::noise::{CipherError, MAX_MESSAGE, RecvCipher, TAG_LEN};
use crate::time::Instant;
use alloc::boxed::Box;
use alloc::sync::Arc;
use frames::Outcome;
use kept::Kept;
use limits::Limits;

/// The most bytes that can wait in the caller's buffer: a message, used-up bytes between its fragments, and a
/// record that is not complete.
pub(super) const fn buffer_bound(max_message: usize) -> usize {
    max_message + max_message / 8 + MAX_GAP + 2 * (RECORD_HEAD + MAX_MESSAGE)
}

pub(super) struct RecvState {
    config: Arc<Config>,
    cipher: Option<RecvCipher>,
    joiner: Joiner,
    /// Unread plaintext of the record that is open.
    open: Option<u16>,
    /// A frame has been looked at, or the peer was restored: a proof of its identity has no place any more.
    begun: bool,
    /// REKEY was the last frame of the open record.
    rekey: bool,
    key_records: u32,
    limits: Option<Box<Limits>>,
    kept: Option<Box<Kept>>,
    /// A message arrived since the shared block was last told.
    messages_seen: bool,
    /// A record was used up since then, or a notice.
    record_ended: bool,
    drained: bool,
    closed: bool,
    /// This half reported an error: asked again, it says the same.
    failed: bool,
    stats: Traffic,
    skipped: u64,
}

impl RecvState {
    pub(super) fn new(config: &Arc<Config>) -> Self {
        Self {
            config: Arc::clone(config),
            cipher: None,
            joiner: Joiner::default(),
            open: None,
            begun: false,
            rekey: false,
            key_records: 0,
            limits: Limits::new(config),
            kept: Kept::new(config),
            messages_seen: false,
            record_ended: false,
            drained: false,
            closed: false,
            failed: false,
            stats: Traffic::default(),
            skipped: 0,
        }
    }

    /// Remembers a failure that a deadline brought: `recv` says the same from now on.
    pub(super) fn note(&mut self, result: Result<(), Error>) -> Result<(), Error> {
        self.failed |= result.is_err();
        result
    }

    pub(super) const fn stats(&self) -> (Traffic, u64) {
        (self.stats, self.skipped)
    }

    #[inline]
    pub(super) fn recv(
        &mut self,
        control: &mut impl Shared,
        now: Instant,
        buf: &mut [u8],
    ) -> Result<Recv<Event<Span>>, Error> {
        match self.next_message(buf) {
            Some((consumed, message)) => Ok(Recv::event(consumed, Event::Message(message))),
            None => self.recv_any(control, now, buf),
        }
    }

    /// The message that comes next in the open record, if it is one and nothing but its size is to be checked, with how
    /// many bytes are done with once it is handled. For other bytes there is [`RecvState::recv_any`].
    ///
    /// Inlined, so that what it returns stays in registers.
    #[inline(always)]
    pub(super) fn next_message(&mut self, buf: &[u8]) -> Option<(usize, Span)> {
        let open = usize::from(self.open?);
        if self.failed | self.closed | self.drained | self.joiner.is_open() | self.limits.is_some() {
            return None;
        }
        let start = self.joiner.unread();
        let plain = buf.get(start..)?.get(..open)?;
        let head = frame::parse_message(plain).filter(|head| head.len <= self.config.max_message)?;
        let message = self.take_message(start + head.body, head);
        Some((self.joiner.give_back(), message))
    }

    /// The message of which `head` lies where the unread bytes begin and the body at `start`.
    #[inline]
    fn take_message(&mut self, start: usize, head: Head) -> Span {
        self.skip(head.body + head.len);
        self.count_message(head.len);
        Span::new(start, head.len)
    }

    /// Out of line, so that what most calls need is small.
    #[inline(never)]
    pub(super) fn recv_any(
        &mut self,
        control: &mut impl Shared,
        now: Instant,
        buf: &mut [u8],
    ) -> Result<Recv<Event<Span>>, Error> {
        if self.failed {
            if let Some(error) = control.with(|control| control.failure()) {
                return Err(error);
            }
        }
        if self.cipher.is_none() {
            let recv = control.with(|control| {
                control.failure().map_or(Ok(()), Err)?;
                control.recv_opening(now, buf)
            })?;
            self.take_key(control);
            if self.cipher.is_none() || recv.event.is_some() {
                return Ok(recv);
            }
            // What establishes the session comes in a record, which may be here already.
            self.joiner.skip(recv.consumed);
        }
        if self.closed {
            return Ok(Recv::need(buf.len(), 0));
        }
        let result = self.step(control, now, buf);
        result.map_err(|error| {
            self.failed = true;
            control.with(|control| control.fail(error))
        })
    }

    /// Takes the key if `Established` has been announced.
    pub(super) fn take_key(&mut self, control: &mut impl Shared) {
        if self.cipher.is_some() {
            return;
        }
        if let Some((cipher, key)) = control.with(|control| control.take_recv_key()) {
            self.cipher = Some(cipher);
            if let Some(kept) = &mut self.kept {
                kept.key = key;
            }
        }
    }

    /// Tells the shared block what happened since the last time, once a record and once before this half waits.
    fn visit(&mut self, control: &mut impl Shared, now: Instant, step: Step) -> Result<(), Error> {
        let messages = core::mem::take(&mut self.messages_seen);
        let record_ended = core::mem::take(&mut self.record_ended);
        let visit = Visit { messages, record_ended, step };
        control.with(|control| control.on_visit(now, visit))
    }

    /// Gives back what is used up and waits for `need` more bytes.
    fn listen(
        &mut self,
        control: &mut impl Shared,
        now: Instant,
        buf: &mut [u8],
        need: usize,
    ) -> Result<Recv<Event<Span>>, Error> {
        self.visit(control, now, Step::Listen)?;
        Ok(Recv::need(self.joiner.compact(buf), need))
    }

    /// Frames until one makes an event, records until one is not complete.
    fn step(
        &mut self,
        control: &mut impl Shared,
        now: Instant,
        buf: &mut [u8],
    ) -> Result<Recv<Event<Span>>, Error> {
        loop {
            let rest = buf.get_mut(self.joiner.unread()..).ok_or(Error::BufferChanged)?;
            match self.open {
                Some(0) => {
                    self.joiner.skip(TAG_LEN);
                    self.open = None;
                    self.end_record();
                }
                Some(open) => {
                    let plain = rest.get(..usize::from(open)).ok_or(Error::BufferChanged)?;
                    let head = frame::parse(plain).map_err(Error::Frame)?;
                    match self.frame(control, now, head, buf)? {
                        Outcome::Done => {}
                        Outcome::Event(event) => return Ok(Recv::event(self.joiner.give_back(), event)),
                        Outcome::Wait(until) => return self.wait(control, now, until),
                    }
                }
                None => {
                    if self.stats.records == 0 {
                        control.with(|control| control.keep_patience(now))?;
                        if let Some(need) = check_alert(rest).map_err(as_record)? {
                            return self.listen(control, now, buf, need);
                        }
                    }
                    let bytes = self.limits.as_ref().and_then(|limits| limits.bytes.as_ref());
                    if let Some(Err(until)) = bytes.map(|bytes| bytes.check(now)) {
                        if rest.len() >= RECORD_HEAD {
                            self.refuse_rate()?;
                            return self.wait(control, now, until);
                        }
                    }
                    match record_len(rest)? {
                        Ok(NOTICE_LEN) => {
                            self.notice(rest)?;
                            self.charge_bytes(now, NOTICE_LEN as u64);
                            // What is to be done behind a record: deadlines hold whatever comes without pause.
                            self.record_ended = true;
                        }
                        Ok(len) => {
                            self.open_record(control, now, &mut rest[..len])?;
                            if let Some(at_most) = self.kept.as_mut().and_then(|kept| kept.lost.take()) {
                                return Ok(Recv::event(
                                    self.joiner.give_back(),
                                    Event::RecordsLost { at_most },
                                ));
                            }
                            // A message is nothing that may not come first, unless it comes instead of a proof.
                            if self.begun || !self.config.require_identity {
                                if let Some((consumed, message)) = self.next_message(buf) {
                                    self.begun = true;
                                    return Ok(Recv::event(consumed, Event::Message(message)));
                                }
                            }
                        }
                        Err(need) => return self.listen(control, now, buf, need),
                    }
                }
            }
        }
    }

    /// Opens the record that `record` is, in place.
    fn open_record(
        &mut self,
        control: &mut impl Shared,
        now: Instant,
        record: &mut [u8],
    ) -> Result<(), Error> {
        let Some(cipher) = &mut self.cipher else { return Err(Error::BufferChanged) };
        if u64::from(self.key_records) >= self.config.rekey.peer_records {
            return Err(Error::KeyExhausted);
        }
        if self.kept.as_ref().is_some_and(|kept| kept.skipped.is_some()) {
            return Err(Error::Frame(FrameFault::Notice));
        }
        let wire = record.len() as u64;
        let body = record.get_mut(RECORD_HEAD..).unwrap_or_default();
        let open = cipher.open(&[], body).map_err(|error| match error {
            CipherError::Exhausted => Error::KeyExhausted,
            _ => Error::BadRecord,
        })?;
        let open = u16::try_from(open).map_err(|_| Error::BadRecord)?;
        if open == 0 {
            return Err(Error::Frame(FrameFault::EmptyRecord));
        }
        self.key_records += 1;
        self.stats.records += 1;
        self.stats.wire_bytes += wire;
        self.charge_bytes(now, wire);
        self.joiner.skip(RECORD_HEAD);
        self.open = Some(open);
        self.visit(control, now, Step::Record)
    }

    fn end_record(&mut self) {
        self.record_ended = true;
        if core::mem::take(&mut self.rekey) {
            if let Some(cipher) = &mut self.cipher {
                cipher.rekey_with(self.kept.as_mut().and_then(|kept| kept.key.as_mut()));
            }
            self.key_records = 0;
            self.stats.rekeys += 1;
        }
    }

    /// `n` bytes of the open record are used up.
    fn skip(&mut self, n: usize) {
        self.joiner.skip(n);
        self.use_up(n);
    }

    /// Less of the open record is unread. What is used up lies inside of it and fits 16 bits like all of it.
    fn use_up(&mut self, n: usize) {
        self.open = self.open.map(|open| open.saturating_sub(n as u16));
    }

    fn count_message(&mut self, bytes: usize) {
        self.messages_seen = true;
        self.stats.messages += 1;
        self.stats.message_bytes += bytes as u64;
    }

    /// Consumes nothing more until `until`.
    fn wait(
        &mut self,
        control: &mut impl Shared,
        now: Instant,
        until: Instant,
    ) -> Result<Recv<Event<Span>>, Error> {
        self.visit(control, now, Step::Throttle(until))?;
        Ok(Recv::need(self.joiner.give_back(), 0))
    }
}

#[cfg(test)]
impl RecvState {
    pub(super) fn set_nonce(&mut self, nonce: u64) {
        self.cipher.as_mut().unwrap().set_nonce(nonce);
    }
}

/// What is malformed as a packet where a record is due is malformed as a record.
const fn as_record(error: Error) -> Error {
    match error {
        Error::MalformedOpening => Error::Frame(FrameFault::EmptyRecord),
        other => other,
    }
}

/// The length of the record or notice at the front of `rest`, head included, or how many bytes are missing.
fn record_len(rest: &[u8]) -> Result<Result<usize, usize>, Error> {
    let Some(head) = rest.first_chunk::<RECORD_HEAD>() else {
        return Ok(Err(RECORD_HEAD - rest.len()));
    };
    let body = usize::from(u16::from_be_bytes(*head));
    // A notice is as long as a tag.
    if body < TAG_LEN {
        return Err(Error::Frame(FrameFault::EmptyRecord));
    }
    let len = RECORD_HEAD + body;
    Ok(if rest.len() < len { Err(len - rest.len()) } else { Ok(len) })
}
