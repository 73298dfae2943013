//! Runs files of Noise test vectors: `cargo run -p sealock-proto --example vectors -- FILE...`
//!
//! The last line counts; before it stand the failures and how often each reason made a vector be skipped.
//! Exits with 1 if a vector failed or a file could not be read.

#[path = "../tests/support/vectors.rs"]
mod vectors;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut total = vectors::Report::default();
    let mut unreadable = 0;
    let files: Vec<String> = std::env::args().skip(1).collect();
    if files.is_empty() {
        println!("unreadable: no file given");
        unreadable += 1;
    }
    for file in files {
        let text = std::fs::read_to_string(&file).map_err(|error| error.to_string());
        match text.and_then(|text| vectors::run(&text)) {
            Ok(report) => total.add(report),
            Err(error) => {
                println!("unreadable: {file}: {error}");
                unreadable += 1;
            }
        }
    }
    for (reason, count) in &total.skipped {
        println!("skipped {count}: {reason}");
    }
    for failure in &total.failed {
        println!("failed: {failure}");
    }
    println!("{} passed, {} failed, {} skipped", total.passed, total.failed.len(), total.skipped_count());
    if total.failed.is_empty() && unreadable == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
