//! The rules of a handshake in progress: keys it starts from, turns, lengths, and what ends it.

use super::super::*;
use super::{Setup, pair, pair_after, side, static_key, step, write_next};
use crate::entropy::Jitter;
use crate::noise::error::{HandshakeError as E, SetupError};
use crate::sim::seeds;
use alloc::format;
use alloc::vec::Vec;

fn name(pattern: &str) -> alloc::string::String {
    format!("Noise_{pattern}_25519_ChaChaPoly_BLAKE2s")
}

/// Everything a failed handshake must still say and refuse.
fn assert_poisoned(mut handshake: Handshake, context: &str) {
    assert!(!handshake.is_my_turn() && !handshake.is_finished(), "{context}");
    assert_eq!(handshake.remote_static(), None, "{context}");
    assert_eq!(handshake.write(&[], &mut [0; 512]), Err(E::Poisoned), "{context}");
    assert_eq!(handshake.read(&mut [0; 512]), Err(E::Poisoned), "{context}");
    assert_eq!(handshake.split().err(), Some(E::Poisoned), "{context}");
}

#[test]
fn keys_missing_or_superfluous_are_refused_at_setup() {
    let psk = || Psk::new(&mut [9; 32]);
    for name in super::every_protocol("ChaChaPoly_BLAKE2s").into_iter().filter(|name| !name.contains("psk")) {
        for role in [Role::Initiator, Role::Responder] {
            let needs = Setup::new(&name, role);
            assert!(needs.start().is_ok(), "{name} {role:?}");

            let (changed, expected) = match needs.local_static {
                Some(_) => (None, SetupError::LocalStaticMissing),
                None => (Some(static_key(role)), SetupError::LocalStaticSuperfluous),
            };
            let setup = Setup { local_static: changed, ..Setup::new(&name, role) };
            assert_eq!(setup.start().err(), Some(expected), "{name} {role:?}");

            let (changed, expected) = match needs.remote_static {
                Some(_) => (None, SetupError::RemoteStaticMissing),
                None => (Some(static_key(role).public()), SetupError::RemoteStaticSuperfluous),
            };
            let setup = Setup { remote_static: changed, ..Setup::new(&name, role) };
            assert_eq!(setup.start().err(), Some(expected), "{name} {role:?}");

            let (changed, expected) = match needs.remote_ephemeral {
                Some(_) => (None, SetupError::RemoteEphemeralMissing),
                None => (Some(static_key(role).public()), SetupError::RemoteEphemeralSuperfluous),
            };
            let setup = Setup { remote_ephemeral: changed, ..Setup::new(&name, role) };
            assert_eq!(setup.start().err(), Some(expected), "{name} {role:?}");

            let kem = !needs.kem;
            let expected = if kem { SetupError::KemSeedSuperfluous } else { SetupError::KemSeedMissing };
            let setup = Setup { kem, ..Setup::new(&name, role) };
            assert_eq!(setup.start().err(), Some(expected), "{name} {role:?}");

            let setup = Setup { psks: alloc::vec![psk()], ..Setup::new(&name, role) };
            let expected = SetupError::PskCount { expected: 0, given: 1 };
            assert_eq!(setup.start().err(), Some(expected), "{name} {role:?}");
        }
    }
    for given in [0, 1, 3, 20] {
        let psks = (0..given).map(|_| psk()).collect();
        let setup = Setup { psks, ..Setup::new(&name("XXpsk0+psk3"), Role::Initiator) };
        assert_eq!(setup.start().err(), Some(SetupError::PskCount { expected: 2, given }));
    }
}

