//! Work on a thread that is given up when it takes too long.

use anyhow::{Result, bail};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// The outcome of work under way.
pub(super) struct Work<T> {
    outcome: mpsc::Receiver<Result<T>>,
    until: Instant,
}

/// Begins `work`, which may take as long as `limit`. Work that does not end by itself ends with the program.
pub(super) fn begin<T: Send + 'static>(
    limit: Duration,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Work<T> {
    let (done, outcome) = mpsc::channel();
    thread::spawn(move || {
        // Nobody waits any more if it took too long.
        let _ = done.send(work());
    });
    Work { outcome, until: Instant::now() + limit }
}

impl<T> Work<T> {
    /// Waits for the outcome.
    pub(super) fn end(self) -> Result<T> {
        match self.outcome.recv_timeout(self.until.saturating_duration_since(Instant::now())) {
            Ok(outcome) => outcome,
            Err(RecvTimeoutError::Timeout) => bail!("not finished in time"),
            Err(RecvTimeoutError::Disconnected) => bail!("broke off"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_that_does_not_end_is_given_up() {
        let limit = Duration::from_millis(20);
        assert_eq!(begin(limit * 500, || Ok(7)).end().unwrap(), 7);
        let stuck = begin(limit, || {
            thread::sleep(Duration::from_secs(3600));
            Ok(())
        });
        assert_eq!(stuck.end().unwrap_err().to_string(), "not finished in time");
    }
}
