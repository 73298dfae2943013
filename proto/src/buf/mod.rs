//! The buffers a driver owns and lends to machines. No machine keeps bytes of its own.

mod join;
mod rx;
mod scratch;
mod span;
mod splice;
mod tx;

pub(crate) use join::{Joiner, MAX_GAP};
pub use rx::RxBuf;
pub use scratch::Scratch;
pub use span::Span;
pub use tx::{Full, TxBuf};
