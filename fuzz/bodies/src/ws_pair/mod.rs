//! Two honest WebSocket ends, an honest network and owners that do everything in every order, on virtual time.
//!
//! Bytes 0 to 7 of an input choose the configurations, buffers and links. Then come operations: a byte that says what
//! and, with bit 7, at which end, and two bytes of size where one is needed.
//!
//! What arrives is what was accepted, in order; with the peer's close all of it has arrived, and the close is the one the
//! peer sent. What is refused is refused for its reason and leaves nothing behind. If nobody stops the clock or breaks
//! the stream, both ends come to their end without an error. The harness checks the contract of machines besides.

mod node;

use crate::input::Input;
use crate::ws_end::seed;
use node::{Node, Owner};
use sealock_proto::buf::TxBuf;
use sealock_proto::heartbeat::HeartbeatConfig;
use sealock_proto::sim::{End, Link, Pair};
use sealock_proto::time::Instant;
use sealock_proto::ws::{
    CloseCode, Config, Delivery, Error, Kind, MIN_TX_LIMIT, SendError, UpgradeRequest, WebSocket,
};
use std::sync::Arc;
use std::time::Duration;

const MAX_MESSAGE: usize = 100_000;
const MS: Duration = Duration::from_millis(1);

/// Operations in one input: enough for anything, and no input takes long.
const MAX_OPERATIONS: usize = 200;

/// How often what was tried had an effect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Whole messages accepted.
    pub messages: u64,
    /// Chunks accepted.
    pub chunks: u64,
    /// Messages and chunks refused.
    pub refused: u64,
    /// Closes accepted before the last.
    pub closes: u64,
    /// Times the network or an owner stood still.
    pub stalls: u64,
    /// Broken streams.
    pub breaks: u64,
    /// Connections that ended without an error at either end.
    pub clean: u64,
}

/// Runs one input.
///
/// # Panics
/// If a rule is broken.
pub fn run(input: &[u8]) {
    let _ = tally(input);
}

/// Runs one input, and says what it came to.
///
/// # Panics
/// If a rule is broken.
#[must_use]
pub fn tally(input: &[u8]) -> Tally {
    let mut input = Input::new(input);
    let mut run = Run::new(&mut input);
    for _ in 0..MAX_OPERATIONS {
        if input.is_empty() {
            break;
        }
        run.operation(&mut input);
        run.compare();
    }
    run.finish();
    run.tally
}

struct Run {
    pair: Pair<Node, Node>,
    owners: [Owner; 2],
    /// Something was done that may cost the connection its life.
    late: bool,
    tally: Tally,
}

impl Run {
    fn new(input: &mut Input<'_>) -> Self {
        let choices = input.byte();
        let config = |bit: u8| {
            let delivery = if choices & bit == 0 { Delivery::Messages } else { Delivery::Chunks };
            let heartbeat = HeartbeatConfig::default().with_interval(2000 * MS).with_probe_timeout(4000 * MS);
            let config = Config::default().with_delivery(delivery).with_max_message(MAX_MESSAGE);
            config.with_heartbeat((choices & bit << 2 == 0).then_some(heartbeat)).build().expect("in range")
        };
        let (a, b): (Arc<Config>, Arc<Config>) = (config(1), config(2));
        let request = UpgradeRequest::new("example.org", "/").expect("a request");
        let pair = Pair::new(
            Node::new(WebSocket::client(&a, &request, &seed(), Instant::ZERO)),
            Node::new(WebSocket::server(&b, &seed(), Instant::ZERO)),
        );
        let limits = [MIN_TX_LIMIT, 4 * MIN_TX_LIMIT, 70_000, 300_000];
        let pair = pair
            .with_rx_limits(a.rx_limit(), b.rx_limit())
            .with_tx_limits(input.pick(&limits), input.pick(&limits))
            .with_links(link(0, input), link(1, input));
        Self { pair, owners: Default::default(), late: false, tally: Tally::default() }
    }

    fn operation(&mut self, input: &mut Input<'_>) {
        let operation = input.byte();
        let at = usize::from(operation >> 7);
        let kind = if operation & 0x40 == 0 { Kind::Text } else { Kind::Binary };
        match operation % 16 {
            0 | 1 => self.send(at, kind, input.size() % 3000, None),
            2 => self.send(at, kind, input.size() * 2, None),
            3 | 4 => {
                let size = input.size();
                self.send(at, kind, size % 5000, Some(size > 1 << 15));
            }
            5 | 6 => self.pass(MS * (input.size() % 500) as u32),
            7 => self.pass(Duration::ZERO),
            8 => {
                // The network.
                self.stands_still();
                let until = self.pair.now() + MS * input.size() as u32;
                let link = if at == 0 { &mut self.pair.a_to_b } else { &mut self.pair.b_to_a };
                link.stall(link_now(until, input.byte()), until);
            }
            9 => {
                self.stands_still();
                self.end(at).reads(false);
            }
            10 => self.end(at).reads(true),
            11 => {
                self.stands_still();
                self.end(at).transmits(false);
            }
            12 => self.end(at).transmits(true),
            13 => {
                let code = input.pick(&[CloseCode::NORMAL, CloseCode::NO_STATUS, CloseCode::POLICY]);
                let reason = if code == CloseCode::NO_STATUS { "" } else { "enough" };
                self.tally.closes += u64::from(self.close(at, code, reason).is_ok());
            }
            14 => match input.byte() {
                0..100 => self.send_bytes(at, Kind::Text, b"\xff", None),
                100..230 => self.pass(MS * input.size() as u32),
                choice => {
                    self.late = true;
                    self.tally.breaks += u64::from(!self.pair.is_closed());
                    match choice % 3 {
                        0 => self.pair.reset(),
                        1 => self.pair.a_to_b.close(self.pair.now()),
                        _ => self.pair.b_to_a.close(self.pair.now()),
                    }
                }
            },
            _ => {
                self.end(at).reads(true);
                self.end(at).transmits(true);
                self.pass(50 * MS);
            }
        }
    }

