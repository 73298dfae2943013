//! What a responder asks before and during a handshake, so that a stranger costs it little.
//!
//! Pure machines: no socket, no clock, no protocol. They are told what arrived and answer what to do with it.

mod cookie;
mod crypto;
mod gate;
mod key;
mod load;
mod replay;

pub use cookie::CookieJar;
pub use gate::{CookieGate, GateAnswer, GateConfig, GateError, GateStats};
pub use key::{COOKIE_REPLY_LEN, Cookie, FirstDigest, GateKey, Mac};
pub use load::{Load, LoadConfig, LoadError};
pub use replay::{FirstSeen, Replay, ReplayConfig, ReplayError, ReplayFilter, ReplayStats};
