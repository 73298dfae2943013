//! The write buffer: sealed bytes a driver may send, and behind them one open record.

use super::splice::{self, Spliced};
use alloc::boxed::Box;
use alloc::vec::Vec;
use bytes::Bytes;
use core::fmt;
#[cfg(feature = "std")]
use std::io::IoSlice;

/// There is no room in a [`TxBuf`]: write out what is sealed, then try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the transmit buffer is full: write out what is sealed, then try again")
    }
}

impl core::error::Error for Full {}

/// Bytes on their way to a peer.
///
/// The front is *sealed*: ready for the wire and visible to the driver. Behind it a machine may keep
/// one *open* region, to which it appends plaintext; that part is never visible until the machine has
/// encrypted it in place and calls [`TxBuf::seal`].
///
/// A machine that sends the same bytes to many peers appends them as a *shared* segment ([`TxBuf::push_shared`]), which
/// is not copied. What is sealed is then several pieces: [`TxBuf::sealed`] is the first of them, so a loop that writes
/// and consumes until that is empty sends everything, and [`TxBuf::chunks`] are all.
///
/// One machine, one buffer: passing a machine another buffer while a record is open leaves that record
/// behind.
#[derive(Default)]
pub struct TxBuf {
    data: Vec<u8>,
    /// First byte the driver has not taken.
    start: usize,
    /// End of the sealed part, start of the open one.
    sealed: usize,
    limit: usize,
    /// The limit without the shared segments: the room is found without looking for them.
    own_limit: usize,
    /// From the first segment until the memory is released.
    spliced: Option<Box<Spliced>>,
}

impl TxBuf {
    /// A buffer that will hold at most `limit` bytes, sealed, open and shared together. Its memory is at most an eighth
    /// more, and some dozen bytes for each shared segment.
    #[must_use]
    pub const fn new(limit: usize) -> Self {
        Self { data: Vec::new(), start: 0, sealed: 0, limit, own_limit: limit, spliced: None }
    }

    /// Bytes ready for the wire: empty if there are none, otherwise all of them or, if the machine pushes shared
    /// segments, the first piece. Go on until it is empty.
    #[must_use]
    #[inline]
    pub fn sealed(&self) -> &[u8] {
        if self.spliced.is_some() { self.first_piece() } else { &self.data[self.start..self.sealed] }
    }

    /// All pieces that are ready for the wire, in order; none is empty.
    pub fn chunks(&self) -> impl Iterator<Item = &[u8]> {
        let own = &self.data[self.start..self.sealed];
        // Without segments the own bytes are the last piece of none.
        let (spliced, last) = match &self.spliced {
            None => (None, own),
            Some(spliced) => (Some(spliced.pieces(own)), &[][..]),
        };
        spliced.into_iter().flatten().chain([last]).filter(|piece| !piece.is_empty())
    }

    /// [`TxBuf::chunks`] for a vectored write, as many as `slices` has place for. How many those are.
    #[cfg(feature = "std")]
    pub fn io_slices<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        slices.iter_mut().zip(self.chunks()).map(|(slice, piece)| *slice = IoSlice::new(piece)).count()
    }

    /// Whether [`TxBuf::sealed`] is all that is sealed, and not the first of several pieces.
    #[must_use]
    #[inline]
    pub fn is_contiguous(&self) -> bool {
        self.spliced.is_none() || self.sealed().len() == self.len() - self.open_len()
    }

    /// Drops the first `n` sealed bytes: they are written. More than there are is all of them.
    #[inline]
    pub fn consume(&mut self, n: usize) {
        let n = if self.spliced.is_some() { self.consume_spliced(n) } else { n };
        self.start = self.sealed.min(self.start.saturating_add(n));
        if self.start == self.data.len() {
            self.data.clear();
            (self.start, self.sealed) = (0, 0);
        }
    }

    /// Bytes held, sealed and open.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.data.len() - self.start + self.shared_len()
    }

    /// Whether nothing is held, neither sealed nor open.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The most bytes this buffer will hold.
    #[must_use]
    pub const fn limit(&self) -> usize {
        self.limit
    }

    /// Bytes that can still be appended.
    #[must_use]
    #[inline]
    pub fn room(&self) -> usize {
        self.own_limit.saturating_sub(self.data.len() - self.start)
    }

    /// Bytes of memory held now. That of shared segments is others' too and does not count.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.data.capacity() + self.spliced.as_ref().map_or(0, |spliced| spliced.capacity())
    }

    /// Frees the memory if the buffer is empty. For connections that go idle.
    pub fn release(&mut self) {
        if self.is_empty() {
            *self = Self::new(self.limit);
        }
    }

    /// For machines: appends to the open region.
    ///
    /// # Errors
    /// [`Full`] if `bytes` would pass the limit; nothing is appended then.
    #[inline]
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Full> {
        self.push_all([bytes])
    }

    /// For machines: appends `parts`, one behind the other, to the open region. Asks for room once.
    ///
    /// # Errors
    /// [`Full`] if they would pass the limit together; nothing is appended then.
    #[inline]
    pub fn push_all<const N: usize>(&mut self, parts: [&[u8]; N]) -> Result<(), Full> {
        let len = parts.iter().fold(0_usize, |sum, part| sum.saturating_add(part.len()));
        if len > self.room() {
            return Err(Full);
        }
        if self.data.capacity() - self.data.len() < len {
            self.make_room(len);
        }
        for part in parts {
            self.data.extend_from_slice(part);
        }
        Ok(())
    }

    /// For machines: appends bytes that other buffers have too, without a copy unless they are so few that a copy is
    /// cheaper. They are sealed at once, and with them what was open before: a machine that encrypts never calls this.
    /// They count against the limit, all of them, though the memory is shared.
    ///
    /// # Errors
    /// [`Full`] if `bytes` would pass the limit; nothing is appended or sealed then.
    pub fn push_shared(&mut self, bytes: &Bytes) -> Result<(), Full> {
        if bytes.len() < splice::LEAST {
            self.push(bytes)?;
            self.seal();
            return Ok(());
        }
        if bytes.len() > self.room() {
            return Err(Full);
        }
        self.seal();
        self.own_limit -= bytes.len();
        self.spliced.get_or_insert_default().push(self.sealed - self.start, bytes);
        Ok(())
    }

    /// For machines: length of the open region.
    #[must_use]
    #[inline]
    pub fn open_len(&self) -> usize {
        self.data.len() - self.sealed
    }

    /// For machines: the open region, to encrypt or patch in place.
    #[must_use]
    #[inline]
    pub fn open_mut(&mut self) -> &mut [u8] {
        &mut self.data[self.sealed..]
    }

    /// For machines: the open region is ready for the wire.
    #[inline]
    pub fn seal(&mut self) {
        self.sealed = self.data.len();
    }

    /// For machines: cuts the open region back to `len` bytes.
    pub fn truncate_open(&mut self, len: usize) {
        self.data.truncate(self.sealed.saturating_add(len));
    }

    /// Bytes of shared segments.
    #[inline]
    const fn shared_len(&self) -> usize {
        self.limit - self.own_limit
    }

    #[inline(never)]
    fn first_piece(&self) -> &[u8] {
        let own = &self.data[self.start..self.sealed];
        self.spliced.as_ref().map_or(own, |spliced| spliced.first(own))
    }

    /// Consumes up to the last shared segment. How many of the own bytes to consume now, all told.
    #[inline(never)]
    fn consume_spliced(&mut self, n: usize) -> usize {
        let Some(spliced) = &mut self.spliced else { return n };
        let (own, rest) = spliced.consume(n);
        self.own_limit = self.limit - spliced.len();
        own.saturating_add(rest)
    }

    #[cold]
    fn make_room(&mut self, n: usize) {
        if self.start > 0 {
            self.data.drain(..self.start);
            self.sealed -= self.start;
            self.start = 0;
        }
        let wanted = self.data.len() + n;
        if wanted > self.data.capacity() {
            let mut capacity = (self.data.capacity() * 2).max(wanted);
            if capacity >= self.limit {
                // With an eighth to spare: while a slow peer takes small bites from a full buffer, the rest is
                // moved once for many of them and not for each.
                capacity = self.limit.saturating_add(self.limit / 8);
            }
            self.data.reserve_exact(capacity - self.data.len());
        }
    }
}

