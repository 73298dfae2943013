//! One session between the peer and standard input and output.

use crate::args::Ends;
use crate::failure::ClosedByPeer;
use crate::out;
use crate::runtime::{Connection, Runtime};
use crate::stdout::Output;
use crate::ticket::TicketFile;
use anyhow::Result;
use async_channel::Receiver;
use futures_lite::future;
use sealock_proto::drive::{DriveError, SessionReceiver};
use sealock_proto::session::{CloseCode, Event, SendError};
use std::io::{self, IsTerminal};
use std::time::Duration;

/// Longer than anybody waits.
const FOREVER: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// Sends the chunks of `input` and prints what comes, until both ends have said all they have to say. A ticket that comes is
/// kept if there is a file for it.
pub(crate) async fn run<R: Runtime>(
    connection: Connection<R>,
    input: &Receiver<Vec<u8>>,
    ends: Ends,
    tickets: Option<&TicketFile>,
) -> Result<()> {
    let (mut receiver, mut sender) = connection.split();
    // Closed when nothing more can be sent.
    let (ended, end) = async_channel::bounded::<()>(1);
    let sending = async move {
        let next = || {
            future::or(async { input.recv().await.ok() }, async {
                let _ = end.recv().await;
                None
            })
        };
        while let Some(chunk) = next().await {
            sender.send(&chunk).await?;
            sender.flush().await?;
        }
        match sender.drain(ends.wait.unwrap_or(FOREVER)).await {
            // The peer was first, or failed: the receiver knows.
            Err(DriveError::Protocol(SendError::Closed | SendError::Failed(_)) | DriveError::Broken) => {
                Ok(())
            }
            drained => drained,
        }
    };
    let receiving = async move {
        let output = Output::new();
        let received = receive::<R>(&mut receiver, &output, ends, tickets).await;
        output.finish();
        ended.close();
        received
    };
    let (received, sent) = R::both(receiving, sending).await;
    received?;
    Ok(sent?)
}

/// Prints what comes, and says if the peer closed for another reason than that it is done.
async fn receive<R: Runtime>(
    receiver: &mut SessionReceiver<R::Read, R::Write>,
    output: &Output,
    ends: Ends,
    tickets: Option<&TicketFile>,
) -> Result<()> {
    let mut closed = None;
    loop {
        match receiver.next().await {
            Ok(Some(Event::Message(_))) if ends.send_only => {}
            Ok(Some(Event::Message(message))) => output.write(message).await,
            Ok(Some(Event::Draining)) => on_draining(),
            Ok(Some(Event::Closed { code, reason })) if code != CloseCode::NORMAL => {
                closed = Some(ClosedByPeer::new(code, reason).into());
            }
            Ok(Some(Event::Ticket)) => {
                if let Some((file, ticket)) = tickets.zip(receiver.take_ticket()) {
                    file.keep(&ticket);
                }
            }
            Ok(Some(_)) => {}
            Ok(None) => return closed.map_or(Ok(()), Err),
            // If the stream breaks behind the peer's close, that says why.
            Err(error) => return Err(closed.unwrap_or_else(|| error.into())),
        }
    }
}

fn on_draining() {
    if io::stdin().is_terminal() {
        out::note("the peer has sent everything; press ctrl-D to end");
    }
}
