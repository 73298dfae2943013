//! See `sealock_fuzz_bodies::datagram`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| sealock_fuzz_bodies::datagram::run(data));
