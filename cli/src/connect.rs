//! `sealock connect`: a session on standard input and output.

use crate::args::Connect;
use crate::runtime::{Connection, Runtime};
use crate::ticket::TicketFile;
use crate::{dial, keyfile, netcat, out, policy, stdin, udp};
use anyhow::Result;
use sealock_proto::resume::ClientTicket;
use sealock_proto::session::Config;
use sealock_tokio::ConnectError;
use std::path::Path;
use std::sync::Arc;

pub(crate) fn run<R: Runtime>(args: &Connect) -> Result<()> {
    if args.udp {
        return udp::connect::<R>(args);
    }
    let config = policy::initiator(&args.session, args.peer)?;
    let (file, ticket) = match &args.ticket {
        Some(path) => {
            tickets(path, args.session.key.as_deref()).map(|(file, ticket)| (Some(file), ticket))?
        }
        None => (None, None),
    };
    R::run(async {
        let connection = connect::<R>(args, &config, file.as_ref(), ticket.as_ref()).await?;
        // Not read before somebody is there to take it.
        let input = if args.ends.recv_only { stdin::none() } else { stdin::chunks(args.session.max_message) };
        netcat::run::<R>(connection, &input, args.ends, file.as_ref()).await
    })
}

fn tickets(path: &Path, key: Option<&Path>) -> Result<(TicketFile, Option<ClientTicket>)> {
    let own = key.map(keyfile::read_key).transpose()?.map(|key| key.public());
    TicketFile::open(path, own)
}

/// Connects, and says whether the ticket was of use.
async fn connect<R: Runtime>(
    args: &Connect,
    config: &Arc<Config>,
    file: Option<&TicketFile>,
    ticket: Option<&ClientTicket>,
) -> Result<Connection<R>> {
    let connected = dial::connect::<R>(&args.address, config, ticket, &args.session, args.peer).await;
    let Some(file) = file else { return connected };
    let unreached = |error: &anyhow::Error| matches!(error.downcast_ref(), Some(ConnectError::Io { .. }));
    if ticket.is_some() && !connected.as_ref().is_err_and(unreached) {
        file.forget();
    }
    let connection = connected?;
    out::note(match (connection.info().resumed, ticket) {
        (true, _) => "the session is resumed by the ticket",
        (false, Some(_)) => "the ticket was not taken: a full handshake",
        (false, None) => "no ticket to resume by: a full handshake",
    });
    Ok(connection)
}
