//! One rate limit: the generic cell rate algorithm (GCRA, ITU-T I.371, virtual scheduling).
//!
//! A bucket holds one number, the time at which everything charged so far is paid off. Who is limited and
//! what a unit is (a message, a byte, a record) is the caller's business.

use crate::time::Instant;
use core::fmt;
use core::num::NonZeroU64;

/// Ticks one unit costs. A nanosecond pays off `per_second` ticks, so no rate needs rounding.
const UNIT: u128 = 1_000_000_000;

/// Units per second on average, and how many may come at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    per_second: NonZeroU64,
    burst: NonZeroU64,
}

impl Rate {
    /// `per_second` units a second on average, at most `burst` at once after a pause.
    ///
    /// # Errors
    /// If either is zero.
    pub const fn new(per_second: u64, burst: u64) -> Result<Self, RateError> {
        match (NonZeroU64::new(per_second), NonZeroU64::new(burst)) {
            (Some(per_second), Some(burst)) => Ok(Self { per_second, burst }),
            (None, _) => Err(RateError::PerSecond),
            (_, None) => Err(RateError::Burst),
        }
    }

    const fn ticks(self, now: Instant) -> u128 {
        now.as_nanos() as u128 * self.per_second.get() as u128
    }

    /// The largest debt, as a pay-off time in ticks, that still lets one unit pass at `now`.
    const fn horizon(self, now: Instant) -> u128 {
        self.ticks(now).saturating_add(self.tolerance())
    }

    const fn tolerance(self) -> u128 {
        (self.burst.get() as u128 - 1) * UNIT
    }
}

/// Why a [`Rate`] is not one.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateError {
    /// `per_second` is zero.
    PerSecond,
    /// `burst` is zero.
    Burst,
}

impl fmt::Display for RateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PerSecond => "rate: per_second is zero and nothing would ever pass; give at least 1",
            Self::Burst => "rate: burst is zero and nothing would ever pass; give at least 1",
        })
    }
}

impl core::error::Error for RateError {}

/// A bucket that starts full, refills at its [`Rate`] and may be overdrawn.
///
/// Exact: no rounding accumulates. A `now` earlier than one seen before refills nothing and costs nothing.
#[derive(Clone, Copy, Debug)]
pub struct Gcra {
    rate: Rate,
    /// When everything charged is paid off, in ticks. At most `rate.horizon(Instant::MAX)`.
    paid_off: u128,
}

impl Gcra {
    /// A full bucket.
    #[must_use]
    pub const fn new(rate: Rate) -> Self {
        Self { rate, paid_off: 0 }
    }

