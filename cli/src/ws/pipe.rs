//! One connection between the peer and standard input and output.

use super::text::Cutter;
use crate::runtime::{Runtime, WebSocket};
use crate::stdout::Output;
use anyhow::{Result, bail};
use async_channel::Receiver;
use futures_lite::future;
use sealock_proto::drive::{DriveError, WsSender};
use sealock_proto::ws::{CloseCode, Event, Kind, SendError};

/// Sends the chunks of `input` and prints what comes, until both ends have closed.
pub(super) async fn run<R: Runtime>(
    connection: WebSocket<R>,
    input: &Receiver<Vec<u8>>,
    text: bool,
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
        let (mut cutter, mut sent) = (Cutter::default(), Ok(()));
        while let Some(chunk) = next().await {
            sent = send::<R>(&mut sender, text.then_some(&mut cutter), &chunk).await;
            if sent.is_err() {
                break;
            }
        }
        // Also behind what could not be sent: the receiver waits for the peer's answer.
        let complete = sent.and_then(|()| cutter.finish());
        let code = if complete.is_ok() { CloseCode::NORMAL } else { CloseCode::INVALID_DATA };
        match sender.close(code, "").await {
            Ok(()) => (complete, true),
            // The peer was first, or failed: the receiver knows.
            Err(DriveError::Protocol(SendError::Closed | SendError::Failed(_)) | DriveError::Broken) => {
                (complete, false)
            }
            Err(error) => (Err(error.into()), false),
        }
    };
    let receiving = async move {
        let output = Output::new();
        let mut closed = CloseCode::NORMAL;
        let received = loop {
            match receiver.next().await {
                Ok(Some(Event::Message { payload, .. })) => output.write(payload).await,
                Ok(Some(Event::Closed { code, .. })) => closed = code,
                Ok(Some(_)) => {}
                Ok(None) => break Ok(closed),
                Err(error) => break Err(error),
            }
        };
        output.finish();
        ended.close();
        received
    };
    let (received, (sent, first)) = R::both(receiving, sending).await;
    if first && sent.is_err() {
        // What the peer said then is the answer to what went wrong here.
        return sent;
    }
    match received? {
        CloseCode::NORMAL | CloseCode::NO_STATUS | CloseCode::GOING_AWAY => {}
        code => bail!("the peer closed the connection: {code}"),
    }
    sent
}

async fn send<R: Runtime>(
    sender: &mut WsSender<R::Write>,
    cutter: Option<&mut Cutter>,
    chunk: &[u8],
) -> Result<()> {
    match cutter {
        Some(cutter) => sender.send(Kind::Text, cutter.next(chunk)?.as_bytes()).await?,
        None => sender.send(Kind::Binary, chunk).await?,
    }
    Ok(sender.flush().await?)
}
