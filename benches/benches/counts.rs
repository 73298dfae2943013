//! Instructions executed, counted by Callgrind: unlike times they repeat exactly, so that a few percent show.
//!
//! `.ci/counts` runs this and compares with `counts.txt`. Each function's set-up is not counted; what it returns is
//! dropped after counting. Buffers have their memory beforehand, as in steady state.

use aes_gcm::Aes256Gcm;
use chacha20poly1305::aead::consts::{U12, U16, U32};
use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{ChaCha20Poly1305, Nonce, Tag};
use gungraun::{library_benchmark, library_benchmark_group, main};
use sealock_benches::{Configs, End, Pair};
use sealock_proto::buf::{RxBuf, TxBuf};
use sealock_proto::entropy::Seed;
use sealock_proto::guard::{GateKey, Mac};
use sealock_proto::limit::{KeyedConfig, KeyedLimiter, Source, Verdict};
use sealock_proto::machine::RecvHalf;
use sealock_proto::noise::PublicKey;
use sealock_proto::session::{Error, Event, Outgoing, Receiver, Sender};
use sealock_proto::time::Instant;
use sealock_proto::ws::{self, Kind, Role, WebSocket};
use std::hint::black_box;

const NN: &str = "Noise_NN_25519_ChaChaPoly_BLAKE2s";
const IK: &str = "Noise_IK_25519_ChaChaPoly_BLAKE2s";
const IK_AES: &str = "Noise_IK_25519_AESGCM_SHA256";
const XX: &str = "Noise_XX_25519_ChaChaPoly_BLAKE2s";
/// Messages of a coalesced burst, and their size in bytes.
const BURST: usize = 64;
const SMALL: [u8; 64] = [7; 64];

// Set-up.

/// Buffers that need not grow.
fn buffers(rx_limit: usize) -> (RxBuf, TxBuf) {
    let (mut rx, mut tx) = (RxBuf::new(rx_limit), TxBuf::new(256 * 1024));
    while rx.len() < 64 * 1024 {
        let n = rx.spare_mut(1).len();
        rx.commit(n);
    }
    rx.consume(usize::MAX);
    tx.push(&[0; 64 * 1024]).expect("room");
    tx.truncate_open(0);
    (rx, tx)
}

fn configs(name: &str) -> (Configs, [(RxBuf, TxBuf); 2]) {
    let configs = Configs::new(name);
    let buffers = [buffers(configs.initiator.rx_limit()), buffers(configs.responder.rx_limit())];
    (configs, buffers)
}

fn fresh((configs, [a, b]): (Configs, [(RxBuf, TxBuf); 2])) -> Pair {
    Pair {
        initiator: End::with_buffers(&configs.initiator, 1, a.0, a.1),
        responder: End::with_buffers(&configs.responder, 2, b.0, b.1),
    }
}

fn established(name: &str) -> Box<Pair> {
    let mut pair = Box::new(fresh(configs(name)));
    pair.shake_hands();
    pair
}

/// A message of `size` bytes in the open record.
fn queued(name: &str, size: usize, times: usize) -> Box<Pair> {
    let mut pair = established(name);
    pair.queue(&vec![7; size], times);
    pair
}

/// A record that has arrived and is not opened.
fn arrived(name: &str, size: usize, times: usize) -> Box<Pair> {
    let mut pair = queued(name, size, times);
    let Pair { initiator, responder } = &mut *pair;
    initiator.session.poll_transmit(initiator.now, &mut initiator.tx);
    initiator.hand_over(responder);
    assert!(initiator.tx.is_empty());
    pair
}

/// A record that has arrived and of which the first frame is read, but not the [`BURST`] behind it.
fn opened() -> Box<Pair> {
    let mut pair = arrived(IK, SMALL.len(), BURST + 1);
    pair.responder.read_one();
    assert_eq!(pair.responder.messages, 1);
    pair
}

/// Both ends' clocks at the initiator's first ping.
fn ping_due() -> Box<Pair> {
    let mut pair = established(IK);
    let due = pair.initiator.session.poll_timeout().expect("a heartbeat");
    (pair.initiator.now, pair.responder.now) = (due, due);
    pair
}

fn source(n: u64) -> Source {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&n.to_le_bytes());
    Source::from_identity(key)
}

/// A limiter of which every place is taken.
fn full_limiter() -> Box<KeyedLimiter> {
    let config = KeyedConfig::default().with_sources(4096);
    let mut limiter = KeyedLimiter::new(config, &Seed::new(&mut [1; 32])).expect("in range");
    for n in 0..65_536 {
        let _ = limiter.check(Instant::ZERO, source(n));
    }
    Box::new(limiter)
}

