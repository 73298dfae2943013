//! Taking turns.

use futures_lite::future;

/// After so many steps another task gets its turn.
const STEPS: u32 = 64;

/// Counts the steps of a loop that may never have to wait, and lets other tasks of the thread run now and then.
/// Not every runtime does that by itself.
#[derive(Default)]
pub(crate) struct Turns(u32);

impl Turns {
    /// To be called at every step.
    pub(crate) async fn step(&mut self) {
        self.0 += 1;
        if self.0 == STEPS {
            self.0 = 0;
            future::yield_now().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_lite::future::{block_on, or, ready};

    #[test]
    fn a_loop_that_never_waits_lets_others_run() {
        let forever = async {
            let mut turns = Turns::default();
            loop {
                turns.step().await;
            }
        };
        block_on(or(forever, async {
            future::yield_now().await;
            ready(()).await
        }));
    }
}
