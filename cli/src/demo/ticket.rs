//! A session is resumed by a ticket, which is good once.

use super::pair::{friends, meet};
use super::{Verdict, seen};
use crate::runtime::{Connection, Runtime};
use crate::{dial, keyfile, listen, units};
use anyhow::{Context, Result};
use sealock_proto::resume::{ClientTicket, Lifetime, TicketKey, TicketKeys};
use sealock_proto::session::{Config, Event};
use sealock_tokio::{Address, ListenOptions};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The quickest of so many handshakes is told.
const ROUNDS: usize = 10;

pub(super) fn run<A: Runtime, B: Runtime>() -> Result<Verdict> {
    let ends = friends()?;
    let keys = TicketKeys::new(TicketKey::new(&mut *keyfile::random()?), Lifetime::default())?;
    let theirs = ends.responder.with_tickets(Arc::new(keys)).build()?;
    let ours = ends.initiator.build()?;
    let serve = async |listener: A::Listener<Arc<Config>>| {
        let mut resumed = 0;
        for _ in 0..3 * ROUNDS {
            let mut connection = A::handshake(A::accept(&listener).await?).await?;
            resumed += usize::from(connection.info().resumed);
            listen::echo::<A>(&mut connection).await?;
        }
        Ok(resumed)
    };
    let visit = async move |address: Address| {
        let (mut full, mut short, mut again) = (Duration::MAX, Duration::MAX, 0);
        for _ in 0..ROUNDS {
            let first = come::<B>(&address, &ours, None).await?;
            let ticket = first.ticket.context("there is no ticket")?;
            let second = come::<B>(&address, &ours, Some(&ticket)).await?;
            let third = come::<B>(&address, &ours, Some(&ticket)).await?;
            again += usize::from(third.resumed);
            (full, short) = (full.min(first.time), short.min(second.time));
        }
        Ok((full, short, again))
    };
    let (resumed, (full, short, again)) = meet::<A, B, _, _>(theirs, ListenOptions::default(), serve, visit)?;
    seen(
        resumed == ROUNDS && again == 0,
        format!(
            "a handshake takes {}, with a ticket {}; {again} of {ROUNDS} tickets were good twice",
            units::time(full),
            units::time(short)
        ),
    )
}

struct Came {
    time: Duration,
    resumed: bool,
    ticket: Option<ClientTicket>,
}

/// One session, to its end.
async fn come<R: Runtime>(
    address: &Address,
    config: &Arc<Config>,
    ticket: Option<&ClientTicket>,
) -> Result<Came> {
    let begin = Instant::now();
    let mut connection: Connection<R> = R::connect(address, config, ticket).await?;
    let (time, resumed) = (begin.elapsed(), connection.info().resumed);
    let given = match connection.next().await? {
        Some(Event::Ticket) => connection.take_ticket(),
        _ => None,
    };
    dial::hang_up::<R>(connection).await?;
    Ok(Came { time, resumed, ticket: given })
}
