//! The measurements themselves, against a peer that sends every message back.

use super::histogram::Histogram;
use super::window::Window;
use crate::runtime::{Connection, Runtime};
use anyhow::{Result, bail, ensure};
use sealock_proto::session::Event;
use std::time::{Duration, Instant};

/// The first byte of the last message of a run.
const LAST: u8 = 1;

/// What went through and came back.
#[derive(Clone, Copy)]
pub(crate) struct Throughput {
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
    pub(crate) elapsed: Duration,
}

impl Throughput {
    pub(crate) fn messages_per_second(&self) -> f64 {
        self.messages as f64 / self.elapsed.as_secs_f64()
    }

    pub(crate) fn bytes_per_second(&self) -> f64 {
        self.bytes as f64 / self.elapsed.as_secs_f64()
    }
}

/// One message at a time, each sent when the one before is back.
pub(crate) async fn round_trips<R: Runtime>(
    connection: &mut Connection<R>,
    size: usize,
    duration: Duration,
) -> Result<Histogram> {
    let message = vec![0; size];
    let mut times = Histogram::new();
    let begin = Instant::now();
    let mut before = begin;
    while before - begin < duration {
        connection.sender.send(&message).await?;
        echo(&connection.receiver.next().await?, size)?;
        let now = Instant::now();
        times.add(now - before);
        before = now;
    }
    Ok(times)
}

/// As many messages as possible, `window` of them under way at once.
pub(crate) async fn throughput<R: Runtime>(
    connection: &mut Connection<R>,
    size: usize,
    window: u32,
    duration: Duration,
) -> Result<Throughput> {
    let (receiver, sender) = (&mut connection.receiver, &mut connection.sender);
    let window = &Window::new(window);
    let begin = Instant::now();
    let sending = async move {
        let mut message = vec![0; size];
        let mut sent = 0_u64;
        loop {
            if !window.has_room(sent) {
                sender.flush().await?;
                if !window.room(sent).await {
                    // The receiver says why.
                    return Ok(());
                }
            }
            let last = begin.elapsed() >= duration;
            message[0] = if last { LAST } else { 0 };
            sender.send(&message).await?;
            sent += 1;
            if last {
                return Ok(sender.flush().await?);
            }
        }
    };
    let receiving = async move {
        let received = async {
            let mut received = 0;
            loop {
                let first = echo(&receiver.next().await?, size)?;
                received += 1;
                window.on_received();
                if first == LAST {
                    return anyhow::Ok(received);
                }
            }
        };
        let received = received.await;
        window.close();
        received
    };
    let (received, sent): (Result<u64>, Result<()>) = R::both(receiving, sending).await;
    let messages = received?;
    sent?;
    Ok(Throughput { messages, bytes: messages * size as u64, elapsed: begin.elapsed() })
}

/// The first byte of a message that must be one of ours.
fn echo(event: &Option<Event<&mut [u8]>>, size: usize) -> Result<u8> {
    match event {
        Some(Event::Message(message)) => {
            ensure!(
                message.len() == size,
                "the peer does not send messages back: is it `sealock listen --echo`?"
            );
            Ok(message[0])
        }
        Some(Event::Closed { code, .. }) => bail!("the peer closed the session: {code}"),
        Some(_) => bail!("the peer does not send messages back: is it `sealock listen --echo`?"),
        None => bail!("the session ended before the measurement"),
    }
}
