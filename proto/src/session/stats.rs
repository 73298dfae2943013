//! What a session counts.

use super::IdentityFault;
use crate::heartbeat::Rtt;

/// Everything a session has counted since it began.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// What this end sent.
    pub sent: Traffic,
    /// What this end received and accepted.
    pub received: Traffic,
    /// PINGs sent.
    pub pings: u64,
    /// PONGs received that answered the newest PING.
    pub pongs: u64,
    /// Times the peer was held back by the rate limit.
    pub throttled: u64,
    /// Frames of unknown, skippable types.
    pub skipped_frames: u64,
    /// What was refused, by reason.
    pub rejects: Rejects,
    /// Round-trip times, once one is known.
    pub rtt: Option<Rtt>,
}

/// One direction's counters.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Records.
    pub records: u64,
    /// Bytes of records as on the wire, heads and tags included.
    pub wire_bytes: u64,
    /// Complete messages.
    pub messages: u64,
    /// Bytes of complete messages.
    pub message_bytes: u64,
    /// Messages begun and abandoned.
    pub abandoned: u64,
    /// Changes of key.
    pub rekeys: u64,
    /// Bytes of padding in records.
    pub padding_bytes: u64,
}

/// What was refused, by reason.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rejects {
    /// Openings that were malformed, not allowed or did not authenticate.
    pub openings: u64,
    /// Records that did not authenticate.
    pub records: u64,
    /// Frames that broke a rule or were critical and unknown.
    pub frames: u64,
    /// Messages over the maximum size.
    pub oversized: u64,
    /// Proofs of an identity that were wrong or missing.
    pub identities: u64,
    /// Peers closed for their rate.
    pub rates: u64,
    /// Keys used for too long.
    pub keys: u64,
}

impl Rejects {
    /// One reject, for the reason that `error` is.
    pub(super) fn of(error: super::Error) -> Self {
        use super::Error as E;
        let mut rejects = Self::default();
        let counter = match error {
            E::NotSealock
            | E::UnsupportedVersion(_)
            | E::ProtocolNotAllowed
            | E::MalformedOpening
            | E::BadMac1
            | E::Declined(_)
            | E::Setup(_)
            | E::Handshake(_)
            | E::PeerNotAllowed => &mut rejects.openings,
            E::BadRecord => &mut rejects.records,
            E::Frame(_) | E::UnknownFrame(_) => &mut rejects.frames,
            E::MessageTooLarge { .. } => &mut rejects.oversized,
            E::Identity(IdentityFault::Missing | IdentityFault::Refused) => &mut rejects.identities,
            E::RateLimited => &mut rejects.rates,
            E::KeyExhausted => &mut rejects.keys,
            _ => return rejects,
        };
        *counter += 1;
        rejects
    }
}
