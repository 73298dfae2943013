//! Who is let in: mac1, cookies, and what a responder asks its caller (docs/wire.md, sections 1.2 and 1.5).

use super::pair::*;
use crate::entropy::Seed;
use crate::guard::{Answer, CookieJar, FirstSeen, GateKey, Question, Refusal};
use crate::noise::{PayloadSecurity, PublicKey};
use crate::session::{Alert, Config, ConfigError, Error, Event, alert_packet};
use core::net::SocketAddr;
use core::time::Duration;

const UNIX: Duration = Duration::new(1_700_000_000, 42);

/// A pair whose responder asks.
fn asking(a: Config, b: Config) -> Pair {
    let mut pair = Pair::new(a, b);
    pair.b.session.control.set_asking();
    pair
}

/// Lets the pair run and answers whatever is asked with `answer`. Gives the questions.
fn answering(pair: &mut Pair, mut answer: impl FnMut(Question) -> Answer) -> alloc::vec::Vec<Question> {
    let mut asked = alloc::vec::Vec::new();
    loop {
        pair.pump();
        let Some(question) = pair.b.session.question() else { break };
        asked.push(question);
        if let Err(error) = pair.b.session.answer(pair.now, answer(question)) {
            pair.b.error = Some(error);
        }
        pair.b.read(pair.now);
    }
    asked
}

#[test]
fn a_first_flight_under_another_key_or_prologue_is_dropped_without_a_word() {
    let ik = || configs(IK);
    let nn = || configs(NN);
    let cases: [(&str, Config, Config, bool); 9] = [
        ("the responder's key", ik().0, ik().1, true),
        ("another responder's key", ik().0.with_remote_static(public(9)), ik().1, false),
        ("a prologue", nn().0.with_prologue(b"a"), nn().1.with_prologue(b"a"), true),
        ("another prologue", nn().0.with_prologue(b"a"), nn().1.with_prologue(b"b"), false),
        ("a key for the gate", nn().0.with_gate_key(public(7)), nn().1.with_gate_key(public(7)), true),
        ("another key for the gate", nn().0.with_gate_key(public(7)), nn().1.with_gate_key(public(8)), false),
        ("no key for the gate", nn().0, nn().1.with_gate_key(public(7)), false),
        (
            "in place of the responder's",
            ik().0.with_gate_key(public(7)),
            ik().1.with_gate_key(public(7)),
            true,
        ),
        (
            "a key of the past",
            ik().0,
            ik().1.with_static_key(secret(8)).with_previous_static_key(secret(2)),
            true,
        ),
    ];
    for (what, a, b, good) in cases {
        let mut pair = Pair::new(a, b);
        pair.pump();
        assert_eq!((pair.a.is_established(), pair.b.is_established()), (good, good), "{what}");
        if !good {
            assert_eq!(pair.b.error, Some(Error::BadMac1), "{what}");
            assert!(pair.b.session.is_finished() && pair.b.tx.is_empty(), "{what}");
            assert_eq!(pair.a.session.recv_eof(pair.now), Err(Error::Unanswered), "{what}");
        }
    }
}

#[test]
fn every_changed_bit_of_a_first_flight_is_noticed_before_anything_is_computed() {
    let (a, _) = configs(IK);
    let mut clean = Pair::new(a, configs(IK).1);
    clean.a.session.poll_transmit(clean.now, &mut clean.a.tx);
    let flight = clean.a.tx.sealed().to_vec();
    let hello = flight.len() - 16 - 2 - 96;
    for bit in hello * 8..flight.len() * 8 {
        let mut pair = Pair::new(configs(IK).0, configs(IK).1);
        pair.b.rx = flight.clone();
        pair.b.rx[bit / 8] ^= 1 << (bit % 8);
        pair.b.read(pair.now);
        // The length of the packet aside, which may make the flight longer or no packet at all.
        if bit >= (hello + 2) * 8 {
            assert_eq!(pair.b.error, Some(Error::BadMac1), "bit {bit}");
        }
        assert!(pair.b.error != Some(Error::Handshake(crate::noise::HandshakeError::Decrypt)), "bit {bit}");
    }
}

