//! The program built for this machine: the same status as `.ci/wasm-node` expects of the module.

use std::process::Command;

#[test]
fn the_status_is_the_number_of_messages() {
    let status = Command::new(env!("CARGO_BIN_EXE_sealock-example-wasm")).status().unwrap();
    assert_eq!(status.code(), Some(100));
}
