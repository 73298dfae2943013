//! Sessions with one peer that are used again, and a breaker by this driver's clock.

use crate::stream::{Timeouts, without_waiting};
use crate::{Connection, block_on, connect, now};
use sealock_net::{
    Address, ConnectError, ConnectOptions, GetError, Poolable, Pooled, SessionPool, SharedBreaker, waits,
};
use sealock_proto::resilience::{BreakerConfig, BreakerError, PoolConfig, PoolError, PoolStats};
use sealock_proto::session::Config;
use std::io::{Read, Write};
use std::sync::Arc;

/// A closed breaker.
///
/// # Errors
/// Names the field of `config` that is out of range.
pub fn breaker(config: BreakerConfig) -> Result<SharedBreaker, BreakerError> {
    SharedBreaker::new(config, now)
}

impl<R: Read + Timeouts, W: Write + Timeouts> Poolable for Connection<R, W> {
    /// Not if the peer has closed, or is silent for too long, or has sent something that nobody has taken. Answers its
    /// pings. Takes a millisecond, the shortest time that a read may block.
    fn is_usable(&mut self) -> bool {
        without_waiting(|| waits(|cx| self.receiver.poll_next(cx).is_pending()))
    }
}

/// A pool of sessions with one peer; clones are the same pool.
///
/// Nobody answers the peer while a session is idle, so give the pool an idle timeout below the time of silence that the
/// peer allows. One that the peer has given up is found when it would be handed out, and another is opened.
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
pub struct Pool(SessionPool<Connection>);

impl Pool {
    /// Without sessions yet, with default options and without a breaker.
    ///
    /// # Errors
    /// Names the field of `pool` that is out of range.
    pub fn new(address: Address, config: Arc<Config>, pool: PoolConfig) -> Result<Self, PoolError> {
        SessionPool::new(address, config, pool, now).map(Self)
    }

    /// How to connect.
    #[must_use]
    pub fn with_options(self, options: ConnectOptions) -> Self {
        Self(self.0.with_options(options))
    }

    /// What keeps it from connecting when that has failed too often.
    #[must_use]
    pub fn with_breaker(self, breaker: SharedBreaker) -> Self {
        Self(self.0.with_breaker(breaker))
    }

    /// A session: an idle one, a new one, or the next that becomes free. Who came first is served first.
    ///
    /// # Errors
    /// If there is none to wait for, or connecting fails.
    pub fn get(&self) -> Result<Pooled<Connection>, GetError<ConnectError>> {
        block_on(self.0.get(async |address, config, options| connect(address, config, options)))
    }

    /// Drops idle sessions whose time has come. Whoever uses the pool does that by the way.
    pub fn evict(&self) {
        self.0.connections().evict();
    }

    /// Hands no session out any more. Idle ones are dropped, and those in use as they come back; one that
    /// is being opened still goes to who opens it.
    pub fn close(&self) {
        self.0.connections().close();
    }

    /// What there is, and what has been counted so far.
    #[must_use]
    pub fn stats(&self) -> PoolStats {
        self.0.connections().stats()
    }
}
