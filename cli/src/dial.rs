//! Connecting and hanging up, with advice where it fails.

use crate::failure::{Failure, Usage};
use crate::out;
use crate::runtime::{Connection, Runtime};
use anyhow::{Result, bail};
use sealock_proto::drive::DriveError;
use sealock_proto::noise::Role;
use sealock_proto::session::{Alert, CloseCode, Config, Error, Event};
use sealock_tokio::{Address, ConnectError};
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

/// How long a peer may take to say its last words when a measurement is over.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// Reads an address given on the command line.
pub(crate) fn address(text: &str) -> Result<Address> {
    text.parse().map_err(|error| Usage(format!("{text}: {error}")).into())
}

/// Connects, and tells who answered unless that was `expected`.
pub(crate) async fn connect<R: Runtime>(
    text: &str,
    config: &Arc<Config>,
    expected: bool,
) -> Result<Connection<R>> {
    let connection = R::connect(&address(text)?, config).await.map_err(explain)?;
    match connection.info().peer {
        Some(peer) if !expected => {
            out::note(format_args!("the peer is {peer}"));
            out::note(
                "hint: nothing says it must be; if it is the right one, give --peer with this key next time",
            );
        }
        None if !connection.info().protocol.needs_local_static(Role::Responder) => {
            out::note("warning: this pattern does not show who the peer is: it could be anybody");
        }
        _ => {}
    }
    Ok(connection)
}

/// Sends nothing more and waits for the peer's last words.
pub(crate) async fn hang_up<R: Runtime>(mut connection: Connection<R>) -> Result<()> {
    connection.drain(PATIENCE).await?;
    while let Some(event) = connection.next().await? {
        match event {
            Event::Closed { code, .. } if code != CloseCode::NORMAL => {
                bail!("the peer closed the session: {code}")
            }
            _ => {}
        }
    }
    Ok(())
}

/// What might help against an error.
fn explain(error: ConnectError) -> anyhow::Error {
    let hint = match &error {
        ConnectError::Io { error, .. } => match error.kind() {
            ErrorKind::ConnectionRefused | ErrorKind::NotFound => Some("is `sealock listen` running there?"),
            _ => None,
        },
        ConnectError::Session { error: DriveError::Protocol(error), .. } => session_hint(*error),
        _ => None,
    };
    Failure { what: error.to_string(), hint: hint.map(str::to_owned) }.into()
}

fn session_hint(error: Error) -> Option<&'static str> {
    Some(match error {
        Error::NotSealock | Error::MalformedOpening | Error::Truncated | Error::HandshakeTimeout => {
            "is it really a `sealock listen` that answers there?"
        }
        Error::PeerNotAllowed => "the listener has another key than --peer says",
        Error::Refused(Alert::PeerNotAllowed) => {
            "the listener does not know this key: its --peer list needs what `sealock pubkey` prints for --key"
        }
        Error::Refused(Alert::ProtocolNotAllowed) => {
            "both ends need the same --pattern and --suite; a listener with --peer wants to see a --key, and \
             --psk-file must be given at both ends or neither"
        }
        Error::Refused(Alert::HandshakeFailed) | Error::Handshake(_) => {
            "the two ends have different keys in mind: compare --peer and --psk-file"
        }
        _ => return None,
    })
}
