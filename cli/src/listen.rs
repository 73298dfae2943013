//! `sealock listen`: one peer after the other on standard input and output, or every peer its own echo.

use crate::args::Listen;
use crate::failure::one_line;
use crate::policy::{self, Responder};
use crate::runtime::{Connection, Runtime};
use crate::{admission, dial, netcat, out, stdin, udp, units};
use anyhow::Result;
use sealock_proto::noise::PublicKey;
use sealock_proto::session::{Config, Event, SessionInfo};
use std::sync::Arc;

pub(crate) fn run<R: Runtime>(args: &Listen) -> Result<()> {
    if args.udp {
        return udp::listen::<R>(args);
    }
    let Responder { config, public, temporary } =
        policy::responder(&args.session, &args.admission, args.tickets)?;
    let address = dial::listening_address(&args.address)?;
    R::run(async {
        let listener = R::bind(&address, config, admission::options(&args.admission)).await?;
        let lifetime = if temporary { " (a key for this run; --key FILE keeps one)" } else { "" };
        out::note(format_args!("listening on {} as {public}{lifetime}", R::address(&listener)));
        if args.echo { echo_all::<R>(listener).await } else { one_by_one::<R>(listener, args).await }
    })
}

async fn one_by_one<R: Runtime>(listener: R::Listener<Arc<Config>>, args: &Listen) -> Result<()> {
    let input = if args.ends.recv_only { stdin::none() } else { stdin::chunks(args.session.max_message) };
    loop {
        let Some(connection) = next_peer::<R>(&listener).await? else { continue };
        if !args.keep {
            drop(listener);
            return netcat::run::<R>(connection, &input, args.ends, None).await;
        }
        if let Err(error) = netcat::run::<R>(connection, &input, args.ends, None).await {
            out::note(one_line(&error));
        }
    }
}

async fn next_peer<R: Runtime>(listener: &R::Listener<Arc<Config>>) -> Result<Option<Connection<R>>> {
    let incoming = R::accept(listener).await?;
    match handshake::<R>(incoming).await {
        Ok(connection) => {
            out::note(connected(&connection.info()));
            Ok(Some(connection))
        }
        Err(error) => {
            out::note(format_args!("refused a peer: {}", one_line(&error)));
            Ok(None)
        }
    }
}

/// Runs the handshake. A ticket that is owed leaves at once: there is none for who drains before.
async fn handshake<R: Runtime>(incoming: R::Incoming<Arc<Config>>) -> Result<Connection<R>> {
    let mut connection = R::handshake(incoming).await?;
    connection.flush().await?;
    Ok(connection)
}

async fn echo_all<R: Runtime>(listener: R::Listener<Arc<Config>>) -> Result<()> {
    loop {
        let incoming = R::accept(&listener).await?;
        R::spawn(async move {
            match handshake::<R>(incoming).await {
                Ok(connection) => echo_and_tell::<R>(connection).await,
                Err(error) => out::note(format_args!("refused a peer: {}", one_line(&error))),
            }
        });
    }
}

async fn echo_and_tell<R: Runtime>(mut connection: Connection<R>) {
    let peer = name(connection.info().peer);
    out::note(connected(&connection.info()));
    let outcome = echo::<R>(&mut connection).await;
    let received = connection.stats().received;
    let end = outcome.err().map_or_else(|| "done".to_owned(), |error| one_line(&error));
    // Told when its place is free again.
    drop(connection);
    out::note(format_args!(
        "{peer}: {} messages, {} bytes sent back: {end}",
        units::count(received.messages),
        units::count(received.message_bytes)
    ));
}

/// Sends every message back until the peer is done.
pub(crate) async fn echo<R: Runtime>(connection: &mut Connection<R>) -> Result<()> {
    while let Some(event) = connection.receiver.next().await? {
        match event {
            Event::Message(message) => {
                connection.sender.send(message).await?;
            }
            Event::Draining => connection.sender.drain(dial::PATIENCE).await?,
            _ => {}
        }
    }
    Ok(())
}

fn connected(info: &SessionInfo) -> String {
    let identity = info.identity.map_or_else(String::new, |identity| format!(", identity {identity}"));
    let resumed = if info.resumed { ", resumed" } else { "" };
    format!("{} is connected ({}{resumed}{identity})", name(info.peer), info.protocol)
}

fn name(peer: Option<PublicKey>) -> String {
    peer.map_or_else(|| "a peer without a key".to_owned(), |key| key.to_string())
}
