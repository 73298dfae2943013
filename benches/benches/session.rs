//! What a session costs, next to the bare cipher that no session can beat.

use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use sealock_benches::{Configs, Pair};

/// Lets the report say what each benchmark allocates.
#[global_allocator]
static ALLOCATOR: divan::AllocProfiler = divan::AllocProfiler::system();

const IK: &str = "Noise_IK_25519_ChaChaPoly_BLAKE2s";
const XX: &str = "Noise_XX_25519_ChaChaPoly_BLAKE2s";
const SIZES: [usize; 3] = [64, 1024, 16 * 1024];

fn main() {
    divan::main();
}

/// Both ends of a handshake, sessions and buffers included.
#[divan::bench(args = [IK, XX], sample_count = 200, max_time = 3)]
fn handshake(bencher: Bencher<'_, '_>, name: &str) {
    let configs = Configs::new(name);
    bencher.bench_local(|| Pair::connect(black_box(&configs)));
}

/// One message a record, from `send` at one end to the event at the other.
#[divan::bench(args = SIZES, sample_count = 1000, max_time = 3)]
fn message(bencher: Bencher<'_, '_>, size: usize) {
    let mut pair = Pair::connect(&Configs::new(IK));
    let message = vec![7; size];
    bencher.counter(BytesCount::new(size)).bench_local(|| pair.send(black_box(&message), 1));
}

/// 64 messages of 64 bytes that share records.
#[divan::bench(sample_count = 1000, max_time = 3)]
fn coalesced_64_of_64(bencher: Bencher<'_, '_>) {
    let mut pair = Pair::connect(&Configs::new(IK));
    bencher
        .counter(BytesCount::new(64_usize * 64))
        .counter(ItemsCount::new(64_usize))
        .bench_local(|| pair.send(black_box(&[7; 64]), 64));
}

/// The cipher alone, sealing in place.
#[divan::bench(args = SIZES, sample_count = 1000, max_time = 3)]
fn bare_seal(bencher: Bencher<'_, '_>, size: usize) {
    let cipher = ChaCha20Poly1305::new(&Key::from([7; 32]));
    let mut text = vec![7; size];
    bencher.counter(BytesCount::new(size)).bench_local(|| seal(&cipher, &mut text));
}

/// The cipher alone, sealing and opening in place: the part of `message` that must be.
#[divan::bench(args = SIZES, sample_count = 1000, max_time = 3)]
fn bare_seal_and_open(bencher: Bencher<'_, '_>, size: usize) {
    let cipher = ChaCha20Poly1305::new(&Key::from([7; 32]));
    let mut text = vec![7; size];
    bencher.counter(BytesCount::new(size)).bench_local(|| {
        let tag = seal(&cipher, &mut text);
        cipher
            .decrypt_inout_detached(&Nonce::default(), b"", text.as_mut_slice().into(), &tag)
            .expect("sealed above");
    });
}

fn seal(cipher: &ChaCha20Poly1305, text: &mut [u8]) -> chacha20poly1305::Tag {
    cipher.encrypt_inout_detached(&Nonce::default(), b"", black_box(text).into()).expect("a short text")
}
