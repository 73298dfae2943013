//! What a receiver must make of records, written from docs/wire.md, sections 3 and 8, without the session's code.

use crate::subject::Seen;
use sealock_proto::session::Event;

/// Why a receiver must fail.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    /// A frame breaks a rule.
    Rule,
    /// More messages than the configuration allows.
    Rate,
    /// More records under one key than the configuration allows.
    Key,
    /// A record that does not keep to the notices in front of it.
    Forged,
    /// The proof of an identity is missing or refused.
    Identity,
}

#[derive(Default)]
pub(crate) struct Model {
    max_message: usize,
    /// Messages that may still begin, where more are refused.
    allowance: Option<u64>,
    peer_records: u64,
    /// A ticket may come.
    tickets: bool,
    /// Whether a proof is required, where proofs are judged.
    identity: Option<bool>,
    /// A frame has been seen.
    begun: bool,
    /// Whether there is all that the session needs to be established.
    pub(crate) established: bool,
    under_key: u64,
    open: Option<(usize, Vec<u8>)>,
    /// The number of the next record, and by how much it may be skipped.
    nonce: u64,
    max_gap: u64,
    /// The notices since the last record: whether the peer skipped, and whether it was restored after it.
    skipped: bool,
    /// Records that they skip together.
    lost: u64,
    restored: bool,
    drained: bool,
    /// Nothing behind this point counts.
    pub(crate) closed: bool,
    pub(crate) fault: Option<Fault>,
    events: Vec<Expected>,
}

#[derive(PartialEq, Eq, Debug)]
enum Expected {
    Message(Vec<u8>),
    Ticket,
    Draining,
    Closed(u64, Vec<u8>),
}

impl Model {
    pub(crate) fn new(
        max_message: usize,
        allowance: Option<u64>,
        peer_records: u64,
        max_gap: u64,
        tickets: bool,
        identity: Option<bool>,
    ) -> Self {
        let established = identity != Some(true);
        Self {
            max_message,
            allowance,
            peer_records,
            max_gap,
            tickets,
            identity,
            established,
            ..Self::default()
        }
    }

    /// Takes a notice that somebody forged.
    pub(crate) fn notice(&mut self, body: &[u8]) {
        if self.fault.is_some() || self.closed {
            return;
        }
        self.fault = self.follow(body).err();
    }

    fn follow(&mut self, body: &[u8]) -> Result<(), Fault> {
        // Whoever was restored proves nothing any more.
        if !std::mem::replace(&mut self.begun, true) && self.identity == Some(true) {
            return Err(Fault::Identity);
        }
        match *body {
            [1, ..] => {
                (self.restored, self.skipped) = (true, false);
                self.under_key = 0;
            }
            [2, 0, 0, 0, 0, 0, 0, 0, a, b, c, d, e, f, g, h] => {
                let nonce = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
                let skips = nonce.checked_sub(self.nonce).ok_or(Fault::Rule)?;
                self.lost = self.lost.saturating_add(skips);
                rule(self.max_gap > 0 && self.lost <= self.max_gap && !self.skipped)?;
                (self.nonce, self.skipped) = (nonce, true);
                self.open = None;
            }
            _ => return Err(Fault::Rule),
        }
        Ok(())
    }

    /// Takes the plaintext of one record and says whether the sender's key changes behind it.
    pub(crate) fn record(&mut self, plain: &[u8]) -> bool {
        if self.fault.is_some() || self.closed {
            return false;
        }
        match self.frames(plain) {
            Ok(true) => {
                self.under_key = 0;
                true
            }
            Ok(false) => false,
            Err(fault) => {
                self.fault = Some(fault);
                false
            }
        }
    }

