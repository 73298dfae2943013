//! A bar that fills with time, on a terminal.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

const TICK: Duration = Duration::from_millis(100);

/// Fills while a measurement runs; gone when dropped. Draws nothing unless standard error is a terminal.
pub(crate) struct Progress {
    stop: Arc<AtomicBool>,
    drawer: Option<JoinHandle<()>>,
}

impl Progress {
    /// A bar that is full after `total`.
    pub(crate) fn new(label: String, total: Duration) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let drawer = io::stderr().is_terminal().then(|| {
            let stop = Arc::clone(&stop);
            thread::spawn(move || draw(label, total, &stop))
        });
        Self { stop, drawer }
    }
}

fn draw(label: String, total: Duration, stop: &AtomicBool) {
    let length = u64::try_from(total.as_millis()).unwrap_or(u64::MAX);
    let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("  {msg:24} {bar:40} {elapsed:>4}") {
        bar.set_style(style.progress_chars("━╸─"));
    }
    bar.set_message(label);
    while !stop.load(Ordering::Relaxed) {
        let elapsed = u64::try_from(bar.elapsed().as_millis()).unwrap_or(u64::MAX);
        bar.set_position(elapsed.min(length));
        thread::park_timeout(TICK);
    }
    bar.finish_and_clear();
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(drawer) = self.drawer.take() {
            drawer.thread().unpark();
            let _ = drawer.join();
        }
    }
}
