//! Proof of identities (docs/wire.md, section 10).

use super::pair::*;
use crate::buf::TxBuf;
use crate::identity::{Ed25519Signer, Ed25519Verifier, IdentityKey, SIGNATURE_LEN, SignWith, Signer};
use crate::noise::HandshakeHash;
use crate::session::identity::prove;
use crate::session::{
    Alert, CloseCode, Config, ConfigError, Error, Event, ExportError, FrameFault, IdentityFault,
    MIN_TX_LIMIT, Padding, Peers, RekeyPolicy, SendError,
};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

pub(super) const MISSING: Error = Error::Identity(IdentityFault::Missing);
const REFUSED: Error = Error::Identity(IdentityFault::Refused);
const NOT_SIGNED: Error = Error::Identity(IdentityFault::NotSigned);

fn signer(n: u8) -> Ed25519Signer {
    Ed25519Signer::new(&mut [n; 32])
}

pub(super) fn key(n: u8) -> IdentityKey {
    signer(n).public_key()
}

pub(super) fn signing(config: Config, n: u8) -> Config {
    config.with_identity(Arc::new(signer(n)))
}

/// Judges, and accepts the identity `n`.
pub(super) fn judging(config: Config, n: u8) -> Config {
    config.with_identity_verifier(Arc::new(Ed25519Verifier::only(&[key(n)])))
}

/// Identity 3 for the initiator and 4 for the responder, each required by the other.
pub(super) fn proving(name: &str) -> (Config, Config) {
    let (a, b) = configs(name);
    let (a, b) = (judging(signing(a, 3), 4), judging(signing(b, 4), 3));
    (a.require_identity(), b.require_identity())
}

pub(super) fn identities(pair: &Pair) -> [Option<IdentityKey>; 2] {
    [&pair.a, &pair.b].map(|end| end.session.info().unwrap().identity)
}

/// An initiator that has keys and can be made to send whatever it likes, and a responder that requires a proof.
fn suspicious(judge: impl FnOnce(Config) -> Config) -> Pair {
    let (a, b) = configs(NN);
    let mut pair = Pair::new(a, judge(b));
    pair.pump();
    assert!(pair.a.is_established());
    pair
}

pub(super) fn frame(proof: &[u8]) -> Vec<u8> {
    [&[18, 0x40, 96], proof].concat()
}

/// The proof of identity `n` for the session of `hash`, as the end that `config` is for makes it.
fn proof(config: Config, n: u8, hash: &HandshakeHash) -> Vec<u8> {
    prove(&signing(config, n), hash).unwrap().to_vec()
}

#[test]
fn both_ends_prove_who_they_are_before_the_session_is_established() {
    for name in [NN, XX, IK, "Noise_IX_25519_ChaChaPoly_BLAKE2b"] {
        for chunk in [1, 7, usize::MAX] {
            let (a, b) = proving(name);
            let mut pair = Pair::new(a, b);
            pair.chunk = chunk;
            pair.pump();
            assert_eq!((pair.a.error, pair.b.error), (None, None), "{name}");
            assert!(pair.a.seen == [Event::Established] && pair.b.seen == [Event::Established], "{name}");
            assert_eq!(identities(&pair), [Some(key(4)), Some(key(3))], "{name}");
            pair.a.send(b"there");
            pair.b.send(b"back");
            pair.pump();
            assert_eq!(
                (pair.b.messages(), pair.a.messages()),
                (Vec::from([&b"there"[..]]), Vec::from([&b"back"[..]]))
            );
        }
    }
}

#[test]
fn each_end_proves_and_judges_independently_of_the_other() {
    // Who signs, who judges; whom each knows then.
    let (three, four) = (Some(key(3)), Some(key(4)));
    for (signs, judges, known) in [
        ([true, false], [false, true], [None, three]),
        ([false, true], [true, false], [four, None]),
        ([true, true], [true, true], [four, three]),
        ([true, true], [false, false], [None, None]),
        ([false, false], [true, true], [None, None]),
    ] {
        for required in [false, true] {
            let (mut a, mut b) = configs(XX);
            a = if signs[0] { signing(a, 3) } else { a };
            b = if signs[1] { signing(b, 4) } else { b };
            a = if judges[0] { judging(a, 4) } else { a };
            b = if judges[1] { judging(b, 3) } else { b };
            if required && known[0].is_some() {
                a = a.require_identity();
            }
            if required && known[1].is_some() {
                b = b.require_identity();
            }
            let mut pair = Pair::established_with(a, b);
            pair.a.send(b"x");
            pair.b.send(b"x");
            pair.pump();
            assert_eq!(identities(&pair), known, "{signs:?} {judges:?} {required}");
            assert_eq!((pair.a.messages().len(), pair.b.messages().len()), (1, 1));
        }
    }
}