impl fmt::Debug for TxBuf {
    /// Lengths only: the open region is plaintext.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TxBuf")
            .field("sealed", &(self.len() - self.open_len()))
            .field("open", &self.open_len())
            .field("limit", &self.limit)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn an_open_region_is_invisible_until_sealed() {
        let mut tx = TxBuf::new(100);
        tx.push(b"plain").unwrap();
        assert_eq!((tx.sealed(), tx.len(), tx.open_len()), (&b""[..], 5, 5));
        tx.consume(5);
        assert_eq!(tx.len(), 5, "an open region cannot be consumed");
        assert!(!format!("{tx:?}").contains("112"), "no byte values in Debug");
        tx.open_mut().make_ascii_uppercase();
        tx.seal();
        assert_eq!((tx.sealed(), tx.open_len()), (&b"PLAIN"[..], 0));
    }

    #[test]
    fn a_push_past_the_limit_changes_nothing() {
        let mut tx = TxBuf::new(8);
        tx.push(b"12345").unwrap();
        assert_eq!(tx.push(b"6789"), Err(Full));
        assert_eq!((tx.len(), tx.room()), (5, 3));
        tx.push(b"678").unwrap();
        assert!(tx.capacity() <= 9);
    }

    #[test]
    fn parts_are_appended_together_or_not_at_all() {
        let mut tx = TxBuf::new(8);
        assert_eq!(tx.push_all([b"1234", b"", b"56789"]), Err(Full));
        assert_eq!(tx.len(), 0);
        tx.push_all([b"1234", b"", b"5678"]).unwrap();
        assert_eq!(tx.open_mut(), b"12345678");
    }

    #[test]
    fn consumed_space_is_used_again_without_growing() {
        let mut tx = TxBuf::new(64);
        for round in 0..100_u8 {
            tx.push(&[round; 40]).unwrap();
            tx.seal();
            tx.consume(39);
            tx.push(b"tail").unwrap();
            tx.seal();
            assert_eq!(tx.sealed(), &[round, b't', b'a', b'i', b'l']);
            tx.consume(5);
        }
        assert!(tx.capacity() <= 72);
        tx.release();
        assert_eq!(tx.capacity(), 0);
    }

    #[test]
    fn small_bites_from_a_full_buffer_do_not_move_the_rest_each_time() {
        let mut tx = TxBuf::new(64 * 1024);
        while tx.push(&[0; 64]).is_ok() {}
        tx.seal();
        let (mut moves, mut last) = (0, tx.start);
        for _ in 0..1024 {
            tx.consume(64);
            tx.push(&[0; 64]).unwrap();
            tx.seal();
            moves += usize::from(tx.start < last);
            last = tx.start;
        }
        assert!(moves <= 9, "{moves}");
    }

    #[test]
    fn a_truncated_open_region_leaves_the_sealed_part_alone() {
        let mut tx = TxBuf::new(64);
        tx.push(b"sealed").unwrap();
        tx.seal();
        tx.push(b"open").unwrap();
        tx.truncate_open(2);
        assert_eq!(tx.open_mut(), b"op");
        assert_eq!(tx.sealed(), b"sealed");
    }
}
