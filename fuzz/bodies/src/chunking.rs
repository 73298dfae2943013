//! The same bytes whole and in pieces.
//!
//! Byte 0 of an input chooses what is sent and to whom: with bit 7 the rest is what an unauthenticated peer sends to
//! a session of `session_unauth`, without it the rest are records as in `session_frames`. Byte 1 is a size of reads
//! that grows by byte 2 with each. Bytes 3 and 4 say where one bit of the sealed records is changed, 0 for nowhere;
//! byte 5 whether the stream ends behind them.
//!
//! Events, error and end do not depend on where reads end, nor do the bytes of an opening that answer while it
//! goes well. Of a packet that its sender could not have written yet one thing does: if it is there before this end's
//! own message is written, that is not written any more, and the packet is refused as out of turn and not because it
//! does not authenticate.

use crate::input::Input;
use crate::peer::Peer;
use crate::session_frames::VARIANTS;
use crate::subject::Subject;
use crate::{session_frames, session_unauth};
use sealock_proto::session::{Error, Event};

/// Bytes of an input before what is sent.
pub const HEADER: usize = 6;

/// Runs one input.
///
/// # Panics
/// If a rule is broken.
pub fn run(input: &[u8]) {
    let Some((header, bytes)) = input.split_first_chunk::<HEADER>() else { return };
    let mut header = Input::new(header);
    let choice = header.byte();
    let (first, growth) = (usize::from(header.byte()), usize::from(header.byte()));
    let (flip, ends) = (header.size(), header.flag());
    // A size of 0 is all there is at once.
    let whole = [bytes.len() * 2 + (1 << 20), 0];
    let pieces = [first.max(1), growth];
    if choice & 0x80 != 0 {
        let number = usize::from(choice & 0x7f) % session_unauth::VARIANTS.len();
        let variant = &session_unauth::VARIANTS[number];
        let bytes = variant.flight(bytes);
        let [one, other] = [whole, pieces].map(|sizes| {
            let mut subject = variant.subject(number);
            deliver(&mut subject, &bytes, sizes, ends);
            subject
        });
        check(&one, &other);
        if one.error.is_none() {
            assert_eq!(one.sent, other.sent, "the bytes of an opening");
        }
    } else {
        let number = usize::from(choice) % VARIANTS.len();
        let [one, other] = [whole, pieces].map(|sizes| {
            let (mut subject, stream) = records(number, bytes, flip);
            deliver(&mut subject, &stream, sizes, ends);
            subject
        });
        check(&one, &other);
    }
}

/// An established session, and the stream that its peer seals for it.
fn records(number: usize, mut bytes: &[u8], flip: usize) -> (Subject, Vec<u8>) {
    let variant = &VARIANTS[number];
    let mut subject = Subject::new(&session_frames::configs()[number]);
    let (mut peer, _) = Peer::connect(variant.protocol, variant.role.peer(), |bytes| {
        subject.feed(bytes);
        subject.transmit(true);
        subject.sent.clone()
    });
    subject.has_keys = true;
    let mut stream = Vec::new();
    while let Some((head, rest)) = bytes.split_first_chunk::<2>() {
        let len = usize::from(u16::from_be_bytes(*head) & 0x7fff).min(rest.len());
        let (plain, rest) = rest.split_at(len);
        bytes = rest;
        stream.extend_from_slice(&peer.seal(plain));
        // A lone REKEY; where another is last in its record, the next record does not authenticate.
        if plain == [12, 0] {
            peer.rekey();
        }
    }
    if let Some(byte) = flip.checked_sub(1).and_then(|at| stream.get_mut(at)) {
        *byte ^= 1;
    }
    (subject, stream)
}

fn deliver(subject: &mut Subject, mut bytes: &[u8], [first, growth]: [usize; 2], ends: bool) {
    let mut size = first;
    while !bytes.is_empty() {
        let (mut chunk, rest) = bytes.split_at(size.min(bytes.len()));
        (bytes, size) = (rest, size + growth);
        while !chunk.is_empty() {
            chunk = subject.feed(chunk);
            subject.transmit(true);
            if subject.is_established() {
                subject.unthrottle();
            }
            if !subject.listens() {
                return;
            }
        }
    }
    if ends {
        subject.end();
    }
}

fn check(whole: &Subject, pieces: &Subject) {
    assert_eq!(whole.seen, pieces.seen, "the events");
    let ahead =
        matches!((whole.error, pieces.error), (Some(Error::MalformedOpening), Some(Error::Handshake(_))));
    assert!(ahead || whole.error == pieces.error, "{:?} and {:?}", whole.error, pieces.error);
    assert_eq!(whole.is_finished(), pieces.is_finished());
    let end = |event: &Event<_>| matches!(event, Event::Closed { .. });
    let behind_end = whole.seen.iter().skip_while(|event| !end(event)).skip(1).count();
    assert_eq!(behind_end, 0, "an event behind the end");
}