#[test]
fn messages_out_of_turn_change_nothing() {
    let (mut a, mut b) = pair(&name("XX"));
    for _ in 0..3 {
        let (writer, reader) = if a.is_my_turn() { (&mut a, &mut b) } else { (&mut b, &mut a) };
        assert!(!reader.is_my_turn());
        assert_eq!(writer.read(&mut [0; 200]), Err(E::NotMyTurn));
        assert_eq!(reader.write(&[], &mut [0; 200]), Err(E::NotMyTurn));
        step(&mut a, &mut b, b"still fine").unwrap();
    }
    for mut done in [a, b] {
        assert!(done.is_finished() && !done.is_my_turn());
        assert_eq!(done.next_overhead(), 0);
        assert_eq!(done.write(&[], &mut [0; 200]), Err(E::Finished));
        assert_eq!(done.read(&mut [0; 200]), Err(E::Finished));
        assert!(done.split().is_ok());
    }
}

#[test]
fn an_unfinished_handshake_does_not_split() {
    for through in 0..3 {
        let (a, b) = pair_after(&name("XX"), through);
        assert_eq!((a.split().err(), b.split().err()), (Some(E::NotFinished), Some(E::NotFinished)));
    }
}

#[test]
fn every_protocol_runs_with_the_overheads_it_announces() {
    for name in super::every_protocol("ChaChaPoly_BLAKE2b") {
        let (mut a, mut b) = pair(&name);
        while !a.is_finished() {
            assert_eq!(a.next_overhead(), b.next_overhead(), "{name}");
            assert!(a.next_overhead() <= if a.protocol().is_hfs() { 1296 } else { 96 }, "{name}");
            step(&mut a, &mut b, b"payload").unwrap();
        }
        for (side, role) in [(&a, Role::Responder), (&b, Role::Initiator)] {
            let protocol = side.protocol();
            let known = protocol.sends_static(role) || protocol.needs_remote_static(role.peer());
            assert_eq!(side.remote_static(), known.then(|| static_key(role).public()), "{name}");
        }
        assert_eq!(a.split().unwrap().hash, b.split().unwrap().hash, "{name}");
    }
}

#[test]
fn a_message_may_be_65535_bytes_and_no_more() {
    for through in 0..3 {
        let (mut a, mut b) = pair_after(&name("XX"), through);
        let most = MAX_MESSAGE - a.next_overhead();
        let mut out = alloc::vec![0; MAX_MESSAGE + 1];
        let writer = if a.is_my_turn() { &mut a } else { &mut b };
        assert_eq!(writer.write(&alloc::vec![7; most + 1], &mut out), Err(E::TooLong));
        step(&mut a, &mut b, &alloc::vec![7; most]).unwrap();
    }
    let mut reader = side(&name("XX"), Role::Responder);
    assert_eq!(reader.read(&mut alloc::vec![0; MAX_MESSAGE + 1]), Err(E::TooLong));
    assert_poisoned(reader, "too long");
}

#[test]
fn an_output_that_is_too_small_costs_nothing_but_the_call() {
    for through in 0..3 {
        let (mut a, mut b) = pair_after(&name("XX"), through);
        let needed = a.next_overhead() + 3;
        for len in [0, 31, needed - 1] {
            let writer = if a.is_my_turn() { &mut a } else { &mut b };
            assert_eq!(writer.write(b"abc", &mut [0; 200][..len]), Err(E::OutputTooSmall { needed }));
        }
        step(&mut a, &mut b, b"abc").unwrap();
    }
}

#[test]
fn every_truncated_message_is_refused_and_ends_the_handshake() {
    for pattern in ["NN", "XX", "IK", "X", "XXpsk0+psk3", "IX1"] {
        let name = name(pattern);
        for through in 0..Protocol::parse(&name).unwrap().message_count() {
            let (mut a, mut b) = pair_after(&name, through);
            let overhead = a.next_overhead();
            let level = a.next_security();
            let keyless = level.destination == 0 && !level.psk;
            let len = write_next(&mut a, &mut b, b"payload").len();
            for short in 0..len {
                let (mut a, mut b) = pair_after(&name, through);
                let to_b = a.is_my_turn();
                let mut message = write_next(&mut a, &mut b, b"payload");
                let mut reader = if to_b { b } else { a };
                let context = format!("{name} message {through} cut to {short}");
                match reader.read(&mut message[..short]) {
                    Err(E::TooShort) => assert!(short < overhead, "{context}"),
                    Err(E::Decrypt) => assert!(short >= overhead && !keyless, "{context}"),
                    // Nothing protects the length of a payload in the clear; later messages will.
                    other => {
                        assert!(other.is_ok() && keyless && short >= overhead, "{context}: {other:?}");
                        continue;
                    }
                }
                assert_poisoned(reader, &context);
            }
        }
    }
}

