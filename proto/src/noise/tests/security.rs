//! The computed payload levels against the tables of Noise sections 7.7 and 18.2.

use super::super::*;
use super::every_protocol;
use alloc::format;

/// Source and destination level of each payload listed, in order: handshake payloads, then transport.
///
/// In two places this says more than the specification's table. `NX1`: the table marks the transport
/// payloads with the wrong arrows (its first is the responder's, which alone has a static key). `X1N`: the
/// table leaves out the responder's transport payload, which differs from its last handshake payload.
const TABLE: [(&str, &[(u8, u8)]); 38] = [
    ("N", &[(0, 2)]),
    ("K", &[(1, 2)]),
    ("X", &[(1, 2)]),
    ("NN", &[(0, 0), (0, 1), (0, 1)]),
    ("NK", &[(0, 2), (2, 1), (0, 5)]),
    ("NX", &[(0, 0), (2, 1), (0, 5)]),
    ("XN", &[(0, 0), (0, 1), (2, 1), (0, 5)]),
    ("XK", &[(0, 2), (2, 1), (2, 5), (2, 5)]),
    ("XX", &[(0, 0), (2, 1), (2, 5), (2, 5)]),
    ("KN", &[(0, 0), (0, 3), (2, 1), (0, 5)]),
    ("KK", &[(1, 2), (2, 4), (2, 5), (2, 5)]),
    ("KX", &[(0, 0), (2, 3), (2, 5), (2, 5)]),
    ("IN", &[(0, 0), (0, 3), (2, 1), (0, 5)]),
    ("IK", &[(1, 2), (2, 4), (2, 5), (2, 5)]),
    ("IX", &[(0, 0), (2, 3), (2, 5), (2, 5)]),
    ("NK1", &[(0, 0), (2, 1), (0, 5)]),
    ("NX1", &[(0, 0), (0, 1), (0, 3), (2, 1), (0, 5)]),
    ("X1N", &[(0, 0), (0, 1), (0, 1), (0, 3), (2, 1), (0, 5)]),
    ("X1K", &[(0, 2), (2, 1), (0, 5), (2, 3), (2, 5), (2, 5)]),
    ("XK1", &[(0, 0), (2, 1), (2, 5), (2, 5)]),
    ("X1K1", &[(0, 0), (2, 1), (0, 5), (2, 3), (2, 5), (2, 5)]),
    ("X1X", &[(0, 0), (2, 1), (0, 5), (2, 3), (2, 5), (2, 5)]),
    ("XX1", &[(0, 0), (0, 1), (2, 3), (2, 5), (2, 5)]),
    ("X1X1", &[(0, 0), (0, 1), (0, 3), (2, 3), (2, 5), (2, 5)]),
    ("K1N", &[(0, 0), (0, 1), (2, 1), (0, 5)]),
    ("K1K", &[(0, 2), (2, 1), (2, 5), (2, 5)]),
    ("KK1", &[(0, 0), (2, 3), (2, 5), (2, 5)]),
    ("K1K1", &[(0, 0), (2, 1), (2, 5), (2, 5)]),
    ("K1X", &[(0, 0), (2, 1), (2, 5), (2, 5)]),
    ("KX1", &[(0, 0), (0, 3), (2, 3), (2, 5), (2, 5)]),
    ("K1X1", &[(0, 0), (0, 1), (2, 3), (2, 5), (2, 5)]),
    ("I1N", &[(0, 0), (0, 1), (2, 1), (0, 5)]),
    ("I1K", &[(0, 2), (2, 1), (2, 5), (2, 5)]),
    ("IK1", &[(0, 0), (2, 3), (2, 5), (2, 5)]),
    ("I1K1", &[(0, 0), (2, 1), (2, 5), (2, 5)]),
    ("I1X", &[(0, 0), (2, 1), (2, 5), (2, 5)]),
    ("IX1", &[(0, 0), (0, 3), (2, 3), (2, 5), (2, 5)]),
    ("I1X1", &[(0, 0), (0, 1), (2, 3), (2, 5), (2, 5)]),
];

fn protocol(pattern: &str) -> Protocol {
    Protocol::parse(&format!("Noise_{pattern}_25519_ChaChaPoly_BLAKE2s")).unwrap()
}

fn levels(protocol: Protocol, index: usize) -> Option<(u8, u8)> {
    protocol.payload_security(index).map(|level| (level.source, level.destination))
}

#[test]
fn levels_are_those_of_the_specification() {
    for (pattern, listed) in TABLE {
        for (index, expected) in listed.iter().enumerate() {
            assert_eq!(levels(protocol(pattern), index), Some(*expected), "{pattern} payload {index}");
        }
    }
}

