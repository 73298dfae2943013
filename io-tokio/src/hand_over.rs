//! A session from one process to another, with its socket.

use crate::socket::Whole;
use crate::{Connection, now};
use sealock_net::hand_over::{self, NotRestored, Stream};
use sealock_proto::drive::NotHandedOver;
use sealock_proto::session::{Claim, Config, Session, Snapshot, SnapshotKey};
use std::sync::Arc;

/// Takes a session off its socket, for another process or another part of this one: flushes, and gives the session as a
/// snapshot, sealed with `key` and bound to `context`, and a handle to the socket. Nothing that was accepted or has arrived
/// is lost, and the peer notices nothing. The configuration must be one
/// [`with_snapshots`](sealock_proto::session::Config::with_snapshots). See [`SessionConnection::hand_over`](sealock_proto::drive::SessionConnection::hand_over)
/// for what does not go along.
///
/// Passing the socket on is up to the caller: it is an [`OwnedFd`](std::os::fd::OwnedFd) on Unix. It must not be used or shut
/// down in between.
///
/// # Errors
/// The session, which goes on, and the reason.
pub async fn hand_over(
    session: Connection,
    key: &SnapshotKey,
    context: &[u8],
) -> Result<(Snapshot, Stream), NotHandedOver<Connection>> {
    let handle = |session: &Connection| session.receiver.io().get_ref().handle();
    let (session, stream, seed) = hand_over::prepare(session, handle)?;
    let handed_over = session.hand_over(key, context, seed).await?;
    // Dropped it would shut the socket down.
    handed_over.write.into_inner().forget();
    Ok((handed_over.snapshot, stream))
}

/// Goes on with a session on its socket: `snapshot`, `key` and `context` are those of [`hand_over`](fn@hand_over),
/// `config` is of the same end. `claim` should say yes once for each snapshot; see [`Session::restore`].
///
/// # Errors
/// The stream as it was, and the reason.
///
/// # Panics
/// Outside of a runtime with I/O enabled, as everything of tokio's does that opens a socket.
pub fn restore(
    stream: impl Into<Stream>,
    config: &Arc<Config>,
    snapshot: &Snapshot,
    key: &SnapshotKey,
    context: &[u8],
    claim: impl FnOnce(&Claim) -> bool,
) -> Result<Connection, NotRestored> {
    let go_on = |seed: &_| Session::restore(config, snapshot, key, context, seed, now(), claim);
    let (restored, socket) = hand_over::restore(stream.into(), Whole::register, go_on)?;
    Ok(Connection::restored(config, restored, socket.halves()))
}
