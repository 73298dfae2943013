//! An initiator that offers several protocols, and a responder that chooses (docs/wire.md, section 1.3).

use super::pair::*;
use crate::guard::GateKey;
use crate::noise::{HandshakeError, PayloadSecurity, Role};
use crate::session::{Alert, Config, ConfigError, Error, Event, Peers, alert_packet};
use alloc::format;
use alloc::vec::Vec;

const AES: &str = "AESGCM_BLAKE2s";
const CHACHA: &str = "ChaChaPoly_BLAKE2s";
const BLAKE2B: &str = "ChaChaPoly_BLAKE2b";
/// The packet by which a responder takes place 1.
const CHOICE: [u8; 3] = [0, 1, 1];

fn protocols(pattern: &str, suites: &[&str]) -> Vec<crate::noise::Protocol> {
    suites.iter().map(|suite| protocol(&format!("Noise_{pattern}_25519_{suite}"))).collect()
}

/// Configurations of both ends: what is offered, and what is accepted in the order of preference.
fn ends(pattern: &str, offer: &[&str], accepted: &[&str]) -> (Config, Config) {
    let a = Config::initiator_offering(&protocols(pattern, offer)).with_peers(Peers::Any);
    let b = Config::responder(&protocols(pattern, accepted));
    let finish = |config: Config, own, other| {
        config.with_static_key(secret(own)).with_remote_static(public(other)).with_heartbeat(None)
    };
    (finish(a, 1, 2), finish(b, 2, 1))
}

/// A pair whose responder takes place 1.
fn switching(pattern: &str) -> Pair {
    let (a, b) = ends(pattern, &[AES, CHACHA], &[CHACHA, AES]);
    Pair::new(a, b)
}

/// What `end` has to say, taken from it.
fn said(end: &mut End, now: crate::time::Instant) -> Vec<u8> {
    end.session.poll_transmit(now, &mut end.tx);
    let bytes = end.tx.sealed().to_vec();
    end.tx.consume(bytes.len());
    bytes
}

/// Bytes of a mac1.
const MAC: usize = 16;
/// Where the first packet begins behind a hello that offers the two protocols above with a pattern of two letters.
const HELLO: usize = 6 + (1 + 29) + (1 + 33);

#[test]
fn the_responder_takes_what_it_prefers_of_what_is_offered() {
    let cases: [(&[&str], &[&str], Option<&str>); 9] = [
        (&[AES, CHACHA], &[AES, CHACHA], Some(AES)),
        (&[AES, CHACHA], &[CHACHA, AES], Some(CHACHA)),
        (&[CHACHA, AES], &[AES, CHACHA], Some(AES)),
        (&[CHACHA, AES], &[CHACHA, AES], Some(CHACHA)),
        (&[AES, CHACHA], &[CHACHA], Some(CHACHA)),
        (&[AES, CHACHA], &[BLAKE2B, AES], Some(AES)),
        (&[CHACHA], &[AES, CHACHA], Some(CHACHA)),
        (&[CHACHA], &[AES], None),
        (&[AES, CHACHA], &[BLAKE2B], None),
    ];
    for (offer, accepted, chosen) in cases {
        let (a, b) = ends("XX", offer, accepted);
        let mut pair = Pair::new(a, b);
        pair.pump();
        let info = [&pair.a, &pair.b].map(|end| end.session.info());
        let used = info.map(|info| info.map(|info| info.protocol));
        assert_eq!(used, [chosen.map(|suite| protocols("XX", &[suite])[0]); 2], "{offer:?} {accepted:?}");
        assert_eq!(info[0].map(|info| info.handshake_hash), info[1].map(|info| info.handshake_hash));
        let refused = chosen.is_none();
        assert_eq!(pair.b.error, refused.then_some(Error::ProtocolNotAllowed));
        assert_eq!(pair.a.error, refused.then_some(Error::Refused(Alert::ProtocolNotAllowed)));
    }
}

