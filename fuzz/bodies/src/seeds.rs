//! The committed corpora as a program: openings that are valid up to some point, refusals, and every kind of frame.
//! Inputs whose bytes are decisions are in `seeds/decisions.rs`, those of WebSocket in `seeds/websocket.rs`.

mod decisions;
mod websocket;

use crate::keys::psk;
use crate::peer::{MAC, digest, handshake, handshake_behind, hello, next_packet, packet};
use crate::{chunking, session_frames, session_unauth};
use sealock_proto::noise::Role;

/// Target, name and bytes of one input.
pub type Seed = (&'static str, String, Vec<u8>);

/// Every input that is kept.
#[must_use]
pub fn all() -> Vec<Seed> {
    let mut seeds = openings();
    seeds.extend(choices());
    seeds.extend(refusals());
    seeds.extend(frames());
    seeds.extend(pieces());
    seeds.extend(decisions::all());
    seeds.extend(websocket::all());
    seeds
}

/// Some of the above, in pieces.
fn pieces() -> Vec<Seed> {
    const UNAUTHENTICATED: u8 = 0x80;
    let opening = |name: &str, number| {
        let seeds = openings().into_iter().chain(choices()).chain(refusals());
        let (_, _, bytes) = seeds.into_iter().find(|(_, known, _)| known == name).expect("a name of a seed");
        (UNAUTHENTICATED | number, bytes[session_unauth::HEADER..].to_vec())
    };
    let records = |name: &str| {
        let seed = frames().into_iter().find(|(_, known, _)| known == name).expect("a name of a seed");
        (seed.2[0], seed.2[session_frames::HEADER..].to_vec())
    };
    [
        ("opening", opening("opening-0-XX", 0), [1, 0, 0, 0, 0]),
        ("opening-cut", opening("opening-0-IK", 0), [5, 7, 0, 0, 1]),
        ("refused-twice", opening("refused-name-and-packet", 0), [1, 0, 0, 0, 0]),
        ("alert", opening("initiator-alert-long", 3), [1, 0, 0, 0, 0]),
        ("choice", opening("choice-initiator", OFFERS), [1, 0, 0, 0, 0]),
        ("choice-responder", opening("choice-responder", CHOOSES), [9, 1, 0, 0, 0]),
        ("messages", records("messages"), [1, 0, 0, 0, 1]),
        ("throttled", records("messages-throttled"), [3, 0, 0, 0, 0]),
        ("over-rate", records("messages-over-rate"), [3, 1, 0, 0, 0]),
        ("fragments", records("fragments-large"), [1, 1, 0, 0, 0]),
        ("changed", records("abandon"), [2, 0, 0, 9, 0]),
        ("close", records("close"), [4, 0, 0, 0, 1]),
    ]
    .into_iter()
    .map(|(name, (choice, bytes), header)| {
        let mut input = vec![choice];
        input.extend_from_slice(&header);
        debug_assert_eq!(input.len(), chunking::HEADER);
        input.extend_from_slice(&bytes);
        ("chunking", name.to_owned(), input)
    })
    .collect()
}

/// A handshake payload of one item, the application's.
const EARLY: &[u8] = b"\x00\x05early";

/// A valid first flight for every protocol of every responder, with and without a payload.
fn openings() -> Vec<Seed> {
    let mut seeds = Vec::new();
    for (number, variant) in (0..).zip(&session_unauth::VARIANTS) {
        for (&name, payload) in variant.protocols.iter().zip([&b""[..], EARLY].iter().cycle()) {
            if variant.is_initiator() || number == CHOOSES {
                continue;
            }
            let psks: &[_] = if variant.psk { &[psk()] } else { &[] };
            let mut noise = handshake(name, Role::Initiator, psks);
            let mut bytes = hello(&[name]);
            bytes.extend_from_slice(&next_packet(&mut noise, payload));
            if variant.asks {
                // A mac2, which is for whoever is asked to judge. It stands behind the mac1 that is put in.
                bytes.extend_from_slice(&[6; MAC]);
            }
            // What an attacker may add: a record that nobody sealed.
            bytes.extend_from_slice(&packet(&[7; 20]));
            let pattern = name.split('_').nth(1).unwrap_or_default();
            seeds.push(unauth(&format!("opening-{number}-{pattern}"), number, &bytes));
        }
    }
    seeds
}

/// The numbers of the configurations that offer two protocols and prefer the second of them.
const OFFERS: u8 = 8;
const CHOOSES: u8 = 9;

/// Another protocol than the first, chosen by either end, in and out of place.
fn choices() -> Vec<Seed> {
    let [first, second] = session_unauth::OFFER;
    let offer = hello(&session_unauth::OFFER);
    let passed_over = packet(&[7; 96]);
    let flight = [&offer[..], &passed_over].concat();
    let digest = digest(&flight, &session_unauth::OFFER);
    let mut noise = handshake_behind(&[&offer, &[1], digest.as_bytes()], second, Role::Initiator, &[]);
    let anew = [&flight[..], &next_packet(&mut noise, EARLY)].concat();
    let mut noise = handshake_behind(&[&offer, &[0]], first, Role::Initiator, &[]);
    let stays = [&offer[..], &next_packet(&mut noise, EARLY)].concat();
    let choice = |place| packet(&[place]);
    [
        ("choice-responder", CHOOSES, anew),
        ("choice-responder-ignored", CHOOSES, [&stays[..], &packet(&[9; 48])].concat()),
        ("choice-responder-choice", CHOOSES, [&offer[..], &choice(1)].concat()),
        ("choice-responder-alert", CHOOSES, [&offer[..], &[0, 2, 0, 8]].concat()),
        ("choice-unknown-names", 0, hello(&["Noise_NN_25519_AEGIS_BLAKE2s", second, first, "x"])),
        ("choice-initiator", OFFERS, [choice(1), packet(&[9; 48])].concat()),
        ("choice-initiator-first", OFFERS, choice(0)),
        ("choice-initiator-outside", OFFERS, choice(2)),
        ("choice-initiator-twice", OFFERS, choice(1).repeat(2)),
        ("choice-initiator-late", OFFERS, [packet(&[9; 48]), choice(1)].concat()),
        ("choice-of-one", 3, choice(1)),
    ]
    .into_iter()
    .map(|(name, variant, bytes)| unauth(name, variant, &bytes))
    .collect()
}

/// What an end refuses, and what a responder's refusal looks like to an initiator.
fn refusals() -> Vec<Seed> {
    const RESPONDER: u8 = 0;
    const INITIATOR: u8 = 3;
    let announces = |name, len: u16| [hello(&[name]), len.to_be_bytes().to_vec()].concat();
    let long = |len| announces("Noise_NN_25519_ChaChaPoly_BLAKE2s", len);
    [
        ("refused-magic", RESPONDER, b"GET / HTTP/1.1\r\n\r\n".to_vec()),
        ("refused-version", RESPONDER, b"SLCK\x02\x04NOPE".to_vec()),
        ("refused-name-empty", RESPONDER, b"SLCK\x01\x01\x00".to_vec()),
        ("refused-names-none", RESPONDER, b"SLCK\x01\x00".to_vec()),
        ("refused-names-many", RESPONDER, b"SLCK\x01\x05".to_vec()),
        ("refused-name-unknown", RESPONDER, hello(&["Noise_ZZ_25519_ChaChaPoly_BLAKE2s"])),
        ("refused-name-and-packet", RESPONDER, announces("Noise_ZZ_25519_ChaChaPoly_BLAKE2s", 8193)),
        ("refused-one-way", RESPONDER, hello(&["Noise_N_25519_ChaChaPoly_BLAKE2s"])),
        ("refused-alert", RESPONDER, [long(2), vec![0, 6]].concat()),
        ("refused-packet-short", RESPONDER, [long(1), vec![0]].concat()),
        ("refused-packet-long", RESPONDER, long(8193)),
        ("refused-packet-cut", RESPONDER, [long(48), vec![9; 40]].concat()),
        ("initiator-retry", INITIATOR, [packet(&[255]), vec![9; 56]].concat()),
        ("initiator-alert", INITIATOR, vec![0, 2, 0, 1]),
        ("initiator-alert-long", INITIATOR, [vec![0, 15], vec![0; 15]].concat()),
        ("initiator-forged", INITIATOR, packet(&[9; 48])),
        ("initiator-xx-forged", 4, packet(&[9; 96])),
        ("initiator-ik-forged", 5, packet(&[9; 48])),
        ("initiator-psk-forged", 6, packet(&[9; 48])),
        ("initiator-ix-forged", 7, packet(&[9; 96])),
    ]
    .into_iter()
    .map(|(name, variant, bytes)| unauth(name, variant, &bytes))
    .collect()
}

fn unauth(name: &str, variant: u8, bytes: &[u8]) -> Seed {
    let mut input = vec![variant, 0, 0, 3, 1, 40, 2, 0];
    debug_assert_eq!(input.len(), session_unauth::HEADER);
    input.extend_from_slice(bytes);
    ("session_unauth", name.to_owned(), input)
}

/// Every type of frame in and out of place; the first number is the variant.
fn frames() -> Vec<Seed> {
    let ping = [vec![8, 8], b"12345678".to_vec()].concat();
    let proof = [&[18, 0x40, 96], &[5; 96][..]].concat();
    let wrong = [&[18, 0x40, 96], &[5; 32][..], &[6; 64]].concat();
    let ticket = [&[5, 0x40, 229], &[3; 229][..]].concat();
    let cases: [(&str, u8, &[&[u8]]); 31] = [
        ("messages", 0, &[&[0, 0, 0, 3, 1, 2, 3], &[0, 1, 9]]),
        ("messages-xx", 2, &[&[0, 2, 1, 2]]),
        ("messages-initiator", 3, &[&[0, 2, 1, 2]]),
        ("messages-throttled", 4, &[&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0], &[0, 1, 9]]),
        ("messages-over-rate", 5, &[&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0]]),
        ("records-over-limit", 6, &[&[0, 0], &[0, 0], &[12, 0], &[0, 0], &[0, 0], &[0, 0], &[0, 0]]),
        ("fragments", 0, &[&[2, 3, 4, 1, 2, 4, 1, 3], &[4, 1, 4, 0, 1, 5]]),
        ("fragments-large", 7, &[&[2, 7, 0x80, 1, 0, 0, 1, 2, 3], &[4, 2, 4, 5], &[6, 0, 0, 1, 1]]),
        ("fragments-past-total", 1, &[&[2, 2, 4, 1, 4, 4, 2, 3, 4, 5]]),
        ("abandon", 1, &[&[2, 2, 9, 1, 6, 0, 0, 1, 7]]),
        ("too-large", 0, &[&[2, 4, 0x50, 0, 1, 2]]),
        ("ping-pong", 0, &[&ping, &[10, 8, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0]]),
        ("rekey", 0, &[&[12, 0], &[0, 1, 1], &[0, 1, 2, 12, 0], &[0, 1, 3]]),
        ("drain", 0, &[&[14, 0, 14, 0], &[0, 0]]),
        ("close", 1, &[&[0, 1, 1, 16, 5, 0, b'd', b'o', b'n', b'e'], &[0, 0]]),
        ("unknown-odd", 0, &[&[0x41, 1, 2, 9, 9, 0, 0]]),
        ("unknown-even", 0, &[&[20, 0]]),
        ("padding", 0, &[&[1, 3, 0, 0, 0, 0, 1, 9], &[1, 0], &[0, 1, 7, 1, 2, 0, 0, 12, 0], &[0, 1, 8]]),
        ("identity", 9, &[&proof, &[0, 1, 7]]),
        ("identity-missing", 9, &[&[0, 1, 7]]),
        ("identity-refused", 9, &[&wrong]),
        ("identity-judged", 10, &[&proof, &[0, 1, 7]]),
        ("identity-twice", 10, &[&proof, &proof]),
        ("identity-late", 0, &[&[0, 1, 7], &proof]),
        ("ticket", 1, &[&ticket, &[0, 1, 7]]),
        ("ticket-twice", 1, &[&ticket, &ticket]),
        ("ticket-short", 1, &[&[5, 1, 9]]),
        ("ticket-to-a-responder", 0, &[&ticket]),
        ("empty-record", 0, &[&[]]),
        ("fault-in-a-charged-frame", 4, &[&[0, 0, 0, 1, 1, 2, 3, 0, 9, 9]]),
        ("nothing", 0, &[]),
    ];
    cases
        .into_iter()
        .map(|(name, variant, records)| {
            let mut input = vec![variant, 5];
            debug_assert_eq!(input.len(), session_frames::HEADER);
            for plain in records {
                input.extend_from_slice(&packet(plain));
            }
            ("session_frames", name.to_owned(), input)
        })
        .chain(notices())
        .collect()
}

