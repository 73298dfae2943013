//! A pool of sessions with one peer. How to connect, and by which clock, is the driver's [`Dialer`].

use crate::breaker::{CallError, SharedBreaker};
use crate::pool::{GetError, Poolable, Pooled, SharedPool};
use crate::{Address, ConnectError, ConnectOptions};
use sealock_proto::drive::{ReadIo, SessionConnection, TicketStore, WriteIo};
use sealock_proto::resilience::{PoolConfig, PoolError, PoolStats};
use sealock_proto::session::Config;
use sealock_proto::time::Instant;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

/// What a pool needs of a driver.
pub trait Dialer {
    /// The driver's session.
    type Conn: Poolable;

    /// The driver's clock.
    fn now() -> Instant;

    /// The driver's `connect`, with a ticket of `tickets`, which keep the one that comes.
    fn connect(
        address: &Address,
        config: &Arc<Config>,
        tickets: &TicketStore,
        options: &ConnectOptions,
    ) -> impl Future<Output = Result<Self::Conn, ConnectError>> + Send;
}

impl<I, W> Poolable for SessionConnection<I, W>
where
    I: ReadIo,
    W: WriteIo<Error = I::Error>,
{
    /// Not if the peer has closed, or is silent for too long, or has sent something that nobody has taken, or takes
    /// nothing. Answers its pings.
    fn is_usable(&mut self) -> bool {
        self.is_at_rest()
    }
}

/// A pool of sessions with one peer: whom to connect to and how, the connections, and a breaker before connecting. Clones
/// are the same pool. Where the peer gives tickets a new session resumes an earlier one, if it can.
///
/// Nobody answers the peer while a session is idle, so give the pool an idle timeout below the time of silence that the
/// peer allows. One that the peer has given up is found when it would be handed out, and another is opened.
pub struct SessionPool<D: Dialer> {
    address: Address,
    config: Arc<Config>,
    options: ConnectOptions,
    pool: SharedPool<D::Conn>,
    breaker: Option<SharedBreaker>,
    tickets: TicketStore,
}

impl<D: Dialer> SessionPool<D> {
    /// Without sessions yet, with default options and without a breaker.
    ///
    /// # Errors
    /// Names the field of `pool` that is out of range.
    pub fn new(address: Address, config: Arc<Config>, pool: PoolConfig) -> Result<Self, PoolError> {
        let pool = SharedPool::new(pool, D::now)?;
        let (options, tickets) = (ConnectOptions::default(), TicketStore::default());
        Ok(Self { address, config, options, pool, breaker: None, tickets })
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

    /// A session: an idle one, a new one, or the next that becomes free. Who came first is served first.
    ///
    /// Can be dropped at any point: what was reserved for it then goes to the next.
    ///
    /// # Errors
    /// If there is none to wait for, or connecting fails.
    pub async fn get(&self) -> Result<Pooled<D::Conn>, GetError<ConnectError>> {
        let connect = || async {
            let connecting = D::connect(&self.address, &self.config, &self.tickets, &self.options);
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

    /// [`SharedPool::evict`].
    pub fn evict(&self) {
        self.pool.evict();
    }

    /// [`SharedPool::close`].
    pub fn close(&self) {
        self.pool.close();
    }

    /// What there is, and what has been counted so far.
    #[must_use]
    pub fn stats(&self) -> PoolStats {
        self.pool.stats()
    }
}

impl<D: Dialer> Clone for SessionPool<D> {
    fn clone(&self) -> Self {
        Self {
            address: self.address.clone(),
            config: Arc::clone(&self.config),
            options: self.options,
            pool: self.pool.clone(),
            breaker: self.breaker.clone(),
            tickets: self.tickets.clone(),
        }
    }
}

impl<D: Dialer> fmt::Debug for SessionPool<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("SessionPool");
        debug.field("address", &self.address).field("pool", &self.pool).finish_non_exhaustive()
    }
}
