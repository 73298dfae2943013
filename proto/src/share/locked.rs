//! The block of a machine that was split.

use super::{Block, Shared};
use core::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The block behind a lock, which is held for moments only and not taken for a message that is
/// sent.
pub(crate) struct Locked<B>(Arc<Both<B>>);

/// In this order: the flag lies in the same line of memory as the lock, which is taken soon after it was asked.
#[repr(C)]
struct Both<B> {
    /// What [`Block::is_calm`] said at the end of the last visit. Every visit that may change the block ends by
    /// writing it, still under the lock, so it never contradicts the last one for longer than that takes.
    ///
    /// The sending half believes a yes and asks under the lock after a no. A yes can be outdated by a visit of
    /// the receiving half alone: the sending half's own (close, drain, its key's end) are over before it sends
    /// again, so nothing follows what ended its sending in its buffer. What the receiving half does meanwhile
    /// (the peer's close, a failure, a deadline) only makes it owe a close, which the sending half itself appends
    /// later: the message counts as sent before. It could as well have been so when the answer was asked for
    /// under the lock, which was not held while the message was appended. No other memory hangs on the answer, so
    /// it is relaxed.
    calm: AtomicBool,
    block: Mutex<B>,
}

impl<B: Block> Locked<B> {
    /// The block for both halves: clones share it.
    pub(crate) fn new(block: B) -> Self {
        let calm = AtomicBool::new(block.is_calm());
        Self(Arc::new(Both { calm, block: Mutex::new(block) }))
    }

    /// To read only: what may change the block goes through [`Shared::with`].
    pub(crate) fn read<R>(&self, f: impl FnOnce(&B) -> R) -> R {
        f(&self.lock())
    }

    /// The block again, if these two are all that share it.
    pub(crate) fn join(self, other: Self) -> Result<B, (Self, Self)> {
        if !Arc::ptr_eq(&self.0, &other.0) || Arc::strong_count(&self.0) != 2 {
            return Err((self, other));
        }
        drop(other);
        match Arc::try_unwrap(self.0) {
            Ok(both) => Ok(both.block.into_inner().unwrap_or_else(PoisonError::into_inner)),
            Err(both) => Err((Self(Arc::clone(&both)), Self(both))),
        }
    }

    /// The block stays whole even if a thread panicked beside it.
    fn lock(&self) -> MutexGuard<'_, B> {
        self.0.block.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<B> Clone for Locked<B> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<B: Block> Shared for Locked<B> {
    type Block = B;

    fn with<R>(&mut self, f: impl FnOnce(&mut B) -> R) -> R {
        let mut block = self.lock();
        let result = f(&mut block);
        self.0.calm.store(block.is_calm(), Ordering::Relaxed);
        result
    }

    #[inline]
    fn is_calm(&mut self) -> bool {
        self.0.calm.load(Ordering::Relaxed)
    }

    #[inline]
    fn may_send(&mut self) -> Result<(), B::Refusal> {
        if self.is_calm() { Ok(()) } else { self.read(Block::may_send) }
    }
}
