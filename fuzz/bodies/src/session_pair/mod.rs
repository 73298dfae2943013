//! Two honest sessions, an honest network and owners that do everything in every order, on virtual time.
//!
//! Byte 0 of an input chooses the configurations (one of `VARIANTS`), byte 1 the limit of the transmit buffers. Then
//! come operations: a byte that says what and, with bit 7, at which end, and two bytes of size where one is needed.
//!
//! Whatever the owners do, a session never finds a fault with bytes that nobody changed. What arrives is what was
//! accepted, in order; with the peer's CLOSE all of it has arrived. Deadlines can be acted on, and buffers keep their
//! limits. If nobody cuts the stream or stops the clock, closing ends both sessions without an error.

mod end;

use crate::input::Input;
use crate::keys::{protocol, public, secret};
use end::End;
use sealock_proto::heartbeat::{Dead, HeartbeatConfig};
use sealock_proto::limit::Rate;
use sealock_proto::noise::Role;
use sealock_proto::session::{Config, Error, MIN_TX_LIMIT, Padding, Peers, RateLimit, RekeyPolicy};
use sealock_proto::time::Instant;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// The largest message, and so the largest that is tried, is this or one byte more.
const MAX_MESSAGE: usize = 150_000;

const LIMITS: [usize; 4] = [MIN_TX_LIMIT, 2 * MIN_TX_LIMIT, 70_000, 300_000];

struct Variant {
    protocol: &'static str,
    /// Offered before it, so that the handshake begins anew: the responder prefers the protocol.
    before: Option<&'static str>,
    /// Records, bytes, and age in milliseconds after which keys change.
    rekey: Option<(u64, u64, u64)>,
    /// Messages and bytes a second, and whether more close the session.
    rates: Option<(u64, u64, bool)>,
    /// Milliseconds between pings and without messages.
    heartbeat: Option<(u64, u64)>,
    padding: Padding,
}

const BASE: Variant = Variant {
    protocol: "Noise_NN_25519_ChaChaPoly_BLAKE2s",
    before: None,
    rekey: None,
    rates: None,
    heartbeat: Some((15_000, 3_600_000)),
    padding: Padding::None,
};

const VARIANTS: [Variant; 12] = [
    BASE,
    Variant { protocol: "Noise_XX_25519_ChaChaPoly_BLAKE2s", heartbeat: None, ..BASE },
    Variant { protocol: "Noise_IK_25519_AESGCM_SHA256", rekey: Some((1, 1 << 30, 10_000)), ..BASE },
    Variant { rekey: Some((3, 2000, 500)), heartbeat: Some((100, 5000)), ..BASE },
    Variant { rates: Some((50, 200_000, false)), ..BASE },
    Variant { rates: Some((50, 200_000, true)), ..BASE },
    Variant { rekey: Some((1000, 1, 3_600_000)), heartbeat: Some((1, 60_000)), ..BASE },
    Variant { protocol: "Noise_X1X1_25519_ChaChaPoly_BLAKE2s", rekey: Some((2, 1 << 20, 1)), ..BASE },
    Variant { before: Some("Noise_NN_25519_AESGCM_BLAKE2s"), ..BASE },
    Variant { padding: Padding::Padme, ..BASE },
    Variant { padding: Padding::Block(1000), rekey: Some((3, 2000, 500)), ..BASE },
    Variant { padding: Padding::Constant(512), rekey: Some((7, 1 << 20, 500)), ..BASE },
];

