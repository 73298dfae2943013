//! A flood is throttled: everything arrives, no faster than configured.

use super::pair::{Initiated, Responded, friends, pair};
use super::{Verdict, seen};
use crate::runtime::Runtime;
use crate::{dial, units};
use anyhow::Result;
use sealock_proto::limit::Rate;
use sealock_proto::session::{Event, RateLimit};
use std::time::{Duration, Instant};

const PER_SECOND: u64 = 2000;
const BURST: u64 = 100;
/// What a busy machine may take off the rate; nothing may be added but a clock's inexactness.
const TOLERATED: std::ops::RangeInclusive<f64> = 0.6..=1.02;

struct Arrived {
    messages: u64,
    elapsed: Duration,
    throttled: u64,
}

pub(super) fn run<A: Runtime, B: Runtime>(time: Duration) -> Result<Verdict> {
    let total = BURST + (PER_SECOND as f64 * time.as_secs_f64()) as u64;
    let mut ends = friends()?;
    let limit = RateLimit::default().with_messages(Rate::new(PER_SECOND, BURST)?);
    ends.responder = ends.responder.with_rate_limit(limit);
    let respond = async |connection: Responded<A>| {
        let mut connection = connection?;
        let (mut messages, mut begin, mut elapsed) = (0, Instant::now(), Duration::ZERO);
        while let Some(event) = connection.receiver.next().await? {
            match event {
                Event::Message(_) => {
                    messages += 1;
                    if messages == 1 {
                        begin = Instant::now();
                    }
                    elapsed = begin.elapsed();
                }
                Event::Draining => connection.sender.drain(dial::PATIENCE).await?,
                _ => {}
            }
        }
        Ok(Arrived { messages, elapsed, throttled: connection.stats().throttled })
    };
    let initiate = async move |connection: Initiated<B>, _| {
        let mut connection = connection?;
        for _ in 0..total {
            connection.send(b"water").await?;
        }
        dial::hang_up::<B>(connection).await
    };
    let (arrived, ()) = pair::<A, B, _, _>(ends, respond, initiate)?;
    let rate = arrived.messages.saturating_sub(BURST) as f64 / arrived.elapsed.as_secs_f64();
    let good =
        arrived.messages == total && arrived.throttled > 0 && TOLERATED.contains(&(rate / PER_SECOND as f64));
    seen(
        good,
        format!(
            "{} of {} messages arrived, behind the first {BURST} {} a second ({} configured)",
            units::count(arrived.messages),
            units::count(total),
            units::count(rate.round() as u64),
            units::count(PER_SECOND)
        ),
    )
}
