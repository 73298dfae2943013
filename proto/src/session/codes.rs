//! The codes that go over the wire when a session ends (docs/wire.md, sections 1.6 and 6).

use crate::guard::Refusal;
use core::fmt;

/// A close code, 0 to 2^30-1. Codes from 256 are the application's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CloseCode(u32);

impl CloseCode {
    /// Done, nothing went wrong.
    pub const NORMAL: Self = Self(0);
    /// The end is being shut down, or its drain ran out of time.
    pub const GOING_AWAY: Self = Self(1);
    /// The peer broke a rule of the protocol.
    pub const PROTOCOL_ERROR: Self = Self(2);
    /// A message is larger than the receiver accepts.
    pub const MESSAGE_TOO_LARGE: Self = Self(3);
    /// The peer sends faster than the receiver accepts.
    pub const RATE_LIMITED: Self = Self(4);
    /// Nothing was heard from the peer.
    pub const PEER_SILENT: Self = Self(5);
    /// No message was exchanged for too long.
    pub const IDLE: Self = Self(6);
    /// A key was used for more records than the receiver accepts.
    pub const KEY_EXHAUSTED: Self = Self(7);
    /// The proof of an identity is wrong, missing or late.
    pub const IDENTITY: Self = Self(8);
    /// The first code that is the application's.
    pub const FIRST_APPLICATION: u32 = 256;
    /// The largest code.
    pub const MAX: u32 = (1 << 30) - 1;

    /// The application's code `code`; `None` unless it is in 256..=2^30-1.
    #[must_use]
    pub const fn application(code: u32) -> Option<Self> {
        if code >= Self::FIRST_APPLICATION && code <= Self::MAX { Some(Self(code)) } else { None }
    }

    /// The number on the wire.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    pub(super) fn from_wire(code: u64) -> Option<Self> {
        u32::try_from(code).ok().filter(|code| *code <= Self::MAX).map(Self)
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match *self {
            Self::NORMAL => "normal",
            Self::GOING_AWAY => "going away",
            Self::PROTOCOL_ERROR => "protocol error",
            Self::MESSAGE_TOO_LARGE => "message too large",
            Self::RATE_LIMITED => "rate limited",
            Self::PEER_SILENT => "peer silent",
            Self::IDLE => "idle",
            Self::KEY_EXHAUSTED => "key exhausted",
            Self::IDENTITY => "identity",
            Self(code) => return write!(f, "code {code}"),
        };
        f.write_str(name)
    }
}

/// Why a session was refused before it had keys. Not authenticated: somebody on the path may have said so.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alert {
    /// The responder does not speak this version of the protocol.
    UnsupportedVersion,
    /// The responder accepts none of the offered Noise protocols.
    ProtocolNotAllowed,
    /// The opening breaks a rule.
    Malformed,
    /// A handshake message does not authenticate.
    HandshakeFailed,
    /// The static key is not accepted.
    PeerNotAllowed,
    /// The listener has no free place; try again later.
    Busy,
    /// The source has used up its attempts; wait for the cool-down.
    TooManyAttempts,
    /// The handshake took too long.
    Timeout,
    /// The first message was seen before, or may have been: begin anew, with a clock that is right.
    Replayed,
    /// A code this version does not know.
    Other(u16),
}

impl Alert {
    const KNOWN: [(Self, u16); 9] = [
        (Self::UnsupportedVersion, 1),
        (Self::ProtocolNotAllowed, 2),
        (Self::Malformed, 3),
        (Self::HandshakeFailed, 4),
        (Self::PeerNotAllowed, 5),
        (Self::Busy, 6),
        (Self::TooManyAttempts, 7),
        (Self::Timeout, 8),
        (Self::Replayed, 9),
    ];

    /// The number on the wire.
    #[must_use]
    pub fn code(self) -> u16 {
        match self {
            Self::Other(code) => code,
            known => Self::KNOWN.iter().find(|(alert, _)| *alert == known).map_or(0, |(_, code)| *code),
        }
    }

    /// The alert of a number on the wire.
    #[must_use]
    pub fn from_code(code: u16) -> Self {
        Self::KNOWN.iter().find(|(_, known)| *known == code).map_or(Self::Other(code), |(alert, _)| *alert)
    }
}

impl From<Refusal> for Alert {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Busy => Self::Busy,
            Refusal::TooManyAttempts => Self::TooManyAttempts,
            Refusal::NotAllowed => Self::PeerNotAllowed,
            Refusal::Replayed => Self::Replayed,
        }
    }
}

impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnsupportedVersion => "unsupported version",
            Self::ProtocolNotAllowed => "protocol not allowed",
            Self::Malformed => "malformed opening",
            Self::HandshakeFailed => "handshake failed",
            Self::PeerNotAllowed => "peer not allowed",
            Self::Busy => "busy",
            Self::TooManyAttempts => "too many attempts",
            Self::Timeout => "timeout",
            Self::Replayed => "first message replayed or clock wrong",
            Self::Other(code) => return write!(f, "alert {code}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alert_codes_round_trip_known_or_not() {
        for code in 0..20 {
            assert_eq!(Alert::from_code(code).code(), code);
        }
        assert_eq!(Alert::from_code(5), Alert::PeerNotAllowed);
    }

    #[test]
    fn application_close_codes_start_at_256_and_fit_four_bytes() {
        for (code, ok) in [(0, false), (255, false), (256, true), (CloseCode::MAX, true), (1 << 30, false)] {
            assert_eq!(CloseCode::application(code).is_some(), ok, "{code}");
        }
    }
}
