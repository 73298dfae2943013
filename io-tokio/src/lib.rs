//! Runs sealock protocols on tokio.
#![forbid(unsafe_code)]
