//! The books of a connection pool: which connection to use, when to open one, who waits, what to close.
//!
//! It only decides. Opening, closing, waking and waiting are its owner's work, and so is finding out whether an idle
//! connection is still alive.

mod config;
#[cfg(test)]
mod tests;

pub use config::{PoolConfig, PoolError};

use crate::time::Instant;
use alloc::collections::VecDeque;
use core::fmt;
use core::ops::{Deref, DerefMut};

/// A connection that is in use, to be given back by [`Pool::release`], [`Pool::discard`] or [`Pool::reopen`]. It takes its place in the
/// pool until then, so one that is only dropped leaves the pool smaller for ever.
#[must_use = "a connection that is not given back takes its place for ever"]
#[derive(Debug)]
pub struct Leased<C> {
    conn: C,
    made: Instant,
}

impl<C> Deref for Leased<C> {
    type Target = C;

    fn deref(&self) -> &C {
        &self.conn
    }
}

impl<C> DerefMut for Leased<C> {
    fn deref_mut(&mut self) -> &mut C {
        &mut self.conn
    }
}

/// A place for a connection that is still to be opened, to be used up by [`Pool::connected`] or
/// [`Pool::connect_failed`].
#[must_use = "a slot that is not used up takes its place for ever"]
#[derive(Debug)]
pub struct Slot(());

/// What whoever asked for a connection gets.
#[must_use = "what is granted takes its place until it is given back"]
#[derive(Debug)]
pub enum Grant<C> {
    /// Use this one: the idle one that was used last.
    Use(Leased<C>),
    /// Open a new one.
    Connect(Slot),
}

/// Who waits, in the order of coming.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(u64);

/// The answer to whoever asks for a connection.
#[must_use = "what is granted takes its place until it is given back, and who waits must cancel to leave"]
#[derive(Debug)]
pub enum Acquire<C> {
    /// Here it is.
    Granted(Grant<C>),
    /// All are in use: wait until [`Action::Wake`] names this ticket, then [`Pool::claim`].
    Wait(Ticket),
}

/// Why there is no connection, now or later.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolRefusal {
    /// All are in use, and as many wait as may.
    TooManyWaiting,
    /// The pool was closed.
    Closed,
}

impl fmt::Display for PoolRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooManyWaiting => {
                "all connections are in use and too many wait; raise max_total or max_waiting"
            }
            Self::Closed => "the pool is closed",
        })
    }
}

impl core::error::Error for PoolRefusal {}

/// What a pool's owner has to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Action<C> {
    /// Wake who holds this ticket: a connection or a slot is there to be claimed, or the pool was closed.
    Wake(Ticket),
    /// Close this connection.
    Evict(C),
}

/// What a [`Pool`] has counted.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolStats {
    /// Connections now: idle, in use, or being opened.
    pub total: usize,
    /// Those of them that are idle.
    pub idle: usize,
    /// How many wait now.
    pub waiting: usize,
    /// Connections opened so far.
    pub opened: u64,
    /// Attempts to open one that failed or were given up.
    pub failed: u64,
    /// How often a connection that was there already was handed out.
    pub reused: u64,
    /// Connections evicted.
    pub evicted: u64,
    /// Connections that broke.
    pub discarded: u64,
}

#[derive(Debug)]
struct Idle<C> {
    leased: Leased<C>,
    /// When it must go.
    until: Instant,
}

#[derive(Debug)]
struct Granted<C> {
    ticket: Ticket,
    grant: Grant<C>,
    told: bool,
}

