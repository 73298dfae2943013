//! The example `in_memory`.

#[expect(dead_code, reason = "its `main` is called as a program only")]
#[path = "../in_memory.rs"]
mod in_memory;

use sealock_proto::time::Instant;
use std::time::Duration;

#[test]
fn every_message_comes_back_and_the_silence_is_pinged_through() {
    let report = in_memory::run().unwrap();
    assert_eq!(report.echoed, in_memory::MESSAGES);
    assert!(report.pongs > 0);
    assert!(report.end >= Instant::ZERO + Duration::from_secs(60));
}

#[test]
fn the_same_inputs_put_the_same_bytes_on_the_wire() {
    assert_eq!(in_memory::run().unwrap(), in_memory::run().unwrap());
}
