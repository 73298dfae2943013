//! Printing that does not panic when whoever reads has gone, and colour where there is somebody to see it.

use crate::failure::OutputGone;
use anyhow::Result;
use std::fmt;
use std::io::{self, ErrorKind, IsTerminal, Write};

/// Prints to standard output, at once.
///
/// # Errors
/// [`OutputGone`] when nobody reads it any more.
pub(crate) fn print(text: impl fmt::Display) -> Result<()> {
    let mut out = io::stdout().lock();
    write!(out, "{text}").and_then(|()| out.flush()).map_err(failed)
}

/// Prints bytes to standard output, at once.
///
/// # Errors
/// As for [`print()`].
pub(crate) fn write(bytes: &[u8]) -> Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).map_err(failed)
}

/// One line on standard error. If that is closed there is nobody to tell.
pub(crate) fn note(text: impl fmt::Display) {
    let _ = writeln!(io::stderr().lock(), "sealock: {text}");
}

fn failed(error: io::Error) -> anyhow::Error {
    match error.kind() {
        ErrorKind::BrokenPipe => OutputGone.into(),
        _ => anyhow::Error::from(error).context("cannot write to standard output"),
    }
}

/// A check mark or a cross, in colour where standard output is a terminal and `NO_COLOR` is not set.
pub(crate) fn mark(good: bool) -> &'static str {
    let colour = io::stdout().is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
    match (good, colour) {
        (true, true) => "\u{1b}[32m✓\u{1b}[0m",
        (true, false) => "✓",
        (false, true) => "\u{1b}[31m✗\u{1b}[0m",
        (false, false) => "✗",
    }
}
