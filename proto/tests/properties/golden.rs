//! P9: the bytes on the wire are those that were recorded. One that changes is a change of the format, or of what is drawn
//! from a seed, and must be meant.
//!
//! `golden/` has a file for each protocol of the list: both directions of a session with fixed seeds, in hexadecimal. After
//! a change that is meant, this writes them anew (an empty file will do for a new protocol):
//!
//! ```text
//! SEALOCK_GOLDEN=write cargo test -p sealock-proto --test properties p9
//! ```

use crate::protocol::Protocol;
use crate::script::bytes;
use sealock_proto::sim::{Link, Pair};
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

const HINT: &str =
    "if that is meant, run: SEALOCK_GOLDEN=write cargo test -p sealock-proto --test properties p9";

/// Bytes of a direction that are recorded one by one; of all that follow there is a fingerprint.
const HEX: usize = 4096;
const LINE: usize = 48;

/// Plays a session that has some of everything and compares it with `recorded`, which lies at `file`.
pub(crate) fn the_bytes_are_as_recorded<P: Protocol>(protocol: &P, file: &str, recorded: &str) {
    let tx_limit = protocol.min_tx_limit().max(GOLDEN_TX);
    let mut pair = protocol
        .pair(9)
        .with_links(Link::new(0).with_history(), Link::new(1).with_history())
        .with_tx_limits(tx_limit, tx_limit);
    play(protocol, &mut pair);
    let text = describe(&[("a to b", &pair.a_to_b), ("b to a", &pair.b_to_a)]);
    if std::env::var_os("SEALOCK_GOLDEN").is_some_and(|what| what == "write") {
        std::fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join(file), text).unwrap();
        return;
    }
    let differs = |(now, then): &(&str, &str)| now != then;
    let difference = text.lines().zip(recorded.lines()).enumerate().find(|(_, lines)| differs(lines));
    if let Some((line, (now, then))) = difference {
        panic!("{file}:{}: recorded is\n{then}\nand now it is\n{now}\n{HINT}", line + 1);
    }
    assert_eq!(text.lines().count(), recorded.lines().count(), "{file}: lines; {HINT}");
}

/// So little that a message of some thousand bytes leaves in pieces.
const GOLDEN_TX: usize = 8 * 1024;

fn play<P: Protocol>(protocol: &P, pair: &mut Pair<P::Machine, P::Machine>) {
    let drive = |pair: &mut Pair<_, _>, time| {
        pair.drive_for(time).unwrap();
        assert!(pair.a.error().is_none() && pair.b.error().is_none());
    };
    drive(pair, Duration::from_millis(100));
    for size in [0, 5, 63, 64, 300] {
        let message = bytes(size, size as u64);
        assert!(pair.a(|m, now, tx| P::send(m, now, &message, tx)));
        drive(pair, Duration::ZERO);
        assert!(pair.b(|m, now, tx| P::send(m, now, &message, tx)));
    }
    // Time for what a machine sends by itself.
    drive(pair, Duration::from_secs(2));
    protocol.exercise(pair);
    drive(pair, Duration::from_secs(1));
    pair.a(P::close);
    drive(pair, Duration::from_secs(1));
    assert!(pair.is_closed());
}

fn describe(directions: &[(&str, &Link)]) -> String {
    let mut text = String::new();
    for (name, link) in directions {
        let bytes = link.history();
        writeln!(text, "{name}: {} bytes, FNV-1a {:016x}", bytes.len(), link.digest()).unwrap();
        for line in bytes[..bytes.len().min(HEX)].chunks(LINE) {
            line.iter().for_each(|byte| write!(text, "{byte:02x}").unwrap());
            text.push('\n');
        }
    }
    text
}
