//! Running the scenarios as tests, each for a bounded time.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// Fails if `test` takes longer than 30 seconds, which only a deadlock does.
///
/// # Panics
/// Then, and if `test` panics.
pub fn bounded(test: impl FnOnce() + Send + 'static) {
    let (done, wait) = mpsc::channel();
    let thread = thread::spawn(move || {
        test();
        let _ = done.send(());
    });
    match wait.recv_timeout(Duration::from_secs(30)) {
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("still not done: the driver is stuck"),
        _ => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
    }
}

/// All scenarios for one kind of stream. `$block_on` runs a future on a fresh runtime.
#[macro_export]
macro_rules! scenarios {
    ($name:ident, $runtime:ty, $block_on:expr) => {
        $crate::scenarios!($name, $runtime, $block_on, [
            echo,
            burst_both_ways,
            peers_that_both_speak_first,
            pong_while_the_sender_is_idle,
            pongs_pass_a_busy_sender,
            silence_is_noticed,
            truncation_is_an_error,
            throttling_waits_without_spinning,
            closing_ends_a_waiting_receiver,
        ]);
    };
    ($name:ident, $runtime:ty, $block_on:expr, [$($scenario:ident),* $(,)?]) => {
        mod $name {
            use super::*;
            $(
                #[test]
                fn $scenario() {
                    $crate::run::bounded(|| $block_on($crate::scenarios::$scenario::<$runtime>()));
                }
            )*
        }
    };
}
