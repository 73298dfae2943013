//! How the program ends: exit codes, and one line on what went wrong.

use crate::{hint, out};
use std::fmt;
use std::process::ExitCode;

/// The command line asks for something that cannot be: exit code 2, as for every other usage error.
#[derive(Debug)]
pub(crate) struct Usage(pub(crate) String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// Nothing more can be printed because whoever read it has gone: as quiet an end as a signal would be.
#[derive(Debug)]
pub(crate) struct OutputGone;

impl fmt::Display for OutputGone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("standard output is closed")
    }
}

impl std::error::Error for OutputGone {}

/// Tells on standard error what went wrong. A usage error is 2, anything else 1.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    if error.is::<OutputGone>() {
        return ExitCode::FAILURE;
    }
    out::note(format_args!("error: {}", one_line(error)));
    if let Some(hint) = hint::of(error) {
        out::note(format_args!("hint: {hint}"));
    }
    ExitCode::from(if error.is::<Usage>() { 2 } else { 1 })
}

/// [`report`], then ends the program whatever else is under way.
pub(crate) fn exit(error: &anyhow::Error) -> ! {
    // An ExitCode cannot be asked for its number; every failure while running is 1.
    let _ = report(error);
    std::process::exit(1)
}

/// The error and its causes.
pub(crate) fn one_line(error: &anyhow::Error) -> String {
    format!("{error:#}")
}