#[test]
fn payloads_after_the_listed_ones_keep_their_senders_last_level() {
    for (pattern, listed) in TABLE.into_iter().filter(|(pattern, _)| pattern.len() > 1) {
        for index in (listed.len()..20).chain([usize::MAX - 1, usize::MAX]) {
            let same_sender = if (listed.len() - 1) % 2 == index % 2 { 1 } else { 2 };
            let last = listed[listed.len() - same_sender];
            assert_eq!(levels(protocol(pattern), index), Some(last), "{pattern} payload {index}");
        }
    }
}

#[test]
fn a_fallbacks_payloads_are_protected_as_the_base_patterns_next_ones() {
    let mut fallbacks = 0;
    for (pattern, _) in TABLE {
        let name = format!("Noise_{pattern}fallback_25519_ChaChaPoly_BLAKE2s");
        let Ok(fallback) = Protocol::parse(&name) else { continue };
        for index in 0..20 {
            assert_eq!(levels(fallback, index), levels(protocol(pattern), index + 1), "{name} {index}");
        }
        fallbacks += 1;
    }
    assert_eq!(fallbacks, 28);
    let expected = [(2, 1), (2, 5), (2, 5), (2, 5)];
    for (index, expected) in expected.into_iter().enumerate() {
        assert_eq!(levels(protocol("XXfallback"), index), Some(expected), "{index}");
    }
}

#[cfg(feature = "pq")]
#[test]
fn a_kem_is_reported_from_the_message_that_mixes_it_and_changes_no_level() {
    for pattern in ["NN", "NK", "XX", "IK", "XK", "KK", "X1X1"] {
        let hfs =
            format!("Noise_{pattern}hfs_25519+MLKEM768_ChaChaPoly_BLAKE2s").parse::<Protocol>().unwrap();
        for index in 0..6 {
            let level = hfs.payload_security(index).unwrap();
            assert_eq!(level.kem, index > 0, "{pattern} {index}");
            assert_eq!(
                Some((level.source, level.destination)),
                levels(protocol(pattern), index),
                "{pattern}"
            );
            assert!(!protocol(pattern).payload_security(index).unwrap().kem);
        }
    }
}

#[test]
fn a_level_is_met_in_every_respect_or_not_at_all() {
    let wanted = PayloadSecurity { kem: true, psk: true, ..PayloadSecurity::new(1, 3) };
    assert!(wanted.meets(wanted) && wanted.meets(PayloadSecurity::new(1, 3)));
    for less in [
        PayloadSecurity { kem: false, ..wanted },
        PayloadSecurity { psk: false, ..wanted },
        PayloadSecurity { source: 0, ..wanted },
        PayloadSecurity { destination: 2, ..wanted },
    ] {
        assert!(!less.meets(wanted), "{less:?}");
    }
}

#[test]
fn one_way_patterns_have_levels_for_their_sender_only() {
    for (pattern, expected) in [("N", (0, 2)), ("K", (1, 2)), ("X", (1, 2))] {
        assert_eq!(levels(protocol(pattern), 2), Some(expected));
        assert_eq!(levels(protocol(pattern), 1), None);
        assert_eq!(levels(protocol(pattern), usize::MAX), None);
    }
}

#[test]
fn psk_is_reported_from_the_message_that_mixes_it_and_changes_no_level() {
    for (pattern, with_psk) in [
        ("NNpsk0", [true, true, true, true]),
        ("NNpsk1", [true, true, true, true]),
        ("NNpsk2", [false, true, true, true]),
        ("XXpsk3", [false, false, true, true]),
        ("XXpsk0+psk3", [true, true, true, true]),
        ("X1X1psk4", [false, false, false, true]),
        ("XXfallback+psk0", [true, true, true, true]),
        ("XXfallback+psk2", [false, true, true, true]),
    ] {
        let plain = protocol(pattern.split_once("psk").unwrap().0.trim_end_matches('+'));
        for (index, psk) in with_psk.into_iter().enumerate() {
            let level = protocol(pattern).payload_security(index).unwrap();
            assert_eq!(level.psk, psk, "{pattern} payload {index}");
            assert_eq!(levels(plain, index), Some((level.source, level.destination)), "{pattern}");
        }
    }
}

#[test]
fn a_handshake_reports_the_level_of_its_next_message() {
    for name in every_protocol("ChaChaPoly_BLAKE2s") {
        let protocol = Protocol::parse(&name).unwrap();
        let (mut a, mut b) = super::pair(&name);
        for index in 0..protocol.message_count() {
            let expected = protocol.payload_security(index).unwrap();
            assert_eq!((a.next_security(), b.next_security()), (expected, expected), "{name} {index}");
            super::step(&mut a, &mut b, b"").unwrap();
        }
        let transport = if protocol.is_one_way() { 0 } else { protocol.message_count() };
        assert_eq!(Some(a.next_security()), protocol.payload_security(transport), "{name}");
    }
}
