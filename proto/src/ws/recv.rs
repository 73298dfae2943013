//! The receiving half: frames to events, in place.
//!
//! Nothing is copied out: a payload is unmasked where it lies in the caller's buffer. A message that is not in the
//! buffer at once, or comes in fragments, grows at the front of it (`buf/join.rs`), and is checked as it comes.

#[cfg(feature = "deflate")]
mod inflate;

use super::close::{self, CloseFault};
use super::config::{Config, Delivery};
use super::control::{Shared, Visit};
use super::error::Error;
use super::frame::{self, FrameFault, Head, MAX_CONTROL, MAX_HEAD, Opcode, Whole};
use super::mask;
use super::stats::Traffic;
use super::utf8::{Utf8, is_utf8};
use super::{Event, Kind, Role};
use crate::buf::{Joiner, MAX_GAP, Scratch, Span};
use crate::limit::Gcra;
use crate::machine::Recv;
use crate::time::Instant;
use alloc::sync::Arc;

/// The most bytes that can wait in the caller's buffer: a message of that size, used-up bytes between its fragments,
/// and frames that are not complete.
pub(super) const fn buffer_bound(message: usize) -> usize {
    message + message / 8 + MAX_GAP + 2 * (MAX_HEAD + MAX_CONTROL)
}

pub(super) struct RecvState {
    config: Arc<Config>,
    role: Role,
    /// The longest message in one frame that may take the short way.
    max_whole: u16,
    joiner: Joiner,
    /// The kind of the message that is not complete.
    message: Option<Kind>,
    /// The frame of it of which bytes are missing.
    frame: Option<Partial>,
    /// Bytes of that message, announced ones included.
    size: usize,
    fragments: u32,
    utf8: Utf8,
    #[cfg(feature = "deflate")]
    inflation: inflate::Inflation,
    control_rate: Option<Gcra>,
    phase: Phase,
    /// The shared block believes that this half waits for bytes.
    listening: bool,
    /// Messages arrived since the shared block was last told.
    messages_seen: bool,
    /// Bytes were used up since then.
    received: bool,
    stats: Traffic,
}

/// What the next bytes are for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Opening,
    Frames,
    /// Nothing: the peer has closed.
    Closed,
    /// Nothing: this half reported an error and says the same again.
    Failed,
}

/// A data frame that is not complete.
struct Partial {
    fin: bool,
    /// Turned so that it begins with the byte for what is missing.
    mask: [u8; 4],
    left: usize,
}

type Received = Result<Recv<Event<Span>>, Error>;

impl RecvState {
    pub(super) fn new(config: &Arc<Config>, role: Role) -> Self {
        Self {
            config: Arc::clone(config),
            role,
            max_whole: u16::try_from(config.max_frame.min(config.max_message)).unwrap_or(u16::MAX),
            joiner: Joiner::default(),
            message: None,
            frame: None,
            size: 0,
            fragments: 0,
            utf8: Utf8::default(),
            #[cfg(feature = "deflate")]
            inflation: inflate::Inflation::default(),
            control_rate: config.control_rate.map(Gcra::new),
            phase: Phase::Opening,
            listening: true,
            messages_seen: false,
            received: false,
            stats: Traffic::default(),
        }
    }

    /// Remembers a failure that a deadline brought: `recv` says the same from now on.
    pub(super) fn note(&mut self, result: Result<(), Error>) -> Result<(), Error> {
        if result.is_err() {
            self.phase = Phase::Failed;
        }
        result
    }

    pub(super) const fn stats(&self) -> Traffic {
        self.stats
    }

    #[inline]
    pub(super) fn recv(
        &mut self,
        control: &mut impl Shared,
        now: Instant,
        buf: &mut [u8],
        scratch: Option<&mut Scratch>,
    ) -> Received {
        // What was used up is given back by every call, unless a message is open: the next frame begins at the front.
        if self.phase == Phase::Frames && !self.listening && self.message.is_none() {
            match self.whole_message(buf, 0) {
                Ok(None) => {}
                Ok(Some((event, used))) => return Ok(Recv::event(used, event)),
                Err(error) => return Err(self.fail(control, error)),
            }
        }
        self.recv_any(control, now, buf, scratch)
    }

