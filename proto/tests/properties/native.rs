//! The native session as the properties see it, whole or in halves.

use crate::protocol::Protocol;
use crate::script::bytes;
use sealock_proto::buf::{Span, TxBuf};
use sealock_proto::entropy::{Jitter, Seed};
use sealock_proto::heartbeat::HeartbeatConfig;
#[cfg(feature = "identity")]
use sealock_proto::identity::{Ed25519Signer, Ed25519Verifier, Signer};
use sealock_proto::machine::{Machine, Recv, RecvHalf, SendHalf};
use sealock_proto::noise::SecretKey;
use sealock_proto::session::{
    CloseCode, Config, Error, Event, Outgoing, Padding, Peers, Receiver, RekeyPolicy, SendError, Sender,
    Session, Traffic,
};
use sealock_proto::sim::{Pair, Side};
use sealock_proto::time::Instant;
use std::sync::Arc;
use std::time::Duration;

/// A session that can be split while it runs.
// One of each a test: boxing would only hide the calls.
#[allow(clippy::large_enum_variant)]
pub(crate) enum Node {
    Whole(Session),
    Split(Sender, Receiver),
    /// While it is being split.
    Gone,
}

/// A call on the session or on its sending half.
macro_rules! sending {
    ($node:expr, $machine:ident => $call:expr) => {
        match $node {
            Node::Whole($machine) => $call,
            Node::Split($machine, _) => $call,
            Node::Gone => unreachable!("a node is gone only inside split()"),
        }
    };
}

/// A call on the session or on its receiving half.
macro_rules! receiving {
    ($node:expr, $machine:ident => $call:expr) => {
        match $node {
            Node::Whole($machine) => $call,
            Node::Split(_, $machine) => $call,
            Node::Gone => unreachable!("a node is gone only inside split()"),
        }
    };
}

impl Node {
    /// Whether it was whole.
    pub(crate) fn split(&mut self) -> bool {
        let whole = matches!(self, Self::Whole(_));
        *self = match std::mem::replace(self, Self::Gone) {
            Self::Whole(session) => {
                let (sender, receiver) = session.split();
                Self::Split(sender, receiver)
            }
            split => split,
        };
        whole
    }

    pub(crate) fn send(&mut self, now: Instant, message: &[u8], tx: &mut TxBuf) -> Result<(), SendError> {
        sending!(self, m => m.send(now, message, tx))
    }

    pub(crate) fn send_some(
        &mut self,
        now: Instant,
        message: &mut Outgoing<'_>,
        tx: &mut TxBuf,
    ) -> Result<(), SendError> {
        sending!(self, m => m.send_some(now, message, tx))
    }

    pub(crate) fn close(
        &mut self,
        now: Instant,
        code: CloseCode,
        reason: &str,
        tx: &mut TxBuf,
    ) -> Result<(), SendError> {
        sending!(self, m => m.close(now, code, reason, tx))
    }

    /// What this end has sent.
    pub(crate) fn sent(&self) -> Traffic {
        match self {
            Self::Whole(session) => session.stats().sent,
            Self::Split(sender, _) => sender.stats(),
            Self::Gone => Traffic::default(),
        }
    }

    pub(crate) fn drain(&mut self, now: Instant, deadline: Instant) -> Result<(), SendError> {
        sending!(self, m => m.drain(now, deadline))
    }
}

impl Machine for Node {
    type Event<P> = Event<P>;
    type Error = Error;

    fn map_event<P, Q>(event: Event<P>, f: impl FnOnce(P) -> Q) -> Event<Q> {
        event.map(f)
    }

    fn recv(&mut self, now: Instant, buf: &mut [u8]) -> Result<Recv<Event<Span>>, Error> {
        match self {
            Self::Whole(session) => Machine::recv(session, now, buf),
            Self::Split(_, receiver) => receiver.recv(now, buf),
            Self::Gone => unreachable!("a node is gone only inside split()"),
        }
    }

    fn recv_eof(&mut self, now: Instant) -> Result<(), Error> {
        receiving!(self, m => m.recv_eof(now))
    }

    fn poll_transmit(&mut self, now: Instant, tx: &mut TxBuf) {
        sending!(self, m => m.poll_transmit(now, tx));
    }

    fn poll_timeout(&self) -> Option<Instant> {
        receiving!(self, m => m.poll_timeout())
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        receiving!(self, m => m.handle_timeout(now))
    }

    fn is_finished(&self) -> bool {
        receiving!(self, m => m.is_finished())
    }
}

/// Whether a session is split into its halves before it begins.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Whole,
    Split,
}

/// The native session, with heartbeats and messages of up to 100,000 bytes.
pub(crate) struct Native {
    a: Arc<Config>,
    b: Arc<Config>,
    shape: Shape,
    offer: Vec<&'static str>,
}

const MAX_MESSAGE: usize = 100_000;

impl Native {
    pub(crate) fn new(protocol: &'static str, shape: Shape) -> Self {
        let (a, b) = configs(&[protocol]);
        Self { a: a.build().unwrap(), b: b.build().unwrap(), shape, offer: vec![protocol] }
    }

    /// Offers `first` before the protocol, which the responder prefers: the handshake begins anew.
    pub(crate) fn offered_behind(mut self, first: &'static str) -> Self {
        self.offer.insert(0, first);
        let (a, b) = configs(&self.offer);
        Self { a: a.build().unwrap(), b: b.build().unwrap(), ..self }
    }

