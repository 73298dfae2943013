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

/// The units asked for are not there; nothing was charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unavailable {
    /// The first instant at which they are, if nothing is charged in between. `None`: never, since they are more
    /// than the burst, or only after [`Instant::MAX`].
    pub at: Option<Instant>,
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.at {
            Some(_) => "rate: not that many units are available yet",
            None => "rate: that many units are never available at once; ask for no more than the burst",
        })
    }
}

impl core::error::Error for Unavailable {}

/// A bucket that starts full, refills at its [`Rate`] and may be overdrawn.
///
/// Exact: no rounding accumulates. A `now` earlier than one seen before refills nothing and costs nothing.
///
/// Whoever has no choice, as with what a peer has sent, charges with [`Gcra::take`]; whoever can wait asks with
/// [`Gcra::try_take`]:
///
/// ```
/// use sealock_proto::limit::{Gcra, Rate};
/// use sealock_proto::time::Instant;
/// use std::time::Duration;
///
/// let mut bucket = Gcra::new(Rate::new(10, 5)?);
/// let now = Instant::ZERO;
/// bucket.try_take(now, 4)?;
/// let wait = bucket.try_take(now, 3).unwrap_err();
/// assert_eq!(wait.at, Some(now + Duration::from_millis(200)));
/// assert_eq!(bucket.try_take(now, 6).unwrap_err().at, None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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

    /// The first instant from `now` on at which `units` may pass at once, if nothing is charged in between. `None`:
    /// never, since they are more than the burst, or only after [`Instant::MAX`]. No units may pass always.
    #[must_use]
    pub fn available_at(&self, now: Instant, units: u64) -> Option<Instant> {
        if units == 0 {
            return Some(now);
        }
        // What may still be unpaid when the last of them passes.
        let tolerance = u128::from(self.rate.burst.get().checked_sub(units)?) * UNIT;
        let wait = self.paid_off.saturating_sub(tolerance);
        let nanos = u64::try_from(wait.div_ceil(u128::from(self.rate.per_second.get()))).ok()?;
        Some(now.max(Instant::from_nanos(nanos)))
    }

    /// Charges `units` if that many may pass at `now`, all or none.
    ///
    /// # Errors
    /// Otherwise when they may; nothing is charged then.
    pub fn try_take(&mut self, now: Instant, units: u64) -> Result<(), Unavailable> {
        match self.available_at(now, units) {
            Some(at) if at <= now => {
                self.take(now, units);
                Ok(())
            }
            at => Err(Unavailable { at }),
        }
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
    fn units_are_taken_all_or_none_and_the_answer_says_when() {
        let mut gcra = bucket(10, 5);
        for (now, units, want) in [
            (S, 6, Err(None)),
            (S, u64::MAX, Err(None)),
            (S, 0, Ok(())),
            (S, 4, Ok(())),
            (S, 3, Err(Some(S + S / 5))),
            (S, 1, Ok(())),
            (S, 0, Ok(())),
            (S, 1, Err(Some(S + S / 10))),
            (S, 5, Err(Some(S + S / 2))),
            (S + S / 2 - 1, 5, Err(Some(S + S / 2))),
            (S + S / 2, 5, Ok(())),
        ] {
            let want = want.map_err(|until: Option<u64>| Unavailable { at: until.map(at) });
            assert_eq!(gcra.try_take(at(now), units), want, "{units} at {now}");
        }
        let mut gcra = bucket(1, u64::MAX);
        gcra.take(at(0), u64::MAX);
        assert_eq!(gcra.try_take(at(0), u64::MAX), Err(Unavailable { at: None }), "after the end of time");
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
                        for units in [1, burst / 2, burst] {
                            let Some(until) = gcra.available_at(at(now), units) else { continue };
                            assert!(until >= at(now) && { gcra }.try_take(until, units).is_ok());
                        }
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
                let asked = draw(burst + 2);
                let held = gcra;
                match gcra.try_take(at(now), asked) {
                    Ok(()) => {
                        assert!(asked == 0 || units >= asked, "seed {seed} step {step}");
                        model.level -= i128::from(asked) * i128::from(S);
                    }
                    Err(Unavailable { at: None }) => assert!(asked > burst, "seed {seed} step {step}"),
                    Err(Unavailable { at: Some(until) }) => {
                        assert!(asked <= burst && units < asked, "seed {seed} step {step}");
                        let mut early = held;
                        let refused = early.try_take(at(until.as_nanos() - 1), asked);
                        assert_eq!(refused, Err(Unavailable { at: Some(until) }), "seed {seed} step {step}");
                        assert_eq!(early.try_take(until, asked), Ok(()), "seed {seed} step {step}");
                        assert_eq!(gcra.paid_off, held.paid_off, "seed {seed} step {step}");
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