#[test]
fn static_keys_of_the_past_are_few_and_beside_one_in_use() {
    let (a, b) = configs(IK);
    let many = |config: Config, n: u8| (0..n).fold(config, |c, i| c.with_previous_static_key(secret(20 + i)));
    assert!(many(configs(IK).1, 3).build().is_ok());
    assert_eq!(many(b, 4).build().unwrap_err(), ConfigError::TooManyKeys);
    assert_eq!(many(a, 1).build().unwrap_err(), ConfigError::PreviousKeys);
    assert_eq!(many(Config::responder(&[protocol(NN)]), 1).build().unwrap_err(), ConfigError::PreviousKeys);
    // Under a key for the gate nobody can tell which of them a first message was made for.
    let gated = many(configs(IK).1, 1).with_gate_key(public(7));
    assert_eq!(gated.build().unwrap_err(), ConfigError::PreviousKeys);
}

#[test]
fn a_key_that_is_only_claimed_is_not_remembered_as_a_senders() {
    for (pattern, proven) in [("IK", true), ("KK", true), ("I1K", false), ("K1K", false), ("INpsk0", false)] {
        let name = alloc::format!("Noise_{pattern}_25519_ChaChaPoly_BLAKE2s");
        let psk = |config: Config| match pattern {
            "INpsk0" => config.with_psk(crate::noise::Psk::new(&mut [5; 32])),
            _ => config,
        };
        let (a, b) = configs(&name);
        let mut pair = asking(psk(a), psk(b));
        let asked = answering(&mut pair, |_| Answer::Proceed);
        let senders: alloc::vec::Vec<_> = asked
            .iter()
            .filter_map(|question| match question {
                Question::Fresh(first) => Some(first.peer),
                _ => None,
            })
            .collect();
        assert_eq!(senders, [proven.then(|| public(1))], "{pattern}: {:?}", pair.b.error);
    }
}

#[test]
fn an_initiator_proves_its_address_with_the_cookie_it_was_given() {
    let source: SocketAddr = "192.0.2.1:7".parse().unwrap();
    let other: SocketAddr = "192.0.2.1:8".parse().unwrap();
    for (pattern, chunk) in [(IK, usize::MAX), (XX, usize::MAX), (IK, 1), (NN, 3)] {
        let (a, b) = configs(pattern);
        let mut pair = asking(a, b);
        pair.chunk = chunk;
        let jar = CookieJar::new(&Seed::new(&mut [5; 32]));
        let now = pair.now;
        let asked = answering(&mut pair, |question| match question {
            Question::FirstMessage { mac1, mac2 } if jar.verify(now, source, &mac1, &mac2) => {
                assert!(!jar.verify(now, other, &mac1, &mac2), "bound to the port");
                Answer::Proceed
            }
            Question::FirstMessage { mac2, .. } => {
                assert_eq!(mac2, [0; 16]);
                Answer::Cookie(jar.issue(now, source))
            }
            _ => Answer::Proceed,
        });
        assert!(matches!(asked[..2], [Question::FirstMessage { .. }, Question::FirstMessage { .. }]));
        assert!(pair.a.is_established() && pair.b.is_established(), "{pattern}: {:?}", pair.a.error);
        pair.a.send(b"there");
        pair.pump();
        assert_eq!(pair.b.messages(), [b"there"], "{pattern}");
    }
}

#[test]
fn a_cookie_is_demanded_once_and_is_shorter_than_what_it_answers() {
    let mut pair = asking(configs(NN).0, configs(NN).1);
    let jar = CookieJar::new(&Seed::new(&mut [5; 32]));
    let cookie = jar.issue(pair.now, "192.0.2.1:7".parse().unwrap());
    pair.a.session.poll_transmit(pair.now, &mut pair.a.tx);
    let flight = pair.a.tx.sealed().len();
    pair.pump();
    pair.b.session.answer(pair.now, Answer::Cookie(cookie)).unwrap();
    pair.b.session.poll_transmit(pair.now, &mut pair.b.tx);
    assert!(pair.b.tx.sealed().len() <= flight, "{} for {flight}", pair.b.tx.sealed().len());
    pair.pump();
    assert!(
        matches!(pair.b.session.question(), Some(Question::FirstMessage { mac2, .. }) if mac2 != [0; 16])
    );
    assert_eq!(pair.b.session.answer(pair.now, Answer::Cookie(cookie)), Err(Error::Declined(Alert::Busy)));
    pair.pump();
    assert_eq!(pair.a.error, Some(Error::Refused(Alert::Busy)));
}

