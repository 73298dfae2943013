//! The receiving half: records opened in place, frames taken one at a time, fragments joined in place.
//!
//! Nothing is copied out: a message lies in the caller's buffer, which looks like this between two calls:
//!
//! ```text
//! | what `buf/join.rs` keeps at the front | plaintext not yet read (open) | tag | records to come ...
//! ```

use super::Event;
use super::codes::CloseCode;
use super::config::Config;
use super::control::{Shared, Step, TICKET_BODY, Visit};
use super::error::Error;
use super::frame::{self, FrameFault, Head};
use super::identity::{self, IdentityFault, PROOF_LEN};
use super::packet::check_alert;
use super::seal::RECORD_HEAD;
use super::snapshot::{NOTICE_LEN, Notice, Receiving, RestoreError, SnapshotError};
use super::stats::Traffic;
use super::{MAX_REASON, varint};
use crate::buf::{Joiner, MAX_GAP, Span};
use crate::limit::Gcra;
use crate::machine::Recv;
use crate::noise::{CipherError, KeptKey, MAX_MESSAGE, Protocol, RecvCipher, TAG_LEN};
use crate::time::Instant;
use alloc::boxed::Box;
use alloc::sync::Arc;

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
    /// None if there is no limit.
    limits: Option<Box<Limits>>,
    /// None unless the configuration asks for it.
    kept: Option<Box<Kept>>,
    /// A message arrived since the shared block was last told.
    messages_seen: bool,
    /// A record was used up since then.
    record_ended: bool,
    drained: bool,
    closed: bool,
    /// This half reported an error: asked again, it says the same.
    failed: bool,
    stats: Traffic,
    skipped: u64,
}

struct Limits {
    messages: Option<Gcra>,
    bytes: Option<Gcra>,
}

impl Limits {
    fn new(config: &Config) -> Option<Box<Self>> {
        let limits = config.rate_limit;
        let any = limits.messages.is_some() || limits.bytes.is_some();
        any.then(|| {
            Box::new(Self { messages: limits.messages.map(Gcra::new), bytes: limits.bytes.map(Gcra::new) })
        })
    }
}

/// What is kept for snapshots, those of this end and those of the peer.
#[derive(Default)]
struct Kept {
    /// The key of the cipher, if it may be handed over.
    key: Option<KeptKey>,
    /// Snapshots made of this session.
    generation: u64,
    /// The peer has skipped so many records and not said yet that it was restored.
    skipped: Option<u64>,
    /// So many are lost, if the next record proves it.
    lost: Option<u64>,
}

