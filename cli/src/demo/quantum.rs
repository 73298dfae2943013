//! A session that a later quantum computer cannot read: ML-KEM-768 beside X25519.

use super::pair::{Initiated, Responded, friends_by, pair};
use super::{Verdict, seen};
use crate::runtime::Runtime;
use crate::{dial, listen, units};
use anyhow::{Context, Result};
use sealock_proto::session::Event;

const PROTOCOL: &str = "Noise_XXhfs_25519+MLKEM768_ChaChaPoly_BLAKE2s";
const SECRET: &[u8] = b"for longer than a key agreement over a curve may last";

pub(super) fn run<A: Runtime, B: Runtime>() -> Result<Verdict> {
    let respond = async |connection: Responded<A>| {
        let mut connection = connection?;
        listen::echo::<A>(&mut connection).await
    };
    let initiate = async |connection: Initiated<B>, time| {
        let mut connection = connection?;
        connection.send(SECRET).await?;
        let echoed = matches!(connection.next().await?, Some(Event::Message(message)) if message == SECRET);
        let protocol = connection.info().protocol;
        dial::hang_up::<B>(connection).await.context("after the echo")?;
        Ok((time, protocol, echoed))
    };
    let ((), (time, protocol, echoed)) = pair::<A, B, _, _>(friends_by(PROTOCOL)?, respond, initiate)?;
    seen(
        echoed && protocol.is_hfs(),
        format!("{protocol}\na handshake takes {}, and the session goes on as any", units::time(time)),
    )
}