    /// The message at `start`, if it is whole, unfragmented, below 64 KiB and in the buffer, and how many bytes it takes.
    ///
    /// Inlined wherever it is called: what it returns would be written to memory and read back in other pieces, which
    /// takes longer than all the rest.
    #[inline(always)]
    fn whole_message(&mut self, buf: &mut [u8], start: usize) -> Result<Option<(Event<Span>, usize)>, Error> {
        let Some(rest) = buf.get_mut(start..) else { return Ok(None) };
        let Some(Whole { kind, mask, at, len }) = frame::parse_whole(self.role, rest) else {
            return Ok(None);
        };
        let Some(payload) = rest.get_mut(at..at + len).filter(|_| len <= self.max_whole.into()) else {
            return Ok(None);
        };
        let is_ascii = self.unmask(mask, payload);
        if kind == Kind::Text && !is_ascii && !is_utf8(payload) {
            return Err(Error::NotUtf8);
        }
        self.count_message(len);
        self.stats.frames += 1;
        Ok(Some((self.event(kind, Span::new(start + at, len), true), at + len)))
    }

    /// Unmasks what a client sent. Whether it is ASCII; false also where that is not worth knowing yet.
    #[inline]
    fn unmask(&self, mask: [u8; 4], payload: &mut [u8]) -> bool {
        match self.role {
            Role::Server => mask::apply(mask, payload),
            Role::Client => false,
        }
    }

    #[inline]
    fn event(&self, kind: Kind, payload: Span, last: bool) -> Event<Span> {
        match self.config.delivery {
            Delivery::Messages => Event::Message { kind, payload },
            Delivery::Chunks => Event::Chunk { kind, payload, last },
        }
    }

    fn count_message(&mut self, len: usize) {
        self.messages_seen = true;
        self.received = true;
        self.stats.messages += 1;
        self.stats.message_bytes += len as u64;
    }

    #[cold]
    fn fail(&mut self, control: &mut impl Shared, error: Error) -> Error {
        self.phase = Phase::Failed;
        control.with(|control| control.fail(error))
    }

    /// Out of line, so that what most calls need is small.
    #[inline(never)]
    fn recv_any(
        &mut self,
        control: &mut impl Shared,
        now: Instant,
        buf: &mut [u8],
        scratch: Option<&mut Scratch>,
    ) -> Received {
        if self.phase == Phase::Opening {
            let opening = control.with(|control| match control.failure() {
                Some(error) => Err(error),
                None if control.is_open() => Ok(None),
                None => control.recv_opening(now, buf).map(Some),
            });
            match opening {
                Ok(Some(recv)) => return Ok(recv),
                Ok(None) => self.begin_frames(control),
                Err(error) => return self.note(Err(error)).map(|()| Recv::need(0, 0)),
            }
        }
        match self.phase {
            Phase::Failed => Err(control.with(|control| control.failure()).unwrap_or(Error::BufferChanged)),
            Phase::Closed => {
                self.visit(control, now, true)?;
                // A client goes on reading, for the end of the stream.
                let over = control.with(|control| control.is_over());
                Ok(Recv::need(buf.len(), usize::from(!over)))
            }
            _ => self.frames(control, now, buf, scratch).map_err(|error| self.fail(control, error)),
        }
    }

    /// The connection is open.
    fn begin_frames(&mut self, control: &mut impl Shared) {
        #[cfg(feature = "deflate")]
        self.inflation.begin(&self.config, self.role, control.with(|control| control.granted()));
        #[cfg(not(feature = "deflate"))]
        let _ = control;
        self.phase = Phase::Frames;
    }

    /// Tells the shared block what happened since the last time: once when bytes come, once before this half waits.
    fn visit(&mut self, control: &mut impl Shared, now: Instant, listening: bool) -> Result<(), Error> {
        self.listening = listening;
        let messages = core::mem::take(&mut self.messages_seen);
        let received = core::mem::take(&mut self.received) || !listening;
        control.with(|control| control.on_visit(now, Visit { messages, received, listening }))
    }

