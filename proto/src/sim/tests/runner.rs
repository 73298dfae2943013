//! Which seed failed, and how to run it again.

use crate::sim::{FailedSeed, run_seeds};
use alloc::string::String;
use alloc::vec::Vec;

#[test]
fn the_first_failing_seed_is_named_and_none_runs_after_it() {
    let mut ran = Vec::new();
    let verdict = run_seeds(3..100, |seed| {
        ran.push(seed);
        if seed == 5 { Err("because".into()) } else { Ok(()) }
    });
    assert_eq!(verdict, Err(FailedSeed { seed: 5, reason: "because".into() }));
    assert_eq!(ran, [3, 4, 5]);
}

#[test]
fn a_failure_prints_the_command_that_repeats_it() {
    let failed = std::panic::catch_unwind(|| {
        crate::sim::check("runner", [8, 9], |seed| if seed == 9 { Err("nine".into()) } else { Ok(()) })
    });
    let panic = failed.unwrap_err();
    let message = panic.downcast_ref::<String>().unwrap();
    assert_eq!(
        message,
        "seed 9 failed; replay: SEALOCK_SEED=9 cargo test -p sealock-proto --lib runner\nnine"
    );
}

#[test]
fn seeds_to_run_are_a_number_or_a_range() {
    let parse = super::super::check::parse;
    assert_eq!((parse("17"), parse("3..6")), (Some(17..=17), Some(3..=5)));
    for wrong in ["", "x", "-1", "3..", "..3", "0..0", "18446744073709551616"] {
        assert_eq!(parse(wrong), None, "{wrong}");
    }
}
