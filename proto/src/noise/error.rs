//! What can go wrong, one enum per kind of call. Each message names the cause and what to do.

use core::fmt;

/// Gives an error enum its text: one line per variant.
macro_rules! messages {
    ($type:ident { $($variant:pat => $text:expr,)* }) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $($variant => $text,)* })
            }
        }
        impl core::error::Error for $type {}
    };
}

/// Why a protocol name was refused. Section numbers are those of Noise revision 34.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NameError {
    /// Longer than 255 bytes (section 8).
    TooLong,
    /// Not `Noise_` and four non-empty sections of permitted characters (section 8).
    Form,
    /// No pattern of this name among the 38 (sections 7.4, 7.5 and 18.1).
    UnknownPattern,
    /// A modifier that is empty or does not start with a lower-case letter (section 8.1).
    ModifierForm,
    /// A well-formed modifier other than `fallback`, `hfs` and `psk0`, `psk1`, ... (section 8.1).
    UnsupportedModifier,
    /// `fallback` behind another modifier: it changes what the places of `psk` modifiers mean, and is offered in the
    /// first place only (section 8.1).
    FallbackNotFirst,
    /// `fallback` on a pattern whose first message is neither `e` nor `e, s` (section 10.2).
    FallbackImpossible,
    /// `hfs` behind another modifier: modifiers whose order does not matter are in alphabetical order (section 8.1).
    HfsNotFirst,
    /// `hfs` on a one-way pattern or a fallback, for which the HFS extension defines nothing (its section 5).
    HfsImpossible,
    /// `hfs` without a KEM in the DH section, or a KEM there without `hfs` (the HFS extension, section 5).
    HfsAndKem,
    /// A `psk` modifier beyond the pattern's last message (section 9.4).
    PskOutOfRange,
    /// The same `psk` modifier twice (section 9.4).
    PskRepeated,
    /// `psk` modifiers out of order (section 8.1).
    PskUnsorted,
    /// A DH function that exists but is not offered: `448`, or a hybrid other than `25519+MLKEM768` (section 12.2).
    UnsupportedDh,
    /// A DH function of no known name (section 12).
    UnknownDh,
    /// A cipher of no known name (section 12).
    UnknownCipher,
    /// A hash of no known name (section 12).
    UnknownHash,
    /// `AESGCM`, in a build without the `aes-gcm` feature.
    DisabledCipher,
    /// `MLKEM768`, in a build without the `pq` feature.
    DisabledKem,
    /// `SHA256` or `SHA512`, in a build without the `sha2` feature.
    DisabledHash,
}

messages!(NameError {
    Self::TooLong => "protocol name longer than 255 bytes (Noise section 8)",
    Self::Form => "not a protocol name: write Noise_PATTERN_DH_CIPHER_HASH (Noise section 8)",
    Self::UnknownPattern => "unknown handshake pattern: use a name of Noise sections 7.4, 7.5 or 18.1",
    Self::ModifierForm => "malformed pattern modifier: separate lower-case modifiers by + (Noise section 8.1)",
    Self::UnsupportedModifier => "unsupported pattern modifier: only fallback, hfs and psk0, psk1, ... are (Noise section 8.1)",
    Self::FallbackNotFirst => "fallback behind another modifier: write it first, as in XXfallback+psk0 (Noise section 8.1)",
    Self::FallbackImpossible => "fallback needs a pattern that begins with e, or e and s, alone (Noise section 10.2)",
    Self::HfsNotFirst => "hfs behind another modifier: write it first, as in XXhfs+psk0 (Noise section 8.1)",
    Self::HfsImpossible => "hfs needs an interactive pattern without fallback (Noise HFS section 5)",
    Self::HfsAndKem => "hfs and a KEM belong together: write XXhfs_25519+MLKEM768 or XX_25519 (Noise HFS section 5)",
    Self::PskOutOfRange => "psk modifier beyond the last message of the pattern (Noise section 9.4)",
    Self::PskRepeated => "psk modifier given twice: name each place once (Noise section 9.4)",
    Self::PskUnsorted => "psk modifiers out of order: sort them (Noise section 8.1)",
    Self::UnsupportedDh => "unsupported DH function: only 25519 and 25519+MLKEM768 are (Noise section 12)",
    Self::UnknownDh => "unknown DH function: use 25519 (Noise section 12)",
    Self::UnknownCipher => "unknown cipher: use ChaChaPoly or AESGCM (Noise section 12)",
    Self::UnknownHash => "unknown hash: use BLAKE2s, BLAKE2b, SHA256 or SHA512 (Noise section 12)",
    Self::DisabledCipher => "this build has no AESGCM: enable the feature aes-gcm",
    Self::DisabledKem => "this build has no MLKEM768: enable the feature pq",
    Self::DisabledHash => "this build has no SHA-2: enable the feature sha2",
});

