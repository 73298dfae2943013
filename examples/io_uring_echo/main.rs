//! An echo server over completions instead of readiness: `sealock-proto` by hand on io_uring, Linux only.
//!
//! Submitting to io_uring is unsafe, and this workspace forbids unsafe code, so the runtime is `compio`, whose
//! interface is safe and which is maintained; it is built here without its other back ends, so what runs is
//! io_uring or nothing. What is different from readiness is who owns the buffers (`buffers.rs`) and how a
//! deadline is kept while a read is under way (`server.rs`).
//!
//! Where the kernel (or a container's filter) refuses io_uring, it says `SKIPPED` and ends well. Otherwise it serves 8
//! clients (threads), then ends: `cargo run -p sealock-examples --example io_uring_echo`
#![forbid(unsafe_code)]

#[cfg(target_os = "linux")]
mod buffers;
#[cfg(target_os = "linux")]
pub(crate) mod server;

#[cfg(target_os = "linux")]
fn main() -> Result<(), sealock_examples::Failure> {
    match server::run()? {
        Some(report) => {
            println!("{} clients, {} echoes over {:?}", server::CLIENTS, report.echoed, report.driver)
        }
        None => println!("SKIPPED: the kernel refuses io_uring"),
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("SKIPPED: io_uring is a part of Linux");
}
