//! Room for payloads that do not lie in the read buffer as they came.

use alloc::vec::Vec;
use core::fmt;

/// Memory once the first byte is put into it.
const INITIAL: usize = 4 * 1024;

/// Where a machine puts a payload that it had to make from the bytes it received, such as one that was compressed.
///
/// Belongs to one connection, like its read buffer, and is lent with that. Holds no memory until something is put into
/// it, and never more than twice what the machine's limits allow: a machine grows it as it makes bytes, never for a size
/// that only a peer's word stands for.
#[derive(Default)]
pub struct Scratch {
    /// Initialised storage.
    data: Vec<u8>,
    len: usize,
}

impl Scratch {
    /// Without memory.
    #[must_use]
    pub const fn new() -> Self {
        Self { data: Vec::new(), len: 0 }
    }

    /// What has been put into it.
    #[must_use]
    pub fn filled(&self) -> &[u8] {
        self.data.get(..self.len).unwrap_or_default()
    }

    /// Like [`Scratch::filled`], mutable.
    #[must_use]
    pub fn filled_mut(&mut self) -> &mut [u8] {
        self.data.get_mut(..self.len).unwrap_or_default()
    }

    /// Bytes in it.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing is in it.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes of memory held now.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.data.capacity()
    }

    /// Frees the memory if nothing is in it. For connections that go idle.
    pub fn release(&mut self) {
        if self.is_empty() {
            *self = Self::new();
        }
    }

    /// For machines: drops what is in it.
    pub const fn clear(&mut self) {
        self.len = 0;
    }

    /// For machines: room to write into, behind what is there. Empty only when `max` bytes are there.
    #[must_use]
    pub fn spare_mut(&mut self, max: usize) -> &mut [u8] {
        if self.len == self.data.len() && self.len < max {
            let capacity = (self.len * 2).max(INITIAL).min(max);
            self.data.reserve_exact(capacity - self.len);
            self.data.resize(capacity, 0);
        }
        let end = self.data.len().min(max).max(self.len);
        self.data.get_mut(self.len..end).unwrap_or_default()
    }

    /// For machines: the first `n` bytes of the slice last returned by [`Scratch::spare_mut`] are written.
    pub fn commit(&mut self, n: usize) {
        self.len = self.data.len().min(self.len.saturating_add(n));
    }
}

impl fmt::Debug for Scratch {
    /// Lengths only: there are payloads in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scratch").field("filled", &self.len).field("capacity", &self.capacity()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_as_it_is_filled_and_never_past_the_maximum() {
        let mut scratch = Scratch::new();
        assert_eq!(scratch.capacity(), 0);
        let mut total = 0;
        loop {
            let spare = scratch.spare_mut(10_000);
            let n = spare.len();
            if n == 0 {
                break;
            }
            assert!(n <= total.max(INITIAL));
            spare.fill(total as u8);
            scratch.commit(n);
            total += n;
        }
        assert_eq!((scratch.len(), scratch.filled().len()), (10_000, 10_000));
        assert!(scratch.capacity() <= 10_000);
        scratch.release();
        assert_eq!(scratch.len(), 10_000, "release must not drop what is there");
        assert!(scratch.spare_mut(100).is_empty(), "a smaller maximum takes nothing away");
        scratch.clear();
        scratch.release();
        assert_eq!(scratch.capacity(), 0);
    }
}
