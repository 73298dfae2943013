//! The replay window: which packet numbers of a key were taken already (after RFC 6479). Counts nothing else.

/// How far behind the highest number a packet may be: 8,192.
pub const WINDOW: u64 = 8192;

const BITS: u64 = 64;
/// One word more than the window fills, since it seldom begins at the first bit of one.
const WORDS: usize = (WINDOW / BITS) as usize + 1;

/// A bit for each of the last [`WINDOW`] numbers, in a ring of words.
#[derive(Clone, Debug)]
pub(super) struct Window {
    highest: Option<u64>,
    words: [u64; WORDS],
}

impl Window {
    pub(super) const fn new() -> Self {
        Self { highest: None, words: [0; WORDS] }
    }

    /// The highest number marked.
    pub(super) const fn highest(&self) -> Option<u64> {
        self.highest
    }

    /// Whether `number` was neither marked nor is too old to tell. Ask before decrypting.
    pub(super) fn is_fresh(&self, number: u64) -> bool {
        let Some(highest) = self.highest else { return true };
        match highest.checked_sub(number) {
            None => true,
            Some(behind) => behind < WINDOW && self.word(number) & bit(number) == 0,
        }
    }

    /// Remembers a fresh `number`. Only once its packet proved authentic: else anybody could move the window.
    pub(super) fn mark(&mut self, number: u64) {
        let highest = self.highest.unwrap_or(0);
        if number > highest {
            // The words that come into the window still hold what left it.
            let entered = (number / BITS - highest / BITS).min(WORDS as u64);
            for word in 0..entered {
                *self.word_mut((number / BITS - word) * BITS) = 0;
            }
        }
        self.highest = Some(highest.max(number));
        *self.word_mut(number) |= bit(number);
    }

    fn word(&self, number: u64) -> u64 {
        self.words.get(place(number)).copied().unwrap_or(u64::MAX)
    }

    fn word_mut(&mut self, number: u64) -> &mut u64 {
        &mut self.words[place(number)]
    }
}

/// Always below [`WORDS`].
const fn place(number: u64) -> usize {
    (number / BITS % WORDS as u64) as usize
}

const fn bit(number: u64) -> u64 {
    1 << (number % BITS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::Jitter;
    use crate::sim::seeds;
    use alloc::collections::BTreeSet;

    /// All numbers ever marked.
    #[derive(Default)]
    struct Model(BTreeSet<u64>);

    impl Model {
        fn is_fresh(&self, number: u64) -> bool {
            let too_old = self.0.last().is_some_and(|highest| highest.saturating_sub(number) >= WINDOW);
            !too_old && !self.0.contains(&number)
        }
    }

    #[test]
    fn agrees_with_a_set_of_all_numbers() {
        for seed in seeds("agrees_with_a_set_of_all_numbers", 0..200) {
            let mut random = Jitter::new(seed);
            let (mut window, mut model) = (Window::new(), Model::default());
            let mut around = [0, u64::MAX / 2, u64::MAX - 3 * WINDOW][(seed % 3) as usize];
            for step in 0..3_000 {
                let draw = random.next_u64();
                let reach = [2, 64, 130, WINDOW, 2 * WINDOW][(draw % 5) as usize];
                around = around.saturating_add((draw >> 8) % reach / 2);
                let number = around.saturating_sub((draw >> 32) % reach);
                let fresh = model.is_fresh(number);
                assert_eq!(window.is_fresh(number), fresh, "step {step}: {number}");
                if fresh && draw & 64 == 0 {
                    window.mark(number);
                    model.0.insert(number);
                }
                assert_eq!(window.highest(), model.0.last().copied());
            }
        }
    }

    #[test]
    fn the_window_is_8192_numbers_wide_and_remembers_all_of_them() {
        for top in [WINDOW, WINDOW + 1, WINDOW + 63, 10 * WINDOW + 31, u64::MAX] {
            let mut window = Window::new();
            window.mark(top);
            assert!(window.is_fresh(top - WINDOW + 1) && !window.is_fresh(top - WINDOW), "{top}");
            for number in top - WINDOW + 1..top {
                assert!(window.is_fresh(number));
                window.mark(number);
            }
            assert!((top - WINDOW..=top).all(|number| !window.is_fresh(number)));
        }
    }
}