#[test]
fn every_interactive_pattern_can_begin_anew_and_carries_messages() {
    for pattern in ["NN", "NK", "NX", "XN", "XK", "XX", "KN", "KK", "KX", "IN", "IK", "IX", "X1X1", "I1K1"] {
        let mut pair = switching(pattern);
        pair.pump();
        pair.a.send(b"there");
        pair.b.send(b"back");
        pair.pump();
        assert_eq!(pair.b.messages(), [b"there"], "{pattern}: {:?} {:?}", pair.a.error, pair.b.error);
        assert_eq!(pair.a.messages(), [b"back"], "{pattern}");
        let peers = [&pair.a, &pair.b].map(|end| end.session.info().unwrap().peer);
        let shown = [(2, Role::Responder), (1, Role::Initiator)]
            .map(|(key, role)| protocols(pattern, &[AES])[0].needs_local_static(role).then(|| public(key)));
        assert_eq!(peers, shown, "{pattern}");
    }
}

#[test]
fn a_choice_goes_out_with_the_first_flight_and_only_if_it_is_not_the_first() {
    for (accepted, answer) in [(&[CHACHA, AES], &CHOICE[..]), (&[AES, CHACHA], &[0, 48])] {
        let (a, b) = ends("NN", &[AES, CHACHA], accepted);
        let mut pair = Pair::new(a, b);
        pair.b.rx = said(&mut pair.a, pair.now);
        let last = pair.b.rx.pop();
        pair.b.read(pair.now);
        assert_eq!(said(&mut pair.b, pair.now), b"", "before all of it is there");
        pair.b.rx.extend(last);
        pair.b.read(pair.now);
        assert!(said(&mut pair.b, pair.now).starts_with(answer));
        pair.b.read(pair.now);
        assert_eq!(said(&mut pair.b, pair.now), b"", "once");
    }
}

#[test]
fn names_that_the_responder_does_not_know_are_skipped() {
    let known = format!("Noise_NN_25519_{CHACHA}");
    let mut hello = b"SLCK\x01\x04".to_vec();
    for name in ["Noise_NN_25519_AEGIS_BLAKE2s", "\u{fffd}", "Noise_N_25519_AESGCM_BLAKE2s", &known] {
        hello.push(name.len() as u8);
        hello.extend_from_slice(name.as_bytes());
    }
    let mut pair = Pair::new(configs(NN).0, configs(NN).1);
    pair.b.rx = with_mac1([&hello[..], &[0, 16], &[9; 16]].concat(), &GateKey::new(None, b""));
    pair.b.read(pair.now);
    assert_eq!((pair.b.error, said(&mut pair.b, pair.now)), (None, [0, 1, 3].to_vec()));
}

#[test]
fn any_split_of_the_bytes_gives_the_same_session() {
    for pattern in ["NN", "XX", "IK"] {
        let run = |chunk| {
            let weak = PayloadSecurity::default();
            let (a, b) = ends(pattern, &[AES, CHACHA], &[CHACHA, AES]);
            let mut pair = Pair::new(a.with_handshake_payload(b"early", weak), b);
            pair.chunk = chunk;
            pair.pump();
            pair.a.send(b"message");
            pair.pump();
            let hash = pair.a.session.info().unwrap().handshake_hash;
            (hash, pair.a.seen, pair.b.seen)
        };
        let whole = run(usize::MAX);
        assert_eq!(whole.2.len(), 3, "payload, established, message");
        for chunk in 1..60 {
            assert_eq!(run(chunk), whole, "{pattern}, {chunk} bytes at a time");
        }
    }
}

