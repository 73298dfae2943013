//! The read buffer: bounded, linear, compacting.

use alloc::vec::Vec;
use core::fmt;

/// Capacity of a buffer once the first byte is read.
const INITIAL: usize = 8 * 1024;
/// Up to here the buffer doubles when a read fills it; beyond, it grows when a machine asks, by a quarter.
const EAGER: usize = 256 * 1024;

/// Bytes read from a peer and not yet consumed by a machine, always contiguous.
///
/// Empty buffers hold no memory until the first read, and never hold more than the maximum given to
/// [`RxBuf::new`]. Linear rather than a ring: records are opened in place and must be contiguous.
/// Compaction moves what is left of one frame.
#[derive(Default)]
pub struct RxBuf {
    /// Initialised storage; its length is the current capacity.
    data: Vec<u8>,
    start: usize,
    end: usize,
    max: usize,
}

impl RxBuf {
    /// A buffer that will hold at most `max` bytes.
    #[must_use]
    pub const fn new(max: usize) -> Self {
        Self { data: Vec::new(), start: 0, end: 0, max }
    }

    /// Unconsumed bytes.
    #[must_use]
    #[inline]
    pub fn filled(&self) -> &[u8] {
        &self.data[self.start..self.end]
    }

    /// Unconsumed bytes, for a machine to work on in place.
    #[must_use]
    #[inline]
    pub fn filled_mut(&mut self) -> &mut [u8] {
        &mut self.data[self.start..self.end]
    }

    /// Number of unconsumed bytes.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.end - self.start
    }

    /// Whether nothing is waiting to be consumed.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.end == self.start
    }

    /// The most bytes this buffer will ever hold.
    #[must_use]
    pub const fn max(&self) -> usize {
        self.max
    }

    /// Bytes of memory held now.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.data.capacity()
    }

    /// Drops the first `n` unconsumed bytes (all of them if there are fewer).
    #[inline]
    pub fn consume(&mut self, n: usize) {
        self.start = self.end.min(self.start.saturating_add(n));
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
    }

    /// Room to read into, at least one byte and if possible `need` bytes. Empty only when the buffer
    /// already holds its maximum.
    ///
    /// Grows at most to the larger of twice what is held and a small constant, never to a size that only
    /// a peer's word stands for: a machine that announces 16 MiB gets memory as the bytes arrive.
    #[must_use]
    #[inline]
    pub fn spare_mut(&mut self, need: usize) -> &mut [u8] {
        let need = need.max(1);
        if self.data.len() - self.end < need {
            self.make_room(need);
        }
        &mut self.data[self.end..]
    }

    /// Marks the first `n` bytes of the slice last returned by [`RxBuf::spare_mut`] as read.
    #[inline]
    pub fn commit(&mut self, n: usize) {
        self.end = self.data.len().min(self.end.saturating_add(n));
        if self.end == self.data.len() && self.len() < EAGER {
            self.grow(self.len() * 2);
        }
    }

    /// Appends a copy of bytes that were read elsewhere, as many as the maximum leaves room for. Returns how many.
    pub fn append(&mut self, bytes: &[u8]) -> usize {
        let mut appended = 0;
        while let Some(rest) = bytes.get(appended..).filter(|rest| !rest.is_empty()) {
            let spare = self.spare_mut(rest.len());
            let n = spare.len().min(rest.len());
            if n == 0 {
                break;
            }
            spare[..n].copy_from_slice(&rest[..n]);
            self.commit(n);
            appended += n;
        }
        appended
    }

    /// Frees the memory if nothing is waiting in it. For connections that go idle.
    pub fn release(&mut self) {
        if self.is_empty() {
            *self = Self::new(self.max);
        }
    }

    #[cold]
    fn make_room(&mut self, need: usize) {
        if self.start > 0 {
            self.data.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.data.len() - self.end < need {
            let ceiling = (self.end * 2).max(INITIAL);
            // By a share of what is held, or moving the bytes would cost the square of a message's length.
            let more = need.max(self.end / 4);
            self.grow(self.end.saturating_add(more).max(INITIAL).min(ceiling));
        }
    }

    #[cold]
    fn grow(&mut self, capacity: usize) {
        let capacity = capacity.min(self.max);
        if capacity > self.data.len() {
            self.data.reserve_exact(capacity - self.data.len());
            self.data.resize(capacity, 0);
        }
    }
}

