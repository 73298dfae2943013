//! What could not be sent yet: messages in order, bounded, until there is a connection again.
//!
//! Nothing leaves silently: what is dropped or rejected is handed back. When to send, and how many bytes an item counts
//! as, is the caller's business.

use alloc::collections::VecDeque;
use alloc::vec::{self, Vec};
use core::fmt;

/// Which item gives way where there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// The oldest ones that wait: the newest matter most, as with measurements.
    DropOldest,
    /// The new one: what was accepted is kept, as with orders.
    RejectNew,
}

/// Settings of an [`OfflineQueue`]. By default 1024 items of together 1 MiB, and a new one is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueConfig {
    max_items: usize,
    max_bytes: usize,
    overflow: Overflow,
}

impl QueueConfig {
    /// Items in the queue, those under way included; at least 1.
    #[must_use]
    pub const fn with_max_items(self, max_items: usize) -> Self {
        Self { max_items, ..self }
    }

    /// Their bytes together, as `push` is told; at least 1. An item above it is never accepted.
    #[must_use]
    pub const fn with_max_bytes(self, max_bytes: usize) -> Self {
        Self { max_bytes, ..self }
    }

    /// What gives way where there is no room.
    #[must_use]
    pub const fn with_overflow(self, overflow: Overflow) -> Self {
        Self { overflow, ..self }
    }
}

impl Default for QueueConfig {
    fn default() -> Self {
        Self { max_items: 1024, max_bytes: 1 << 20, overflow: Overflow::RejectNew }
    }
}

/// Which field of a [`QueueConfig`] is out of range.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueueError {
    /// `max_items` is zero.
    MaxItems,
    /// `max_bytes` is zero.
    MaxBytes,
}

impl fmt::Display for QueueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = match self {
            Self::MaxItems => "max_items",
            Self::MaxBytes => "max_bytes",
        };
        write!(f, "offline queue: {field} is zero and nothing would ever be kept; give at least 1")
    }
}

impl core::error::Error for QueueError {}

/// Why an item was not accepted.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectReason {
    /// It alone is larger than the queue: trying again is of no use.
    TooLarge {
        /// Its bytes.
        size: usize,
        /// The largest there may be.
        max: usize,
    },
    /// There is no room: what is there may not be dropped.
    Full,
}

/// An item that was not accepted, handed back. The queue is as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected<T> {
    /// The item.
    pub item: T,
    /// Why.
    pub reason: RejectReason,
}

impl<T> fmt::Display for Rejected<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reason {
            RejectReason::TooLarge { size, max } => {
                write!(f, "an item of {size} bytes is larger than the whole queue, which holds {max}")
            }
            RejectReason::Full => {
                f.write_str("the queue is full; confirm what was sent, or raise its limits")
            }
        }
    }
}

impl<T: fmt::Debug> core::error::Error for Rejected<T> {}

/// The items that gave way to a newer one, oldest first: none, as a rule.
#[must_use = "these items are lost; whoever put them in may have to hear of it"]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropped<T>(pub Vec<T>);

impl<T> IntoIterator for Dropped<T> {
    type Item = T;
    type IntoIter = vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// What an [`OfflineQueue`] has counted.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueStats {
    /// Items accepted.
    pub accepted: u64,
    /// Items that were confirmed.
    pub confirmed: u64,
    /// Items that gave way to newer ones.
    pub dropped: u64,
    /// Items that were not accepted.
    pub rejected: u64,
    /// How often an item that was under way had to wait again.
    pub requeued: u64,
}

#[derive(Clone, Debug)]
struct Entry<T> {
    item: T,
    size: usize,
}

