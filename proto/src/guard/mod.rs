//! What a responder asks before and during a handshake, so that a stranger costs it little.
//!
//! Pure machines: no socket, no clock, no protocol. They are told what arrived and answer what to do with it.

mod crypto;
mod key;

pub use key::{COOKIE_REPLY_LEN, Cookie, FirstDigest, GateKey, Mac};