#[test]
fn a_retry_that_is_forged_comes_twice_or_late_is_malformed() {
    let key = GateKey::new(None, b"");
    let mut pair = Pair::new(configs(NN).0, configs(NN).1);
    pair.a.session.poll_transmit(pair.now, &mut pair.a.tx);
    let flight = pair.a.tx.sealed().to_vec();
    let (covered, mac1) = flight.split_at(flight.len() - 16);
    let mac1: [u8; 16] = mac1.try_into().unwrap();
    assert_eq!(mac1, key.digest(&[covered]).mac1());
    let cookie = CookieJar::new(&Seed::new(&mut [5; 32])).issue(pair.now, "192.0.2.1:7".parse().unwrap());
    let retry = |mac1| [&[0, 1, 255][..], &key.seal_cookie(&cookie, mac1, &[1; 24])].concat();
    let good = retry(&mac1);
    for (what, bytes) in [
        ("for another flight", retry(&[0; 16])),
        ("under another key", {
            let sealed = GateKey::new(None, b"x").seal_cookie(&cookie, &mac1, &[1; 24]);
            [&[0, 1, 255][..], &sealed].concat()
        }),
        ("twice", [&good[..], &good].concat()),
    ] {
        let mut pair = Pair::new(configs(NN).0, configs(NN).1);
        pair.a.session.poll_transmit(pair.now, &mut pair.a.tx);
        assert_eq!(pair.a.tx.sealed(), flight);
        pair.a.rx = bytes;
        pair.a.read(pair.now);
        pair.a.read(pair.now);
        assert_eq!(pair.a.error, Some(Error::MalformedOpening), "{what}");
    }
    // Behind a handshake message of the responder, and before the flight.
    let mut late = Pair::new(configs(XX).0, configs(XX).1);
    late.a.rx = good.clone();
    late.a.read(late.now);
    assert_eq!(late.a.error, Some(Error::MalformedOpening));
}

#[test]
fn a_responder_asks_about_the_initiator_in_the_order_in_which_it_costs() {
    let ephemeral_of = |pair: &mut Pair| {
        pair.a.session.poll_transmit(pair.now, &mut pair.a.tx);
        let flight = pair.a.tx.sealed();
        let hello = 6 + flight[5..].first().map_or(0, |count| usize::from(*count)) * 34;
        PublicKey(flight[hello + 2..][..32].try_into().unwrap())
    };
    let ik = configs(IK);
    let mut pair = asking(ik.0, ik.1);
    pair.a.session.control.set_unix_time(UNIX);
    let ephemeral = ephemeral_of(&mut pair);
    let asked = answering(&mut pair, |_| Answer::Proceed);
    let fresh = FirstSeen { peer: Some(public(1)), ephemeral, timestamp: Some(UNIX) };
    assert!(matches!(asked[0], Question::FirstMessage { mac2, .. } if mac2 == [0; 16]));
    let key = public(1);
    assert_eq!(asked[1..], [Question::Identity(key), Question::Fresh(fresh), Question::Proven(key)]);
    assert!(pair.b.is_established());
    // KK: the key is known beforehand. XX: it comes last, and the first message says nothing that could be replayed. IX and
    // others: it is proven by the first record only, so it is asked about as one that is claimed.
    for (name, expected) in [
        ("Noise_KK_25519_ChaChaPoly_BLAKE2s", "first identity fresh proven"),
        (XX, "first identity proven"),
        ("Noise_X1X1_25519_ChaChaPoly_BLAKE2s", "first identity"),
        ("Noise_IN_25519_ChaChaPoly_BLAKE2s", "first identity"),
        ("Noise_IX_25519_ChaChaPoly_BLAKE2s", "first identity"),
        ("Noise_KN_25519_ChaChaPoly_BLAKE2s", "first identity"),
        ("Noise_KX_25519_ChaChaPoly_BLAKE2s", "first identity"),
        (NN, "first"),
        ("Noise_NK_25519_ChaChaPoly_BLAKE2s", "first fresh"),
    ] {
        let (a, b) = configs(name);
        let mut pair = asking(a, b);
        let asked = answering(&mut pair, |_| Answer::Proceed);
        let names = asked.iter().map(|question| match question {
            Question::FirstMessage { .. } => "first",
            Question::Identity(_) => "identity",
            Question::Proven(_) => "proven",
            Question::Ticket { .. } => "ticket",
            Question::Fresh(seen) => {
                assert_eq!(seen.timestamp, None, "an initiator without a clock says no time");
                "fresh"
            }
        });
        assert_eq!(names.collect::<alloc::vec::Vec<_>>().join(" "), expected, "{name}");
        assert!(pair.b.is_established(), "{name}");
    }
}

