//! The session's rules, each shown on a pair of sessions in memory.

mod pair;

#[cfg(feature = "aes-gcm")]
mod choice;
mod ending;
mod exports;
mod fallback;
mod gate;
#[cfg(feature = "std")]
mod halves;
mod hostile;
#[cfg(feature = "identity")]
mod identity;
#[cfg(feature = "identity")]
mod identity_snapshot;
mod keys;
mod liveness;
mod messages;
mod opening;
mod padding;
mod random;
mod rates;
mod seams;
mod snapshot;
mod snapshot_lease;
mod tickets;
