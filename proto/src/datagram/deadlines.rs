//! The earliest of many deadlines, one for each peer: a tree of minima in one array.

use crate::time::Instant;
use alloc::vec::Vec;

/// Deadlines under small numbers. The earliest is at hand; changing one takes a step for each doubling of their number.
/// Allocates only when told of a number that doubles its room.
#[derive(Debug, Default)]
pub(super) struct Deadlines {
    /// `tree[1]` is the earliest; `tree[n]` that of `tree[2 * n]` and `tree[2 * n + 1]`; the back half are the deadlines.
    /// [`Instant::MAX`] where there is none.
    tree: Vec<Instant>,
}

impl Deadlines {
    /// The earliest deadline.
    pub(super) fn next(&self) -> Option<Instant> {
        self.at(1).filter(|at| *at < Instant::MAX)
    }

    /// Who has the earliest, if it has come by `now`.
    pub(super) fn due(&self, now: Instant) -> Option<usize> {
        let earliest = self.next().filter(|at| *at <= now)?;
        let mut node = 1;
        while node < self.room() {
            node = if self.at(2 * node) == Some(earliest) { 2 * node } else { 2 * node + 1 };
        }
        Some(node - self.room())
    }

    /// Sets the deadline of `number`, or with `None` forgets it.
    pub(super) fn set(&mut self, number: usize, at: Option<Instant>) {
        while number >= self.room() {
            self.grow();
        }
        let at = at.unwrap_or(Instant::MAX);
        let mut node = self.room() + number;
        if self.at(node) == Some(at) {
            return;
        }
        self.put(node, at);
        while node > 1 {
            node /= 2;
            let earlier = self.at(2 * node).min(self.at(2 * node + 1)).unwrap_or(Instant::MAX);
            self.put(node, earlier);
        }
    }

    fn room(&self) -> usize {
        self.tree.len() / 2
    }

    fn at(&self, node: usize) -> Option<Instant> {
        self.tree.get(node).copied()
    }

    fn put(&mut self, node: usize, at: Instant) {
        if let Some(place) = self.tree.get_mut(node) {
            *place = at;
        }
    }

    fn grow(&mut self) {
        let room = self.room();
        let old = self.tree.split_off(room);
        self.tree.clear();
        self.tree.resize((4 * room).max(2), Instant::MAX);
        old.into_iter().enumerate().for_each(|(number, at)| self.set(number, Some(at)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::Jitter;
    use crate::sim::seeds;
    use alloc::collections::BTreeMap;

    #[test]
    fn agrees_with_a_plain_map() {
        for seed in seeds("agrees_with_a_plain_map", 0..100) {
            let mut random = Jitter::new(seed);
            let (mut deadlines, mut model) = (Deadlines::default(), BTreeMap::new());
            for _ in 0..500 {
                let draw = random.next_u64();
                let (number, at) = ((draw % 40) as usize, Instant::from_nanos((draw >> 8) % 50));
                if draw >> 60 == 0 {
                    deadlines.set(number, None);
                    model.remove(&number);
                } else {
                    deadlines.set(number, Some(at));
                    model.insert(number, at);
                }
                assert_eq!(deadlines.next(), model.values().min().copied());
                let now = Instant::from_nanos((draw >> 20) % 50);
                let due = deadlines.due(now);
                assert_eq!(due.is_some(), model.values().any(|at| *at <= now));
                assert!(due.is_none_or(|number| model.get(&number) == model.values().min()));
            }
        }
    }
}
