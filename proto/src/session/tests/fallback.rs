//! Noise Pipes: IK, and XXfallback where the responder has another key than the initiator knows (docs/wire.md, section
//! 1.3).

use super::pair::*;
use super::snapshot::{built, hand_over};
use crate::guard::{Answer, GateKey, Question};
use crate::noise::{HandshakeError, PublicKey};
use crate::session::{Alert, Config, ConfigError, Error, Event, Peers};
use alloc::vec;
use alloc::vec::Vec;

const FALLBACK: &str = "Noise_XXfallback_25519_ChaChaPoly_BLAKE2s";

/// Configurations of both ends; the initiator knows the responder by `known`, and it has key 2.
fn pipes(known: PublicKey) -> (Config, Config) {
    let (a, b) = configs(IK);
    (a.with_remote_static(known).with_fallback(), b.with_fallback())
}

fn used(pair: &Pair) -> [Option<crate::noise::Protocol>; 2] {
    [&pair.a, &pair.b].map(|end| end.session.info().map(|info| info.protocol))
}

#[test]
fn a_stale_key_leads_to_the_fallback_on_the_same_connection_and_the_initiator_learns_the_new_one() {
    for (known, name) in [(public(2), IK), (public(9), FALLBACK)] {
        for chunk in [1, 7, usize::MAX] {
            let (a, b) = pipes(known);
            let mut pair = Pair::new(a, b);
            pair.chunk = chunk;
            pair.pump();
            assert_eq!(used(&pair), [Some(protocol(name)); 2], "{:?} {:?}", pair.a.error, pair.b.error);
            let infos = [&pair.a, &pair.b].map(|end| end.session.info().unwrap());
            assert_eq!(infos[0].handshake_hash, infos[1].handshake_hash);
            assert_eq!(infos.map(|info| info.peer), [Some(public(2)), Some(public(1))]);
            pair.a.send(b"there");
            pair.b.send(b"back");
            pair.pump();
            assert_eq!((pair.b.messages(), pair.a.messages()), (vec![&b"there"[..]], vec![&b"back"[..]]));
        }
    }
}

#[test]
fn without_both_ends_willing_a_stale_key_ends_the_opening() {
    let stale = public(9);
    let plain = configs(IK);
    // Only the initiator: its mac1 is not under its idea of the key, so that the responder may read on.
    let mut pair = Pair::new(pipes(stale).0, plain.1);
    pair.pump();
    assert_eq!(pair.b.error, Some(Error::Handshake(HandshakeError::Decrypt)));
    assert_eq!(pair.a.error, Some(Error::Refused(Alert::HandshakeFailed)));
    // Only the responder.
    let mut pair = Pair::new(plain.0.with_remote_static(stale), pipes(stale).1);
    pair.pump();
    assert_eq!(pair.b.error, Some(Error::BadMac1));
}

#[test]
fn whose_keys_an_initiator_accepts_holds_for_the_new_key() {
    for (accepted, error) in [(2, None), (3, Some(Error::PeerNotAllowed))] {
        let (a, b) = pipes(public(9));
        let mut pair = Pair::new(a.with_peers(Peers::Only(vec![public(9), public(accepted)])), b);
        pair.pump();
        assert_eq!(pair.a.error, error);
        assert_eq!(pair.b.is_established(), error.is_none());
    }
}

#[test]
fn a_first_payload_that_could_not_be_read_is_sent_again_and_delivered_once() {
    for (known, index) in [(public(2), 0), (public(9), 1)] {
        let (a, b) = pipes(known);
        let early = protocol(IK).payload_security(0).unwrap();
        let mut pair = Pair::new(a.with_handshake_payload(b"early", early), b);
        pair.pump();
        let used = pair.b.session.info().unwrap().protocol;
        let security = used.payload_security(index).unwrap();
        let expected = Event::HandshakePayload { payload: b"early".to_vec(), security };
        assert_eq!(pair.b.seen, [expected, Event::Established]);
    }
}

