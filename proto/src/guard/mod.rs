//! What a responder asks before and during a handshake, so that a stranger costs it little, a copy gets nothing, and
//! nobody gets more than its share.
//!
//! Pure machines: no socket, no clock, no lock, no protocol. They are told what arrived and answer what to do with
//! it; the session asks and whoever owns the listener shares one [`Guard`] among its connections.
//!
//! | question | machine | what it costs to refuse |
//! |---|---|---|
//! | Does the sender know this responder? | [`GateKey`] | one hash |
//! | Under load: can it be reached at its address? | [`CookieGate`], of [`Load`] and [`CookieJar`] | a few hashes |
//! | Is the first message no copy? | [`ReplayFilter`] | the first message's key agreements |
//! | May this identity have a session, another one, now? | [`Roster`], by a [`Policy`] | the handshake up to there |
//!
//! The first two are WireGuard's (Donenfeld, "WireGuard: Next Generation Kernel Network Tunnel", sections 5.3 and
//! 5.4.7) for any pattern, with what its users learnt since: a cookie is bound to the port too, and who cannot be
//! reached never takes what is meant for those who can.

mod ask;
mod cookie;
mod crypto;
mod gate;
mod key;
mod load;
mod policy;
mod question;
mod replay;
mod roster;

pub use ask::{Guard, GuardConfig, GuardError, GuardStats};
pub use cookie::CookieJar;
pub use gate::{CookieGate, GateAnswer, GateConfig, GateError, GateStats};
pub use key::{COOKIE_REPLY_LEN, Cookie, FirstDigest, GateKey, Mac};
pub use load::{Load, LoadConfig, LoadError};
pub use policy::{Excess, Policy, PolicyError};
pub use question::{Answer, Question, Refusal};
pub use replay::{FirstSeen, Replay, ReplayConfig, ReplayError, ReplayFilter, ReplayStats};
pub use roster::{Entered, Refused, Roster, RosterStats, SessionId};
