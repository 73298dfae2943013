//! Messages and their fragments, both ways.

use super::peer::{BINARY, CONT, FIN, PING, Peer, Seen, TEXT, binary, text};
use crate::buf::TxBuf;
use crate::ws::{Config, Delivery, Error, Event, FrameFault, Kind, Role, SendError};
use alloc::vec::Vec;

const ROLES: [Role; 2] = [Role::Client, Role::Server];

fn open(role: Role) -> Peer {
    Peer::open(role, Config::default())
}

fn in_chunks(role: Role) -> Peer {
    Peer::open(role, Config::default().with_delivery(Delivery::Chunks))
}

fn chunk(kind: Kind, payload: &[u8], last: bool) -> Seen {
    Event::Chunk { kind, payload: payload.to_vec(), last }
}

#[test]
fn every_size_arrives_as_it_was() {
    for size in [0, 1, 125, 126, 127, 65_535, 65_536, 200_000] {
        let message: Vec<u8> = (0..size).map(|n| (n * 7) as u8).collect();
        for from in ROLES {
            let to = if from == Role::Client { Role::Server } else { Role::Client };
            let (mut from, mut to) = (open(from), open(to));
            from.send(Kind::Binary, &message);
            from.send(Kind::Text, "é".repeat(size / 2).as_bytes());
            let wire = from.out();
            assert_eq!(to.give(&wire), [binary(&message), text(&"é".repeat(size / 2))], "{size} bytes");
            assert_eq!(to.ws.stats().received, from.ws.stats().sent);
            assert_eq!(to.ws.stats().received.messages, 2);
        }
    }
}

#[test]
fn fragments_are_joined_with_control_frames_between_them() {
    for role in ROLES {
        let mut end = open(role);
        let wire = [
            end.frame(TEXT, b"a"),
            end.frame(FIN | PING, b"1"),
            end.frame(CONT, b""),
            end.frame(CONT, "é".as_bytes()),
            end.frame(FIN | PING, b"2"),
            end.frame(FIN | CONT, b"z"),
            end.frame(FIN | BINARY, b"next"),
            end.frame(BINARY, b""),
            end.frame(FIN | CONT, b""),
        ]
        .concat();
        let want = [text("aéz"), binary(b"next"), binary(b"")];
        assert_eq!(end.give(&wire), want);
        assert_eq!(open(role).give_slowly(&wire).unwrap(), want);
    }
}

#[test]
fn any_cut_of_the_bytes_gives_the_same_messages() {
    let mut end = open(Role::Server);
    let wire = [
        end.frame(FIN | TEXT, "héllo".as_bytes()),
        end.frame(BINARY, &[1; 130]),
        end.frame(FIN | PING, b"p"),
        end.frame(FIN | CONT, &[2; 5]),
        end.frame(FIN | TEXT, b""),
    ]
    .concat();
    let want = end.give(&wire);
    assert_eq!(want.len(), 3);
    for cut in 0..=wire.len() {
        let mut end = open(Role::Server);
        let seen = [end.give(&wire[..cut]), end.give(&wire[cut..])].concat();
        assert_eq!(seen, want, "cut at {cut}");
    }
}

#[test]
fn frames_out_of_turn_are_faults() {
    for (first, frames, fault) in [
        (false, &[(FIN | CONT, &b"x"[..])][..], FrameFault::NothingToContinue),
        (true, &[(CONT, b"x")], FrameFault::NothingToContinue),
        (false, &[(TEXT, b"x"), (FIN | TEXT, b"y")], FrameFault::InsideMessage),
        (false, &[(BINARY, b"x"), (BINARY, b"y")], FrameFault::InsideMessage),
        (false, &[(0x40 | FIN | TEXT, b"x")], FrameFault::ReservedBits),
        (false, &[(FIN | 3, b"x")], FrameFault::ReservedOpcode),
    ] {
        for role in ROLES {
            let mut end = open(role);
            let mut wire = Vec::new();
            if first {
                wire.extend(end.frame(FIN | TEXT, b"whole"));
            }
            frames.iter().for_each(|(first, payload)| wire.extend(end.frame(*first, payload)));
            let mut seen = Vec::new();
            let error = end.give_slowly(&wire).map(|events| seen = events).unwrap_err();
            assert_eq!(error, Error::Frame(fault));
            assert_eq!(end.frames_out(), [(FIN | 8, Vec::from(1002_u16.to_be_bytes()))]);
            assert!(end.ws.is_finished());
        }
    }
}

#[test]
fn bad_text_fails_as_soon_as_its_byte_is_there() {
    // The head promises more; the last byte given is the one that cannot be right.
    for (pieces, slow) in [
        (&[&b"ok \xff"[..]][..], true),
        (&[b"\xce\xba\xf4\x90"], true),
        (&[b"\xed\xa0"], true),
        (&[b"\xce", b"\x41"], true),
        (&[b"\xf0\x9d", b"\x84\x9e\x80"], true),
        // Ends inside of a character: that shows at the end only.
        (&[b"abc\xce"], false),
    ] {
        for role in ROLES {
            for deliver in [open(role), in_chunks(role)] {
                let mut end = deliver;
                let count = pieces.len();
                for (n, piece) in pieces.iter().enumerate() {
                    let last = n + 1 == count;
                    let first = if n == 0 { TEXT } else { CONT } | if last { FIN } else { 0 };
                    let mut padded = piece.to_vec();
                    if slow && last {
                        padded.extend([b'.'; 100]);
                    }
                    let frame = end.frame(first, &padded);
                    let upto = if slow && last { frame.len() - 100 } else { frame.len() };
                    if !last {
                        end.give_slowly(&frame).unwrap();
                        continue;
                    }
                    end.give_slowly(&frame[..upto - 1]).unwrap();
                    assert_eq!(end.try_give(&frame[upto - 1..upto]), Err(Error::NotUtf8), "{pieces:x?}");
                }
                assert_eq!(end.frames_out(), [(FIN | 8, Vec::from(1007_u16.to_be_bytes()))]);
            }
        }
    }
}

