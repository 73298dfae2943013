//! What a connection at rest holds: resident memory of a process for each server, so that none reuses what another freed.
//! Connections come in waves, each after the last has come to rest: what the first wave freed serves the next, as in a
//! server that runs for long.

use super::echo::{Clients, Load};
use super::servers::SERVERS;
use sealock_race::Result;
use std::process::Command;
use std::time::Duration;
use std::{env, fs, thread};

/// Connections of a wave.
const WAVE: usize = 500;
const WAVES: usize = 4;
/// Longer than the drivers keep the buffers of a connection at rest.
const REST: Duration = Duration::from_secs(3);
/// Of memory, in bytes; the least that Linux has.
const PAGE: f64 = 4096.0;

pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// KiB for a connection at rest after an echo of 1 KiB.
    pub(crate) kib: f64,
}

fn resident() -> Result<f64> {
    let pages: f64 =
        fs::read_to_string("/proc/self/statm")?.split(' ').nth(1).ok_or("no resident pages")?.parse()?;
    Ok(pages * PAGE)
}

/// In a process of its own: prints the figure.
pub(crate) fn measure(name: &str) -> Result<()> {
    let server = SERVERS.iter().find(|server| server.name == name).ok_or("no such server")?;
    let address = server.start()?;
    let (mut connected, mut resident_after, mut back) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..WAVES {
        let mut clients = Clients::new(address, Load { size: 1024, connections: WAVE, window: 1 })?;
        clients.round(&mut back)?;
        connected.push(clients);
        thread::sleep(REST);
        resident_after.push(resident()?);
    }
    let grown = resident_after.last().unwrap_or(&f64::NAN) - resident_after[0];
    println!("{}", grown / (WAVE * (WAVES - 1)) as f64 / 1024.0);
    Ok(())
}

pub(crate) fn race() -> Result<Vec<Row>> {
    let row = |name| {
        let output = Command::new(env::current_exe()?).args(["--idle", name]).output()?;
        let kib = String::from_utf8(output.stdout)?.trim().parse()?;
        Ok(Row { name, kib })
    };
    SERVERS.iter().map(|server| row(server.name)).collect()
}
