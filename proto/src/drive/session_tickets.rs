//! Tickets that a client keeps for its next connection.

use crate::resume::ClientTicket;
use core::fmt;
use core::time::Duration;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The newest ticket of the sessions with one peer, for the next connection to it. Clones are the same store.
///
/// It holds one ticket, since each is used once and each session brings another.
#[derive(Clone, Default)]
pub struct TicketStore(Arc<Mutex<Option<ClientTicket>>>);

impl TicketStore {
    /// Keeps `ticket` in place of what was there.
    pub fn put(&self, ticket: ClientTicket) {
        *self.lock() = Some(ticket);
    }

    /// Takes the ticket, unless it has expired at `unix`, the time since the Unix epoch. Without a clock none has.
    #[must_use]
    pub fn take(&self, unix: Option<Duration>) -> Option<ClientTicket> {
        self.lock().take().filter(|ticket| ticket.is_fresh(unix.unwrap_or_default()))
    }

    fn lock(&self) -> MutexGuard<'_, Option<ClientTicket>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for TicketStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TicketStore").finish_non_exhaustive()
    }
}

/// What an initiator shows of an earlier session.
#[derive(Clone, Copy, Debug, Default)]
pub enum Resumption<'a> {
    /// Nothing: the handshake is a full one.
    #[default]
    No,
    /// This ticket. The one that comes with the session is the caller's to take.
    Ticket(&'a ClientTicket),
    /// The ticket that is kept here, if there is one that has not expired. The one that comes with the session is kept
    /// here too.
    Store(&'a TicketStore),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noise::Psk;
    use crate::resume::{TICKET_LEN, Ticket};

    fn ticket(expires: u64) -> ClientTicket {
        ClientTicket {
            ticket: Ticket::from_bytes([1; TICKET_LEN]),
            psk: Psk::new(&mut [2; 32]),
            protocol: "Noise_NNpsk0_25519_ChaChaPoly_BLAKE2s".parse().unwrap(),
            responder: None,
            expires: Duration::from_secs(expires),
        }
    }

    #[test]
    fn the_newest_ticket_is_taken_once_and_before_it_expires() {
        let store = TicketStore::default();
        let take = |unix: Option<u64>| store.take(unix.map(Duration::from_secs)).map(|t| t.expires.as_secs());
        assert_eq!(take(None), None);
        // (what is put, at what time it is taken, what that gives)
        for (put, unix, taken) in
            [(&[10, 20][..], Some(19), Some(20)), (&[20], Some(20), None), (&[20, 10], None, Some(10))]
        {
            put.iter().for_each(|expires| store.clone().put(ticket(*expires)));
            assert_eq!((take(unix), take(None)), (taken, None), "{put:?} at {unix:?}");
        }
    }

    #[test]
    fn a_store_prints_nothing_of_its_ticket() {
        let store = TicketStore::default();
        store.put(ticket(10));
        assert_eq!(alloc::format!("{store:?}"), "TicketStore { .. }");
    }
}
