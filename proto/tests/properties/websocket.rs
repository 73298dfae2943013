//! WebSocket as the properties see it, whole or in halves. The server's owner accepts whatever is asked.

use crate::native::{Shape, entropy};
use crate::protocol::Protocol;
use crate::script::bytes;
use sealock_proto::buf::{Scratch, Span, TxBuf};
use sealock_proto::heartbeat::HeartbeatConfig;
use sealock_proto::machine::{Machine, Recv, RecvHalf, SendHalf};
use sealock_proto::sim::{Pair, Side};
use sealock_proto::time::Instant;
#[cfg(feature = "deflate")]
use sealock_proto::ws::DeflateConfig;
use sealock_proto::ws::{
    Accept, CloseCode, Config, Delivery, Error, Event, Kind, Receiver, Sender, UpgradeRequest, WebSocket,
};
use std::sync::Arc;
use std::time::Duration;

// One of each a test: boxing would only hide the calls.
#[allow(clippy::large_enum_variant)]
enum Machinery {
    Whole(WebSocket),
    Split(Sender, Receiver),
}

/// A connection with an owner that accepts.
pub(crate) struct Node {
    machinery: Machinery,
    /// A request waits for an answer.
    asked: bool,
    /// It was answered then, and nobody has looked for frames behind it.
    answered: Option<Instant>,
}

/// A call on the connection or on one of its halves.
macro_rules! on {
    ($node:expr, $half:ident, $machine:ident => $call:expr) => {
        match &mut $node.machinery {
            Machinery::Whole($machine) => $call,
            on!(@ $half $machine) => $call,
        }
    };
    (@ sender $machine:ident) => { Machinery::Split($machine, _) };
    (@ receiver $machine:ident) => { Machinery::Split(_, $machine) };
}

impl Node {
    pub(crate) fn send(&mut self, now: Instant, kind: Kind, payload: &[u8], tx: &mut TxBuf) -> bool {
        on!(self, sender, m => m.send(now, kind, payload, tx)).is_ok()
    }

    pub(crate) fn send_chunk(&mut self, now: Instant, payload: &[u8], last: bool, tx: &mut TxBuf) -> bool {
        on!(self, sender, m => m.send_chunk(now, Kind::Binary, payload, last, tx)).is_ok()
    }

    pub(crate) fn close(&mut self, now: Instant, tx: &mut TxBuf) -> bool {
        on!(self, sender, m => m.close(now, CloseCode::NORMAL, "done", tx)).is_ok()
    }
}

impl Machine for Node {
    type Event<P> = Event<P>;
    type Error = Error;

    fn map_event<P, Q>(event: Event<P>, f: impl FnOnce(P) -> Q) -> Event<Q> {
        event.map(f)
    }

    fn recv(&mut self, now: Instant, buf: &mut [u8]) -> Result<Recv<Event<Span>>, Error> {
        self.recv_with(now, buf, &mut Scratch::new())
    }

    fn recv_with(
        &mut self,
        now: Instant,
        buf: &mut [u8],
        scratch: &mut Scratch,
    ) -> Result<Recv<Event<Span>>, Error> {
        self.answered = None;
        let recv = match &mut self.machinery {
            Machinery::Whole(machine) => Machine::recv_with(machine, now, buf, scratch)?,
            Machinery::Split(_, receiver) => receiver.recv_with(now, buf, scratch)?,
        };
        self.asked |= matches!(recv.event, Some(Event::Request(_)));
        Ok(recv)
    }

    fn recv_eof(&mut self, now: Instant) -> Result<(), Error> {
        on!(self, receiver, m => m.recv_eof(now))
    }

    fn poll_transmit(&mut self, now: Instant, tx: &mut TxBuf) {
        if self.asked && on!(self, sender, m => m.accept(now, &Accept::new(), tx)).is_ok() {
            (self.asked, self.answered) = (false, Some(now));
        }
        on!(self, sender, m => m.poll_transmit(now, tx));
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.answered.or(match &self.machinery {
            Machinery::Whole(machine) => machine.poll_timeout(),
            Machinery::Split(_, receiver) => receiver.poll_timeout(),
        })
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        self.answered = None;
        on!(self, receiver, m => m.handle_timeout(now))
    }

    fn is_finished(&self) -> bool {
        match &self.machinery {
            Machinery::Whole(machine) => machine.is_finished(),
            Machinery::Split(_, receiver) => receiver.is_finished(),
        }
    }
}

/// WebSocket with heartbeats and messages of up to 100,000 bytes.
pub(crate) struct Ws {
    config: Arc<Config>,
    shape: Shape,
}

const MAX_MESSAGE: usize = 100_000;

impl Ws {
    pub(crate) fn new(shape: Shape) -> Self {
        let heartbeat = HeartbeatConfig::default()
            .with_interval(Duration::from_millis(700))
            .with_probe_timeout(Duration::from_millis(500));
        let config = Config::default().with_heartbeat(Some(heartbeat)).with_max_message(MAX_MESSAGE);
        Self { config: config.with_delivery(Delivery::Messages).build().unwrap(), shape }
    }

    /// With every message compressed.
    #[cfg(feature = "deflate")]
    pub(crate) fn compressed(self, deflate: DeflateConfig) -> Self {
        let config = Config::clone(&self.config).with_deflate(Some(deflate.with_min_size(0)));
        Self { config: config.build().unwrap(), ..self }
    }
}

impl Protocol for Ws {
    type Machine = Node;

    fn is_authenticated(&self) -> bool {
        false
    }

    fn machine(&self, side: Side, seed: u64) -> Node {
        let seed = entropy(side, seed);
        let request = UpgradeRequest::new("example.org", "/").unwrap();
        let whole = match side {
            Side::A => WebSocket::client(&self.config, &request, &seed, Instant::ZERO),
            Side::B => WebSocket::server(&self.config, &seed, Instant::ZERO),
        };
        let machinery = match self.shape {
            Shape::Whole => Machinery::Whole(whole),
            Shape::Split => {
                let (sender, receiver) = whole.split();
                Machinery::Split(sender, receiver)
            }
        };
        Node { machinery, asked: false, answered: None }
    }

    fn rx_limit(&self) -> usize {
        self.config.rx_limit()
    }

    fn max_message(&self) -> usize {
        MAX_MESSAGE
    }

    fn send(node: &mut Node, now: Instant, message: &[u8], tx: &mut TxBuf) -> bool {
        node.send(now, Kind::Binary, message, tx)
    }

    fn close(node: &mut Node, now: Instant, tx: &mut TxBuf) {
        // Too early or too late for it is fine.
        let _ = node.close(now, tx);
    }

    /// A text, and a message in fragments with others' control frames between them.
    fn exercise(&self, pair: &mut Pair<Node, Node>) {
        assert!(pair.a(|node, now, tx| node.send(now, Kind::Text, "é€𝄞".as_bytes(), tx)));
        for n in 0..4 {
            let piece = bytes(3000, n);
            assert!(pair.b(|node, now, tx| node.send_chunk(now, &piece, n == 3, tx)));
            pair.drive_for(Duration::from_millis(400)).unwrap();
        }
    }

    fn message(event: &Event<Vec<u8>>) -> Option<&[u8]> {
        match event {
            Event::Message { payload, .. } => Some(payload),
            _ => None,
        }
    }

    fn is_end(event: &Event<Vec<u8>>) -> bool {
        matches!(event, Event::Closed { code, .. } if *code == CloseCode::NORMAL)
    }
}
