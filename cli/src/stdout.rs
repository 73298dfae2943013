//! Standard output, written on a thread of its own: whoever reads it slowly must not hold up the other direction.

use crate::{failure, out};
use async_channel::Sender;
use std::thread::{self, JoinHandle};

/// Messages waiting to be written.
const BEHIND: usize = 4;

/// Ends the program when nothing can be written any more, as happens to any filter whose reader has gone.
pub(crate) struct Output {
    messages: Sender<Vec<u8>>,
    thread: JoinHandle<()>,
}

impl Output {
    pub(crate) fn new() -> Self {
        let (messages, waiting) = async_channel::bounded::<Vec<u8>>(BEHIND);
        let thread = thread::spawn(move || {
            while let Ok(message) = waiting.recv_blocking() {
                if let Err(error) = out::write(&message) {
                    failure::exit(&error);
                }
            }
        });
        Self { messages, thread }
    }

    /// Queues a message.
    pub(crate) async fn write(&self, message: &[u8]) {
        // The thread takes messages until there can be no more.
        let _ = self.messages.send(message.to_vec()).await;
    }

    /// Waits until everything is written.
    pub(crate) fn finish(self) {
        self.messages.close();
        let _ = self.thread.join();
    }
}