    /// A message begins.
    fn charge(&mut self) -> Result<(), Fault> {
        match &mut self.allowance {
            Some(0) => Err(Fault::Rate),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn frames(&mut self, mut plain: &[u8]) -> Result<bool, Fault> {
        if self.under_key == self.peer_records {
            return Err(Fault::Key);
        }
        rule(!self.skipped)?;
        self.lost = 0;
        if self.restored {
            return Err(Fault::Forged);
        }
        (self.under_key, self.nonce) = (self.under_key + 1, self.nonce + 1);
        let mut rekey = false;
        while !plain.is_empty() && !self.closed {
            let kind = varint(&mut plain)?;
            let len = usize::try_from(varint(&mut plain)?).map_err(|_| Fault::Rule)?;
            let (body, rest) = plain.split_at_checked(len).ok_or(Fault::Rule)?;
            plain = rest;
            self.frame(kind, body, rest.is_empty())?;
            rekey = kind == 12;
        }
        Ok(rekey)
    }

    fn frame(&mut self, kind: u64, mut body: &[u8], last: bool) -> Result<(), Fault> {
        let first = !std::mem::replace(&mut self.begun, true);
        if first && kind != 18 && self.identity == Some(true) {
            return Err(Fault::Identity);
        }
        match kind {
            0 => {
                rule(self.open.is_none() && !self.drained)?;
                self.charge()?;
                rule(body.len() <= self.max_message)?;
                self.events.push(Expected::Message(body.to_vec()));
            }
            2 => {
                rule(self.open.is_none() && !self.drained)?;
                self.charge()?;
                let total = usize::try_from(varint(&mut body)?).map_err(|_| Fault::Rule)?;
                rule(total <= self.max_message && !body.is_empty() && body.len() < total)?;
                self.open = Some((total, body.to_vec()));
            }
            4 => {
                let (total, mut joined) = self.open.take().ok_or(Fault::Rule)?;
                joined.extend_from_slice(body);
                rule(!body.is_empty() && joined.len() <= total)?;
                if joined.len() == total {
                    self.events.push(Expected::Message(joined));
                } else {
                    self.open = Some((total, joined));
                }
            }
            // Lifetime and ticket, from a responder and once.
            5 => {
                rule(body.len() == 4 + 225 && std::mem::take(&mut self.tickets))?;
                self.events.push(Expected::Ticket);
            }
            6 => rule(self.open.take().is_some() && body.is_empty())?,
            8 | 10 => rule(body.len() == 8)?,
            12 => rule(body.is_empty() && last)?,
            14 => {
                rule(body.is_empty() && self.open.is_none())?;
                if !self.drained {
                    self.events.push(Expected::Draining);
                }
                self.drained = true;
            }
            16 => {
                let code = varint(&mut body)?;
                let utf8 = std::str::from_utf8(body).is_ok();
                rule(last && code < 1 << 30 && utf8 && body.len() <= 256)?;
                self.events.push(Expected::Closed(code, body.to_vec()));
                self.closed = true;
            }
            18 => {
                rule(body.len() == 96 && first)?;
                if self.identity.is_some() && !is_accepted(body) {
                    return Err(Fault::Identity);
                }
                self.established = true;
            }
            // Padding, and what version 1 does not define.
            odd => rule(odd % 2 == 1)?,
        }
        Ok(())
    }

    /// `seen` must be what the session has to report, no more and no less.
    pub(crate) fn check(&self, seen: &[Seen]) {
        let seen: Vec<Expected> = seen.iter().filter_map(expected).collect();
        assert_eq!(seen, self.events, "what the session reports");
    }
}

fn expected(event: &Seen) -> Option<Expected> {
    match event {
        Event::Message(message) => Some(Expected::Message(message.clone())),
        Event::Ticket => Some(Expected::Ticket),
        Event::Draining => Some(Expected::Draining),
        Event::Closed { code, reason } => Some(Expected::Closed(u64::from(code.get()), reason.clone())),
        _ => None,
    }
}

/// What stands for a good signature of an accepted key, which come one behind the other.
pub(crate) fn is_accepted(proof: &[u8]) -> bool {
    proof[0] == proof[32]
}

fn rule(holds: bool) -> Result<(), Fault> {
    if holds { Ok(()) } else { Err(Fault::Rule) }
}

/// A varint of RFC 9000, section 16, in its shortest form, off the front of `bytes`.
fn varint(bytes: &mut &[u8]) -> Result<u64, Fault> {
    let first = *bytes.first().ok_or(Fault::Rule)?;
    let len = 1_usize << (first >> 6);
    let (taken, rest) = bytes.split_at_checked(len).ok_or(Fault::Rule)?;
    let value =
        taken.iter().skip(1).fold(u64::from(first & 0x3f), |value, byte| value << 8 | u64::from(*byte));
    *bytes = rest;
    let floor = [0, 1 << 6, 1 << 14, 1 << 30][usize::from(first >> 6)];
    rule(value >= floor)?;
    Ok(value)
}
