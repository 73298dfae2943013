//! Hello, handshake, refusals (docs/wire.md, section 1).

use super::pair::*;
use crate::entropy::Seed;
use crate::guard::GateKey;
use crate::noise::{PayloadSecurity, Provider, Psk};
use crate::session::{Alert, Config, ConfigError, Error, Event, Peers, Session, alert_packet};
use crate::time::Instant;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

const INTERACTIVE: [&str; 16] =
    ["NN", "NK", "NX", "XN", "XK", "XX", "KN", "KK", "KX", "IN", "IK", "IX", "XX1", "I1K1", "K1X1", "X1K"];

#[test]
fn every_interactive_pattern_opens_a_session_with_its_keys() {
    for pattern in INTERACTIVE {
        let name = alloc::format!("Noise_{pattern}_25519_ChaChaPoly_BLAKE2s");
        let pair = Pair::established(&name);
        let (a, b) = (pair.a.session.info().unwrap(), pair.b.session.info().unwrap());
        assert_eq!(a.handshake_hash, b.handshake_hash, "{name}");
        assert_eq!(a.protocol, protocol(&name));
        assert_eq!(a.peer, (!pattern.ends_with('N')).then(|| public(2)), "{name}");
        assert_eq!(b.peer, (!pattern.starts_with('N')).then(|| public(1)), "{name}");
    }
}

#[cfg(feature = "pq")]
#[test]
fn a_session_opens_with_a_kem_in_its_handshake() {
    for pattern in ["NNhfs", "XXhfs", "IKhfs", "KKhfs"] {
        let name = alloc::format!("Noise_{pattern}_25519+MLKEM768_ChaChaPoly_BLAKE2s");
        let weak = PayloadSecurity::default();
        let (a, b) = configs(&name);
        let (a, b) = (a.with_handshake_payload(&[7; 4096], weak), b.with_handshake_payload(&[8; 4096], weak));
        let mut pair = Pair::new(a, b);
        for end in [&mut pair.a, &mut pair.b] {
            end.tx = crate::buf::TxBuf::new(end.session.config().min_tx_limit());
        }
        pair.pump();
        assert!(pair.a.is_established() && pair.b.is_established(), "{name} in the smallest buffer");
        assert_eq!(pair.a.session.info().unwrap().protocol, protocol(&name));
        pair.a.send(b"there");
        pair.b.send(b"and back");
        pair.pump();
        assert_eq!(
            (pair.b.messages(), pair.a.messages()),
            (vec![&b"there"[..]], vec![&b"and back"[..]]),
            "{name}"
        );
    }
}

#[test]
fn each_end_chooses_its_provider_and_they_understand_each_other() {
    let pairs = Provider::ALL.iter().flat_map(|a| Provider::ALL.iter().map(|b| (*a, *b)));
    for (provider_a, provider_b) in pairs {
        let (a, b) = configs(XX);
        let (a, b) = (a.with_provider(provider_a), b.with_provider(provider_b));
        assert_eq!((a.provider(), b.provider()), (provider_a, provider_b));
        let mut pair = Pair::new(a, b);
        pair.pump();
        assert_eq!(pair.a.session.info().unwrap().provider, provider_a);
        assert_eq!(pair.b.session.info().unwrap().provider, provider_b);
        pair.a.send(b"there");
        pair.b.send(b"and back");
        pair.pump();
        assert_eq!((pair.b.messages(), pair.a.messages()), (vec![&b"there"[..]], vec![&b"and back"[..]]));
    }
}

#[test]
fn the_hello_is_part_of_what_both_ends_authenticate() {
    // An attacker who turns the offered BLAKE2s into BLAKE2b, which the responder would accept too.
    let other = "Noise_NN_25519_ChaChaPoly_BLAKE2b";
    let (a, _) = configs(NN);
    let b = Config::responder(&[protocol(NN), protocol(other)]);
    let mut pair = Pair::new(a, b);
    pair.a.session.poll_transmit(pair.now, &mut pair.a.tx);
    let mut wire = pair.a.tx.sealed().to_vec();
    pair.a.tx.consume(wire.len());
    wire.truncate(wire.len() - 16);
    let at = wire.windows(7).position(|w| w == b"BLAKE2s").unwrap() + 6;
    wire[at] = b'b';
    pair.b.rx = with_mac1(wire, &GateKey::new(None, b""));
    pair.pump();
    assert!(matches!(pair.a.error, Some(Error::Handshake(_))), "{:?}", pair.a.error);
    assert!(!pair.a.is_established());
}