    /// Whether one more unit may pass at `now`. Charges nothing.
    ///
    /// # Errors
    /// Otherwise the first instant from which it may: the same call at that instant succeeds if nothing is
    /// charged in between.
    pub fn check(&self, now: Instant) -> Result<(), Instant> {
        if self.paid_off <= self.rate.horizon(now) {
            return Ok(());
        }
        let wait = self.paid_off.saturating_sub(self.rate.tolerance());
        let nanos = wait.div_ceil(u128::from(self.rate.per_second.get()));
        Err(Instant::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)))
    }

    /// Charges `cost` units, whether or not they are there: what a peer has sent is charged in full and a
    /// debt delays what comes next. A debt saturates where it would end after [`Instant::MAX`].
    pub fn take(&mut self, now: Instant, cost: u64) {
        let start = self.paid_off.max(self.rate.ticks(now));
        let paid_off = start.saturating_add(u128::from(cost) * UNIT);
        self.paid_off = paid_off.min(self.rate.horizon(Instant::MAX));
    }

    /// Whole units that may pass at `now`: at most the burst, zero while in debt.
    #[must_use]
    pub fn available(&self, now: Instant) -> u64 {
        let debt = self.paid_off.saturating_sub(self.rate.ticks(now));
        let full = u128::from(self.rate.burst.get()) * UNIT;
        u64::try_from(full.saturating_sub(debt) / UNIT).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::Jitter;
    use crate::sim::seeds;

    const S: u64 = 1_000_000_000;

    fn at(nanos: u64) -> Instant {
        Instant::from_nanos(nanos)
    }

    fn bucket(per_second: u64, burst: u64) -> Gcra {
        Gcra::new(Rate::new(per_second, burst).unwrap())
    }

    #[test]
    fn a_rate_of_zero_and_a_burst_of_zero_are_refused() {
        for (per_second, burst, error) in [(0, 1, RateError::PerSecond), (1, 0, RateError::Burst)] {
            assert_eq!(Rate::new(per_second, burst), Err(error));
        }
    }

    #[test]
    fn a_burst_passes_at_once_and_then_one_unit_per_period() {
        let mut gcra = bucket(10, 3);
        for left in [3, 2, 1] {
            assert_eq!((gcra.check(at(S)), gcra.available(at(S))), (Ok(()), left));
            gcra.take(at(S), 1);
        }
        assert_eq!((gcra.check(at(S)), gcra.available(at(S))), (Err(at(S + S / 10)), 0));
        assert_eq!(gcra.check(at(S + S / 10 - 1)), Err(at(S + S / 10)));
        assert_eq!(gcra.check(at(S + S / 10)), Ok(()));
    }

    #[test]
    fn a_debt_delays_the_next_unit_by_its_whole_size() {
        let mut gcra = bucket(1, 5);
        gcra.take(at(0), 15);
        assert_eq!(gcra.check(at(0)), Err(at(11 * S)));
        assert_eq!(gcra.available(at(10 * S)), 0);
        assert_eq!(gcra.available(at(15 * S)), 5);
    }

    #[test]
    fn a_bucket_never_holds_more_than_its_burst() {
        let mut gcra = bucket(1_000, 4);
        gcra.take(at(0), 4);
        assert_eq!(gcra.available(at(100 * S)), 4);
    }

    #[test]
    fn a_clock_that_steps_back_refills_nothing() {
        let mut gcra = bucket(1, 2);
        gcra.take(at(100 * S), 2);
        gcra.take(at(0), 1);
        assert_eq!(gcra.check(at(0)), Err(at(102 * S)));
    }

    #[test]
    fn extremes_saturate_and_the_reported_instant_stays_actionable() {
        let values = [1, 2, 3, S - 1, S, S + 1, u64::MAX / 2, u64::MAX - 1, u64::MAX];
        for per_second in values {
            for burst in values {
                for cost in values {
                    for now in [0, 1, S, u64::MAX - 1, u64::MAX] {
                        let mut gcra = bucket(per_second, burst);
                        gcra.take(at(now), cost);
                        gcra.take(at(now), cost);
                        let until = gcra.check(at(now)).err().unwrap_or(at(now));
                        assert_eq!(gcra.check(until), Ok(()), "{per_second} {burst} {cost} {now}");
                        let _ = gcra.available(at(now));
                    }
                }
            }
        }
    }

    /// A bucket that simply counts: level in billionths of a unit, refilled step by step.
    struct Model {
        rate: (i128, i128),
        level: i128,
        seen: u64,
    }

    impl Model {
        fn refill(&mut self, now: u64) {
            let full = self.rate.1 * i128::from(S);
            let gained = i128::from(now.saturating_sub(self.seen)) * self.rate.0;
            self.level = full.min(self.level + gained);
            self.seen = self.seen.max(now);
        }
    }

    #[test]
    fn agrees_with_a_counting_bucket() {
        for seed in seeds("agrees_with_a_counting_bucket", 0..300) {
            let mut jitter = Jitter::new(seed);
            let mut draw = |below: u64| jitter.next_u64() % below;
            let (per_second, burst) = (1 + draw(5_000), 1 + draw(50));
            let mut gcra = bucket(per_second, burst);
            let rate = (i128::from(per_second), i128::from(burst));
            let mut model = Model { rate, level: rate.1 * i128::from(S), seen: 0 };
            let mut now = draw(S);
            for step in 0..200 {
                let unit = S / per_second;
                now += draw(4 * unit + 2);
                model.refill(now);
                let units = u64::try_from(model.level.max(0)).unwrap() / S;
                assert_eq!(gcra.available(at(now)), units, "seed {seed} step {step}");
                match gcra.check(at(now)) {
                    Ok(()) => assert!(units > 0, "seed {seed} step {step}"),
                    Err(until) => {
                        assert_eq!(units, 0, "seed {seed} step {step}");
                        let early = at(until.as_nanos() - 1);
                        assert_eq!(gcra.check(early), Err(until), "seed {seed} step {step}");
                        assert_eq!(gcra.check(until), Ok(()), "seed {seed} step {step}");
                    }
                }
                if draw(2) == 0 {
                    let cost = draw(burst + 3);
                    gcra.take(at(now), cost);
                    model.level -= i128::from(cost) * i128::from(S);
                }
            }
        }
    }
}
