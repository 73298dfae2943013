//! What a connection counts.

use crate::heartbeat::Rtt;

/// Everything a connection has counted since it began.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// What this end sent.
    pub sent: Traffic,
    /// What this end received and accepted.
    pub received: Traffic,
    /// Pings that the heartbeat sent.
    pub pings: u64,
    /// Pongs that answered the newest of them.
    pub pongs: u64,
    /// Round-trip times, once one is known.
    pub rtt: Option<Rtt>,
}

/// One direction's counters.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Frames, control frames included.
    pub frames: u64,
    /// Complete messages.
    pub messages: u64,
    /// Bytes of complete messages.
    pub message_bytes: u64,
}
