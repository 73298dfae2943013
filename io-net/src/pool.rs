//! A pool that tasks and threads share: the machine of `proto` behind a lock, and guards that cannot forget to give
//! back what they have.
//!
//! What a connection is and how to open one is not decided here.

use sealock_proto::resilience::{
    Acquire, Action, Grant, Leased, Open, Pool, PoolConfig, PoolError, PoolRefusal, PoolStats, Slot, Ticket,
};
use sealock_proto::time::Instant;
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// Guards are emptied only by what consumes them.
const HELD: &str = "a guard has what it guards until it is consumed";

/// A connection that can be pooled.
pub trait Poolable {
    /// Whether it can be handed out again. It was idle, nobody has looked at it meanwhile, and it must not wait.
    fn is_usable(&mut self) -> bool;
}

/// Why a pool has no connection to give.
#[non_exhaustive]
#[derive(Debug)]
pub enum GetError<E> {
    /// None is free, and there is nothing to wait for.
    Refused(PoolRefusal),
    /// Connecting has failed too often lately, so it was not tried.
    Open(Open),
    /// A new one could not be opened.
    Connect(E),
}

impl<E: fmt::Display> fmt::Display for GetError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => write!(f, "no connection: {refusal}"),
            Self::Open(open) => write!(f, "no connection: {open}"),
            Self::Connect(error) => write!(f, "no connection: {error}"),
        }
    }
}

impl<E: Error> Error for GetError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Refused(_) | Self::Open(_) => None,
            // The error itself is part of the text.
            Self::Connect(error) => error.source(),
        }
    }
}

/// Connections that tasks and threads share; clones are the same pool.
pub struct SharedPool<C>(Arc<Shared<C>>);

struct Shared<C> {
    books: Mutex<Books<C>>,
    now: fn() -> Instant,
}

struct Books<C> {
    pool: Pool<C>,
    /// Of the tickets that were polled and wait.
    wakers: BTreeMap<Ticket, Waker>,
}

impl<C> Shared<C> {
    /// Changes the books and then does what they say, without the lock: closing a connection and waking a task run
    /// code of others.
    fn change<T>(&self, change: impl FnOnce(&mut Books<C>, Instant) -> T) -> T {
        let now = (self.now)();
        let mut books = self.lock();
        let result = change(&mut books, now);
        books.pool.handle_timeout(now);
        let (mut woken, mut evicted) = (Vec::new(), Vec::new());
        while let Some(action) = books.pool.poll_action() {
            match action {
                // One that was not polled yet looks when it is.
                Action::Wake(ticket) => woken.extend(books.wakers.remove(&ticket)),
                Action::Evict(conn) => evicted.push(conn),
            }
        }
        drop(books);
        woken.into_iter().for_each(Waker::wake);
        drop(evicted);
        result
    }

    fn lock(&self) -> MutexGuard<'_, Books<C>> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C> SharedPool<C> {
    /// An empty pool by the clock `now`.
    ///
    /// # Errors
    /// Names the field of `config` that is out of range.
    pub fn new(config: PoolConfig, now: fn() -> Instant) -> Result<Self, PoolError> {
        let books = Books { pool: Pool::new(config)?, wakers: BTreeMap::new() };
        Ok(Self(Arc::new(Shared { books: Mutex::new(books), now })))
    }

    /// An idle connection, or a new one by `connect`, or the next that becomes free: who came first is served first.
    ///
    /// Can be dropped at any point: what was reserved for it then goes to the next.
    ///
    /// # Errors
    /// If there is none to wait for, or `connect` fails.
    pub async fn get<E, F>(&self, connect: impl FnOnce() -> F) -> Result<Pooled<C>, GetError<E>>
    where
        C: Poolable,
        F: Future<Output = Result<C, E>>,
    {
        let shared = &self.0;
        let acquired = shared.change(|books, now| books.pool.acquire(now)).map_err(GetError::Refused)?;
        let grant = match acquired {
            Acquire::Granted(grant) => grant,
            Acquire::Wait(ticket) => {
                Waiting { shared, ticket: Some(ticket) }.await.map_err(GetError::Refused)?
            }
        };
        let slot = match grant {
            Grant::Use(leased) => {
                let mut pooled = self.guard(leased);
                if pooled.is_usable() {
                    return Ok(pooled);
                }
                pooled.reopen()
            }
            Grant::Connect(slot) => slot,
        };
        let connecting = Connecting { shared, slot: Some(slot) };
        let conn = connect().await.map_err(GetError::Connect)?;
        let pooled = self.guard(connecting.done(conn));
        if shared.lock().pool.is_closed() {
            // Dropped, it is evicted.
            return Err(GetError::Refused(PoolRefusal::Closed));
        }
        Ok(pooled)
    }

    /// Evicts idle connections whose time has come. Whoever uses the pool does that by the way; a pool that nobody uses
    /// keeps what it has until this is called.
    pub fn evict(&self) {
        self.0.change(|_, _| ());
    }