/// Which rule a handshake pattern breaks. Section numbers are those of Noise revision 34.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PatternError {
    /// A pre-message holds something other than one `s` (section 7.1; `e` comes there by `fallback` alone).
    PreMessage,
    /// No messages, or more than the interpreter has room for.
    MessageCount,
    /// A one-way pattern whose recipient sends (section 7.4).
    OneWayReply,
    /// A DH with a key its party does not possess (section 7.3, rule 1).
    KeyNotHeld,
    /// A party sends its static or ephemeral key twice (section 7.3, rule 2).
    KeyRepeated,
    /// The same DH twice (section 7.3, rule 3).
    DhRepeated,
    /// A party encrypts after a DH with its static key but without the matching one with its ephemeral key
    /// (section 7.3, rule 4).
    StaticWithoutEphemeral,
    /// A party encrypts after a `psk` without having sent an ephemeral key (section 9.3).
    PskWithoutEphemeral,
}

messages!(PatternError {
    Self::PreMessage => "a pre-message may hold only one s (Noise section 7.1)",
    Self::MessageCount => "a pattern needs 1 to 4 messages (Noise section 7.1)",
    Self::OneWayReply => "a one-way pattern has one message (Noise section 7.4)",
    Self::KeyNotHeld => "DH with a key that was not sent (Noise section 7.3, rule 1)",
    Self::KeyRepeated => "a key is sent twice (Noise section 7.3, rule 2)",
    Self::DhRepeated => "a DH is performed twice (Noise section 7.3, rule 3)",
    Self::StaticWithoutEphemeral => "encryption after a static DH without the ephemeral one (Noise section 7.3, rule 4)",
    Self::PskWithoutEphemeral => "encryption after a psk without an ephemeral key sent (Noise section 9.3)",
});

/// Why a handshake could not be set up: its keys do not match its protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SetupError {
    /// The pattern uses this side's static key and none was given (section 5.3).
    LocalStaticMissing,
    /// The pattern has no use for a static key of this side (section 5.3).
    LocalStaticSuperfluous,
    /// The peer's static key is a pre-message and was not given (section 7.1).
    RemoteStaticMissing,
    /// The peer's static key is sent in the handshake or not at all, yet one was given (section 7.1).
    RemoteStaticSuperfluous,
    /// The peer's ephemeral key is a pre-message, as `fallback` makes it, and was not given (section 10.2).
    RemoteEphemeralMissing,
    /// The peer's ephemeral key is sent in the handshake, yet one was given (section 10.2).
    RemoteEphemeralSuperfluous,
    /// The protocol has a KEM and no seed for it was given (the HFS extension, section 4).
    KemSeedMissing,
    /// The protocol has no KEM, yet a seed for one was given.
    KemSeedSuperfluous,
    /// Not exactly one pre-shared key per `psk` modifier (section 9.4).
    PskCount {
        /// How many the protocol takes.
        expected: usize,
        /// How many were given.
        given: usize,
    },
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LocalStaticMissing => {
                f.write_str("the pattern needs a local static key (Noise section 5.3)")
            }
            Self::LocalStaticSuperfluous => {
                f.write_str("the pattern uses no local static key: leave it out (Noise section 5.3)")
            }
            Self::RemoteStaticMissing => {
                f.write_str("the pattern needs the peer's static key beforehand (Noise section 7.1)")
            }
            Self::RemoteStaticSuperfluous => f.write_str(
                "the pattern takes no peer's static key beforehand: leave it out (Noise section 7.1)",
            ),
            Self::RemoteEphemeralMissing => f.write_str(
                "the fallback goes on from the peer's ephemeral key: give it (Noise section 10.2)",
            ),
            Self::RemoteEphemeralSuperfluous => f.write_str(
                "the peer's ephemeral key is sent in this handshake: leave it out (Noise section 10.2)",
            ),
            Self::KemSeedMissing => f.write_str(
                "the protocol needs a seed for its KEM: give 64 fresh bytes (Noise HFS section 4)",
            ),
            Self::KemSeedSuperfluous => f.write_str("the protocol has no KEM: leave the seed for one out"),
            Self::PskCount { expected, given } => {
                write!(
                    f,
                    "the protocol takes {expected} pre-shared keys, {given} were given (Noise section 9.4)"
                )
            }
        }
    }
}