/// Runs to the end and gives both handshake hashes, or the error.
fn finish(mut a: Handshake, mut b: Handshake) -> Result<(HandshakeHash, HandshakeHash), E> {
    while !a.is_finished() || !b.is_finished() {
        step(&mut a, &mut b, b"payload")?;
    }
    Ok((a.split()?.hash, b.split()?.hash))
}

#[test]
fn a_flipped_bit_in_any_byte_of_any_message_is_noticed() {
    for pattern in ["NN", "XX", "IK", "KK", "N", "X", "X1X1", "XXpsk0+psk3", "NNpsk0", "INpsk1"] {
        let name = name(pattern);
        for through in 0..Protocol::parse(&name).unwrap().message_count() {
            let (mut a, mut b) = pair_after(&name, through);
            let len = write_next(&mut a, &mut b, b"payload").len();
            for byte in 0..len {
                let (mut a, mut b) = pair_after(&name, through);
                let to_b = a.is_my_turn();
                let mut message = write_next(&mut a, &mut b, b"payload");
                message[byte] ^= 1 << (byte % 8);
                let context = format!("{name} message {through} byte {byte}");
                match if to_b { &mut b } else { &mut a }.read(&mut message) {
                    Err(E::Decrypt) => assert_poisoned(if to_b { b } else { a }, &context),
                    Err(other) => panic!("{context}: {other}"),
                    // A message without a key yet: the next one does not fit any more.
                    Ok(_) => {
                        assert!(
                            through == 0 && ["NN", "XX", "X1X1", "INpsk1"].contains(&pattern),
                            "{context}"
                        );
                        assert_eq!(finish(a, b).err(), Some(E::Decrypt), "{context}");
                    }
                }
            }
        }
    }
}

#[test]
fn sides_that_disagree_do_not_finish() {
    type Change = fn(&mut Setup);
    let wrong_psk: Change = |setup| setup.psks[0] = Psk::new(&mut [1; 32]);
    let other_prologue: Change = |setup| setup.prologue = b"tes".to_vec();
    let other_local: Change = |setup| setup.local_static = Some(SecretKey::new(&mut [1; 32]));
    let other_protocol: Change = |setup| setup.protocol = Protocol::parse(&name("XXpsk0")).unwrap();
    let psks_swapped: Change = |setup| setup.psks.reverse();
    for (pattern, change) in [
        ("NNpsk0", wrong_psk),
        ("NNpsk1", wrong_psk),
        ("NNpsk2", wrong_psk),
        ("XXpsk3", wrong_psk),
        ("Npsk0", wrong_psk),
        ("NN", other_prologue),
        ("XX", other_prologue),
        ("IK", other_prologue),
        ("IK", other_local),
        ("NK1", other_local),
        ("XXpsk1", other_protocol),
        ("XXpsk0+psk3", psks_swapped),
    ] {
        let mut changed = Setup::new(&name(pattern), Role::Responder);
        change(&mut changed);
        let (a, b) = (side(&name(pattern), Role::Initiator), changed.start().unwrap());
        assert_eq!(finish(a, b).err(), Some(E::Decrypt), "{pattern}");
    }
}

#[test]
fn the_prologue_is_its_parts_joined() {
    let start = |role, prologue: &[&[u8]]| {
        Handshake::new(HandshakeParams {
            protocol: Protocol::parse(&name("NN")).unwrap(),
            role,
            prologue,
            local_static: None,
            remote_static: None,
            remote_ephemeral: None,
            psks: &[],
            ephemeral: SecretKey::new(&mut [3; 32]),
            kem_seed: None,
            provider: Provider::default(),
        })
        .unwrap()
    };
    let a = start(Role::Initiator, &[b"one", b"", b" two"]);
    let b = start(Role::Responder, &[b"one two"]);
    let (ours, theirs) = finish(a, b).unwrap();
    assert_eq!(ours, theirs);
}