impl Variant {
    fn config(&self, role: Role) -> Arc<Config> {
        let offer: Vec<_> = self.before.into_iter().chain([self.protocol]).map(protocol).collect();
        let mut config = match role {
            Role::Initiator => Config::initiator_offering(&offer).with_peers(Peers::Any),
            Role::Responder => Config::responder(&offer.into_iter().rev().collect::<Vec<_>>()),
        };
        config = config
            .with_static_key(secret(role))
            .with_remote_static(public(role.peer()))
            .with_max_message(MAX_MESSAGE)
            .with_padding(self.padding)
            .with_heartbeat(self.heartbeat.map(|(interval, idle)| {
                HeartbeatConfig::default()
                    .with_interval(Duration::from_millis(interval))
                    .with_idle(Some(Duration::from_millis(idle)))
            }));
        if let Some((records, bytes, age)) = self.rekey {
            // An honest peer never needs more under one key than it says.
            let policy = RekeyPolicy::default().with_records(records).with_peer_records(records);
            config = config.with_rekey(policy.with_bytes(bytes).with_age(Duration::from_millis(age)));
        }
        if let Some((messages, bytes, close)) = self.rates {
            let rate = |per_second| Rate::new(per_second, per_second / 10).expect("not zero");
            let limit = RateLimit::default().with_messages(rate(messages)).with_bytes(rate(bytes));
            config = config.with_rate_limit(if close { limit.closing() } else { limit });
        }
        config.build().expect("a variant of the table above")
    }
}

fn configs() -> &'static [[Arc<Config>; 2]] {
    static CONFIGS: OnceLock<Vec<[Arc<Config>; 2]>> = OnceLock::new();
    let both = |variant: &Variant| [Role::Initiator, Role::Responder].map(|role| variant.config(role));
    CONFIGS.get_or_init(|| VARIANTS.iter().map(both).collect())
}

/// Operations in one input: enough for anything, and no input takes long.
const MAX_OPERATIONS: usize = 200;

/// Runs one input.
///
/// # Panics
/// If a rule is broken.
pub fn run(input: &[u8]) {
    let mut input = Input::new(input);
    let number = usize::from(input.byte()) % VARIANTS.len();
    let limit = input.pick(&LIMITS);
    let mut seed = 0;
    let mut pair = Pair {
        ends: configs()[number].each_ref().map(|config| {
            seed += 1;
            End::new(config, seed, limit.max(config.min_tx_limit()))
        }),
        now: Instant::ZERO,
        late: false,
    };
    for _ in 0..MAX_OPERATIONS {
        if input.is_empty() {
            break;
        }
        pair.operation(&mut input);
        pair.check(&VARIANTS[number]);
    }
    pair.finish(&VARIANTS[number]);
}

struct Pair {
    ends: [End; 2],
    now: Instant,
    /// Time has passed in which the owners or the network did not do their part.
    late: bool,
}

impl Pair {
    fn operation(&mut self, input: &mut Input<'_>) {
        let operation = input.byte();
        let (at, now) = (usize::from(operation >> 7), self.now);
        let end = &mut self.ends[at];
        match operation % 16 {
            0 | 1 => end.send(now, input.size() % 3000),
            2 | 3 => end.begin(now, (input.size() * 3 + 1) % (MAX_MESSAGE + 2)),
            4 => end.go_on(now),
            5 => end.transmit(now),
            6 | 7 => self.carry(at, input.size()),
            8 => {
                end.transmit(now);
                self.carry(at, usize::MAX);
            }
            9 => self.settle(),
            10 => {
                self.late = true;
                let until = now + Duration::from_millis(input.size() as u64);
                self.pass(until);
            }
            11 => {
                // The owner comes too late for its deadlines.
                self.late = true;
                self.now += Duration::from_millis(input.size() as u64);
                let now = self.now;
                self.ends.iter_mut().for_each(|end| end.tick(now));
            }
            12 => end.tick(now),
            13 => {
                self.late = true;
                end.drain(now, now + Duration::from_millis(input.size() as u64));
            }
            14 => end.close(now, input.byte()),
            _ => match input.byte() {
                0..64 => {
                    // The network loses what is on its way, and says so.
                    for end in &mut self.ends {
                        end.wire.clear();
                        end.cut = true;
                    }
                    let now = self.now;
                    self.ends.iter_mut().for_each(|end| end.arrive(now, 0));
                }
                64..128 => self.ends[1 - at].cut = true,
                // A steady exchange, with time.
                _ => {
                    self.settle();
                    let until = self.now + Duration::from_millis(input.size() as u64);
                    self.live(until);
                }
            },
        }
    }

