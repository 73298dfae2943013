//! Sessions with one peer that are used again, and a breaker by this driver's clock.

use crate::client::come_again;
use crate::{Connection, now};
use sealock_net::{Address, ConnectError, ConnectOptions, Dialer, SessionPool, SharedBreaker};
use sealock_proto::drive::TicketStore;
use sealock_proto::resilience::{BreakerConfig, BreakerError};
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
pub struct Dial;

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
        come_again(address, config, tickets, options).await
    }
}

/// A pool of sessions with one peer.
///
/// ```no_run
/// use sealock_tokio::resilience::{BreakerConfig, PoolConfig};
/// use sealock_tokio::session::{Config, Event};
/// use sealock_tokio::{Pool, breaker};
/// use std::time::Duration;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let config = Config::initiator("Noise_NN_25519_ChaChaPoly_BLAKE2s".parse()?).build()?;
/// let settings = PoolConfig::default().with_max_total(4).with_idle_timeout(Some(Duration::from_secs(10)));
/// let pool = Pool::new("127.0.0.1:4000".parse()?, config, settings)?
///     .with_breaker(breaker(BreakerConfig::default())?);
/// let mut session = pool.get().await?;
/// session.send(b"question").await?;
/// if let Some(Event::Message(answer)) = session.next().await? {
///     println!("{answer:?}");
/// }
/// // Dropped, it goes back.
/// # Ok(())
/// # }
/// ```
pub type Pool = SessionPool<Dial>;
