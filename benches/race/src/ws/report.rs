//! The results in Markdown, and the goals.

use super::{decode, echo, idle};
use sealock_race::{Goals, Result, machine};
use std::fmt::Write;
use std::time::Duration;

fn size_name(size: usize) -> String {
    if size < 1024 { format!("{size} B") } else { format!("{} KiB", size / 1024) }
}

fn load_name(load: &echo::Load) -> String {
    format!("{}, {}, {}", size_name(load.size), load.connections, load.window)
}

/// A table of one row for each name.
fn table<'a>(
    out: &mut String,
    headings: &[String],
    rows: impl Iterator<Item = (&'a str, Vec<String>)>,
) -> Result<()> {
    writeln!(out, "| | {} |", headings.join(" | "))?;
    writeln!(out, "|---|{}", "---:|".repeat(headings.len()))?;
    for (name, cells) in rows {
        writeln!(out, "| {name} | {} |", cells.join(" | "))?;
    }
    out.push('\n');
    Ok(())
}

fn cells(values: &[f64], digits: usize) -> Vec<String> {
    values.iter().map(|value| format!("{value:.digits$}")).collect()
}

/// Where and how it ran.
pub(crate) fn head(rounds: usize, slice: Duration) -> String {
    format!(
        "# WebSocket: sealock and its peers in one run\n\n`.ci/race --ws` repeats it. {}. Medians of {rounds} rounds in \
         which each takes a slice of about {} ms in turn, in memory a quarter of that.\n\n",
        machine(),
        slice.as_millis()
    )
}

pub(crate) fn markdown(
    mut out: String,
    decoders: &[decode::Row],
    servers: &[echo::Row],
    idle: &[idle::Row],
) -> Result<String> {
    out.push_str(
        "## In memory\n\nA server's end takes frames of a client, read in pieces of at most 64 KiB: nanoseconds of the \
         thread until a message is there, unmasked and checked, and allocations for a message where they are most.\n\n",
    );
    let mut headings: Vec<String> = decode::CASES.iter().map(|(name, ..)| (*name).to_owned()).collect();
    headings.push("allocations".into());
    table(
        &mut out,
        &headings,
        decoders.iter().map(|row| {
            let mut all = cells(&row.ns, 1);
            all.push(format!("{:.2}", row.allocations));
            (row.name, all)
        }),
    )?;
    out.push_str(
        "## Echo over loopback\n\nServer on one processor, a client without a library on another. Columns: bytes of a \
         message, connections, messages that a connection sends before it waits. \"Fed\": what is there is answered with \
         one flush; else with the call that sends one message, which flushes each. Microseconds of the server's threads \
         for a message:\n\n",
    );
    let loads: Vec<String> = echo::LOADS.iter().map(load_name).collect();
    table(&mut out, &loads, servers.iter().map(|row| (row.name, cells(&row.us, 2))))?;
    out.push_str("Thousands of messages a second:\n\n");
    table(&mut out, &loads, servers.iter().map(|row| (row.name, cells(&row.rate, 1))))?;
    out.push_str(
        "## At rest\n\nResident memory that a connection adds to a process that has others at rest, the server's end, \
         after an echo of 1 KiB; with a thread for each connection on std:\n\n",
    );
    table(&mut out, &["KiB".into()], idle.iter().map(|row| (row.name, cells(&[row.kib], 1))))?;
    write!(
        out,
        "## Goals\n\n{}\n{}",
        goals(decoders, servers, idle)?,
        include_str!("../../../../docs/race-ws-notes.md")
    )?;
    Ok(out)
}

fn is_sealock(name: &str) -> bool {
    name.starts_with("sealock")
}

fn goals(decoders: &[decode::Row], servers: &[echo::Row], idle: &[idle::Row]) -> Result<String> {
    let mut goals = Goals::default();
    let own = decoders.iter().find(|row| is_sealock(row.name)).ok_or("no sealock")?;
    for (n, (case, _, size)) in decode::CASES.iter().enumerate() {
        // The first row is the limit and no peer.
        let peers = decoders.iter().skip(1).filter(|row| !is_sealock(row.name));
        let best = peers.min_by(|a, b| a.ns[n].total_cmp(&b.ns[n])).ok_or("no peer")?;
        let (what, ratio) =
            (format!("in memory, {case}: time over that of {}", best.name), own.ns[n] / best.ns[n]);
        match *size {
            64 => goals.most(&what, ratio, 0.6)?,
            1024 => {}
            _ => goals.most(&what, ratio, 1.0)?,
        }
    }
    goals.most("allocations for a message in memory", own.allocations, 0.0)?;
    for row in servers.iter().filter(|row| is_sealock(row.name)) {
        let named = |name: &str| servers.iter().find(|row| row.name == name).ok_or("a server is missing");
        let runtime = row.name.rsplit(' ').next().unwrap_or_default();
        let (raw, ordinary) = (named(&format!("raw loop, {runtime}"))?, named("tokio-tungstenite")?);
        for (n, load) in echo::LOADS.iter().enumerate().filter(|(_, load)| load.window > 1) {
            let load = load_name(load);
            goals.least(
                &format!("echo {load}: tokio-tungstenite over {}", row.name),
                ordinary.us[n] / row.us[n],
                5.0,
            )?;
            goals.most(
                &format!("echo {load}: {} over its raw loop", row.name),
                row.us[n] / raw.us[n],
                1.3,
            )?;
        }
    }
    for row in idle.iter().filter(|row| is_sealock(row.name)) {
        goals.most(&format!("at rest: KiB of {}", row.name), row.kib, 4.0)?;
    }
    Ok(goals.into_table())
}
