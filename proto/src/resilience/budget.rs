//! A retry budget: retries may be a share of the requests, and a few a second where there are hardly any requests.
//!
//! Retries that only depend on their own request multiply the load just when a peer cannot bear it. What is worth a
//! retry, and when it is made, is not decided here.

use crate::limit::{Gcra, Rate};
use crate::time::Instant;
use core::fmt;

/// What a retry costs, in what one percent of a request earns.
const RETRY: u64 = 100;

/// Settings of a [`RetryBudget`]. By default 20 retries for 100 requests, at most 100 saved up, and 10 a second in
/// reserve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BudgetConfig {
    percent: u32,
    max_saved: u32,
    reserve: u32,
}

impl BudgetConfig {
    /// The highest percentage: ten retries for each request.
    pub const MAX_PERCENT: u32 = 1000;

    /// Retries that 100 requests earn, from 0 to [`BudgetConfig::MAX_PERCENT`].
    #[must_use]
    pub const fn with_percent(self, percent: u32) -> Self {
        Self { percent, ..self }
    }

    /// Retries that can be saved up, at least 1: what may come at once when a peer fails after a long good time.
    #[must_use]
    pub const fn with_max_saved(self, max_saved: u32) -> Self {
        Self { max_saved, ..self }
    }

    /// Retries a second, on average and at once, that need not be earned; zero: none. Used where nothing is saved, so
    /// that a client with few requests can retry at all.
    #[must_use]
    pub const fn with_reserve(self, reserve: u32) -> Self {
        Self { reserve, ..self }
    }

    const fn validate(&self) -> Result<(), BudgetError> {
        if self.percent > Self::MAX_PERCENT {
            return Err(BudgetError::Percent);
        }
        if self.max_saved == 0 {
            return Err(BudgetError::MaxSaved);
        }
        if self.percent == 0 && self.reserve == 0 {
            return Err(BudgetError::Nothing);
        }
        Ok(())
    }
}

impl Default for BudgetConfig {
    fn default() -> Self {
        Self { percent: 20, max_saved: 100, reserve: 10 }
    }
}

/// Which field of a [`BudgetConfig`] is out of range.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BudgetError {
    /// `percent` is above [`BudgetConfig::MAX_PERCENT`].
    Percent,
    /// `max_saved` is zero.
    MaxSaved,
    /// Both `percent` and `reserve` are zero.
    Nothing,
}

impl fmt::Display for BudgetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Percent => "retry budget: percent is above 1000, ten retries for each request; lower it",
            Self::MaxSaved => {
                "retry budget: max_saved is zero and no retry would ever be earned; give at least 1"
            }
            Self::Nothing => "retry budget: percent and reserve are zero and nothing would ever be retried",
        })
    }
}

impl core::error::Error for BudgetError {}

/// Why a retry was refused: nothing is saved up, and the reserve is used up or there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exhausted {
    /// When the reserve next has a retry. `None`: there is no reserve.
    pub retry_at: Option<Instant>,
    /// How many more requests earn a retry. `None`: they earn nothing.
    pub requests: Option<u32>,
}

impl fmt::Display for Exhausted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.retry_at {
            Some(_) => {
                "the retry budget is used up: too few requests to earn a retry, and the reserve is spent"
            }
            None => "the retry budget is used up: too few requests to earn a retry, and there is no reserve",
        })
    }
}

impl core::error::Error for Exhausted {}

/// What a [`RetryBudget`] has counted.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BudgetStats {
    /// Requests that were deposited.
    pub requests: u64,
    /// Retries paid from what was saved.
    pub earned: u64,
    /// Retries paid from the reserve.
    pub reserve: u64,
    /// Retries refused.
    pub refused: u64,
}

/// Told of every request, asked before every retry. Starts with nothing saved and a full reserve; nothing saved is
/// lost with time. A `now` earlier than one given before counts as that one.
///
/// ```
/// use sealock_proto::resilience::{BudgetConfig, RetryBudget};
/// use sealock_proto::time::Instant;
///
/// let config = BudgetConfig::default().with_percent(50).with_reserve(0);
/// let mut budget = RetryBudget::new(config)?;
/// let now = Instant::ZERO;
/// budget.deposit();
/// assert_eq!(budget.withdraw(now).unwrap_err().requests, Some(1));
/// budget.deposit();
/// budget.withdraw(now)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct RetryBudget {
    config: BudgetConfig,
    /// In hundredths of a retry.
    saved: u64,
    reserve: Option<Gcra>,
    latest: Instant,
    stats: BudgetStats,
}

impl RetryBudget {
    /// Nothing saved.
    ///
    /// # Errors
    /// Names the field of `config` that is out of range.
    pub fn new(config: BudgetConfig) -> Result<Self, BudgetError> {
        config.validate()?;
        // A rate of zero is no rate, and no reserve.
        let reserve = Rate::new(config.reserve.into(), config.reserve.into()).ok().map(Gcra::new);
        Ok(Self { config, saved: 0, reserve, latest: Instant::ZERO, stats: BudgetStats::default() })
    }

    /// A request is made; a retry of one is none.
    pub fn deposit(&mut self) {
        self.stats.requests = self.stats.requests.saturating_add(1);
        let most = u64::from(self.config.max_saved) * RETRY;
        self.saved = (self.saved + u64::from(self.config.percent)).min(most);
    }

