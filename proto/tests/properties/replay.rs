//! The same seeds give the same bytes and the same trace.

use crate::protocol::Protocol;
use crate::script::Script;
use sealock_proto::sim::{Fault, Link, check};
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

/// Over links that do everything they can, with a fault in the middle of every other run.
pub(crate) fn the_same_seed_gives_the_same_run<P: Protocol>(protocol: &P, name: &str) {
    check(name, 0..6, |seed| {
        let run = |seed: u64| {
            let link = |seed| {
                Link::new(seed).with_latency(20 * MS).with_jitter(30 * MS).with_rate(300_000).with_chunks(500)
            };
            let mut pair = protocol.pair(seed).with_links(link(seed), link(!seed));
            if seed % 2 == 1 {
                pair.a_to_b.strike(5000, Fault::Flip(4));
            }
            Script::random(seed, 20, 20_000).play::<P>(&mut pair)?;
            Ok::<_, String>((pair.trace().digest(), pair.a_to_b.digest(), pair.b_to_a.digest()))
        };
        let (first, second, other) = (run(seed)?, run(seed)?, run(seed + 2)?);
        if first != second {
            return Err("two runs differ".into());
        }
        // Otherwise the fingerprints tell nothing.
        if first.0 == other.0 || first.1 == other.1 || first.2 == other.2 {
            return Err("runs with different seeds are the same".into());
        }
        Ok(())
    });
}
