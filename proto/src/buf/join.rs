//! The front of the caller's buffer: a message that is being joined, and bytes that are used up.
//!
//! ```text
//! | joined bytes (held) | used up (gap) | not yet read ...
//! ```
//!
//! While no message is open, what is used up can be dropped at once. While one is, it stays until the message is
//! complete or the gap has grown large.

/// While a message is open, used-up bytes are given back once there are this many and an eighth of the message.
pub(crate) const MAX_GAP: usize = 64 * 1024;

#[derive(Default)]
pub(crate) struct Joiner {
    /// Announced size of the message that is being joined, [`usize::MAX`] where the protocol announces none; 0 if no
    /// message is open.
    total: usize,
    held: usize,
    gap: usize,
}

impl Joiner {
    /// Where the unread bytes begin.
    pub(crate) const fn unread(&self) -> usize {
        self.held + self.gap
    }

    /// Whether a message is open.
    pub(crate) const fn is_open(&self) -> bool {
        self.total > 0
    }

    /// Bytes the open message lacks; `None` if none is open.
    pub(crate) fn missing(&self) -> Option<usize> {
        self.is_open().then(|| self.total.saturating_sub(self.held))
    }

    /// A message of `total` bytes begins: not 0, and [`usize::MAX`] if that is not known.
    pub(crate) const fn begin(&mut self, total: usize) {
        self.total = total;
    }

    /// The next `n` unread bytes are used up.
    pub(crate) const fn skip(&mut self, n: usize) {
        self.gap += n;
    }

    /// Uses up `offset` unread bytes and moves the `len` behind them to the open message.
    pub(crate) fn join(&mut self, offset: usize, len: usize, buf: &mut [u8]) {
        let from = self.unread() + offset;
        if from > self.held && from + len <= buf.len() {
            buf.copy_within(from..from + len, self.held);
        }
        self.held += len;
        self.gap += offset;
    }

    /// The open message is complete or abandoned: its bytes, at the front, are used up with the next call of
    /// [`Joiner::give_back`]. Returns how many they are.
    pub(crate) const fn end(&mut self) -> usize {
        let held = self.held;
        (self.total, self.held) = (0, 0);
        self.gap += held;
        held
    }

    /// Bytes at the front that can be dropped: none while a message is open, else all that is used up.
    pub(crate) const fn give_back(&mut self) -> usize {
        if self.held > 0 {
            return 0;
        }
        let gap = self.gap;
        self.gap = 0;
        gap
    }

    /// Like [`Joiner::give_back`], but moves an open message up behind a gap that has grown large, so that a peer
    /// cannot fill the buffer with used-up bytes. Costs at most eight bytes moved for each received.
    pub(crate) fn compact(&mut self, buf: &mut [u8]) -> usize {
        if self.held > 0 && self.gap >= MAX_GAP.max(self.held / 8) && self.unread() <= buf.len() {
            buf.copy_within(..self.held, self.gap);
            return core::mem::take(&mut self.gap);
        }
        self.give_back()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fragments_meet_at_the_front_and_everything_is_given_back_in_the_end() {
        let mut buf = *b"..ab...cd.";
        let mut joiner = Joiner::default();
        joiner.begin(4);
        joiner.join(2, 2, &mut buf);
        assert_eq!((joiner.missing(), joiner.unread(), joiner.give_back()), (Some(2), 4, 0));
        joiner.join(3, 2, &mut buf);
        assert_eq!((joiner.missing(), &buf[..4]), (Some(0), &b"abcd"[..]));
        joiner.skip(1);
        assert_eq!((joiner.end(), joiner.is_open(), joiner.give_back()), (4, false, 10));
        assert_eq!(joiner.unread(), 0);
    }

    #[test]
    fn a_large_gap_is_given_back_and_the_message_moves_up_behind_it() {
        let mut buf = [0; MAX_GAP + 10];
        buf[..3].copy_from_slice(b"abc");
        let mut joiner = Joiner::default();
        joiner.begin(9);
        joiner.join(0, 3, &mut buf);
        joiner.skip(MAX_GAP - 1);
        assert_eq!(joiner.compact(&mut buf), 0);
        joiner.skip(1);
        assert_eq!(joiner.compact(&mut buf), MAX_GAP);
        assert_eq!((&buf[MAX_GAP..MAX_GAP + 3], joiner.unread()), (&b"abc"[..], 3));
    }
}
