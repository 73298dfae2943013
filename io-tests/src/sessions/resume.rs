//! Coming again with a ticket.

use super::{CLIENT, Kind, Net, Session, XX, accept_one, client, listen, public, server};
use crate::driver::join;
use sealock_net::{ConnectOptions, ListenOptions};
use sealock_proto::backoff::BackoffConfig;
use sealock_proto::entropy::Seed;
use sealock_proto::resume::{ClientTicket, Lifetime, TicketKey, TicketKeys};
use sealock_proto::session::{CloseCode, Config, Event};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// A server that gives tickets under the key made of `n`.
pub(super) fn giving(n: u8, lifetime: Lifetime) -> Config {
    let key = TicketKey::derive(&Seed::new(&mut [n; 32]), 0);
    server().with_tickets(Arc::new(TicketKeys::new(key, lifetime).unwrap()))
}

/// A ticket resumes a session over a new connection, once; used again it leads to a full handshake, and each session gives
/// another.
pub fn a_ticket_resumes_a_session_once<S: Net, C: Net>(kind: Kind) {
    shown_twice::<S, C>(kind, ListenOptions::default(), [true, false]);
}

/// Without a guard nobody remembers which tickets were used, so none is accepted.
pub fn a_ticket_is_not_accepted_without_a_guard<S: Net, C: Net>(kind: Kind) {
    shown_twice::<S, C>(kind, ListenOptions::default().with_guard(None), [false; 2]);
}

/// Shows one ticket twice to a listener with `options`; whether it resumes a session then.
fn shown_twice<S: Net, C: Net>(kind: Kind, options: ListenOptions, resumes: [bool; 2]) {
    let listener = listen::<S>(kind, giving(7, Lifetime::default()), options);
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
        take_in::<S, C>(session, peer);
        session.take_ticket().unwrap()
    };
    let (mut first, mut peer) = come(None);
    assert!(!first.info().resumed && !peer.info().resumed);
    let ticket = ticket_of(&mut first, &mut peer);
    for resumed in resumes {
        let (mut session, mut peer) = come(Some(&ticket));
        assert_eq!((session.info().resumed, peer.info().resumed), (resumed, resumed));
        assert_eq!(peer.info().peer, Some(public(CLIENT)));
        let next = ticket_of(&mut session, &mut peer);
        assert_ne!(next.ticket.as_bytes(), ticket.ticket.as_bytes());
        S::block_on(peer.sender.close(CloseCode::NORMAL, "")).unwrap();
    }
}

/// The client takes in all that its peer has to say, a ticket among it.
fn take_in<S: Net, C: Net>(session: &mut Session<C>, peer: &mut Session<S>) {
    S::block_on(peer.send(b"something")).unwrap();
    S::block_on(peer.flush()).unwrap();
    assert!(matches!(C::block_on(session.next()), Ok(Some(Event::Message(m))) if *m == *b"something"));
    assert!(matches!(C::block_on(session.next()), Ok(Some(Event::Ticket))));
}

/// A listener that gives tickets of `lifetime`, and a client that comes back to it.
fn steady<S: Net, C: Net>(kind: Kind, lifetime: Lifetime) -> (Arc<S::Listener>, C::Reconnector) {
    let listener = listen::<S>(kind, giving(7, lifetime), ListenOptions::default());
    let config = client(XX).build().unwrap();
    let reconnector = C::reconnector(S::address(&listener), config, BackoffConfig::default());
    (listener, reconnector)
}

/// Comes back. Whether that resumed a session must be as expected, and both ends agree on it and on who the client is.
fn come_back<S: Net, C: Net>(
    listener: &Arc<S::Listener>,
    reconnector: &mut C::Reconnector,
    resumed: bool,
) -> (Session<C>, Session<S>) {
    let accepted = accept_one::<S>(listener);
    let session = C::block_on(C::reconnect(reconnector, |error, _| panic!("{error}"))).unwrap();
    let peer = join(accepted).unwrap();
    assert_eq!((session.info().resumed, peer.info().resumed), (resumed, resumed));
    assert_eq!(peer.info().peer, Some(public(CLIENT)));
    (session, peer)
}

/// A client that comes back resumes the session it had, with each ticket once; one that was used, taken away or given by
/// another server leads to a full handshake.
pub fn a_client_that_comes_back_resumes_by_itself<S: Net, C: Net>(kind: Kind) {
    let (listener, mut reconnector) = steady::<S, C>(kind, Lifetime::default());
    let mut come = |resumed| come_back::<S, C>(&listener, &mut reconnector, resumed);
    for resumed in [false, true, true] {
        let (mut session, mut peer) = come(resumed);
        take_in::<S, C>(&mut session, &mut peer);
    }
    // The ticket of this one is not taken in: the last one is used up.
    drop(come(true));
    let (mut session, mut peer) = come(false);
    take_in::<S, C>(&mut session, &mut peer);
    assert!(session.take_ticket().is_some() && session.take_ticket().is_none());
    let (mut session, mut peer) = come(false);
    take_in::<S, C>(&mut session, &mut peer);
    S::set_service(&listener, giving(8, Lifetime::default()).build().unwrap());
    let (mut session, mut peer) = come(false);
    take_in::<S, C>(&mut session, &mut peer);
    drop(come(true));
}

/// A ticket whose time is over, by what the server said of it, is not shown, even if the server would still take it.
pub fn an_expired_ticket_is_not_shown<S: Net, C: Net>(kind: Kind) {
    let lifetime = Duration::from_secs(1);
    for expires in [false, true] {
        let (listener, mut reconnector) = steady::<S, C>(kind, Lifetime::new(lifetime));
        let (mut session, mut peer) = come_back::<S, C>(&listener, &mut reconnector, false);
        take_in::<S, C>(&mut session, &mut peer);
        S::set_service(&listener, giving(7, Lifetime::default()).build().unwrap());
        if expires {
            thread::sleep(lifetime);
        }
        drop(come_back::<S, C>(&listener, &mut reconnector, !expires));
    }
}
