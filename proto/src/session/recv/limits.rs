//! The rate limit: how much a peer may send, and what happens to more.

use super::RecvState;
use crate::limit::Gcra;
use crate::session::config::Config;
use crate::session::error::Error;
use crate::time::Instant;
use alloc::boxed::Box;

pub(super) struct Limits {
    messages: Option<Gcra>,
    pub(super) bytes: Option<Gcra>,
}

impl Limits {
    /// None if there is no limit.
    pub(super) fn new(config: &Config) -> Option<Box<Self>> {
        let limits = config.rate_limit;
        let any = limits.messages.is_some() || limits.bytes.is_some();
        any.then(|| {
            Box::new(Self { messages: limits.messages.map(Gcra::new), bytes: limits.bytes.map(Gcra::new) })
        })
    }
}

impl RecvState {
    /// Charges one message to the rate limit, or says from when it may pass.
    pub(super) fn charge_message(&mut self, now: Instant) -> Result<Option<Instant>, Error> {
        let messages = self.limits.as_mut().and_then(|limits| limits.messages.as_mut());
        let Some(messages) = messages else { return Ok(None) };
        match messages.check(now) {
            Ok(()) => {
                messages.take(now, 1);
                Ok(None)
            }
            Err(until) => self.refuse_rate().map(|()| Some(until)),
        }
    }

    /// Charges what was taken to the rate limit.
    #[inline]
    pub(super) fn charge_bytes(&mut self, now: Instant, wire: u64) {
        if let Some(bytes) = self.limits.as_mut().and_then(|limits| limits.bytes.as_mut()) {
            bytes.take(now, wire);
        }
    }

    /// There is more than may pass now: to be held back, or the end.
    pub(super) fn refuse_rate(&self) -> Result<(), Error> {
        if self.config.rate_limit.close { Err(Error::RateLimited) } else { Ok(()) }
    }
}
