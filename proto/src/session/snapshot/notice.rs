//! What a restored sender tells its peer in the clear, where a record is due (docs/wire.md, section 9).

use crate::noise::{SALT_LEN, Salt, TAG_LEN};
use crate::session::seal::RECORD_HEAD;
use arrayvec::ArrayVec;

/// Bytes of a body, which no record has: one with a frame in it is longer.
const BODY: usize = TAG_LEN;
/// Bytes of a notice, its length field included.
pub(in crate::session) const NOTICE_LEN: usize = RECORD_HEAD + BODY;

const RESTORED: u8 = 1;
const SKIP: u8 = 2;

/// What a sender owes before its first record.
pub(in crate::session) type Notices = ArrayVec<u8, { 2 * NOTICE_LEN }>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::session) enum Notice {
    /// The sender goes on under a key of its own.
    Restored(Salt),
    /// The next record is this one; those before it may be lost.
    Skip(u64),
}

impl Notice {
    /// Reads a whole notice, its length field included.
    pub(in crate::session) fn parse(bytes: &[u8]) -> Option<Self> {
        let (kind, rest) = bytes.get(RECORD_HEAD..)?.split_first()?;
        let rest: &Salt = rest.first_chunk()?;
        match (*kind, rest) {
            (RESTORED, salt) => Some(Self::Restored(*salt)),
            (SKIP, [0, 0, 0, 0, 0, 0, 0, nonce @ ..]) => Some(Self::Skip(u64::from_be_bytes(*nonce))),
            _ => None,
        }
    }

    fn put(self, out: &mut Notices) {
        let (kind, rest) = match self {
            Self::Restored(salt) => (RESTORED, salt),
            Self::Skip(nonce) => {
                let mut rest = [0; SALT_LEN];
                rest.iter_mut().rev().zip(nonce.to_le_bytes()).for_each(|(to, from)| *to = from);
                (SKIP, rest)
            }
        };
        out.extend((BODY as u16).to_be_bytes().into_iter().chain([kind]).chain(rest));
    }
}

/// What a restored sender sends first.
pub(in crate::session) fn notices(skip: Option<u64>, salt: &Salt) -> Notices {
    let mut out = Notices::new();
    if let Some(nonce) = skip {
        Notice::Skip(nonce).put(&mut out);
    }
    Notice::Restored(*salt).put(&mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notices_are_read_as_they_were_written_and_nothing_else_is() {
        let salt = core::array::from_fn(|i| i as u8);
        let both = notices(Some(0x0102_0304_0506_0708), &salt);
        let (skip, restored) = both.split_at(NOTICE_LEN);
        assert_eq!(skip, [0, 16, 2, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(Notice::parse(skip), Some(Notice::Skip(0x0102_0304_0506_0708)));
        assert_eq!(Notice::parse(restored), Some(Notice::Restored(salt)));
        assert_eq!(notices(None, &salt)[..], *restored);
        for (at, to) in [(2, 0), (2, 3), (3, 1), (9, 1)] {
            let mut bytes = skip.to_vec();
            bytes[at] = to;
            assert_eq!(Notice::parse(&bytes), None, "byte {at}");
        }
        assert_eq!(Notice::parse(&restored[..NOTICE_LEN - 1]), None);
    }
}
