//! What a responder asks in the course of a handshake, and what it may be told.

use super::{Cookie, Mac};
use crate::noise::PublicKey;
use core::time::Duration;

/// What a responder asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// An initiator sent a first message with a good mac1. Nothing else was computed.
    FirstMessage {
        /// The message's mac1.
        mac1: Mac,
        /// The proof of its address; zeros if it has none.
        mac2: Mac,
    },
    /// The initiator's static key, after at most one key agreement. Its word alone until the handshake is complete.
    Identity(PublicKey),
    /// A first message that decrypted. It may be a replay.
    Fresh(FirstSeen),
}

/// A first message, as far as a filter of replays needs to know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirstSeen {
    /// The initiator's static key, if it has one.
    pub peer: Option<PublicKey>,
    /// Its ephemeral key.
    pub ephemeral: PublicKey,
    /// When it says it wrote the message, since the Unix epoch.
    pub timestamp: Option<Duration>,
}

/// What to do with the initiator.
#[derive(Clone, Copy, Debug)]
pub enum Answer {
    /// Go on.
    Proceed,
    /// It is to prove its address first; an answer to [`Question::FirstMessage`] alone.
    Cookie(Cookie),
    /// Refuse it.
    Refuse(Refusal),
}

/// Why an initiator is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no room.
    Busy,
    /// The source or the key has used up its attempts.
    TooManyAttempts,
    /// The key is not accepted.
    NotAllowed,
    /// The first message was seen before, or may have been.
    Replayed,
}