#[test]
fn an_identity_that_is_required_is_not_only_asked_for() {
    let mut pair = suspicious(|b| judging(b, 3).require_identity());
    pair.a.send(b"without a word of who this is");
    pair.pump();
    assert_eq!(pair.b.error, Some(MISSING));
    assert!(pair.b.seen.is_empty(), "{:?}", pair.b.seen);
    assert_eq!(pair.a.closed(), Some((8, "".into())));
    assert_eq!(pair.b.session.stats().rejects.identities, 1);
    assert_eq!(CloseCode::IDENTITY.get(), 8);
    let required = configs(NN).1.require_identity().build().err();
    assert_eq!(required, Some(ConfigError::VerifierMissing));
}

#[test]
fn a_proof_of_something_else_is_refused_and_the_peer_is_told() {
    let other = Pair::established(XX).a.session.info().unwrap().handshake_hash;
    for required in [false, true] {
        let cases =
            ["right", "other session", "other role", "not accepted", "other key", "changed", "low order"];
        for case in cases {
            let mut pair = suspicious(|b| {
                let b = judging(b, 3);
                if required { b.require_identity() } else { b }
            });
            let hash = pair.a.session.info().unwrap().handshake_hash;
            let (a, b) = configs(NN);
            let mut body = match case {
                "other session" => proof(a, 3, &other),
                "other role" => proof(b, 3, &hash),
                "not accepted" => proof(a, 4, &hash),
                _ => proof(a, 3, &hash),
            };
            match case {
                "other key" => body[..32].copy_from_slice(&key(4).0),
                "changed" => body[95] ^= 1,
                "low order" => body[..32].copy_from_slice(&[0; 32]),
                _ => {}
            }
            pair.a.forge(&frame(&body));
            pair.pump();
            if case == "right" {
                assert_eq!((pair.b.error, pair.b.session.info().unwrap().identity), (None, Some(key(3))));
                continue;
            }
            assert_eq!(pair.b.error, Some(REFUSED), "{case}");
            assert_eq!(pair.b.is_established(), !required, "{case}");
            assert_eq!(pair.a.closed().map(|(code, _)| code), Some(8), "{case}");
            assert_eq!(pair.b.session.stats().rejects.identities, 1);
        }
    }
}

#[test]
fn a_proof_replayed_from_an_earlier_session_or_reflected_is_refused() {
    let (a, b) = proving(NN);
    let (a, b) = (a.build().unwrap(), b.build().unwrap());
    let mut first = Pair::new(proving(NN).0, proving(NN).1);
    first.a = End::new(&a, 5);
    first.pump();
    let hash = first.a.session.info().unwrap().handshake_hash;
    let replayed = prove(&a, &hash).unwrap();
    let mut pair = suspicious(|b| judging(b, 3).require_identity());
    assert_ne!(pair.a.session.info().unwrap().handshake_hash, hash);
    pair.a.forge(&frame(&replayed));
    pair.pump();
    assert_eq!(pair.b.error, Some(REFUSED));
    // A responder that accepts itself is not shown its own proof.
    let mut pair = suspicious(|b| judging(signing(b, 4), 4).require_identity());
    let reflected = prove(&b, &pair.a.session.info().unwrap().handshake_hash).unwrap();
    pair.a.forge(&frame(&reflected));
    pair.pump();
    assert_eq!(pair.b.error, Some(REFUSED));
}

#[test]
fn a_proof_is_the_first_frame_and_there_is_one() {
    let body = frame(&[9; 96]);
    let twice = [&body[..], &body].concat();
    let behind_padding = [&[1, 0], &body[..]].concat();
    let cut = [&[18, 0x40, 95], &[9; 95][..]].concat();
    let not_first = Error::Frame(FrameFault::NotFirst);
    for (records, error) in [
        (Vec::from([&body[..], &[0, 1, b'm']]), None),
        (Vec::from([&body[..], &body]), Some(not_first)),
        (Vec::from([&twice[..]]), Some(not_first)),
        (Vec::from([&behind_padding[..]]), Some(not_first)),
        (Vec::from([&[0, 1, b'm'], &body[..]]), Some(not_first)),
        (Vec::from([&cut[..]]), Some(Error::Frame(FrameFault::BodyLength))),
    ] {
        // Also where nobody judges it.
        let mut pair = suspicious(|b| b);
        for plain in &records {
            pair.a.forge(plain);
        }
        pair.pump();
        assert_eq!(pair.b.error, error, "{records:?}");
        let mut pair = suspicious(|b| {
            b.with_identity_verifier(Arc::new(|_: &IdentityKey, _: &[u8], _: &[u8; 64]| true))
                .require_identity()
        });
        for plain in &records {
            pair.a.forge(plain);
        }
        pair.pump();
        let missing = records[0][0] != 18;
        assert_eq!(pair.b.error, if missing { Some(MISSING) } else { error }, "{records:?}");
    }
}

