//! Close codes and the body of a Close frame (RFC 6455, sections 5.5.1 and 7.4).

use super::frame::FrameFault;
use super::utf8::is_utf8;
use core::fmt;

/// The longest reason of a close, in bytes: what a control frame holds beside the code.
pub const MAX_REASON: usize = 123;

/// Why a connection ends. 3000 to 3999 are registered for libraries, 4000 to 4999 the application's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CloseCode(u16);

impl CloseCode {
    /// Done, nothing went wrong.
    pub const NORMAL: Self = Self(1000);
    /// The end is being shut down, or the user has left.
    pub const GOING_AWAY: Self = Self(1001);
    /// The peer broke a rule of the protocol.
    pub const PROTOCOL_ERROR: Self = Self(1002);
    /// The end does not accept this kind of data.
    pub const UNSUPPORTED_DATA: Self = Self(1003);
    /// The peer closed without a code. Never on the wire.
    pub const NO_STATUS: Self = Self(1005);
    /// Data that is not what its kind says: text that is not UTF-8.
    pub const INVALID_DATA: Self = Self(1007);
    /// The peer broke a rule of this end's.
    pub const POLICY: Self = Self(1008);
    /// A message is larger than the receiver accepts.
    pub const TOO_BIG: Self = Self(1009);
    /// The client misses an extension in the server's answer.
    pub const MANDATORY_EXTENSION: Self = Self(1010);
    /// The server met a condition that it cannot serve under.
    pub const INTERNAL_ERROR: Self = Self(1011);
    /// The service restarts; connect again after a while.
    pub const SERVICE_RESTART: Self = Self(1012);
    /// The service is overloaded; connect to another.
    pub const TRY_AGAIN_LATER: Self = Self(1013);
    /// A gateway got a bad answer.
    pub const BAD_GATEWAY: Self = Self(1014);

    /// The code `code`; `None` unless it may stand in a frame: 1000 to 1003, 1007 to 1014, 3000 to 4999.
    #[must_use]
    pub const fn new(code: u16) -> Option<Self> {
        match code {
            1000..=1003 | 1007..=1014 | 3000..=4999 => Some(Self(code)),
            _ => None,
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match *self {
            Self::NORMAL => "normal",
            Self::GOING_AWAY => "going away",
            Self::PROTOCOL_ERROR => "protocol error",
            Self::UNSUPPORTED_DATA => "unsupported data",
            Self::NO_STATUS => "no status",
            Self::INVALID_DATA => "invalid data",
            Self::POLICY => "policy violation",
            Self::TOO_BIG => "message too big",
            Self::MANDATORY_EXTENSION => "extension missing",
            Self::INTERNAL_ERROR => "internal error",
            Self::SERVICE_RESTART => "service restart",
            Self::TRY_AGAIN_LATER => "try again later",
            Self::BAD_GATEWAY => "bad gateway",
            Self(code) => return write!(f, "code {code}"),
        };
        write!(f, "{name} ({})", self.0)
    }
}

/// The code of an unmasked Close body, behind whose first two bytes lies the reason.
pub(super) fn parse(body: &[u8]) -> Result<CloseCode, CloseFault> {
    if body.is_empty() {
        return Ok(CloseCode::NO_STATUS);
    }
    let Some((code, reason)) = body.split_first_chunk::<2>() else {
        return Err(CloseFault::Frame(FrameFault::CloseBody));
    };
    let code = CloseCode::new(u16::from_be_bytes(*code)).ok_or(CloseFault::Frame(FrameFault::CloseCode))?;
    if is_utf8(reason) { Ok(code) } else { Err(CloseFault::NotUtf8) }
}

/// What is wrong with the body of a Close frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CloseFault {
    Frame(FrameFault),
    NotUtf8,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_codes_of_the_registry_may_stand_in_a_frame() {
        for (codes, ok) in [
            (0..=999, false),
            (1000..=1003, true),
            (1004..=1006, false),
            (1007..=1014, true),
            (1015..=2999, false),
            (3000..=4999, true),
            (5000..=u16::MAX, false),
        ] {
            for code in codes {
                assert_eq!(CloseCode::new(code).is_some(), ok, "{code}");
            }
        }
    }

    #[test]
    fn a_close_body_is_empty_or_a_code_and_text() {
        let frame = |fault| Err(CloseFault::Frame(fault));
        for (body, want) in [
            (&b""[..], Ok(CloseCode::NO_STATUS)),
            (b"\x03", frame(FrameFault::CloseBody)),
            (b"\x03\xe8", Ok(CloseCode::NORMAL)),
            (b"\x03\xe8bye", Ok(CloseCode::NORMAL)),
            (b"\x03\xee", frame(FrameFault::CloseCode)),
            (b"\x03\xe8\xff", Err(CloseFault::NotUtf8)),
        ] {
            assert_eq!(parse(body), want, "{body:x?}");
        }
    }
}
