//! What a handshake message carries beside the handshake: a list of items (docs/wire.md, section 1.5).

use super::super::error::Error;
use super::super::frame;
use alloc::vec::Vec;
use core::ops::Range;
use core::time::Duration;

/// The application's bytes.
const APPLICATION: u64 = 0;
/// Zeros that hide a length; skipped like every odd type.
const PADDING: u64 = 1;
/// When the sender says it wrote the message: nanoseconds since the Unix epoch, 8 bytes.
const TIMESTAMP: u64 = 2;
/// The most bytes the head of an item takes.
const ITEM_HEAD: usize = 16;

/// The most bytes that items beside the application's payload take.
pub(super) const MAX_ITEMS: usize = 2 * ITEM_HEAD + size_of::<u64>();

/// What the items of a payload say.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Items {
    /// Where the application's bytes lie in the payload; never empty.
    pub(super) application: Option<Range<usize>>,
    /// Time since the Unix epoch.
    pub(super) timestamp: Option<Duration>,
}

/// Appends the item with the application's bytes. None are no item.
pub(super) fn put_application(items: &mut Vec<u8>, bytes: &[u8]) {
    if !bytes.is_empty() {
        put(items, APPLICATION, bytes);
    }
}

/// Appends the item that says when the message was written. Times that 64 bits of nanoseconds do not hold (the year 2554)
/// are their largest.
pub(super) fn put_timestamp(items: &mut Vec<u8>, unix: Duration) {
    let nanos = u64::try_from(unix.as_nanos()).unwrap_or(u64::MAX);
    put(items, TIMESTAMP, &nanos.to_be_bytes());
}

/// Appends items that are `len` bytes long together and say nothing; one byte is none.
pub(super) fn put_padding(items: &mut Vec<u8>, mut len: usize) {
    while len > 1 {
        // A body of 64 bytes takes a longer head, and one of 63 a shorter: 66 bytes are two items.
        let body = match len {
            2..=65 => len - 2,
            66 => 0,
            _ => len - 3,
        };
        let before = items.len();
        items.extend_from_slice(&frame::head(PADDING, body));
        items.resize(items.len() + body, 0);
        len = len.saturating_sub(items.len() - before);
    }
}

fn put(items: &mut Vec<u8>, kind: u64, body: &[u8]) {
    items.extend_from_slice(&frame::head(kind, body.len()));
    items.extend_from_slice(body);
}

/// Reads a payload.
///
/// # Errors
/// [`Error::MalformedOpening`]: an item is cut short, has a length its type does not allow, is there twice, or is of an
/// even type that is not known.
pub(super) fn parse(payload: &[u8]) -> Result<Items, Error> {
    let mut items = Items::default();
    let mut at = 0;
    while at < payload.len() {
        let rest = payload.get(at..).unwrap_or_default();
        let head = frame::parse(rest).map_err(|_| Error::MalformedOpening)?;
        let body = at + head.body..at + head.body + head.len;
        let again = match head.kind {
            APPLICATION if head.len > 0 => items.application.replace(body.clone()).is_some(),
            TIMESTAMP => {
                let nanos = payload.get(body.clone()).and_then(|body| body.try_into().ok());
                let nanos = u64::from_be_bytes(nanos.ok_or(Error::MalformedOpening)?);
                items.timestamp.replace(Duration::from_nanos(nanos)).is_some()
            }
            odd if odd % 2 == 1 => false,
            _ => true,
        };
        if again {
            return Err(Error::MalformedOpening);
        }
        at = body.end;
    }
    Ok(items)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn what_is_written_is_what_is_read_whatever_is_skipped_between() {
        let mut items = Vec::new();
        put_timestamp(&mut items, Duration::new(1_700_000_000, 5));
        assert!(items.len() <= MAX_ITEMS - ITEM_HEAD);
        put(&mut items, 1, &[0; 70]);
        put_application(&mut items, b"early");
        put(&mut items, 0x41, b"");
        let read = parse(&items).unwrap();
        assert_eq!(read.timestamp, Some(Duration::new(1_700_000_000, 5)));
        assert_eq!(&items[read.application.unwrap()], b"early");
        assert_eq!(parse(b""), Ok(Items::default()));
    }

    #[test]
    fn an_empty_payload_is_no_item() {
        let mut items = Vec::new();
        put_application(&mut items, b"");
        assert_eq!(items, b"");
    }

    #[test]
    fn padding_has_any_length_but_one_and_says_nothing() {
        for len in (2..300).chain([8000, 8192]) {
            let mut items = Vec::new();
            put_padding(&mut items, len);
            assert_eq!((items.len(), parse(&items)), (len, Ok(Items::default())));
        }
    }

    #[test]
    fn items_that_break_a_rule_are_malformed() {
        let application = [0, 1, b'x'];
        let timestamp = [2, 8, 0, 0, 0, 0, 0, 0, 0, 1];
        for (what, items) in [
            ("cut short", vec![0]),
            ("past the end", vec![0, 2, 1]),
            ("empty application", vec![0, 0]),
            ("a short timestamp", vec![2, 7, 0, 0, 0, 0, 0, 0, 0]),
            ("twice", [application, application].concat()),
            ("two times", [timestamp, timestamp].concat()),
            ("critical and unknown", vec![4, 0]),
            ("not in the shortest form", vec![0x40, 0, 1, 9]),
        ] {
            assert_eq!(parse(&items), Err(Error::MalformedOpening), "{what}");
        }
    }
}
