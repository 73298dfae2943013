//! The front of the caller's buffer: a message that is being joined, and bytes that are used up.
//!
//! ```text
//! | used up (front) | joined bytes (held) | used up (gap) | not yet read ...
//! ```
//!
//! A message begins where its first bytes lie, and only what follows a gap is moved. What is used up in front of it can
//! be dropped at once; the gap stays until the message is complete or the gap has grown large.

use super::Span;

/// While a message is open, used-up bytes behind it are given back once there are this many and an eighth of the message.
pub(crate) const MAX_GAP: usize = 64 * 1024;

#[derive(Default)]
pub(crate) struct Joiner {
    /// Announced size of the message that is being joined, [`usize::MAX`] where the protocol announces none; 0 if no
    /// message is open.
    total: usize,
    front: usize,
    held: usize,
    /// 0 while nothing is held.
    gap: usize,
}

impl Joiner {
    /// Where the unread bytes begin.
    pub(crate) const fn unread(&self) -> usize {
        self.front + self.held + self.gap
    }

    /// Whether a message is open.
    pub(crate) const fn is_open(&self) -> bool {
        self.total > 0
    }

    /// Front, total, held and gap, for a copy of this.
    pub(crate) const fn parts(&self) -> [usize; 4] {
        [self.front, self.total, self.held, self.gap]
    }

    /// A copy, with nothing in front. `None` for what never is.
    pub(crate) fn from_parts(total: usize, held: usize, gap: usize) -> Option<Self> {
        let open = total > 0 && held < total;
        let closed = (total, held, gap) == (0, 0, 0);
        let whole = held.checked_add(gap).is_some() && (gap == 0 || held > 0);
        (whole && (open || closed)).then_some(Self { total, front: 0, held, gap })
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
    #[inline]
    pub(crate) const fn skip(&mut self, n: usize) {
        if self.held == 0 {
            self.front += n;
        } else {
            self.gap += n;
        }
    }

    /// Uses up `offset` unread bytes and moves the `len` behind them to the open message.
    pub(crate) fn join(&mut self, offset: usize, len: usize, buf: &mut [u8]) {
        self.skip(offset);
        let (from, to) = (self.unread(), self.front + self.held);
        if from > to && from + len <= buf.len() {
            buf.copy_within(from..from + len, to);
        }
        self.held += len;
    }

    /// The open message is complete or abandoned. Says where it lies; its bytes are used up with the next call of
    /// [`Joiner::give_back`].
    pub(crate) const fn end(&mut self) -> Span {
        let message = Span::new(self.front, self.held);
        self.front = self.unread();
        (self.total, self.held, self.gap) = (0, 0, 0);
        message
    }

    /// Bytes at the front that can be dropped: all that is used up before the open message, or at all if none is open.
    #[inline]
    pub(crate) const fn give_back(&mut self) -> usize {
        let front = self.front;
        self.front = 0;
        front
    }

    /// Like [`Joiner::give_back`], but moves an open message up behind a gap that has grown large, so that a peer
    /// cannot fill the buffer with used-up bytes. Costs at most eight bytes moved for each received.
    pub(crate) fn compact(&mut self, buf: &mut [u8]) -> usize {
        let end = self.front + self.held;
        if self.gap >= MAX_GAP.max(self.held / 8) && self.unread() <= buf.len() {
            buf.copy_within(self.front..end, self.front + self.gap);
            self.front += core::mem::take(&mut self.gap);
        }
        self.give_back()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fragments_meet_where_the_message_began_and_everything_is_given_back_in_the_end() {
        let mut buf = *b"..ab...cd.";
        let mut joiner = Joiner::default();
        joiner.begin(4);
        joiner.join(2, 2, &mut buf);
        assert_eq!((joiner.missing(), joiner.unread()), (Some(2), 4));
        joiner.join(3, 2, &mut buf);
        assert_eq!((joiner.missing(), &buf[2..6]), (Some(0), &b"abcd"[..]));
        joiner.skip(1);
        assert_eq!((joiner.end(), joiner.is_open()), (Span::new(2, 4), false));
        assert_eq!((joiner.give_back(), joiner.unread()), (10, 0));
    }

    #[test]
    fn what_lies_before_an_open_message_is_given_back_at_once() {
        let mut buf = *b"..ab.cd";
        let mut joiner = Joiner::default();
        joiner.begin(4);
        joiner.join(2, 2, &mut buf);
        assert_eq!((joiner.give_back(), joiner.give_back(), joiner.unread()), (2, 0, 2));
        joiner.join(1, 2, &mut buf[2..]);
        assert_eq!((joiner.end(), &buf[2..6]), (Span::new(0, 4), &b"abcd"[..]));
    }

    #[test]
    fn a_large_gap_is_given_back_and_the_message_moves_up_behind_it() {
        let mut buf = [0; MAX_GAP + 10];
        buf[1..4].copy_from_slice(b"abc");
        let mut joiner = Joiner::default();
        joiner.begin(9);
        joiner.join(1, 3, &mut buf);
        joiner.skip(MAX_GAP - 1);
        assert_eq!(joiner.compact(&mut buf), 1);
        joiner.skip(1);
        let buf = &mut buf[1..];
        assert_eq!(joiner.compact(buf), MAX_GAP);
        assert_eq!((&buf[MAX_GAP..MAX_GAP + 3], joiner.unread()), (&b"abc"[..], 3));
    }
}
