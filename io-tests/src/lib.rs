//! Test support for the drivers: a toy protocol, an in-memory stream on virtual time, and the scenarios
//! that every adapter must pass. Not published.
#![forbid(unsafe_code)]

pub mod counting;
pub mod driver;
pub mod mem;
pub mod run;
pub mod scenarios;
pub mod sessions;
pub mod sim;
pub mod toy;
pub mod udp;
pub mod websockets;
