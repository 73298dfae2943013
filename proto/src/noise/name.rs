//! Protocol names (Noise section 8): read, checked and written.

use super::Role;
use super::crypto::{CipherFunction, HashFunction};
use super::error::NameError;
use super::modifiers::{ModifiedPattern, PskPlaces};
use super::pattern::{PATTERNS, Pattern, Token};
use super::security::{PayloadSecurity, payload_security};
use arrayvec::ArrayString;
use core::fmt::{self, Write};
use core::str::FromStr;

/// The longest name the specification allows, in bytes (section 8).
const MAX_NAME: usize = 255;

/// Bytes of a name where it is saved.
pub(crate) const NAME_LEN: usize = 72;

/// Room for the longest name that [`Protocol::parse`] accepts.
pub(crate) type NameBuffer = ArrayString<96>;

/// A Noise protocol: a valid pattern with its modifiers, and the functions it runs with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Protocol {
    pattern: ModifiedPattern<'static>,
    cipher: CipherFunction,
    hash: HashFunction,
}

impl Protocol {
    /// Reads a name such as `Noise_XXpsk3_25519_ChaChaPoly_BLAKE2s`. The modifiers are `psk0`, `psk1` and so on, and
    /// before them `fallback`, as in `XXfallback+psk0` (section 10.2), or with the feature `pq` `hfs`, as in
    /// `Noise_XXhfs_25519+MLKEM768_ChaChaPoly_SHA256` (the extension for hybrid forward secrecy).
    ///
    /// # Errors
    ///
    /// [`NameError`] says which rule the name breaks, or what of it is not offered.
    pub fn parse(name: &str) -> Result<Self, NameError> {
        if name.len() > MAX_NAME {
            return Err(NameError::TooLong);
        }
        let mut sections = name.split('_');
        let mut next = || sections.next().filter(|section| is_section(section)).ok_or(NameError::Form);
        let (prefix, pattern, dh, cipher, hash) = (next()?, next()?, next()?, next()?, next()?);
        if prefix != "Noise" || sections.next().is_some() {
            return Err(NameError::Form);
        }
        let pattern = parse_pattern(pattern)?;
        parse_dh(dh, pattern.is_hfs())?;
        Ok(Self { pattern, cipher: parse_cipher(cipher)?, hash: parse_hash(hash)? })
    }

