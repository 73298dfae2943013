//! Arbitrary values for a configuration.
//!
//! Either a configuration is refused, with words for it, or a session made with it opens with a peer made with the
//! same values, and a message gets through in each direction. With bit 7 of the first byte the initiator offers all
//! the protocols that the responder accepts, beginning with the one that that prefers least.

use crate::input::Input;
use crate::keys::{protocol, psk, public, secret};
use crate::subject::Subject;
use sealock_proto::heartbeat::HeartbeatConfig;
use sealock_proto::limit::Rate;
use sealock_proto::noise::{PayloadSecurity, Protocol, Role};
use sealock_proto::session::{Config, ConfigError, Event, Padding, Peers, RateLimit, RekeyPolicy};
use std::sync::Arc;
use std::time::Duration;

const PROTOCOLS: [&str; 17] = [
    "Noise_NN_25519_ChaChaPoly_BLAKE2s",
    "Noise_XX_25519_ChaChaPoly_BLAKE2s",
    "Noise_IK_25519_AESGCM_SHA256",
    "Noise_KK_25519_ChaChaPoly_SHA512",
    "Noise_IX_25519_AESGCM_BLAKE2b",
    "Noise_NK_25519_ChaChaPoly_BLAKE2s",
    "Noise_XN_25519_ChaChaPoly_BLAKE2s",
    "Noise_N_25519_ChaChaPoly_BLAKE2s",
    "Noise_NNpsk0_25519_ChaChaPoly_BLAKE2s",
    "Noise_XXpsk3_25519_AESGCM_BLAKE2s",
    "Noise_IKpsk0+psk2_25519_ChaChaPoly_BLAKE2s",
    "Noise_KNpsk0_25519_ChaChaPoly_BLAKE2s",
    "Noise_X1X1_25519_ChaChaPoly_BLAKE2s",
    "Noise_K1K1_25519_ChaChaPoly_BLAKE2s",
    "Noise_I1X1psk0+psk1+psk2+psk3_25519_ChaChaPoly_BLAKE2s",
    "Noise_KX1_25519_AESGCM_SHA512",
    "Noise_XX_25519_AESGCM_BLAKE2s",
];

/// Runs one input.
///
/// # Panics
/// If a rule is broken.
pub fn run(input: &[u8]) {
    let mut input = Input::new(input);
    let first = input.byte();
    let (count, together) = (first % 4, first & 0x80 != 0);
    let protocols: Vec<Protocol> = (0..count).map(|_| protocol(input.pick(&PROTOCOLS))).collect();
    let Some(mut chosen) = protocols.get(usize::from(input.byte()) % protocols.len().max(1)).copied() else {
        assert_eq!(Config::responder(&[]).build().err(), Some(ConfigError::NoProtocol));
        return;
    };
    let values = Values::read(&mut input);
    let initiator = if together {
        chosen = protocols[0];
        let offer: Vec<_> = protocols.iter().rev().copied().collect();
        values.build(Config::initiator_offering(&offer))
    } else {
        values.build(Config::initiator(chosen))
    };
    let responder = values.build(Config::responder(&protocols));
    for refused in [&initiator, &responder].into_iter().filter_map(|built| built.as_ref().err()) {
        assert!(!refused.to_string().is_empty());
    }
    let (Ok(initiator), Ok(responder)) = (initiator, responder) else { return };
    open(&values, chosen, &initiator, &responder);
}

struct Values {
    keys: [bool; 2],
    psks: u8,
    only_known: Option<bool>,
    prologue: Vec<u8>,
    payload: Option<(usize, PayloadSecurity)>,
    max_message: usize,
    heartbeat: Option<HeartbeatConfig>,
    rates: RateLimit,
    rekey: RekeyPolicy,
    timeouts: [Duration; 2],
    padding: Padding,
}

impl Values {
    fn read(input: &mut Input<'_>) -> Self {
        let keys = [input.flag(), input.flag()];
        let psks = input.byte() % 5;
        let only_known = input.pick(&[None, None, Some(true), Some(false)]);
        let len = usize::from(input.byte());
        let prologue = input.take(len).to_vec();
        let len = input.pick(&[0, 1, 100, 4095, 4096, 4097]);
        let least = PayloadSecurity::new(input.byte() % 4, input.byte() % 7);
        Self {
            keys,
            psks,
            only_known,
            prologue,
            payload: input.flag().then_some((len, least)),
            max_message: input.pick(&[1, 0, 2, 1024, 1 << 30, (1 << 30) + 1, usize::MAX, 16 << 20]),
            heartbeat: input.flag().then(|| {
                let idle = input.flag().then(|| duration(input));
                HeartbeatConfig::default()
                    .with_interval(duration(input))
                    .with_probe_timeout(duration(input))
                    .with_misses(u32::from(input.byte()))
                    .with_idle(idle)
            }),
            rates: rates(input),
            rekey: RekeyPolicy::default()
                .with_records(number(input))
                .with_bytes(number(input))
                .with_age(duration(input))
                .with_peer_records(number(input)),
            timeouts: [duration(input), duration(input)],
            padding: padding(input),
        }
    }

