//! Memory: the sizes of types, the heap behind one idle session, and what 100,000 of them take together.
//!
//! The heap is counted by the allocator; what the process really holds comes from the operating system (Linux only).
//! Fails if a session takes more than the aim, the cipher library's keys of AES-GCM left out. `--test` makes few of them.
#![forbid(unsafe_code)]

use allocation_counter::measure;
use sealock_benches::{Configs, End, Pair};
use sealock_proto::buf::{RxBuf, TxBuf};
use sealock_proto::drive::{ReadIo, SessionConnection, SessionReceiver, SessionSender, WriteIo};
use sealock_proto::entropy::Seed;
use sealock_proto::heartbeat::Heartbeat;
use sealock_proto::session::{Config, Receiver, Sender, Session};
use sealock_proto::time::Instant;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::hint::black_box;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

const NN: &str = "Noise_NN_25519_ChaChaPoly_BLAKE2s";
const PATTERNS: [&str; 3] = [NN, "Noise_XX_25519_ChaChaPoly_BLAKE2s", "Noise_XX_25519_AESGCM_SHA256"];
/// The aim for an idle session with its buffers released: 1.5 KiB.
const AIM: i64 = 1536;
/// The most of it that may be other than expanded keys.
const AIM_BESIDE_KEYS: i64 = 1024;

fn main() {
    let smoke = std::env::args().any(|argument| argument == "--test");
    types();
    for name in PATTERNS {
        one_session(name);
    }
    many_sessions(if smoke { 100 } else { 100_000 });
}

fn types() {
    println!("size_of, bytes");
    for (name, size) in [
        ("Session", size_of::<Session>()),
        ("session::Sender", size_of::<Sender>()),
        ("session::Receiver", size_of::<Receiver>()),
        ("Heartbeat", size_of::<Heartbeat>()),
        ("RxBuf", size_of::<RxBuf>()),
        ("TxBuf", size_of::<TxBuf>()),
        ("Config", size_of::<Config>()),
        // With a stream of one pointer.
        ("drive::SessionSender", size_of::<SessionSender<Pipe>>()),
        ("drive::SessionReceiver", size_of::<SessionReceiver<Pipe, Pipe>>()),
        ("drive::SessionConnection", size_of::<SessionConnection<Pipe, Pipe>>()),
    ] {
        row(name, size as i64);
    }
}

fn row(name: &str, bytes: i64) {
    println!("  {name:<58} {bytes:>9}");
}

/// Bytes on the heap that dropping `value` frees.
fn heap_of<T>(value: T) -> i64 {
    -measure(|| drop(value)).bytes_current
}

fn one_session(name: &str) {
    println!("\n{name}: heap of one idle established session, bytes");
    let configs = Configs::new(name);
    row("Session before the handshake, initiator", heap_of(End::new(&configs.initiator, 1).session));
    row("Session before the handshake, responder", heap_of(End::new(&configs.responder, 2).session));

    let Pair { initiator, responder } = idle_pair(&configs);
    let memory = initiator.rx.capacity() + initiator.tx.capacity();
    row("buffers as the handshake leaves them", memory as i64);
    row("Session, initiator: behind the struct", heap_of(initiator.session));
    let behind = heap_of(responder.session);
    row("Session, responder: behind the struct", behind);
    let whole = behind + size_of::<Session>() as i64;
    row("Session, struct included, buffers released", whole);
    row("Session, struct included, buffers as they are", whole + memory as i64);

    let halves = idle_pair(&configs).initiator.session.split();
    let structs = (size_of::<Sender>() + size_of::<Receiver>()) as i64;
    let split = heap_of(halves) + structs;
    row("session::Sender and Receiver, structs included", split);
    // Behind an idle session's struct there is nothing but the keys of AES-GCM, as the library expands them.
    verdict(whole.max(split), behind);

    let (connection, other) = connect(&configs);
    let driven = heap_of(connection) + size_of::<SessionConnection<Pipe, Pipe>>() as i64;
    row("drive::SessionConnection, struct and buffers included", driven);
    // It has received and sent as much as the pair above.
    row("drive::SessionConnection, buffers left out", driven - memory as i64);
    drop(other);
}

/// Says whether the aim is met. Ends the program if it is missed and not by the size of the library's `keys`.
fn verdict(bytes: i64, keys: i64) {
    let held = if bytes <= AIM { "it holds" } else { "it does NOT hold" };
    println!("  aim: at most {AIM}, so {held}");
    if bytes > AIM && keys > 0 {
        println!("  bounded by the cipher library: {keys} of the {bytes} bytes are its expanded keys");
    }
    assert!(bytes <= AIM || keys > 0, "{bytes} bytes for an idle session, more than {AIM}");
    assert!(bytes - keys <= AIM_BESIDE_KEYS, "{} bytes beside the keys", bytes - keys);
}

fn idle_pair(configs: &Configs) -> Pair {
    let mut pair = Pair::connect(configs);
    pair.send(b"hello", 1);
    pair
}

