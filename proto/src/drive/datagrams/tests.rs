//! The loop on a socket in memory: what comes first, floods, a socket that is full or fails.

use super::*;
use crate::datagram::{Config, Endpoint, Event, PeerId};
use crate::entropy::Seed;
use core::future::Future;
use core::pin::pin;
use core::time::Duration;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Wake, Waker};

const A: SocketAddr = SocketAddr::V4(core::net::SocketAddrV4::new(core::net::Ipv4Addr::new(192, 0, 2, 1), 1));
const B: SocketAddr = SocketAddr::V4(core::net::SocketAddrV4::new(core::net::Ipv4Addr::new(192, 0, 2, 2), 1));

/// A socket whose datagrams the test gives and takes.
#[derive(Default)]
struct Mem {
    now: Instant,
    incoming: VecDeque<(Vec<u8>, SocketAddr)>,
    outgoing: Vec<Vec<u8>>,
    /// Comes again for ever, behind everything else.
    flood: Option<Vec<u8>>,
    full: bool,
    fails: bool,
    received: u32,
}

impl DatagramIo for Mem {
    type Error = &'static str;

    fn now(&self) -> Instant {
        self.now
    }

    fn poll_timer(&mut self, _: &mut Context<'_>, deadline: Option<Instant>) -> Poll<()> {
        if deadline.is_some_and(|at| at <= self.now) { Poll::Ready(()) } else { Poll::Pending }
    }

