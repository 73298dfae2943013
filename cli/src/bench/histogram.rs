//! Many durations in little memory, for percentiles.

use std::time::Duration;

/// Buckets for each doubling: a percentile is told at most 1/64 too large.
const STEPS: u64 = 64;
const STEP_BITS: u32 = STEPS.trailing_zeros();

/// Counts durations from 1 ns to centuries in 3,800 buckets.
pub(crate) struct Histogram {
    buckets: Vec<u64>,
    count: u64,
    max: u64,
}

impl Histogram {
    pub(crate) fn new() -> Self {
        Self { buckets: vec![0; bucket(u64::MAX) + 1], count: 0, max: 0 }
    }

    pub(crate) fn add(&mut self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.buckets[bucket(nanos)] += 1;
        self.count += 1;
        self.max = self.max.max(nanos);
    }

    #[cfg(test)]
    pub(crate) const fn count(&self) -> u64 {
        self.count
    }

    /// The time that `percent` of all are not above; zero if there are none.
    pub(crate) fn percentile(&self, percent: f64) -> Duration {
        let rank = (self.count as f64 * percent / 100.0).ceil().max(1.0) as u64;
        let mut seen = 0;
        let found = self.buckets.iter().position(|count| {
            seen += count;
            seen >= rank
        });
        Duration::from_nanos(found.map_or(0, highest).min(self.max))
    }

    pub(crate) const fn max(&self) -> Duration {
        Duration::from_nanos(self.max)
    }
}

/// Exact below two times `STEPS`; above, the leading bits decide.
fn bucket(nanos: u64) -> usize {
    let doublings = (nanos | 1).ilog2().saturating_sub(STEP_BITS);
    (u64::from(doublings) * STEPS + (nanos >> doublings)) as usize
}

/// The highest value of a bucket.
fn highest(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    let doublings = (bucket / STEPS).saturating_sub(1);
    let lowest = bucket - doublings * STEPS;
    (lowest << doublings) + ((1 << doublings) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_holds_what_its_highest_value_says() {
        for nanos in (0..100_000).chain([1 << 40, (1 << 40) + 12_345_678, u64::MAX]) {
            let high = highest(bucket(nanos));
            assert!(high >= nanos && high - nanos <= nanos / STEPS, "{nanos}: {high}");
            assert!(bucket(nanos) == 0 || highest(bucket(nanos) - 1) < nanos, "{nanos}");
        }
    }

    #[test]
    fn percentiles_are_those_of_the_sorted_times() {
        let mut histogram = Histogram::new();
        assert_eq!(histogram.percentile(50.0), Duration::ZERO);
        for nanos in 1..=100 {
            histogram.add(Duration::from_nanos(nanos));
        }
        for (percent, nanos) in [(50.0, 50), (90.0, 90), (99.0, 99), (99.9, 100), (100.0, 100)] {
            assert_eq!(histogram.percentile(percent), Duration::from_nanos(nanos), "{percent}");
        }
        assert_eq!((histogram.count(), histogram.max()), (100, Duration::from_nanos(100)));
    }
}
