//! WebSocket: sealock and its peers in one process, in turn. `.ci/race --ws` runs it.
#![forbid(unsafe_code)]

mod decode;
mod decoders;
mod echo;
mod feed;
mod idle;
mod raw;
mod report;
mod servers;
mod upgrade;

use sealock_race::Result;
use std::time::Duration;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (rounds, slice) = match (arguments.next().as_deref(), arguments.next()) {
        (None, None) => (5, Duration::from_millis(120)),
        (Some("--quick"), None) => (3, Duration::from_millis(15)),
        // What the race itself runs, in a process for each server.
        (Some("--idle"), Some(name)) => return idle::measure(&name),
        _ => return Err("usage: .ci/race --ws [--quick]".into()),
    };
    // The last of all ties this thread to one processor.
    let head = report::head(rounds, slice);
    let (decoders, idle) = (decode::race(rounds, slice / 4)?, idle::race()?);
    let servers = echo::race(rounds, slice)?;
    let text = report::markdown(head, &decoders, &servers, &idle)?;
    print!("{text}");
    Ok(std::fs::write("docs/race-ws.md", text)?)
}
