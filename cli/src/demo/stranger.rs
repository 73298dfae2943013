//! A stranger is refused, and both ends can tell why.

use super::pair::{Initiated, Responded, friends, pair, stranger};
use super::{Verdict, seen};
use crate::runtime::Runtime;
use anyhow::{Result, bail};
use sealock_proto::drive::DriveError;
use sealock_proto::session::{Alert, Error};
use sealock_tokio::ConnectError;

pub(super) fn run<A: Runtime, B: Runtime>() -> Result<Verdict> {
    let mut ends = friends()?;
    ends.initiator = stranger()?;
    let respond = async |connection: Responded<A>| match connection {
        Err(DriveError::Protocol(error)) => Ok(error),
        Err(error) => Err(error.into()),
        Ok(_) => bail!("the stranger was let in"),
    };
    let initiate = async |connection: Initiated<B>, _| match connection {
        Err(ConnectError::Session { error: DriveError::Protocol(error), .. }) => Ok(error),
        Err(error) => Err(error.into()),
        // Its last handshake message makes an initiator established; the refusal comes where the responder's
        // first record would be.
        Ok(mut connection) => match connection.next().await {
            Err(DriveError::Protocol(error)) => Ok(error),
            Err(error) => Err(error.into()),
            Ok(_) => bail!("the stranger was let in"),
        },
    };
    let (there, here) = pair::<A, B, _, _>(ends, respond, initiate)?;
    let good = there == Error::PeerNotAllowed && here == Error::Refused(Alert::PeerNotAllowed);
    seen(good, format!("listener: {there}\nstranger: {here}"))
}
