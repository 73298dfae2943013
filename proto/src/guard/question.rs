//! What a session asks and what it is told. Who answers is in `ask.rs`.

use super::gate::GateAnswer;
use super::key::{Cookie, Mac};
use super::replay::FirstSeen;
use super::roster::Refused;
use crate::noise::PublicKey;
use core::fmt;
use core::time::Duration;

/// What a responder asks in the course of a handshake, in this order. Which of them it asks depends on the pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// A first message came whose first MAC is right. Nothing else has been computed for it.
    FirstMessage {
        /// Its first MAC.
        mac1: Mac,
        /// Its second MAC; zeros where the sender has no cookie.
        mac2: Mac,
    },
    /// The peer shows a good ticket with this id, issued at this time since the Unix epoch. Was it used before? If it is
    /// refused, the handshake goes on without it.
    Ticket {
        /// The ticket's id.
        id: [u8; 16],
        /// When it was issued.
        issued: Duration,
    },
    /// The peer says that this is its key. Asked as soon as it does: where the key is known beforehand before anything is
    /// computed, in IK behind one key agreement, in XX behind two and the responder's own ephemeral key. Whoever knows the key
    /// can say so, which is why nothing is counted against its owner.
    Identity(PublicKey),
    /// The first message is authenticated. Is it no copy? Not to be asked where nobody is authenticated by it.
    Fresh(FirstSeen),
    /// The peer has proven that this is its key. May it have a session? Counts as an attempt, so it comes behind
    /// [`Question::Fresh`]: a copy must not use up the attempts of whoever made the original.
    ///
    /// A session does not ask this in a pattern whose responder has the proof only with the first record (IN, IX, KN, KX and
    /// others, see [`Protocol::proves_static`](crate::noise::Protocol::proves_static)): until one has opened, whoever knows
    /// the key may be there. Its caller asks then, as it tells the guard of a session then and not before. The drivers do.
    Proven(PublicKey),
}

/// What a [`Guard`](super::Guard) says.
#[must_use = "what may not proceed must not cost anything"]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Go on with the handshake.
    Proceed,
    /// Give the sender this cookie and forget the message. Only to [`Question::FirstMessage`].
    Cookie(Cookie),
    /// Ask the same again when so much time has passed.
    Wait(Duration),
    /// End the handshake.
    Refuse(Refusal),
}

/// Why a [`Guard`](super::Guard) refuses, as far as the peer is told. Its statistics know more.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Too much to do, or too many sessions.
    Busy,
    /// This identity tried too often.
    TooManyAttempts,
    /// This identity may not have a session.
    NotAllowed,
    /// The first message is a copy, or may be one; or there is no clock to say. Or the ticket was used before.
    Replayed,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Busy => "the responder is busy; try again later",
            Self::TooManyAttempts => "too many attempts of this identity; it must wait",
            Self::NotAllowed => "this identity is not allowed",
            Self::Replayed => "the first message may be a copy; set the clock, and try again",
        })
    }
}

impl core::error::Error for Refusal {}

impl From<GateAnswer> for Answer {
    fn from(answer: GateAnswer) -> Self {
        match answer {
            GateAnswer::Proceed => Self::Proceed,
            GateAnswer::Cookie(cookie) => Self::Cookie(cookie),
            GateAnswer::Busy => Self::Refuse(Refusal::Busy),
        }
    }
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Denied | Refused::NotAllowed => Self::NotAllowed,
            Refused::TooManyAttempts { .. } => Self::TooManyAttempts,
            Refused::TooManySessions => Self::Busy,
        }
    }
}

impl From<Result<(), Refused>> for Answer {
    fn from(result: Result<(), Refused>) -> Self {
        match result {
            Ok(()) => Self::Proceed,
            Err(refused) => Self::Refuse(refused.into()),
        }
    }
}
