//! Connecting and hanging up.

use crate::args::{ExpectIdentity, Session};
use crate::failure::{ClosedByPeer, Usage};
use crate::out;
use crate::runtime::{Connection, Runtime};
use anyhow::Result;
use sealock_proto::noise::{Protocol, PublicKey, Role};
use sealock_proto::resume::ClientTicket;
use sealock_proto::session::{CloseCode, Config, Event};
use sealock_tokio::Address;
use std::sync::Arc;
use std::time::Duration;

/// How long a peer may take to say its last words when a measurement is over.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// Reads an address given on the command line.
pub(crate) fn address(text: &str) -> Result<Address> {
    text.parse().map_err(|error| Usage(format!("{text}: {error}")).into())
}

/// Reads an address to listen at: a port alone is on all IPv4 interfaces.
pub(crate) fn listening_address(text: &str) -> Result<Address> {
    match text.strip_prefix(':') {
        Some(port) => address(&format!("0.0.0.0:{port}")),
        None => address(text),
    }
}

/// Connects, with a ticket if there is one, and tells who answered unless `options` or `peer` say who must.
pub(crate) async fn connect<R: Runtime>(
    text: &str,
    config: &Arc<Config>,
    ticket: Option<&ClientTicket>,
    options: &Session,
    peer: Option<PublicKey>,
) -> Result<Connection<R>> {
    let connection = R::connect(&address(text)?, config, ticket).await?;
    let info = connection.info();
    let identified = options.expected.iter().any(|one| one.key().is_some());
    if !identified && peer.is_none() {
        tell_peer(info.peer, info.protocol);
    }
    if let (Some(identity), false) = (info.identity, matches!(options.expected[..], [ExpectIdentity::One(_)]))
    {
        out::note(format_args!("the peer has proven the identity {identity}"));
    }
    Ok(connection)
}

/// Tells who answered, where nothing says who must.
pub(crate) fn tell_peer(peer: Option<PublicKey>, protocol: Protocol) {
    match peer {
        Some(peer) => {
            out::note(format_args!("the peer is {peer} ({protocol})"));
            out::note(
                "hint: nothing says it must be; if it is the right one, give --peer with this key next time",
            );
        }
        None if !protocol.needs_local_static(Role::Responder) => {
            out::note("warning: this pattern does not show who the peer is: it could be anybody");
        }
        None => {}
    }
}

/// Sends nothing more and waits for the peer's last words.
pub(crate) async fn hang_up<R: Runtime>(mut connection: Connection<R>) -> Result<()> {
    connection.drain(PATIENCE).await?;
    while let Some(event) = connection.next().await? {
        match event {
            Event::Closed { code, reason } if code != CloseCode::NORMAL => {
                return Err(ClosedByPeer::new(code, reason).into());
            }
            _ => {}
        }
    }
    Ok(())
}