/// A responder that `bytes` have reached.
fn reached(name: &str, bytes: &[u8]) -> Box<End> {
    let configs = Configs::new(name);
    let (rx, tx) = buffers(configs.responder.rx_limit());
    let mut end = Box::new(End::with_buffers(&configs.responder, 2, rx, tx));
    end.rx.spare_mut(bytes.len())[..bytes.len()].copy_from_slice(bytes);
    end.rx.commit(bytes.len());
    end
}

/// A responder that a first message has reached which only a DH shows to be forged.
fn forged_first_message() -> Box<End> {
    let mut initiator = End::new(&Configs::new(IK).initiator, 1);
    initiator.session.poll_transmit(initiator.now, &mut initiator.tx);
    let mut wire = initiator.tx.sealed().to_vec();
    *wire.last_mut().expect("not empty") ^= 1;
    reached(IK, &wire)
}

// Records.

#[library_benchmark]
#[bench::b64(args = (IK, 64, 1), setup = queued)]
#[bench::b1024(args = (IK, 1024, 1), setup = queued)]
#[bench::b16384(args = (IK, 16384, 1), setup = queued)]
#[bench::aes_b64(args = (IK_AES, 64, 1), setup = queued)]
#[bench::aes_b1024(args = (IK_AES, 1024, 1), setup = queued)]
#[bench::aes_b16384(args = (IK_AES, 16384, 1), setup = queued)]
fn seal(mut pair: Box<Pair>) -> Box<Pair> {
    let end = &mut pair.initiator;
    end.session.poll_transmit(end.now, &mut end.tx);
    assert_eq!(end.tx.open_len(), 0);
    pair
}

#[library_benchmark]
#[bench::b64(args = (IK, 64, 1), setup = arrived)]
#[bench::b1024(args = (IK, 1024, 1), setup = arrived)]
#[bench::b16384(args = (IK, 16384, 1), setup = arrived)]
#[bench::aes_b64(args = (IK_AES, 64, 1), setup = arrived)]
#[bench::aes_b1024(args = (IK_AES, 1024, 1), setup = arrived)]
#[bench::aes_b16384(args = (IK_AES, 16384, 1), setup = arrived)]
fn open(mut pair: Box<Pair>) -> Box<Pair> {
    pair.responder.read_one();
    assert_eq!(pair.responder.messages, 1);
    pair
}

// The cipher alone, sealing in place: the part of `seal` that must be.
#[library_benchmark]
#[bench::b64(args = (64), setup = text)]
#[bench::b1024(args = (1024), setup = text)]
#[bench::b16384(args = (16384), setup = text)]
// A message of 64 bytes with its head: over one block of the cipher, as the record of it is.
#[bench::b67(args = (67), setup = text)]
fn bare_seal(bare: Bare<ChaCha20Poly1305>) -> (Bare<ChaCha20Poly1305>, Tag) {
    seal_alone(bare)
}

#[library_benchmark]
#[bench::b67(args = (67), setup = text)]
fn bare_aes_seal(bare: Bare<Aes256Gcm>) -> (Bare<Aes256Gcm>, Tag) {
    seal_alone(bare)
}

type Bare<C> = (Box<C>, Vec<u8>);

fn text<C: KeyInit<KeySize = U32>>(size: usize) -> Bare<C> {
    (Box::new(C::new(&[7; 32].into())), vec![7; size])
}

fn seal_alone<C>((cipher, mut text): Bare<C>) -> (Bare<C>, Tag)
where
    C: AeadInOut<NonceSize = U12, TagSize = U16>,
{
    let tag = cipher
        .encrypt_inout_detached(&Nonce::default(), b"", text.as_mut_slice().into())
        .expect("a short text");
    ((cipher, text), tag)
}

// Frames: messages of 64 bytes.

#[library_benchmark]
#[bench::x64(args = (IK, 64, 1), setup = queued)]
fn frame_encode(mut pair: Box<Pair>) -> Box<Pair> {
    pair.queue(black_box(&SMALL), BURST);
    pair
}

#[library_benchmark]
#[bench::x64(setup = opened)]
fn frame_decode(mut pair: Box<Pair>) -> Box<Pair> {
    pair.responder.read();
    assert_eq!(pair.responder.messages, BURST + 1);
    pair
}

// The same through the halves of a split session, whose block lies behind a lock.
#[library_benchmark]
#[bench::x64(setup = split)]
fn split_encode((mut sender, receiver, mut tx): (Sender, Receiver, TxBuf)) -> (Sender, Receiver, TxBuf) {
    for _ in 0..BURST {
        sender.send(Instant::ZERO, black_box(&SMALL), &mut tx).expect("room");
    }
    (sender, receiver, tx)
}

