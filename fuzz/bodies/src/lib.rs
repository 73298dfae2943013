//! What the fuzz targets run: functions of bytes that panic when a rule is broken.
//!
//! The targets themselves are shims around these. Here nothing depends on a fuzzer, so the committed corpora are
//! replayed by the ordinary tests.
#![forbid(unsafe_code)]

mod keys;
mod model;
mod peer;
pub mod seeds;
pub mod session_frames;
pub mod session_unauth;
mod subject;

/// A function of bytes that panics when a rule is broken.
pub type Body = fn(&[u8]);

/// Every target with its name, which is also that of its corpus.
pub const TARGETS: [(&str, Body); 2] =
    [("session_unauth", session_unauth::run), ("session_frames", session_frames::run)];
