//! Segments that a transmit buffer shares with others, and where they stand among its own bytes.

use alloc::collections::VecDeque;
use bytes::{Buf as _, Bytes};

/// Shorter ones are cheaper to copy than to keep track of: measured with `benches/benches/fanout.rs`.
pub(super) const LEAST: usize = 512;

/// The segments that have not been written, in order.
#[derive(Default)]
pub(super) struct Spliced {
    segments: VecDeque<Segment>,
    /// Sum of all gaps.
    gaps: usize,
    /// Sum of all segments' lengths.
    bytes: usize,
}

struct Segment {
    /// How many of the buffer's own bytes stand between the segment before, or the front, and this one. Counted from
    /// there, and not from the beginning of the buffer's memory, so it stays right when that is moved.
    gap: usize,
    /// Not empty.
    bytes: Bytes,
}

impl Spliced {
    /// Length of all segments together.
    pub(super) const fn len(&self) -> usize {
        self.bytes
    }

    /// Bytes of memory held to keep track of them.
    pub(super) fn capacity(&self) -> usize {
        size_of::<Self>() + self.segments.capacity() * size_of::<Segment>()
    }

    /// Appends a segment behind the buffer's first `own` bytes, which are not fewer than at the last call.
    pub(super) fn push(&mut self, own: usize, bytes: &Bytes) {
        let gap = own.saturating_sub(self.gaps);
        self.gaps += gap;
        self.bytes += bytes.len();
        self.segments.push_back(Segment { gap, bytes: bytes.clone() });
    }

    /// The first piece of what begins with the buffer's `own` bytes.
    pub(super) fn first<'a>(&'a self, own: &'a [u8]) -> &'a [u8] {
        match self.segments.front() {
            None => own,
            Some(Segment { gap: 0, bytes }) => bytes,
            Some(Segment { gap, .. }) => own.get(..*gap).unwrap_or_default(),
        }
    }