#[test]
fn a_payload_is_sent_with_both_first_messages_and_delivered_once() {
    // IK: the payload is encrypted, so delivering that of the first message would need its protocol.
    for (pattern, index) in [("NN", 0), ("IK", 0), ("XX", 0), ("XX", 2)] {
        for payload in [&b"early"[..], &[7; 4096]] {
            let p = protocols(pattern, &[CHACHA])[0];
            let security = p.payload_security(index).unwrap();
            let (a, b) = ends(pattern, &[AES, CHACHA], &[CHACHA, AES]);
            let mut pair = Pair::new(a.with_handshake_payload(payload, security), b);
            pair.pump();
            let expected = Event::HandshakePayload { payload: payload.to_vec(), security };
            assert_eq!(pair.b.seen, [expected, Event::Established], "{pattern} {index}");
        }
    }
}

#[test]
fn a_handshake_that_begins_anew_has_a_fresh_ephemeral_key() {
    let mut pair = switching("NN");
    let mut first = said(&mut pair.a, pair.now).split_off(HELLO);
    first.truncate(first.len() - MAC);
    pair.a.rx = CHOICE.to_vec();
    pair.a.read(pair.now);
    let second = said(&mut pair.a, pair.now);
    // A packet that is an ephemeral key and nothing else, in NN.
    assert_eq!((first.len(), second.len(), &first[..2]), (34, 34, &second[..2]));
    assert_ne!(first, second);
}

/// Rewrites the hello, given as its names and what follows.
fn rewrite(wire: &[u8], edit: impl FnOnce(&mut Vec<Vec<u8>>)) -> Vec<u8> {
    let (mut names, mut rest) = (Vec::new(), &wire[6..]);
    for _ in 0..wire[5] {
        let (name, behind) = rest[1..].split_at(usize::from(rest[0]));
        names.push(name.to_vec());
        rest = behind;
    }
    edit(&mut names);
    let mut out = wire[..5].to_vec();
    out.push(names.len() as u8);
    for name in names {
        out.push(name.len() as u8);
        out.extend_from_slice(&name);
    }
    out.extend_from_slice(rest);
    out
}

#[test]
fn an_offer_changed_on_the_way_fails_the_handshake() {
    type Edit = fn(&mut Vec<Vec<u8>>);
    let both: [&[&str]; 2] = [&[AES, CHACHA], &[CHACHA, AES]];
    let edits: [(&str, Edit); 6] = [
        ("without its first", |names| drop(names.remove(0))),
        ("without its last", |names| drop(names.pop())),
        ("in another order", |names| names.reverse()),
        ("with one more", |names| names.push(b"Noise_XX_25519_AEGIS_BLAKE2s".to_vec())),
        ("with a name twice", |names| names.push(names[0].clone())),
        ("with another hash", |names| names[1] = b"Noise_XX_25519_ChaChaPoly_BLAKE2b".to_vec()),
    ];
    for (what, edit) in edits {
        for offer in both {
            for accepted in [&[AES, CHACHA, BLAKE2B][..], &[CHACHA, AES, BLAKE2B], &[BLAKE2B, AES, CHACHA]] {
                let (a, b) = ends("XX", offer, accepted);
                let mut pair = Pair::new(a, b);
                let wire = said(&mut pair.a, pair.now);
                let changed = rewrite(&wire[..wire.len() - MAC], edit);
                assert_ne!(changed, wire[..wire.len() - MAC]);
                pair.b.rx = with_mac1(changed, &GateKey::new(None, b""));
                pair.pump();
                assert_no_session(&pair, what);
            }
        }
    }
}

/// Neither end is established, and the initiator knows why: the handshake failed, or what it was told is malformed.
#[track_caller]
fn assert_no_session(pair: &Pair, what: &str) {
    assert!(!pair.a.is_established() && !pair.b.is_established(), "{what}");
    let failed = |error| {
        matches!(
            error,
            Some(Error::Handshake(_) | Error::Refused(Alert::HandshakeFailed) | Error::MalformedOpening)
        )
    };
    assert!(failed(pair.a.error), "{what}: {:?}", pair.a.error);
}

