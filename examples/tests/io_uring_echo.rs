//! The example `io_uring_echo`.
#![cfg(target_os = "linux")]

#[expect(dead_code, reason = "its `main` is called as a program only")]
#[path = "../io_uring_echo.rs"]
mod io_uring_echo;

use io_uring_echo::server::{CLIENTS, run};
use sealock_examples::SIZES;
use std::io::Write;

#[test]
fn every_echo_comes_back_over_io_uring_where_the_kernel_has_it() {
    let Some((echoed, driver)) = run().unwrap() else {
        // Not captured, unlike println: a skipped test must be heard.
        let _ = writeln!(std::io::stderr(), "SKIPPED: the kernel refuses io_uring");
        return;
    };
    assert!(driver.is_iouring());
    assert_eq!(echoed, (CLIENTS * SIZES.len()) as u64);
}