impl core::error::Error for SetupError {}

/// Why a handshake call failed.
///
/// After `WeakKey`, `BadKemKey`, `Decrypt` or `Exhausted`, and after any failed read of a message whose turn it was, the
/// handshake is over: every later call gives `Poisoned`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HandshakeError {
    /// `write` while the peer's message is due, or `read` while one's own is.
    NotMyTurn,
    /// A message is half read, and the one given to go on with has another length.
    OtherMessage,
    /// All messages are through.
    Finished,
    /// Messages are still missing.
    NotFinished,
    /// An earlier failure ended this handshake (section 5).
    Poisoned,
    /// The message is or would be longer than 65,535 bytes (section 3).
    TooLong,
    /// The message ends before the pattern's fields do.
    TooShort,
    /// The output buffer cannot hold the message.
    OutputTooSmall {
        /// Bytes the message takes.
        needed: usize,
    },
    /// A DH gave all zeros: a key of the peer is of low order (section 12.1, RFC 7748 section 6.1).
    WeakKey,
    /// The peer's KEM public key is no encoding of one (FIPS 203 section 7.2).
    BadKemKey,
    /// A field or payload was not authentic (section 5.2).
    Decrypt,
    /// The nonces of a key are used up (section 5.1).
    Exhausted,
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotMyTurn => "not this side's turn in the handshake: ask is_my_turn first",
            Self::OtherMessage => "a handshake message is half read: go on with that one, unchanged",
            Self::Finished => "the handshake has no more messages: split it",
            Self::NotFinished => "the handshake is not finished: exchange its remaining messages first",
            Self::Poisoned => "the handshake failed earlier: start a new one",
            Self::TooLong => "handshake message longer than 65535 bytes: shorten the payload",
            Self::TooShort => "handshake message too short for its pattern: check protocol and framing",
            Self::OutputTooSmall { needed } => {
                return write!(f, "the output buffer is too small: the message takes {needed} bytes");
            }
            Self::WeakKey => "a public key of the peer is of low order: do not trust this peer",
            Self::BadKemKey => "the KEM public key of the peer is invalid: do not trust this peer",
            Self::Decrypt => "handshake message not authentic: check keys, psk, prologue and protocol",
            Self::Exhausted => "the nonces of this key are used up: start a new handshake",
        })
    }
}

impl core::error::Error for HandshakeError {}

/// Why a transport message could not be sealed or opened. The cipher's nonce has not moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CipherError {
    /// The message is or would be longer than 65,535 bytes (section 3).
    TooLong,
    /// Shorter than an authentication tag.
    TooShort,
    /// Not authentic: altered, out of order, or sealed under another key.
    Decrypt,
    /// All 2^64 - 1 nonces are used (section 5.1).
    Exhausted,
}

messages!(CipherError {
    Self::TooLong => "transport message longer than 65535 bytes: split it",
    Self::TooShort => "transport message shorter than its 16-byte tag: check the framing",
    Self::Decrypt => "transport message not authentic: close the connection",
    Self::Exhausted => "the nonces of this key are used up: start a new handshake",
});

/// Why a text is not a public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyError {
    /// Not 64 bytes of text.
    Length,
    /// Something other than a hexadecimal digit.
    Digit,
}

messages!(KeyError {
    Self::Length => "a public key is written as 64 hexadecimal digits",
    Self::Digit => "a public key is written in hexadecimal digits only",
});

/// Why no secret was exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExportError {
    /// The label is not 1 to 255 bytes long.
    Label,
    /// More than 255 hash outputs were asked for: 8,160 or 16,320 bytes.
    TooLong,
}

messages!(ExportError {
    Self::Label => "an exporter label has 1 to 255 bytes",
    Self::TooLong => "an exported secret has at most 255 hash outputs: ask for less, or for several under other labels",
});