    /// The initiator knows a key of the past: the responder falls back.
    pub(crate) fn falling_back(self) -> Self {
        let (a, b) = configs(&self.offer);
        let a = a.with_remote_static(SecretKey::new(&mut [9; 32]).public()).with_fallback();
        Self { a: a.build().unwrap(), b: b.with_fallback().build().unwrap(), ..self }
    }

    /// Both ends prove who they are before the session is established.
    #[cfg(feature = "identity")]
    pub(crate) fn proving(self) -> Self {
        let signers = [5, 6].map(|n| Arc::new(Ed25519Signer::new(&mut [n; 32])));
        let [a_accepts, b_accepts] =
            [1, 0].map(|n: usize| Arc::new(Ed25519Verifier::only(&[signers[n].public_key()])));
        let [a_signs, b_signs] = signers;
        let (a, b) = configs(&self.offer);
        let a = a.with_identity(a_signs).with_identity_verifier(a_accepts).require_identity();
        let b = b.with_identity(b_signs).with_identity_verifier(b_accepts).require_identity();
        Self { a: a.build().unwrap(), b: b.build().unwrap(), ..self }
    }

    /// Pads every record.
    pub(crate) fn padded(self, padding: Padding) -> Self {
        let (a, b) = configs(&self.offer);
        let (a, b) = (a.with_padding(padding).build().unwrap(), b.with_padding(padding).build().unwrap());
        Self { a, b, ..self }
    }

    /// Changes keys after so many records, and every second.
    pub(crate) fn rekeying(self, records: u64) -> Self {
        let policy = RekeyPolicy::default().with_records(records).with_age(Duration::from_secs(1));
        let (a, b) = configs(&self.offer);
        let (a, b) = (a.with_rekey(policy).build().unwrap(), b.with_rekey(policy).build().unwrap());
        Self { a, b, ..self }
    }
}

/// Configurations of both ends, with keys wherever a pattern wants them. The responder prefers what is offered last.
pub(crate) fn configs(offer: &[&str]) -> (Config, Config) {
    let mut protocols: Vec<_> = offer.iter().map(|name| name.parse().unwrap()).collect();
    let heartbeat = HeartbeatConfig::default()
        .with_interval(Duration::from_millis(700))
        .with_probe_timeout(Duration::from_millis(500));
    let key = |n| SecretKey::new(&mut [n; 32]);
    let finish = |config: Config| config.with_heartbeat(Some(heartbeat)).with_max_message(MAX_MESSAGE);
    let a = Config::initiator_offering(&protocols)
        .with_peers(Peers::Any)
        .with_static_key(key(1))
        .with_remote_static(key(2).public());
    protocols.reverse();
    let b = Config::responder(&protocols).with_static_key(key(2)).with_remote_static(key(1).public());
    (finish(a), finish(b))
}

/// 32 bytes that follow from `seed` and the end.
pub(crate) fn entropy(side: Side, seed: u64) -> Seed {
    let mut random = Jitter::new(seed ^ u64::from(side == Side::B) << 63);
    let mut bytes = [0; 32];
    bytes.iter_mut().for_each(|byte| *byte = random.next_u64() as u8);
    Seed::new(&mut bytes)
}

impl Protocol for Native {
    type Machine = Node;

    fn machine(&self, side: Side, seed: u64) -> Node {
        let config = if side == Side::A { &self.a } else { &self.b };
        let mut node = Node::Whole(Session::new(config, entropy(side, seed), Instant::ZERO).unwrap());
        if self.shape == Shape::Split {
            node.split();
        }
        node
    }

    fn rx_limit(&self) -> usize {
        self.a.rx_limit()
    }

    fn min_tx_limit(&self) -> usize {
        self.a.min_tx_limit()
    }

    fn max_message(&self) -> usize {
        MAX_MESSAGE
    }

    fn send(node: &mut Node, now: Instant, message: &[u8], tx: &mut TxBuf) -> bool {
        node.send(now, message, tx).is_ok()
    }

    fn close(node: &mut Node, now: Instant, tx: &mut TxBuf) {
        // Too early or too late for it is fine.
        let _ = node.close(now, CloseCode::NORMAL, "done", tx);
    }

    /// A message in pieces, one that is given up for another, and a drain.
    fn exercise(&self, pair: &mut Pair<Node, Node>) {
        let (long, other) = (bytes(20_000, 1), bytes(20, 2));
        let parts = [&long[..]];
        let mut outgoing = Outgoing::new(&parts);
        let mut writes = 0;
        while pair.a(|node, now, tx| node.send_some(now, &mut outgoing, tx)) == Err(SendError::Full) {
            pair.drive().unwrap();
            writes += 1;
        }
        assert!(writes > 1 && outgoing.sent() == long.len());
        let given_up = pair.b(|node, now, tx| node.send_some(now, &mut Outgoing::new(&parts), tx));
        assert_eq!(given_up, Err(SendError::Full));
        pair.drive().unwrap();
        assert_eq!(pair.b(|node, now, tx| node.send(now, &other, tx)), Ok(()));
        let patience = Duration::from_secs(60);
        assert_eq!(pair.b(|node, now, _| node.drain(now, now + patience)), Ok(()));
    }

    fn message(event: &Event<Vec<u8>>) -> Option<&[u8]> {
        match event {
            Event::Message(message) => Some(message),
            _ => None,
        }
    }

    fn is_end(event: &Event<Vec<u8>>) -> bool {
        matches!(event, Event::Closed { code, .. } if *code == CloseCode::NORMAL)
    }
}