    fn poll_recv(
        &mut self,
        _: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<Result<(usize, SocketAddr), Self::Error>> {
        let next = self.incoming.pop_front().or_else(|| self.flood.clone().map(|bytes| (bytes, A)));
        let Some((bytes, source)) = next else { return Poll::Pending };
        self.received += 1;
        assert!(self.received < 10_000, "the loop never rests");
        let len = bytes.len().min(buf.len());
        buf[..len].copy_from_slice(&bytes[..len]);
        Poll::Ready(Ok((len, source)))
    }

    fn poll_send(
        &mut self,
        _: &mut Context<'_>,
        datagram: &[u8],
        _: SocketAddr,
    ) -> Poll<Result<(), Self::Error>> {
        if self.full {
            return Poll::Pending;
        }
        if self.fails {
            return Poll::Ready(Err("unreachable"));
        }
        self.outgoing.push(datagram.to_vec());
        Poll::Ready(Ok(()))
    }
}

#[derive(Default)]
struct Woken(AtomicU32);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Polls once; gives how often the task was woken meanwhile.
fn poll_once<T>(future: impl Future<Output = T>) -> (Poll<T>, u32) {
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    let polled = pin!(future).poll(&mut Context::from_waker(&waker));
    (polled, woken.0.load(Ordering::Relaxed))
}

fn now<T>(future: impl Future<Output = T>) -> T {
    match poll_once(future).0 {
        Poll::Ready(done) => done,
        Poll::Pending => panic!("it waits"),
    }
}

fn end(byte: u8) -> Datagrams<Endpoint, Mem> {
    let config = Config::new("Noise_NN_25519_ChaChaPoly_BLAKE2s".parse().unwrap()).with_heartbeat(None);
    let endpoint = Endpoint::new(&config.build().unwrap(), Seed::new(&mut [byte; 32])).unwrap();
    Datagrams::new(endpoint, Mem::default())
}

/// Moves all datagrams of one end to the other.
fn carry(from: &mut Datagrams<Endpoint, Mem>, source: SocketAddr, to: &mut Datagrams<Endpoint, Mem>) {
    now(from.flush());
    to.io.incoming.extend(from.io.outgoing.drain(..).map(|bytes| (bytes, source)));
}

/// The end that connected has a session; the other has not heard of it yet.
fn half() -> (Datagrams<Endpoint, Mem>, PeerId, Datagrams<Endpoint, Mem>) {
    let (mut a, mut b) = (end(1), end(2));
    let mut buffer = [0; 1201];
    let peer = a.connect(B, None).unwrap();
    carry(&mut a, A, &mut b);
    assert!(poll_once(b.next(&mut buffer)).0.is_pending());
    carry(&mut b, B, &mut a);
    assert!(matches!(now(a.next(&mut buffer)), Ok(Incoming::Event(Event::Established { .. }))));
    (a, peer, b)
}

#[test]
fn an_event_comes_before_the_message_that_brought_it() {
    let (mut a, peer, mut b) = half();
    now(a.send(peer, b"early")).unwrap();
    // Behind the confirmation, which is lost.
    let message = a.io.outgoing.pop().unwrap();
    b.io.incoming.push_back((message, A));
    let mut buffer = [0; 1201];
    let Ok(Incoming::Event(Event::Established { peer: there, .. })) = now(b.next(&mut buffer)) else {
        panic!()
    };
    buffer.fill(0);
    let Ok(Incoming::Message { peer: from, payload }) = now(b.next(&mut buffer)) else { panic!() };
    assert_eq!((from, &*payload), (there, &b"early"[..]));
    assert!(poll_once(b.next(&mut buffer)).0.is_pending());
}

#[test]
fn a_flood_leaves_time_for_deadlines_and_other_tasks() {
    let (mut a, _, _) = half();
    a.io.flood = Some(vec![0xff; 20]);
    a.io.outgoing.clear();
    let mut buffer = [0; 1201];
    let (polled, woken) = poll_once(a.next(&mut buffer));
    assert!(polled.is_pending() && woken > 0);
    // One of them made the session.
    assert_eq!(a.io.received, BURST);
    // Its confirmation is repeated though the flood goes on.
    a.io.now += Duration::from_secs(1);
    let (polled, _) = poll_once(a.next(&mut buffer));
    assert!(polled.is_pending());
    assert_eq!(a.io.outgoing.len(), 1);
    assert!(a.machine().poll_timeout() > Some(a.io.now));
}

#[test]
fn a_stream_of_messages_leaves_time_for_deadlines_and_other_tasks() {
    let (mut a, _, mut b) = half();
    let mut buffer = [0; 1201];
    carry(&mut a, A, &mut b);
    let Ok(Incoming::Event(Event::Established { peer, .. })) = now(b.next(&mut buffer)) else { panic!() };
    for _ in 0..2 * BURST {
        now(b.send(peer, b"and on")).unwrap();
    }
    carry(&mut b, B, &mut a);
    // Its keys are to be replaced, and there is always a message.
    a.io.outgoing.clear();
    a.io.now += Duration::from_secs(121);
    let (mut messages, mut rests) = (0, 0);
    while messages <= BURST {
        match poll_once(a.next(&mut buffer)) {
            (Poll::Ready(Ok(Incoming::Message { .. })), _) => messages += 1,
            (Poll::Pending, woken) if woken > 0 => rests += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(!a.io.incoming.is_empty());
    assert_eq!((a.io.outgoing.len(), rests), (1, 1));
    assert!(a.machine().poll_timeout() > Some(a.io.now));
}

#[test]
fn a_flood_does_not_outlast_the_instant_asked_for() {
    let (mut a, _, _) = half();
    a.io.flood = Some(vec![0xff; 20]);
    let mut buffer = [0; 1201];
    let until = a.io.now + Duration::from_secs(1);
    assert!(poll_once(a.next_until(until, &mut buffer)).0.is_pending());
    a.io.now = until;
    assert_eq!(now(a.next_until(until, &mut buffer)), Ok(None));
    assert!(a.io.received <= 3 * BURST, "{}", a.io.received);
}

#[test]
fn what_a_full_socket_does_not_take_leaves_later_and_what_it_refuses_is_lost() {
    let (mut a, peer, _) = half();
    now(a.flush());
    a.io.outgoing.clear();
    a.io.full = true;
    now(a.send(peer, b"first")).unwrap();
    assert!(poll_once(a.send(peer, b"second")).0.is_pending());
    a.io.full = false;
    now(a.send(peer, b"third")).unwrap();
    assert_eq!((a.io.outgoing.len(), a.unsent()), (2, 0));
    a.io.fails = true;
    now(a.send(peer, b"fourth")).unwrap();
    assert_eq!((a.io.outgoing.len(), a.unsent()), (2, 1));
}

#[test]
fn waiting_ends_at_the_instant_asked_for() {
    let (mut a, _, _) = half();
    let mut buffer = [0; 1201];
    let until = a.io.now + Duration::from_millis(1);
    assert!(poll_once(a.next_until(until, &mut buffer)).0.is_pending());
    a.io.now = until;
    assert_eq!(now(a.next_until(until, &mut buffer)), Ok(None));
    let short = now(a.next_until(until, &mut buffer[..1200]));
    assert_eq!(short, Err(DatagramError::BufferTooSmall { needed: 1201 }));
}
