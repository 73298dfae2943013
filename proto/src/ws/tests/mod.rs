//! The whole machine in memory, on virtual time, against frames made by hand.

mod broadcast;
mod closing;
#[cfg(feature = "deflate")]
mod deflate;
mod limits;
mod liveness;
mod messages;
mod opening;
mod peer;
