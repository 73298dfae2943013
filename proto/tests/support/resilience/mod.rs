//! Models of the resilience machines, written as plainly as can be, and operations that compare the two. Shared by the
//! property tests and the fuzz target `resilience`.
//!
//! Bytes are decisions; behind the last byte everything is 0. Nothing here knows how a machine does its work.

mod breaker;
mod budget;
mod pool;
mod queue;

pub(crate) use crate::input::Input;
pub(crate) use crate::tally::{Clock, Subject, Tally};

/// Every machine.
pub(crate) const SUBJECTS: [Subject; 4] = [
    Subject { name: "breaker", run: breaker::run, often: &breaker::OFTEN },
    Subject { name: "budget", run: budget::run, often: &budget::OFTEN },
    Subject { name: "queue", run: queue::run, often: &queue::OFTEN },
    Subject { name: "pool", run: pool::run, often: &pool::OFTEN },
];