    /// Hands no connection out any more. Idle ones are dropped, and those in use as they come back.
    pub fn close(&self) {
        self.0.change(|books, _| books.pool.close());
    }

    /// What there is, and what has been counted so far.
    #[must_use]
    pub fn stats(&self) -> PoolStats {
        self.0.lock().pool.stats()
    }

    fn guard(&self, leased: Leased<C>) -> Pooled<C> {
        Pooled { shared: Arc::clone(&self.0), leased: Some(leased) }
    }
}

impl<C> Clone for SharedPool<C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<C> fmt::Debug for SharedPool<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedPool").field("stats", &self.stats()).finish_non_exhaustive()
    }
}

/// Waits for its turn; gives up when dropped.
struct Waiting<'a, C> {
    shared: &'a Shared<C>,
    ticket: Option<Ticket>,
}

impl<C> Future for Waiting<'_, C> {
    type Output = Result<Grant<C>, PoolRefusal>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(ticket) = self.ticket else { return Poll::Ready(Err(PoolRefusal::Closed)) };
        let claimed = self.shared.change(|books, _| {
            let claimed = books.pool.claim(ticket).transpose();
            // Under the same lock, so that no wake-up falls between the two.
            match claimed {
                Some(_) => books.wakers.remove(&ticket),
                None => books.wakers.insert(ticket, cx.waker().clone()),
            };
            claimed
        });
        match claimed {
            Some(claimed) => {
                self.ticket = None;
                Poll::Ready(claimed)
            }
            None => Poll::Pending,
        }
    }
}

impl<C> Drop for Waiting<'_, C> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            self.shared.change(|books, _| {
                books.wakers.remove(&ticket);
                books.pool.cancel(ticket);
            });
        }
    }
}

/// Opens a connection; gives its place to the next when dropped.
struct Connecting<'a, C> {
    shared: &'a Shared<C>,
    slot: Option<Slot>,
}

impl<C> Connecting<'_, C> {
    fn done(mut self, conn: C) -> Leased<C> {
        let slot = self.slot.take().expect(HELD);
        self.shared.change(|books, now| books.pool.connected(slot, conn, now))
    }
}

impl<C> Drop for Connecting<'_, C> {
    fn drop(&mut self) {
        if let Some(slot) = self.slot.take() {
            self.shared.change(|books, _| books.pool.connect_failed(slot));
        }
    }
}

/// A connection of a pool, to which it goes back when this is dropped.
///
/// Flush what was sent before that: nobody drives an idle connection, and one that is evicted, or that cannot write, takes
/// along what it has queued.
///
/// Whoever leaves an exchange half done, as a cancelled task does, must [discard](Pooled::discard) it: the answer that
/// still comes would be taken for the next one's.
pub struct Pooled<C> {
    shared: Arc<Shared<C>>,
    /// Empty only where it is taken by what consumes the guard.
    leased: Option<Leased<C>>,
}

impl<C> Pooled<C> {
    /// Takes the connection out of the pool, which may open another.
    #[must_use = "the pool has no use for it any more: close it"]
    pub fn discard(mut self) -> C {
        let leased = self.leased.take().expect(HELD);
        self.shared.change(|books, _| books.pool.discard(leased))
    }

    /// Drops the connection and keeps its place.
    fn reopen(mut self) -> Slot {
        let leased = self.leased.take().expect(HELD);
        let (conn, slot) = self.shared.change(|books, _| books.pool.reopen(leased));
        drop(conn);
        slot
    }
}

impl<C> Deref for Pooled<C> {
    type Target = C;

    fn deref(&self) -> &C {
        self.leased.as_ref().expect(HELD)
    }
}

impl<C> DerefMut for Pooled<C> {
    fn deref_mut(&mut self) -> &mut C {
        self.leased.as_mut().expect(HELD)
    }
}

impl<C> Drop for Pooled<C> {
    fn drop(&mut self) {
        if let Some(leased) = self.leased.take() {
            self.shared.change(|books, now| books.pool.release(leased, now));
        }
    }
}

impl<C: fmt::Debug> fmt::Debug for Pooled<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pooled").field(&**self).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;

    impl Poolable for u8 {
        fn is_usable(&mut self) -> bool {
            true
        }
    }

    #[test]
    fn what_was_being_opened_when_the_pool_was_closed_is_not_handed_out() {
        let pool = SharedPool::new(PoolConfig::default(), || Instant::ZERO).unwrap();
        let get = pool.get(async || {
            pool.close();
            Ok::<u8, ()>(1)
        });
        let Poll::Ready(got) = pin!(get).poll(&mut Context::from_waker(Waker::noop())) else {
            panic!("it waits for nobody")
        };
        assert!(matches!(got, Err(GetError::Refused(PoolRefusal::Closed))), "{got:?}");
        assert_eq!((pool.stats().total, pool.stats().evicted), (0, 1));
    }
}
