//! A whole session inside WebAssembly: `examples/in_memory.rs`, built for a target without an operating system.
//!
//! A module of `sealock-proto` needs nothing from its host, neither a clock nor entropy nor I/O, and `.ci/wasm-node`
//! checks that this one imports nothing. A `cdylib` would give its exports their names with `#[unsafe(no_mangle)]`,
//! which this workspace forbids. A program does without: its `main` is exported by the compiler, as
//! `main(argc, argv) -> status`, and the status tells how it went. A module that is given bytes by its host needs
//! named exports, and so a crate of its own that allows that one attribute.
//!
//! ```text
//! cargo build -p sealock-example-wasm --target wasm32-unknown-unknown
//! .ci/wasm-node target/wasm32-unknown-unknown/debug/sealock-example-wasm.wasm
//! ```
#![forbid(unsafe_code)]

#[expect(dead_code, reason = "as a program of its own it has a `main`, and reports more")]
#[path = "../../in_memory.rs"]
mod in_memory;

use std::process::ExitCode;

/// The status that means failure; success is the number of messages, which tells a session from a module that did
/// nothing.
const FAILED: u8 = 255;

fn main() -> ExitCode {
    let echoed = in_memory::run().ok().and_then(|report| u8::try_from(report.echoed).ok());
    ExitCode::from(echoed.unwrap_or(FAILED))
}