#[test]
fn a_responder_asks_about_the_key_that_it_gets_in_the_fallback_and_not_whether_it_is_new() {
    let (a, b) = pipes(public(9));
    let mut pair = Pair::new(a, b);
    pair.b.session.control.set_asking();
    let mut asked = Vec::new();
    loop {
        pair.pump();
        let Some(question) = pair.b.session.question() else { break };
        asked.push(question);
        pair.b.session.answer(pair.now, Answer::Proceed).unwrap();
        pair.b.read(pair.now);
    }
    assert!(matches!(asked[0], Question::FirstMessage { .. }));
    assert_eq!(asked[1..], [Question::Identity(public(1)), Question::Proven(public(1))]);
    assert!(pair.b.is_established());
}

#[test]
fn a_fallback_forced_from_the_path_fails() {
    // The attacker spoils the first message and makes its mac1 right again: the two ends have seen different flights.
    let (a, b) = pipes(public(2));
    let mut pair = Pair::new(a, b);
    pair.a.session.poll_transmit(pair.now, &mut pair.a.tx);
    let mut flight = pair.a.tx.sealed().to_vec();
    pair.a.tx.consume(flight.len());
    flight.truncate(flight.len() - 16);
    *flight.last_mut().unwrap() ^= 1;
    pair.b.rx = with_mac1(flight, &GateKey::new(None, b""));
    pair.pump();
    assert_eq!(pair.a.error, Some(Error::Handshake(HandshakeError::Decrypt)));
    assert!(!pair.a.is_established() && !pair.b.is_established());
    // And one that the responder did not choose.
    let (a, b) = pipes(public(2));
    let mut pair = Pair::new(a, b);
    pair.a.session.poll_transmit(pair.now, &mut pair.a.tx);
    pair.a.rx = vec![0, 1, 1];
    pair.pump();
    assert!(!pair.a.is_established(), "it waits for a message that does not come or cannot be right");
}

#[test]
fn a_fallback_is_for_ik_alone_with_peers_that_are_accepted() {
    let refused = |config: Config| config.with_fallback().build().unwrap_err();
    let (a, b) = configs(XX);
    assert_eq!(refused(a), ConfigError::NoFallback);
    assert_eq!(refused(b), ConfigError::NoFallback);
    let two = [protocol(IK), protocol("Noise_IK_25519_ChaChaPoly_BLAKE2b")];
    assert!(Config::responder(&two).with_static_key(secret(2)).with_fallback().build().is_ok());
    let unsaid = Config::initiator(protocol(IK)).with_static_key(secret(1)).with_remote_static(public(2));
    assert_eq!(refused(unsaid), ConfigError::NoFallback);
    let psk = || crate::noise::Psk::new(&mut [1; 32]);
    let (a, _) = configs("Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s");
    assert_eq!(refused(a.with_psk(psk())), ConfigError::NoFallback);
}

#[test]
fn a_payload_must_have_a_place_in_the_fallback_too() {
    // The second message of IK protects it better than any of the responder's in XXfallback.
    let of_ik = protocol(IK).payload_security(1).unwrap();
    let (_, b) = configs(IK);
    let refused = b.with_handshake_payload(b"early", of_ik).with_fallback().build().unwrap_err();
    assert_eq!(refused, ConfigError::PayloadSecurity(protocol(FALLBACK)));
    let (a, b) = pipes(public(2));
    let weak = crate::noise::PayloadSecurity::default();
    assert!(a.with_handshake_payload(b"early", weak).build().is_ok());
    assert!(b.with_handshake_payload(b"early", weak).build().is_ok());
}

#[test]
fn a_session_that_fell_back_goes_on_after_a_hand_over() {
    let (a, b) = pipes(public(9));
    let (_, b, mut pair) = built((a.with_snapshots(), b.with_snapshots()));
    assert_eq!(used(&pair), [Some(protocol(FALLBACK)); 2]);
    hand_over(&mut pair.b, &b, 1, pair.now);
    pair.a.send(b"there");
    pair.pump();
    assert_eq!(pair.b.messages(), [b"there"]);
}