#[test]
fn chunks_come_as_the_bytes_do() {
    for role in ROLES {
        let mut end = in_chunks(role);
        let whole = end.frame(FIN | BINARY, b"whole");
        assert_eq!(end.give(&whole), [chunk(Kind::Binary, b"whole", true)]);
        let first = end.frame(TEXT, b"abc");
        let (begin, rest) = first.split_at(first.len() - 1);
        assert_eq!(end.give(begin), [chunk(Kind::Text, b"ab", false)]);
        assert_eq!(end.give(rest), [chunk(Kind::Text, b"c", false)]);
        let tail = [end.frame(FIN | PING, b""), end.frame(CONT, b""), end.frame(FIN | CONT, b"")].concat();
        assert_eq!(end.give(&tail), [chunk(Kind::Text, b"", true)]);
        assert_eq!(end.give(&whole), [chunk(Kind::Binary, b"whole", true)]);
        assert_eq!(end.ws.stats().received.messages, 3);
    }
}

#[test]
fn what_is_missing_of_a_frame_is_asked_for_only_if_the_message_is_handed_out_whole() {
    for role in ROLES {
        for (mut end, need) in [(open(role), 70_000), (in_chunks(role), 1)] {
            let frame = end.frame(FIN | BINARY, &[0; 70_000]);
            let mut head = frame[..frame.len() - 70_000].to_vec();
            assert_eq!(end.ws.recv(end.now, &mut head).unwrap().need, need);
        }
    }
}

#[test]
fn a_large_message_in_chunks_passes_a_small_buffer() {
    let mut end = in_chunks(Role::Server);
    let message: Vec<u8> = (0..1_000_000).map(|n| (n * 31) as u8).collect();
    let mut got = Vec::new();
    for piece in end.frame(FIN | BINARY, &message).chunks(10_000) {
        for event in end.give(piece) {
            let Event::Chunk { payload, .. } = event else { panic!("{event:?}") };
            got.extend(payload);
        }
    }
    assert!(got == message);
}

#[test]
fn what_is_sent_in_chunks_is_one_message() {
    let (mut from, mut to) = (open(Role::Client), open(Role::Server));
    let euro = "€".as_bytes();
    let mut send =
        |payload: &[u8], last| from.ws.send_chunk(from.now, Kind::Text, payload, last, &mut from.tx);
    send(b"a", false).unwrap();
    send(&euro[..1], false).unwrap();
    send(&euro[1..], false).unwrap();
    assert_eq!(send(b"\xff", false), Err(SendError::NotUtf8));
    assert_eq!(send(&euro[..1], true), Err(SendError::NotUtf8), "the text would end inside of a character");
    for result in [
        from.ws.send(from.now, Kind::Binary, b"other", &mut from.tx),
        from.ws.send_chunk(from.now, Kind::Binary, b"other", true, &mut from.tx),
    ] {
        assert_eq!(result, Err(SendError::OutOfTurn));
    }
    from.ws.send_chunk(from.now, Kind::Text, b"", true, &mut from.tx).unwrap();
    from.send(Kind::Binary, b"other");
    assert_eq!(to.give(&from.out()), [text("a€"), binary(b"other")]);
    assert_eq!(from.ws.stats().sent.messages, 2);
}

#[test]
fn what_cannot_be_sent_is_refused_whole() {
    let mut end = Peer::open(Role::Client, Config::default().with_max_message(10));
    let mut send = |kind, payload: &[u8], tx: &mut TxBuf| end.ws.send(end.now, kind, payload, tx);
    let (mut tx, mut small) = (TxBuf::new(10_000), TxBuf::new(430));
    assert_eq!(send(Kind::Text, b"\xff", &mut tx), Err(SendError::NotUtf8));
    assert_eq!(send(Kind::Binary, &[0; 11], &mut tx), Err(SendError::TooLarge { max: 10 }));
    assert_eq!(send(Kind::Binary, &[0; 10], &mut small), Err(SendError::Full));
    assert!(tx.is_empty() && small.is_empty());
    assert_eq!(send(Kind::Binary, &[0; 10], &mut tx), Ok(()));
    let mut chunk = |payload: &[u8], last| end.ws.send_chunk(end.now, Kind::Binary, payload, last, &mut tx);
    assert_eq!(chunk(&[0; 6], false), Ok(()));
    assert_eq!(chunk(&[0; 5], true), Err(SendError::TooLarge { max: 10 }));
    assert_eq!(chunk(&[0; 4], true), Ok(()));
}

#[test]
fn a_client_masks_every_frame_with_another_mask() {
    let mut client = open(Role::Client);
    let masks: Vec<_> = (0..40)
        .map(|_| {
            client.send(Kind::Binary, b"....");
            client.out()[2..6].to_vec()
        })
        .collect();
    let mut different = masks.clone();
    different.sort();
    different.dedup();
    assert_eq!(different.len(), masks.len());
}