/// Notices that are forged, in and out of place, before and behind records.
fn notices() -> Vec<Seed> {
    const NOTICE: [u8; 2] = [0x80, 16];
    const LOSSY: u8 = 8;
    const PROVEN: u8 = 9;
    const JUDGED: u8 = 10;
    let restored = [&NOTICE[..], &[1], &[9; 15]].concat();
    let skip = |nonce: u8| [&NOTICE[..], &[2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], &[nonce]].concat();
    let message = packet(&[0, 1, 7]);
    let begun = packet(&[2, 2, 9, 1]);
    let goes_on = packet(&[4, 8, 1, 2, 3, 4, 5, 6, 7, 8]);
    let proof = packet(&[&[18, 0x40, 96], &[5; 96][..]].concat());
    let cases: [(&str, u8, Vec<u8>); 12] = [
        ("restored", 0, [&message[..], &restored, &message].concat()),
        ("restored-alone", 0, [&restored[..], &restored].concat()),
        ("skip-and-restored", LOSSY, [&message[..], &skip(4), &restored, &message].concat()),
        ("skip-alone", LOSSY, [&skip(4)[..], &message].concat()),
        ("skip-twice", LOSSY, [&skip(4)[..], &skip(5), &restored].concat()),
        ("skip-back", LOSSY, [&message[..], &message, &skip(1)].concat()),
        ("skip-too-far", LOSSY, [&skip(11)[..]].concat()),
        ("skip-in-a-message", LOSSY, [&begun[..], &skip(4), &goes_on].concat()),
        ("skip-not-allowed", 0, [&skip(1)[..]].concat()),
        ("before-the-proof", PROVEN, [&skip(1)[..], &restored, &proof].concat()),
        ("behind-the-proof", PROVEN, [&proof[..], &skip(2), &restored, &message].concat()),
        ("and-a-proof", JUDGED, [&restored[..], &proof].concat()),
    ];
    let input = |variant, bytes: Vec<u8>| [&[variant, 5][..], &bytes].concat();
    cases
        .into_iter()
        .map(|(name, variant, bytes)| ("session_frames", format!("notice-{name}"), input(variant, bytes)))
        .collect()
}
