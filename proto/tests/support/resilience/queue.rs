//! The offline queue, against two lists; and no item is ever lost.

use super::{Input, Tally};
use sealock_proto::resilience::{Dropped, OfflineQueue, Overflow, QueueConfig, RejectReason};

pub(super) const OFTEN: [&str; 7] = [
    "dropped",
    "dropped some at once",
    "too large",
    "full",
    "full of what is under way",
    "confirmed",
    "requeued",
];

type Item = (usize, usize);

/// Runs operations: three bytes choose the settings, then come one or two for each.
pub(super) fn run(input: &mut Input<'_>, tally: &mut Tally) {
    let max_items = input.pick(&[1, 2, 5, 40]);
    let max_bytes = input.pick(&[1, 20, 200, usize::MAX]);
    let overflow = input.pick(&[Overflow::DropOldest, Overflow::RejectNew]);
    let config =
        QueueConfig::default().with_max_items(max_items).with_max_bytes(max_bytes).with_overflow(overflow);
    let mut queue = OfflineQueue::new(config).expect("settings in range");
    let (mut waiting, mut under_way): (Vec<Item>, Vec<Item>) = (Vec::new(), Vec::new());
    // Where each item went: a list of numbers that must be all of them in the end.
    let (mut number, mut left) = (0, Vec::new());
    while !input.is_empty() {
        match input.byte() % 16 {
            0..8 => {
                let size = match input.byte() {
                    255 => usize::MAX,
                    byte => usize::from(byte % 64),
                };
                let item = (number, size);
                number += 1;
                let fits = |waiting: &[Item], under_way: &[Item]| {
                    let bytes: u128 =
                        waiting.iter().chain(under_way).chain([&item]).map(|(_, size)| *size as u128).sum();
                    waiting.len() + under_way.len() < max_items && bytes <= max_bytes as u128
                };
                // The fewest that make room, or none.
                let droppable = if overflow == Overflow::DropOldest { waiting.len() } else { 0 };
                let want = (0..=droppable).find(|count| fits(&waiting[*count..], &under_way));
                match (queue.push(item, size), want) {
                    (Ok(Dropped(dropped)), Some(count)) => {
                        assert_eq!(dropped, waiting.drain(..count).collect::<Vec<_>>());
                        waiting.push(item);
                        match count {
                            0 => {}
                            1 => tally.saw("dropped"),
                            _ => tally.saw("dropped some at once"),
                        }
                        left.extend(dropped);
                    }
                    (Err(rejected), None) => {
                        assert_eq!(rejected.item, item);
                        left.push(item);
                        match rejected.reason {
                            RejectReason::TooLarge { size: said, max } => {
                                assert!((said, max) == (size, max_bytes) && size > max);
                                tally.saw("too large");
                            }
                            RejectReason::Full if overflow == Overflow::DropOldest => {
                                assert!(size <= max_bytes && !under_way.is_empty());
                                tally.saw("full of what is under way");
                            }
                            RejectReason::Full => {
                                assert!(size <= max_bytes);
                                tally.saw("full");
                            }
                            other => panic!("{other:?}"),
                        }
                    }
                    (got, want) => panic!("{got:?}, not {want:?}"),
                }
            }
            8..12 => {
                let next = (!waiting.is_empty()).then(|| waiting.remove(0));
                under_way.extend(next);
                assert_eq!(queue.begin().copied(), next);
            }
            12..14 => {
                let first = (!under_way.is_empty()).then(|| under_way.remove(0));
                assert_eq!(queue.confirm(), first);
                if let Some(first) = first {
                    tally.saw("confirmed");
                    left.push(first);
                }
            }
            14 => {
                if !under_way.is_empty() {
                    tally.saw("requeued");
                }
                assert_eq!(queue.requeue(), under_way.len());
                under_way.append(&mut waiting);
                waiting = std::mem::take(&mut under_way);
            }
            // Seldom, or nothing would ever be full.
            _ if input.byte() < 16 => {
                under_way.append(&mut waiting);
                assert_eq!(queue.take_all(), under_way);
                left.append(&mut under_way);
            }
            _ => {}
        }
        let bytes: usize = waiting.iter().chain(&under_way).map(|(_, size)| size).sum();
        assert_eq!((queue.len(), queue.bytes()), (waiting.len() + under_way.len(), bytes));
        let empty = waiting.is_empty() && under_way.is_empty();
        assert_eq!((queue.is_empty(), queue.under_way()), (empty, under_way.len()));
        assert!(queue.len() <= max_items && queue.bytes() <= max_bytes);
    }
    let stats = queue.stats();
    let out = [stats.confirmed, stats.dropped, stats.rejected].into_iter().sum::<u64>() as usize;
    left.extend(queue.take_all());
    left.sort_unstable();
    assert!(left.iter().map(|(number, _)| *number).eq(0..number), "an item was lost or came twice: {left:?}");
    assert_eq!((stats.accepted + stats.rejected) as usize, number);
    assert!(out <= number, "{stats:?}");
}