// As the drivers send, who may have to send a large message piece by piece.
#[library_benchmark]
#[bench::x64(setup = split)]
fn cursor_encode((mut sender, receiver, mut tx): (Sender, Receiver, TxBuf)) -> (Sender, Receiver, TxBuf) {
    for _ in 0..BURST {
        let parts: [&[u8]; 1] = [black_box(&SMALL)];
        sender.send_some(Instant::ZERO, &mut Outgoing::new(&parts), &mut tx).expect("room");
    }
    (sender, receiver, tx)
}

// As the drivers receive.
#[library_benchmark]
#[bench::x64(setup = split_opened)]
fn split_decode((sender, mut receiver, mut rx): (Sender, Receiver, RxBuf)) -> (Sender, Receiver, RxBuf) {
    for _ in 0..BURST {
        let recv = receiver.recv(Instant::ZERO, rx.filled_mut()).expect("an honest peer");
        assert!(
            matches!(black_box(recv.event), Some(Event::Message(message)) if message.len() == SMALL.len())
        );
        rx.consume(recv.consumed);
    }
    (sender, receiver, rx)
}

/// The halves of a session that is [`opened`].
fn split_opened() -> (Sender, Receiver, RxBuf) {
    let Pair { responder: End { session, rx, .. }, .. } = *opened();
    let (sender, receiver) = session.split();
    (sender, receiver, rx)
}

/// Halves that have sent before.
fn split() -> (Sender, Receiver, TxBuf) {
    let mut pair = established(IK);
    pair.send(&SMALL, 1);
    let Pair { initiator: End { session, tx, .. }, .. } = *pair;
    let (sender, receiver) = session.split();
    (sender, receiver, tx)
}

#[library_benchmark]
#[bench::x64(args = (IK), setup = established)]
fn coalesced_send(mut pair: Box<Pair>) -> Box<Pair> {
    pair.queue(black_box(&SMALL), BURST);
    let end = &mut pair.initiator;
    end.session.poll_transmit(end.now, &mut end.tx);
    assert_eq!(end.tx.open_len(), 0);
    pair
}

// Handshakes, both ends and the construction of both sessions.

#[library_benchmark]
#[bench::nn(args = (NN), setup = configs)]
#[bench::ik(args = (IK), setup = configs)]
#[bench::xx(args = (XX), setup = configs)]
fn handshake(parts: (Configs, [(RxBuf, TxBuf); 2])) -> Pair {
    let mut pair = fresh(parts);
    pair.shake_hands();
    pair
}

// Idle sessions.

#[library_benchmark]
#[bench::idle(args = (IK), setup = established)]
fn poll(mut pair: Box<Pair>) -> Box<Pair> {
    let end = &mut pair.initiator;
    end.session.poll_transmit(end.now, &mut end.tx);
    black_box(end.session.poll_timeout());
    assert!(end.tx.is_empty());
    pair
}

// The timeout, the ping and its pong: four records sealed or opened.
#[library_benchmark]
#[bench::ping_pong(setup = ping_due)]
fn heartbeat(mut pair: Box<Pair>) -> Box<Pair> {
    let Pair { initiator, responder } = &mut *pair;
    initiator.session.handle_timeout(initiator.now).expect("a living peer");
    initiator.carry(responder);
    responder.carry(initiator);
    assert_eq!(initiator.session.stats().pongs, 1);
    pair
}

// WebSocket.

/// One end of an open connection.
struct Ws {
    machine: WebSocket,
    rx: RxBuf,
    tx: TxBuf,
}

fn ws(role: Role) -> Box<Ws> {
    let config = ws::Config::default().build().expect("the default");
    let (rx, tx) = buffers(config.rx_limit());
    let machine = WebSocket::upgraded(&config, role, &Seed::new(&mut [1; 32]), Instant::ZERO);
    Box::new(Ws { machine, rx, tx })
}

impl Ws {
    fn send(&mut self, kind: Kind, message: &[u8], times: usize) {
        for _ in 0..times {
            self.machine.send(Instant::ZERO, kind, message, &mut self.tx).expect("room");
        }
    }

    fn receive(&mut self, times: usize) {
        for _ in 0..times {
            let recv = self.machine.recv(Instant::ZERO, self.rx.filled_mut()).expect("an honest peer");
            let consumed = recv.consumed;
            assert!(black_box(recv.event).is_some());
            self.rx.consume(consumed);
        }
    }
}

