//! The validity rules (Noise sections 7.3 and 9.3): the table keeps them, altered patterns break the right one.

use super::super::modifiers::{ModifiedPattern, PskPlaces};
use super::super::pattern::Token::{self, E, E1, Ee, Ekem1, Es, Psk, S, Se, Ss};
use super::super::pattern::{PATTERNS, Pattern};
use super::super::validity::check;
use super::begins_with_a_pre_message;
use crate::noise::error::PatternError;
use alloc::vec::Vec;

/// The initiator's and the responder's.
type PreMessages = [&'static [Token]; 2];
type Messages = &'static [&'static [Token]];

/// A pattern like `NN`'s entry of the table with other tokens.
fn pattern(pre: PreMessages, messages: Messages) -> Pattern {
    let [initiator_pre_message, responder_pre_message] = pre;
    Pattern { name: "NN", one_way: false, initiator_pre_message, responder_pre_message, messages }
}

#[test]
fn every_pattern_of_the_table_is_valid_with_every_set_of_psks() {
    let mut checked = 0;
    for base in &PATTERNS {
        assert_eq!(base.validate(), Ok(()), "{}", base.name);
        let plain = ModifiedPattern::plain(base);
        let fallback = plain.with_fallback();
        assert_eq!(fallback.is_some(), begins_with_a_pre_message(base), "{}", base.name);
        let hfs = plain.with_hfs();
        assert_eq!(hfs.is_some(), !base.one_way, "{}", base.name);
        assert!(fallback.is_none_or(|fallback| fallback.with_hfs().is_none()), "{}", base.name);
        for pattern in [plain].into_iter().chain(fallback).chain(hfs) {
            let messages = pattern.message_count();
            for set in 0..1_u32 << (messages + 1) {
                let places = (0..=messages).filter(|place| set >> place & 1 == 1);
                let places = places.fold(PskPlaces::NONE, PskPlaces::with);
                assert_eq!(check(pattern.with_psks(places)), Ok(()), "{} {places:?}", base.name);
                checked += 1;
            }
        }
    }
    assert_eq!(checked, 1320);
}

#[test]
fn hfs_puts_its_tokens_where_the_extension_does() {
    let all: &[(&str, &[&[Token]])] = &[
        ("NN", &[&[E, E1], &[E, Ee, Ekem1]]),
        ("NK", &[&[E, Es, E1], &[E, Ee, Ekem1]]),
        ("NX", &[&[E, E1], &[E, Ee, Ekem1, S, Es]]),
        ("XN", &[&[E, E1], &[E, Ee, Ekem1], &[S, Se]]),
        ("XK", &[&[E, Es, E1], &[E, Ee, Ekem1], &[S, Se]]),
        ("XX", &[&[E, E1], &[E, Ee, Ekem1, S, Es], &[S, Se]]),
        ("KN", &[&[E, E1], &[E, Ee, Ekem1, Se]]),
        // Its table has e1 before es, which its rule, "directly after this DH", contradicts.
        ("KK", &[&[E, Es, E1, Ss], &[E, Ee, Ekem1, Se]]),
        ("KX", &[&[E, E1], &[E, Ee, Ekem1, Se, S, Es]]),
        // Its table leaves out ee.
        ("IN", &[&[E, E1, S], &[E, Ee, Ekem1, Se]]),
        ("IK", &[&[E, Es, E1, S, Ss], &[E, Ee, Ekem1, Se]]),
        ("IX", &[&[E, E1, S], &[E, Ee, Ekem1, Se, S, Es]]),
        // Not in its table.
        ("X1X1", &[&[E, E1], &[E, Ee, Ekem1, S], &[Es, S], &[Se]]),
        ("I1K", &[&[E, Es, E1, S], &[E, Ee, Ekem1], &[Se]]),
    ];
    for (name, messages) in all {
        let base = PATTERNS.iter().find(|pattern| pattern.name == *name).unwrap();
        let hfs = ModifiedPattern::plain(base).with_hfs().unwrap();
        let tokens = |message| hfs.tokens(message).collect::<Vec<_>>();
        let found: Vec<_> = (0..hfs.message_count()).map(tokens).collect();
        assert_eq!(found, *messages, "{name}");
    }
    // psk0 and psk1 stand around it.
    let base = PATTERNS.iter().find(|pattern| pattern.name == "XX").unwrap();
    let hfs = ModifiedPattern::plain(base).with_hfs().unwrap().with_psks(PskPlaces::every(3));
    assert_eq!(hfs.tokens(0).collect::<Vec<_>>(), [Psk, E, E1, Psk]);
    assert_eq!(hfs.tokens(1).collect::<Vec<_>>(), [E, Ee, Ekem1, S, Es, Psk]);
}

