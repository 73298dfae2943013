//! Runs sealock protocols on blocking sockets and threads.
//!
//! [`tcp`], [`unix`] and [`halves`] make the two halves of a stream for
//! [`Connection::new`](sealock_proto::drive::Connection::new); [`block_on`] runs a connection's futures:
//! `block_on(connection.next())?`. To send and receive at once, split the connection and give each half a
//! thread.
//!
//! What lives here: blocking reads and writes with time limits, and waiting. No protocol logic.
#![forbid(unsafe_code)]

mod block;
mod stream;
mod timeout;

pub use block::block_on;
pub use sealock_net::SocketOptions;
#[cfg(unix)]
pub use stream::unix;
pub use stream::{StdRead, StdWrite, Timeouts, halves, now, tcp};
