//! Round-trip time estimation.

use crate::time::nanos;
use core::time::Duration;

/// What is known about a connection's round trip.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rtt {
    /// The latest sample.
    pub latest: Duration,
    /// Exponentially weighted mean: each sample counts an eighth (RFC 6298 section 2.3).
    pub smoothed: Duration,
    /// Exponentially weighted mean deviation: each sample counts a quarter (RFC 6298 section 2.3).
    pub var: Duration,
    /// The smallest sample.
    pub min: Duration,
}

/// [`Rtt`] in nanoseconds, to stay small.
#[derive(Clone, Copy, Debug)]
pub(super) struct Estimator {
    latest: u64,
    smoothed: u64,
    var: u64,
    min: u64,
}

impl Estimator {
    /// RFC 6298 section 2.2.
    pub(super) fn first(sample: Duration) -> Self {
        let sample = nanos(sample);
        Self { latest: sample, smoothed: sample, var: sample / 2, min: sample }
    }

    /// RFC 6298 section 2.3. No step can overflow: a part is taken away before one is added.
    pub(super) fn update(&mut self, sample: Duration) {
        let sample = nanos(sample);
        let deviation = self.smoothed.abs_diff(sample);
        self.latest = sample;
        self.var = self.var - self.var / 4 + deviation / 4;
        self.smoothed = self.smoothed - self.smoothed / 8 + sample / 8;
        self.min = self.min.min(sample);
    }

    pub(super) const fn rtt(&self) -> Rtt {
        Rtt {
            latest: Duration::from_nanos(self.latest),
            smoothed: Duration::from_nanos(self.smoothed),
            var: Duration::from_nanos(self.var),
            min: Duration::from_nanos(self.min),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn smoothing_follows_rfc_6298() {
        let mut estimator = Estimator::first(80 * MS);
        let rtt = |latest, smoothed, var, min| Rtt {
            latest: latest * MS,
            smoothed: smoothed * MS,
            var: var * MS,
            min: min * MS,
        };
        assert_eq!(estimator.rtt(), rtt(80, 80, 40, 80));
        estimator.update(160 * MS);
        assert_eq!(estimator.rtt(), rtt(160, 90, 50, 80));
        estimator.update(10 * MS);
        let got = estimator.rtt();
        assert_eq!((got.latest, got.var, got.min), (10 * MS, Duration::from_micros(57_500), 10 * MS));
        assert_eq!(got.smoothed, 80 * MS);
    }

    #[test]
    fn extreme_samples_do_not_overflow() {
        for first in [Duration::ZERO, Duration::MAX] {
            let mut estimator = Estimator::first(first);
            for _ in 0..100 {
                estimator.update(Duration::MAX);
                estimator.update(Duration::ZERO);
                estimator.update(Duration::MAX);
            }
            assert_eq!(estimator.rtt().latest, Duration::from_nanos(u64::MAX));
        }
    }
}