    /// Gives back what is used up and waits for `need` more bytes.
    fn listen(&mut self, control: &mut impl Shared, now: Instant, buf: &mut [u8], need: usize) -> Received {
        self.visit(control, now, true)?;
        Ok(Recv::need(self.joiner.compact(buf), need))
    }

    /// Frames until one makes an event or is not complete.
    fn frames(
        &mut self,
        control: &mut impl Shared,
        now: Instant,
        buf: &mut [u8],
        mut scratch: Option<&mut Scratch>,
    ) -> Received {
        #[cfg(feature = "deflate")]
        self.clear(scratch.as_deref_mut());
        if self.listening && buf.len() > self.joiner.unread() {
            self.visit(control, now, false)?;
        }
        loop {
            if self.frame.is_some() {
                match self.payload(buf, scratch.as_deref_mut())? {
                    Step::Event(event) => return Ok(Recv::event(self.joiner.give_back(), event)),
                    Step::Need(need) => return self.listen(control, now, buf, need),
                    Step::Done => continue,
                }
            }
            let start = self.joiner.unread();
            if self.message.is_none() {
                if let Some((event, used)) = self.whole_message(buf, start)? {
                    self.joiner.skip(used);
                    return Ok(Recv::event(self.joiner.give_back(), event));
                }
            }
            let rest = buf.get(start..).ok_or(Error::BufferChanged)?;
            let head = match frame::parse(self.role, rest).map_err(Error::Frame)? {
                Ok(head) => head,
                Err(need) => return self.listen(control, now, buf, need),
            };
            if head.rsv1 && !self.takes_compressed() {
                return Err(Error::Frame(FrameFault::ReservedBits));
            }
            if !head.opcode.is_control() {
                self.begin_frame(&head)?;
                continue;
            }
            match self.control_frame(control, now, &head, buf)? {
                Step::Event(event) => return Ok(Recv::event(self.joiner.give_back(), event)),
                Step::Need(need) => return self.listen(control, now, buf, need),
                Step::Done => {}
            }
        }
    }

    /// Takes the head of a data frame: whether it is its turn, and whether there is room for what it announces.
    fn begin_frame(&mut self, head: &Head) -> Result<(), Error> {
        match (self.message, Kind::of(head.opcode)) {
            (None, Some(kind)) => {
                self.message = Some(kind);
                (self.size, self.fragments) = (0, 0);
                self.joiner.begin(usize::MAX);
                #[cfg(feature = "deflate")]
                self.inflation.set_compressed(head.rsv1);
            }
            (Some(_), None) => {}
            (None, None) => return Err(Error::Frame(FrameFault::NothingToContinue)),
            (Some(_), Some(_)) => return Err(Error::Frame(FrameFault::InsideMessage)),
        }
        let (max_frame, max) = (self.config.max_frame, self.max_payload());
        if head.payload > max_frame as u64 {
            return Err(Error::FrameTooLarge { size: head.payload, max: max_frame });
        }
        let size = (self.size as u64).saturating_add(head.payload);
        self.size = usize::try_from(size)
            .ok()
            .filter(|size| *size <= max)
            .ok_or(Error::MessageTooLarge { size, max })?;
        self.fragments += 1;
        if self.fragments > self.config.max_fragments {
            return Err(Error::TooManyFragments { max: self.config.max_fragments });
        }
        self.joiner.skip(head.size);
        self.received = true;
        self.stats.frames += 1;
        // Below the maximum of a message, which fits.
        let left = head.payload as usize;
        self.frame = Some(Partial { fin: head.fin, mask: head.mask, left });
        Ok(())
    }

    /// Whether the peer may compress messages.
    fn takes_compressed(&self) -> bool {
        #[cfg(feature = "deflate")]
        return self.inflation.is_agreed();
        #[cfg(not(feature = "deflate"))]
        false
    }