/// Keeps `n` established sessions with released buffers.
fn many_sessions(n: usize) {
    let configs = Configs::new(NN);
    let started = std::time::Instant::now();
    let mut ends = Vec::new();
    let before = resident();
    let heap = measure(|| {
        ends.reserve_exact(n);
        let [mut a, mut b] = [&configs.initiator, &configs.responder].map(|config| {
            let end = End::new(config, 0);
            Some((end.rx, end.tx))
        });
        for seed in 0..(n / 2) as u64 {
            let new = |config, buffers: &mut Option<(RxBuf, TxBuf)>, seed| {
                let (rx, tx) = buffers.take().expect("given back");
                End::with_buffers(config, seed, rx, tx)
            };
            let initiator = new(&configs.initiator, &mut a, 2 * seed);
            let responder = new(&configs.responder, &mut b, 2 * seed + 1);
            let mut pair = Pair { initiator, responder };
            pair.shake_hands();
            // Every session has buffers of its own, as an application's have; those used here are handed on, so
            // that what is counted does not depend on how well the allocator fills the holes they leave.
            for (end, config, lent) in
                [(pair.initiator, &configs.initiator, &mut a), (pair.responder, &configs.responder, &mut b)]
            {
                *lent = Some((end.rx, end.tx));
                ends.push((end.session, RxBuf::new(config.rx_limit()), TxBuf::new(256 * 1024)));
            }
        }
    });
    let after = resident();
    println!("\n{n} idle sessions with released buffers ({NN}), bytes for each");
    row("heap, counted, structs included", heap.bytes_current / n as i64);
    match before.zip(after) {
        Some((before, after)) => row("resident memory, grown by", (after - before) / n as i64),
        None => println!("  resident memory is not known on this system"),
    }
    let each = heap.bytes_current / n as i64;
    verdict(each, 0);
    println!("  made in {:.1} s", started.elapsed().as_secs_f64());
    assert!(black_box(&ends).iter().all(|(session, ..)| session.info().is_some() && !session.is_finished()));
}

/// Bytes of memory this process holds.
fn resident() -> Option<i64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse::<i64>().ok().map(|kib| kib * 1024)
}

// A stream in memory, for the driver.

type Bytes = Rc<RefCell<VecDeque<u8>>>;

/// One direction, one end of it.
struct Pipe(Bytes);

impl ReadIo for Pipe {
    type Error = ();

    fn now(&self) -> Instant {
        Instant::ZERO
    }

    fn poll_timer(&mut self, _cx: &mut Context<'_>, deadline: Option<Instant>) -> Poll<()> {
        if deadline == Some(Instant::ZERO) { Poll::Ready(()) } else { Poll::Pending }
    }

    fn poll_read(&mut self, _cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<Result<usize, ()>> {
        let mut bytes = self.0.borrow_mut();
        let n = buf.len().min(bytes.len());
        if n == 0 {
            return Poll::Pending;
        }
        buf.iter_mut().zip(bytes.drain(..n)).for_each(|(to, from)| *to = from);
        Poll::Ready(Ok(n))
    }
}

impl WriteIo for Pipe {
    type Error = ();

    fn now(&self) -> Instant {
        Instant::ZERO
    }

    fn poll_timer(&mut self, _: &mut Context<'_>, _: Instant) -> Poll<()> {
        Poll::Pending
    }

    fn poll_write(&mut self, _cx: &mut Context<'_>, buf: &[u8]) -> Poll<Result<usize, ()>> {
        self.0.borrow_mut().extend(buf);
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_close(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), ()>> {
        Poll::Ready(Ok(()))
    }
}

type Connection = SessionConnection<Pipe, Pipe>;

/// Two connections that have shaken hands, exchanged a message and wait.
fn connect(configs: &Configs) -> (Connection, Connection) {
    let (up, down) = (Bytes::default(), Bytes::default());
    // Room beforehand: the stream's bytes are not the session's.
    for bytes in [&up, &down] {
        bytes.borrow_mut().reserve(64 * 1024);
    }
    let io = |from: &Bytes, to: &Bytes| (Pipe(Rc::clone(from)), Pipe(Rc::clone(to)));
    let establish = |config: &Arc<Config>, seed, io| {
        let (config, mut seed) = (Arc::clone(config), [seed; 32]);
        async move { SessionConnection::establish(&config, Seed::new(&mut seed), io).await }
    };
    let mut a = Box::pin(establish(&configs.initiator, 1, io(&down, &up)));
    let mut b = Box::pin(establish(&configs.responder, 2, io(&up, &down)));
    let (mut first, mut second) = (None, None);
    while first.is_none() || second.is_none() {
        step(a.as_mut(), &mut first);
        step(b.as_mut(), &mut second);
    }
    let (mut a, mut b) = match (first, second) {
        (Some(Ok(a)), Some(Ok(b))) => (a, b),
        _ => panic!("the handshake failed"),
    };
    let mut sent = None;
    step(pin!(async { a.sender.send(b"hello").await.is_ok() && a.sender.flush().await.is_ok() }), &mut sent);
    assert_eq!(sent, Some(true));
    for _ in 0..2 {
        wait(&mut a);
        wait(&mut b);
    }
    (a, b)
}

/// Polls `future` unless it is done.
fn step<T>(future: Pin<&mut impl Future<Output = T>>, done: &mut Option<T>) {
    if done.is_some() {
        return;
    }
    if let Poll::Ready(value) = future.poll(&mut Context::from_waker(Waker::noop())) {
        *done = Some(value);
    }
}

/// Takes events until the connection waits.
fn wait(connection: &mut Connection) {
    while let Poll::Ready(event) =
        pin!(connection.receiver.next()).poll(&mut Context::from_waker(Waker::noop()))
    {
        assert!(matches!(event, Ok(Some(_))), "a living connection");
    }
}