    /// All segments among the buffer's `own` bytes; a piece may be empty.
    pub(super) fn pieces<'a>(&'a self, own: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        let (_, tail) = own.split_at(self.gaps.min(own.len()));
        let mut rest = own;
        let spliced = self.segments.iter().flat_map(move |segment| {
            let (before, behind) = rest.split_at(segment.gap.min(rest.len()));
            rest = behind;
            [before, &*segment.bytes]
        });
        spliced.chain([tail])
    }

    /// Drops the first `n` bytes of segments and the buffer's own up to the last segment. How many of them were the
    /// buffer's own, and how many of `n` are left for those behind the last segment.
    pub(super) fn consume(&mut self, mut n: usize) -> (usize, usize) {
        let mut own = 0;
        while let Some(first) = self.segments.front_mut().filter(|_| n > 0) {
            let taken = first.gap.min(n);
            first.gap -= taken;
            self.gaps -= taken;
            own += taken;
            n -= taken;
            let shared = first.bytes.len().min(n);
            self.bytes -= shared;
            n -= shared;
            if shared == first.bytes.len() {
                self.segments.pop_front();
            } else {
                first.bytes.advance(shared);
            }
        }
        (own, n)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Full, TxBuf};
    use super::*;
    use crate::entropy::Jitter;
    use alloc::vec::Vec;

    fn pieces(tx: &TxBuf) -> Vec<&[u8]> {
        tx.chunks().collect()
    }

    #[test]
    fn a_segment_stands_where_it_was_pushed_and_is_not_copied() {
        let (mut tx, shared) = (TxBuf::new(10_000), Bytes::from(Vec::from([7; 4000])));
        tx.push(b"before").unwrap();
        tx.push_shared(&shared).unwrap();
        assert_eq!((tx.len(), tx.room(), tx.open_len(), tx.limit()), (4006, 5994, 0, 10_000));
        tx.push(b"behind").unwrap();
        assert_eq!(pieces(&tx), [b"before", &*shared], "what is open is no piece");
        tx.seal();
        assert_eq!(pieces(&tx), [b"before", &*shared, b"behind"]);
        assert!(!tx.is_contiguous());
        assert_eq!(tx.sealed(), b"before");
        tx.consume(6);
        assert_eq!(tx.sealed().as_ptr(), shared.as_ptr());
        tx.consume(1000);
        assert_eq!(tx.sealed().as_ptr(), shared[1000..].as_ptr());
        tx.consume(3003);
        assert_eq!((tx.sealed(), tx.len(), tx.room()), (&b"ind"[..], 3, 9997));
        assert!(tx.is_contiguous());
    }

    #[test]
    fn segments_count_against_the_limit() {
        let (mut tx, shared) = (TxBuf::new(2500), Bytes::from(Vec::from([7; 1000])));
        tx.push(&[1; 501]).unwrap();
        tx.push_shared(&shared).unwrap();
        assert_eq!((tx.push_shared(&shared), tx.len(), tx.room()), (Err(Full), 1501, 999));
        assert_eq!(tx.push(&[1; 1000]), Err(Full));
        tx.consume(1);
        tx.push_shared(&shared).unwrap();
        assert_eq!((tx.room(), tx.limit()), (0, 2500));
    }

    #[test]
    fn a_short_segment_is_copied() {
        for (len, copied) in [(1, true), (LEAST - 1, true), (LEAST, false)] {
            let (mut tx, shared) =
                (TxBuf::new(10_000), Bytes::from(Vec::from_iter((0..len).map(|n| n as u8))));
            tx.push_shared(&shared).unwrap();
            assert_eq!((tx.sealed(), tx.open_len()), (&*shared, 0));
            assert_eq!(tx.sealed().as_ptr() != shared.as_ptr(), copied, "{len} bytes");
        }
    }

    #[test]
    fn segments_and_their_memory_are_given_back() {
        let (mut tx, shared) = (TxBuf::new(100_000), Bytes::from(Vec::from([7; 4000])));
        for _ in 0..3 {
            (0..5).for_each(|_| tx.push_shared(&shared).unwrap());
            assert!((1..2000).contains(&tx.capacity()), "{}", tx.capacity());
            tx.release();
            assert_eq!(tx.len(), 20_000, "only an empty buffer is released");
            tx.consume(usize::MAX);
            assert!(shared.is_unique() && tx.is_empty());
            tx.release();
            assert_eq!((tx.capacity(), tx.limit(), tx.room()), (0, 100_000, 100_000));
        }
    }

    /// Random operations against a plain vector: the sealed bytes, and behind them the open ones.
    #[test]
    fn any_mixture_gives_the_bytes_in_order() {
        const LIMIT: usize = 20_000;
        for seed in 0..200 {
            let mut random = Jitter::new(seed);
            let mut below = move |n: usize| (random.next_u64() % n as u64) as usize;
            let mut tx = TxBuf::new(LIMIT);
            let (mut sealed, mut open, mut next) = (Vec::new(), Vec::new(), 0_u32);
            let mut shared_pushes = 0;
            for _ in 0..300 {
                let size = [0, 1, 40, LEAST - 1, LEAST, 3 * LEAST, 5000][below(7)];
                let bytes: Vec<u8> = (next..).map(|n| (n % 251) as u8).take(size).collect();
                let fits = sealed.len() + open.len() + size <= LIMIT;
                let result = if fits { Ok(()) } else { Err(Full) };
                match below(8) {
                    0 | 1 => {
                        assert_eq!(tx.push(&bytes), result);
                        open.extend_from_slice(if fits { &bytes } else { &[] });
                        next += if fits { size as u32 } else { 0 };
                    }
                    2 | 3 => {
                        assert_eq!(tx.push_shared(&Bytes::from(bytes.clone())), result);
                        if fits {
                            sealed.append(&mut open);
                            sealed.extend_from_slice(&bytes);
                            next += size as u32;
                            shared_pushes += 1;
                        }
                    }
                    4 => {
                        tx.seal();
                        sealed.append(&mut open);
                    }
                    5 => {
                        let n = below(open.len() + 1);
                        tx.truncate_open(n);
                        open.truncate(n);
                    }
                    6 => {
                        let n = below(2 * LIMIT);
                        tx.consume(n);
                        sealed.drain(..n.min(sealed.len()));
                        tx.release();
                    }
                    _ => {
                        let n = tx.sealed().len();
                        tx.consume(n);
                        sealed.drain(..n);
                    }
                }
                assert_eq!(tx.chunks().collect::<Vec<_>>().concat(), sealed, "seed {seed}");
                assert!(tx.chunks().all(|piece| !piece.is_empty()));
                assert_eq!(tx.chunks().next().unwrap_or_default(), tx.sealed());
                assert_eq!(tx.is_contiguous(), tx.sealed().len() == sealed.len());
                assert_eq!((tx.open_len(), tx.limit()), (open.len(), LIMIT));
                assert_eq!(tx.open_mut(), open);
                let len = sealed.len() + open.len();
                assert_eq!((tx.len(), tx.room(), tx.is_empty()), (len, LIMIT - len, len == 0));
            }
            assert!(shared_pushes > 10, "seed {seed}: {shared_pushes}");
        }
    }

    #[cfg(feature = "std")]
    #[test]
    fn slices_are_as_many_pieces_as_there_is_place_for() {
        use std::io::IoSlice;
        let (mut tx, shared) = (TxBuf::new(10_000), Bytes::from(Vec::from([7; 1000])));
        for _ in 0..2 {
            tx.push(b"own").unwrap();
            tx.push_shared(&shared).unwrap();
        }
        for place in 0..6 {
            let mut slices = Vec::from([IoSlice::new(b"untouched"); 6]);
            let n = tx.io_slices(&mut slices[..place]);
            assert_eq!(n, place.min(4));
            let got: Vec<&[u8]> = slices[..n].iter().map(|slice| &**slice).collect();
            assert_eq!(got, pieces(&tx)[..n]);
            assert!(slices[n..].iter().all(|slice| &**slice == b"untouched"));
        }
    }
}