#[test]
fn a_choice_that_is_no_place_of_the_offer_or_not_the_first_packet_is_malformed() {
    let other = |choice| [0, 1, choice].to_vec();
    let twice = [CHOICE, CHOICE].concat();
    for (what, answer) in [
        ("the place that is not answered", other(0)),
        ("behind the offer", other(2)),
        ("the largest place", other(254)),
        ("a choice and again", twice),
        ("no choice", [0, 0].to_vec()),
    ] {
        for chunk in [1, usize::MAX] {
            let mut pair = switching("XX");
            said(&mut pair.a, pair.now);
            for piece in answer.chunks(chunk.min(answer.len())) {
                pair.a.rx.extend_from_slice(piece);
                pair.a.read(pair.now);
                said(&mut pair.a, pair.now);
            }
            assert_eq!(pair.a.error, Some(Error::MalformedOpening), "{what}");
        }
    }
    // Before anything was offered.
    let mut pair = switching("XX");
    pair.a.rx = CHOICE.to_vec();
    pair.a.read(pair.now);
    assert_eq!(pair.a.error, Some(Error::MalformedOpening));
    // To an initiator that offers one protocol.
    let mut pair = Pair::new(configs(XX).0, configs(XX).1);
    said(&mut pair.a, pair.now);
    pair.a.rx = CHOICE.to_vec();
    pair.a.read(pair.now);
    assert_eq!(pair.a.error, Some(Error::MalformedOpening));
    // Behind a handshake message.
    let (a, b) = ends("X1X1", &[AES, CHACHA], &[AES]);
    let mut pair = Pair::new(a, b);
    pair.b.rx = said(&mut pair.a, pair.now);
    pair.b.read(pair.now);
    pair.a.rx = said(&mut pair.b, pair.now);
    pair.a.read(pair.now);
    assert!(!said(&mut pair.a, pair.now).is_empty() && pair.a.error.is_none());
    pair.a.rx = CHOICE.to_vec();
    pair.a.read(pair.now);
    assert_eq!(pair.a.error, Some(Error::MalformedOpening));
}

#[test]
fn a_responder_takes_no_choice() {
    for accepted in [&[AES], &[CHACHA]] {
        let (a, b) = ends("XX", &[AES, CHACHA], accepted);
        let mut pair = Pair::new(a, b);
        let mut wire = said(&mut pair.a, pair.now);
        wire.truncate(HELLO);
        wire.extend_from_slice(&CHOICE[..2]);
        pair.b.rx = wire;
        pair.b.read(pair.now);
        assert_eq!(pair.b.error, Some(Error::MalformedOpening));
    }
}

#[test]
fn a_choice_forged_in_the_name_of_a_responder_that_took_the_first_fails_the_handshake() {
    // Instead of the responder's first message, and in front of it.
    for keep in [false, true] {
        let (a, b) = ends("XX", &[AES, CHACHA], &[AES, CHACHA]);
        let mut pair = Pair::new(a, b);
        pair.b.rx = said(&mut pair.a, pair.now);
        pair.b.read(pair.now);
        let answer = said(&mut pair.b, pair.now);
        pair.a.rx = CHOICE.to_vec();
        if keep {
            pair.a.rx.extend_from_slice(&answer);
        }
        pair.pump();
        assert_no_session(&pair, "a forged choice");
    }
}

#[test]
fn a_choice_taken_away_fails_the_handshake() {
    // The attacker plays the first message again, where the responder waits for that of its choice.
    let mut pair = switching("XX");
    let wire = said(&mut pair.a, pair.now);
    pair.b.rx = [&wire[..], &wire[HELLO..wire.len() - MAC]].concat();
    pair.b.read(pair.now);
    let answer = said(&mut pair.b, pair.now);
    assert_eq!((&answer[..3], pair.b.error), (&CHOICE[..], None));
    pair.a.rx = answer[3..].to_vec();
    pair.pump();
    assert_eq!(pair.a.error, Some(Error::Handshake(HandshakeError::Decrypt)));
    assert_no_session(&pair, "a choice taken away");
}

