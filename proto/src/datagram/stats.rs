//! What an endpoint counts.

use super::error::Discard;

/// Everything an endpoint has counted since it began.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Sessions established.
    pub established: u64,
    /// Handshakes of others that did not end in time.
    pub handshakes_timed_out: u64,
    /// Messages received.
    pub messages: u64,
    /// Times that a peer's address changed.
    pub moved: u64,
    /// Cookies that were asked for instead of a handshake.
    pub cookies: u64,
    /// Cookies that were dropped since many were waiting to be sent.
    pub cookies_dropped: u64,
    /// Datagrams that were discarded, by reason.
    pub discards: Discards,
}

/// Datagrams that were discarded without an answer. Of admission and the gate, see
/// [`Endpoint::admission`](super::Endpoint::admission) and [`Endpoint::gate`](super::Endpoint::gate).
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Discards {
    /// Larger than `max_datagram`.
    pub too_large: u64,
    /// No packet of this protocol and version.
    pub malformed: u64,
    /// First messages at an end that does not accept.
    pub not_accepting: u64,
    /// For a session that is not there.
    pub unknown_session: u64,
    /// Handshakes and cookies from another address than the peer's.
    pub wrong_source: u64,
    /// First messages of senders that do not know this end.
    pub mac: u64,
    /// Handshake messages and cookies out of turn, too soon, or after too many that were not authentic.
    pub unexpected: u64,
    /// Not authentic.
    pub forged: u64,
    /// Packets that came before or are too old to tell.
    pub replayed: u64,
    /// Packets under keys that are too old or used up.
    pub expired: u64,
    /// Handshakes of peers whose keys are not wanted.
    pub unwanted: u64,
    /// First messages that the gate, the admission or `max_peers` had no room for.
    pub full: u64,
}

impl Discards {
    pub(super) fn count(&mut self, reason: Discard) {
        let count = match reason {
            Discard::TooLarge => &mut self.too_large,
            Discard::Malformed => &mut self.malformed,
            Discard::NotAccepting => &mut self.not_accepting,
            Discard::UnknownSession => &mut self.unknown_session,
            Discard::WrongSource => &mut self.wrong_source,
            Discard::Mac => &mut self.mac,
            Discard::Unexpected => &mut self.unexpected,
            Discard::Forged => &mut self.forged,
            Discard::Replayed => &mut self.replayed,
            Discard::Expired => &mut self.expired,
            Discard::Unwanted => &mut self.unwanted,
            Discard::Full => &mut self.full,
        };
        *count = count.saturating_add(1);
    }

    /// All of them.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.too_large
            + self.malformed
            + self.not_accepting
            + self.unknown_session
            + self.wrong_source
            + self.mac
            + self.unexpected
            + self.forged
            + self.replayed
            + self.expired
            + self.unwanted
            + self.full
    }
}
