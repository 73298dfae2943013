//! Fallbacks (Noise section 10.2): the responder goes on from the initiator's first message of another handshake.

use super::super::*;
use super::{Setup, ephemeral_key, pair, side, static_key, step, write_next};
use crate::noise::error::HandshakeError as E;
use alloc::format;

fn name(pattern: &str) -> alloc::string::String {
    format!("Noise_{pattern}_25519_ChaChaPoly_BLAKE2s")
}

#[test]
fn a_responder_with_another_static_key_goes_on_from_the_failed_message() {
    // Noise Pipes (section 10.4): IK to an outdated static key, then XXfallback.
    let mut outdated = Setup::new(&name("IK"), Role::Initiator);
    outdated.remote_static = Some(SecretKey::new(&mut [9; 32]).public());
    let mut alice = outdated.start().unwrap();
    let mut bob = side(&name("IK"), Role::Responder);
    assert_eq!(bob.remote_ephemeral(), None);
    let mut message = write_next(&mut alice, &mut bob, b"early");
    assert_eq!(bob.read(&mut message), Err(E::Decrypt));
    let ephemeral = bob.remote_ephemeral();
    assert_eq!((ephemeral, bob.remote_static()), (Some(ephemeral_key(Role::Initiator).public()), None));

    let bob = Setup { remote_ephemeral: ephemeral, ..Setup::new(&name("XXfallback"), Role::Responder) };
    let (mut alice, mut bob) = (side(&name("XXfallback"), Role::Initiator), bob.start().unwrap());
    assert_eq!((alice.is_my_turn(), bob.is_my_turn()), (false, true));
    assert_eq!(bob.next_overhead(), 32 + 48 + 16);
    step(&mut alice, &mut bob, b"again").unwrap();
    assert_eq!(alice.remote_static(), Some(static_key(Role::Responder).public()));
    step(&mut alice, &mut bob, b"and on").unwrap();
    let (alice, bob) = (alice.split().unwrap(), bob.split().unwrap());
    assert_eq!(alice.hash, bob.hash);
    // The directions stay with the roles, whoever wrote first.
    let (mut send, mut recv) = (alice.send.unwrap(), bob.recv.unwrap());
    let mut record = *b"to Bob..0123456789abcdef";
    let (text, tag) = record.split_at_mut(8);
    tag.copy_from_slice(&send.seal(b"", text).unwrap());
    assert_eq!(recv.open(b"", &mut record), Ok(8));
}

#[test]
fn a_message_that_is_too_short_leaves_no_key_to_go_on_from() {
    let mut bob = side(&name("IK"), Role::Responder);
    assert_eq!(bob.read(&mut [7; 95]), Err(E::TooShort));
    assert_eq!(bob.remote_ephemeral(), None);
}

#[test]
fn a_fallback_from_another_ephemeral_key_fails() {
    for pattern in ["XXfallback", "NNfallback", "XXfallback+psk0", "IXfallback"] {
        let mut bob = Setup::new(&name(pattern), Role::Responder);
        bob.remote_ephemeral = Some(SecretKey::new(&mut [9; 32]).public());
        let (mut alice, mut bob) = (side(&name(pattern), Role::Initiator), bob.start().unwrap());
        let mut message = write_next(&mut alice, &mut bob, b"");
        assert_eq!(alice.read(&mut message), Err(E::Decrypt), "{pattern}");
    }
}

#[test]
fn a_given_ephemeral_key_of_low_order_is_refused_when_it_is_used() {
    let mut bob = Setup::new(&name("XXfallback"), Role::Responder);
    bob.remote_ephemeral = Some(PublicKey([0; 32]));
    assert_eq!(bob.start().unwrap().write(&[], &mut [0; 200]), Err(E::WeakKey));
}

#[test]
fn the_protocol_says_whose_turn_it_is() {
    for name in super::every_protocol("ChaChaPoly_BLAKE2s") {
        let protocol = Protocol::parse(&name).unwrap();
        assert_eq!(protocol.is_fallback(), name.contains("fallback"), "{name}");
        let (mut a, mut b) = pair(&name);
        for index in 0..protocol.message_count() {
            let turns = (a.is_my_turn(), b.is_my_turn());
            let initiators = protocol.writer(index) == Role::Initiator;
            assert_eq!(turns, (initiators, !initiators), "{name} message {index}");
            assert_eq!(initiators, (index % 2 == 0) != protocol.is_fallback(), "{name} message {index}");
            step(&mut a, &mut b, b"").unwrap();
        }
        assert!(a.is_finished() && b.is_finished(), "{name}");
    }
}
