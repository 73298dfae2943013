//! The results in Markdown.

use crate::contest::{CASES, Case};
use crate::measure::{Effort, Row};
use crate::stack::Result;
use std::fmt::Write;

fn heading(case: Case) -> String {
    match case {
        Case::Echo => "echo 64 B, µs".into(),
        Case::OneWay(size) if size < 1024 => format!("{size} B, M msg/s"),
        Case::OneWay(size) if size < 1024 * 1024 => format!("{} KiB, MiB/s", size / 1024),
        Case::OneWay(_) => "1 MiB, MiB/s".into(),
        Case::Handshake => "handshakes/s".into(),
    }
}

/// [`heading`] without its unit.
fn subject(case: Case) -> String {
    heading(case).split([',', '/']).next().unwrap_or_default().to_owned()
}

/// In the unit of [`heading`].
fn value(case: Case, ns: f64) -> String {
    match case {
        Case::Echo => format!("{:.1}", ns / 1e3),
        Case::OneWay(size) if size < 1024 => format!("{:.2}", 1e3 / ns),
        Case::OneWay(size) => format!("{:.0}", size as f64 / (1024.0 * 1024.0) / (ns / 1e9)),
        Case::Handshake => format!("{:.0}", 1e9 / ns),
    }
}

fn table(
    out: &mut String,
    rows: &[Row],
    title: fn(Case) -> String,
    cell: impl Fn(&Row, Case) -> String,
) -> Result<()> {
    let headings = CASES.map(title);
    writeln!(out, "| | on | AEAD | {} |", headings.join(" | "))?;
    writeln!(out, "|---|---|---|{}", "---:|".repeat(CASES.len()))?;
    for row in rows {
        let cells: Vec<_> = CASES.iter().map(|case| cell(row, *case)).collect();
        writeln!(
            out,
            "| {} | {} | {} | {} |",
            row.label.name,
            row.label.on,
            row.label.aead,
            cells.join(" | ")
        )?;
    }
    Ok(())
}

fn or_dash(value: Option<String>) -> String {
    value.unwrap_or_else(|| "–".into())
}

pub(crate) fn markdown(rows: &[Row]) -> Result<String> {
    let mut out = String::from("Medians:\n\n");
    table(&mut out, rows, heading, |row, case| or_dash(row.of(case).map(|s| value(case, s.wall_ns))))?;
    out.push_str("\nCPU time of both ends, µs for each message, round trip or handshake:\n\n");
    table(&mut out, rows, subject, |row, case| {
        or_dash(row.of(case).map(|s| format!("{:.2}", s.cpu_ns / 1e3)))
    })?;
    Ok(out)
}

/// Where and how it ran.
pub(crate) fn head(effort: &Effort) -> String {
    let (machine, rounds, slice) = (sealock_race::machine(), effort.rounds, effort.slice.as_millis());
    format!(
        "# Sealock and its peers in one run\n\n`.ci/race` repeats it. {machine}. Medians of \
         {rounds} rounds in which each takes a slice of about {slice} ms in turn; loopback, both ends in one process on a \
         thread and a processor each, but for the echo, where both are on one.\n"
    )
}