/// The u-coordinates of low order, canonical or not (RFC 7748 section 6.1 asks to notice their result).
fn low_order_points() -> Vec<PublicKey> {
    let points = [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ];
    let points = points.map(|text| text.parse::<PublicKey>().unwrap());
    // The unused top bit does not make them any better.
    points
        .into_iter()
        .chain(points.map(|mut point| {
            point.0[31] |= 0x80;
            point
        }))
        .collect()
}

#[test]
fn keys_of_low_order_are_refused_wherever_they_come_from() {
    for point in low_order_points() {
        // As the peer's ephemeral key, in its first message: NN and IN answer with ee, IK reads es.
        for (pattern, on_read) in [("NN", false), ("IN", false), ("NK", true), ("IK", true), ("N", true)] {
            let name = name(pattern);
            let (mut a, mut b) = pair(&name);
            let mut message = write_next(&mut a, &mut b, b"");
            message[..32].copy_from_slice(point.as_bytes());
            let read = b.read(&mut message);
            if on_read {
                assert_eq!(read, Err(E::WeakKey), "{name} {point}");
            } else {
                read.unwrap();
                assert_eq!(b.write(&[], &mut [0; 200]), Err(E::WeakKey), "{name} {point}");
            }
            assert_poisoned(b, &name);
        }
        // As the peer's static key sent in the clear: IN answers with se.
        let (mut a, mut b) = pair(&name("IN"));
        let mut message = write_next(&mut a, &mut b, b"");
        message[32..].copy_from_slice(point.as_bytes());
        b.read(&mut message).unwrap();
        assert_eq!(b.write(&[], &mut [0; 200]), Err(E::WeakKey), "IN {point}");
        // As the peer's static key known beforehand: es.
        for pattern in ["N", "NK", "IK", "K"] {
            let mut setup = Setup::new(&name(pattern), Role::Initiator);
            setup.remote_static = Some(point);
            let mut a = setup.start().unwrap();
            assert_eq!(a.write(&[], &mut [0; 200]), Err(E::WeakKey), "{pattern} {point}");
            assert_poisoned(a, pattern);
        }
    }
}

#[test]
fn arbitrary_bytes_give_an_error_or_a_payload_and_nothing_else() {
    let mut failures = 0;
    for seed in seeds("arbitrary_bytes_give_an_error_or_a_payload_and_nothing_else", 0..40) {
        let mut random = Jitter::new(seed);
        for pattern in pattern::PATTERNS.iter() {
            let name = name(pattern.name);
            let (a, b) = pair_after(&name, random.next_u64() as usize % pattern.messages.len());
            let mut reader = if a.is_my_turn() { b } else { a };
            let len = random.next_u64() as usize % 200;
            let mut message: Vec<u8> = (0..len).map(|_| random.next_u64() as u8).collect();
            let keyless = reader.next_security().destination == 0;
            match reader.read(&mut message) {
                Ok(payload) => assert!(keyless && payload.end == len, "seed {seed} {name}"),
                Err(_) => {
                    assert_poisoned(reader, &format!("seed {seed} {name}"));
                    failures += 1;
                }
            }
        }
    }
    assert!(failures > 0);
}

#[test]
fn a_short_message_is_refused_before_any_of_its_keys_is_used() {
    let mut reader = side(&name("IK"), Role::Responder);
    // An ephemeral key of low order and nothing behind it.
    assert_eq!(reader.read(&mut [0; 95]), Err(E::TooShort));
    let mut reader = side(&name("IK"), Role::Responder);
    assert_eq!(reader.read(&mut [0; 96]), Err(E::WeakKey));
}
