//! Sessions with one peer that are used again, and a breaker by this driver's clock.

use crate::client::come_again;
use crate::{Connection, block_on, now};
use sealock_net::{
    Address, ConnectError, ConnectOptions, Dialer, GetError, Poolable, Pooled, SessionPool, SharedBreaker,
};
use sealock_proto::drive::TicketStore;
use sealock_proto::resilience::{BreakerConfig, BreakerError, PoolConfig, PoolError, PoolStats};
use sealock_proto::session::Config;
use sealock_proto::time::Instant;
use std::sync::Arc;

/// A closed breaker by this driver's clock.
///
/// # Errors
/// Names the field of `config` that is out of range.
pub fn breaker(config: BreakerConfig) -> Result<SharedBreaker, BreakerError> {
    SharedBreaker::new(config, now)
}

/// What [`Pool`] needs of this driver.
#[derive(Debug)]
struct Dial;

impl Dialer for Dial {
    type Conn = Connection;

    fn now() -> Instant {
        now()
    }

    async fn connect(
        address: &Address,
        config: &Arc<Config>,
        tickets: &TicketStore,
        options: &ConnectOptions,
    ) -> Result<Connection, ConnectError> {
        come_again(address, config, tickets, options)
    }
}

impl Poolable for Connection {
    /// As a session with futures, by [`Connection::is_at_rest`].
    fn is_usable(&mut self) -> bool {
        self.is_at_rest()
    }
}

/// A pool of sessions with one peer: [`SessionPool`] with methods that block.
///
/// ```no_run
/// use sealock_std::resilience::{BreakerConfig, PoolConfig};
/// use sealock_std::session::{Config, Event};
/// use sealock_std::{Pool, breaker};
/// use std::time::Duration;
///
/// # fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let config = Config::initiator("Noise_NN_25519_ChaChaPoly_BLAKE2s".parse()?).build()?;
/// let settings = PoolConfig::default().with_max_total(4).with_idle_timeout(Some(Duration::from_secs(10)));
/// let pool = Pool::new("127.0.0.1:4000".parse()?, config, settings)?
///     .with_breaker(breaker(BreakerConfig::default())?);
/// let mut session = pool.get()?;
/// session.send(b"question")?;
/// if let Some(Event::Message(answer)) = session.next()? {
///     println!("{answer:?}");
/// }
/// // Dropped, it goes back.
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Pool(SessionPool<Dial>);

impl Pool {
    /// [`SessionPool::new`].
    ///
    /// # Errors
    /// As there.
    pub fn new(address: Address, config: Arc<Config>, pool: PoolConfig) -> Result<Self, PoolError> {
        SessionPool::new(address, config, pool).map(Self)
    }

    /// [`SessionPool::with_options`].
    #[must_use]
    pub fn with_options(self, options: ConnectOptions) -> Self {
        Self(self.0.with_options(options))
    }

    /// [`SessionPool::with_breaker`].
    #[must_use]
    pub fn with_breaker(self, breaker: SharedBreaker) -> Self {
        Self(self.0.with_breaker(breaker))
    }

    /// [`SessionPool::get`].
    ///
    /// # Errors
    /// As there.
    pub fn get(&self) -> Result<Pooled<Connection>, GetError<ConnectError>> {
        block_on(self.0.get())
    }

    /// [`SessionPool::evict`].
    pub fn evict(&self) {
        self.0.evict();
    }

    /// [`SessionPool::close`].
    pub fn close(&self) {
        self.0.close();
    }

    /// [`SessionPool::stats`].
    #[must_use]
    pub fn stats(&self) -> PoolStats {
        self.0.stats()
    }
}