    /// The handshake pattern, without its modifiers.
    #[must_use]
    pub const fn pattern(&self) -> &'static Pattern {
        self.pattern.base()
    }

    /// Whether the pattern's first message is a pre-message, known from a handshake that failed (section 10.2).
    #[must_use]
    pub const fn is_fallback(&self) -> bool {
        self.pattern.is_fallback()
    }

    /// The cipher function.
    #[must_use]
    pub const fn cipher(&self) -> CipherFunction {
        self.cipher
    }

    /// The hash function.
    #[must_use]
    pub const fn hash(&self) -> HashFunction {
        self.hash
    }

    /// Whether `other` is the same protocol with another cipher function.
    #[must_use]
    pub fn differs_only_in_cipher(&self, other: &Self) -> bool {
        self.cipher != other.cipher && Self { cipher: other.cipher, ..*self } == *other
    }

    /// Whether a KEM, ML-KEM-768, is mixed with the DH of the ephemeral keys, so that a later quantum computer cannot read
    /// what was recorded (the extension for hybrid forward secrecy). It does not vouch for anybody: who breaks DH while
    /// the handshake runs can take part in it.
    #[must_use]
    pub const fn is_hfs(&self) -> bool {
        self.pattern.is_hfs()
    }

    /// Whether only the initiator ever sends (section 7.4).
    #[must_use]
    pub const fn is_one_way(&self) -> bool {
        self.pattern.base().one_way
    }

    /// How many handshake messages there are.
    #[must_use]
    pub const fn message_count(&self) -> usize {
        self.pattern.message_count()
    }

    /// Who writes message `index`, counted from 0 (section 7.1): the parties take turns, and the initiator begins
    /// unless this is a [fallback](Self::is_fallback).
    #[must_use]
    pub const fn writer(&self, index: usize) -> Role {
        self.pattern.writer(index)
    }

    /// How many pre-shared keys both sides need (section 9).
    #[must_use]
    pub const fn psk_count(&self) -> usize {
        self.pattern.psks().count()
    }

    /// Whether `role` needs a static key of its own.
    #[must_use]
    pub fn needs_local_static(&self, role: Role) -> bool {
        self.sends_static(role) || self.needs_remote_static(role.peer())
    }

    /// Whether `role` must know its peer's static key beforehand (a pre-message, section 7.1).
    #[must_use]
    pub const fn needs_remote_static(&self, role: Role) -> bool {
        self.pattern.pre_message(role.peer()).s
    }

    /// The protocol in which a session that ran this one is resumed with a pre-shared key: NNpsk0 with the same functions,
    /// NNhfs+psk0 where they include a KEM.
    #[must_use]
    pub fn resumption(&self) -> Option<Self> {
        let mut name = NameBuffer::new();
        let pattern = if self.is_hfs() { "NNhfs+psk0_25519+MLKEM768" } else { "NNpsk0_25519" };
        write!(name, "Noise_{pattern}_{}_{}", self.cipher.name(), self.hash.name()).ok()?;
        Self::parse(&name).ok()
    }

    /// XXfallback with the functions of this protocol, if this is IK without modifiers (section 10.4).
    #[must_use]
    pub fn fallback_of_ik(&self) -> Option<Self> {
        let mut name = NameBuffer::new();
        let functions = write!(name, "Noise_XXfallback_25519_{}_{}", self.cipher.name(), self.hash.name());
        let plain = Self::parse("Noise_IK_25519_ChaChaPoly_BLAKE2s").ok()?;
        let is_ik = Self { cipher: plain.cipher, hash: plain.hash, ..*self } == plain;
        functions.ok().filter(|()| is_ik).and_then(|()| Self::parse(&name).ok())
    }

    /// Whether `role` must know its peer's ephemeral key beforehand: the responder of a fallback (section 10.2).
    #[must_use]
    pub const fn needs_remote_ephemeral(&self, role: Role) -> bool {
        self.pattern.pre_message(role.peer()).e
    }

    /// Whether `role` sends its static key in the handshake.
    #[must_use]
    pub fn sends_static(&self, role: Role) -> bool {
        let mut written = (0..self.message_count()).filter(|message| self.writer(*message) == role);
        written.any(|message| self.tokens(message).any(|token| token == Token::S))
    }

    /// Whether the handshake proves that `role` has the static key that it is known by. If not, as of an initiator in IX, its
    /// first transport message does, and until then anybody who knows the key may have taken part.
    #[must_use]
    pub fn proves_static(&self, role: Role) -> bool {
        let mut written = (0..self.message_count()).filter(|message| self.writer(*message) == role);
        written.any(|message| self.payload_security(message).is_some_and(|security| security.source > 0))
    }

    /// How payload `index` is protected (section 7.7). Handshake messages count from 0; the numbers after
    /// them are transport messages that take turns. `None` for what a one-way pattern never sends.
    #[must_use]
    pub fn payload_security(&self, index: usize) -> Option<PayloadSecurity> {
        payload_security(self.pattern, index)
    }

    /// Whether an ephemeral key goes into the encryption key too (section 9.2).
    pub(super) const fn is_psk_mode(&self) -> bool {
        !self.pattern.psks().is_empty()
    }

    /// The tokens of message `index`, those of modifiers included.
    pub(super) fn tokens(&self, index: usize) -> impl Iterator<Item = Token> + use<> {
        self.pattern.tokens(index)
    }

    /// The name filled up with zeros, where it is saved. A test shows that the longest fits.
    pub(crate) fn to_padded(self) -> [u8; NAME_LEN] {
        let mut out = [0; NAME_LEN];
        out.iter_mut().zip(self.name().as_bytes()).for_each(|(to, from)| *to = *from);
        out
    }

    /// What [`Protocol::to_padded`] gave, if it is known here.
    pub(crate) fn from_padded(bytes: &[u8; NAME_LEN]) -> Option<Self> {
        let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(NAME_LEN);
        let (name, padding) = bytes.split_at_checked(end)?;
        let name = core::str::from_utf8(name).ok().filter(|_| padding.iter().all(|byte| *byte == 0))?;
        Self::parse(name).ok()
    }

    /// The name as the bytes that start the handshake hash.
    pub(crate) fn name(&self) -> NameBuffer {
        let mut name = NameBuffer::new();
        // A test shows that the longest name fits.
        let _fits = write!(name, "{self}");
        name
    }
}

impl FromStr for Protocol {
    type Err = NameError;

    fn from_str(name: &str) -> Result<Self, NameError> {
        Self::parse(name)
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Noise_{}", self.pattern().name)?;
        let mut separator = "";
        for (applies, modifier) in [(self.is_fallback(), "fallback"), (self.is_hfs(), "hfs")] {
            if applies {
                write!(f, "{separator}{modifier}")?;
                separator = "+";
            }
        }
        for place in self.pattern.psks().iter() {
            write!(f, "{separator}psk{place}")?;
            separator = "+";
        }
        let kem = if self.is_hfs() { "+MLKEM768" } else { "" };
        write!(f, "_25519{kem}_{}_{}", self.cipher.name(), self.hash.name())
    }
}

