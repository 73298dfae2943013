//! One datagram session between the peer and standard input and output.

use crate::args::Ends;
use crate::runtime::{Runtime, Udp};
use crate::stdout::Output;
use anyhow::{Result, bail};
use async_channel::{Receiver, TryRecvError};
use sealock_proto::datagram::{EndReason, Event, PeerId};
use sealock_proto::drive::{DatagramIncoming as Incoming, DatagramIo};
use std::time::Duration;

/// Standard input is looked at so often: a socket that blocks cannot be waited for together with it.
const TICK: Duration = Duration::from_millis(10);
/// Messages sent in a row before what came is looked at.
const BURST: usize = 16;
/// How long to listen on behind the end of standard input, unless told otherwise: nobody says that all has arrived.
const LINGER: Duration = Duration::from_secs(1);
/// The code of a close that says that this end is done.
const DONE: u16 = 0;

/// Sends the chunks of `input` as messages and prints what comes, until the peer closes or this end has nothing more to
/// say. Who else comes is sent away.
pub(super) async fn run<R: Runtime>(
    mut socket: Udp<R>,
    peer: PeerId,
    input: &Receiver<Vec<u8>>,
    ends: Ends,
) -> Result<()> {
    let output = Output::new();
    let mut buffer = vec![0; socket.buffer_len()];
    // With nothing to send it is the peer who ends.
    let mut end = None;
    let outcome = loop {
        if !ends.recv_only && end.is_none() && send_some::<R>(&mut socket, peer, input).await? {
            end = Some(socket.io().now() + ends.wait.unwrap_or(LINGER));
        }
        let now = socket.io().now();
        if end.is_some_and(|end| end <= now) {
            socket.close(peer, DONE).await;
            break Ok(());
        }
        match socket.next_until(now + TICK, &mut buffer).await? {
            Some(Incoming::Message { peer: from, payload }) if from == peer && !ends.send_only => {
                output.write(payload).await;
            }
            Some(Incoming::Event(Event::Ended { peer: gone, reason })) if gone == peer => {
                break if reason == EndReason::Closed(DONE) { Ok(()) } else { Err(reason) };
            }
            Some(Incoming::Event(Event::Established { peer: other, .. })) => socket.close(other, DONE).await,
            _ => {}
        }
    };
    output.finish();
    match outcome {
        Ok(()) => Ok(()),
        Err(reason) => bail!("{reason}"),
    }
}

/// Sends what there is of standard input, if anything; whether that was all there will be.
async fn send_some<R: Runtime>(socket: &mut Udp<R>, peer: PeerId, input: &Receiver<Vec<u8>>) -> Result<bool> {
    for _ in 0..BURST {
        match input.try_recv() {
            Ok(chunk) => socket.send(peer, &chunk).await?,
            Err(TryRecvError::Empty) => return Ok(false),
            Err(TryRecvError::Closed) => return Ok(true),
        }
    }
    Ok(false)
}
