//! Which read timeout stands for a deadline.

use std::time::Duration;

/// Below this systems round to zero, which means "for ever".
pub(crate) const SHORTEST: Duration = Duration::from_millis(1);
/// Longer waits are cut: the sending thread may meanwhile have moved the deadline or ended the protocol.
pub(crate) const LONGEST: Duration = Duration::from_secs(1);

/// `wait` rounded down to four significant bits, that is by less than an eighth, so that slightly
/// different waits share a timeout and need no system call. Never later than `wait`, except that
/// [`SHORTEST`] is the least.
pub(crate) fn quantised(wait: Duration) -> Duration {
    let nanos = u64::try_from(wait.min(LONGEST).as_nanos()).unwrap_or(u64::MAX);
    let low_bits = (u64::BITS - nanos.leading_zeros()).saturating_sub(4);
    Duration::from_nanos(nanos >> low_bits << low_bits).max(SHORTEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_late_and_at_most_an_eighth_early() {
        for nanos in (0..1_000_000_000).step_by(999_983) {
            let (wait, timeout) = (Duration::from_nanos(nanos), quantised(Duration::from_nanos(nanos)));
            assert!(timeout <= wait.max(SHORTEST), "{wait:?} -> {timeout:?}");
            assert!(timeout >= wait * 7 / 8, "{wait:?} -> {timeout:?}");
        }
        assert_eq!(quantised(Duration::ZERO), SHORTEST);
        assert!(quantised(Duration::MAX) <= LONGEST);
    }

    #[test]
    fn nearby_waits_share_a_timeout() {
        let distinct: std::collections::BTreeSet<_> =
            (1..1_000_u64).map(|ms| quantised(Duration::from_millis(ms))).collect();
        assert!(distinct.len() <= 8 * 11, "{} timeouts for a thousand waits", distinct.len());
        assert_eq!(quantised(Duration::from_secs(14)), quantised(Duration::from_millis(15_500)));
    }
}
