//! WebSocket allocates nothing once the machine and its buffers exist: handshake, messages both ways, heartbeat, close,
//! reject. And it is small.
#![cfg(feature = "ws")]

use allocation_counter::measure;
use sealock_proto::buf::{RxBuf, Scratch, TxBuf};
use sealock_proto::entropy::Seed;
use sealock_proto::heartbeat::HeartbeatConfig;
use sealock_proto::time::Instant;
use sealock_proto::ws::{
    Accept, Broadcast, CloseCode, Config, Delivery, Event, Kind, Role, UpgradeRequest, WebSocket,
};
use std::sync::Arc;
use std::time::Duration;

struct End {
    ws: WebSocket,
    rx: RxBuf,
    scratch: Scratch,
    tx: TxBuf,
    messages: u64,
    failed: bool,
}

impl End {
    /// A connection whose buffers have grown to what the test needs.
    fn new(config: &Arc<Config>, ws: WebSocket) -> Self {
        let mut rx = RxBuf::new(config.rx_limit());
        while rx.len() < rx.max().min(200_000) {
            let n = rx.spare_mut(1).len();
            rx.commit(n);
        }
        rx.consume(usize::MAX);
        let mut tx = TxBuf::new(256 * 1024);
        tx.push(&vec![0; tx.limit()]).unwrap();
        tx.truncate_open(0);
        Self { ws, rx, scratch: Scratch::new(), tx, messages: 0, failed: false }
    }

    fn read(&mut self, now: Instant) {
        loop {
            let Ok(recv) = self.ws.recv_with(now, self.rx.filled_mut(), &mut self.scratch) else {
                self.failed = true;
                return;
            };
            let idle = recv.event.is_none();
            let asked = matches!(recv.event, Some(Event::Request(_)));
            self.messages += u64::from(matches!(
                recv.event,
                Some(Event::Message { .. } | Event::Chunk { last: true, .. })
            ));
            let consumed = recv.consumed;
            self.rx.consume(consumed);
            if asked {
                self.ws.accept(now, &Accept::new().with_subprotocol("chat"), &mut self.tx).unwrap();
            }
            if idle {
                return;
            }
        }
    }
}

/// Moves what `from` transmits to `to`.
fn carry(from: &mut End, to: &mut End, now: Instant) {
    from.ws.poll_transmit(now, &mut from.tx);
    while !from.tx.sealed().is_empty() {
        let n = to.rx.append(from.tx.sealed());
        from.tx.consume(n);
        to.read(now);
    }
}

fn exchange(a: &mut End, b: &mut End, now: Instant) {
    for _ in 0..3 {
        carry(a, b, now);
        carry(b, a, now);
    }
}

fn config(delivery: Delivery) -> Arc<Config> {
    let heartbeat = HeartbeatConfig::default().with_interval(Duration::from_secs(1));
    Config::default().with_heartbeat(Some(heartbeat)).with_delivery(delivery).build().unwrap()
}

fn pair(config: &Arc<Config>) -> (End, End) {
    let request = UpgradeRequest::new("example.org", "/").unwrap().with_subprotocol("chat").unwrap();
    let seed = |n| Seed::new(&mut [n; 32]);
    let client = WebSocket::client(config, &request, &seed(1), Instant::ZERO);
    let server = WebSocket::server(config, &seed(2), Instant::ZERO);
    (End::new(config, client), End::new(config, server))
}

#[test]
fn nothing_is_allocated_once_the_buffers_exist() {
    for delivery in [Delivery::Messages, Delivery::Chunks] {
        let config = config(delivery);
        let (mut a, mut b) = pair(&config);
        let mut now = Instant::ZERO;
        let allocated = |what: &str, work: &mut dyn FnMut()| {
            assert_eq!(measure(work).count_total, 0, "{delivery:?}: {what}");
        };
        allocated("handshake", &mut || exchange(&mut a, &mut b, now));
        let large = vec![b'7'; 150_000];
        allocated("messages", &mut || {
            for size in [0, 1, 64, 1000, 65_000, 150_000] {
                a.ws.send(now, Kind::Text, &large[..size], &mut a.tx).unwrap();
                b.ws.send_chunk(now, Kind::Binary, &large[..size], false, &mut b.tx).unwrap();
                exchange(&mut a, &mut b, now);
                b.ws.send_chunk(now, Kind::Binary, &large[..size / 9], true, &mut b.tx).unwrap();
                exchange(&mut a, &mut b, now);
            }
        });
        assert_eq!((a.messages, b.messages), (6, 6));
        allocated("heartbeat", &mut || {
            for _ in 0..10 {
                now += Duration::from_secs(1);
                a.ws.handle_timeout(now).unwrap();
                exchange(&mut a, &mut b, now);
            }
        });
        assert!(a.ws.stats().pongs >= 9);
        allocated("close", &mut || {
            a.ws.close(now, CloseCode::NORMAL, "done", &mut a.tx).unwrap();
            exchange(&mut a, &mut b, now);
        });
        assert!(b.ws.is_finished());
    }
}

