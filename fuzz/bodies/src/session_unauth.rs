//! Arbitrary bytes at a session that has not authenticated its peer.
//!
//! An input is a header of [`HEADER`] bytes and then what the peer sends. Header byte 0 chooses the end and its
//! configuration (one of `VARIANTS`), byte 1 how the owner behaves (bit 0: it writes only at the end; bits 2 to
//! 7: seconds between two reads), the rest the sizes of the reads in turn, 0 meaning all there is. Anybody can make the
//! mac1 of a first flight, so it is put in where it belongs, unless bit 1 of byte 1 says not to.
//!
//! Whatever the bytes are, no message, drain or close may come out of the session, an initiator is never
//! established, and the rules that `Subject` checks hold.

use crate::keys::{protocol, psk, public, secret};
use crate::peer::with_mac1_inside;
use crate::subject::Subject;
use sealock_proto::noise::{Protocol, Role};
use sealock_proto::session::{Config, Event, Peers};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Bytes of an input before the peer's.
pub const HEADER: usize = 8;

const MAX_MESSAGE: usize = 1024;

pub(crate) struct Variant {
    role: Role,
    pub(crate) protocols: &'static [&'static str],
    pub(crate) psk: bool,
    only_known_peers: bool,
    payload: bool,
    /// The responder asks about each initiator, and has it prove its address.
    pub(crate) asks: bool,
}

const BASE: Variant = Variant {
    role: Role::Responder,
    protocols: &[],
    psk: false,
    only_known_peers: false,
    payload: false,
    asks: false,
};

/// Offered by one configuration; another accepts both and prefers the second.
pub(crate) const OFFER: [&str; 2] = ["Noise_IK_25519_AESGCM_BLAKE2s", "Noise_IK_25519_ChaChaPoly_BLAKE2s"];

/// The configurations under test.
pub(crate) const VARIANTS: [Variant; 12] = [
    Variant {
        protocols: &[
            "Noise_NN_25519_ChaChaPoly_BLAKE2s",
            "Noise_XX_25519_ChaChaPoly_BLAKE2s",
            "Noise_IK_25519_ChaChaPoly_BLAKE2s",
            "Noise_KK_25519_ChaChaPoly_SHA512",
            "Noise_IX_25519_AESGCM_SHA256",
            "Noise_NK_25519_AESGCM_BLAKE2b",
        ],
        ..BASE
    },
    Variant {
        protocols: &["Noise_NNpsk0_25519_ChaChaPoly_BLAKE2s", "Noise_XXpsk3_25519_ChaChaPoly_BLAKE2s"],
        psk: true,
        ..BASE
    },
    Variant {
        protocols: &["Noise_XX_25519_ChaChaPoly_BLAKE2s", "Noise_IK_25519_ChaChaPoly_BLAKE2s"],
        only_known_peers: true,
        ..BASE
    },
    Variant {
        role: Role::Initiator,
        protocols: &["Noise_NN_25519_ChaChaPoly_BLAKE2s"],
        payload: true,
        ..BASE
    },
    Variant { role: Role::Initiator, protocols: &["Noise_XX_25519_ChaChaPoly_BLAKE2s"], ..BASE },
    Variant {
        role: Role::Initiator,
        protocols: &["Noise_IK_25519_ChaChaPoly_BLAKE2s"],
        payload: true,
        ..BASE
    },
    Variant {
        role: Role::Initiator,
        protocols: &["Noise_NNpsk0_25519_ChaChaPoly_BLAKE2s"],
        psk: true,
        ..BASE
    },
    Variant { role: Role::Initiator, protocols: &["Noise_IX_25519_AESGCM_SHA256"], ..BASE },
    Variant { role: Role::Initiator, protocols: &OFFER, payload: true, ..BASE },
    Variant { protocols: &[OFFER[1], OFFER[0]], payload: true, ..BASE },
    Variant {
        protocols: &["Noise_IK_25519_ChaChaPoly_BLAKE2s", "Noise_XX_25519_ChaChaPoly_BLAKE2s"],
        asks: true,
        ..BASE
    },
    Variant { protocols: &[OFFER[1], "Noise_KK_25519_ChaChaPoly_BLAKE2s"], asks: true, ..BASE },
];

impl Variant {
    pub(crate) fn is_initiator(&self) -> bool {
        self.role == Role::Initiator
    }

    /// The session under test of configuration `number`, which is this one.
    pub(crate) fn subject(&self, number: usize) -> Subject {
        let subject = Subject::new(&configs()[number]);
        if self.asks { subject.asking() } else { subject }
    }

    /// What the peer sends, with the mac1 that a first flight needs.
    pub(crate) fn flight(&self, bytes: &[u8]) -> Vec<u8> {
        if self.is_initiator() { bytes.to_vec() } else { with_mac1_inside(bytes, self.protocols) }
    }

    fn config(&self) -> Arc<Config> {
        let protocols: Vec<Protocol> = self.protocols.iter().map(|name| protocol(name)).collect();
        let mut config = match self.role {
            Role::Initiator => Config::initiator_offering(&protocols).with_peers(Peers::Any),
            Role::Responder => Config::responder(&protocols),
        };
        config = config
            .with_static_key(secret(self.role))
            .with_remote_static(public(self.role.peer()))
            .with_max_message(MAX_MESSAGE);
        if self.psk {
            config = config.with_psk(psk());
        }
        if self.only_known_peers {
            config = config.with_peers(Peers::Only(vec![public(self.role.peer())]));
        }
        if self.payload {
            config = config.with_handshake_payload(b"a payload", Default::default());
        }
        config.build().expect("a variant of the table above")
    }
}

pub(crate) fn configs() -> &'static [Arc<Config>] {
    static CONFIGS: OnceLock<Vec<Arc<Config>>> = OnceLock::new();
    CONFIGS.get_or_init(|| VARIANTS.iter().map(Variant::config).collect())
}

/// Runs one input.
///
/// # Panics
/// If a rule is broken.
pub fn run(input: &[u8]) {
    let Some((&[variant, pace, ref sizes @ ..], bytes)) = input.split_first_chunk::<HEADER>() else { return };
    let number = usize::from(variant) % VARIANTS.len();
    let mut subject = VARIANTS[number].subject(number);
    let bytes = if pace & 2 == 0 { VARIANTS[number].flight(bytes) } else { bytes.to_vec() };
    let (writes, seconds) = (pace & 1 == 0, u64::from(pace >> 2));

    let mut rest = &bytes[..];
    for size in sizes.iter().cycle() {
        if rest.is_empty() || !subject.listens() {
            break;
        }
        let size = if *size == 0 { rest.len() } else { usize::from(*size).min(rest.len()) };
        let (chunk, others) = rest.split_at(size);
        rest = others;
        subject.feed(chunk);
        subject.transmit(writes);
        subject.pass(Duration::from_secs(seconds));
    }
    subject.transmit(true);
    check(&VARIANTS[number], &subject);
    // Nobody waits for ever for a peer that says nothing.
    subject.pass(Duration::from_secs(120));
    assert!(subject.error.is_some() || subject.is_finished(), "a silent peer is still waited for");
    check(&VARIANTS[number], &subject);
}

fn check(variant: &Variant, subject: &Subject) {
    for event in &subject.seen {
        let unauthenticated =
            matches!(event, Event::HandshakePayload { .. } | Event::Question | Event::Established);
        assert!(unauthenticated, "{event:?} from a peer without keys");
    }
    assert!(variant.role == Role::Responder || !subject.is_established(), "nobody had the keys for that");
}