#[test]
fn nothing_is_sent_exported_or_closed_before_the_peers_proof() {
    let (a, b) = proving(NN);
    let mut pair = Pair::new(a, b);
    pair.flights(2);
    assert!(pair.a.is_established());
    let b = &mut pair.b;
    assert_eq!(b.session.info(), None);
    assert_eq!(b.session.send(pair.now, b"x", &mut b.tx), Err(SendError::NotEstablished));
    let closed = b.session.close(pair.now, CloseCode::NORMAL, "", &mut b.tx);
    assert_eq!(closed, Err(SendError::NotEstablished));
    assert_eq!(b.session.export("x", b"", &mut [0; 8]), Err(ExportError::NotEstablished));
    assert!(b.seen.is_empty());
    pair.pump();
    assert!(pair.b.is_established() && pair.b.session.export("x", b"", &mut [0; 8]).is_ok());
}

#[test]
fn the_handshake_timeout_covers_the_wait_for_the_proof_even_if_its_record_trickles_in() {
    for trickles in [false, true] {
        let mut pair = suspicious(|b| judging(b, 3).require_identity());
        pair.pass(Duration::from_secs(9));
        assert_eq!(pair.b.error, None);
        let hash = pair.a.session.info().unwrap().handshake_hash;
        pair.a.forge(&frame(&proof(configs(NN).0, 3, &hash)));
        let wire = pair.a.tx.sealed().to_vec();
        pair.a.tx.consume(wire.len());
        for byte in &wire[..40] {
            pair.now += Duration::from_millis(50);
            if trickles {
                // A driver that always finds a byte to read does not look at the deadline.
                pair.b.rx.push(*byte);
                pair.b.read(pair.now);
            }
        }
        if !trickles {
            pair.pass(Duration::ZERO);
        }
        assert_eq!(pair.b.error, Some(Error::HandshakeTimeout), "{trickles}");
        pair.pump();
        assert_eq!(pair.a.closed().map(|(code, _)| code), Some(8));
    }
    let (a, b) = proving(NN);
    let mut pair = Pair::established_with(a, b);
    pair.pass(Duration::from_secs(100));
    assert_eq!((pair.a.error, pair.b.error), (None, None), "the wait is over");
}

#[test]
fn a_proof_leaves_with_the_last_handshake_message() {
    let (a, b) = proving(XX);
    let mut pair = Pair::new(a, b);
    pair.flights(2);
    assert!(!pair.b.is_established() && !pair.a.is_established());
    pair.flights(1);
    assert!(pair.b.is_established() && !pair.a.is_established());
    pair.now += Duration::from_millis(1);
    pair.pump();
    assert!(pair.a.is_established());
}

#[test]
fn an_alert_where_the_proof_is_due_refuses_the_session() {
    let (a, b) = proving(XX);
    let mut pair = Pair::new(a, b.with_peers(Peers::Only(Vec::new())));
    pair.pump();
    assert_eq!(pair.b.error, Some(Error::PeerNotAllowed));
    assert_eq!(pair.a.error, Some(Error::Refused(Alert::PeerNotAllowed)));
    assert!(pair.a.seen.is_empty());
}

#[test]
fn a_signer_that_gives_no_signature_fails_both_ends() {
    for required in [false, true] {
        let (a, b) = configs(XX);
        let failing = SignWith::new(key(3), |_: &[u8]| None);
        let b = judging(b, 3);
        let b = if required { b.require_identity() } else { b };
        let mut pair = Pair::new(a.with_identity(Arc::new(failing)), b);
        pair.pump();
        let refused = pair.a.session.send(pair.now, b"x", &mut pair.a.tx);
        assert_eq!((pair.a.error, refused), (Some(NOT_SIGNED), Err(SendError::Failed(NOT_SIGNED))));
        assert_eq!(pair.a.session.stats().rejects.identities, 0, "the peer did nothing");
        if required {
            assert_eq!(pair.b.error, Some(MISSING));
        } else {
            assert_eq!(pair.b.closed(), Some((8, "".into())));
        }
        assert!(pair.a.session.is_finished() && pair.b.session.is_finished());
    }
}

