//! `sealock demo`: every driver with every driver, and the guarantees seen to hold.

mod bounded;
mod copy;
mod datagrams;
mod drain;
mod flight;
mod flood;
mod forgery;
mod matrix;
mod numbered;
mod pair;
mod path;
mod quantum;
mod rekey;
mod silence;
mod stranger;
mod ticket;

use crate::args::Demo;
use crate::bench::progress::Progress;
use crate::failure::one_line;
use crate::out;
use crate::runtime::{Smol, Std, Tokio};
use anyhow::{Result, bail};
use sealock_proto::noise::Provider;
use std::time::{Duration, Instant};

/// How much is measured and sent.
struct Effort {
    /// For each measurement of a pair.
    measure: Duration,
    flood: Duration,
    rekey_messages: u64,
    drain: Duration,
}

const FULL: Effort = Effort {
    measure: Duration::from_millis(300),
    flood: Duration::from_secs(1),
    rekey_messages: 50_000,
    drain: Duration::from_millis(300),
};
const QUICK: Effort = Effort {
    measure: Duration::from_millis(60),
    flood: Duration::from_millis(400),
    rekey_messages: 4_000,
    drain: Duration::from_millis(100),
};

/// Whether it is as it should be, and what was seen.
struct Verdict {
    good: bool,
    seen: String,
}

fn seen(good: bool, seen: String) -> Result<Verdict> {
    Ok(Verdict { good, seen })
}

pub(crate) fn run(args: &Demo) -> Result<()> {
    let effort = if args.quick { QUICK } else { FULL };
    let begin = Instant::now();
    out::print(format_args!(
        "\nEvery driver with every driver, on loopback:\nNoise_XX_25519_ChaChaPoly_BLAKE2s computed by {}, \
         every message sent back by the responder\n\n",
        Provider::fastest()
    ))?;
    let (table, failed) = matrix::run(effort.measure);
    out::print(&table)?;
    for failure in &failed {
        out::print(format_args!("  {} {failure}\n", out::mark(false)))?;
    }
    let mut bad = failed.len();
    out::print("\nWhat a session promises, seen to hold:\n\n")?;
    for (title, scenario) in scenarios(effort) {
        let progress = Progress::new(title.to_owned(), Duration::from_secs(2));
        let verdict = scenario().unwrap_or_else(|error| Verdict { good: false, seen: one_line(&error) });
        drop(progress);
        bad += usize::from(!verdict.good);
        out::print(line(title, &verdict))?;
    }
    let elapsed = begin.elapsed().as_secs_f64();
    if bad > 0 {
        bail!("{bad} of the demonstrations did not go as they should ({elapsed:.1} s)");
    }
    out::print(format_args!("\n  {} all as it should be, in {elapsed:.1} s\n", out::mark(true)))
}

type Scenario = Box<dyn FnOnce() -> Result<Verdict>>;

/// Each on another pair of drivers.
fn scenarios(effort: Effort) -> [(&'static str, Scenario); 10] {
    [
        ("a stranger is refused", Box::new(stranger::run::<Tokio, Smol>)),
        ("forgeries are cheap", Box::new(forgery::run::<Smol, Std>)),
        ("a copy is refused", Box::new(copy::run::<Std, Tokio>)),
        ("a flood is throttled", Box::new(move || flood::run::<Smol, Tokio>(effort.flood))),
        ("a silent peer is found", Box::new(silence::run::<Tokio, Std>)),
        ("keys change under load", Box::new(move || rekey::run::<Std, Tokio>(effort.rekey_messages))),
        ("a drain loses nothing", Box::new(move || drain::run::<Smol, Std>(effort.drain))),
        ("a ticket resumes once", Box::new(ticket::run::<Tokio, Tokio>)),
        ("post-quantum handshake", Box::new(quantum::run::<Std, Smol>)),
        ("datagrams arrive once", Box::new(datagrams::run::<Tokio, Smol>)),
    ]
}

/// The mark, the title, and what was seen with its lines one below the other.
fn line(title: &str, verdict: &Verdict) -> String {
    let seen = verdict.seen.replace('\n', &format!("\n{:28}  ", ""));
    format!("  {} {title:24}  {seen}\n", out::mark(verdict.good))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::Runtime;
    use std::thread;

    fn all<A: Runtime, B: Runtime>() {
        let verdicts = [
            ("stranger", stranger::run::<A, B>()),
            ("forgery", forgery::run::<A, B>()),
            ("copy", copy::run::<A, B>()),
            ("flood", flood::run::<A, B>(QUICK.flood)),
            ("silence", silence::run::<A, B>()),
            ("rekey", rekey::run::<A, B>(QUICK.rekey_messages)),
            ("drain", drain::run::<A, B>(QUICK.drain)),
            ("ticket", ticket::run::<A, B>()),
            ("quantum", quantum::run::<A, B>()),
            ("datagrams", datagrams::run::<A, B>()),
        ];
        for (name, verdict) in verdicts {
            let at = [name, A::DRIVER.name(), B::DRIVER.name()];
            match verdict {
                Ok(verdict) => assert!(verdict.good, "{at:?}: {}", verdict.seen),
                Err(error) => panic!("{at:?}: {}", one_line(&error)),
            }
        }
    }

    #[test]
    fn every_demonstration_holds_on_every_pair_of_drivers() {
        thread::scope(|scope| {
            scope.spawn(|| (all::<Tokio, Tokio>(), all::<Tokio, Smol>(), all::<Tokio, Std>()));
            scope.spawn(|| (all::<Smol, Tokio>(), all::<Smol, Smol>(), all::<Smol, Std>()));
            scope.spawn(|| (all::<Std, Tokio>(), all::<Std, Smol>(), all::<Std, Std>()));
        });
    }
}
