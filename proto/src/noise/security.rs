//! What a payload is protected against (Noise section 7.7), computed from the tokens that precede it.

use super::Role;
use super::modifiers::ModifiedPattern;
use super::pattern::Token;

/// The protection of one payload, in the levels of Noise section 7.7.
///
/// The levels speak of the public keys alone. A pre-shared key adds to them as long as it stays secret: with
/// `psk` set, even a payload of levels 0 and 0 is encrypted and comes from a holder of that key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct PayloadSecurity {
    /// What the recipient knows of the sender:
    ///
    /// - 0: nothing. Anyone may have sent this payload.
    /// - 1: sent by the holder of the sender's static key, or by one who stole the *recipient's* static
    ///   private key (key-compromise impersonation).
    /// - 2: sent by the holder of the sender's static key, even if the recipient's was stolen.
    pub source: u8,
    /// What the sender knows of who can read it:
    ///
    /// - 0: everyone. The payload is not encrypted by any DH.
    /// - 1: whoever holds the recipient's ephemeral key, which may be an active attacker's. Forward secret.
    /// - 2: whoever holds the recipient's static key, now or later. Can be replayed.
    /// - 3: the holder of the recipient's static key; an attacker who forged its ephemeral key and steals
    ///   the static one later can read it (weak forward secrecy).
    /// - 4: like 3, but only if the *sender's* static key had been stolen beforehand.
    /// - 5: only the holder of the recipient's static key. Strong forward secrecy.
    pub destination: u8,
    /// Whether a pre-shared key has gone into the encryption key.
    pub psk: bool,
    /// Whether the secret of a KEM has gone into the encryption key: who breaks every DH later, with a quantum computer,
    /// still cannot read what was recorded.
    pub kem: bool,
}

impl PayloadSecurity {
    /// A level to ask for: `source` 0 to 2, `destination` 0 to 5, whether or not a pre-shared key or a KEM is used.
    #[must_use]
    pub const fn new(source: u8, destination: u8) -> Self {
        Self { source, destination, psk: false, kem: false }
    }

    /// Whether this protects at least as well as `wanted`, in every respect.
    #[must_use]
    pub const fn meets(self, wanted: Self) -> bool {
        self.source >= wanted.source
            && self.destination >= wanted.destination
            && (self.psk || !wanted.psk)
            && (self.kem || !wanted.kem)
    }
}

/// The DHs done so far, and what else has gone into the encryption key.
#[derive(Clone, Copy, Default)]
struct Done {
    ee: bool,
    es: bool,
    se: bool,
    ss: bool,
    psk: bool,
    kem: bool,
}

impl Done {
    fn add(&mut self, token: Token) {
        match token {
            Token::E | Token::S | Token::E1 => {}
            Token::Ee => self.ee = true,
            Token::Es => self.es = true,
            Token::Se => self.se = true,
            Token::Ss => self.ss = true,
            Token::Psk => self.psk = true,
            Token::Ekem1 => self.kem = true,
        }
    }

    /// The source level of a payload from `sender`: which DH has its static key been in?
    fn source(self, sender: Role) -> u8 {
        let with_peer_ephemeral = match sender {
            Role::Initiator => self.se,
            Role::Responder => self.es,
        };
        match (with_peer_ephemeral, self.ss) {
            (true, _) => 2,
            (false, true) => 1,
            (false, false) => 0,
        }
    }

    /// The destination level of a payload from `sender`, whose peer's payloads so far had at best the
    /// source level `heard`: that is how well the sender knows that the peer's ephemeral key is the peer's.
    fn destination(self, sender: Role, heard: u8) -> u8 {
        let to_peer_static = match sender {
            Role::Initiator => self.es,
            Role::Responder => self.se,
        };
        match (self.ee, to_peer_static) {
            (false, false) => {
                if self.ss {
                    2
                } else {
                    0
                }
            }
            (false, true) => 2,
            (true, false) => 1,
            (true, true) => 3 + heard,
        }
    }
}

/// The levels of payload `index`, counted from 0 and on into the transport phase, there taking turns.
/// `None` for what a one-way pattern's recipient would send.
pub(super) fn payload_security(pattern: ModifiedPattern<'_>, index: usize) -> Option<PayloadSecurity> {
    if pattern.base().one_way && pattern.writer(index) == Role::Responder {
        return None;
    }
    let mut done = Done::default();
    // The source level of the initiator's and of the responder's last payload; it never falls.
    let mut heard = [0; 2];
    let mut level = None;
    for message in 0..=settled(pattern, index) {
        let sender = pattern.writer(message);
        pattern.tokens(message).for_each(|token| done.add(token));
        let (from_sender, from_peer) = match (sender, &mut heard) {
            (Role::Initiator, [initiator, responder]) => (initiator, *responder),
            (Role::Responder, [initiator, responder]) => (responder, *initiator),
        };
        let source = done.source(sender);
        *from_sender = source;
        let destination = done.destination(sender, from_peer);
        level = Some(PayloadSecurity { source, destination, psk: done.psk, kem: done.kem });
    }
    level
}

/// The first message that is as well protected as message `index` of the same sender: all DHs are done when
/// the transport phase begins, so from each side's first transport message on nothing changes.
fn settled(pattern: ModifiedPattern<'_>, index: usize) -> usize {
    let last = pattern.message_count();
    if index <= last { index } else { last + (index - last) % 2 }
}
