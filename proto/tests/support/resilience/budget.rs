//! The retry budget, against a list of the requests that are not used up and a reserve that counts.

use super::{Clock, Input, Tally};
use sealock_proto::resilience::{BudgetConfig, Exhausted, RetryBudget};
use sealock_proto::time::Instant;

pub(super) const OFTEN: [&str; 5] = ["earned", "from the reserve", "refused", "refused for ever", "saved up"];

const SECOND: u64 = 1_000_000_000;

/// Runs operations: three bytes choose the settings, then come two for each.
pub(super) fn run(input: &mut Input<'_>, tally: &mut Tally) {
    let percent = input.pick(&[0, 1, 20, 33, 100, 250]);
    let max_saved = input.pick(&[1, 2, 5, 1000]);
    let reserve = input.pick(&[0, 1, 3, 50]);
    let config =
        BudgetConfig::default().with_percent(percent).with_max_saved(max_saved).with_reserve(reserve);
    let Ok(mut budget) = RetryBudget::new(config) else {
        assert!(percent == 0 && reserve == 0, "{config:?}");
        return;
    };
    // A hundredth of a retry each; and the reserve in billionths of one.
    let mut saved: Vec<()> = Vec::new();
    let mut left = u64::from(reserve) * SECOND;
    let (mut clock, mut filled) = (Clock::default(), Instant::ZERO);
    while !input.is_empty() {
        clock.step(input);
        let operation = input.byte();
        if operation % 4 != 0 {
            for _ in 0..1 + operation % 16 {
                budget.deposit();
                saved.extend((0..percent).map(|_| ()));
                if saved.len() > max_saved as usize * 100 {
                    tally.saw("saved up");
                    saved.truncate(max_saved as usize * 100);
                }
            }
        } else {
            let now = clock.tell();
            let passed = now.saturating_since(filled).as_nanos() as u64;
            filled = filled.max(now);
            left = (left + passed * u64::from(reserve)).min(u64::from(reserve) * SECOND);
            let requests =
                (percent > 0).then(|| (1..=100).find(|n| saved.len() + n * percent as usize >= 100));
            let want = if saved.len() >= 100 {
                tally.saw("earned");
                saved.truncate(saved.len() - 100);
                Ok(())
            } else if left >= SECOND {
                tally.saw("from the reserve");
                left -= SECOND;
                Ok(())
            } else if reserve > 0 {
                tally.saw("refused");
                let nanos = filled.as_nanos() + (SECOND - left).div_ceil(u64::from(reserve));
                Err(Exhausted {
                    retry_at: Some(Instant::from_nanos(nanos)),
                    requests: requests.flatten().map(|n| n as u32),
                })
            } else {
                tally.saw("refused for ever");
                Err(Exhausted { retry_at: None, requests: requests.flatten().map(|n| n as u32) })
            };
            assert_eq!(budget.withdraw(now), want);
        }
        assert_eq!(budget.saved() as usize, saved.len() / 100);
    }
}
