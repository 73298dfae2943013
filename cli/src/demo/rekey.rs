//! Keys change while messages flow, and none is lost.

use super::numbered;
use super::pair::{Initiated, Responded, friends, pair};
use super::{Verdict, seen};
use crate::runtime::Runtime;
use crate::{dial, units};
use anyhow::{Result, ensure};
use sealock_proto::session::{Event, RekeyPolicy};

const SIZE: usize = 1024;
/// A key is used for so many bytes.
const BYTES: u64 = 64 * 1024;

pub(super) fn run<A: Runtime, B: Runtime>(total: u64) -> Result<Verdict> {
    let mut ends = friends()?;
    ends.initiator = ends.initiator.with_rekey(RekeyPolicy::default().with_bytes(BYTES));
    let respond = async |connection: Responded<A>| {
        let mut connection = connection?;
        let mut received = 0_u64;
        while let Some(event) = connection.receiver.next().await? {
            match event {
                Event::Message(message) => {
                    ensure!(numbered::read(message) == Some(received), "message {received} is missing");
                    received += 1;
                }
                Event::Draining => connection.sender.drain(dial::PATIENCE).await?,
                _ => {}
            }
        }
        Ok((received, connection.stats().received.rekeys))
    };
    let initiate = async move |connection: Initiated<B>, _| {
        let mut connection = connection?;
        let mut message = vec![0; SIZE];
        for number in 0..total {
            numbered::write(&mut message, number);
            connection.send(&message).await?;
        }
        connection.flush().await?;
        let rekeys = connection.stats().sent.rekeys;
        dial::hang_up::<B>(connection).await?;
        Ok(rekeys)
    };
    let ((received, seen_rekeys), rekeys) = pair::<A, B, _, _>(ends, respond, initiate)?;
    // A record is sealed before the limit is looked at, so a key may carry up to one record more.
    let least = total * SIZE as u64 / (BYTES * 3);
    seen(
        received == total && rekeys == seen_rekeys && rekeys >= least.max(1),
        format!(
            "{} changes of key, {} of {} messages arrived in order",
            units::count(seen_rekeys),
            units::count(received),
            units::count(total)
        ),
    )
}