#[test]
fn what_is_passed_over_is_not_read_but_both_ends_must_have_seen_the_same() {
    type Edit = fn(&mut Vec<u8>);
    let edits: [(&str, Edit); 3] = [
        ("changed", |packet| packet[10] ^= 1),
        ("as short as can be", |packet| *packet = [&[0, 16][..], &[9; 16]].concat()),
        ("as long as can be", |packet| *packet = [&[0x20, 0][..], &[9; 8192]].concat()),
    ];
    for (what, edit) in edits {
        let weak = PayloadSecurity::default();
        let (a, b) = ends("XX", &[AES, CHACHA], &[CHACHA]);
        let mut pair = Pair::new(a.with_handshake_payload(b"early", weak), b);
        let mut wire = said(&mut pair.a, pair.now);
        let mut packet = wire.split_off(HELLO);
        packet.truncate(packet.len() - MAC);
        edit(&mut packet);
        pair.b.rx = with_mac1([wire, packet].concat(), &GateKey::new(None, b""));
        pair.b.read(pair.now);
        assert_eq!((pair.b.error, &pair.b.seen[..], pair.b.rx.len()), (None, &[][..], 0), "{what}");
        pair.pump();
        assert_no_session(&pair, what);
    }
}

#[test]
fn what_is_passed_over_has_the_length_of_a_handshake_message() {
    let cases: [(&[u8], Error); 4] = [
        (&[0x20, 1], Error::MalformedOpening),
        (&[0, 0], Error::MalformedOpening),
        (&CHOICE, Error::MalformedOpening),
        (&alert_packet(Alert::Timeout), Error::Refused(Alert::Timeout)),
    ];
    for (packet, error) in cases {
        let mut pair = switching("XX");
        let hello = said(&mut pair.a, pair.now)[..HELLO].to_vec();
        pair.b.rx = [&hello, packet].concat();
        pair.b.read(pair.now);
        assert_eq!(pair.b.error, Some(error), "{packet:?}");
    }
}

#[test]
fn protocols_offered_together_differ_in_the_cipher_alone() {
    let offer = |names: &[&str]| {
        let protocols: Vec<_> = names.iter().map(|name| protocol(&format!("Noise_{name}"))).collect();
        Config::initiator_offering(&protocols).build().map(drop)
    };
    let mixed = |name: &str| Err(ConfigError::MixedOffer(protocol(&format!("Noise_{name}"))));
    let (aes, chacha) = ("NN_25519_AESGCM_BLAKE2s", "NN_25519_ChaChaPoly_BLAKE2s");
    assert_eq!(offer(&[]), Err(ConfigError::NoProtocol));
    assert_eq!(offer(&[aes, chacha]), Ok(()));
    assert_eq!(offer(&[chacha, aes]), Ok(()));
    assert_eq!(offer(&[aes, aes]), mixed(aes));
    assert_eq!(offer(&[aes, chacha, chacha]), mixed(chacha));
    assert_eq!(offer(&[aes, "NN_25519_ChaChaPoly_BLAKE2b"]), mixed("NN_25519_ChaChaPoly_BLAKE2b"));
    assert_eq!(
        offer(&[aes, "NX_25519_ChaChaPoly_BLAKE2s"]),
        Err(ConfigError::PeersUnset(protocol(&format!("Noise_NX_25519_{CHACHA}"))))
    );
    let nk = Config::initiator_offering(&[protocol(NN), protocol("Noise_NK_25519_AESGCM_BLAKE2s")]);
    assert_eq!(
        nk.with_remote_static(public(2)).build().unwrap_err(),
        ConfigError::MixedOffer(protocol("Noise_NK_25519_AESGCM_BLAKE2s"))
    );
    // A responder may accept any.
    assert!(Config::responder(&[protocol(NN), protocol("Noise_NN_25519_AESGCM_BLAKE2b")]).build().is_ok());
}
