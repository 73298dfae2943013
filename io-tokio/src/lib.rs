//! Runs sealock protocols on tokio.
//!
//! [`tcp`], [`unix`] and [`stream`] make the two halves of a stream for
//! [`Connection::new`](sealock_proto::drive::Connection::new), whose futures then run on any task of a
//! runtime with its time and I/O enabled.
//!
//! What lives here: tokio's streams, timer and clock behind the driver's traits. No protocol logic.
#![forbid(unsafe_code)]

mod stream;
mod timer;

pub use sealock_net::SocketOptions;
#[cfg(unix)]
pub use stream::unix;
pub use stream::{TokioRead, TokioWrite, halves, stream, tcp};
pub use timer::now;
