//! Arbitrary text as a file of Noise test vectors: every vector is reported on, once, and always the same.

#[path = "../../../proto/tests/support/vectors.rs"]
mod vectors;

use serde_json::Value;

/// Runs one input.
///
/// # Panics
/// If a rule is broken.
pub fn run(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let report = vectors::run(text);
    let list = serde_json::from_str::<Value>(text).ok();
    let list = list.as_ref().and_then(|file| file.get("vectors").unwrap_or(file).as_array());
    assert_eq!(report.is_ok(), list.is_some(), "a report exactly for a list of vectors");
    let (Ok(mut report), Some(list)) = (report, list) else { return };
    let counts = [report.passed, report.failed.len(), report.skipped_count()];
    assert_eq!(counts.iter().sum::<usize>(), list.len(), "every vector counts once: {report:?}");

    let again = vectors::run(text).expect("the same text");
    assert_eq!((&again.failed, &again.skipped), (&report.failed, &report.skipped));
    report.add(again);
    let twice = [report.passed, report.failed.len(), report.skipped_count()];
    assert_eq!(twice, counts.map(|count| 2 * count), "two files count together");
}
