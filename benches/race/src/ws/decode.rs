//! In memory: what a message of a client costs until its payload is there, unmasked and checked.

use super::decoders::{self, Decoder};
use super::feed::{Content, Wire};
use cpu_time::ThreadTime;
use sealock_race::{Result, median};
use std::hint::black_box;
use std::time::Duration;

pub(crate) const CASES: [(&str, Content, usize); 6] = [
    ("64 B", Content::Binary, 64),
    ("1 KiB", Content::Binary, 1024),
    ("64 KiB", Content::Binary, 64 * 1024),
    ("64 B text", Content::Ascii, 64),
    ("1 KiB text", Content::Ascii, 1024),
    ("1 KiB Greek", Content::Greek, 1024),
];

/// One decoder, in the order of [`CASES`].
pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// Nanoseconds of this thread for a message.
    pub(crate) ns: Vec<f64>,
    /// Allocations for a message, the most of all cases.
    pub(crate) allocations: f64,
}

/// How many messages take about `slice`.
fn count_for(decoder: &mut dyn Decoder, wire: &Wire, slice: Duration) -> Result<usize> {
    // What comes first makes buffers grow.
    decoder.decode(wire.messages.min(10_000))?;
    let each = time(decoder, wire.messages.min(10_000))?;
    Ok(((slice.as_nanos() as f64 / each) as usize).max(100))
}

fn time(decoder: &mut dyn Decoder, count: usize) -> Result<f64> {
    let clock = ThreadTime::now();
    black_box(decoder.decode(count)?);
    Ok(clock.elapsed().as_nanos() as f64 / count as f64)
}

fn allocations(decoder: &mut dyn Decoder, count: usize) -> Result<f64> {
    let mut result = Ok(0);
    let counted = allocation_counter::measure(|| result = decoder.decode(count));
    result?;
    Ok(counted.count_total as f64 / count as f64)
}

/// Slices in turn, every decoder once a round.
pub(crate) fn race(rounds: usize, slice: Duration) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (_, content, size) in CASES {
        let wire = Wire::new(content, size);
        let mut decoders = decoders::all(&wire)?;
        if rows.is_empty() {
            rows.extend(decoders.iter().map(|decoder| Row {
                name: decoder.name(),
                ns: Vec::new(),
                allocations: 0.0,
            }));
        }
        let mut counts = Vec::new();
        for decoder in &mut decoders {
            counts.push(count_for(&mut **decoder, &wire, slice)?);
        }
        let mut times = vec![Vec::new(); decoders.len()];
        for _ in 0..rounds {
            for ((decoder, count), times) in decoders.iter_mut().zip(&counts).zip(&mut times) {
                times.push(time(&mut **decoder, *count)?);
            }
        }
        for (((row, decoder), count), times) in rows.iter_mut().zip(&mut decoders).zip(&counts).zip(times) {
            row.ns.push(median(times));
            row.allocations = row.allocations.max(allocations(&mut **decoder, *count)?);
        }
    }
    Ok(rows)
}
