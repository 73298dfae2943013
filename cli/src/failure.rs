//! How the program ends: exit codes, and one line on what went wrong.

use crate::{hint, out};
use sealock_proto::session::CloseCode;
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

/// The peer ended the session for a reason that is not that it is done.
#[derive(Debug)]
pub(crate) struct ClosedByPeer {
    pub(crate) code: CloseCode,
    reason: String,
}

impl ClosedByPeer {
    /// `reason` is the peer's word: what a terminal would take for more than text is escaped.
    pub(crate) fn new(code: CloseCode, reason: &[u8]) -> Self {
        Self { code, reason: String::from_utf8_lossy(reason).escape_debug().to_string() }
    }
}

impl fmt::Display for ClosedByPeer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the peer closed the session: {}", self.code)?;
        if self.reason.is_empty() { Ok(()) } else { write!(f, " ({})", self.reason) }
    }
}

impl std::error::Error for ClosedByPeer {}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_peer_says_is_printed_as_text_and_nothing_else() {
        let told = |reason| ClosedByPeer::new(CloseCode::GOING_AWAY, reason).to_string();
        assert_eq!(told(b""), "the peer closed the session: going away");
        assert_eq!(told("für heute".as_bytes()), "the peer closed the session: going away (für heute)");
        assert!(!told(b"\x1b[2J\r\n\xff").contains(char::is_control));
    }
}
