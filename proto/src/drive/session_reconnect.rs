//! Trying again until a session is established, with the pure [`Backoff`] machine.

use super::session::SessionError;
use crate::backoff::{Backoff, BackoffConfig, BackoffError};
use crate::entropy::Jitter;
use core::future::Future;
use core::time::Duration;

/// Whether trying again may help.
pub trait Retryable {
    /// Whether another attempt may succeed without a change of configuration.
    fn is_retryable(&self) -> bool;
}

impl<E> Retryable for SessionError<E> {
    /// The session's own verdict; a stream that failed is worth another.
    fn is_retryable(&self) -> bool {
        match self {
            Self::Protocol(error) => error.is_retryable(),
            Self::Io(_) | Self::Broken => true,
            Self::ReceiveBufferTooSmall => false,
            // A certificate, or what is trusted, must change first; most other failures are the stream's.
            #[cfg(feature = "tls")]
            Self::Tls(error) => matches!(error, super::TlsError::Truncated | super::TlsError::Forged),
        }
    }
}

/// The loop of a client that comes back. What is tried and how to wait is the driver's.
#[derive(Clone, Debug)]
pub struct Reconnect {
    backoff: Backoff,
}

impl Reconnect {
    /// # Errors
    /// Names the field of `config` that is out of range.
    pub fn new(config: BackoffConfig, jitter: Jitter) -> Result<Self, BackoffError> {
        config.validate()?;
        Ok(Self { backoff: Backoff::new(config, jitter) })
    }

    /// Calls `attempt` at once and then, as long as its error is retryable, again after each delay. `failed` hears
    /// of every error that is followed by another try, and of the delay.
    ///
    /// # Errors
    /// The last error, if it is not retryable or the attempts are used up. The next run starts over either way.
    pub async fn run<T, E: Retryable, A, S>(
        &mut self,
        mut attempt: impl FnMut() -> A,
        mut sleep: impl FnMut(Duration) -> S,
        mut failed: impl FnMut(&E, Duration),
    ) -> Result<T, E>
    where
        A: Future<Output = Result<T, E>>,
        S: Future<Output = ()>,
    {
        self.backoff.reset();
        loop {
            let error = match attempt().await {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            let Some(delay) = self.backoff.next_delay().filter(|_| error.is_retryable()) else {
                return Err(error);
            };
            failed(&error, delay);
            sleep(delay).await;
        }
    }
}
