//! One direction of a stream between two machines.

use super::digest::Digest;
use super::fault::Fault;
use crate::entropy::Jitter;
use crate::time::Instant;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::num::{NonZeroU64, NonZeroUsize};
use core::time::Duration;

/// Bytes that travel together when timing differs from byte to byte.
const PIECE: usize = 1460;

/// One direction of a reliable stream, as a value: write at one instant, read at a later one.
///
/// By default a perfect wire: no latency, any rate, everything that has arrived is read at once, 256 KiB may be under
/// way. Two links with the same seed and the same calls behave the same.
#[derive(Debug)]
pub struct Link {
    rng: Jitter,
    latency: Duration,
    jitter: Duration,
    rate: Option<NonZeroU64>,
    chunk: Option<NonZeroUsize>,
    capacity: usize,
    stalls: Vec<(Instant, Instant)>,
    /// By offset; those before `struck` have happened.
    faults: Vec<(u64, Fault)>,
    struck: usize,
    /// The owner may ask for the history.
    keeps: bool,
    /// What the sender wrote, while a replay or the owner may ask for it.
    history: Vec<u8>,
    bytes: VecDeque<u8>,
    /// When which bytes arrive: up to how many of all that were queued.
    marks: VecDeque<(Instant, u64)>,
    written: u64,
    queued: u64,
    read: u64,
    /// Bytes of the sender that are still to be removed.
    remove: u64,
    /// When the wire is free for the next byte.
    free_at: Instant,
    last_arrival: Instant,
    /// When the end of the stream arrives.
    closed: Option<Instant>,
    /// Whether what is written disappears.
    deaf: bool,
    reset: bool,
    digest: Digest,
}

