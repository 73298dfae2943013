//! Every driver with every driver: handshake, round trip and throughput.

use super::pair::{Initiated, Responded, friends, pair};
use crate::bench::measure;
use crate::bench::progress::Progress;
use crate::failure::one_line;
use crate::runtime::{Runtime, Smol, Std, Tokio};
use crate::table::Table;
use crate::{dial, listen, units};
use anyhow::Result;
use std::time::Duration;

const SMALL: usize = 64;
const LARGE: usize = 64 * 1024;
const SMALL_WINDOW: u32 = 1024;
const LARGE_WINDOW: u32 = 16;

struct Cell {
    handshake: Duration,
    round_trip: Duration,
    small_rate: f64,
    large_rate: f64,
}

type Measure = fn(Duration) -> Result<Cell>;

/// Measures all nine pairs, each of the three measurements for `time`. Also the pairs that failed.
pub(super) fn run(time: Duration) -> (Table, Vec<String>) {
    let mut table =
        Table::new(&["initiator → responder", "handshake", "round trip", "64 B msg/s", "64 KiB MiB/s"]);
    let mut failed = Vec::new();
    let pairs: [(&str, Measure); 9] = [
        ("tokio → tokio", measure::<Tokio, Tokio>),
        ("tokio → smol", measure::<Smol, Tokio>),
        ("tokio → std", measure::<Std, Tokio>),
        ("smol  → tokio", measure::<Tokio, Smol>),
        ("smol  → smol", measure::<Smol, Smol>),
        ("smol  → std", measure::<Std, Smol>),
        ("std   → tokio", measure::<Tokio, Std>),
        ("std   → smol", measure::<Smol, Std>),
        ("std   → std", measure::<Std, Std>),
    ];
    for (name, measure) in pairs {
        let _progress = Progress::new(name.to_owned(), time * 3);
        match measure(time) {
            Ok(cell) => table.row([
                name.to_owned(),
                units::time(cell.handshake),
                units::time(cell.round_trip),
                units::rate(cell.small_rate),
                units::mib(cell.large_rate),
            ]),
            Err(error) => {
                table
                    .row(std::iter::once(name.to_owned()).chain(std::iter::repeat_n("failed".to_owned(), 4)));
                failed.push(format!("{name}: {}", one_line(&error)));
            }
        }
    }
    (table, failed)
}

/// A responder on `A` that sends everything back, an initiator on `B` that measures.
fn measure<A: Runtime, B: Runtime>(time: Duration) -> Result<Cell> {
    let respond = async |connection: Responded<A>| {
        let mut connection = connection?;
        listen::echo::<A>(&mut connection).await
    };
    let initiate = async move |connection: Initiated<B>, handshake| {
        let mut connection = connection?;
        let times = measure::round_trips::<B>(&mut connection, SMALL, time).await?;
        let small = measure::throughput::<B>(&mut connection, SMALL, SMALL_WINDOW, time).await?;
        let large = measure::throughput::<B>(&mut connection, LARGE, LARGE_WINDOW, time).await?;
        dial::hang_up::<B>(connection).await?;
        Ok(Cell {
            handshake,
            round_trip: times.percentile(50.0),
            small_rate: small.messages_per_second(),
            large_rate: large.bytes_per_second(),
        })
    };
    let ((), cell) = pair::<A, B, _, _>(friends()?, respond, initiate)?;
    Ok(cell)
}
