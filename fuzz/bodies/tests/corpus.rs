//! The committed corpora pass on a plain toolchain, and are what the generator makes.

use sealock_fuzz_bodies::{TARGETS, seeds};
use std::collections::BTreeSet;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn every_input_of_every_corpus_passes() {
    for (target, body) in TARGETS {
        let files = files(&fuzz().join("corpus").join(target));
        assert!(!files.is_empty(), "{target} has no corpus");
        for file in files {
            let bytes = std::fs::read(&file).unwrap();
            assert!(catch_unwind(|| body(&bytes)).is_ok(), "{target} fails on {}", file.display());
        }
    }
}

#[test]
fn the_generated_inputs_are_committed() {
    for (target, name, bytes) in seeds::all() {
        let file = fuzz().join("corpus").join(target).join(name);
        let hint = "run: cargo run -p sealock-fuzz-bodies --example seeds";
        assert_eq!(std::fs::read(&file).ok(), Some(bytes), "{}: {hint}", file.display());
    }
}

#[test]
fn every_target_has_a_shim_and_every_shim_a_corpus() {
    let stem = |file: PathBuf| file.file_stem().unwrap().to_string_lossy().into_owned();
    let shims: BTreeSet<String> = files(&fuzz().join("fuzz_targets")).into_iter().map(stem).collect();
    let corpora: BTreeSet<String> = files(&fuzz().join("corpus")).into_iter().map(stem).collect();
    let targets: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(targets, shims);
    assert_eq!(targets, corpora);
}
