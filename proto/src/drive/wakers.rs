//! One waker for the stream's writing half that wakes every task waiting for it.
//!
//! A socket remembers one waker per direction. Two tasks write here, so each leaves its own waker in a
//! slot and the socket only ever sees the one that wakes them both.

use alloc::sync::Arc;
use alloc::task::Wake;
use core::task::Waker;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Who waits, and for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    /// The sender, for the stream to take bytes.
    Sender = 0,
    /// The receiver, for the stream to take bytes.
    Receiver = 1,
    /// The receiver, for anything at all.
    Idle = 2,
}

#[derive(Debug, Default)]
pub(super) struct Wakers([Mutex<Option<Waker>>; 3]);

impl Wakers {
    /// To be called before the poll that may answer `Pending`: a wake between the two must not get lost.
    pub(super) fn register(&self, slot: Slot, waker: &Waker) {
        let mut held = self.slot(slot);
        if !held.as_ref().is_some_and(|held| held.will_wake(waker)) {
            *held = Some(waker.clone());
        }
    }

    pub(super) fn clear(&self, slot: Slot) {
        self.slot(slot).take();
    }

    pub(super) fn wake(&self, slot: Slot) {
        let waker = self.slot(slot).take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn slot(&self, slot: Slot) -> MutexGuard<'_, Option<Waker>> {
        self.0[slot as usize].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Wakers {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        Wakers::wake(self, Slot::Sender);
        Wakers::wake(self, Slot::Receiver);
    }
}
