//! Sealock and its peers in one process, in turn: `.ci/race` runs it.
#![forbid(unsafe_code)]

mod chart;
mod contest;
mod duplex;
mod goals;
mod handshake;
mod measure;
mod memory;
mod peers;
mod sealock;
mod stack;
mod table;
mod transport;

use contest::{Contestant, Rig};
use measure::Effort;
use peers::rustls::{Flush, Rustls};
use stack::Result;
use std::time::Duration;
use transport::{Memory, Tcp};

const AEADS: [&str; 2] = ["AESGCM", "ChaChaPoly"];

fn contestants(only: Option<&str>) -> Result<Vec<Box<dyn Contestant>>> {
    let mut all =
        vec![Rig::boxed(peers::raw::Tokio)?, Rig::boxed(peers::raw::Smol)?, Rig::boxed(peers::raw::Std)?];
    for ends in sealock::Ends::all()? {
        all.push(Rig::boxed(sealock::Tokio(ends.clone()))?);
        all.push(Rig::boxed(sealock::Smol(ends.clone()))?);
        all.push(Rig::boxed(sealock::Std(ends))?);
    }
    for flush in [Flush::Batched, Flush::Each] {
        for stack in Rustls::all(&Tcp, flush)? {
            all.push(Rig::boxed(stack)?);
        }
    }
    for aead in AEADS {
        all.push(Rig::boxed(peers::snow::Snow { aead, transport: Tcp })?);
    }
    all.push(Rig::boxed(peers::libp2p::Libp2p::new())?);
    for stack in peers::quinn::Quinn::all()? {
        all.push(Rig::boxed(stack)?);
    }
    for ends in sealock::Ends::all()? {
        all.push(Rig::boxed(sealock::Pipe(ends, Memory::new()))?);
    }
    for stack in Rustls::all(&Memory::new(), Flush::Batched)? {
        all.push(Rig::boxed(stack.over(Memory::new()))?);
    }
    for aead in AEADS {
        all.push(Rig::boxed(peers::snow::Snow { aead, transport: Memory::new() })?);
    }
    all.retain(|contestant| only.is_none_or(|only| contestant.label().text().contains(only)));
    Ok(all)
}

fn main() -> Result<()> {
    let mut effort = Effort { rounds: 5, slice: Duration::from_millis(120) };
    let mut only = None;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--quick" => effort = Effort { rounds: 3, slice: Duration::from_millis(15) },
            "--only" => only = Some(arguments.next().ok_or("--only needs part of a name")?),
            _ => return Err("usage: .ci/race [--quick] [--only PART-OF-A-NAME]".into()),
        }
    }
    // First: the race ties this thread, and all that it starts, to one processor.
    let head = table::head(&effort);
    let (memory, handshakes, duplex) = (memory::costs()?, handshake::costs()?, duplex::gains()?);
    let contestants = contestants(only.as_deref())?;
    let rows = measure::race(&contestants, &effort)?;
    let goals = goals::table(&rows, &memory, &handshakes, &duplex)?;
    let (results, notes) = (table::markdown(&rows)?, include_str!("../../../docs/race-notes.md"));
    let text = format!("{head}\n{results}\n## Goals\n\n{goals}\n{notes}");
    print!("{text}");
    if only.is_none() {
        std::fs::write("docs/race.md", text)?;
        std::fs::write("docs/race.svg", chart::svg(&rows)?)?;
    }
    Ok(())
}
