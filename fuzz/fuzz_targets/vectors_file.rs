//! See `sealock_fuzz_bodies::vectors_file`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| sealock_fuzz_bodies::vectors_file::run(data));