/// A bounded queue whose items stay in it until they are confirmed.
///
/// An item waits, is under way once it was begun, and leaves when it is confirmed. When the connection dies,
/// [`OfflineQueue::requeue`] makes what is under way wait again, before all others and in its order; the peer may then
/// get it twice, so whoever cannot bear that confirms as soon as an item is begun. An item under way never gives way to
/// another.
///
/// Every item that was accepted leaves exactly once: confirmed, dropped or taken out. Both bounds hold at any time,
/// and so does the order, the first in being the first to be begun.
///
/// ```
/// use sealock_proto::resilience::{OfflineQueue, Overflow, QueueConfig};
///
/// let config = QueueConfig::default().with_max_items(2).with_overflow(Overflow::DropOldest);
/// let mut queue = OfflineQueue::new(config)?;
/// for message in ["one", "two", "three"] {
///     for lost in queue.push(message, message.len())? {
///         println!("{lost} was dropped");
///     }
/// }
/// // There is a connection. The first is sent, and arrives; the second is sent, and the connection dies.
/// assert_eq!(queue.begin(), Some(&"two"));
/// assert_eq!(queue.confirm(), Some("two"));
/// assert_eq!(queue.begin(), Some(&"three"));
/// assert_eq!(queue.requeue(), 1);
/// // The next connection.
/// assert_eq!(queue.begin(), Some(&"three"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct OfflineQueue<T> {
    config: QueueConfig,
    entries: VecDeque<Entry<T>>,
    /// How many of them, from the front, are under way.
    begun: usize,
    size: usize,
    stats: QueueStats,
}

impl<T> OfflineQueue<T> {
    /// An empty queue; it allocates as it fills.
    ///
    /// # Errors
    /// Names the field of `config` that is out of range.
    pub fn new(config: QueueConfig) -> Result<Self, QueueError> {
        if config.max_items == 0 {
            return Err(QueueError::MaxItems);
        }
        if config.max_bytes == 0 {
            return Err(QueueError::MaxBytes);
        }
        Ok(Self { config, entries: VecDeque::new(), begun: 0, size: 0, stats: QueueStats::default() })
    }

    /// Puts `item`, which counts as `size` bytes, at the end. Gives back the items that gave way to it; none with
    /// [`Overflow::RejectNew`].
    ///
    /// # Errors
    /// Gives `item` back if it does not fit, and then nothing has given way.
    pub fn push(&mut self, item: T, size: usize) -> Result<Dropped<T>, Rejected<T>> {
        match self.surplus(size) {
            Ok(surplus) => {
                let dropped = self.drop_oldest(surplus);
                self.stats.accepted = self.stats.accepted.saturating_add(1);
                self.size = self.size.saturating_add(size);
                self.entries.push_back(Entry { item, size });
                Ok(Dropped(dropped))
            }
            Err(reason) => {
                self.stats.rejected = self.stats.rejected.saturating_add(1);
                Err(Rejected { item, reason })
            }
        }
    }

    /// The oldest item that waits is under way from now on. `None`: none waits.
    pub fn begin(&mut self) -> Option<&T> {
        let entry = self.entries.get(self.begun)?;
        self.begun += 1;
        Some(&entry.item)
    }

    /// The item that was begun first has arrived and leaves the queue. `None`: none is under way.
    pub fn confirm(&mut self) -> Option<T> {
        self.begun = self.begun.checked_sub(1)?;
        let entry = self.entries.pop_front()?;
        self.size = self.size.saturating_sub(entry.size);
        self.stats.confirmed = self.stats.confirmed.saturating_add(1);
        Some(entry.item)
    }

    /// What is under way waits again, after its connection died. Says how many items those are.
    pub fn requeue(&mut self) -> usize {
        let requeued = core::mem::take(&mut self.begun);
        self.stats.requeued = self.stats.requeued.saturating_add(requeued as u64);
        requeued
    }

    /// Takes everything out, in order, what is under way included, and gives the memory back.
    pub fn take_all(&mut self) -> Vec<T> {
        (self.begun, self.size) = (0, 0);
        core::mem::take(&mut self.entries).into_iter().map(|entry| entry.item).collect()
    }

    /// Items in the queue, those under way included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Items that were begun and are not confirmed.
    #[must_use]
    pub const fn under_way(&self) -> usize {
        self.begun
    }