    /// The most bytes that the message under way may have on the wire.
    fn max_payload(&self) -> usize {
        #[cfg(feature = "deflate")]
        if self.inflation.is_compressed() {
            return self.config.max_payload();
        }
        self.config.max_message
    }

    /// Takes what has come of the payload of the frame under way.
    fn payload(&mut self, buf: &mut [u8], scratch: Option<&mut Scratch>) -> Result<Step, Error> {
        #[cfg(feature = "deflate")]
        if self.inflation.is_compressed() {
            return self.compressed_payload(buf, scratch.ok_or(Error::NoScratch)?);
        }
        #[cfg(not(feature = "deflate"))]
        let _ = scratch;
        let (Some(Partial { fin, mask, left }), Some(kind)) = (&self.frame, self.message) else {
            return Ok(Step::Done);
        };
        let (fin, mask, left) = (*fin, *mask, *left);
        let start = self.joiner.unread();
        let rest = buf.get_mut(start..).ok_or(Error::BufferChanged)?;
        let n = left.min(rest.len());
        if n == 0 && left > 0 {
            // Any byte makes a chunk, and the rest of a frame need not fit the buffer.
            let need = if self.config.delivery == Delivery::Chunks { 1 } else { left };
            return Ok(Step::Need(need));
        }
        let (fresh, _) = rest.split_at_mut(n);
        let is_ascii = self.unmask(mask, fresh);
        if kind == Kind::Text && !(is_ascii && self.utf8.is_complete()) {
            self.utf8.feed(fresh).map_err(|_| Error::NotUtf8)?;
        }
        self.received |= n > 0;
        let left = left - n;
        let complete = left == 0;
        let last = complete && fin;
        self.frame = (!complete).then_some(Partial { fin, mask: mask::turned(mask, n), left });
        if last {
            if !self.utf8.is_complete() {
                return Err(Error::NotUtf8);
            }
            self.message = None;
            self.count_message(self.size);
        }
        match self.config.delivery {
            Delivery::Messages => {
                self.joiner.join(0, n, buf);
                if last {
                    let message = self.joiner.end();
                    return Ok(Step::Event(self.event(kind, message, true)));
                }
            }
            Delivery::Chunks => {
                self.joiner.skip(n);
                if last {
                    self.joiner.end();
                }
                if last || n > 0 {
                    return Ok(Step::Event(self.event(kind, Span::new(start, n), last)));
                }
            }
        }
        Ok(if complete { Step::Done } else { Step::Need(left) })
    }

    /// Handles a control frame once all of it is there.
    fn control_frame(
        &mut self,
        control: &mut impl Shared,
        now: Instant,
        head: &Head,
        buf: &mut [u8],
    ) -> Result<Step, Error> {
        let start = self.joiner.unread() + head.size;
        // At most 125.
        let len = head.payload as usize;
        let rest = buf.get_mut(start..).ok_or(Error::BufferChanged)?;
        let Some(body) = rest.get_mut(..len) else { return Ok(Step::Need(len - rest.len())) };
        if let Some(rate) = &mut self.control_rate {
            rate.try_take(now, 1).map_err(|_| Error::ControlFlood)?;
        }
        self.unmask(head.mask, body);
        self.joiner.skip(head.size + len);
        self.received = true;
        self.stats.frames += 1;
        match head.opcode {
            Opcode::Ping => control.with(|control| control.on_ping(body)),
            Opcode::Pong => control.with(|control| control.on_pong(now, body)),
            _ => {
                let code = close::parse(body).map_err(|fault| match fault {
                    CloseFault::Frame(fault) => Error::Frame(fault),
                    CloseFault::NotUtf8 => Error::NotUtf8,
                })?;
                self.phase = Phase::Closed;
                control.with(|control| control.on_close(now, code));
                let reason = Span::new(start + 2.min(len), len.saturating_sub(2));
                return Ok(Step::Event(Event::Closed { code, reason }));
            }
        }
        Ok(Step::Done)
    }
}

/// What comes of a frame.
enum Step {
    Event(Event<Span>),
    /// It is used up; look at the next.
    Done,
    /// So many bytes are missing at least.
    Need(usize),
}