    /// Pays for a retry, from what is saved or else from the reserve.
    ///
    /// # Errors
    /// If the retry must not be made; nothing is paid then.
    pub fn withdraw(&mut self, now: Instant) -> Result<(), Exhausted> {
        self.latest = self.latest.max(now);
        let now = self.latest;
        if let Some(left) = self.saved.checked_sub(RETRY) {
            self.saved = left;
            self.stats.earned = self.stats.earned.saturating_add(1);
            return Ok(());
        }
        let retry_at = match self.reserve.as_mut().map(|reserve| reserve.try_take(now, 1)) {
            Some(Ok(())) => {
                self.stats.reserve = self.stats.reserve.saturating_add(1);
                return Ok(());
            }
            Some(Err(unavailable)) => unavailable.at,
            None => None,
        };
        self.stats.refused = self.stats.refused.saturating_add(1);
        let missing = RETRY - self.saved;
        let requests = missing.div_ceil(u64::from(self.config.percent).max(1));
        let requests = u32::try_from(requests).ok().filter(|_| self.config.percent > 0);
        Err(Exhausted { retry_at, requests })
    }

    /// Whole retries that are saved up, the reserve not included.
    #[must_use]
    pub fn saved(&self) -> u32 {
        u32::try_from(self.saved / RETRY).unwrap_or(u32::MAX)
    }

    /// What has been counted so far.
    #[must_use]
    pub const fn stats(&self) -> BudgetStats {
        self.stats
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;

    const NOW: Instant = Instant::from_nanos(5);

    /// A quarter of a retry for each request, at most 2 saved, no reserve.
    fn small() -> BudgetConfig {
        BudgetConfig::default().with_percent(25).with_max_saved(2).with_reserve(0)
    }

    /// How many retries are paid at `now`.
    fn withdraws(budget: &mut RetryBudget, now: Instant) -> u32 {
        (0..).take_while(|_| budget.withdraw(now).is_ok()).count() as u32
    }

    fn deposits(budget: &mut RetryBudget, requests: u32) {
        (0..requests).for_each(|_| budget.deposit());
    }

    #[test]
    fn the_field_out_of_range_is_named() {
        for (config, want) in [
            (BudgetConfig::default(), None),
            (small().with_percent(1001), Some(BudgetError::Percent)),
            (small().with_percent(1000), None),
            (small().with_max_saved(0), Some(BudgetError::MaxSaved)),
            (small().with_percent(0), Some(BudgetError::Nothing)),
            (small().with_percent(0).with_reserve(1), None),
        ] {
            assert_eq!(RetryBudget::new(config).err(), want, "{config:?}");
        }
    }

    #[test]
    fn defaults_are_20_percent_at_most_100_and_10_a_second() {
        let mut budget = RetryBudget::new(BudgetConfig::default()).unwrap();
        assert_eq!(withdraws(&mut budget, NOW), 10);
        deposits(&mut budget, 10);
        assert_eq!(withdraws(&mut budget, NOW), 2);
        deposits(&mut budget, 10_000);
        assert_eq!((budget.saved(), withdraws(&mut budget, NOW)), (100, 100));
    }

    #[test]
    fn requests_earn_their_share_and_no_more_than_can_be_saved() {
        for (percent, max_saved, requests, want) in [
            (25, 2, 3, 0),
            (25, 2, 4, 1),
            (25, 2, 1000, 2),
            (25, 7, 1000, 7),
            (1, 9, 99, 0),
            (1, 9, 100, 1),
            (100, 9, 5, 5),
            (1000, 50, 2, 20),
            (1000, u32::MAX, 100, 1000),
        ] {
            let config = small().with_percent(percent).with_max_saved(max_saved);
            let mut budget = RetryBudget::new(config).unwrap();
            deposits(&mut budget, requests);
            assert_eq!(budget.saved(), want, "{config:?}");
            assert_eq!(withdraws(&mut budget, NOW), want, "{config:?}");
        }
    }

    #[test]
    fn the_reserve_is_used_where_nothing_is_saved_and_fills_by_the_second() {
        let mut budget = RetryBudget::new(small().with_reserve(2)).unwrap();
        deposits(&mut budget, 4);
        assert_eq!(withdraws(&mut budget, NOW), 3);
        let half = NOW + Duration::from_millis(500);
        assert_eq!(budget.withdraw(NOW).unwrap_err().retry_at, Some(half));
        assert_eq!(withdraws(&mut budget, half), 1);
        assert_eq!(withdraws(&mut budget, half + Duration::from_secs(60)), 2);
        let stats = BudgetStats { requests: 4, earned: 1, reserve: 5, refused: 4 };
        assert_eq!(budget.stats(), stats);
    }

    #[test]
    fn a_refusal_says_what_is_missing() {
        for (percent, reserve, deposited, retry_at, requests) in [
            (25, 0, 0, None, Some(4)),
            (25, 0, 3, None, Some(1)),
            (30, 0, 3, None, Some(1)),
            (30, 0, 0, None, Some(4)),
            (1000, 0, 0, None, Some(1)),
            (0, 1, 5, Some(NOW + Duration::from_secs(1)), None),
        ] {
            let mut budget = RetryBudget::new(small().with_percent(percent).with_reserve(reserve)).unwrap();
            deposits(&mut budget, deposited);
            withdraws(&mut budget, NOW);
            let refusal = budget.withdraw(NOW);
            assert_eq!(refusal, Err(Exhausted { retry_at, requests }), "{percent} {reserve} {deposited}");
            deposits(&mut budget, requests.unwrap_or(0));
            assert_eq!(budget.withdraw(NOW).is_ok(), requests.is_some());
        }
    }
}
