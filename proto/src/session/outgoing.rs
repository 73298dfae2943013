//! A message on its way out, possibly in several pieces.

use core::fmt;

/// A cursor over a message made of parts, which goes out as one message without being joined first.
///
/// Hand it to `send_some` until that returns `Ok`. Beginning another message before then abandons this one:
/// the peer forgets the part it has.
pub struct Outgoing<'a> {
    parts: &'a [&'a [u8]],
    total: usize,
    sent: usize,
    /// Bytes of `parts[0]` that are sent.
    offset: usize,
    /// Which of its sender's fragmented messages this is, once begun.
    serial: u64,
}

/// How far a message has gone out; see [`Outgoing::resumed`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    sent: usize,
    serial: u64,
}

impl<'a> Outgoing<'a> {
    /// The message that `parts` make together. No parts, or only empty ones, make the empty message.
    #[must_use]
    pub fn new(parts: &'a [&'a [u8]]) -> Self {
        let total = parts.iter().fold(0_usize, |sum, part| sum.saturating_add(part.len()));
        Self { parts, total, sent: 0, offset: 0, serial: 0 }
    }

    /// How far the message has gone out.
    #[must_use]
    pub const fn progress(&self) -> Progress {
        Progress { sent: self.sent, serial: self.serial }
    }

    /// A cursor over the same message that goes on where another one was. For owners of a message who cannot keep
    /// the borrowing cursor.
    #[must_use]
    pub fn resumed(parts: &'a [&'a [u8]], progress: Progress) -> Self {
        let mut message = Self { serial: progress.serial, ..Self::new(parts) };
        let skipped = progress.sent.min(message.total);
        let Ok(()) = message.take(skipped, |_| Ok::<_, core::convert::Infallible>(()));
        message
    }

    /// Size of the message, in bytes.
    #[must_use]
    pub const fn total(&self) -> usize {
        self.total
    }

    /// Bytes that have been accepted so far.
    #[must_use]
    pub const fn sent(&self) -> usize {
        self.sent
    }

    pub(super) const fn serial(&self) -> u64 {
        self.serial
    }

    pub(super) const fn begin(&mut self, serial: u64) {
        self.serial = serial;
    }

    pub(super) const fn rest(&self) -> usize {
        self.total - self.sent
    }

    /// The message, if it is one part and nothing of it has been accepted.
    #[inline]
    pub(super) const fn untouched(&self) -> Option<&'a [u8]> {
        match *self.parts {
            [part] if self.sent == 0 => Some(part),
            _ => None,
        }
    }

    /// All of it has been accepted.
    #[inline]
    pub(super) const fn finish(&mut self) {
        (self.parts, self.sent, self.offset) = (&[], self.total, 0);
    }

    /// Passes the next `n` bytes, at most [`Self::rest`], to `sink` part by part.
    pub(super) fn take<E>(
        &mut self,
        n: usize,
        mut sink: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut left = n;
        while let Some((first, others)) = self.parts.split_first() {
            let chunk = &first[self.offset..];
            let chunk = &chunk[..chunk.len().min(left)];
            sink(chunk)?;
            left -= chunk.len();
            self.sent += chunk.len();
            self.offset += chunk.len();
            if self.offset < first.len() {
                break;
            }
            (self.parts, self.offset) = (others, 0);
        }
        Ok(())
    }
}

impl fmt::Debug for Outgoing<'_> {
    /// Lengths only: the parts are plaintext.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing").field("total", &self.total).field("sent", &self.sent).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn pieces_of_any_size_join_to_the_parts() {
        let parts: [&[u8]; 5] = [b"ab", b"", b"cdef", b"g", b""];
        for size in 1..=8 {
            let mut out = Outgoing::new(&parts);
            let mut joined = Vec::new();
            while out.rest() > 0 {
                let n = size.min(out.rest());
                out.take(n, |piece| {
                    joined.extend_from_slice(piece);
                    Ok::<_, ()>(())
                })
                .unwrap();
                out = Outgoing::resumed(&parts, out.progress());
            }
            assert_eq!((&joined[..], out.sent(), out.total()), (&b"abcdefg"[..], 7, 7));
        }
    }
}
