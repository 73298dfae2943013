//! Handshakes with a KEM: sizes, bad keys and bad ciphertexts. What the bytes are is shown against a plain reading of the
//! specification, in the crate's `tests` folder.

use super::super::*;
use super::{Setup, pair, step, write_next};
use crate::noise::error::HandshakeError as E;
use alloc::format;

fn name(pattern: &str) -> alloc::string::String {
    format!("Noise_{pattern}_25519+MLKEM768_ChaChaPoly_BLAKE2s")
}

#[test]
fn messages_have_the_sizes_of_their_fields() {
    for (pattern, sizes) in [
        ("NNhfs", &[32 + 1184, 32 + 1104 + 16][..]),
        ("NKhfs", &[32 + 1200 + 16, 32 + 1104 + 16]),
        ("XXhfs", &[32 + 1184, 32 + 1104 + 48 + 16, 48 + 16]),
        ("IKhfs", &[32 + 1200 + 48 + 16, 32 + 1104 + 16]),
        ("XKhfs", &[32 + 1200 + 16, 32 + 1104 + 16, 48 + 16]),
        ("KKhfs", &[32 + 1200 + 16, 32 + 1104 + 16]),
        ("NNhfs+psk0", &[32 + 1200 + 16, 32 + 1104 + 16]),
    ] {
        let (mut a, mut b) = pair(&name(pattern));
        for size in sizes {
            assert_eq!(a.next_overhead(), *size, "{pattern}");
            step(&mut a, &mut b, b"").unwrap();
        }
        assert!(a.is_finished() && b.is_finished(), "{pattern}");
    }
}

#[test]
fn a_kem_key_that_is_no_encoding_is_refused_when_it_is_read() {
    // In the clear in XX: the key lies behind the ephemeral one. Coefficients must be less than 3,329.
    for (at, spoil) in [(32, [0x01, 0x0d]), (32 + 1150, [0xff, 0xff])] {
        let (mut a, mut b) = pair(&name("XXhfs"));
        let mut message = write_next(&mut a, &mut b, b"");
        message[at..at + 2].copy_from_slice(&spoil);
        assert_eq!(b.read(&mut message), Err(E::BadKemKey), "byte {at}");
        assert_eq!(b.read(&mut message), Err(E::Poisoned), "byte {at}");
    }
}

#[test]
fn sides_with_another_kem_secret_do_not_finish() {
    // The last part of a key is a seed that nothing checks: another key is a key too, yet not the one that was meant.
    let (mut a, mut b) = pair(&name("NNhfs"));
    let mut message = write_next(&mut a, &mut b, b"");
    message[32 + 1183] ^= 1;
    b.read(&mut message).unwrap();
    let mut message = write_next(&mut b, &mut a, b"");
    assert_eq!(a.read(&mut message), Err(E::Decrypt));
}

#[test]
fn kem_secrets_come_from_the_seeds_alone() {
    let run = |other: Option<Role>| {
        let start = |role| {
            let byte = if other == Some(role) { 1 } else { 0 };
            let mut setup = Setup::new(&name("XXhfs"), role);
            setup.kem_seed = [byte; 32];
            setup.start().unwrap()
        };
        let (mut a, mut b) = (start(Role::Initiator), start(Role::Responder));
        while !a.is_finished() {
            step(&mut a, &mut b, b"payload").unwrap();
        }
        a.split().unwrap().hash
    };
    let first = run(None);
    assert_eq!(run(None), first);
    assert_ne!(run(Some(Role::Initiator)), first);
    assert_ne!(run(Some(Role::Responder)), first);
}

#[test]
fn a_half_read_message_keeps_its_kem_key() {
    // IK has the KEM key before the static one.
    let (mut a, mut b) = pair(&name("IKhfs"));
    let mut message = write_next(&mut a, &mut b, b"early");
    assert!(matches!(b.read_part(&mut message), Ok(ReadPart::Static(_))));
    assert_eq!((b.agreements(), b.next_overhead()), (1, 1296));
    let ReadPart::Payload(payload) = b.read_part(&mut message).unwrap() else { panic!() };
    assert_eq!(&message[payload], b"early");
    step(&mut a, &mut b, b"late").unwrap();
}
