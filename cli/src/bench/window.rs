//! How many messages may be under way at once.

use async_channel::{Receiver, Sender};
use std::sync::atomic::{AtomicU64, Ordering};

/// Nobody waits.
const NOBODY: u64 = u64::MAX;

/// Lets a sender run ahead of a receiver by so many messages and no more. A sender that had to wait goes on when
/// half of the window is free, so that the two do not wake each other for every message.
pub(crate) struct Window {
    size: u64,
    received: AtomicU64,
    /// How many must be received for the sender to go on.
    resume_at: AtomicU64,
    wake: (Sender<()>, Receiver<()>),
}

impl Window {
    pub(crate) fn new(size: u32) -> Self {
        Self {
            size: u64::from(size.max(1)),
            received: AtomicU64::new(0),
            resume_at: AtomicU64::new(NOBODY),
            wake: async_channel::bounded(1),
        }
    }

    /// One came back.
    pub(crate) fn on_received(&self) {
        let received = self.received.fetch_add(1, Ordering::SeqCst) + 1;
        if received >= self.resume_at.load(Ordering::SeqCst) {
            self.resume_at.store(NOBODY, Ordering::SeqCst);
            // A full channel holds a wake-up already.
            let _ = self.wake.0.try_send(());
        }
    }

    /// No more will come back: whoever waits must not wait longer.
    pub(crate) fn close(&self) {
        self.wake.0.close();
    }

    /// Whether another message may follow the `sent` ones now.
    pub(crate) fn has_room(&self, sent: u64) -> bool {
        sent - self.received.load(Ordering::SeqCst) < self.size
    }

    /// Waits until half the window is free behind `sent` messages. False if nothing will come back any more.
    pub(crate) async fn room(&self, sent: u64) -> bool {
        let resume_at = sent.saturating_sub(self.size / 2).max(1);
        while self.received.load(Ordering::SeqCst) < resume_at {
            self.resume_at.store(resume_at, Ordering::SeqCst);
            if self.received.load(Ordering::SeqCst) >= resume_at {
                break;
            }
            if self.wake.1.recv().await.is_err() {
                return false;
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_lite::future::{block_on, poll_once};

    #[test]
    fn a_sender_waits_at_the_window_and_goes_on_when_half_of_it_is_free() {
        let window = Window::new(4);
        assert!(window.has_room(3) && !window.has_room(4));
        assert_eq!(block_on(poll_once(window.room(4))), None);
        window.on_received();
        assert_eq!(block_on(poll_once(window.room(4))), None);
        window.on_received();
        assert_eq!(block_on(poll_once(window.room(4))), Some(true));
    }

    #[test]
    fn a_sender_learns_that_nothing_will_come_back() {
        let window = Window::new(1);
        window.close();
        assert!(!block_on(window.room(1)));
    }
}
