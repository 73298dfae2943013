//! A circuit breaker that tasks and threads share: the machine of `proto` behind a lock, and a permit that cannot be
//! forgotten.

use crate::seed;
use sealock_proto::entropy::Jitter;
use sealock_proto::resilience::{
    Breaker, BreakerConfig, BreakerError, BreakerState, BreakerStats, Open, Permit,
};
use sealock_proto::time::Instant;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Why a call through a breaker has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallError<E> {
    /// It was not made.
    Open(Open),
    /// It failed.
    Failed(E),
}

impl<E: fmt::Display> fmt::Display for CallError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(open) => open.fmt(f),
            Self::Failed(error) => error.fmt(f),
        }
    }
}

impl<E: Error> Error for CallError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Open(_) => None,
            Self::Failed(error) => error.source(),
        }
    }
}

/// A breaker by a clock; clones are the same breaker. A driver makes one by its own clock.
///
/// ```
/// use sealock_net::{CallError, SharedBreaker};
/// use sealock_proto::resilience::BreakerConfig;
/// use sealock_proto::time::Instant;
///
/// # fn clock() -> Instant { Instant::ZERO }
/// let breaker = SharedBreaker::new(BreakerConfig::default().with_consecutive(Some(1)), clock)?;
/// # let mut polled = std::pin::pin!(async {
/// let failed = breaker.call(async { Err::<(), _>("no answer") }).await;
/// assert_eq!(failed, Err(CallError::Failed("no answer")));
/// let refused = breaker.call(async { Ok::<_, ()>("an answer") }).await;
/// assert!(matches!(refused, Err(CallError::Open(_))));
/// # });
/// # assert!(polled.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())).is_ready());
/// # use std::future::Future;
///
/// // Without a future:
/// if let Ok(permit) = breaker.try_acquire() {
///     // The call.
///     permit.success();
/// }
/// # Ok::<(), sealock_proto::resilience::BreakerError>(())
/// ```
#[derive(Clone)]
pub struct SharedBreaker {
    breaker: Arc<Mutex<Breaker>>,
    now: fn() -> Instant,
}

impl SharedBreaker {
    /// Closed, by the clock `now`.
    ///
    /// # Errors
    /// Names the field of `config` that is out of range.
    pub fn new(config: BreakerConfig, now: fn() -> Instant) -> Result<Self, BreakerError> {
        // It only spreads what is added to the time the breaker is open: worse without entropy, not wrong.
        let jitter = seed().map_or(Jitter::new(0), |seed| seed.jitter("breaker"));
        Ok(Self { breaker: Arc::new(Mutex::new(Breaker::new(config, jitter)?)), now })
    }

    /// Asks whether a call may be made; without waiting.
    ///
    /// # Errors
    /// If it may not, and from when to ask again.
    pub fn try_acquire(&self) -> Result<CallPermit<'_>, Open> {
        let permit = self.lock().try_acquire((self.now)())?;
        Ok(CallPermit { breaker: self, permit: Some(permit) })
    }

    /// Makes a call if it may be made, and counts how it went. One that is dropped on its way counts for nothing.
    ///
    /// # Errors
    /// If it may not be made, or fails.
    pub async fn call<T, E>(&self, call: impl Future<Output = Result<T, E>>) -> Result<T, CallError<E>> {
        let permit = self.try_acquire().map_err(CallError::Open)?;
        let result = call.await;
        match &result {
            Ok(_) => permit.success(),
            Err(_) => permit.failure(),
        }
        result.map_err(CallError::Failed)
    }

    /// What it does with a call now.
    #[must_use]
    pub fn state(&self) -> BreakerState {
        self.lock().state((self.now)())
    }

    /// What has been counted so far.
    #[must_use]
    pub fn stats(&self) -> BreakerStats {
        self.lock().stats()
    }

    fn lock(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for SharedBreaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedBreaker").field("state", &self.state()).finish_non_exhaustive()
    }
}

/// The leave to make one call. Dropping it says that the call was not made, or given up.
#[must_use = "dropping it says that the call was not made"]
#[derive(Debug)]
pub struct CallPermit<'a> {
    breaker: &'a SharedBreaker,
    permit: Option<Permit>,
}

impl CallPermit<'_> {
    /// The call succeeded.
    pub fn success(mut self) {
        if let Some(permit) = self.permit.take() {
            self.breaker.lock().on_success(permit, (self.breaker.now)());
        }
    }

    /// The call failed.
    pub fn failure(mut self) {
        if let Some(permit) = self.permit.take() {
            self.breaker.lock().on_failure(permit, (self.breaker.now)());
        }
    }
}

impl Drop for CallPermit<'_> {
    fn drop(&mut self) {
        if let Some(permit) = self.permit.take() {
            self.breaker.lock().on_cancel(permit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};
    use std::time::Duration;

    fn poll<F: Future>(future: F) -> Poll<F::Output> {
        pin!(future).poll(&mut Context::from_waker(Waker::noop()))
    }

    /// Closed behind one failure, or half-open with one trial.
    fn breaker(half_open: bool) -> SharedBreaker {
        thread_local!(static NOW: std::cell::Cell<Instant> = const { std::cell::Cell::new(Instant::ZERO) });
        let config = BreakerConfig::default().with_consecutive(Some(1)).with_open_for(Duration::from_secs(1));
        let breaker = SharedBreaker::new(config, || NOW.get()).unwrap();
        if half_open {
            breaker.try_acquire().unwrap().failure();
            NOW.set(NOW.get() + Duration::from_secs(1));
        }
        breaker
    }

    #[test]
    fn a_call_is_counted_by_its_result_and_one_that_is_dropped_for_nothing() {
        let is_closed = |breaker: &SharedBreaker| breaker.state() == BreakerState::Closed;
        let half = BreakerState::HalfOpen { under_way: 0, succeeded: 0 };
        for half_open in [false, true] {
            let breaker = breaker(half_open);
            assert!(poll(breaker.call(pending::<Result<(), ()>>())).is_pending());
            assert_eq!(breaker.state() == half, half_open, "the trial is free again");
            drop(breaker.try_acquire().unwrap());
            assert_eq!(breaker.state() == half, half_open);
            assert_eq!(poll(breaker.clone().call(async { Ok::<_, ()>(1) })), Poll::Ready(Ok(1)));
            assert!(is_closed(&breaker));
            let failed = poll(breaker.call(async { Err::<(), _>(2) }));
            assert_eq!(failed, Poll::Ready(Err(CallError::Failed(2))));
            let refused = poll(breaker.call(async { Ok::<_, ()>(3) }));
            assert!(matches!(refused, Poll::Ready(Err(CallError::Open(_)))), "{refused:?}");
            assert_eq!(breaker.stats().refused, 1);
        }
    }
}