    /// The bytes of all items together, as `push` was told.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.size
    }

    /// What has been counted so far.
    #[must_use]
    pub const fn stats(&self) -> QueueStats {
        self.stats
    }

    /// How many of the items that wait must give way to one of `size`.
    fn surplus(&self, size: usize) -> Result<usize, RejectReason> {
        let max = self.config.max_bytes;
        // Above this the others must not be together.
        let Some(most) = max.checked_sub(size) else { return Err(RejectReason::TooLarge { size, max }) };
        let (mut items, mut left) = (self.entries.len(), self.size);
        let mut waiting = self.entries.iter().skip(self.begun);
        let mut surplus = 0;
        while items >= self.config.max_items || left > most {
            let oldest = match self.config.overflow {
                Overflow::DropOldest => waiting.next().ok_or(RejectReason::Full)?,
                Overflow::RejectNew => return Err(RejectReason::Full),
            };
            items -= 1;
            left = left.saturating_sub(oldest.size);
            surplus += 1;
        }
        Ok(surplus)
    }

    fn drop_oldest(&mut self, count: usize) -> Vec<T> {
        let end = self.begun.saturating_add(count).min(self.entries.len());
        let dropped: Vec<_> = self.entries.drain(self.begun.min(end)..end).collect();
        let size = dropped.iter().fold(0, |sum: usize, entry| sum.saturating_add(entry.size));
        self.size = self.size.saturating_sub(size);
        self.stats.dropped = self.stats.dropped.saturating_add(dropped.len() as u64);
        dropped.into_iter().map(|entry| entry.item).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    /// At most 3 items of together 10, each item being its own size.
    fn queue(overflow: Overflow) -> OfflineQueue<usize> {
        let config = QueueConfig::default().with_max_items(3).with_max_bytes(10).with_overflow(overflow);
        OfflineQueue::new(config).unwrap()
    }

    /// One with these items, the first `begun` of them under way.
    fn filled(overflow: Overflow, items: &[usize], begun: usize) -> OfflineQueue<usize> {
        let mut queue = queue(overflow);
        for item in items {
            assert_eq!(queue.push(*item, *item), Ok(Dropped(Vec::new())));
        }
        (0..begun).for_each(|_| assert!(queue.begin().is_some()));
        queue
    }

    fn full<T>(item: T) -> Result<Dropped<T>, Rejected<T>> {
        Err(Rejected { item, reason: RejectReason::Full })
    }

    #[test]
    fn the_field_out_of_range_is_named() {
        let ok = QueueConfig::default();
        for (config, want) in [
            (ok.with_max_items(0), Some(QueueError::MaxItems)),
            (ok.with_max_bytes(0), Some(QueueError::MaxBytes)),
            (ok.with_max_items(1).with_max_bytes(1), None),
        ] {
            assert_eq!(OfflineQueue::<()>::new(config).err(), want);
        }
    }

    #[test]
    fn defaults_are_1024_items_of_a_mebibyte_and_the_new_one_is_rejected() {
        let mut queue = OfflineQueue::new(QueueConfig::default()).unwrap();
        for n in 0..1024 {
            assert_eq!(queue.push(n, 1024), Ok(Dropped(Vec::new())));
        }
        assert_eq!(queue.push(9, 0), full(9));
        queue.take_all();
        assert_eq!(queue.push(1, 1 << 20), Ok(Dropped(Vec::new())));
        assert_eq!(queue.push(9, 1), full(9));
    }

    #[test]
    fn where_there_is_no_room_the_policy_says_which_item_gives_way() {
        use Overflow::{DropOldest, RejectNew};
        for (overflow, items, begun, item, want) in [
            (DropOldest, &[1, 2, 3][..], 0, 4, Ok(&[1][..])),
            (RejectNew, &[1, 2, 3], 0, 4, Err(RejectReason::Full)),
            // By size: as many as it takes, and no more.
            (DropOldest, &[4, 2, 3], 0, 7, Ok(&[4, 2])),
            (DropOldest, &[4, 6], 0, 4, Ok(&[4])),
            (DropOldest, &[4, 6], 0, 10, Ok(&[4, 6])),
            (RejectNew, &[4, 6], 0, 1, Err(RejectReason::Full)),
            (DropOldest, &[4, 6], 0, 0, Ok(&[])),
            (RejectNew, &[4, 6], 0, 0, Ok(&[])),
            // Not one under way.
            (DropOldest, &[1, 2, 3], 1, 4, Ok(&[2])),
            (DropOldest, &[1, 2, 3], 3, 4, Err(RejectReason::Full)),
            // Nothing is dropped in vain.
            (DropOldest, &[5, 2, 1], 1, 6, Err(RejectReason::Full)),
            (DropOldest, &[5, 2, 1], 1, 5, Ok(&[2, 1])),
            // Larger than the queue, whatever the policy.
            (DropOldest, &[1, 2], 0, 11, Err(RejectReason::TooLarge { size: 11, max: 10 })),
            (RejectNew, &[1, 2], 0, usize::MAX, Err(RejectReason::TooLarge { size: usize::MAX, max: 10 })),
        ] {
            let mut queue = filled(overflow, items, begun);
            let got = queue.push(item, item);
            let case = (overflow, items, begun, item);
            assert_eq!(
                got,
                want.map(|gone| Dropped(gone.into())).map_err(|reason| Rejected { item, reason }),
                "{case:?}"
            );
            let gone: &[usize] = want.unwrap_or(&[]);
            let kept = items.iter().filter(|kept| !gone.contains(kept)).copied();
            let kept: Vec<_> = kept.chain(want.is_ok().then_some(item)).collect();
            assert_eq!(queue.under_way(), begun, "{case:?}");
            assert_eq!(queue.bytes(), kept.iter().sum(), "{case:?}");
            assert_eq!(queue.take_all(), kept, "{case:?}");
        }
    }

    #[test]
    fn items_are_begun_and_confirmed_in_order() {
        let mut queue = filled(Overflow::RejectNew, &[1, 2, 3], 0);
        assert_eq!(queue.confirm(), None);
        assert_eq!(queue.begin(), Some(&1));
        assert_eq!(queue.begin(), Some(&2));
        assert_eq!((queue.len(), queue.under_way(), queue.bytes()), (3, 2, 6));
        assert_eq!((queue.confirm(), queue.confirm(), queue.confirm()), (Some(1), Some(2), None));
        assert_eq!(queue.begin(), Some(&3));
        assert_eq!(queue.begin(), None);
        assert_eq!(queue.confirm(), Some(3));
        assert!(queue.is_empty() && queue.bytes() == 0);
    }

    #[test]
    fn what_was_under_way_is_begun_again_first_and_in_order() {
        let mut queue = filled(Overflow::DropOldest, &[1, 2, 3], 2);
        assert_eq!((queue.requeue(), queue.requeue()), (2, 0));
        assert_eq!((queue.under_way(), queue.confirm()), (0, None));
        // It waits, so it may give way again.
        assert_eq!(queue.push(4, 4), Ok(Dropped([1].into())));
        for want in [2, 3, 4] {
            assert_eq!(queue.begin(), Some(&want));
        }
    }

    #[test]
    fn everything_is_counted() {
        let mut queue = filled(Overflow::DropOldest, &[1, 2, 3], 2);
        queue.requeue();
        assert!(queue.push(4, 4).is_ok() && queue.push(11, 11).is_err());
        queue.begin();
        queue.confirm();
        let stats = QueueStats { accepted: 4, confirmed: 1, dropped: 1, rejected: 1, requeued: 2 };
        assert_eq!(queue.stats(), stats);
    }

    #[test]
    fn a_rejection_says_what_to_do() {
        let reasons = [RejectReason::Full, RejectReason::TooLarge { size: 11, max: 10 }];
        let said = reasons.map(|reason| Rejected { item: (), reason }.to_string());
        assert!(said[0].contains("raise its limits") && said[1].contains("11"), "{said:?}");
    }
}
