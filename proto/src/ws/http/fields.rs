//! The head of a request or a response: where it ends, its header fields, and fields that a caller adds.

use super::UpgradeFault;
use core::fmt;
use httparse::Header;

/// The most header fields a head may have.
pub const MAX_FIELDS: usize = 64;

/// Bytes of the head at the front of `buf`, with the empty line that ends it. `scanned` bytes have been looked at
/// before, and says afterwards how many have been by now.
pub(crate) fn head_len(buf: &[u8], max: usize, scanned: &mut usize) -> Result<Option<usize>, UpgradeFault> {
    const END: &[u8] = b"\r\n\r\n";
    let from = scanned.saturating_sub(END.len() - 1);
    let seen = buf.get(..max.min(buf.len())).unwrap_or_default();
    let fresh = seen.get(from..).unwrap_or_default();
    if let Some(at) = fresh.windows(END.len()).position(|window| window == END) {
        return Ok(Some(from + at + END.len()));
    }
    *scanned = seen.len();
    if buf.len() >= max { Err(UpgradeFault::HeadTooLong) } else { Ok(None) }
}

/// The header fields of a request or a response.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a> {
    fields: [Header<'a>; MAX_FIELDS],
    count: usize,
}

impl<'a> Fields<'a> {
    pub(super) const fn empty_slots() -> [Header<'a>; MAX_FIELDS] {
        [httparse::EMPTY_HEADER; MAX_FIELDS]
    }

    pub(super) const fn new(fields: [Header<'a>; MAX_FIELDS], count: usize) -> Self {
        Self { fields, count }
    }

    /// All of them: names as they came, values without the white space around them.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a [u8])> + '_ {
        self.fields.iter().take(self.count).map(|field| (field.name, field.value))
    }

    /// The values of the fields of that name, in any case.
    pub fn all<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'a [u8]> + 's {
        self.iter().filter(move |(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The value of the one field of that name; `None` if there is none or are several.
    #[must_use]
    pub fn only(&self, name: &str) -> Option<&'a [u8]> {
        let mut values = self.all(name);
        values.next().filter(|_| values.next().is_none())
    }

    /// The elements of the comma-separated lists in the fields of that name (RFC 9110, section 5.6.1).
    pub fn list<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'a [u8]> + 's {
        self.all(name).flat_map(elements)
    }

    /// Whether a list of that name has `token`, in any case.
    #[must_use]
    pub fn has_token(&self, name: &str, token: &str) -> bool {
        self.list(name).any(|element| element.eq_ignore_ascii_case(token.as_bytes()))
    }
}

/// The elements of a comma-separated list.
pub(super) fn elements(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|element| !element.is_empty())
}

/// Why a header field cannot be sent.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldError {
    /// The name or a subprotocol is not a token (RFC 9110, section 5.6.2).
    NotAToken,
    /// A value or a target has a control character or is empty, or is not ASCII.
    Value,
    /// A field that the handshake itself sets.
    Reserved,
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAToken => {
                "a name of a header field or a subprotocol is not a token: use letters, digits and hyphens"
            }
            Self::Value => "a value has characters that may not stand in a head: use visible ASCII",
            Self::Reserved => "the handshake sets this header field itself: leave it out",
        })
    }
}

impl core::error::Error for FieldError {}

/// Whether `text` is a token (RFC 9110, section 5.6.2).
pub(super) fn check_token(text: &str) -> Result<(), FieldError> {
    let is_tchar = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let ok = !text.is_empty() && text.bytes().all(is_tchar);
    if ok { Ok(()) } else { Err(FieldError::NotAToken) }
}

/// Whether a caller may add this field.
pub(super) fn check_field(name: &str, value: &str) -> Result<(), FieldError> {
    const OWN: [&str; 5] = ["Host", "Upgrade", "Connection", "Content-Length", "Transfer-Encoding"];
    const PREFIX: &[u8] = b"Sec-WebSocket-";
    check_token(name)?;
    let prefixed =
        name.as_bytes().get(..PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(PREFIX));
    if prefixed || OWN.iter().any(|own| own.eq_ignore_ascii_case(name)) {
        return Err(FieldError::Reserved);
    }
    let visible = |byte: u8| matches!(byte, b' '..=b'~' | b'\t');
    if value.bytes().all(visible) { Ok(()) } else { Err(FieldError::Value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_head_is_found_wherever_the_bytes_are_cut_and_not_beyond_the_maximum() {
        let head = b"GET / HTTP/1.1\r\nA: b\r\n\r\n";
        for first in 0..=head.len() {
            let mut scanned = 0;
            let found = head_len(&head[..first], 100, &mut scanned).unwrap();
            assert_eq!(found, (first == head.len()).then_some(head.len()));
            assert_eq!(head_len(head, 100, &mut scanned), Ok(Some(head.len())), "cut at {first}");
        }
        assert_eq!(head_len(head, head.len(), &mut 0), Ok(Some(head.len())));
        assert_eq!(head_len(head, head.len() - 1, &mut 0), Err(UpgradeFault::HeadTooLong));
    }

    #[test]
    fn a_field_that_could_end_the_head_or_contradict_the_handshake_is_not_sent() {
        for (name, value, want) in [
            ("X-Trace", "a b", Ok(())),
            ("X-Trace", "", Ok(())),
            ("X Trace", "a", Err(FieldError::NotAToken)),
            ("", "a", Err(FieldError::NotAToken)),
            ("X-Trace", "a\r\nEvil: b", Err(FieldError::Value)),
            ("X-Trace", "é", Err(FieldError::Value)),
            ("upgrade", "h2c", Err(FieldError::Reserved)),
            ("sec-websocket-accept", "x", Err(FieldError::Reserved)),
        ] {
            assert_eq!(check_field(name, value), want, "{name}: {value:?}");
        }
    }
}