/// What a frame comes to.
enum Outcome {
    /// Nothing to report; look at the next frame.
    Done,
    Event(Event<Span>),
    /// The frame stays where it is until then.
    Wait(Instant),
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
            kept: (config.snapshots || config.max_gap > 0).then(Box::default),
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
                        Ok(NOTICE_LEN) => self.notice(rest)?,
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
        if let Some(bytes) = self.limits.as_mut().and_then(|limits| limits.bytes.as_mut()) {
            bytes.take(now, wire);
        }
        self.joiner.skip(RECORD_HEAD);
        self.open = Some(open);
        self.visit(control, now, Step::Record)
    }

    /// Takes the notice at the front of `rest`. It is not authenticated; the record behind it is, under a key and a
    /// number that follow from it.
    #[cold]
    fn notice(&mut self, rest: &[u8]) -> Result<(), Error> {
        // Who was restored proves nothing any more.
        if !core::mem::replace(&mut self.begun, true) && self.config.require_identity {
            return Err(Error::Identity(IdentityFault::Missing));
        }
        let fault = Error::Frame(FrameFault::Notice);
        let notice = Notice::parse(rest).ok_or(fault)?;
        let Some(cipher) = &mut self.cipher else { return Err(Error::BufferChanged) };
        match notice {
            Notice::Restored(salt) => {
                let kept = self.kept.as_deref_mut().map(|kept| {
                    if let Some(skipped) = kept.skipped.take() {
                        kept.lost = Some(kept.lost.unwrap_or(0).saturating_add(skipped));
                    }
                    kept.key.as_mut()
                });
                cipher.follow(&salt, kept.flatten());
                self.key_records = 0;
            }
            Notice::Skip(nonce) => {
                let skipped = nonce.checked_sub(cipher.nonce()).ok_or(fault)?;
                let max = self.config.max_gap;
                // With what earlier notices have skipped, behind which no record came.
                let before = self.kept.as_ref().and_then(|kept| kept.lost).unwrap_or(0);
                let at_most = before.saturating_add(skipped);
                let Some(kept) = self.kept.as_mut().filter(|_| max > 0 && at_most <= max) else {
                    return Err(Error::RecordsLost { at_most, max });
                };
                if kept.skipped.replace(skipped).is_some() {
                    return Err(fault);
                }
                cipher.skip_to(nonce);
                if self.joiner.is_open() {
                    self.joiner.end();
                    self.stats.abandoned += 1;
                }
            }
        }
        self.joiner.skip(NOTICE_LEN);
        Ok(())
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

    /// Handles the frame `head`, which lies where the unread bytes begin.
    fn frame(
        &mut self,
        control: &mut impl Shared,
        now: Instant,
        head: Head,
        buf: &mut [u8],
    ) -> Result<Outcome, Error> {
        let start = self.joiner.unread() + head.body;
        let body = buf.get(start..start + head.len).ok_or(Error::BufferChanged)?;
        let last = self.open.map(usize::from) == Some(head.body + head.len);
        let fault = |fault| Err(Error::Frame(fault));
        let first = !core::mem::replace(&mut self.begun, true);
        if first && self.config.require_identity && head.kind != frame::IDENTITY {
            return Err(Error::Identity(IdentityFault::Missing));
        }
        match head.kind {
            frame::MESSAGE | frame::BEGIN => {
                if self.drained {
                    return fault(FrameFault::AfterDrain);
                }
                if self.joiner.is_open() {
                    return fault(FrameFault::OutOfPlace);
                }
                if let Some(until) = self.charge_message(now)? {
                    return Ok(Outcome::Wait(until));
                }
                if head.kind == frame::MESSAGE {
                    self.check_size(head.len as u64)?;
                    return Ok(Outcome::Event(Event::Message(self.take_message(start, head))));
                }
                let (total, n) = varint::decode(body).ok_or(Error::Frame(FrameFault::Total))?;
                let total = self.check_size(total)?;
                let first = head.len - n;
                if first == 0 || first >= total {
                    return fault(FrameFault::Total);
                }
                self.joiner.begin(total);
                self.join(head.body + n, first, buf);
            }
            frame::CONTINUE => {
                let Some(missing) = self.joiner.missing() else { return fault(FrameFault::OutOfPlace) };
                if head.len == 0 || head.len > missing {
                    return fault(FrameFault::Total);
                }
                self.join(head.body, head.len, buf);
                if head.len == missing {
                    let message = self.joiner.end();
                    self.count_message(message.len());
                    return Ok(Outcome::Event(Event::Message(message)));
                }
            }
            frame::ABANDON => {
                if head.len > 0 {
                    return fault(FrameFault::BodyLength);
                }
                if !self.joiner.is_open() {
                    return fault(FrameFault::OutOfPlace);
                }
                self.joiner.end();
                self.stats.abandoned += 1;
                self.skip(head.body);
            }
            frame::PING | frame::PONG => {
                let Ok(body) = <[u8; 8]>::try_from(body) else { return fault(FrameFault::BodyLength) };
                control.with(|control| match head.kind {
                    frame::PING => control.on_ping(body),
                    _ => control.on_pong(now, u64::from_be_bytes(body)),
                });
                self.skip(head.body + head.len);
            }
            frame::REKEY => {
                if head.len > 0 {
                    return fault(FrameFault::BodyLength);
                }
                if !last {
                    return fault(FrameFault::NotLast);
                }
                self.rekey = true;
                self.skip(head.body);
            }
            frame::DRAIN => {
                if head.len > 0 {
                    return fault(FrameFault::BodyLength);
                }
                if self.joiner.is_open() {
                    return fault(FrameFault::OutOfPlace);
                }
                self.skip(head.body);
                if !core::mem::replace(&mut self.drained, true) {
                    control.with(|control| control.on_drain());
                    return Ok(Outcome::Event(Event::Draining));
                }
            }
            frame::CLOSE => {
                if !last {
                    return fault(FrameFault::NotLast);
                }
                let (code, reason) = close(body).ok_or(Error::Frame(FrameFault::Close))?;
                self.closed = true;
                control.with(|control| control.on_close(now));
                self.skip(head.body + head.len);
                let reason = Span::new(start + (head.len - reason), reason);
                return Ok(Outcome::Event(Event::Closed { code, reason }));
            }
            frame::TICKET => {
                let Ok(body) = <&[u8; TICKET_BODY]>::try_from(body) else {
                    return fault(FrameFault::BodyLength);
                };
                if !control.with(|control| control.on_ticket(now, body)) {
                    return fault(FrameFault::OutOfPlace);
                }
                self.skip(head.body + head.len);
                return Ok(Outcome::Event(Event::Ticket));
            }
            frame::IDENTITY => {
                let Ok(proof) = body.try_into() else { return fault(FrameFault::BodyLength) };
                if !first {
                    return fault(FrameFault::NotFirst);
                }
                self.skip(head.body + head.len);
                return self.judge(control, proof);
            }
            frame::PADDING => {
                self.stats.padding_bytes += (head.body + head.len) as u64;
                self.skip(head.body + head.len);
            }
            odd if odd % 2 == 1 => {
                self.skipped += 1;
                self.skip(head.body + head.len);
            }
            unknown => return Err(Error::UnknownFrame(unknown)),
        }
        Ok(Outcome::Done)
    }

    /// Judges the proof of the peer's identity; the block is not held meanwhile.
    #[inline(never)]
    fn judge(&self, control: &mut impl Shared, proof: &[u8; PROOF_LEN]) -> Result<Outcome, Error> {
        let hash = control.with(|control| control.handshake_hash()).ok_or(Error::BufferChanged)?;
        let key = identity::judge(&self.config, &hash, proof).map_err(Error::Identity)?;
        let establishes = key.is_some_and(|key| control.with(|control| control.on_identity(key)));
        Ok(if establishes { Outcome::Event(Event::Established) } else { Outcome::Done })
    }

    /// `n` bytes of the open record are used up.
    fn skip(&mut self, n: usize) {
        self.joiner.skip(n);
        self.use_up(n);
    }

    /// Uses up `offset` bytes of the open record and moves the `len` behind them to the open message.
    fn join(&mut self, offset: usize, len: usize, buf: &mut [u8]) {
        self.joiner.join(offset, len, buf);
        self.use_up(offset + len);
    }

    /// Less of the open record is unread. What is used up lies inside of it and fits 16 bits like all of it.
    fn use_up(&mut self, n: usize) {
        self.open = self.open.map(|open| open.saturating_sub(n as u16));
    }

    fn check_size(&self, size: u64) -> Result<usize, Error> {
        let max = self.config.max_message;
        usize::try_from(size).ok().filter(|size| *size <= max).ok_or(Error::MessageTooLarge { size, max })
    }

    fn count_message(&mut self, bytes: usize) {
        self.messages_seen = true;
        self.stats.messages += 1;
        self.stats.message_bytes += bytes as u64;
    }

    /// Charges one message to the rate limit, or says from when it may pass.
    fn charge_message(&mut self, now: Instant) -> Result<Option<Instant>, Error> {
        let messages = self.limits.as_mut().and_then(|limits| limits.messages.as_mut());
        let Some(messages) = messages else { return Ok(None) };
        match messages.check(now) {
            Ok(()) => {
                messages.take(now, 1);
                Ok(None)
            }
            Err(until) => self.refuse_rate().map(|()| Some(until)),
        }
    }

    fn refuse_rate(&self) -> Result<(), Error> {
        if self.config.rate_limit.close { Err(Error::RateLimited) } else { Ok(()) }
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

// Snapshots.
impl RecvState {
    /// Snapshots made of this session.
    pub(super) fn generation(&self) -> u64 {
        self.kept.as_ref().map_or(0, |kept| kept.generation)
    }

    pub(super) fn next_generation(&mut self) -> u64 {
        if let Some(kept) = &mut self.kept {
            kept.generation = kept.generation.saturating_add(1);
        }
        self.generation()
    }

    /// What goes on of this half; `rx` is all that was not consumed.
    pub(super) fn copy(&self, rx: &[u8]) -> Result<Receiving, SnapshotError> {
        let kept =
            self.kept.as_ref().filter(|_| self.config.snapshots).ok_or(SnapshotError::NotExportable)?;
        let (Some(key), Some(cipher)) = (&kept.key, &self.cipher) else {
            return Err(SnapshotError::NotExportable);
        };
        if self.failed | self.closed {
            return Err(SnapshotError::Ending);
        }
        // A skip is half a notice; what lies in front of a message is given back whenever `recv` returns.
        let [front, joined @ ..] = self.joiner.parts();
        let open = self.open.map_or(0, |open| usize::from(open) + TAG_LEN);
        if kept.skipped.is_some() || front > 0 || self.joiner.unread().saturating_add(open) > rx.len() {
            return Err(SnapshotError::Buffer);
        }
        Ok(Receiving {
            key: key.0.clone(),
            nonce: cipher.nonce(),
            key_records: self.key_records,
            open: self.open,
            begun: self.begun,
            rekey: self.rekey,
            drained: self.drained,
            joined: joined.map(|n| n as u64),
            traffic: self.stats,
            skipped_frames: self.skipped,
            lost: kept.lost,
        })
    }

    /// Goes on with `rx` in front of what comes.
    pub(super) fn restored(
        config: &Arc<Config>,
        protocol: &Protocol,
        from: Receiving,
        generation: u64,
        rx: &[u8],
    ) -> Result<Self, RestoreError> {
        let [total, held, gap] = from.joined.map(|n| usize::try_from(n).unwrap_or(usize::MAX));
        let joiner = Joiner::from_parts(total, held, gap).ok_or(RestoreError::Content)?;
        let open = from.open.map_or(0, |open| usize::from(open) + TAG_LEN);
        if joiner.unread().saturating_add(open) > rx.len() {
            return Err(RestoreError::Content);
        }
        if total > config.max_message || rx.len() > config.rx_limit() {
            return Err(RestoreError::TooLarge);
        }
        let new = Self::new(config);
        let mut kept = new.kept;
        if kept.is_none() && from.lost.is_some() {
            kept = Some(Box::default());
        }
        let cipher = RecvCipher::resumed(config.provider, protocol.cipher(), &from.key, from.nonce);
        if let Some(kept) = &mut kept {
            kept.key = Some(KeptKey(from.key)).filter(|_| config.snapshots);
            (kept.generation, kept.lost) = (generation, from.lost);
        }
        Ok(Self {
            cipher: Some(cipher),
            joiner,
            open: from.open,
            begun: from.begun,
            rekey: from.rekey,
            key_records: from.key_records,
            kept,
            drained: from.drained,
            stats: from.traffic,
            skipped: from.skipped_frames,
            ..new
        })
    }

    /// Whether the peer has said that it drains.
    pub(super) const fn is_drained(&self) -> bool {
        self.drained
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

/// The code of a CLOSE body and the length of its reason.
fn close(body: &[u8]) -> Option<(CloseCode, usize)> {
    let (code, n) = varint::decode(body)?;
    let reason = body.get(n..)?;
    core::str::from_utf8(reason).ok().filter(|reason| reason.len() <= MAX_REASON)?;
    Some((CloseCode::from_wire(code)?, reason.len()))
}
