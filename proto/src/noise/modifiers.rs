//! A pattern of the table with the modifiers of a protocol name applied (Noise sections 8.1, 9.4 and 10.2, and the
//! extension for hybrid forward secrecy, "HFS"), read token by token. What is valid is `validity.rs`'s business.

use super::Role;
use super::pattern::{MAX_MESSAGES, Pattern, Token};

/// The most pre-shared keys a protocol can take: one before and one after each message.
pub(super) const MAX_PSKS: usize = MAX_MESSAGES + 1;

/// A pattern and its modifiers. `psk` places count in the messages that `fallback` leaves, so `fallback` comes first in
/// the name. `hfs` and `psk` do not meddle with each other: they are in alphabetical order.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct ModifiedPattern<'a> {
    base: &'a Pattern,
    fallback: bool,
    hfs: bool,
    psks: PskPlaces,
}

/// The public keys of one party that its peer has beforehand. Both are hashed in this order (section 7.1).
#[derive(Clone, Copy)]
pub(super) struct PreMessage {
    pub(super) e: bool,
    pub(super) s: bool,
}

impl<'a> ModifiedPattern<'a> {
    /// Without modifiers.
    pub(super) const fn plain(base: &'a Pattern) -> Self {
        Self { base, fallback: false, hfs: false, psks: PskPlaces::NONE }
    }

    /// With `fallback`: the first message becomes a pre-message (section 10.2). `None` if it holds more than a
    /// pre-message may.
    pub(super) const fn with_fallback(self) -> Option<Self> {
        match self.base.messages {
            [[Token::E] | [Token::E, Token::S], _, ..] => Some(Self { fallback: true, ..self }),
            _ => None,
        }
    }

    /// With `hfs`: a KEM beside the DH of the ephemeral keys (HFS section 5). `None` where there is no such DH, and for
    /// a fallback, of which HFS does not say where its key goes.
    pub(super) const fn with_hfs(self) -> Option<Self> {
        if self.base.one_way || self.fallback { None } else { Some(Self { hfs: true, ..self }) }
    }

    /// With these places for psk tokens, all of them at most [`message_count`](Self::message_count).
    pub(super) const fn with_psks(self, psks: PskPlaces) -> Self {
        Self { psks, ..self }
    }

    pub(super) const fn base(self) -> &'a Pattern {
        self.base
    }

    pub(super) const fn is_fallback(self) -> bool {
        self.fallback
    }

    pub(super) const fn is_hfs(self) -> bool {
        self.hfs
    }

    pub(super) const fn psks(self) -> PskPlaces {
        self.psks
    }

    pub(super) const fn message_count(self) -> usize {
        self.base.messages.len().saturating_sub(self.skipped())
    }

    /// Who writes message `index`, counted from 0 (section 7.1: the parties take turns).
    pub(super) const fn writer(self, index: usize) -> Role {
        if (index % 2 == 0) == self.fallback { Role::Responder } else { Role::Initiator }
    }

    /// What `role`'s peer knows of it beforehand.
    pub(super) const fn pre_message(self, role: Role) -> PreMessage {
        let first: &[Token] = match (role, self.base.messages) {
            (Role::Initiator, [first, ..]) if self.fallback => first,
            _ => &[],
        };
        let known = self.base.pre_message(role);
        PreMessage {
            e: matches!(first, [Token::E, ..]),
            s: matches!(first, [.., Token::S]) || matches!(known, [.., Token::S]),
        }
    }

    /// Token `index` of message `message`, with the psk tokens where the modifiers put them: `psk0` before the
    /// first message's tokens, `psk1` after them, `psk2` after the second's, and so on (section 9.4).
    pub(super) const fn token(self, message: usize, index: usize) -> Option<Token> {
        if message >= self.message_count() {
            return None;
        }
        let before = if message == 0 && self.psks.has(0) { 1 } else { 0 };
        if index < before {
            return Some(Token::Psk);
        }
        let index = index - before;
        let tokens = self.base.messages[message + self.skipped()];
        let (kem, len) = match kem_place(tokens) {
            Some(kem) if self.hfs => (kem, tokens.len() + 1),
            _ => ((usize::MAX, Token::E1), tokens.len()),
        };
        if index == kem.0 {
            Some(kem.1)
        } else if index < len {
            Some(tokens[if index < kem.0 { index } else { index - 1 }])
        } else if index == len && self.psks.has(message + 1) {
            Some(Token::Psk)
        } else {
            None
        }
    }

    /// The tokens of message `message`.
    pub(super) fn tokens(self, message: usize) -> impl Iterator<Item = Token> + use<'a> {
        (0..).map_while(move |index| self.token(message, index))
    }

    /// How many of the base pattern's messages are none any more.
    const fn skipped(self) -> usize {
        if self.fallback { 1 } else { 0 }
    }
}

/// Which token `hfs` inserts in a message and where (HFS section 5): `ekem1` behind the first `ee`, and `e1` behind the
/// first `e`, or if a DH follows it in its message, behind that, to be encrypted. The table there has `e1` of `KK` before
/// the DH; the rule counts, as it does for other implementations.
const fn kem_place(tokens: &[Token]) -> Option<(usize, Token)> {
    match tokens {
        // The first e is the initiator's, in its first message; there is no ee before both sides have sent one.
        [Token::E, Token::Ee, ..] => Some((2, Token::Ekem1)),
        [Token::E, Token::Es, ..] => Some((2, Token::E1)),
        [Token::E, ..] => Some((1, Token::E1)),
        _ => None,
    }
}

/// The set of places a protocol name's `psk` modifiers name. A set, so neither order nor repetition can
/// go wrong after parsing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct PskPlaces(u8);

impl PskPlaces {
    pub(super) const NONE: Self = Self(0);

    /// A psk before and after every one of `messages` messages.
    pub(super) const fn every(messages: usize) -> Self {
        let mut all = Self::NONE;
        let mut place = 0;
        while place <= messages && place < MAX_PSKS {
            all = all.with(place);
            place += 1;
        }
        all
    }

    /// This set and `place`, which is less than [`MAX_PSKS`].
    pub(super) const fn with(self, place: usize) -> Self {
        Self(self.0 | 1 << place)
    }

    pub(super) const fn has(self, place: usize) -> bool {
        place < MAX_PSKS && self.0 >> place & 1 == 1
    }

    pub(super) const fn count(self) -> usize {
        self.0.count_ones() as usize
    }

    pub(super) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(super) fn iter(self) -> impl Iterator<Item = usize> {
        (0..MAX_PSKS).filter(move |place| self.has(*place))
    }
}