    fn stands_still(&mut self) {
        self.late = true;
        self.tally.stalls += 1;
    }

    const fn end(&mut self, at: usize) -> &mut End<Node> {
        if at == 0 { &mut self.pair.a } else { &mut self.pair.b }
    }

    fn pass(&mut self, time: Duration) {
        if let Err(error) = self.pair.drive_for(time) {
            panic!("{}", self.pair.explain(error));
        }
    }

    fn send(&mut self, at: usize, kind: Kind, len: usize, last: Option<bool>) {
        let mut bytes = match last {
            Some(_) => self.owners[at].next_bytes(kind, len),
            None => Owner::default().next_bytes(kind, len),
        };
        if last.is_none() && kind == Kind::Text {
            // A whole text ends with a whole character.
            bytes.truncate(len - len % 10);
        }
        self.send_bytes(at, kind, &bytes, last);
    }

    fn send_bytes(&mut self, at: usize, kind: Kind, bytes: &[u8], last: Option<bool>) {
        let sent =
            self.act(at, |owner, node, now, tx| owner.send(node, now, (kind, bytes, last), MAX_MESSAGE, tx));
        match (sent, last) {
            (true, None) => self.tally.messages += 1,
            (true, Some(_)) => self.tally.chunks += 1,
            (false, _) => self.tally.refused += 1,
        }
    }

    fn close(&mut self, at: usize, code: CloseCode, reason: &'static str) -> Result<(), SendError> {
        self.act(at, |owner, node, now, tx| owner.close(node, now, code, reason, tx))
    }

    /// Calls a machine as its owner would, who has taken everything that came.
    fn act<R>(&mut self, at: usize, f: impl FnOnce(&mut Owner, &mut Node, Instant, &mut TxBuf) -> R) -> R {
        self.compare();
        let owner = &mut self.owners[at];
        match at {
            0 => self.pair.a(|node, now, tx| f(owner, node, now, tx)),
            _ => self.pair.b(|node, now, tx| f(owner, node, now, tx)),
        }
    }

    /// Compares what arrived with what was accepted, and errors with what was done.
    fn compare(&mut self) {
        let [a, b] = &mut self.owners;
        self.pair.a.take_events().into_iter().for_each(|seen| a.event(seen.event, b));
        self.pair.b.take_events().into_iter().for_each(|seen| b.event(seen.event, a));
        a.check_close(b);
        b.check_close(a);
        for error in [self.pair.a.error(), self.pair.b.error()].into_iter().flatten() {
            let possible = matches!(
                error,
                Error::Truncated | Error::Dead(_) | Error::CloseTimeout | Error::HandshakeTimeout
            );
            assert!(possible && self.late, "{error:?} although nobody did anything wrong");
        }
    }

    /// Owners that read and transmit again, one that closes, and time: then both have ended.
    fn finish(&mut self) {
        for at in [0, 1] {
            self.end(at).reads(true);
            self.end(at).transmits(true);
        }
        for _ in 0..200 {
            if !matches!(self.close(0, CloseCode::NORMAL, "done"), Err(SendError::Full | SendError::NotOpen))
            {
                break;
            }
            self.pass(100 * MS);
        }
        self.pass(Duration::from_secs(300));
        self.compare();
        let Self { pair, owners, .. } = self;
        assert!(pair.is_closed(), "{}", pair.explain("did not come to an end"));
        let errors = [pair.a.error(), pair.b.error()];
        for (owner, error) in owners.iter().zip(errors) {
            assert!(
                error.is_some() || owner.peer_closed.is_some(),
                "ended without a close and without an error"
            );
        }
        self.tally.clean += u64::from(errors == [None, None]);
    }
}

/// When a stall that ends at `until` begins.
fn link_now(until: Instant, earlier: u8) -> Instant {
    let before = MS * (u32::from(earlier) * 20);
    Instant::ZERO + until.saturating_since(Instant::ZERO + before)
}

fn link(seed: u64, input: &mut Input<'_>) -> Link {
    let (shape, time) = (input.byte(), u32::from(input.byte()));
    let link = Link::new(seed)
        .with_latency(MS * (time % 50))
        .with_jitter(MS * (time / 16))
        .with_chunks([0, 1, 7, 100, 1460, 9000][usize::from(shape) % 6])
        .with_capacity(2048 << (shape >> 5));
    if shape & 8 == 0 { link } else { link.with_rate(500_000) }
}