/// Decides about connections `C`, which may be the connections themselves or what they are known by.
///
/// Who comes is served in the order of coming. An idle connection is reused last in, first out, so that those a small
/// load does not need become old and go. Whatever becomes free is reserved at once for who has waited longest; a waiter
/// that gives up passes on what was reserved for it. While anybody waits, all places are therefore taken.
///
/// After each call, do what [`Pool::poll_action`] says until it says nothing. A `now` earlier than one given before
/// counts as that one.
///
/// ```
/// use sealock_proto::resilience::{Acquire, Action, Grant, Pool, PoolConfig};
/// use sealock_proto::time::Instant;
///
/// let mut pool = Pool::new(PoolConfig::default().with_max_total(1))?;
/// let now = Instant::ZERO;
/// let Acquire::Granted(Grant::Connect(slot)) = pool.acquire(now)? else { panic!("nothing is idle") };
/// let first = pool.connected(slot, "connection 1", now);
///
/// // Another comes and waits; the first gives its connection back.
/// let Acquire::Wait(ticket) = pool.acquire(now)? else { panic!("all are in use") };
/// pool.release(first, now);
/// assert_eq!(pool.poll_action(), Some(Action::Wake(ticket)));
/// let Some(Grant::Use(second)) = pool.claim(ticket)? else { panic!("one was reserved") };
/// assert_eq!(*second, "connection 1");
///
/// // It broke.
/// let broken = pool.discard(second);
/// assert_eq!((broken, pool.stats().total), ("connection 1", 0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Pool<C> {
    config: PoolConfig,
    /// The one that came back last is at the end.
    idle: VecDeque<Idle<C>>,
    /// Idle, leased, being opened, or reserved.
    total: usize,
    waiting: VecDeque<Ticket>,
    /// Reserved and not claimed yet.
    granted: VecDeque<Granted<C>>,
    /// Who waited when the pool was closed, and was not told yet.
    refused: VecDeque<Ticket>,
    evicted: VecDeque<C>,
    tickets: u64,
    /// Nothing idle must go before this. Earlier than need be once what it was set for is in use.
    deadline: Instant,
    closed: bool,
    latest: Instant,
    stats: PoolStats,
}

impl<C> Pool<C> {
    /// An empty pool; it allocates as it fills.
    ///
    /// # Errors
    /// Names the field of `config` that is out of range.
    pub fn new(config: PoolConfig) -> Result<Self, PoolError> {
        config.validate()?;
        Ok(Self {
            config,
            idle: VecDeque::new(),
            total: 0,
            waiting: VecDeque::new(),
            granted: VecDeque::new(),
            refused: VecDeque::new(),
            evicted: VecDeque::new(),
            tickets: 0,
            deadline: Instant::MAX,
            closed: false,
            latest: Instant::ZERO,
            stats: PoolStats::default(),
        })
    }

    /// Asks for a connection.
    ///
    /// # Errors
    /// If there is none and nothing to wait for.
    pub fn acquire(&mut self, now: Instant) -> Result<Acquire<C>, PoolRefusal> {
        let now = self.at(now);
        if self.closed {
            return Err(PoolRefusal::Closed);
        }
        while let Some(idle) = self.idle.pop_back() {
            if idle.until > now {
                self.stats.reused = self.stats.reused.saturating_add(1);
                return Ok(Acquire::Granted(Grant::Use(idle.leased)));
            }
            self.evict(idle.leased);
        }
        if self.total < self.config.max_total {
            self.total += 1;
            return Ok(Acquire::Granted(Grant::Connect(Slot(()))));
        }
        if self.waiting.len() >= self.config.max_waiting {
            return Err(PoolRefusal::TooManyWaiting);
        }
        let ticket = Ticket(self.tickets);
        self.tickets = self.tickets.saturating_add(1);
        self.waiting.push_back(ticket);
        Ok(Acquire::Wait(ticket))
    }

    /// What was reserved for `ticket`. `None`: nothing yet, or it is not one that waits.
    ///
    /// # Errors
    /// If the pool was closed meanwhile.
    pub fn claim(&mut self, ticket: Ticket) -> Result<Option<Grant<C>>, PoolRefusal> {
        if self.closed {
            return Err(PoolRefusal::Closed);
        }
        let grant = self.take_granted(ticket);
        if let Some(Grant::Use(_)) = grant {
            self.stats.reused = self.stats.reused.saturating_add(1);
        }
        Ok(grant)
    }

    /// `ticket` waits no more. What was reserved for it goes to the next, or is idle. Does nothing if it has claimed.
    pub fn cancel(&mut self, ticket: Ticket) {
        match self.take_granted(ticket) {
            Some(Grant::Use(leased)) => self.put_back(leased),
            Some(Grant::Connect(slot)) => self.free(slot),
            // Tickets are handed out, and so wait, in order.
            None => {
                if let Ok(place) = self.waiting.binary_search(&ticket) {
                    self.waiting.remove(place);
                }
            }
        }
    }

    /// A connection was opened, and is in use by who opened it.
    pub fn connected(&mut self, slot: Slot, conn: C, now: Instant) -> Leased<C> {
        let Slot(()) = slot;
        self.stats.opened = self.stats.opened.saturating_add(1);
        Leased { conn, made: self.at(now) }
    }

    /// A connection could not be opened: who waits next may try.
    pub fn connect_failed(&mut self, slot: Slot) {
        self.stats.failed = self.stats.failed.saturating_add(1);
        self.free(slot);
    }

    /// A connection in good order is not in use any more.
    pub fn release(&mut self, leased: Leased<C>, now: Instant) {
        self.at(now);
        self.put_back(leased);
    }

