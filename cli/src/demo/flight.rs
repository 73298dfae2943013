//! First messages as bytes, for whoever sends them by hand.

use crate::keyfile;
use anyhow::Result;
use sealock_proto::buf::TxBuf;
use sealock_proto::entropy::Seed;
use sealock_proto::session::{Config, Session};
use sealock_proto::time::Instant;
use sealock_tokio::Address;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// More than any answer takes, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(5);

/// The first flight of an initiator, as of now.
pub(super) fn first(config: &Arc<Config>) -> Result<Vec<u8>> {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut session = Session::new(config, seed()?, Instant::ZERO)?.with_unix_time(unix);
    let mut tx = TxBuf::new(1 << 16);
    session.poll_transmit(Instant::ZERO, &mut tx);
    Ok(tx.sealed().to_vec())
}

pub(super) fn seed() -> Result<Seed> {
    Ok(Seed::new(&mut *keyfile::random()?))
}

/// Sends `flight` to a listener and hangs up; what came first for an answer, if anything did.
pub(super) fn knock(address: &Address, flight: &[u8]) -> Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address.to_string())?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(flight)?;
    let mut answer = vec![0; 256];
    // A stream that is reset is no answer either.
    let len = stream.read(&mut answer).unwrap_or(0);
    answer.truncate(len);
    Ok(answer)
}
