//! The resilience machines on every call's way allocate at construction only.

use allocation_counter::measure;
use sealock_proto::backoff::BackoffConfig;
use sealock_proto::entropy::Jitter;
use sealock_proto::limit::{Gcra, Rate};
use sealock_proto::resilience::{Breaker, BreakerConfig, BudgetConfig, FailureRate, RateWindow, RetryBudget};
use sealock_proto::time::Instant;
use std::time::Duration;

const CALLS: u64 = 50_000;

fn at(millis: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(millis)
}

#[test]
fn a_breaker_that_opens_and_closes_allocates_nothing() {
    for window in [RateWindow::Calls(100), RateWindow::Time(Duration::from_secs(1))] {
        let config = BreakerConfig::default()
            .with_rate(Some(FailureRate::new(50, 20, window)))
            .with_open_for(Duration::from_millis(50))
            .with_growth(Some(BackoffConfig::default()))
            .with_trials(2)
            .with_successes(2);
        let mut breaker = Breaker::new(config, Jitter::new(1)).unwrap();
        let mut jitter = Jitter::new(2);
        let info = measure(|| {
            for n in 0..CALLS {
                let Ok(permit) = breaker.try_acquire(at(n)) else { continue };
                match jitter.next_u64() % 8 {
                    0 => breaker.on_cancel(permit),
                    1..4 => breaker.on_failure(permit, at(n)),
                    _ => breaker.on_success(permit, at(n)),
                }
            }
        });
        let stats = breaker.stats();
        assert!(stats.opened > 20 && stats.refused > 1_000 && stats.permitted > 1_000, "{stats:?}");
        assert_eq!(info.count_total, 0);
    }
}

#[test]
fn a_retry_budget_and_a_bucket_allocate_nothing() {
    let mut budget = RetryBudget::new(BudgetConfig::default()).unwrap();
    let mut bucket = Gcra::new(Rate::new(1_000, 20).unwrap());
    let mut refused = 0;
    let info = measure(|| {
        for n in 0..CALLS {
            if n % 4 == 0 {
                budget.deposit();
            }
            let _ = budget.withdraw(at(n));
            refused += u64::from(bucket.try_take(at(n), n % 30).is_err());
        }
    });
    let stats = budget.stats();
    assert!(stats.earned > 1_000 && stats.reserve > 100 && stats.refused > 1_000, "{stats:?}");
    assert!(refused > 1_000 && refused < CALLS, "{refused}");
    assert_eq!(info.count_total, 0);
}