#[test]
fn a_refusal_ends_the_opening_with_its_alert() {
    type Case = (Refusal, fn(&Question) -> bool, Alert);
    let cases: [Case; 5] = [
        (Refusal::Busy, |q| matches!(q, Question::Proven(_)), Alert::Busy),
        (Refusal::Busy, |q| matches!(q, Question::FirstMessage { .. }), Alert::Busy),
        (Refusal::TooManyAttempts, |q| matches!(q, Question::Identity(_)), Alert::TooManyAttempts),
        (Refusal::NotAllowed, |q| matches!(q, Question::Identity(_)), Alert::PeerNotAllowed),
        (Refusal::Replayed, |q| matches!(q, Question::Fresh(_)), Alert::Replayed),
    ];
    for (refusal, refused, alert) in cases {
        let (a, b) = configs(IK);
        let weak = PayloadSecurity::default();
        let mut pair = asking(a.with_handshake_payload(b"early", weak), b);
        answering(&mut pair, |q| if refused(&q) { Answer::Refuse(refusal) } else { Answer::Proceed });
        assert_eq!(pair.b.error, Some(Error::Declined(alert)));
        assert_eq!(pair.a.error, Some(Error::Refused(alert)));
        assert!(pair.b.seen.iter().all(|event| *event == Event::Question), "no payload was delivered");
        assert_eq!(pair.b.session.recv(pair.now, &mut []).unwrap_err(), Error::Declined(alert));
        assert_eq!(pair.b.session.stats().rejects.openings, 1);
        let _ = alert_packet(alert);
    }
}

#[test]
fn nothing_moves_while_a_question_waits_but_the_deadline() {
    let (a, b) = configs(IK);
    let mut pair = asking(a, b.with_handshake_timeout(Duration::from_secs(3)));
    pair.pump();
    let waiting = pair.b.rx.len();
    assert!(pair.b.session.question().is_some() && waiting > 0);
    pair.pass(Duration::from_millis(2999));
    assert_eq!((pair.b.error, pair.b.rx.len()), (None, waiting));
    pair.pass(Duration::from_millis(1));
    assert_eq!(pair.b.error, Some(Error::HandshakeTimeout));
    assert_eq!(pair.b.session.question(), None);
    assert_eq!(pair.b.session.answer(pair.now, Answer::Proceed), Ok(()), "too late, and ignored");
}

#[test]
fn a_timestamp_is_sent_only_where_it_is_encrypted_and_the_payload_comes_unchanged() {
    let weak = PayloadSecurity::default();
    for (name, encrypted) in [(IK, true), (XX, false), ("Noise_NNpsk0_25519_ChaChaPoly_BLAKE2s", true)] {
        let len = |unix: Option<Duration>| {
            let (mut a, mut b) = configs(name);
            if name.contains("psk") {
                let psk = || crate::noise::Psk::new(&mut [4; 32]);
                (a, b) = (a.with_psk(psk()), b.with_psk(psk()));
            }
            let mut pair = Pair::new(a.with_handshake_payload(b"early", weak), b);
            if let Some(unix) = unix {
                pair.a.session.control.set_unix_time(unix);
            }
            pair.a.session.poll_transmit(pair.now, &mut pair.a.tx);
            let len = pair.a.tx.sealed().len();
            pair.pump();
            let early =
                matches!(&pair.b.seen[0], Event::HandshakePayload { payload, .. } if payload == b"early");
            assert!(early && pair.b.is_established(), "{name}");
            len
        };
        assert_eq!(len(Some(UNIX)) - len(None), if encrypted { 10 } else { 0 }, "{name}");
    }
}

#[test]
fn a_question_that_is_put_off_is_asked_again_at_its_time_and_not_before() {
    let (a, b) = configs(IK);
    let mut pair = asking(a, b);
    let wait = Duration::from_millis(700);
    for asked in 1..4 {
        pair.pump();
        assert_eq!(pair.b.seen.len(), asked, "asked once each time");
        pair.b.session.answer(pair.now, Answer::Wait(wait)).unwrap();
        pair.pass(wait - Duration::from_nanos(1));
        assert_eq!(pair.b.seen.len(), asked);
        pair.pass(Duration::from_nanos(1));
    }
    answering(&mut pair, |_| Answer::Proceed);
    assert!(pair.a.is_established() && pair.b.is_established());
    assert_eq!(pair.a.session.poll_timeout(), pair.b.session.poll_timeout(), "nothing of it is left");
}
