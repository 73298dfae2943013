//! The clock and the one timer a connection has.

use sealock_proto::time::Instant;
use std::future::Future;
use std::pin::Pin;
use std::sync::OnceLock;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{self, Sleep};

/// The epoch lies this far back, because a runtime with paused time may have started, and so stopped its
/// clock, before this process first asked.
const SLACK: Duration = Duration::from_secs(3600);

fn epoch() -> time::Instant {
    static EPOCH: OnceLock<time::Instant> = OnceLock::new();
    *EPOCH.get_or_init(|| {
        let now = std::time::Instant::now();
        time::Instant::from_std(now.checked_sub(SLACK).unwrap_or(now))
    })
}

/// Nanoseconds since an epoch of this process, by tokio's clock: it stands still while tokio's time is
/// paused.
#[must_use]
pub fn now() -> Instant {
    Instant::ZERO + time::Instant::now().saturating_duration_since(epoch())
}

/// One `Sleep`, moved only when a deadline comes earlier than what it is set to.
#[derive(Debug, Default)]
pub(crate) struct Timer {
    /// Made on first use, since only then is it certain that a runtime is there.
    sleep: Option<Pin<Box<Sleep>>>,
    /// What `sleep` is set to; `None` once it has fired.
    armed: Option<Instant>,
}

impl Timer {
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, deadline: Option<Instant>) -> Poll<()> {
        let Some(deadline) = deadline else { return Poll::Pending };
        loop {
            let sleep = self.sleep.get_or_insert_with(|| Box::pin(time::sleep_until(at(deadline))));
            if self.armed.is_none_or(|armed| deadline < armed) {
                sleep.as_mut().reset(at(deadline));
                self.armed = Some(deadline);
            }
            if sleep.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            self.armed = None;
            if deadline <= now() {
                return Poll::Ready(());
            }
        }
    }
}

/// `deadline` on tokio's clock, at most a day away: what lies further is looked at again then.
fn at(deadline: Instant) -> time::Instant {
    let wait = deadline.saturating_since(now()).min(Duration::from_secs(24 * 3600));
    time::Instant::now() + wait
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    fn poll_now(timer: &mut Timer, deadline: Option<Instant>) -> Poll<()> {
        timer.poll(&mut Context::from_waker(std::task::Waker::noop()), deadline)
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_comes_at_its_time_however_it_moved() {
        let mut timer = Timer::default();
        let start = now();
        let far = start + Duration::from_secs(20);
        assert!(poll_now(&mut timer, None).is_pending());
        assert!(poll_now(&mut timer, Some(far)).is_pending());
        for wait in [5_u64, 7, 30, 30 * 24 * 3600] {
            let deadline = start + Duration::from_secs(wait);
            poll_fn(|cx| timer.poll(cx, Some(deadline))).await;
            assert!(now() >= deadline && now() <= deadline + Duration::from_millis(2), "{wait} s");
        }
        poll_fn(|cx| timer.poll(cx, Some(far))).await;
    }

    #[tokio::test(start_paused = true)]
    async fn only_an_earlier_deadline_moves_the_sleep() {
        let mut timer = Timer::default();
        let start = now();
        for (wait, armed) in [(10, 10), (12, 10), (9, 9), (30, 9)] {
            assert!(poll_now(&mut timer, Some(start + Duration::from_secs(wait))).is_pending());
            assert_eq!(timer.armed, Some(start + Duration::from_secs(armed)));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_clock_is_tokios() {
        let before = now();
        time::advance(Duration::from_secs(100)).await;
        assert_eq!(now().saturating_since(before), Duration::from_secs(100));
    }
}
