//! A set of ticket ids in memory of fixed size: open addressing with linear probing, at most half full.

use alloc::boxed::Box;
use alloc::vec;

type Id = [u8; 16];

/// Ids are random and authenticated, so they spread by themselves: no one can choose where one goes.
pub(super) struct Ids {
    places: Box<[Option<Id>]>,
}

impl Ids {
    /// A set for up to `capacity` ids.
    pub(super) fn new(capacity: usize) -> Self {
        Self { places: vec![None; (2 * capacity.max(1)).next_power_of_two()].into_boxed_slice() }
    }

    pub(super) fn memory(&self) -> usize {
        size_of_val(&*self.places)
    }

    pub(super) fn contains(&self, id: &Id) -> bool {
        self.find(id).is_some_and(|at| self.get(at).is_some())
    }

    pub(super) fn insert(&mut self, id: Id) {
        if let Some(place) = self.find(&id).and_then(|at| self.places.get_mut(at)) {
            *place = Some(id);
        }
    }

    /// Takes `id` out and moves up what was pushed behind it.
    pub(super) fn remove(&mut self, id: &Id) {
        let Some(mut hole) = self.find(id).filter(|at| self.get(*at).is_some()) else { return };
        let mut at = hole;
        loop {
            at = self.wrap(at + 1);
            let Some(other) = self.get(at) else { break };
            // It may go to the hole only if its first choice is not behind the hole.
            let from_home = self.wrap(at.wrapping_sub(self.home(&other)));
            if from_home >= self.wrap(at.wrapping_sub(hole)) {
                self.set(hole, Some(other));
                hole = at;
            }
        }
        self.set(hole, None);
    }

    /// Where `id` is, or the free place where it belongs; `None` only if nothing is free.
    fn find(&self, id: &Id) -> Option<usize> {
        let home = self.home(id);
        let mut places = (0..self.places.len()).map(|step| self.wrap(home + step));
        places.find(|at| self.get(*at).is_none_or(|other| other == *id))
    }

    fn home(&self, id: &Id) -> usize {
        let [a, b, c, d, ..] = *id;
        self.wrap(u32::from_le_bytes([a, b, c, d]) as usize)
    }

    /// The number of places is a power of two.
    fn wrap(&self, at: usize) -> usize {
        at & (self.places.len() - 1)
    }

    fn get(&self, at: usize) -> Option<Id> {
        self.places.get(at).copied().flatten()
    }

    fn set(&mut self, at: usize, id: Option<Id>) {
        if let Some(place) = self.places.get_mut(at) {
            *place = id;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::Jitter;
    use alloc::collections::BTreeSet;

    /// Few homes, so that ids collide and runs wrap around the end.
    #[test]
    fn the_set_holds_what_a_tree_holds() {
        for seed in 0..200 {
            let mut jitter = Jitter::new(seed);
            let capacity = 1 + (jitter.next_u64() % 12) as usize;
            let (mut ids, mut model) = (Ids::new(capacity), BTreeSet::new());
            for _ in 0..300 {
                let draw = jitter.next_u64();
                let mut id = [0; 16];
                id[0] = (draw % 5) as u8 * 7;
                id[8] = (draw >> 8) as u8 % 4;
                if draw >> 32 & 1 == 0 && model.len() < capacity {
                    ids.insert(id);
                    model.insert(id);
                } else {
                    ids.remove(&id);
                    model.remove(&id);
                }
                for home in 0..5 {
                    for other in 0..4 {
                        let mut id = [0; 16];
                        (id[0], id[8]) = (home * 7, other);
                        assert_eq!(ids.contains(&id), model.contains(&id), "seed {seed}");
                    }
                }
            }
        }
    }
}