/// The first messages make codecs and the scratch grow.
#[cfg(feature = "deflate")]
#[test]
fn compressed_messages_allocate_nothing_once_codecs_exist() {
    use sealock_proto::ws::DeflateConfig;
    for alone in [true, false] {
        let deflate = DeflateConfig::default()
            .with_server_no_context_takeover(alone)
            .with_client_no_context_takeover(alone);
        let config = Config::clone(&config(Delivery::Messages)).with_deflate(Some(deflate)).build().unwrap();
        let (mut a, mut b) = pair(&config);
        let now = Instant::ZERO;
        exchange(&mut a, &mut b, now);
        let text: Vec<u8> = (0..9_000).flat_map(|n: u32| format!("{} ", n * n).into_bytes()).collect();
        let mut round = || {
            for size in [64, 1000, 50_000] {
                a.ws.send(now, Kind::Text, &text[..size], &mut a.tx).unwrap();
                b.ws.send_chunk(now, Kind::Binary, &text[..size], true, &mut b.tx).unwrap();
                exchange(&mut a, &mut b, now);
            }
        };
        round();
        assert_eq!(measure(round).count_total, 0, "alone: {alone}");
        assert_eq!((a.messages, b.messages), (6, 6));
    }
}

#[test]
fn a_broadcast_allocates_nothing_for_a_connection_that_has_sent_one() {
    let config = config(Delivery::Messages);
    let now = Instant::ZERO;
    let news = [64, 1000, 150_000].map(|size| Broadcast::new(Kind::Binary, &vec![7; size]).unwrap());
    let mut pairs: Vec<_> = (0..10).map(|_| pair(&config)).collect();
    for round in 0..5 {
        let allocated = measure(|| {
            for (client, server) in &mut pairs {
                exchange(client, server, now);
                for message in &news {
                    server.ws.send_broadcast(now, message, &mut server.tx).unwrap();
                    server.ws.send(now, Kind::Text, b"between", &mut server.tx).unwrap();
                }
                exchange(client, server, now);
                client.ws.send_broadcast(now, &news[2], &mut client.tx).unwrap();
                exchange(client, server, now);
            }
        });
        // The first time makes each connection's list of segments, and the messages' counters of references.
        assert!((allocated.count_total == 0) == (round > 0), "round {round}: {}", allocated.count_total);
    }
    assert!(pairs.iter().all(|(client, server)| (client.messages, server.messages) == (30, 5)));
}

#[test]
fn broadcasts_queued_for_many_connections_lie_in_memory_once() {
    let config = config(Delivery::Messages);
    let upgraded = || WebSocket::upgraded(&config, Role::Server, &Seed::new(&mut [3; 32]), Instant::ZERO);
    let mut queues: Vec<_> = (0..100).map(|_| (upgraded(), TxBuf::new(config.tx_limit()))).collect();
    let queued = measure(|| {
        let news = Broadcast::new(Kind::Binary, &[7; 100_000]).unwrap();
        for (ws, tx) in &mut queues {
            ws.send_broadcast(Instant::ZERO, &news, tx).unwrap();
        }
    });
    assert!(queues.iter().all(|(_, tx)| tx.len() > 100_000));
    let held = usize::try_from(queued.bytes_current).unwrap();
    assert!(held < 100_000 + 100 * 500, "{held} bytes");
    let written = measure(|| {
        for (_, tx) in &mut queues {
            tx.consume(usize::MAX);
            tx.release();
        }
    });
    assert_eq!(queued.bytes_current + written.bytes_current, 0, "the last one gives it back");
}

#[test]
fn a_bad_peer_is_refused_without_an_allocation() {
    let config = config(Delivery::Messages);
    let upgraded = || WebSocket::upgraded(&config, Role::Server, &Seed::new(&mut [3; 32]), Instant::ZERO);
    let garbage: [(bool, &[u8]); 3] =
        [(false, b"GET / HTTP/1.1\r\n\r\n"), (false, b"SSH-2.0-x\r\n\r\n"), (true, b"\x81\x05hello")];
    for (open, bytes) in garbage {
        let (_, mut server) = pair(&config);
        if open {
            server = End::new(&config, upgraded());
        }
        let reject = measure(|| {
            server.rx.append(bytes);
            server.read(Instant::ZERO);
            server.ws.poll_transmit(Instant::ZERO, &mut server.tx);
        });
        assert!(server.failed && !server.tx.is_empty());
        assert_eq!(reject.count_total, 0, "{}", bytes.escape_ascii());
    }
}

#[test]
fn an_open_connection_takes_at_most_a_kibibyte_whichever_end() {
    let config = config(Delivery::Messages);
    let (mut a, mut b) = pair(&config);
    exchange(&mut a, &mut b, Instant::ZERO);
    let structs = size_of::<WebSocket>() + size_of::<RxBuf>() + size_of::<TxBuf>();
    for (end, what) in [(a, "client"), (b, "server")] {
        let End { ws, mut rx, mut tx, .. } = end;
        rx.release();
        tx.release();
        let heap = -measure(|| drop((ws, rx, tx))).bytes_current;
        let total = structs + usize::try_from(heap).unwrap();
        println!("an open {what}: {structs} bytes and {heap} on the heap");
        assert!(total <= 1024, "{what}: {total} bytes");
    }
}