impl fmt::Debug for RxBuf {
    /// Lengths only: records are opened in place, so there is plaintext in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RxBuf")
            .field("filled", &self.len())
            .field("capacity", &self.capacity())
            .field("max", &self.max)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(rx: &mut RxBuf, bytes: &[u8]) {
        for chunk in bytes.chunks(1000) {
            assert_eq!(rx.append(chunk), chunk.len());
        }
    }

    #[test]
    fn holds_no_memory_until_used_and_none_after_release() {
        let mut rx = RxBuf::new(1 << 20);
        assert_eq!(rx.capacity(), 0);
        fill(&mut rx, b"abc");
        rx.release();
        assert_eq!(rx.filled(), b"abc", "release must not drop unconsumed bytes");
        rx.consume(3);
        rx.release();
        assert_eq!(rx.capacity(), 0);
    }

    #[test]
    fn never_grows_past_its_maximum() {
        let mut rx = RxBuf::new(10_000);
        let mut total = 0;
        while !rx.spare_mut(1 << 30).is_empty() {
            let n = rx.spare_mut(1 << 30).len();
            rx.commit(n);
            total += n;
            assert!(total <= 10_000);
        }
        assert_eq!((total, rx.len()), (10_000, 10_000));
        assert!(rx.capacity() <= 10_000);
    }

    #[test]
    fn bytes_read_elsewhere_are_appended_up_to_the_maximum() {
        let mut rx = RxBuf::new(3 * INITIAL);
        let bytes: Vec<u8> = (0..4 * INITIAL).map(|i| i as u8).collect();
        assert_eq!(rx.append(&bytes[..10]), 10);
        rx.consume(4);
        assert_eq!(rx.append(&bytes[10..]), 3 * INITIAL - 6);
        assert_eq!(rx.filled(), &bytes[4..3 * INITIAL + 4]);
        assert_eq!((rx.append(b"x"), rx.append(b"")), (0, 0));
    }

    #[test]
    fn a_read_that_fills_the_buffer_doubles_it_though_a_head_was_used_up_before() {
        let mut rx = RxBuf::new(1 << 20);
        for head in [0, 14] {
            rx.consume(head);
            let n = rx.spare_mut(1).len();
            rx.commit(n);
        }
        assert_eq!(rx.capacity(), 2 * (2 * INITIAL - 14));
    }

    #[test]
    fn an_announced_size_reserves_nothing_before_the_bytes_arrive() {
        let mut rx = RxBuf::new(1 << 30);
        assert!(rx.spare_mut(1 << 29).len() <= INITIAL);
        rx.commit(100);
        assert!(rx.spare_mut(1 << 29).len() <= INITIAL);
    }

    #[test]
    fn compaction_keeps_the_bytes_and_their_order() {
        let mut rx = RxBuf::new(INITIAL);
        let bytes: Vec<u8> = (0..INITIAL).map(|i| i as u8).collect();
        fill(&mut rx, &bytes);
        rx.consume(INITIAL - 10);
        assert_eq!(rx.spare_mut(100).len(), INITIAL - 10);
        assert_eq!(rx.filled(), &bytes[INITIAL - 10..]);
    }

    #[test]
    fn consuming_or_committing_too_much_is_clamped() {
        let mut rx = RxBuf::new(64);
        fill(&mut rx, b"abc");
        rx.consume(99);
        assert!(rx.is_empty());
        rx.commit(1 << 20);
        assert!(rx.len() <= 64);
    }

    #[test]
    fn a_large_message_makes_the_buffer_grow_few_times() {
        let mut rx = RxBuf::new(16 << 20);
        let (mut grown, mut last) = (0, 0);
        while rx.len() < 8 << 20 {
            for need in [2, 60_000] {
                let n = rx.spare_mut(need).len().min(need);
                rx.commit(n);
                grown += usize::from(rx.capacity() != last);
                last = rx.capacity();
            }
        }
        assert!(grown < 50, "{grown}");
    }
}
