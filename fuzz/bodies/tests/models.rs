//! What the fuzzer does with inputs it has bred, with random ones: the models, in a plain `cargo test`.

use sealock_fuzz_bodies::{snapshot, ws_pair};
use sealock_proto::entropy::Jitter;
use sealock_proto::sim::{check, is_replay};

/// What must have happened often in all runs together, or they show little.
const OFTEN: u64 = 20;

fn random_bytes(seed: u64, len: usize) -> Vec<u8> {
    let mut random = Jitter::new(seed);
    (0..len).map(|_| random.next_u64() as u8).collect()
}

#[test]
fn sessions_that_are_handed_over_deliver_what_was_accepted() {
    let mut all = snapshot::Tally::default();
    check("sessions_that_are_handed_over_deliver_what_was_accepted", 0..600, |seed| {
        let mut bytes = random_bytes(seed, 8 + 40 * (1 + seed as usize % 12));
        bytes[0] = 0;
        for byte in &mut bytes {
            let (operation, which) = (*byte % 16, *byte - *byte % 16);
            *byte = match (seed % 3, operation) {
                // Without crashes and what is out of date.
                (0, 14 | 15) => *byte - 2,
                // Leases and crashes.
                (1, 10..13 | 15) => which + 13,
                _ => *byte,
            };
        }
        let snapshot::Tally { handed_over, recovered, doubtful, stale, messages, lost, whole, faults } =
            snapshot::tally(&bytes);
        all.handed_over += handed_over;
        all.recovered += recovered;
        all.doubtful += doubtful;
        all.stale += stale;
        all.messages += messages;
        all.lost += lost;
        all.whole += whole;
        all.faults += faults;
        Ok(())
    });
    let snapshot::Tally { handed_over, recovered, doubtful, stale, messages, lost, whole, faults } = all;
    let counts = [handed_over, recovered, doubtful, stale, messages, lost, whole, faults];
    assert!(is_replay() || counts.into_iter().all(|count| count >= OFTEN), "{all:?}");
}

#[test]
fn websocket_delivers_what_was_accepted() {
    let mut all = ws_pair::Tally::default();
    check("websocket_delivers_what_was_accepted", 0..400, |seed| {
        // The first few operations of a connection matter as much as the hundredth.
        let len = 8 + 40 * (1 + seed as usize % 12);
        let ws_pair::Tally { messages, chunks, refused, closes, stalls, breaks, clean } =
            ws_pair::tally(&random_bytes(seed, len));
        all.messages += messages;
        all.chunks += chunks;
        all.refused += refused;
        all.closes += closes;
        all.stalls += stalls;
        all.breaks += breaks;
        all.clean += clean;
        Ok(())
    });
    let ws_pair::Tally { messages, chunks, refused, closes, stalls, breaks, clean } = all;
    let counts = [messages, chunks, refused, closes, stalls, breaks, clean];
    assert!(is_replay() || counts.into_iter().all(|count| count >= OFTEN), "{all:?}");
}