impl fmt::Debug for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Protocol({self})")
    }
}

fn is_section(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'/')
}

fn parse_pattern(section: &str) -> Result<ModifiedPattern<'static>, NameError> {
    let end = section.find(|c: char| !c.is_ascii_uppercase() && !c.is_ascii_digit());
    let (name, modifiers) = section.split_at_checked(end.unwrap_or(section.len())).unwrap_or((section, ""));
    let base = PATTERNS.iter().find(|p| p.name == name).ok_or(NameError::UnknownPattern)?;
    let mut pattern = ModifiedPattern::plain(base);
    if modifiers.is_empty() {
        return Ok(pattern);
    }
    let mut places = PskPlaces::NONE;
    let mut above = 0;
    for (i, modifier) in modifiers.split('+').enumerate() {
        let place = match parse_modifier(modifier)? {
            Modifier::Fallback if i > 0 => return Err(NameError::FallbackNotFirst),
            Modifier::Fallback => {
                pattern = pattern.with_fallback().ok_or(NameError::FallbackImpossible)?;
                continue;
            }
            Modifier::Hfs if pattern.is_fallback() => return Err(NameError::HfsImpossible),
            Modifier::Hfs if i > 0 => return Err(NameError::HfsNotFirst),
            Modifier::Hfs => {
                pattern = pattern.with_hfs().ok_or(NameError::HfsImpossible)?;
                continue;
            }
            Modifier::Psk(place) => place,
        };
        if place > pattern.message_count() {
            return Err(NameError::PskOutOfRange);
        }
        if places.has(place) {
            return Err(NameError::PskRepeated);
        }
        if place < above {
            return Err(NameError::PskUnsorted);
        }
        places = places.with(place);
        above = place;
    }
    Ok(pattern.with_psks(places))
}

enum Modifier {
    Fallback,
    Hfs,
    Psk(usize),
}

fn parse_modifier(modifier: &str) -> Result<Modifier, NameError> {
    let well_formed = modifier.starts_with(|c: char| c.is_ascii_lowercase())
        && modifier.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    if !well_formed {
        return Err(NameError::ModifierForm);
    }
    match modifier {
        "fallback" => return Ok(Modifier::Fallback),
        "hfs" => return Ok(Modifier::Hfs),
        _ => {}
    }
    let place = modifier.strip_prefix("psk").ok_or(NameError::UnsupportedModifier)?;
    let canonical = place == "0" || !place.starts_with('0');
    match place.parse() {
        Ok(place) if canonical => Ok(Modifier::Psk(place)),
        // All digits and yet no number: more of them than a number holds.
        Err(_) if canonical && !place.is_empty() && place.bytes().all(|b| b.is_ascii_digit()) => {
            Err(NameError::PskOutOfRange)
        }
        _ => Err(NameError::UnsupportedModifier),
    }
}

fn parse_dh(section: &str, hfs: bool) -> Result<(), NameError> {
    match section {
        "25519" if hfs => Err(NameError::HfsAndKem),
        "25519" => Ok(()),
        "25519+MLKEM768" if !hfs => Err(NameError::HfsAndKem),
        #[cfg(feature = "pq")]
        "25519+MLKEM768" => Ok(()),
        #[cfg(not(feature = "pq"))]
        "25519+MLKEM768" => Err(NameError::DisabledKem),
        "448" => Err(NameError::UnsupportedDh),
        several if several.contains('+') => Err(NameError::UnsupportedDh),
        _ => Err(NameError::UnknownDh),
    }
}

fn parse_cipher(section: &str) -> Result<CipherFunction, NameError> {
    match section {
        "ChaChaPoly" => Ok(CipherFunction::ChaChaPoly),
        #[cfg(feature = "aes-gcm")]
        "AESGCM" => Ok(CipherFunction::AesGcm),
        #[cfg(not(feature = "aes-gcm"))]
        "AESGCM" => Err(NameError::DisabledCipher),
        _ => Err(NameError::UnknownCipher),
    }
}

fn parse_hash(section: &str) -> Result<HashFunction, NameError> {
    match section {
        "BLAKE2s" => Ok(HashFunction::Blake2s),
        "BLAKE2b" => Ok(HashFunction::Blake2b),
        #[cfg(feature = "sha2")]
        "SHA256" => Ok(HashFunction::Sha256),
        #[cfg(feature = "sha2")]
        "SHA512" => Ok(HashFunction::Sha512),
        #[cfg(not(feature = "sha2"))]
        "SHA256" | "SHA512" => Err(NameError::DisabledHash),
        _ => Err(NameError::UnknownHash),
    }
}
