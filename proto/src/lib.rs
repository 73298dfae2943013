//! Protocols as pure state machines.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

pub mod backoff;
pub mod buf;
pub mod drive;
pub mod entropy;
pub mod heartbeat;
pub mod limit;
pub mod machine;
pub mod noise;
pub mod session;
pub mod time;
pub mod timer;
