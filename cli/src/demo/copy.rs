//! A copy of a first message that was recorded on the way is refused.

use super::flight::{first, knock};
use super::forgery::PROTOCOL;
use super::pair::{friends_by, meet};
use super::{Verdict, seen};
use crate::runtime::Runtime;
use anyhow::{Result, bail};
use sealock_proto::drive::DriveError;
use sealock_proto::session::{Alert, Config, Error, alert_packet};
use sealock_tokio::{Address, ListenOptions};
use std::sync::Arc;

pub(super) fn run<A: Runtime, B: Runtime>() -> Result<Verdict> {
    let ends = friends_by(PROTOCOL)?;
    let ours = ends.initiator.build()?;
    let serve = async |listener: A::Listener<Arc<Config>>| {
        A::handshake(A::accept(&listener).await?).await?;
        match A::handshake(A::accept(&listener).await?).await {
            Err(DriveError::Protocol(error)) => Ok(error),
            Err(error) => Err(error.into()),
            Ok(_) => bail!("the copy was let in"),
        }
    };
    let visit = async move |address: Address| {
        let recorded = first(&ours)?;
        Ok([knock(&address, &recorded)?, knock(&address, &recorded)?])
    };
    let theirs = ends.responder.build()?;
    let (error, [original, copy]) = meet::<A, B, _, _>(theirs, ListenOptions::default(), serve, visit)?;
    // A handshake message is longer than any alert.
    let answered = original.len() > 15 && copy == alert_packet(Alert::Replayed);
    seen(
        answered && error == Error::Declined(Alert::Replayed),
        format!("the original was answered with {} bytes\nits copy: {error}", original.len()),
    )
}
