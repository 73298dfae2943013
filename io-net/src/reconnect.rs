//! The settings and the loop of a client that comes back; a driver says how to connect and to wait.

use crate::{Address, ConnectError, ConnectOptions, seed};
use sealock_proto::backoff::{BackoffConfig, BackoffError};
use sealock_proto::drive::{Reconnect, TicketStore};
use sealock_proto::entropy::Jitter;
use sealock_proto::session::Config;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// Whom to connect to, how, how often to try, and the ticket of the last session.
#[derive(Debug)]
pub struct Target {
    address: Address,
    config: Arc<Config>,
    options: ConnectOptions,
    reconnect: Reconnect,
    tickets: TicketStore,
}

impl Target {
    /// With default options.
    ///
    /// # Errors
    /// Names the field of `backoff` that is out of range.
    pub fn new(address: Address, config: Arc<Config>, backoff: BackoffConfig) -> Result<Self, BackoffError> {
        // Without entropy connecting fails, so that the jitter does not matter.
        let jitter = seed().map_or(Jitter::new(0), |seed| seed.jitter("reconnect"));
        let reconnect = Reconnect::new(backoff, jitter)?;
        let (options, tickets) = (ConnectOptions::default(), TicketStore::default());
        Ok(Self { address, config, options, reconnect, tickets })
    }

    /// How to connect.
    #[must_use]
    pub const fn with_options(mut self, options: ConnectOptions) -> Self {
        self.options = options;
        self
    }

    /// [`Reconnect::run`] with the driver's `sleep`, and its `connect` with tickets that are kept
    /// ([`Resumption::Store`](sealock_proto::drive::Resumption::Store)).
    ///
    /// # Errors
    /// As there.
    pub async fn run<'a, T, A, S>(
        &'a mut self,
        mut connect: impl FnMut(&'a Address, &'a Arc<Config>, &'a TicketStore, &'a ConnectOptions) -> A,
        sleep: impl FnMut(Duration) -> S,
        failed: impl FnMut(&ConnectError, Duration),
    ) -> Result<T, ConnectError>
    where
        A: Future<Output = Result<T, ConnectError>>,
        S: Future<Output = ()>,
    {
        let Self { address, config, options, reconnect, tickets } = self;
        let (address, config, options, tickets) = (&*address, &*config, &*options, &*tickets);
        reconnect.run(|| connect(address, config, tickets, options), sleep, failed).await
    }
}
