//! Coming again with a ticket.

use super::{Kind, Net, Session, XX, accept_one, client, listen, server};
use crate::driver::join;
use sealock_net::{ConnectOptions, ListenOptions};
use sealock_proto::entropy::Seed;
use sealock_proto::resume::{ClientTicket, Lifetime, TicketKey, TicketKeys};
use sealock_proto::session::{CloseCode, Event};
use std::sync::Arc;

/// A ticket resumes a session over a new connection, once; used again it leads to a full handshake, and each session gives
/// another.
pub fn a_ticket_resumes_a_session_once<S: Net, C: Net>(kind: Kind) {
    let key = TicketKey::derive(&Seed::new(&mut [7; 32]), 0);
    let keys = Arc::new(TicketKeys::new(key, Lifetime::default()).unwrap());
    let listener = listen::<S>(kind, server().with_tickets(keys), ListenOptions::default());
    let config = client(XX).build().unwrap();
    let come = |ticket: Option<&ClientTicket>| {
        let (address, options) = (S::address(&listener), ConnectOptions::default());
        let accepted = accept_one::<S>(&listener);
        let session = match ticket {
            None => C::block_on(C::connect(&address, &config, &options)),
            Some(ticket) => C::block_on(C::resume(&address, &config, ticket, &options)),
        };
        (session.unwrap(), join(accepted).unwrap())
    };
    let ticket_of = |session: &mut Session<C>, peer: &mut Session<S>| {
        S::block_on(peer.send(b"something")).unwrap();
        S::block_on(peer.flush()).unwrap();
        assert!(matches!(C::block_on(session.next()), Ok(Some(Event::Message(m))) if *m == *b"something"));
        assert!(matches!(C::block_on(session.next()), Ok(Some(Event::Ticket))));
        session.take_ticket().unwrap()
    };
    let (mut first, mut peer) = come(None);
    assert!(!first.info().resumed && !peer.info().resumed);
    let ticket = ticket_of(&mut first, &mut peer);
    for resumed in [true, false] {
        let (mut session, mut peer) = come(Some(&ticket));
        assert_eq!((session.info().resumed, peer.info().resumed), (resumed, resumed));
        assert_eq!(peer.info().peer, Some(super::public(super::CLIENT)));
        let next = ticket_of(&mut session, &mut peer);
        assert_ne!(next.ticket.as_bytes(), ticket.ticket.as_bytes());
        S::block_on(peer.sender.close(CloseCode::NORMAL, "")).unwrap();
    }
}
