//! The small fixed table machines keep their deadlines in.

use crate::time::Instant;

/// At most `N` deadlines, each under a key `K` that converts to an index below `N`.
///
/// The earliest deadline is kept at hand, so [`Timers::next`] is O(1); changing one is O(N).
#[derive(Clone, Debug)]
pub struct Timers<const N: usize> {
    /// [`Instant::MAX`], which never comes, where none is set.
    at: [Instant; N],
    next: Instant,
}

impl<const N: usize> Timers<N> {
    /// No deadline set.
    #[must_use]
    pub const fn new() -> Self {
        Self { at: [Instant::MAX; N], next: Instant::MAX }
    }

    /// Sets (or moves) the deadline of `key`. [`Instant::MAX`] is no deadline.
    pub fn set(&mut self, key: impl Into<usize>, at: Instant) {
        self.put(key.into(), at);
    }

    /// Forgets the deadline of `key`.
    pub fn clear(&mut self, key: impl Into<usize>) {
        self.put(key.into(), Instant::MAX);
    }

    /// The deadline of `key`.
    #[must_use]
    pub fn get(&self, key: impl Into<usize>) -> Option<Instant> {
        self.at.get(key.into()).copied().filter(|at| *at < Instant::MAX)
    }

    /// Whether `key` is due at `now`; if so its deadline is forgotten.
    pub fn take_due(&mut self, key: impl Into<usize>, now: Instant) -> bool {
        let key = key.into();
        let due = self.get(key).is_some_and(|at| at <= now);
        if due {
            self.put(key, Instant::MAX);
        }
        due
    }

    /// The earliest deadline.
    #[must_use]
    #[inline]
    pub fn next(&self) -> Option<Instant> {
        (self.next < Instant::MAX).then_some(self.next)
    }

    /// Whether any deadline is due at `now`.
    #[must_use]
    #[inline]
    pub fn any_due(&self, now: Instant) -> bool {
        self.next().is_some_and(|at| at <= now)
    }

    fn put(&mut self, key: usize, at: Instant) {
        if let Some(slot) = self.at.get_mut(key) {
            *slot = at;
            self.next = self.at.iter().min().copied().unwrap_or(Instant::MAX);
        }
    }
}

impl<const N: usize> Default for Timers<N> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn next_is_the_earliest_and_a_due_timer_fires_once() {
        let at = Instant::from_nanos;
        let mut timers = Timers::<3>::new();
        assert_eq!(timers.next(), None);
        timers.set(0_usize, at(30));
        timers.set(2_usize, at(10));
        assert_eq!(timers.next(), Some(at(10)));
        assert!(!timers.take_due(2_usize, at(9)));
        assert!(timers.take_due(2_usize, at(10)));
        assert!(!timers.take_due(2_usize, at(10)));
        assert_eq!(timers.next(), Some(at(30)));
        timers.set(0_usize, at(50));
        assert_eq!((timers.get(0_usize), timers.next()), (Some(at(50)), Some(at(50))));
        timers.clear(0_usize);
        assert_eq!(timers.next(), None);
        timers.set(1_usize, Instant::MAX);
        assert_eq!((timers.get(1_usize), timers.next()), (None, None), "the end of time never comes");
        assert!(!timers.any_due(Instant::MAX) && !timers.take_due(1_usize, Instant::MAX));
        timers.set(1_usize, at(7));
        assert!(!timers.any_due(at(6)) && timers.any_due(at(7)));
    }
}
