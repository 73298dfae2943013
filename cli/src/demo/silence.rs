//! A peer that goes silent is found, in time and with the cause.

use super::pair::{Initiated, Responded, friends, pair};
use super::{Verdict, seen};
use crate::runtime::Runtime;
use crate::units;
use anyhow::{Result, bail};
use sealock_proto::drive::DriveError;
use sealock_proto::heartbeat::{Dead, HeartbeatConfig};
use sealock_proto::session::Error;
use std::sync::mpsc;
use std::time::{Duration, Instant};

const INTERVAL: Duration = Duration::from_millis(150);
const ANSWER_WITHIN: Duration = Duration::from_millis(100);
const MISSES: u32 = 2;
/// A ping falls due after at most `INTERVAL`; the first and `MISSES` more go unanswered.
const EXPECTED: Duration = Duration::from_millis(150 + 100 * (1 + MISSES as u64));
/// How much later a busy machine may notice.
const LATE: Duration = Duration::from_millis(1500);

pub(super) fn run<A: Runtime, B: Runtime>() -> Result<Verdict> {
    let mut ends = friends()?;
    let heartbeat = HeartbeatConfig::default()
        .with_interval(INTERVAL)
        .with_probe_timeout(ANSWER_WITHIN)
        .with_misses(MISSES);
    ends.initiator = ends.initiator.with_heartbeat(Some(heartbeat));
    let (found, wait) = mpsc::channel();
    let respond = async move |connection: Responded<A>| {
        let connection = connection?;
        // Its socket stays open; nobody looks at it.
        let _ = wait.recv_timeout(EXPECTED + LATE);
        drop(connection);
        Ok(())
    };
    let initiate = async move |connection: Initiated<B>, _| {
        let mut connection = connection?;
        let begin = Instant::now();
        let outcome = connection.next().await;
        // If the other end has given up, the verdict says so.
        let _ = found.send(());
        match outcome {
            Err(DriveError::Protocol(error)) => Ok((error, begin.elapsed())),
            Err(error) => Err(error.into()),
            Ok(_) => bail!("something came from a peer that should be silent"),
        }
    };
    let ((), (error, elapsed)) = pair::<A, B, _, _>(ends, respond, initiate)?;
    let Error::Dead(Dead::Silent { silence, probes }) = error else { bail!("{error}") };
    let in_time = (ANSWER_WITHIN * (MISSES + 1)..=EXPECTED + LATE).contains(&elapsed);
    seen(
        in_time && probes == MISSES + 1,
        format!(
            "after {} ({} configured): nothing came for {}, {probes} pings went unanswered",
            units::time(elapsed),
            units::time(EXPECTED),
            units::time(silence)
        ),
    )
}
