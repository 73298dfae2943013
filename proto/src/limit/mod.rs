//! What a peer, or everyone together, may use: rates, attempts and admission.
//!
//! Pure values fed by `now`; nothing here grows after construction. Which limits apply where is decided by
//! the machines that hold them, not here.

mod admission;
mod bucket;
mod keyed;

pub use admission::{Admission, AdmissionConfig, AdmissionError, AdmissionStats, Refusal};
pub use bucket::{Gcra, Rate, RateError, Unavailable};
pub use keyed::{KeyedConfig, KeyedError, KeyedLimiter, Source, Verdict};
