//! Reading in parts: it stops behind the peer's static key and comes to the same end as reading at once.

use super::super::*;
use super::{every_protocol, pair, pair_after, static_key, write_next};
use crate::noise::error::HandshakeError as E;
use crate::noise::pattern::Token;
use alloc::format;
use alloc::vec::Vec;

fn name(pattern: &str) -> alloc::string::String {
    format!("Noise_{pattern}_25519_ChaChaPoly_BLAKE2s")
}

fn is_dh(token: &Token) -> bool {
    matches!(token, Token::Ee | Token::Es | Token::Se | Token::Ss)
}

/// DHs among the messages before `message` and the tokens of it that stand before `s`; `None` without an `s`.
fn dhs_before_static(protocol: Protocol, message: usize) -> Option<usize> {
    let tokens: Vec<_> = protocol.tokens(message).collect();
    let before = tokens.iter().position(|token| *token == Token::S)?;
    let earlier = (0..message).flat_map(|message| protocol.tokens(message)).filter(is_dh).count();
    Some(earlier + tokens[..before].iter().filter(|token| is_dh(token)).count())
}

/// Reads `message` in parts. Checks what holds at a pause; gives the payload's place and whether there was one.
fn read_in_parts(
    reader: &mut Handshake,
    message: &mut [u8],
    context: &str,
) -> (core::ops::Range<usize>, bool) {
    let expected = dhs_before_static(reader.protocol(), reader.message_number());
    let before = (reader.next_overhead(), reader.next_security());
    let first = reader.read_part(message).unwrap();
    let Some(dhs) = expected else {
        let ReadPart::Payload(payload) = first else { panic!("{context}: {first:?}") };
        return (payload, false);
    };
    let key = static_key(reader.role().peer()).public();
    assert_eq!(first, ReadPart::Static(key), "{context}");
    assert_eq!(usize::from(reader.agreements()), dhs, "{context}");
    assert_eq!(reader.remote_static(), Some(key), "{context}");
    assert_eq!((reader.next_overhead(), reader.next_security()), before, "{context}");
    assert!(!reader.is_my_turn() && !reader.is_finished(), "{context}");
    let ReadPart::Payload(payload) = reader.read_part(message).unwrap() else { panic!("{context}") };
    (payload, true)
}

/// What both transports seal, where the pattern has them.
fn records([a, b]: [Transport; 2]) -> Vec<Option<[u8; TAG_LEN]>> {
    let ciphers = [a.send, b.send].into_iter();
    ciphers.map(|cipher| cipher.map(|mut cipher| cipher.seal(b"ad", &mut [7; 40]).unwrap())).collect()
}

#[test]
fn reading_in_parts_comes_to_the_same_end_as_reading_at_once() {
    let mut pauses = 0;
    for name in every_protocol("ChaChaPoly_BLAKE2s") {
        let (mut a, mut b) = pair(&name);
        let (mut c, mut d) = pair(&name);
        while !a.is_finished() {
            let to_b = a.is_my_turn();
            let mut message = write_next(&mut a, &mut b, b"payload");
            let mut same = write_next(&mut c, &mut d, b"payload");
            assert_eq!(message, same, "{name}");
            let payload = if to_b { &mut b } else { &mut a }.read(&mut message).unwrap();
            let reader = if to_b { &mut d } else { &mut c };
            let (place, paused) = read_in_parts(reader, &mut same, &name);
            assert_eq!((place, same), (payload, message), "{name}");
            pauses += usize::from(paused);
        }
        let (a, b, c, d) = (a.split().unwrap(), b.split().unwrap(), c.split().unwrap(), d.split().unwrap());
        assert_eq!((c.hash, d.hash), (a.hash, b.hash), "{name}");
        assert_eq!(records([c, d]), records([a, b]), "{name}");
    }
    assert!(pauses > 500, "{pauses}");
}

#[test]
fn an_unwanted_initiator_of_ik_costs_one_dh() {
    let (mut a, mut b) = pair(&name("IK"));
    let mut message = write_next(&mut a, &mut b, b"early");
    assert!(matches!(b.read_part(&mut message), Ok(ReadPart::Static(_))));
    assert_eq!(b.agreements(), 1);
    b.read_part(&mut message).unwrap();
    assert_eq!(b.agreements(), 2);
}

/// The responder of IK behind the initiator's static key, and the message.
fn paused() -> (Handshake, Vec<u8>) {
    let (mut a, mut b) = pair(&name("IK"));
    let mut message = write_next(&mut a, &mut b, b"early");
    assert!(matches!(b.read_part(&mut message), Ok(ReadPart::Static(_))));
    (b, message)
}

#[test]
fn at_a_pause_only_the_same_message_goes_on() {
    let (mut b, mut message) = paused();
    let mut longer = [&message[..], b"x"].concat();
    for other in [&mut longer[..], &mut message.clone()[1..], &mut []] {
        assert_eq!(b.read_part(other), Err(E::OtherMessage));
        assert_eq!(b.read(other), Err(E::OtherMessage));
    }
    assert_eq!(b.write(b"", &mut [0; 200]), Err(E::NotMyTurn));
    let payload = b.read(&mut message).unwrap();
    assert_eq!(&message[payload], b"early");
    assert!(b.is_my_turn());

    let (b, _) = paused();
    assert_eq!(b.split().err(), Some(E::NotFinished));
}

#[test]
fn the_last_message_does_not_finish_a_handshake_before_its_end() {
    let (mut a, mut b) = pair_after(&name("XX"), 2);
    let mut message = write_next(&mut a, &mut b, b"");
    assert!(matches!(b.read_part(&mut message), Ok(ReadPart::Static(_))));
    assert!(!b.is_finished());
    assert_eq!(b.split().err(), Some(E::NotFinished));
}

#[test]
fn a_failure_in_any_part_is_final() {
    // The static key's field is bytes 32 to 80 of the first message of IK, the payload's follows.
    for (byte, parts) in [(32, 0), (79, 0), (80, 1), (100, 1)] {
        let (mut a, mut b) = pair(&name("IK"));
        let mut message = write_next(&mut a, &mut b, b"early");
        message[byte] ^= 1;
        for _ in 0..parts {
            assert!(matches!(b.read_part(&mut message), Ok(ReadPart::Static(_))), "byte {byte}");
        }
        assert_eq!(b.read_part(&mut message), Err(E::Decrypt), "byte {byte}");
        assert_eq!(b.remote_static(), None, "byte {byte}");
        assert_eq!(b.read_part(&mut message), Err(E::Poisoned), "byte {byte}");
        assert_eq!(b.read_part(&mut [0; 5]), Err(E::Poisoned), "byte {byte}");
        assert_eq!(b.split().err(), Some(E::Poisoned), "byte {byte}");
    }
}
