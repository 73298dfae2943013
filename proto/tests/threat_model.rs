//! The tests that `docs/threat-model.md` names are there.

#[allow(dead_code)] // `structure.rs` uses the rest.
#[path = "support/source.rs"]
mod source;

use source::members;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The functions of all Rust files below `folder`, build output left out, and those files' names.
fn names(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") {
            names(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            found.extend(text.split("fn ").skip(1).map(|rest| word(rest).to_owned()));
            found.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
        }
    }
}

fn word(text: &str) -> &str {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default()
}

#[test]
fn every_test_that_the_threat_model_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut found = BTreeSet::new();
    for member in members(&root).iter().map(String::as_str).chain(["fuzz"]) {
        names(&root.join(member), &mut found);
    }
    let text = fs::read_to_string(root.join("docs/threat-model.md")).unwrap();
    let rows: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").nth(2)).collect();
    let named: Vec<&str> = rows.iter().flat_map(|tests| tests.split('`').skip(1).step_by(2)).collect();
    assert!(rows.len() > 20 && named.len() > rows.len(), "{} rows, {} tests", rows.len(), named.len());
    let missing: Vec<_> = named.iter().filter(|name| !found.contains(**name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
