//! What the sealock drivers share: addresses, options, errors, and a listener's work that needs no runtime.
//!
//! Nothing here knows a runtime, and what blocks says so; users meet these types through a driver crate.
#![forbid(unsafe_code)]

mod address;
mod breaker;
mod error;
pub mod hand_over;
pub mod listen;
mod options;
mod pool;
mod reconnect;
mod session_pool;
mod socket;
#[cfg(feature = "tls")]
pub mod tls;
pub mod udp;
#[cfg(unix)]
mod unix;
#[cfg(feature = "ws")]
pub mod ws;

pub use address::{Address, AddressError};
pub use breaker::{CallError, CallPermit, SharedBreaker};
pub use error::{ConnectError, ListenError};
pub use hand_over::{NoRestore, NotRestored, Stream};
pub use options::{ConnectOptions, ListenOptions};
pub use pool::{GetError, Poolable, Pooled, SharedPool};
pub use reconnect::Target;
pub use session_pool::{Dialer, SessionPool};
pub use socket::SocketOptions;
#[cfg(unix)]
pub use unix::connect_unix;

use sealock_proto::entropy::Seed;
use sealock_proto::noise::SecretKey;
use std::io;
use std::time::{Duration, SystemTime};

/// A new static key.
///
/// # Errors
/// If the system has no entropy to give.
pub fn generate_key() -> io::Result<SecretKey> {
    Ok(SecretKey::new(&mut seed()?.derive("static key")))
}

/// A fresh seed from the operating system.
///
/// # Errors
/// If the system has none to give.
pub fn seed() -> io::Result<Seed> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(Seed::new(&mut bytes))
}

/// The time since the Unix epoch, by the system's clock; `None` if that is set to before it.
#[must_use]
pub fn unix_now() -> Option<Duration> {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok()
}
