//! What the fuzzer does with inputs it has bred, with random ones: the models, in a plain `cargo test`.

use sealock_fuzz_bodies::ws_pair;
use sealock_proto::entropy::Jitter;
use sealock_proto::sim::{check, is_replay};

/// What must have happened often in all runs together, or they show little.
const OFTEN: u64 = 20;

fn random_bytes(seed: u64, len: usize) -> Vec<u8> {
    let mut random = Jitter::new(seed);
    (0..len).map(|_| random.next_u64() as u8).collect()
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
