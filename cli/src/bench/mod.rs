//! `sealock bench`: round trips and throughput against `sealock listen --echo`.

mod histogram;
pub(crate) mod measure;
pub(crate) mod progress;
mod window;

use crate::args::Bench;
use crate::failure::Usage;
use crate::runtime::{Connection, Runtime};
use crate::table::Table;
use crate::{dial, out, policy, units};
use anyhow::Result;
use histogram::Histogram;
use measure::Throughput;
use progress::Progress;
use std::time::Duration;

const PERCENTILES: [f64; 4] = [50.0, 90.0, 99.0, 99.9];
/// By default so many bytes are under way at once, in at most so many messages.
const WINDOW_BYTES: usize = 1 << 20;
const MAX_WINDOW: usize = 1024;

pub(crate) fn run<R: Runtime>(args: &Bench) -> Result<()> {
    if let Some(size) = args.sizes.iter().find(|size| **size > args.session.max_message) {
        let size = units::bytes(*size);
        return Err(Usage(format!(
            "--size {size} is more than --max-message allows: raise that at both ends"
        ))
        .into());
    }
    let config = policy::initiator(&args.session, args.peer)?;
    let mut table =
        Table::new(&["size", "p50", "p90", "p99", "p99.9", "max", "window", "messages/s", "MiB/s"]);
    R::run(async {
        let mut connection =
            dial::connect::<R>(&args.address, &config, None, &args.session, args.peer).await?;
        out::print(format_args!(
            "\n{} against {}, {} computed by {} on {}\n\n",
            units::time(args.duration) + " a size",
            args.address,
            connection.info().protocol,
            connection.info().provider,
            R::DRIVER.name()
        ))?;
        for size in &args.sizes {
            let window = args.window.unwrap_or_else(|| default_window(*size));
            let (times, rate) = one_size::<R>(&mut connection, *size, window, args.duration).await?;
            table.row(cells(*size, window, &times, &rate));
        }
        dial::hang_up::<R>(connection).await
    })?;
    out::print(&table)?;
    out::print(
        "\n  p50 to max: round trips of one message at a time; MiB/s: of messages, each sent and back\n",
    )
}

async fn one_size<R: Runtime>(
    connection: &mut Connection<R>,
    size: usize,
    window: u32,
    duration: Duration,
) -> Result<(Histogram, Throughput)> {
    let half = duration / 2;
    let progress = Progress::new(format!("{} round trips", units::bytes(size)), half);
    let times = measure::round_trips::<R>(connection, size, half).await?;
    drop(progress);
    let progress = Progress::new(format!("{} throughput", units::bytes(size)), half);
    let rate = measure::throughput::<R>(connection, size, window, half).await?;
    drop(progress);
    Ok((times, rate))
}

fn default_window(size: usize) -> u32 {
    (WINDOW_BYTES / size.max(1)).clamp(1, MAX_WINDOW) as u32
}

fn cells(size: usize, window: u32, times: &Histogram, rate: &Throughput) -> Vec<String> {
    let mut cells = vec![units::bytes(size)];
    cells.extend(PERCENTILES.map(|percent| units::time(times.percentile(percent))));
    cells.push(units::time(times.max()));
    cells.push(units::count(window.into()));
    cells.push(units::rate(rate.messages_per_second()));
    cells.push(units::mib(rate.bytes_per_second()));
    cells
}
