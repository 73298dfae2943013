//! A drain in the middle of traffic loses nothing, in either direction.

use super::numbered;
use super::pair::{Initiated, friends, pair};
use super::{Verdict, seen};
use crate::runtime::{Connection, Runtime};
use crate::{dial, units};
use anyhow::{Result, ensure};
use sealock_proto::session::{CloseCode, Event};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const SIZE: usize = 512;

/// What one end counted.
struct Counts {
    sent: u64,
    received: u64,
}

pub(super) fn run<A: Runtime, B: Runtime>(time: Duration) -> Result<Verdict> {
    let respond = async |connection| exchange::<A>(connection?, None).await;
    let initiate = async move |connection: Initiated<B>, _| exchange::<B>(connection?, Some(time)).await;
    let (there, here) = pair::<A, B, _, _>(friends()?, respond, initiate)?;
    let good = there.received == here.sent && here.received == there.sent && here.sent > 0 && there.sent > 0;
    seen(
        good,
        format!(
            "there {} of {} messages arrived, here {} of {}",
            units::count(there.received),
            units::count(here.sent),
            units::count(here.received),
            units::count(there.sent)
        ),
    )
}

/// Sends and receives at full speed. Drains after `time`, or when the peer does.
async fn exchange<R: Runtime>(connection: Connection<R>, time: Option<Duration>) -> Result<Counts> {
    let (mut receiver, mut sender) = connection.split();
    let stop = &AtomicBool::new(false);
    let begin = Instant::now();
    let sending = async move {
        let mut message = vec![0; SIZE];
        let mut sent = 0;
        while !stop.load(Ordering::Relaxed) && time.is_none_or(|time| begin.elapsed() < time) {
            numbered::write(&mut message, sent);
            sender.send(&message).await?;
            sent += 1;
        }
        sender.drain(dial::PATIENCE).await?;
        anyhow::Ok(sent)
    };
    let receiving = async move {
        let mut received = 0;
        while let Some(event) = receiver.next().await? {
            match event {
                Event::Message(message) => {
                    ensure!(numbered::read(message) == Some(received), "message {received} is missing");
                    received += 1;
                }
                Event::Draining => stop.store(true, Ordering::Relaxed),
                Event::Closed { code, .. } => ensure!(code == CloseCode::NORMAL, "closed: {code}"),
                _ => {}
            }
        }
        anyhow::Ok(received)
    };
    let (received, sent) = R::both(receiving, sending).await;
    Ok(Counts { sent: sent?, received: received? })
}
