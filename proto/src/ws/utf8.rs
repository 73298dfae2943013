//! Text that comes in pieces, checked as it comes (RFC 6455, section 8.1).

use arrayvec::ArrayVec;

/// The bytes so far are no UTF-8, whatever follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotUtf8;

/// Checks pieces that may be cut anywhere, and fails at the first byte that cannot be right.
#[derive(Clone, Debug, Default)]
pub(super) struct Utf8 {
    /// The beginning of a character that the last piece cut.
    begun: ArrayVec<u8, 4>,
}

impl Utf8 {
    /// Whether the text may end here.
    pub(super) fn is_complete(&self) -> bool {
        self.begun.is_empty()
    }

    /// The next bytes of the text.
    pub(super) fn feed(&mut self, mut bytes: &[u8]) -> Result<(), NotUtf8> {
        while !self.begun.is_empty() {
            let Some((byte, rest)) = bytes.split_first() else { return Ok(()) };
            bytes = rest;
            self.begun.try_push(*byte).map_err(|_| NotUtf8)?;
            match core::str::from_utf8(&self.begun) {
                Ok(_) => self.begun.clear(),
                Err(error) if error.error_len().is_some() => return Err(NotUtf8),
                Err(_) => {}
            }
        }
        let Err(error) = simdutf8::compat::from_utf8(bytes) else { return Ok(()) };
        let cut = bytes.get(error.valid_up_to()..).filter(|_| error.error_len().is_none());
        self.begun.try_extend_from_slice(cut.ok_or(NotUtf8)?).map_err(|_| NotUtf8)
    }
}

/// Whether all of a text is UTF-8. Not inlined: text of ASCII is seen without it.
#[inline(never)]
pub(super) fn is_utf8(bytes: &[u8]) -> bool {
    bytes.is_ascii() || simdutf8::basic::from_utf8(bytes).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where feeding byte by byte fails; `None` if it does not.
    fn fails_at(bytes: &[u8]) -> Option<usize> {
        let mut utf8 = Utf8::default();
        bytes.iter().position(|byte| utf8.feed(&[*byte]).is_err())
    }

    #[test]
    fn a_text_fails_at_the_first_byte_that_cannot_be_right() {
        for (bytes, at) in [
            (&b"plain"[..], None),
            ("κόσμε \u{10ffff}".as_bytes(), None),
            (b"\xce\xba\xff", Some(2)),
            // Beyond U+10FFFF, with its second byte.
            (b"\xf4\x90\x80\x80", Some(1)),
            // A surrogate.
            (b"\xed\xa0\x80", Some(1)),
            // Longer than need be.
            (b"\xc0\xaf", Some(0)),
            (b"\xe0\x80\x80", Some(1)),
            (b"a\x80", Some(1)),
        ] {
            assert_eq!(fails_at(bytes), at, "{bytes:x?}");
        }
    }

    #[test]
    fn any_two_cuts_judge_like_the_whole() {
        let long = "0123456789abcdef".repeat(5) + "é€𝄞" + &"z".repeat(70);
        let mut broken = long.clone().into_bytes();
        broken[90] = 0xff;
        for text in [long.as_bytes(), &broken, b"\xf0\x9d\x84", "é".as_bytes()] {
            let whole = core::str::from_utf8(text).is_ok();
            assert_eq!(is_utf8(text), whole);
            for first in 0..=text.len() {
                for second in [first, (first + 3).min(text.len()), text.len()] {
                    let mut utf8 = Utf8::default();
                    let ok = [&text[..first], &text[first..second], &text[second..]]
                        .iter()
                        .all(|piece| utf8.feed(piece).is_ok());
                    assert_eq!(ok && utf8.is_complete(), whole, "cut at {first} and {second}");
                }
            }
        }
    }
}
