//! What keeps a client useful while its peer is not: when to stop calling, how often to retry, what to keep until the
//! connection is back, which connection to use.
//!
//! Machines of their own, each a plain value that its owner calls and tells the time: no I/O, no protocol, no lock. Each
//! is bounded by its configuration. They know only `time`, `limit`, `backoff` and `entropy`; what a call is and when it
//! has failed is the caller's business.

mod breaker;
mod budget;
mod pool;
mod queue;

pub use breaker::{
    Breaker, BreakerConfig, BreakerError, BreakerState, BreakerStats, FailureRate, Open, Permit, RateWindow,
};
pub use budget::{BudgetConfig, BudgetError, BudgetStats, Exhausted, RetryBudget};
pub use pool::{
    Acquire, Action, Grant, Leased, Pool, PoolConfig, PoolError, PoolRefusal, PoolStats, Slot, Ticket,
};
pub use queue::{
    Dropped, OfflineQueue, Overflow, QueueConfig, QueueError, QueueStats, RejectReason, Rejected,
};
