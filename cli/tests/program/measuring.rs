//! Measurements and the demonstration.

use crate::process::{Stdin, run, start};
use sealock_proto::noise::Provider;

/// Who computes, as the program says it.
fn computed_by() -> String {
    format!("_ChaChaPoly_BLAKE2s computed by {}", Provider::fastest())
}

#[test]
fn a_bench_prints_a_row_of_numbers_for_every_size() {
    for driver in ["tokio", "smol", "std"] {
        let mut listener = start(&["listen", "127.0.0.1:0", "--echo", "--driver", driver], Stdin::Open);
        let (address, public) = listener.listening();
        let bench = ["bench", &address, "--peer", &public, "--driver", driver, "--duration", "100ms"];
        let sizes = ["--size", "1", "--size", "4KiB", "--size", "100000", "--window", "3"];
        let done = run(&[&bench[..], &sizes].concat(), b"").expect(0, &[]);
        assert_eq!(done.err, "", "no progress where there is no terminal");
        let text = done.text();
        assert!(text.contains(&format!("_BLAKE2s computed by {}", Provider::fastest())), "{text}");
        for size in ["  1 B ", "  4 KiB ", "  100000 B "] {
            let row =
                text.lines().find_map(|line| line.strip_prefix(size)).unwrap_or_else(|| panic!("{text}"));
            let cells: Vec<&str> = row.split("   ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
            let [times @ .., window, messages, mib] = &cells[..] else { panic!("{row}") };
            assert!(times.len() == 5 && times.iter().all(|time| time.ends_with('s')), "{row}");
            let number = |cell: &str| cell.split(' ').next().unwrap().parse::<f64>().unwrap();
            assert!(number(messages) > 0.0 && number(mib) >= 0.0 && *window == "3", "{row}");
        }
    }
}

#[test]
fn a_bench_needs_somebody_who_sends_messages_back() {
    let mut listener = start(&["listen", "127.0.0.1:0"], Stdin::Bytes(b"not an echo".to_vec()));
    let (address, _) = listener.listening();
    run(&["bench", &address, "--duration", "100ms"], b"").expect(1, &["listen --echo"]);
}

#[test]
fn the_demonstration_holds_without_a_terminal() {
    let done = run(&["demo", "--quick"], b"").expect(0, &[]);
    let text = done.text();
    assert!(text.contains(&computed_by()), "{text}");
    for initiator in ["tokio", "smol ", "std  "] {
        for responder in ["tokio", "smol", "std"] {
            let pair = format!("  {initiator} → {responder} ");
            let row = text.lines().find(|line| line.starts_with(&pair)).unwrap_or_else(|| panic!("{text}"));
            assert!(row.contains(" k") || row.contains(" M"), "{row}");
        }
    }
    for title in [
        "a stranger is refused",
        "forgeries are cheap",
        "a copy is refused",
        "a flood is throttled",
        "a silent peer is found",
        "keys change under load",
        "a drain loses nothing",
        "a ticket resumes once",
        "post-quantum handshake",
        "datagrams arrive once",
        "all as it should be",
    ] {
        assert!(text.contains(&format!("  ✓ {title}")), "{title}: {text}");
    }
    assert!(!text.contains('\u{1b}') && done.err.is_empty(), "{text}{}", done.err);
}