    /// A connection broke, or shall not be used again: who waits next may open another. Gives it back to be closed.
    pub fn discard(&mut self, leased: Leased<C>) -> C {
        let (conn, slot) = self.reopen(leased);
        self.free(slot);
        conn
    }

    /// A connection broke, and who has it opens another in its place instead of waiting again. Gives it back to be
    /// closed.
    pub fn reopen(&mut self, leased: Leased<C>) -> (C, Slot) {
        self.stats.discarded = self.stats.discarded.saturating_add(1);
        (leased.conn, Slot(()))
    }

    /// What is to be done next. `None`: nothing.
    pub fn poll_action(&mut self) -> Option<Action<C>> {
        if let Some(granted) = self.granted.iter_mut().find(|granted| !granted.told) {
            granted.told = true;
            return Some(Action::Wake(granted.ticket));
        }
        if let Some(ticket) = self.refused.pop_front() {
            return Some(Action::Wake(ticket));
        }
        self.evicted.pop_front().map(Action::Evict)
    }

    /// When to call [`Pool::handle_timeout`]: not later than the next idle connection must go, O(1).
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        (self.deadline < Instant::MAX).then_some(self.deadline)
    }

    /// Evicts the idle connections that must go.
    pub fn handle_timeout(&mut self, now: Instant) {
        let now = self.at(now);
        if now < self.deadline {
            return;
        }
        self.deadline = Instant::MAX;
        for _ in 0..self.idle.len() {
            match self.idle.pop_front() {
                Some(idle) if idle.until > now => {
                    self.deadline = self.deadline.min(idle.until);
                    self.idle.push_back(idle);
                }
                Some(idle) => self.evict(idle.leased),
                None => {}
            }
        }
    }

    /// No connection is handed out any more: idle ones are evicted, who waits is woken and refused. Those in use are
    /// evicted as they come back.
    pub fn close(&mut self) {
        self.closed = true;
        self.deadline = Instant::MAX;
        self.refused.append(&mut self.waiting);
        for granted in core::mem::take(&mut self.granted) {
            self.refused.push_back(granted.ticket);
            match granted.grant {
                Grant::Use(leased) => self.evict(leased),
                Grant::Connect(slot) => self.free(slot),
            }
        }
        while let Some(idle) = self.idle.pop_front() {
            self.evict(idle.leased);
        }
    }

    /// Whether [`Pool::close`] was called.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        self.closed
    }

    /// What there is, and what has been counted so far.
    #[must_use]
    pub fn stats(&self) -> PoolStats {
        PoolStats { total: self.total, idle: self.idle.len(), waiting: self.waiting.len(), ..self.stats }
    }

    fn at(&mut self, now: Instant) -> Instant {
        self.latest = self.latest.max(now);
        self.latest
    }

    fn put_back(&mut self, leased: Leased<C>) {
        let end = |limit: Option<_>, from: Instant| limit.map_or(Instant::MAX, |limit| from + limit);
        let dies = end(self.config.max_lifetime, leased.made);
        if self.closed || dies <= self.latest {
            return self.evict(leased);
        }
        if let Some(ticket) = self.waiting.pop_front() {
            return self.grant(ticket, Grant::Use(leased));
        }
        let until = dies.min(end(self.config.idle_timeout, self.latest));
        self.deadline = self.deadline.min(until);
        self.idle.push_back(Idle { leased, until });
        // The one that came back is the likeliest to be alive.
        if self.idle.len() > self.config.max_idle {
            if let Some(oldest) = self.idle.pop_front() {
                self.evict(oldest.leased);
            }
        }
    }

    fn evict(&mut self, leased: Leased<C>) {
        self.stats.evicted = self.stats.evicted.saturating_add(1);
        self.free(Slot(()));
        self.evicted.push_back(leased.conn);
    }

    /// A place is free, and reserved at once if anybody waits: nobody does once the pool is closed.
    fn free(&mut self, slot: Slot) {
        match self.waiting.pop_front() {
            Some(ticket) => self.grant(ticket, Grant::Connect(slot)),
            None => self.total = self.total.saturating_sub(1),
        }
    }

    fn grant(&mut self, ticket: Ticket, grant: Grant<C>) {
        self.granted.push_back(Granted { ticket, grant, told: false });
    }

    fn take_granted(&mut self, ticket: Ticket) -> Option<Grant<C>> {
        let place = self.granted.iter().position(|granted| granted.ticket == ticket)?;
        self.granted.remove(place).map(|granted| granted.grant)
    }
}
