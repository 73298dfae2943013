//! Slices in turn: every contestant once a round, so that what disturbs the machine disturbs all alike.

use crate::contest::{CASES, Case, Contestant, Sample};
use crate::stack::{Label, Result};
use sealock_race::median;
use std::time::Duration;

/// How long to measure.
pub(crate) struct Effort {
    pub(crate) rounds: usize,
    pub(crate) slice: Duration,
}

/// The medians of one contestant, in the order of [`CASES`].
pub(crate) struct Row {
    pub(crate) label: Label,
    pub(crate) samples: Vec<Sample>,
}

impl Row {
    pub(crate) fn of(&self, case: Case) -> Option<Sample> {
        CASES.iter().zip(&self.samples).find(|(one, _)| **one == case).map(|(_, sample)| *sample)
    }
}

/// Never so many that one slice takes long if the first guess was wrong.
fn count_for(contestant: &dyn Contestant, case: Case, slice: Duration) -> Result<u64> {
    let first = match case {
        Case::OneWay(size) => (4 * 1024 * 1024 / (size as u64 + 64)).min(20_000),
        Case::Echo => 200,
        Case::Handshake => 4,
    };
    let each = contestant.slice(case, first)?.wall_ns;
    Ok(((slice.as_nanos() as f64 / each) as u64).clamp(1, 2_000_000))
}

pub(crate) fn race(contestants: &[Box<dyn Contestant>], effort: &Effort) -> Result<Vec<Row>> {
    let mut rows: Vec<Row> =
        contestants.iter().map(|contestant| Row { label: contestant.label(), samples: Vec::new() }).collect();
    for case in CASES {
        let counts = contestants
            .iter()
            .map(|contestant| count_for(&**contestant, case, effort.slice))
            .collect::<Result<Vec<_>>>()?;
        let mut samples = vec![Vec::new(); contestants.len()];
        for _ in 0..effort.rounds {
            for ((contestant, count), samples) in contestants.iter().zip(&counts).zip(&mut samples) {
                samples.push(contestant.slice(case, *count)?);
            }
        }
        for (row, samples) in rows.iter_mut().zip(samples) {
            let of = |part: fn(&Sample) -> f64| median(samples.iter().map(part).collect());
            row.samples.push(Sample { wall_ns: of(|s| s.wall_ns), cpu_ns: of(|s| s.cpu_ns) });
        }
    }
    Ok(rows)
}