    fn build(&self, config: Config) -> Result<Arc<Config>, ConfigError> {
        let role = config.role();
        let mut config = config
            .with_prologue(&self.prologue)
            .with_max_message(self.max_message)
            .with_heartbeat(self.heartbeat)
            .with_rate_limit(self.rates)
            .with_rekey(self.rekey)
            .with_padding(self.padding)
            .with_handshake_timeout(self.timeouts[0])
            .with_close_timeout(self.timeouts[1]);
        if self.keys[0] {
            config = config.with_static_key(secret(role));
        }
        if self.keys[1] {
            config = config.with_remote_static(public(role.peer()));
        }
        for _ in 0..self.psks {
            config = config.with_psk(psk());
        }
        if let Some(known) = self.only_known {
            let keys = if known { vec![public(role), public(role.peer())] } else { vec![public(role)] };
            config = config.with_peers(Peers::Only(keys));
        }
        if let Some((len, at_least)) = self.payload {
            config = config.with_handshake_payload(&vec![9; len], at_least);
        }
        config.build()
    }
}

/// Mostly small, sometimes anything; 0 behind the end of the input would make every configuration wrong.
fn number(input: &mut Input<'_>) -> u64 {
    match input.byte() {
        0 => 1 << 20,
        255 => input.word(),
        254 => 0,
        small => u64::from(small),
    }
}

fn duration(input: &mut Input<'_>) -> Duration {
    match input.byte() {
        0 => Duration::from_secs(5),
        255 => Duration::MAX,
        254 => Duration::ZERO,
        253 => Duration::from_nanos(input.word()),
        millis => Duration::from_millis(u64::from(millis)),
    }
}

fn padding(input: &mut Input<'_>) -> Padding {
    let size = (input.byte(), input.byte());
    let size = u16::from_be_bytes([size.0, size.1]);
    input.pick(&[Padding::None, Padding::Padme, Padding::Block(size), Padding::Constant(size)])
}

fn rates(input: &mut Input<'_>) -> RateLimit {
    let mut limit = RateLimit::default();
    if let (true, Ok(rate)) = (input.flag(), Rate::new(number(input), number(input))) {
        limit = limit.with_messages(rate);
    }
    if let (true, Ok(rate)) = (input.flag(), Rate::new(number(input), number(input))) {
        limit = limit.with_bytes(rate);
    }
    if input.flag() { limit.closing() } else { limit }
}

fn open(values: &Values, chosen: Protocol, initiator: &Arc<Config>, responder: &Arc<Config>) {
    let mut ends = [Subject::new(initiator), Subject::new(responder)];
    if values.only_known == Some(false) {
        exchange(&mut ends);
        assert!(ends.iter().any(|end| end.error.is_some()), "a peer that is not listed");
        return;
    }
    exchange(&mut ends);
    for end in &mut ends {
        assert_eq!(end.protocol(), Some(chosen), "{:?}", end.error);
        end.send(&[7]);
    }
    exchange(&mut ends);
    for (end, peer) in ends.iter().zip([Role::Responder, Role::Initiator]) {
        let payloads =
            end.seen.iter().filter(|event| matches!(event, Event::HandshakePayload { .. })).count();
        let expected = values.payload.is_some_and(|(len, _)| len > 0);
        assert_eq!(payloads, usize::from(expected), "the payload of the {peer:?}");
        let rest: Vec<_> =
            end.seen.iter().filter(|event| !matches!(event, Event::HandshakePayload { .. })).collect();
        assert_eq!(rest, [&Event::Established, &Event::Message(vec![7])]);
        assert_eq!(end.error, None);
    }
}

/// Carries bytes to and fro until there are none.
fn exchange(ends: &mut [Subject; 2]) {
    loop {
        let [one, other] = ends;
        let (there, back) = (std::mem::take(&mut one.sent), std::mem::take(&mut other.sent));
        if there.is_empty() && back.is_empty() {
            return;
        }
        other.feed(&there);
        other.transmit(true);
        one.feed(&back);
        one.transmit(true);
    }
}
