//! A message on its way out, possibly in several pieces.

/// A cursor over a message made of parts, which goes out as one message without being joined first.
///
/// Hand it to `send_some` until that returns `Ok`. Beginning another message before then abandons this one:
/// the peer forgets the part it has.
#[derive(Debug)]
pub struct Outgoing<'a> {
    parts: &'a [&'a [u8]],
    total: usize,
    sent: usize,
    /// Bytes of `parts[0]` that are sent.
    offset: usize,
    /// Which of the sender's fragmented messages this is.
    pub(super) begun: u64,
}

/// Where an [`Outgoing`] is: see [`Outgoing::resumed`]. The default is the beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    sent: usize,
    begun: u64,
}

impl<'a> Outgoing<'a> {
    /// The message that `parts` make together. No parts, or only empty ones, make the empty message.
    #[must_use]
    pub fn new(parts: &'a [&'a [u8]]) -> Self {
        let total = parts.iter().fold(0_usize, |sum, part| sum.saturating_add(part.len()));
        Self { parts, total, sent: 0, offset: 0, begun: 0 }
    }

    /// A cursor over the same message that goes on where another was. For owners of a message who cannot keep the
    /// borrowing cursor.
    #[must_use]
    pub fn resumed(parts: &'a [&'a [u8]], progress: Progress) -> Self {
        let mut message = Self::new(parts);
        message.begun = progress.begun;
        let Ok(()) =
            message.take(progress.sent.min(message.total), |_| Ok::<_, core::convert::Infallible>(()));
        message
    }

    /// How far this cursor is.
    #[must_use]
    pub const fn progress(&self) -> Progress {
        Progress { sent: self.sent, begun: self.begun }
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

    pub(super) const fn rest(&self) -> usize {
        self.total - self.sent
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
