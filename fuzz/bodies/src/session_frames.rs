//! Arbitrary plaintext from a peer that has authenticated itself.
//!
//! Byte 0 of an input chooses the configuration (one of `VARIANTS`), byte 1 the size of a read, 0 meaning all
//! there is. Then come records: two bytes of length, of which the lower 15 bits count, and the plaintext; the last
//! may be cut short. They are sealed by a peer made by hand, which changes its key behind a valid REKEY. With the highest
//! bit it is a notice in the clear of the first 16 bytes, which the peer then does not keep to: it is forged.
//!
//! What the session reports must be what the model makes of the same records, so a message only ever comes from
//! frames that carry one and is never larger than the configuration allows.

use crate::keys::{protocol, public, secret};
use crate::model::{Fault, Model, is_accepted};
use crate::peer::{Peer, packet};
use crate::subject::Subject;
use sealock_proto::identity::IdentityKey;
use sealock_proto::limit::Rate;
use sealock_proto::noise::Role;
use sealock_proto::session::{Config, Error, Event, Peers, RateLimit, RekeyPolicy};
use std::sync::{Arc, OnceLock};

/// Bytes of an input before the records.
pub const HEADER: usize = 2;

/// Bytes of a notice.
const NOTICE: usize = 16;

/// Messages that may come at once where their rate is limited.
const BURST: u64 = 3;

pub(crate) struct Variant {
    /// That of the session.
    pub(crate) role: Role,
    pub(crate) protocol: &'static str,
    max_message: usize,
    /// Messages a second, after a burst of [`BURST`], and whether more close the session.
    messages: Option<(u64, bool)>,
    /// Records under one key.
    peer_records: u64,
    /// Records that may be lost.
    max_gap: u64,
    /// Whether the proof of an identity is required, where it is judged.
    identity: Option<bool>,
}

const BASE: Variant = Variant {
    role: Role::Responder,
    protocol: "Noise_NN_25519_ChaChaPoly_BLAKE2s",
    max_message: 1024,
    messages: None,
    peer_records: 1 << 24,
    max_gap: 0,
    identity: None,
};

/// The configurations under test.
pub(crate) const VARIANTS: [Variant; 11] = [
    BASE,
    Variant { role: Role::Initiator, ..BASE },
    Variant { protocol: "Noise_XX_25519_AESGCM_SHA256", ..BASE },
    Variant { role: Role::Initiator, protocol: "Noise_XX_25519_ChaChaPoly_SHA512", ..BASE },
    Variant { messages: Some((1000, false)), ..BASE },
    Variant { messages: Some((1000, true)), ..BASE },
    Variant { peer_records: 3, ..BASE },
    Variant { max_message: 200_000, ..BASE },
    Variant { max_gap: 10, ..BASE },
    Variant { identity: Some(true), max_gap: 10, ..BASE },
    Variant { identity: Some(false), role: Role::Initiator, ..BASE },
];

impl Variant {
    fn config(&self) -> Arc<Config> {
        let protocol = protocol(self.protocol);
        let mut config = match self.role {
            Role::Initiator => Config::initiator(protocol).with_peers(Peers::Any),
            Role::Responder => Config::responder(&[protocol]),
        };
        config = config
            .with_static_key(secret(self.role))
            .with_remote_static(public(self.role.peer()))
            .with_max_message(self.max_message)
            .with_max_gap(self.max_gap)
            .with_rekey(RekeyPolicy::default().with_peer_records(self.peer_records));
        if let Some(required) = self.identity {
            config = config.with_identity_verifier(Arc::new(verify));
            config = if required { config.require_identity() } else { config };
        }
        if let Some((per_second, close)) = self.messages {
            let rate = Rate::new(per_second, BURST).expect("not zero");
            let limit = RateLimit::default().with_messages(rate);
            config = config.with_rate_limit(if close { limit.closing() } else { limit });
        }
        config.build().expect("a variant of the table above")
    }

    fn model(&self) -> Model {
        let allowance = self.messages.filter(|(_, close)| *close).map(|_| BURST);
        let tickets = self.role == Role::Initiator;
        Model::new(self.max_message, allowance, self.peer_records, self.max_gap, tickets, self.identity)
    }
}

fn verify(key: &IdentityKey, _message: &[u8], signature: &[u8; 64]) -> bool {
    is_accepted(&[&key.0[..], signature].concat())
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
    let Some((&[variant, size], mut rest)) = input.split_first_chunk::<HEADER>() else { return };
    let number = usize::from(variant) % VARIANTS.len();
    let variant = &VARIANTS[number];
    let mut subject = Subject::new(&configs()[number]);
    let (mut peer, opening) = Peer::connect(variant.protocol, variant.role.peer(), |bytes| {
        subject.feed(bytes);
        subject.transmit(true);
        subject.sent.clone()
    });
    subject.has_keys = true;

    let mut model = variant.model();
    let mut stream = Vec::new();
    while let Some((head, others)) = rest.split_first_chunk::<2>() {
        let len = usize::from(u16::from_be_bytes(*head) & 0x7fff).min(others.len());
        let (plain, others) = others.split_at(len);
        rest = others;
        if head[0] & 0x80 != 0 {
            let mut notice = [0; NOTICE];
            notice.iter_mut().zip(plain).for_each(|(to, from)| *to = *from);
            stream.extend_from_slice(&packet(&notice));
            model.notice(&notice);
            continue;
        }
        let record = peer.seal(plain);
        stream.extend_from_slice(&record);
        if plain.is_empty() {
            // Its tag, where a notice could be.
            model.notice(&record[2..]);
        } else if model.record(plain) {
            peer.rekey();
        }
    }
    let size = if size == 0 { stream.len().max(1) } else { usize::from(size) };
    let mut chunks = stream.chunks(size);
    while let Some(chunk) = chunks.next().filter(|_| subject.error.is_none()) {
        subject.feed(chunk);
        subject.transmit(true);
        subject.unthrottle();
    }
    check(&model, &subject);
    let replies = peer.open_all(&subject.sent[opening..]);
    assert!(replies.iter().all(|plain| !plain.is_empty()), "a record without a frame");
}

fn check(model: &Model, subject: &Subject) {
    assert_eq!(subject.seen.first(), model.established.then_some(&Event::Established));
    model.check(&subject.seen);
    let fault = subject.error.map(|error| match error {
        Error::Frame(_)
        | Error::UnknownFrame(_)
        | Error::MessageTooLarge { .. }
        | Error::RecordsLost { .. } => Fault::Rule,
        Error::BadRecord => Fault::Forged,
        Error::RateLimited => Fault::Rate,
        Error::KeyExhausted => Fault::Key,
        Error::Identity(_) => Fault::Identity,
        other => panic!("{other:?} although every record authenticates"),
    });
    assert_eq!(fault, model.fault, "{:?}", subject.error);
    assert_eq!(subject.is_finished(), model.closed || fault.is_some(), "finished exactly if it has ended");
}
