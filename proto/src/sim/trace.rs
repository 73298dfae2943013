//! What happened in a run, line by line.

use super::digest::Digest;
use super::error::Side;
use crate::time::Instant;
use alloc::collections::VecDeque;
use alloc::string::String;
use core::fmt::{self, Write as _};

/// Longest line, in bytes; the rest of a large payload is left out.
const MAX_LINE: usize = 160;

/// The last lines of a run: the instant, which end, and what it did. Display prints them.
///
/// With feature `std` a trace prints itself when it is dropped by a panic, so a failed assertion shows what led to it.
#[derive(Debug)]
pub struct Trace {
    lines: VecDeque<String>,
    capacity: usize,
    count: u64,
    digest: Digest,
}

impl Trace {
    pub(super) const fn new(capacity: usize) -> Self {
        Self { lines: VecDeque::new(), capacity, count: 0, digest: Digest::new() }
    }

    /// The lines that are kept, oldest first.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(String::as_str)
    }

    /// How many lines there have been, kept or not. Always zero if none are to be kept.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// A fingerprint of all lines there have been: equal for two runs that did the same at the same instants.
    #[must_use]
    pub const fn digest(&self) -> u64 {
        self.digest.get()
    }

    pub(super) fn log(&mut self, at: Instant, side: Side, what: fmt::Arguments<'_>) {
        if self.capacity == 0 {
            return;
        }
        let mut line = Line(String::new());
        let (s, nanos) = (at.as_nanos() / 1_000_000_000, at.as_nanos() % 1_000_000_000);
        // It stops when the line is full.
        let _ = write!(line, "{s:>6}.{nanos:09} {side} {what}");
        self.digest.update(line.0.as_bytes());
        self.digest.update(b"\n");
        self.count += 1;
        if self.lines.len() == self.capacity {
            self.lines.pop_front();
        }
        self.lines.push_back(line.0);
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let left_out = self.count - self.lines.len() as u64;
        if left_out > 0 {
            writeln!(f, "  ... {left_out} lines before")?;
        }
        self.lines.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

#[cfg(feature = "std")]
impl Drop for Trace {
    fn drop(&mut self) {
        if std::thread::panicking() && !self.lines.is_empty() {
            std::eprintln!("what happened, in virtual seconds:\n{self}");
        }
    }
}

/// A line that takes no more than fits.
struct Line(String);

impl fmt::Write for Line {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        let room = MAX_LINE.saturating_sub(self.0.len());
        if s.len() <= room {
            self.0.push_str(s);
            return Ok(());
        }
        self.0.extend(s.char_indices().take_while(|(at, c)| at + c.len_utf8() <= room).map(|(_, c)| c));
        self.0.push_str("...");
        Err(fmt::Error)
    }
}