impl Link {
    /// A perfect wire whose choices, once it has any, follow from `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self {
            rng: Jitter::new(seed),
            latency: Duration::ZERO,
            jitter: Duration::ZERO,
            rate: None,
            chunk: None,
            capacity: 256 * 1024,
            stalls: Vec::new(),
            faults: Vec::new(),
            struck: 0,
            keeps: false,
            history: Vec::new(),
            bytes: VecDeque::new(),
            marks: VecDeque::new(),
            written: 0,
            queued: 0,
            read: 0,
            remove: 0,
            free_at: Instant::ZERO,
            last_arrival: Instant::ZERO,
            closed: None,
            deaf: false,
            reset: false,
            digest: Digest::new(),
        }
    }

    /// The time from one end to the other.
    #[must_use]
    pub const fn with_latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    /// Up to this much more, drawn evenly for every 1,460 bytes. Their order is kept.
    #[must_use]
    pub const fn with_jitter(mut self, jitter: Duration) -> Self {
        self.jitter = jitter;
        self
    }

    /// At most this many bytes a second; zero for any number.
    #[must_use]
    pub const fn with_rate(mut self, bytes_per_second: u64) -> Self {
        self.rate = NonZeroU64::new(bytes_per_second);
        self
    }

    /// Every read gives 1 to `most` bytes of those that have arrived, drawn evenly; zero for all of them.
    #[must_use]
    pub const fn with_chunks(mut self, most: usize) -> Self {
        self.chunk = NonZeroUsize::new(most);
        self
    }

    /// How many bytes may be written and not yet read, under way or waiting. At least 1.
    #[must_use]
    pub fn with_capacity(mut self, bytes: usize) -> Self {
        self.capacity = bytes.max(1);
        self
    }

    /// Keeps what the sender writes from here on, for [`Link::history`]. Of a link that nothing was written to.
    #[must_use]
    pub const fn with_history(mut self) -> Self {
        self.keeps = true;
        self
    }

    /// Like [`Link::stall`], for a link that is being made.
    #[must_use]
    pub fn with_stall(mut self, from: Instant, until: Instant) -> Self {
        self.stall(from, until);
        self
    }

    /// Like [`Link::strike`], for a link that is being made.
    #[must_use]
    pub fn with_fault(mut self, offset: u64, fault: Fault) -> Self {
        self.strike(offset, fault);
        self
    }

    /// Nothing arrives from `from` until `until`; then everything does. Until [`Instant::MAX`] the link is cut and
    /// nobody is told.
    pub fn stall(&mut self, from: Instant, until: Instant) {
        self.stalls.push((from, until));
        self.stalls.sort_unstable();
    }

    /// Makes `fault` happen when the sender writes the byte at `offset`; at the next byte if that is written already.
    pub fn strike(&mut self, offset: u64, fault: Fault) {
        let offset = offset.max(self.written);
        let at = self.struck + self.faults[self.struck..].partition_point(|(other, _)| *other <= offset);
        self.faults.insert(at, (offset, fault));
    }

    /// Bytes the sender has written so far, faults aside: the offset of its next byte.
    #[must_use]
    pub const fn written(&self) -> u64 {
        self.written
    }

    /// Everything the sender has written, faults aside, if the link was made [`Link::with_history`].
    #[must_use]
    pub fn history(&self) -> &[u8] {
        if self.keeps { &self.history } else { &[] }
    }

    /// A fingerprint of everything the sender has written.
    #[must_use]
    pub const fn digest(&self) -> u64 {
        self.digest.get()
    }

    /// Faults that have happened, in their order.
    pub fn struck(&self) -> impl ExactSizeIterator<Item = &Fault> {
        self.faults[..self.struck].iter().map(|(_, fault)| fault)
    }

    /// Takes as much of `bytes` as there is room for, and says how much.
    pub fn write(&mut self, now: Instant, bytes: &[u8]) -> usize {
        let room = if self.deaf { usize::MAX } else { self.capacity.saturating_sub(self.bytes.len()) };
        let n = bytes.len().min(room);
        let mut rest = &bytes[..n];
        self.digest.update(rest);
        let replays = |(_, fault): &(u64, Fault)| matches!(fault, Fault::Replay { .. });
        let asked = self.keeps || self.faults[self.struck..].iter().any(replays);
        if asked && self.history.len() as u64 == self.written {
            self.history.extend_from_slice(rest);
        }
        while let Some((offset, fault)) = self.faults.get(self.struck) {
            if *offset >= self.written + rest.len() as u64 {
                break;
            }
            let before = usize::try_from(offset.saturating_sub(self.written)).unwrap_or(usize::MAX);
            let fault = fault.clone();
            let (head, tail) = rest.split_at(before.min(rest.len()));
            self.carry(now, head);
            self.struck += 1;
            rest = self.happen(now, fault, tail);
        }
        self.carry(now, rest);
        n
    }

    /// Does what `fault` says in front of `rest`; returns what is left of that.
    fn happen<'a>(&mut self, now: Instant, fault: Fault, rest: &'a [u8]) -> &'a [u8] {
        match fault {
            Fault::Flip(mask) => {
                if let Some((byte, rest)) = rest.split_first() {
                    self.carry(now, &[byte ^ mask]);
                    return rest;
                }
            }
            Fault::Truncate => self.close(now),
            Fault::Remove(len) => self.remove += len,
            Fault::Replay { from, to } => {
                let clamp = |at: u64| usize::try_from(at.min(self.written)).unwrap_or(usize::MAX);
                let again = self.history.get(clamp(from)..clamp(to)).unwrap_or_default().to_vec();
                self.put(now, &again);
            }
            Fault::Splice(bytes) => self.put(now, &bytes),
            Fault::Reset => self.reset(),
        }
        rest
    }

    /// Passes on bytes of the sender, but for those to be removed.
    fn carry(&mut self, now: Instant, bytes: &[u8]) {
        self.written += bytes.len() as u64;
        let removed = self.remove.min(bytes.len() as u64);
        self.remove -= removed;
        // At most the length of a slice.
        self.put(now, &bytes[removed as usize..]);
    }

    fn put(&mut self, now: Instant, bytes: &[u8]) {
        if self.deaf {
            return;
        }
        let timed = self.rate.is_some() || !self.jitter.is_zero();
        for piece in bytes.chunks(if timed { PIECE } else { usize::MAX }) {
            let on_wire =
                self.rate.map_or(0, |rate| piece.len() as u128 * 1_000_000_000 / u128::from(rate.get()));
            self.free_at =
                self.free_at.max(now) + Duration::from_nanos(u64::try_from(on_wire).unwrap_or(u64::MAX));
            let at = self.free_at + self.latency + self.rng.up_to(self.jitter);
            self.last_arrival = self.last_arrival.max(at);
            self.bytes.extend(piece);
            self.queued += piece.len() as u64;
            match self.marks.back_mut() {
                Some((at, end)) if *at == self.last_arrival => *end = self.queued,
                _ => self.marks.push_back((self.last_arrival, self.queued)),
            }
        }
    }

    /// The sender is done: the receiver sees the end behind everything written. What is written afterwards disappears.
    pub fn close(&mut self, now: Instant) {
        let at = self.last_arrival.max(now + self.latency);
        self.closed.get_or_insert(at);
        self.deaf = true;
    }

    /// Everything under way is lost, the receiver sees the end at once, and what is written disappears.
    pub fn reset(&mut self) {
        self.bytes.clear();
        self.marks.clear();
        self.reset = true;
        self.deaf = true;
    }

    /// The receiver is gone: what is under way and what is written disappears.
    pub fn abandon(&mut self) {
        self.bytes.clear();
        self.marks.clear();
        self.deaf = true;
    }

    /// Bytes that have arrived and are not read.
    #[must_use]
    pub fn ready(&self, now: Instant) -> usize {
        let arrived = self.marks.iter().take_while(|(at, _)| self.arrival(*at) <= now).last();
        // Never more than lie in memory.
        arrived.map_or(0, |(_, end)| (end - self.read) as usize)
    }

    /// Reads what has arrived, as much as fits `buf` and the chunk drawn. Zero if nothing has.
    pub fn read(&mut self, now: Instant, buf: &mut [u8]) -> usize {
        let mut n = self.ready(now).min(buf.len());
        if n > 0 {
            if let Some(chunk) = self.chunk {
                n = n.min(1 + (self.rng.next_u64() % chunk.get() as u64) as usize);
            }
        }
        for (to, from) in buf.iter_mut().zip(self.bytes.drain(..n)) {
            *to = from;
        }
        self.read += n as u64;
        while self.marks.front().is_some_and(|(_, end)| *end <= self.read) {
            self.marks.pop_front();
        }
        n
    }

    /// Whether the receiver sees the end of the stream: everything before it is read.
    #[must_use]
    pub fn is_eof(&self, now: Instant) -> bool {
        self.reset || (self.bytes.is_empty() && self.closed.is_some_and(|at| self.arrival(at) <= now))
    }

    /// When something new arrives, bytes or the end; `None` while there is something to read, or if nothing will.
    #[must_use]
    pub fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        if self.reset {
            return None;
        }
        let next = self.marks.front().map(|(at, _)| *at).or(self.closed);
        next.map(|at| self.arrival(at)).filter(|at| *at > now && *at < Instant::MAX)
    }

    /// When what is due at `at` arrives, stalls considered.
    fn arrival(&self, at: Instant) -> Instant {
        let blocked =
            |at, (from, until): &(Instant, Instant)| if *from <= at && at < *until { *until } else { at };
        self.stalls.iter().fold(at, blocked)
    }
}
