//! The handshake patterns as data (Noise sections 7.4, 7.5 and 18.1). What modifiers make of them is in
//! `modifiers.rs`, what is valid is `validity.rs`'s business.

use super::Role;
use super::error::PatternError;
use super::modifiers::{ModifiedPattern, PskPlaces};
use super::validity;
use Token::{E, Ee, Es, S, Se, Ss};

/// One step of a handshake message (Noise sections 5.3 and 9.2, and the extension for hybrid forward secrecy).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Token {
    /// The writer's ephemeral public key.
    E,
    /// The writer's static public key, encrypted if there is a key yet.
    S,
    /// DH of both ephemeral keys.
    Ee,
    /// DH of the initiator's ephemeral and the responder's static key.
    Es,
    /// DH of the initiator's static and the responder's ephemeral key.
    Se,
    /// DH of both static keys.
    Ss,
    /// The next pre-shared key.
    Psk,
    /// The writer's KEM public key, encrypted if there is a key yet (the HFS extension, section 4).
    E1,
    /// A ciphertext for the reader's KEM public key, encrypted if there is a key yet; then the secret in it.
    Ekem1,
}

/// A handshake pattern without its modifiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pattern {
    /// As protocol names spell it.
    pub name: &'static str,
    /// Whether only the initiator ever sends (section 7.4).
    pub one_way: bool,
    /// What the responder knows of the initiator beforehand.
    pub initiator_pre_message: &'static [Token],
    /// What the initiator knows of the responder beforehand.
    pub responder_pre_message: &'static [Token],
    /// The messages in turn, the initiator's first.
    pub messages: &'static [&'static [Token]],
}

/// The most messages a pattern may have: no pattern of the specification has more.
pub(super) const MAX_MESSAGES: usize = 4;

/// Every pattern a protocol name can use: 3 one-way, 12 fundamental and 23 deferred.
pub const PATTERNS: [Pattern; 38] = [
    one_way("N", &[], &[S], &[&[E, Es]]),
    one_way("K", &[S], &[S], &[&[E, Es, Ss]]),
    one_way("X", &[], &[S], &[&[E, Es, S, Ss]]),
    interactive("NN", &[], &[], &[&[E], &[E, Ee]]),
    interactive("NK", &[], &[S], &[&[E, Es], &[E, Ee]]),
    interactive("NX", &[], &[], &[&[E], &[E, Ee, S, Es]]),
    interactive("XN", &[], &[], &[&[E], &[E, Ee], &[S, Se]]),
    interactive("XK", &[], &[S], &[&[E, Es], &[E, Ee], &[S, Se]]),
    interactive("XX", &[], &[], &[&[E], &[E, Ee, S, Es], &[S, Se]]),
    interactive("KN", &[S], &[], &[&[E], &[E, Ee, Se]]),
    interactive("KK", &[S], &[S], &[&[E, Es, Ss], &[E, Ee, Se]]),
    interactive("KX", &[S], &[], &[&[E], &[E, Ee, Se, S, Es]]),
    interactive("IN", &[], &[], &[&[E, S], &[E, Ee, Se]]),
    interactive("IK", &[], &[S], &[&[E, Es, S, Ss], &[E, Ee, Se]]),
    interactive("IX", &[], &[], &[&[E, S], &[E, Ee, Se, S, Es]]),
    interactive("NK1", &[], &[S], &[&[E], &[E, Ee, Es]]),
    interactive("NX1", &[], &[], &[&[E], &[E, Ee, S], &[Es]]),
    interactive("X1N", &[], &[], &[&[E], &[E, Ee], &[S], &[Se]]),
    interactive("X1K", &[], &[S], &[&[E, Es], &[E, Ee], &[S], &[Se]]),
    interactive("XK1", &[], &[S], &[&[E], &[E, Ee, Es], &[S, Se]]),
    interactive("X1K1", &[], &[S], &[&[E], &[E, Ee, Es], &[S], &[Se]]),
    interactive("X1X", &[], &[], &[&[E], &[E, Ee, S, Es], &[S], &[Se]]),
    interactive("XX1", &[], &[], &[&[E], &[E, Ee, S], &[Es, S, Se]]),
    interactive("X1X1", &[], &[], &[&[E], &[E, Ee, S], &[Es, S], &[Se]]),
    interactive("K1N", &[S], &[], &[&[E], &[E, Ee], &[Se]]),
    interactive("K1K", &[S], &[S], &[&[E, Es], &[E, Ee], &[Se]]),
    interactive("KK1", &[S], &[S], &[&[E], &[E, Ee, Se, Es]]),
    interactive("K1K1", &[S], &[S], &[&[E], &[E, Ee, Es], &[Se]]),
    interactive("K1X", &[S], &[], &[&[E], &[E, Ee, S, Es], &[Se]]),
    interactive("KX1", &[S], &[], &[&[E], &[E, Ee, Se, S], &[Es]]),
    interactive("K1X1", &[S], &[], &[&[E], &[E, Ee, S], &[Se, Es]]),
    interactive("I1N", &[], &[], &[&[E, S], &[E, Ee], &[Se]]),
    interactive("I1K", &[], &[S], &[&[E, Es, S], &[E, Ee], &[Se]]),
    interactive("IK1", &[], &[S], &[&[E, S], &[E, Ee, Se, Es]]),
    interactive("I1K1", &[], &[S], &[&[E, S], &[E, Ee, Es], &[Se]]),
    interactive("I1X", &[], &[], &[&[E, S], &[E, Ee, S, Es], &[Se]]),
    interactive("IX1", &[], &[], &[&[E, S], &[E, Ee, Se, S], &[Es]]),
    interactive("I1X1", &[], &[], &[&[E, S], &[E, Ee, S], &[Se, Es]]),
];

// The table is checked when it is compiled: as it is, with fallback and with hfs, each alone and with a psk in every
// place.
const _: () = {
    let mut i = 0;
    while i < PATTERNS.len() {
        let pattern = ModifiedPattern::plain(&PATTERNS[i]);
        check(pattern);
        if let Some(fallback) = pattern.with_fallback() {
            check(fallback);
        }
        if let Some(hfs) = pattern.with_hfs() {
            check(hfs);
        }
        i += 1;
    }

    const fn check(pattern: ModifiedPattern<'_>) {
        assert!(validity::check(pattern).is_ok());
        let every = PskPlaces::every(pattern.message_count());
        assert!(validity::check(pattern.with_psks(every)).is_ok());
    }
};

const fn interactive(
    name: &'static str,
    initiator_pre_message: &'static [Token],
    responder_pre_message: &'static [Token],
    messages: &'static [&'static [Token]],
) -> Pattern {
    Pattern { name, one_way: false, initiator_pre_message, responder_pre_message, messages }
}

const fn one_way(
    name: &'static str,
    initiator_pre_message: &'static [Token],
    responder_pre_message: &'static [Token],
    messages: &'static [&'static [Token]],
) -> Pattern {
    Pattern { name, one_way: true, initiator_pre_message, responder_pre_message, messages }
}

impl Pattern {
    /// Checks the pattern, without modifiers, against the validity rules of Noise section 7.3.
    ///
    /// # Errors
    ///
    /// The first rule it breaks.
    pub const fn validate(&self) -> Result<(), PatternError> {
        validity::check(ModifiedPattern::plain(self))
    }

    /// The pre-message that tells `role`'s public key to its peer.
    pub(super) const fn pre_message(&self, role: Role) -> &'static [Token] {
        match role {
            Role::Initiator => self.initiator_pre_message,
            Role::Responder => self.responder_pre_message,
        }
    }
}
