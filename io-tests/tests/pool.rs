//! The pools of all drivers.

#[path = "support/drivers.rs"]
mod drivers;
#[path = "sessions/nets.rs"]
mod nets;

use drivers::{Smol, Std, Tokio};
use sealock_net::{Address, ConnectError, GetError, Pooled};
use sealock_proto::resilience::{BreakerConfig, PoolConfig, PoolStats};
use sealock_proto::session::{Config, Event};
use sealock_tests::run::bounded;
use sealock_tests::sessions::pool::{self, PoolNet};
use std::sync::Arc;

/// `$wait` is what follows a call that waits.
macro_rules! pools {
    ($net:ident, $driver:ident $(, $wait:tt)?) => {
        impl PoolNet for $net {
            type Conn = $driver::Connection;
            type Pool = $driver::Pool;

            fn pool(address: Address, config: Arc<Config>, pool: PoolConfig) -> Self::Pool {
                $driver::Pool::new(address, config, pool).unwrap().with_options(Default::default())
            }

            fn with_breaker(pool: Self::Pool, config: BreakerConfig) -> Self::Pool {
                pool.with_breaker($driver::breaker(config).unwrap())
            }

            async fn get(pool: &Self::Pool) -> Result<Pooled<Self::Conn>, GetError<ConnectError>> {
                pool.get()$(.$wait)?
            }

            fn pool_stats(pool: &Self::Pool) -> PoolStats {
                pool.stats()
            }

            fn evict(pool: &Self::Pool) {
                pool.evict();
            }

            fn close_pool(pool: &Self::Pool) {
                pool.close();
            }

            fn is_resumed(conn: &Self::Conn) -> bool {
                conn.info().resumed
            }

            async fn exchange(conn: &mut Self::Conn, message: &[u8]) -> Vec<u8> {
                conn.send(message)$(.$wait)?.unwrap();
                loop {
                    match conn.next()$(.$wait)?.unwrap() {
                        Some(Event::Message(message)) => return message.to_vec(),
                        Some(Event::Ticket) => {}
                        other => panic!("{other:?}"),
                    }
                }
            }
        }
    };
}

pools!(Std, sealock_std);
pools!(Tokio, sealock_tokio, await);
pools!(Smol, sealock_smol, await);

macro_rules! scenarios {
    ($name:ident, $net:ty, [$($scenario:ident),* $(,)?]) => {
        mod $name {
            use super::*;
            $(
                #[test]
                fn $scenario() {
                    bounded(pool::$scenario::<$net>);
                }
            )*
        }
    };
    ($name:ident, $net:ty $(, $more:ident)*) => {
        scenarios!($name, $net, [
            a_new_session_resumes_an_earlier_one,
            an_idle_session_is_used_again,
            who_waits_is_served_in_order,
            a_session_that_the_peer_ended_is_replaced,
            a_closed_pool_refuses_who_waits,
            a_breaker_stops_connecting,
            $($more,)*
        ]);
    };
}

scenarios!(on_std, Std);
scenarios!(on_tokio, Tokio, a_dropped_get_swallows_nothing);
scenarios!(on_smol, Smol, a_dropped_get_swallows_nothing);
