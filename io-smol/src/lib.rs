//! Runs sealock protocols on smol and everything else built on `async-io`.
//!
//! [`tcp`], [`unix`] and [`halves`] make the two halves of a stream for
//! [`Connection::new`](sealock_proto::drive::Connection::new), whose futures then run on any executor.
//!
//! What lives here: `async-io`'s sockets and timer behind the driver's traits. No protocol logic.
#![forbid(unsafe_code)]

mod socket;
mod stream;

pub use sealock_net::SocketOptions;
#[cfg(unix)]
pub use socket::unix;
pub use socket::{Socket, tcp};
pub use stream::{SmolRead, SmolWrite, halves, now};