    /// Up to `len` bytes go from the end `from` to the other, which reads them.
    fn carry(&mut self, from: usize, len: usize) {
        let now = self.now;
        let [first, second] = &mut self.ends;
        let (from, to) = if from == 0 { (first, second) } else { (second, first) };
        from.write_to(to);
        to.arrive(now, len);
    }

    /// Everything that can happen without time happens.
    fn settle(&mut self) {
        for _ in 0..10_000 {
            let before = self.progress();
            for at in [0, 1] {
                self.ends[at].go_on(self.now);
                self.ends[at].transmit(self.now);
                self.carry(at, usize::MAX);
                self.ends[1 - at].transmit(self.now);
            }
            if self.progress() == before {
                return;
            }
        }
        panic!("two sessions that never come to rest");
    }

    fn progress(&self) -> [(u64, usize, usize, bool); 2] {
        self.ends.each_ref().map(End::progress)
    }

    /// The deadlines at `next` are handled.
    fn step(&mut self, next: Instant) {
        self.now = next;
        self.ends.iter_mut().filter(|end| end.timeout() == Some(next)).for_each(|end| end.tick(next));
    }

    /// Time passes and only deadlines are handled, each at its instant.
    fn pass(&mut self, until: Instant) {
        while let Some(next) = self.next(until) {
            self.step(next);
        }
        self.now = until;
    }

    /// Time passes and everybody does their part.
    fn live(&mut self, until: Instant) {
        for _ in 0..50 {
            let Some(next) = self.next(until) else {
                self.now = until;
                return;
            };
            self.step(next);
            self.settle();
        }
        // Very many short intervals: enough of them.
    }

    fn next(&self, until: Instant) -> Option<Instant> {
        let next = self.ends.iter().filter_map(End::timeout).min().filter(|next| *next <= until)?;
        assert!(next >= self.now, "a deadline in the past");
        Some(next)
    }

    fn check(&mut self, variant: &Variant) {
        let [first, second] = &mut self.ends;
        first.compare(second);
        second.compare(first);
        let [first, second] = &self.ends;
        // Who is left alone may give up waiting.
        let late = self.late || first.cut || second.cut || variant.rates.is_some();
        for (end, peer) in [(first, second), (second, first)] {
            let Some(error) = end.error else { continue };
            let possible = match error {
                Error::Truncated | Error::Unanswered => end.cut,
                Error::HandshakeTimeout | Error::Refused(_) | Error::CloseTimeout | Error::Dead(_) => late,
                Error::RateLimited => variant.rates.is_some_and(|(_, _, close)| close),
                _ => false,
            };
            let idle = matches!(error, Error::Dead(Dead::Idle { .. })) && variant.heartbeat.is_some();
            assert!(possible || idle || peer.error.is_some(), "{error:?} although nobody did anything wrong");
        }
    }

    /// Closes what is still open; then both end.
    fn finish(mut self, variant: &Variant) {
        self.settle();
        self.check(variant);
        let healthy = self.ends.iter().all(|end| end.error.is_none() && !end.cut) && variant.rates.is_none();
        self.ends[0].close(self.now, 0);
        self.settle();
        self.check(variant);
        if healthy {
            for end in &self.ends {
                assert!(end.is_finished() && end.error.is_none(), "not a clean end: {:?}", end.error);
                assert!(end.peer_closed);
            }
            return;
        }
        // Nobody waits for ever: neither for a handshake, nor for a drain, nor for the answer to a close.
        let until = self.now + Duration::from_secs(120);
        for _ in 0..3000 {
            let Some(next) = self.next(until) else { break };
            self.step(next);
            self.ends[0].close(self.now, 0);
            self.settle();
        }
        self.check(variant);
        let done = |end: &End| end.is_finished() || end.error.is_some();
        assert!(self.next(until).is_some() || done(&self.ends[0]), "waiting for ever");
    }
}
