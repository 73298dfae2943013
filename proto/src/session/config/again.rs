//! Who may come again under a configuration: with a ticket, or from a snapshot.

use super::Config;
use crate::noise::{Protocol, PublicKey};
use crate::resume::{ClientTicket, admission_context};
use crate::session::policy::Peers;

impl Config {
    /// Whether an initiator may use `ticket`: it goes back to a handshake that would be made today, with a responder that
    /// would be accepted. Not beside a fallback, which goes on from IK at the first place.
    pub(in crate::session) fn may_resume(&self, ticket: &ClientTicket) -> bool {
        let full = ticket.protocol;
        let key = self.remote_static.filter(|_| full.needs_remote_static(self.role));
        let known = key.is_none_or(|key| ticket.responder == Some(key));
        known && self.fallback.is_none() && self.would_resume(full, ticket.responder)
    }

    /// Whether a responder would let in today whom it gave a ticket with this content.
    pub(in crate::session) fn would_let_in(
        &self,
        full: Protocol,
        peer: Option<PublicKey>,
        context: &[u8; 32],
    ) -> bool {
        *context == self.admission_context() && self.would_resume(full, peer)
    }

    fn would_resume(&self, full: Protocol, peer: Option<PublicKey>) -> bool {
        let accepted = match &self.peers {
            Some(Peers::Only(keys)) => peer.is_some_and(|key| keys.contains(&key)),
            _ => true,
        };
        // A payload that asks for more than the shorter handshake gives would never be sent.
        let carried = full.resumption().is_some_and(|resumption| self.carries_payload(resumption));
        self.protocols.contains(&full) && accepted && carried
    }

    /// Whether a session in `protocol` may be restored: it is one of those that are configured, or followed from one.
    pub(in crate::session) fn may_go_on_in(&self, protocol: Protocol, resumed: bool) -> bool {
        let by_ticket = |full: &Protocol| resumed && full.resumption() == Some(protocol);
        self.protocols.contains(&protocol)
            || self.fallback == Some(protocol)
            || self.protocols.iter().any(by_ticket)
    }

    /// What a ticket says of this configuration.
    pub(in crate::session) fn admission_context(&self) -> [u8; 32] {
        admission_context(&self.psks, &self.prologue)
    }

    /// Whether `protocol` has a message of this end for the payload that is configured, if one is.
    pub(super) fn carries_payload(&self, protocol: Protocol) -> bool {
        let Some((_, at_least)) = &self.payload else { return true };
        let own = (0..protocol.message_count()).filter(|index| protocol.writer(*index) == self.role);
        let mut securities = own.filter_map(|index| protocol.payload_security(index));
        securities.any(|security| security.meets(*at_least))
    }
}
