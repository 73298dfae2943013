//! Where a payload lies, for callers that cannot hold a borrow.

use super::Scratch;

/// A range of the buffer that was passed to `recv`, counted from its first byte, or of the [`Scratch`] that was lent
/// with it.
///
/// Valid until that buffer changes: a driver resolves it before it consumes the bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// [`IN_SCRATCH`], or where it begins in the buffer.
    start: usize,
    end: usize,
}

/// The start of a span that begins with the scratch. No buffer has such a byte, and every event carries a span: a field
/// for it would be copied with each.
const IN_SCRATCH: usize = usize::MAX;

impl Span {
    /// The bytes `start..start + len` of the buffer.
    #[must_use]
    pub const fn new(start: usize, len: usize) -> Self {
        Self { start, end: start.saturating_add(len) }
    }

    /// The first `len` bytes of the scratch.
    #[must_use]
    pub const fn in_scratch(len: usize) -> Self {
        Self { start: IN_SCRATCH, end: len }
    }

    /// Length in bytes.
    #[must_use]
    pub const fn len(&self) -> usize {
        if self.start == IN_SCRATCH { self.end } else { self.end - self.start }
    }

    /// Whether the payload is empty.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The payload in `buf`; empty if `buf` is not the buffer this span was made for.
    #[must_use]
    #[inline]
    pub fn of<'a>(&self, buf: &'a [u8]) -> &'a [u8] {
        buf.get(self.start..self.end).unwrap_or_default()
    }

    /// Like [`Span::of`], mutable.
    #[must_use]
    #[inline]
    pub fn of_mut<'a>(&self, buf: &'a mut [u8]) -> &'a mut [u8] {
        buf.get_mut(self.start..self.end).unwrap_or_default()
    }

    /// The payload where it lies: in `buf` or in `scratch`, which were passed to `recv_with` together.
    #[must_use]
    #[inline]
    pub fn of_either<'a>(&self, buf: &'a mut [u8], scratch: &'a mut Scratch) -> &'a mut [u8] {
        if self.start == IN_SCRATCH {
            return scratch.filled_mut().get_mut(..self.end).unwrap_or_default();
        }
        self.of_mut(buf)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolves_inside_the_buffer_and_to_nothing_outside() {
        let mut buf = *b"header payload";
        let span = Span::new(7, 7);
        assert_eq!(span.of(&buf), b"payload");
        assert_eq!(span.of_mut(&mut buf), b"payload");
        assert_eq!((span.len(), span.is_empty()), (7, false));
        assert_eq!(Span::new(8, 7).of(&buf), b"");
        assert_eq!(Span::new(usize::MAX, 7).of(&buf), b"");
    }
    #[test]
    fn a_payload_in_the_scratch_is_not_looked_for_in_the_buffer() {
        let (mut buf, mut scratch) = (*b"buffer", Scratch::new());
        scratch.spare_mut(100)[..4].copy_from_slice(b"made");
        scratch.commit(4);
        let span = Span::in_scratch(4);
        assert!(span.of(&buf).is_empty() && span.of_mut(&mut buf).is_empty());
        assert_eq!(span.of_either(&mut buf, &mut scratch), b"made");
        assert_eq!(Span::new(0, 4).of_either(&mut buf, &mut scratch), b"buff");
        assert_eq!(Span::in_scratch(5).of_either(&mut buf, &mut scratch), b"");
    }
}