/// A server that has taken the first of `times + 1` messages which have arrived.
fn ws_arrived(kind: Kind, size: usize, times: usize) -> (Box<Ws>, usize) {
    let (mut client, mut server) = (ws(Role::Client), ws(Role::Server));
    client.send(kind, &vec![b'7'; size], times + 1);
    assert_eq!(server.rx.append(client.tx.sealed()), client.tx.len());
    server.receive(1);
    (server, times)
}

#[library_benchmark]
#[bench::binary_64_x64(args = (Kind::Binary, 64, BURST), setup = ws_arrived)]
#[bench::text_64_x64(args = (Kind::Text, 64, BURST), setup = ws_arrived)]
#[bench::binary_1024(args = (Kind::Binary, 1024, 1), setup = ws_arrived)]
#[bench::binary_16384(args = (Kind::Binary, 16 * 1024, 1), setup = ws_arrived)]
fn ws_receive((mut end, times): (Box<Ws>, usize)) -> Box<Ws> {
    end.receive(times);
    end
}

#[library_benchmark]
#[bench::client_64_x64(args = (Role::Client), setup = ws)]
#[bench::server_64_x64(args = (Role::Server), setup = ws)]
fn ws_send(mut end: Box<Ws>) -> Box<Ws> {
    end.send(Kind::Binary, black_box(&SMALL), BURST);
    end
}

// Refusals.

#[library_benchmark]
#[bench::known(args = (65_535, false), setup = limiter_and_source)]
#[bench::unknown(args = (1_000_000, true), setup = limiter_and_source)]
fn keyed_limiter((mut limiter, source): (Box<KeyedLimiter>, Source)) -> (Box<KeyedLimiter>, Verdict) {
    let verdict = limiter.check(Instant::ZERO, black_box(source));
    (limiter, verdict)
}

/// The `n`th source at a full limiter, which must be `new` to it.
fn limiter_and_source(n: u64, new: bool) -> (Box<KeyedLimiter>, Source) {
    let limiter = full_limiter();
    assert_eq!(new, n >= 65_536);
    (limiter, source(n))
}

/// As long as what WireGuard's first MAC covers (section 5.4.2).
const FIRST: [u8; 116] = [7; 116];

// What a stranger who does not know the responder costs: one digest of its first message, and a comparison.
#[library_benchmark]
#[bench::wrong_mac1(setup = gate_key)]
fn gate_reject(key: GateKey) -> (GateKey, bool) {
    let mac1: Mac = black_box([9; 16]);
    let right = key.digest(&[black_box(&FIRST)]).verify(&mac1);
    assert!(!right);
    (key, right)
}

fn gate_key() -> GateKey {
    GateKey::new(Some(&PublicKey([7; 32])), b"context")
}

#[library_benchmark]
#[bench::not_sealock(args = (XX, b"GET / HTTP/1.1\r\n"), setup = reached)]
#[bench::unknown_protocol(args = (XX, b"SLCK\x01\x01\x04NOPE"), setup = reached)]
#[bench::forged_ik(setup = forged_first_message)]
fn reject(mut end: Box<End>) -> (Box<End>, Error) {
    let error = refuse(&mut end);
    (end, error)
}

fn refuse(end: &mut End) -> Error {
    let error = end.session.recv(end.now, end.rx.filled_mut()).expect_err("garbage");
    end.session.poll_transmit(end.now, &mut end.tx);
    assert!(end.session.is_finished());
    error
}

// From the session's construction to its end, as a listener pays it. The bytes are there already.
#[library_benchmark]
#[bench::not_sealock(args = (XX, b"GET / HTTP/1.1\r\n"), setup = listener_reached)]
fn construct_and_reject((configs, rx, tx): (Configs, RxBuf, TxBuf)) -> (Configs, Error) {
    let mut end = End::with_buffers(&configs.responder, 2, rx, tx);
    let error = refuse(&mut end);
    (configs, error)
}

fn listener_reached(name: &str, bytes: &[u8]) -> (Configs, RxBuf, TxBuf) {
    let configs = Configs::new(name);
    let (mut rx, tx) = buffers(configs.responder.rx_limit());
    rx.spare_mut(bytes.len())[..bytes.len()].copy_from_slice(bytes);
    rx.commit(bytes.len());
    (configs, rx, tx)
}

library_benchmark_group!(
    name = counts;
    benchmarks = seal, open, bare_seal, bare_aes_seal, frame_encode, split_encode, cursor_encode, frame_decode,
        split_decode, coalesced_send,
        handshake, poll, heartbeat, ws_receive, ws_send, keyed_limiter, gate_reject, reject, construct_and_reject
);

main!(library_benchmark_groups = counts);
