//! The Pongs that are owed: few, and the newest of them (RFC 6455, section 5.5.3).

use super::frame::MAX_CONTROL;
use arrayvec::ArrayVec;

/// The body of a control frame.
pub(super) type Body = ArrayVec<u8, MAX_CONTROL>;

/// Bytes for all of them, a length before each: one of the longest, or more than ten of the usual.
const ROOM: usize = 160;

/// The bodies of Pings that are not answered. A peer that sends more than have room gets no answer to the oldest, which
/// the protocol allows.
#[derive(Default)]
pub(super) struct Pongs(ArrayVec<u8, ROOM>);

impl Pongs {
    /// Owes an answer to a Ping with that body, of at most 125 bytes.
    pub(super) fn push(&mut self, body: &[u8]) {
        while self.0.remaining_capacity() <= body.len() && self.take().is_some() {}
        // There is room for the longest.
        let _ = self.0.try_push(body.len() as u8);
        let _ = self.0.try_extend_from_slice(body);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The oldest.
    pub(super) fn take(&mut self) -> Option<Body> {
        let (len, rest) = self.0.split_first()?;
        let len = usize::from(*len).min(rest.len());
        let body = rest.get(..len).and_then(|body| Body::try_from(body).ok());
        self.0.drain(..=len);
        body
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn answers_come_in_order_and_the_oldest_make_room() {
        let (short, long) = (|n: u8| Vec::from([n; 9]), |n: u8| Vec::from([n; MAX_CONTROL]));
        for (pings, answers) in [
            (Vec::new(), Vec::new()),
            (Vec::from([short(1), Vec::new(), short(2)]), Vec::from([short(1), Vec::new(), short(2)])),
            (Vec::from([long(1), long(2)]), Vec::from([long(2)])),
            (
                Vec::from([short(1), short(2), short(3), short(4), long(5)]),
                Vec::from([short(2), short(3), short(4), long(5)]),
            ),
        ] {
            let mut pongs = Pongs::default();
            pings.iter().for_each(|body| pongs.push(body));
            let owed: Vec<_> = core::iter::from_fn(|| pongs.take()).map(|body| body.to_vec()).collect();
            assert_eq!(owed, answers);
        }
        let mut pongs = Pongs::default();
        (0..200).for_each(|_| pongs.push(b""));
        assert!(core::iter::from_fn(|| pongs.take()).count() > 100);
    }
}
