//! A machine over datagrams on the simulator's links: nothing is certain to arrive, and yet everything does.
#![cfg(feature = "std")]

use sealock_proto::entropy::Jitter;
use sealock_proto::sim::{BurstLoss, DatagramLink, Fate, seeds};
use sealock_proto::time::Instant;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);
const AGAIN: Duration = Duration::from_millis(150);
const ITEMS: u32 = 60;
const MTU: usize = 64;

/// One end of stop-and-wait: sends item after item until each is acknowledged, acknowledges and keeps the peer's.
#[derive(Default)]
struct Node {
    /// Acknowledged by the peer so far: the item that is being sent.
    acknowledged: u32,
    again: Instant,
    ack_owed: bool,
    /// The peer's items in the order they were taken.
    taken: Vec<u32>,
    repeats: u32,
}

impl Node {
    fn recv(&mut self, now: Instant, datagram: &[u8]) {
        let (item, acknowledged) = datagram[..8].split_at(4);
        let [item, acknowledged] =
            [item, acknowledged].map(|int| u32::from_be_bytes(int.try_into().unwrap()));
        if acknowledged > self.acknowledged {
            (self.acknowledged, self.again) = (acknowledged, now);
        }
        if item == self.taken.len() as u32 && item < ITEMS {
            self.taken.push(item);
        } else {
            self.repeats += 1;
        }
        // Who is done says so once more, since the last acknowledgement may be lost.
        self.ack_owed = item < ITEMS;
    }

    fn poll_transmit(&mut self, now: Instant) -> Option<Vec<u8>> {
        let due = self.poll_timeout().is_some_and(|at| at <= now);
        if !due && !std::mem::take(&mut self.ack_owed) {
            return None;
        }
        self.ack_owed = false;
        self.again = now + AGAIN;
        let mut datagram =
            [self.acknowledged.to_be_bytes(), (self.taken.len() as u32).to_be_bytes()].concat();
        datagram.resize(8 + self.acknowledged as usize % (MTU - 8 + 1), 0);
        Some(datagram)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        (self.acknowledged < ITEMS).then_some(self.again)
    }
}

/// What one run came to: the instant of its end, and what became of the datagrams.
#[derive(Debug, Default, PartialEq, Eq)]
struct Outcome {
    end: Instant,
    lost: u32,
    duplicated: u32,
    repeats: u32,
}

fn run(seed: u64) -> Outcome {
    let mut random = Jitter::new(seed);
    let burst = BurstLoss { enter: 0.02, leave: 0.2, good: 0.0, bad: 0.9 };
    let mut link = || {
        DatagramLink::new(random.next_u64())
            .with_latency(20 * MS)
            .with_jitter(10 * MS)
            .with_loss(0.1)
            .with_burst_loss(burst)
            .with_duplication(0.1)
            .with_reordering(0.1, 200 * MS)
            .with_mtu(MTU)
    };
    let mut links = [link(), link()];
    let mut nodes = [Node::default(), Node::default()];
    let (mut now, mut outcome) = (Instant::ZERO, Outcome::default());
    loop {
        for (to, link) in links.iter_mut().enumerate() {
            while let Some(datagram) = link.pop(now) {
                nodes[to].recv(now, &datagram);
            }
        }
        for from in [0, 1] {
            while let Some(datagram) = nodes[from].poll_transmit(now) {
                match links[1 - from].push(now, &datagram) {
                    Fate::Lost => outcome.lost += 1,
                    Fate::Duplicated => outcome.duplicated += 1,
                    fate => assert_eq!(fate, Fate::Sent, "the MTU is kept"),
                }
            }
        }
        let deadlines = nodes.iter().filter_map(Node::poll_timeout);
        let Some(next) = deadlines.chain(links.iter().filter_map(DatagramLink::poll_timeout)).min() else {
            break;
        };
        assert!(next > now, "something is left to do at {now:?}");
        now = next;
        assert!(now < Instant::ZERO + Duration::from_secs(600), "no end");
    }
    for node in &nodes {
        assert!(node.taken.iter().copied().eq(0..ITEMS), "{:?}", node.taken);
    }
    Outcome { end: now, repeats: nodes.iter().map(|node| node.repeats).sum(), ..outcome }
}

#[test]
fn every_item_arrives_once_and_in_order_over_links_that_do_everything() {
    for seed in seeds("every_item_arrives_once", 0..200) {
        let outcome = run(seed);
        assert!(outcome.lost > 0 && outcome.duplicated > 0 && outcome.repeats > 0, "{outcome:?}");
        assert_eq!(run(seed), outcome, "the same seed, the same run");
    }
}