#[test]
fn a_fallback_keeps_the_rules_with_its_pre_message_counted() {
    const NO: PreMessages = [&[], &[]];
    const R: PreMessages = [&[], &[S]];
    let cases: &[(PreMessages, Messages, Result<(), PatternError>)] = &[
        (NO, &[&[E], &[E, Ee]], Ok(())),
        // The responder writes first, so the initiator's keys are not sent again and the responder's es needs its s.
        (NO, &[&[E], &[E, Ee], &[E]], Err(PatternError::KeyRepeated)),
        (NO, &[&[E, S], &[E, Ee], &[S]], Err(PatternError::KeyRepeated)),
        (NO, &[&[E], &[Ee, E]], Err(PatternError::KeyNotHeld)),
        (NO, &[&[E], &[E, Ee, Es]], Err(PatternError::KeyNotHeld)),
        (R, &[&[E], &[Es, E]], Err(PatternError::StaticWithoutEphemeral)),
        (NO, &[&[E, S], &[E, Se]], Err(PatternError::StaticWithoutEphemeral)),
    ];
    for (pre, messages, expected) in cases {
        let base = pattern(*pre, messages);
        let fallback = ModifiedPattern::plain(&base).with_fallback().unwrap();
        assert_eq!(check(fallback), *expected, "{pre:?} {messages:?}");
    }
    for messages in [&[&[E][..]][..], &[&[E, Es], &[E, Ee]], &[&[S, E], &[E, Ee]], &[&[], &[E]]] {
        let base = Pattern { messages: Vec::leak(messages.to_vec()), ..pattern(R, &[]) };
        assert!(ModifiedPattern::plain(&base).with_fallback().is_none(), "{messages:?}");
    }
}

#[test]
fn names_in_the_table_are_unique() {
    for (i, pattern) in PATTERNS.iter().enumerate() {
        assert!(PATTERNS[..i].iter().all(|other| other.name != pattern.name), "{}", pattern.name);
    }
}

