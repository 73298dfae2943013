//! The ticket that a responder owes its peer, and the one that an initiator got (docs/wire.md, section 8).

use super::Control;
use crate::noise::{Exporter, Psk, Role};
use crate::resume::{ClientTicket, TICKET_LEN, Ticket, TicketContent, resumption_psk};
use crate::session::SessionInfo;
use crate::session::opening::Origin;
use crate::time::Instant;
use alloc::boxed::Box;
use core::time::Duration;
use zeroize::Zeroizing;

/// Body of a TICKET: the lifetime in seconds, and the ticket.
pub(in crate::session) const TICKET_BODY: usize = 4 + TICKET_LEN;

/// The pre-shared key with which the session of `info` is resumed.
fn resumption(info: &SessionInfo, exporter: &Exporter) -> Option<Psk> {
    let protocol = info.protocol.resumption()?;
    let mut secret = Zeroizing::new([0; 32]);
    exporter.export("sealock resumption", &[], &mut *secret).ok()?;
    Some(resumption_psk(&secret, info.handshake_hash.as_bytes(), &protocol, 0))
}

/// A responder's ticket to be given, an initiator's that it got.
#[derive(Default)]
pub(super) struct Tickets {
    /// Time since the Unix epoch, and this machine's time then.
    pub(super) clock: Option<(Duration, Instant)>,
    /// Of the ticket that is owed.
    pub(super) id: Option<Zeroizing<[u8; 32]>>,
    /// Of a resumed session: what its ticket goes back to.
    pub(super) origin: Option<Origin>,
    got: Option<Box<ClientTicket>>,
    /// No second one is taken.
    taken: bool,
}

impl Tickets {
    fn unix(&self, now: Instant) -> Option<Duration> {
        self.clock.map(|(unix, then)| unix + now.saturating_since(then))
    }
}

impl Control {
    /// What the ticket that this end owes its peer says on the wire: lifetime in seconds, ticket. Once, and only to a peer
    /// with a session.
    pub(in crate::session) fn take_ticket_owed(&mut self, now: Instant) -> Option<[u8; TICKET_BODY]> {
        let (keys, info) = (self.config.tickets.as_ref()?, self.info.filter(|_| self.announced)?);
        let tickets = self.tickets.as_mut()?;
        let unix = tickets.unix(now)?;
        let id = tickets.id.take()?;
        let origin = tickets.origin.unwrap_or(Origin { protocol: info.protocol, began: unix });
        let psk = resumption(&info, self.exporter.as_ref()?)?;
        let Origin { protocol, began } = origin;
        let context = self.config.admission_context();
        let content = TicketContent { psk, protocol, began, peer: info.peer, context };
        let ticket = keys.seal(unix, *id.first_chunk()?, &content);
        let seconds = u32::try_from(keys.lifetime().as_secs()).unwrap_or(u32::MAX);
        let mut body = [0; TICKET_BODY];
        let parts = seconds.to_be_bytes().into_iter().chain(*ticket.as_bytes());
        body.iter_mut().zip(parts).for_each(|(to, from)| *to = from);
        Some(body)
    }

    /// The peer gave a ticket. `false`: not its place.
    pub(in crate::session) fn on_ticket(&mut self, now: Instant, body: &[u8; TICKET_BODY]) -> bool {
        let (seconds, ticket) = body.split_at(4);
        let (Some(info), Ok(seconds), Ok(ticket)) = (self.info, seconds.try_into(), ticket.try_into()) else {
            return false;
        };
        let tickets = self.tickets.get_or_insert_default();
        if self.config.role == Role::Responder || core::mem::replace(&mut tickets.taken, true) {
            return false;
        }
        let origin = tickets.origin.map_or(info.protocol, |origin| origin.protocol);
        let Some(psk) = self.exporter.as_ref().and_then(|exporter| resumption(&info, exporter)) else {
            return false;
        };
        // Without a clock nobody can say when it expires but the responder.
        let lifetime = Duration::from_secs(u32::from_be_bytes(seconds).into());
        let expires = tickets.unix(now).map_or(Duration::MAX, |unix| unix.saturating_add(lifetime));
        let ticket = Ticket::from_bytes(ticket);
        tickets.got =
            Some(Box::new(ClientTicket { ticket, psk, protocol: origin, responder: info.peer, expires }));
        true
    }

    pub(in crate::session) fn take_ticket(&mut self) -> Option<ClientTicket> {
        self.tickets.as_mut()?.got.take().map(|ticket| *ticket)
    }
}