#[test]
fn refusals_are_typed_at_both_ends() {
    let psk = |n| Psk::new(&mut [n; 32]);
    let psk_name = "Noise_NNpsk0_25519_ChaChaPoly_BLAKE2s";
    let nn = || configs(NN);
    let xx = || configs(XX);
    type Case = (&'static str, Config, Config, Option<Error>, Error);
    let cases: Vec<Case> = vec![
        (
            "a protocol that is not in the list",
            nn().0,
            xx().1,
            Some(Error::ProtocolNotAllowed),
            Error::Refused(Alert::ProtocolNotAllowed),
        ),
        (
            "an initiator that is not in the list",
            xx().0,
            xx().1.with_peers(Peers::Only(vec![public(9)])),
            Some(Error::PeerNotAllowed),
            Error::Refused(Alert::PeerNotAllowed),
        ),
        (
            "another pre-shared key",
            Config::initiator(protocol(psk_name)).with_psk(psk(1)),
            Config::responder(&[protocol(psk_name)]).with_psk(psk(2)),
            None,
            Error::Refused(Alert::HandshakeFailed),
        ),
        (
            "another prologue",
            nn().0.with_prologue(b"app 1"),
            nn().1.with_prologue(b"app 2"),
            Some(Error::BadMac1),
            Error::Unanswered,
        ),
        (
            "a responder that is not in the list",
            xx().0.with_peers(Peers::Only(vec![public(9)])),
            xx().1,
            Some(Error::Refused(Alert::PeerNotAllowed)),
            Error::PeerNotAllowed,
        ),
    ];
    for (what, a, b, at_responder, at_initiator) in cases {
        let mut pair = Pair::new(a, b);
        pair.pump();
        if pair.b.session.is_finished() && pair.a.error.is_none() {
            pair.a.error = pair.a.session.recv_eof(pair.now).err();
        }
        assert_eq!(pair.a.error, Some(at_initiator), "{what}, initiator");
        if let Some(expected) = at_responder {
            assert_eq!(pair.b.error, Some(expected), "{what}, responder");
        } else {
            assert!(matches!(pair.b.error, Some(Error::Handshake(_))), "{what}: {:?}", pair.b.error);
        }
        assert!(pair.a.session.is_finished() && pair.b.session.is_finished(), "{what}");
        assert_eq!(
            pair.b.session.stats().rejects.openings + pair.a.session.stats().rejects.openings,
            1,
            "{what}"
        );
    }
}

#[test]
fn garbage_is_refused_at_its_first_wrong_byte() {
    let hello = b"SLCK\x01\x01\x21Noise_NN_25519_ChaChaPoly_BLAKE2s";
    let cases: [(&[u8], Option<Error>, &[u8]); 12] = [
        (b"G", Some(Error::NotSealock), b""),
        (b"SLCX", Some(Error::NotSealock), b""),
        (b"SLCK\x02", Some(Error::UnsupportedVersion(2)), &alert_packet(Alert::UnsupportedVersion)),
        (b"SLCK\x01\x00", Some(Error::MalformedOpening), &alert_packet(Alert::Malformed)),
        (b"SLCK\x01\x06", Some(Error::MalformedOpening), &alert_packet(Alert::Malformed)),
        (b"SLCK\x01\x01\x00", Some(Error::MalformedOpening), &alert_packet(Alert::Malformed)),
        (b"SLCK\x01\x01\x61", Some(Error::MalformedOpening), &alert_packet(Alert::Malformed)),
        (b"SLCK\x01\x02\x01x\x00", Some(Error::MalformedOpening), &alert_packet(Alert::Malformed)),
        (
            b"SLCK\x01\x01\x02\xff\xff",
            Some(Error::ProtocolNotAllowed),
            &alert_packet(Alert::ProtocolNotAllowed),
        ),
        (b"SLCK\x01\x02\x01x", None, b""),
        (b"SLCK", None, b""),
        (hello, None, b""),
    ];
    for (bytes, error, answer) in cases {
        let mut pair = Pair::new(configs(NN).0, configs(NN).1);
        pair.b.rx = bytes.to_vec();
        pair.b.read(Instant::ZERO);
        pair.b.session.poll_transmit(Instant::ZERO, &mut pair.b.tx);
        assert_eq!((pair.b.error, pair.b.tx.sealed()), (error, answer), "{bytes:?}");
    }
}

#[test]
fn packets_are_checked_before_they_are_waited_for() {
    let hello = b"SLCK\x01\x01\x21Noise_NN_25519_ChaChaPoly_BLAKE2s";
    let cases: [(&[u8], Error); 5] = [
        (&[0, 0], Error::MalformedOpening),
        (&[0, 1], Error::MalformedOpening),
        (&[0xff, 0xff], Error::MalformedOpening),
        (&[0, 2, 0x12, 0x34], Error::Refused(Alert::Other(0x1234))),
        (&[0, 15, 0, 6], Error::Refused(Alert::Busy)),
    ];
    for (packet, error) in cases {
        let mut pair = Pair::new(configs(NN).0, configs(NN).1);
        pair.b.rx = [&hello[..], packet].concat();
        pair.b.read(Instant::ZERO);
        assert_eq!(pair.b.error, Some(error), "{packet:?}");
    }
}

#[test]
fn an_opening_that_takes_too_long_is_given_up_with_an_alert() {
    let (a, b) = configs(NN);
    let mut pair = Pair::new(a, b.with_handshake_timeout(Duration::from_secs(3)));
    pair.link = [false; 2];
    pair.pass(Duration::from_millis(2999));
    assert_eq!((pair.a.error, pair.b.error), (None, None));
    pair.pass(Duration::from_millis(1));
    assert_eq!((pair.a.error, pair.b.error), (None, Some(Error::HandshakeTimeout)));
    pair.b.session.poll_transmit(pair.now, &mut pair.b.tx);
    assert_eq!(pair.b.tx.sealed(), alert_packet(Alert::Timeout));
    assert!(pair.b.session.is_finished());
}

#[test]
fn handshake_payloads_carry_the_security_asked_for() {
    // XX: nothing is encrypted in message 0, the initiator's message 2 is authenticated and forward secret.
    let weak = PayloadSecurity::default();
    let strong = protocol(XX).payload_security(2).unwrap();
    for (at_least, message) in [(weak, 0), (strong, 2)] {
        let (a, b) = configs(XX);
        let pair = Pair::established_with(a.with_handshake_payload(b"early", at_least), b);
        let security = protocol(XX).payload_security(message).unwrap();
        let expected = Event::HandshakePayload { payload: b"early".to_vec(), security };
        assert_eq!(pair.b.seen, [expected, Event::Established], "message {message}");
    }
    let (a, _) = configs(XX);
    let too_much = protocol(IK).payload_security(0).unwrap();
    let (nn, _) = configs(NN);
    assert!(a.with_handshake_payload(b"x", too_much).build().is_ok());
    let refused = nn.with_handshake_payload(b"x", too_much).build();
    assert_eq!(refused.unwrap_err(), ConfigError::PayloadSecurity(protocol(NN)));
}

#[test]
fn the_longest_handshake_payload_passes_and_a_longer_one_is_refused_beforehand() {
    let weak = PayloadSecurity::default();
    let (a, b) = configs(XX);
    let pair = Pair::established_with(a.with_handshake_payload(&[7; 4096], weak), b);
    assert!(matches!(&pair.b.seen[0], Event::HandshakePayload { payload, .. } if *payload == [7; 4096]));
    let (a, _) = configs(XX);
    let refused = a.with_handshake_payload(&[7; 4097], weak).build();
    assert_eq!(refused.unwrap_err(), ConfigError::PayloadTooLong);
}

#[test]
fn configurations_are_refused_with_the_field_at_fault() {
    use crate::heartbeat::HeartbeatConfig;
    use crate::session::RekeyPolicy;
    let nn = || Config::initiator(protocol(NN));
    let rekey = RekeyPolicy::default;
    let one_way = protocol("Noise_N_25519_ChaChaPoly_BLAKE2s");
    let fallback = protocol("Noise_XXfallback_25519_ChaChaPoly_BLAKE2s");
    let psk0 = protocol("Noise_NNpsk0_25519_ChaChaPoly_BLAKE2s");
    let cases = [
        (Config::responder(&[]), ConfigError::NoProtocol),
        (Config::initiator(one_way), ConfigError::OneWay(one_way)),
        (Config::responder(&[fallback]), ConfigError::Fallback(fallback)),
        (Config::initiator(protocol(XX)), ConfigError::StaticKeyMissing(protocol(XX))),
        (
            Config::initiator(protocol(IK)).with_static_key(secret(1)),
            ConfigError::RemoteStaticMissing(protocol(IK)),
        ),
        (Config::initiator(psk0), ConfigError::PskCount { protocol: psk0, configured: 0 }),
        (nn().with_peers(Peers::Only(vec![])), ConfigError::PeersUnknowable(protocol(NN))),
        (Config::initiator(protocol(XX)).with_static_key(secret(1)), ConfigError::PeersUnset(protocol(XX))),
        (
            Config::responder(&[protocol("Noise_KK_25519_ChaChaPoly_BLAKE2s")])
                .with_static_key(secret(1))
                .with_remote_static(secret(2).public())
                .with_peers(Peers::Only(vec![secret(3).public()])),
            ConfigError::PeerNotListed(protocol("Noise_KK_25519_ChaChaPoly_BLAKE2s")),
        ),
        (nn().with_max_message(0), ConfigError::MaxMessage),
        (nn().with_max_message((1 << 30) + 1), ConfigError::MaxMessage),
        (nn().with_rekey(rekey().with_records(0)), ConfigError::RekeyRecords),
        (nn().with_rekey(rekey().with_records(1 << 24)), ConfigError::RekeyRecords),
        (nn().with_rekey(rekey().with_bytes(0)), ConfigError::RekeyZero),
        (nn().with_rekey(rekey().with_age(Duration::ZERO)), ConfigError::RekeyZero),
        (nn().with_rekey(rekey().with_peer_records(0)), ConfigError::PeerRecords),
        (nn().with_rekey(rekey().with_peer_records((1 << 24) + 1)), ConfigError::PeerRecords),
        (nn().with_handshake_timeout(Duration::ZERO), ConfigError::ZeroTimeout),
        (nn().with_close_timeout(Duration::ZERO), ConfigError::ZeroTimeout),
        (nn().with_lifetime(Duration::ZERO), ConfigError::ZeroTimeout),
    ];
    for (config, error) in cases {
        assert_eq!(config.build().unwrap_err(), error);
    }
    let zero = HeartbeatConfig::default().with_interval(Duration::ZERO);
    assert!(matches!(nn().with_heartbeat(Some(zero)).build(), Err(ConfigError::Heartbeat(_))));
}

#[test]
fn the_same_inputs_give_the_same_bytes() {
    let wire = || {
        let mut pair = Pair::established(XX);
        pair.a.send(b"message");
        pair.a.session.poll_transmit(pair.now, &mut pair.a.tx);
        pair.a.tx.sealed().to_vec()
    };
    assert_eq!(wire(), wire());
}

#[test]
fn messages_wait_for_the_handshake() {
    let (a, _) = configs(NN);
    let mut session = Session::new(&a.build().unwrap(), Seed::new(&mut [1; 32]), Instant::ZERO).unwrap();
    let mut tx = crate::buf::TxBuf::new(1 << 16);
    let refused = session.send(Instant::ZERO, b"early", &mut tx);
    assert_eq!(refused, Err(crate::session::SendError::NotEstablished));
    assert!(tx.is_empty());
}

#[test]
fn an_end_that_writes_the_last_handshake_message_is_told_without_further_input() {
    let (a, b) = configs(XX);
    let mut pair = Pair::new(a, b);
    // Hello and message 0, then message 1 read; the event must not wait for the peer's first record.
    pair.a.session.poll_transmit(pair.now, &mut pair.a.tx);
    pair.b.rx = pair.a.tx.sealed().to_vec();
    pair.b.read(pair.now);
    pair.b.session.poll_transmit(pair.now, &mut pair.b.tx);
    pair.a.rx = pair.b.tx.sealed().to_vec();
    pair.a.read(pair.now);
    assert!(!pair.a.is_established());
    pair.a.session.poll_transmit(pair.now, &mut pair.a.tx);
    assert_eq!(pair.a.session.poll_timeout(), Some(pair.now), "a waiting loop wakes at once");
    pair.a.session.handle_timeout(pair.now).unwrap();
    assert!(pair.a.session.poll_timeout().is_none_or(|at| at > pair.now));
    pair.a.read(pair.now);
    assert!(pair.a.is_established());
}
