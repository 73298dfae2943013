//! What each kind of frame comes to (docs/wire.md, section 3), and fragments joined in place.

use super::RecvState;
use crate::buf::Span;
use crate::session::codes::CloseCode;
use crate::session::control::{Shared, TICKET_BODY};
use crate::session::error::Error;
use crate::session::frame::{self, FrameFault, Head};
use crate::session::identity::{self, IdentityFault, PROOF_LEN};
use crate::session::{Event, MAX_REASON, varint};
use crate::time::Instant;

/// What a frame comes to.
pub(super) enum Outcome {
    /// Nothing to report; look at the next frame.
    Done,
    Event(Event<Span>),
    /// The frame stays where it is until then.
    Wait(Instant),
}

impl RecvState {
    /// Handles the frame `head`, which lies where the unread bytes begin.
    pub(super) fn frame(
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

    /// Uses up `offset` bytes of the open record and moves the `len` behind them to the open message.
    fn join(&mut self, offset: usize, len: usize, buf: &mut [u8]) {
        self.joiner.join(offset, len, buf);
        self.use_up(offset + len);
    }

    fn check_size(&self, size: u64) -> Result<usize, Error> {
        let max = self.config.max_message;
        usize::try_from(size).ok().filter(|size| *size <= max).ok_or(Error::MessageTooLarge { size, max })
    }
}

/// The code of a CLOSE body and the length of its reason.
fn close(body: &[u8]) -> Option<(CloseCode, usize)> {
    let (code, n) = varint::decode(body)?;
    let reason = body.get(n..)?;
    core::str::from_utf8(reason).ok().filter(|reason| reason.len() <= MAX_REASON)?;
    Some((CloseCode::from_wire(code)?, reason.len()))
}
