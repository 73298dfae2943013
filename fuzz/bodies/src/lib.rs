//! What the fuzz targets run: functions of bytes that panic when a rule is broken.
//!
//! The targets themselves are shims around these. Here nothing depends on a fuzzer, so the committed corpora are
//! replayed by the ordinary tests.
#![forbid(unsafe_code)]

pub mod buffers;
pub mod chunking;
pub mod config;
pub mod datagram;
pub mod guard;
#[path = "../../../proto/tests/support/input.rs"]
mod input;
pub mod keyed_limiter;
mod keys;
mod model;
pub mod noise_handshake;
mod peer;
pub mod providers;
pub mod resilience;
pub mod seeds;
pub mod session_frames;
pub mod session_pair;
pub mod session_unauth;
pub mod snapshot;
mod subject;
#[path = "../../../proto/tests/support/tally.rs"]
mod tally;
pub mod tickets;
pub mod vectors_file;
pub mod ws_deflate;
mod ws_end;
pub mod ws_frames;
mod ws_model;
pub mod ws_pair;
pub mod ws_upgrade;

/// A function of bytes that panics when a rule is broken.
pub type Body = fn(&[u8]);

/// Every target with its name, which is also that of its corpus.
pub const TARGETS: [(&str, Body); 19] = [
    ("session_unauth", session_unauth::run),
    ("session_frames", session_frames::run),
    ("session_pair", session_pair::run),
    ("chunking", chunking::run),
    ("config", config::run),
    ("noise_handshake", noise_handshake::run),
    ("vectors_file", vectors_file::run),
    ("providers", providers::run),
    ("buffers", buffers::run),
    ("keyed_limiter", keyed_limiter::run),
    ("resilience", resilience::run),
    ("tickets", tickets::run),
    ("guard", guard::run),
    ("snapshot", snapshot::run),
    ("datagram", datagram::run),
    ("ws_frames", ws_frames::run),
    ("ws_deflate", ws_deflate::run),
    ("ws_upgrade", ws_upgrade::run),
    ("ws_pair", ws_pair::run),
];
