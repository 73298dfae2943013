//! A pool of sessions with one peer. How to connect is the driver's: its `Pool` is this one with its own `connect`.

use crate::breaker::{CallError, SharedBreaker};
use crate::pool::{GetError, Poolable, Pooled, SharedPool};
use crate::{Address, ConnectError, ConnectOptions};
use sealock_proto::drive::{ReadIo, SessionConnection, WriteIo};
use sealock_proto::resilience::{PoolConfig, PoolError};
use sealock_proto::session::Config;
use sealock_proto::time::Instant;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};

impl<I, W> Poolable for SessionConnection<I, W>
where
    I: ReadIo,
    W: WriteIo<Error = I::Error>,
{
    /// Not if the peer has closed, or is silent for too long, or has sent something that nobody has taken. Answers its
    /// pings.
    fn is_usable(&mut self) -> bool {
        waits(|cx| self.receiver.poll_next(cx).is_pending())
    }
}

/// Looks that may be made before a receiver that only gives others their turn counts as busy.
const LOOKS: usize = 4;

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Whether there is truly nothing to take, by a poll that says whether it is pending. One that is so only to give others
/// their turn wakes its task at once, and has looked at nothing: it is asked again.
#[must_use]
pub fn waits(mut is_pending: impl FnMut(&mut Context<'_>) -> bool) -> bool {
    for _ in 0..LOOKS {
        let woken = Arc::new(Woken::default());
        if !is_pending(&mut Context::from_waker(&Waker::from(Arc::clone(&woken)))) {
            return false;
        }
        if !woken.0.load(Ordering::Relaxed) {
            return true;
        }
    }
    false
}

/// A pool of sessions with one peer: whom to connect to and how, the connections, and a breaker before connecting.
pub struct SessionPool<C> {
    address: Address,
    config: Arc<Config>,
    options: ConnectOptions,
    pool: SharedPool<C>,
    breaker: Option<SharedBreaker>,
}

impl<C: Poolable> SessionPool<C> {
    /// With default options and without a breaker.
    ///
    /// # Errors
    /// Names the field of `pool` that is out of range.
    pub fn new(
        address: Address,
        config: Arc<Config>,
        pool: PoolConfig,
        now: fn() -> Instant,
    ) -> Result<Self, PoolError> {
        let pool = SharedPool::new(pool, now)?;
        Ok(Self { address, config, options: ConnectOptions::default(), pool, breaker: None })
    }

    /// How to connect.
    #[must_use]
    pub fn with_options(mut self, options: ConnectOptions) -> Self {
        self.options = options;
        self
    }

    /// What keeps it from connecting when that has failed too often.
    #[must_use]
    pub fn with_breaker(mut self, breaker: SharedBreaker) -> Self {
        self.breaker = Some(breaker);
        self
    }

    /// [`SharedPool::get`] with the driver's `connect`.
    ///
    /// # Errors
    /// As there.
    pub async fn get<'a, F>(
        &'a self,
        connect: impl FnOnce(&'a Address, &'a Arc<Config>, &'a ConnectOptions) -> F,
    ) -> Result<Pooled<C>, GetError<ConnectError>>
    where
        F: Future<Output = Result<C, ConnectError>>,
    {
        let connect = || async {
            let connecting = connect(&self.address, &self.config, &self.options);
            match &self.breaker {
                Some(breaker) => breaker.call(connecting).await,
                None => connecting.await.map_err(CallError::Failed),
            }
        };
        self.pool.get(connect).await.map_err(|error| match error {
            GetError::Connect(CallError::Failed(error)) => GetError::Connect(error),
            GetError::Connect(CallError::Open(open)) | GetError::Open(open) => GetError::Open(open),
            GetError::Refused(refusal) => GetError::Refused(refusal),
        })
    }

    /// The connections.
    #[must_use]
    pub const fn connections(&self) -> &SharedPool<C> {
        &self.pool
    }
}

impl<C> Clone for SessionPool<C> {
    fn clone(&self) -> Self {
        Self {
            address: self.address.clone(),
            config: Arc::clone(&self.config),
            options: self.options,
            pool: self.pool.clone(),
            breaker: self.breaker.clone(),
        }
    }
}

impl<C> fmt::Debug for SessionPool<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("SessionPool");
        debug.field("address", &self.address).field("pool", &self.pool).finish_non_exhaustive()
    }
}
