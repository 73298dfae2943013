//! Messages sent back to whoever sent them.

use super::{accepted, tls};
use crate::failure::one_line;
use crate::out;
use crate::runtime::{Runtime, WebSocket};
use anyhow::Result;
use sealock_proto::ws::Event;
use sealock_tokio::ws::Server;
use sealock_tokio::ws::tls::ServerTls;

/// Serves every client until interrupted.
pub(super) async fn all<R: Runtime>(listener: R::Listener<Server>, tls: Option<ServerTls>) -> Result<()> {
    loop {
        let incoming = R::accept(&listener).await?;
        tls::refresh(tls.as_ref());
        R::spawn(async move {
            let Some(connection) = accepted::<R>(incoming).await else { return };
            let end =
                one::<R>(connection).await.err().map_or_else(|| "done".to_owned(), |error| one_line(&error));
            out::note(format_args!("a client has left: {end}"));
        });
    }
}

/// Sends every message back until the peer is done.
pub(super) async fn one<R: Runtime>(mut connection: WebSocket<R>) -> Result<()> {
    while let Some(event) = connection.receiver.next().await? {
        if let Event::Message { kind, payload } = event {
            connection.sender.send(kind, payload).await?;
        }
    }
    Ok(())
}