#[test]
fn altered_patterns_break_the_rule_they_should() {
    const NO: PreMessages = [&[], &[]];
    const I: PreMessages = [&[S], &[]];
    const R: PreMessages = [&[], &[S]];
    const BOTH: PreMessages = [&[S], &[S]];
    let cases: &[(PreMessages, Messages, PatternError)] = &[
        (NO, &[], PatternError::MessageCount),
        (NO, &[&[E], &[E, Ee], &[], &[], &[]], PatternError::MessageCount),
        ([&[E], &[]], &[&[], &[E, Ee]], PatternError::PreMessage),
        ([&[], &[S, S]], &[&[E], &[E, Ee]], PatternError::PreMessage),
        ([&[Psk], &[]], &[&[E], &[E, Ee]], PatternError::PreMessage),
        // Rule 1: each DH before one of its two keys is in the peer's hands.
        (NO, &[&[Ee, E], &[E]], PatternError::KeyNotHeld),
        (NO, &[&[E], &[Ee, E]], PatternError::KeyNotHeld),
        (NO, &[&[E, Es], &[E, Ee]], PatternError::KeyNotHeld),
        (R, &[&[Es, E], &[E, Ee]], PatternError::KeyNotHeld),
        (NO, &[&[E], &[E, Ee, Se]], PatternError::KeyNotHeld),
        (I, &[&[E, Se], &[E, Ee]], PatternError::KeyNotHeld),
        (R, &[&[E, Es, Ss], &[E, Ee]], PatternError::KeyNotHeld),
        (I, &[&[E, Ss], &[E, Ee]], PatternError::KeyNotHeld),
        // Rule 2: pre-messages count as sending.
        (NO, &[&[E, E], &[E, Ee]], PatternError::KeyRepeated),
        (NO, &[&[E], &[E, Ee], &[E]], PatternError::KeyRepeated),
        (NO, &[&[E, S, S], &[E, Ee, Se]], PatternError::KeyRepeated),
        (R, &[&[E, Es], &[E, Ee, S]], PatternError::KeyRepeated),
        // Rule 3.
        (NO, &[&[E], &[E, Ee, Ee]], PatternError::DhRepeated),
        (R, &[&[E, Es, Es], &[E, Ee]], PatternError::DhRepeated),
        (I, &[&[E], &[E, Ee, Se, Se]], PatternError::DhRepeated),
        (BOTH, &[&[E, Es, Ss], &[E, Ee, Se, Ss]], PatternError::DhRepeated),
        // Rule 4, in the order of the specification's four sentences.
        (I, &[&[E], &[E, Se], &[]], PatternError::StaticWithoutEphemeral),
        (BOTH, &[&[E, Ss], &[E, Ee, Se]], PatternError::StaticWithoutEphemeral),
        (R, &[&[E, Es], &[E]], PatternError::StaticWithoutEphemeral),
        (BOTH, &[&[E, Es, Ss], &[E, Ee]], PatternError::StaticWithoutEphemeral),
        // Rule 4 for transport messages, and for a static key that is sent encrypted.
        (I, &[&[E], &[E, Se, Ee], &[Ss]], PatternError::KeyNotHeld),
        (I, &[&[E], &[E], &[Se]], PatternError::StaticWithoutEphemeral),
        (R, &[&[E], &[E], &[Es, Ee], &[Ee]], PatternError::DhRepeated),
        (R, &[&[E], &[E], &[Es]], PatternError::StaticWithoutEphemeral),
        (I, &[&[E], &[E], &[Se, S]], PatternError::StaticWithoutEphemeral),
        // The tokens of a KEM, as HFS adds them: a ciphertext needs the peer's key, and the ephemeral keys before it.
        (NO, &[&[E], &[E, Ee, Ekem1]], PatternError::KeyNotHeld),
        (NO, &[&[E], &[E, E1, Ee, Ekem1]], PatternError::KeyNotHeld),
        (NO, &[&[E, E1, E1], &[E, Ee]], PatternError::KeyRepeated),
        (NO, &[&[E, E1], &[E, Ee, Ekem1, Ekem1]], PatternError::DhRepeated),
        (NO, &[&[E, E1], &[E, Ekem1, Ee]], PatternError::StaticWithoutEphemeral),
        (R, &[&[E, Es], &[E1, E, Ee]], PatternError::StaticWithoutEphemeral),
        // Section 9.3: after a psk nobody encrypts without having sent an ephemeral key.
        (R, &[&[Psk]], PatternError::PskWithoutEphemeral),
        (NO, &[&[Psk, S, E], &[E, Ee]], PatternError::PskWithoutEphemeral),
        (NO, &[&[E, Psk], &[]], PatternError::PskWithoutEphemeral),
        (NO, &[&[E, Psk]], PatternError::PskWithoutEphemeral),
    ];
    for (pre, messages, error) in cases {
        assert_eq!(pattern(*pre, messages).validate(), Err(*error), "{pre:?} {messages:?}");
    }
}

#[test]
fn a_one_way_pattern_has_one_message_and_only_its_sender_must_keep_rule_4() {
    let one_way = |messages| Pattern { one_way: true, ..pattern([&[S], &[S]], messages) };
    assert_eq!(one_way(&[&[E, Es, Ss]]).validate(), Ok(()));
    assert_eq!(one_way(&[&[E, Es], &[E, Ee]]).validate(), Err(PatternError::OneWayReply));
    // The same tokens with a recipient who may answer.
    let answered = pattern([&[S], &[S]], &[&[E, Es, Ss]]);
    assert_eq!(answered.validate(), Err(PatternError::StaticWithoutEphemeral));
}
