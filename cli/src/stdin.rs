//! Standard input, read on a thread of its own because it can only be waited for there.

use async_channel::Receiver;
use std::io::{self, ErrorKind, Read};
use std::thread;

/// A message has at most so many bytes of standard input; at a terminal it is a line.
const CHUNK: usize = 64 * 1024;
/// Chunks read ahead.
const AHEAD: usize = 4;

/// The chunks of standard input, each at most `max` bytes; closed at its end.
pub(crate) fn chunks(max: usize) -> Receiver<Vec<u8>> {
    let (sender, receiver) = async_channel::bounded(AHEAD);
    thread::spawn(move || {
        let mut stdin = io::stdin().lock();
        let mut chunk = vec![0; max.min(CHUNK)];
        loop {
            match stdin.read(&mut chunk) {
                Ok(0) => return,
                Ok(n) => {
                    if sender.send_blocking(chunk[..n].to_vec()).is_err() {
                        return;
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    crate::out::note(format_args!("cannot read standard input: {error}"));
                    return;
                }
            }
        }
    });
    receiver
}

/// An input that has ended already.
pub(crate) fn none() -> Receiver<Vec<u8>> {
    async_channel::bounded(1).1
}