#[test]
fn a_function_signs_what_the_document_says() {
    let signs = |message: &[u8]| -> Option<[u8; SIGNATURE_LEN]> {
        assert_eq!((&message[..20], message[20], message.len()), (&b"sealock identity v1\0"[..], 1, 53));
        signer(4).sign(message)
    };
    let (a, b) = configs(NN);
    let a = judging(a, 4).require_identity();
    let mut pair = Pair::established_with(a, b.with_identity(Arc::new(SignWith::new(key(4), signs))));
    assert_eq!(identities(&pair), [Some(key(4)), None]);
    let hash = pair.a.session.info().unwrap().handshake_hash;
    let message = [b"sealock identity v1\0\x01", hash.as_bytes()].concat();
    let expected = [&key(4).0[..], &signer(4).sign(&message).unwrap()].concat();
    assert_eq!(proof(configs(NN).1, 4, &hash), expected);
    pair.b.send(b"it works");
    pair.pump();
    assert_eq!(pair.a.messages(), [b"it works"]);
}

#[test]
fn a_proof_stands_before_what_is_sent_first_and_waits_for_room() {
    let (a, b) = configs(XX);
    let (a, b) = (judging(a, 4), signing(b, 4));
    let mut pair = Pair::new(a, b);
    pair.flights(3);
    assert!(pair.b.is_established());
    // A message of the responder before anything else asked for bytes.
    let mut full = TxBuf::new(MIN_TX_LIMIT);
    full.push(&[0; MIN_TX_LIMIT - 100]).unwrap();
    full.seal();
    assert_eq!(pair.b.session.send(pair.now, b"x", &mut full), Err(SendError::Full));
    let mut tiny = TxBuf::new(MIN_TX_LIMIT - 1);
    assert_eq!(pair.b.session.send(pair.now, b"x", &mut tiny), Err(SendError::BufferTooSmall));
    pair.b.send(b"first message");
    pair.pump();
    assert_eq!((pair.a.error, pair.a.messages()), (None, Vec::from([&b"first message"[..]])));
    assert_eq!(pair.a.session.info().unwrap().identity, Some(key(4)));
}

#[test]
fn a_proof_goes_with_new_keys_padding_and_an_early_end() {
    for padding in [Padding::None, Padding::Constant(512), Padding::Constant(16_384)] {
        let (a, b) = proving(NN);
        let policy = RekeyPolicy::default().with_records(1);
        let finish = |config: Config| config.with_rekey(policy).with_padding(padding);
        let mut pair = Pair::established_with(finish(a), finish(b));
        assert_eq!(pair.a.session.stats().sent.rekeys, 1, "behind the proof");
        pair.a.session.close(pair.now, CloseCode::NORMAL, "bye", &mut pair.a.tx).unwrap();
        pair.pump();
        assert_eq!((pair.a.error, pair.b.error, pair.b.closed()), (None, None, Some((0, "bye".into()))));
        if let Padding::Constant(size) = padding {
            let record = 2 + usize::from(size);
            // Two records of the same length behind the handshake packet, which has at most 8,192 bytes.
            let packet = 2 + usize::from(size).min(8192);
            assert_eq!((pair.b.wire.len() - packet) % record, 0);
        }
    }
}

#[cfg(feature = "std")]
#[test]
fn halves_prove_and_judge_as_a_session_does() {
    use crate::machine::{RecvHalf, SendHalf};
    let (a, b) = proving(NN);
    let pair = Pair::new(a, b);
    let now = pair.now;
    let mut ends = [pair.a, pair.b].map(|end| (end.session.split(), Vec::new(), false));
    for flight in 0..4 {
        let ((send, recv), inbox, established) = &mut ends[flight % 2];
        let received = recv.recv(now, inbox).unwrap();
        *established |= received.event == Some(Event::Established);
        inbox.drain(..received.consumed);
        let mut tx = TxBuf::new(MIN_TX_LIMIT);
        send.poll_transmit(now, &mut tx);
        ends[(flight + 1) % 2].1.extend_from_slice(tx.sealed());
    }
    for (((_, recv), _, established), n) in ends.iter().zip([4, 3]) {
        assert!(*established);
        assert_eq!(recv.info().unwrap().identity, Some(key(n)));
    }
}
