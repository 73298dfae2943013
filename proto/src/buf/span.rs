//! Where a payload lies, for callers that cannot hold a borrow.

/// A range of the buffer that was passed to `recv`, counted from its first byte.
///
/// Valid until that buffer changes: a driver resolves it before it consumes the bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    start: usize,
    end: usize,
}

impl Span {
    /// The bytes `start..start + len`.
    #[must_use]
    pub const fn new(start: usize, len: usize) -> Self {
        Self { start, end: start.saturating_add(len) }
    }

    /// Length in bytes.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.end - self.start
    }

    /// Whether the payload is empty.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.end == self.start
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
}
