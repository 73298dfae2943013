//! What a machine can do wrong that a run finds out.

use crate::time::Instant;
use core::fmt;

/// Which end of a [`Pair`](super::Pair).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The end given first to [`Pair::new`](super::Pair::new).
    A,
    /// The end given second.
    B,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::A => "a",
            Self::B => "b",
        })
    }
}

/// A machine broke the contract of [`Machine`](crate::machine::Machine). The run cannot go on.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SimError {
    /// The pair did not go idle at one instant within this many calls of `recv` and writes.
    NeverIdle {
        /// The end that was called last.
        side: Side,
        /// The instant.
        at: Instant,
        /// How many calls were allowed.
        steps: u64,
    },
    /// A machine had this many deadlines within a second: it moves on, but by next to nothing each time.
    WakesWithoutEnd {
        /// Whose deadlines.
        side: Side,
        /// The instant of the last.
        at: Instant,
        /// How many are allowed.
        deadlines: u64,
    },
    /// `handle_timeout` left a deadline that is not later: its driver would spin.
    DeadlineSurvived {
        /// Whose deadline.
        side: Side,
        /// When it was handled.
        at: Instant,
        /// The deadline that was left.
        deadline: Instant,
    },
    /// `handle_timeout` was called before the deadline, and now it is later or gone: what it stood for will not happen.
    DeadlineLost {
        /// Whose deadline.
        side: Side,
        /// When the call was made.
        at: Instant,
        /// The deadline that was there before.
        deadline: Instant,
    },
    /// A machine set itself a deadline that had already passed, without its owner asking for one.
    DeadlineInPast {
        /// Whose deadline.
        side: Side,
        /// The instant.
        at: Instant,
        /// The deadline.
        deadline: Instant,
    },
    /// `recv` consumed more bytes than it was given.
    ConsumedTooMuch {
        /// Which end.
        side: Side,
        /// What `recv` said, in bytes.
        consumed: usize,
        /// What it was given, in bytes.
        given: usize,
    },
    /// The payload of an event does not lie in the buffer that `recv` was given.
    PayloadOutside {
        /// Which end.
        side: Side,
    },
    /// The machine asks for more bytes although its read buffer is full: the stream would stand still.
    ReadBufferFull {
        /// Which end.
        side: Side,
        /// The maximum of the buffer, in bytes.
        max: usize,
    },
}

impl fmt::Display for SimError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NeverIdle { side, at, steps } => {
                write!(
                    f,
                    "{side} never goes idle: {steps} calls and writes at {} ns; look for two machines that answer each other without end, an event that consumes nothing, or a poll_transmit that always has something",
                    at.as_nanos()
                )
            }
            Self::WakesWithoutEnd { side, at, deadlines } => write!(
                f,
                "{side} had {deadlines} deadlines in the second before {} ns; look for one that is put off by next to nothing",
                at.as_nanos()
            ),
            Self::DeadlineSurvived { side, at, deadline } => write!(
                f,
                "{side} was told at {} ns that time is up and still waits for {} ns: handle_timeout must leave a later deadline",
                at.as_nanos(),
                deadline.as_nanos()
            ),
            Self::DeadlineLost { side, at, deadline } => write!(
                f,
                "{side} was asked at {} ns, before its deadline at {} ns, and forgot it: a call too early must change nothing",
                at.as_nanos(),
                deadline.as_nanos()
            ),
            Self::DeadlineInPast { side, at, deadline } => write!(
                f,
                "{side} set itself a deadline at {} ns when it was {} ns already",
                deadline.as_nanos(),
                at.as_nanos()
            ),
            Self::ConsumedTooMuch { side, consumed, given } => {
                write!(f, "{side} consumed {consumed} of {given} bytes")
            }
            Self::PayloadOutside { side } => {
                write!(f, "{side} gave an event whose payload lies outside the buffer")
            }
            Self::ReadBufferFull { side, max } => write!(
                f,
                "{side} asks for more bytes but its read buffer holds its {max} bytes already: give it the limit the protocol states"
            ),
        }
    }
}

impl core::error::Error for SimError {}
