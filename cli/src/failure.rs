//! How the program ends: exit codes, and one line on what went wrong.

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

/// What went wrong, and what might help.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) what: String,
    pub(crate) hint: Option<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Failure {}

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
    crate::out::note(format_args!("error: {error:#}"));
    if let Some(hint) = error.downcast_ref::<Failure>().and_then(|failure| failure.hint.as_ref()) {
        crate::out::note(format_args!("hint: {hint}"));
    }
    ExitCode::from(if error.is::<Usage>() { 2 } else { 1 })
}
