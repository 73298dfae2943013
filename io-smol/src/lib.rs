//! Runs sealock protocols on smol.
#![forbid(unsafe_code)]
