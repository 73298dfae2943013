//! The rules a handshake pattern must keep (Noise sections 7.3 and 9.3), checked on its tokens, a KEM's (the HFS
//! extension) included.
//!
//! `const`, so that the table of patterns is checked when it is compiled.

use super::Role;
use super::error::PatternError;
use super::modifiers::{ModifiedPattern, PreMessage};
use super::pattern::{MAX_MESSAGES, Token};

/// What has happened up to a token.
#[derive(Clone, Copy)]
struct Progress {
    initiator: Sent,
    responder: Sent,
    ee: bool,
    es: bool,
    se: bool,
    ss: bool,
    psk: bool,
    kem: bool,
}

/// The public keys one party's peer has.
#[derive(Clone, Copy)]
struct Sent {
    e: bool,
    s: bool,
    e1: bool,
}

pub(super) const fn check(pattern: ModifiedPattern<'_>) -> Result<(), PatternError> {
    let base = pattern.base();
    let count = pattern.message_count();
    if count == 0 || count > MAX_MESSAGES {
        return Err(PatternError::MessageCount);
    }
    if base.one_way && count != 1 {
        return Err(PatternError::OneWayReply);
    }
    let ([] | [Token::S], [] | [Token::S]) = (base.initiator_pre_message, base.responder_pre_message) else {
        return Err(PatternError::PreMessage);
    };
    let initiator = Sent::before(pattern.pre_message(Role::Initiator));
    let responder = Sent::before(pattern.pre_message(Role::Responder));
    let mut now =
        Progress { initiator, responder, ee: false, es: false, se: false, ss: false, psk: false, kem: false };

    let mut message = 0;
    while message < count {
        let writer = pattern.writer(message);
        let mut index = 0;
        while let Some(token) = pattern.token(message, index) {
            now = match now.after(token, writer) {
                Ok(next) => next,
                Err(error) => return Err(error),
            };
            index += 1;
        }
        if let Err(error) = now.may_encrypt(writer) {
            return Err(error);
        }
        message += 1;
    }
    // Transport messages follow: from the initiator, and from the responder unless the pattern is one-way.
    if let Err(error) = now.may_encrypt(Role::Initiator) {
        return Err(error);
    }
    if base.one_way { Ok(()) } else { now.may_encrypt(Role::Responder) }
}

impl Sent {
    const fn before(pre_message: PreMessage) -> Self {
        Self { e: pre_message.e, s: pre_message.s, e1: false }
    }
}

impl Progress {
    const fn after(mut self, token: Token, writer: Role) -> Result<Self, PatternError> {
        let (initiator, responder) = (self.initiator, self.responder);
        // Rules 1 and 3: both keys of a DH must be in the peer's hands, and no DH is done twice.
        let (held, done) = match token {
            Token::E | Token::S | Token::E1 => return self.sending(token, writer),
            Token::Psk => {
                self.psk = true;
                return Ok(self);
            }
            // HFS encrypts the ciphertext before the se of IK and KK, to the letter against rule 4. What the rule is for
            // holds: ee has made the key depend on the writer's ephemeral key.
            Token::Ekem1 if !self.ee => return Err(PatternError::StaticWithoutEphemeral),
            Token::Ekem1 => match writer {
                Role::Initiator => (responder.e1, &mut self.kem),
                Role::Responder => (initiator.e1, &mut self.kem),
            },
            Token::Ee => (initiator.e && responder.e, &mut self.ee),
            Token::Es => (initiator.e && responder.s, &mut self.es),
            Token::Se => (initiator.s && responder.e, &mut self.se),
            Token::Ss => (initiator.s && responder.s, &mut self.ss),
        };
        if !held {
            return Err(PatternError::KeyNotHeld);
        }
        if *done {
            return Err(PatternError::DhRepeated);
        }
        *done = true;
        Ok(self)
    }

    /// Rule 2: no key is sent twice. But for the ephemeral one they are encrypted like a payload once there is a key.
    const fn sending(mut self, token: Token, writer: Role) -> Result<Self, PatternError> {
        if let (Token::S | Token::E1, Err(error)) = (token, self.may_encrypt(writer)) {
            return Err(error);
        }
        let sent = match writer {
            Role::Initiator => &mut self.initiator,
            Role::Responder => &mut self.responder,
        };
        let key = match token {
            Token::E => &mut sent.e,
            Token::E1 => &mut sent.e1,
            _ => &mut sent.s,
        };
        if *key {
            return Err(PatternError::KeyRepeated);
        }
        *key = true;
        Ok(self)
    }

    /// Rule 4 and section 9.3: the writer's ephemeral key must randomize whatever it encrypts under.
    const fn may_encrypt(self, writer: Role) -> Result<(), PatternError> {
        let (sent, nullified) = match writer {
            Role::Initiator => (self.initiator, self.se && !self.ee || self.ss && !self.es),
            Role::Responder => (self.responder, self.es && !self.ee || self.ss && !self.se),
        };
        if nullified {
            return Err(PatternError::StaticWithoutEphemeral);
        }
        if self.psk && !sent.e {
            return Err(PatternError::PskWithoutEphemeral);
        }
        Ok(())
    }
}
