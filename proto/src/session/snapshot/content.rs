//! What a snapshot says, and its layout inside of the seal. Nothing here knows how a session works.

use crate::identity::IdentityKey;
use crate::noise::{Exporter, NAME_LEN, Protocol, PublicKey, Role};
use crate::session::stats::Traffic;
use crate::time::nanos;
use alloc::vec::Vec;
use core::time::Duration;
use zeroize::Zeroizing;

/// What goes on of the sending direction. No key that this end seals with.
pub(in crate::session) struct Sending {
    pub(in crate::session) secret: Zeroizing<[u8; 32]>,
    /// The number of the next record.
    pub(in crate::session) nonce: u64,
    /// Records before that may have been sent, or never made: the peer is told.
    pub(in crate::session) skip: bool,
    /// The peer has a part of a message.
    pub(in crate::session) open_message: bool,
    pub(in crate::session) begun: u64,
    pub(in crate::session) traffic: Traffic,
}

/// What goes on of the receiving direction.
pub(in crate::session) struct Receiving {
    pub(in crate::session) key: Zeroizing<[u8; 32]>,
    pub(in crate::session) nonce: u64,
    pub(in crate::session) key_records: u32,
    /// Unread plaintext of an open record.
    pub(in crate::session) open: Option<u16>,
    /// A proof of the peer's identity has no place any more.
    pub(in crate::session) begun: bool,
    pub(in crate::session) rekey: bool,
    pub(in crate::session) drained: bool,
    /// Total, held and gap of a message that is being joined.
    pub(in crate::session) joined: [u64; 3],
    pub(in crate::session) traffic: Traffic,
    pub(in crate::session) skipped_frames: u64,
    /// See [`Event::RecordsLost`](crate::session::Event::RecordsLost), not reported yet.
    pub(in crate::session) lost: Option<u64>,
}

/// What goes on of the rest.
pub(in crate::session) struct Common {
    pub(in crate::session) role: Role,
    pub(in crate::session) protocol: Protocol,
    /// By a ticket.
    pub(in crate::session) resumed: bool,
    pub(in crate::session) peer: Option<PublicKey>,
    /// What the peer has proven.
    pub(in crate::session) identity: Option<IdentityKey>,
    pub(in crate::session) exporter: Exporter,
    /// Of its lifetime, where it has one.
    pub(in crate::session) left: Option<Duration>,
    pub(in crate::session) pings: u64,
    pub(in crate::session) pongs: u64,
    pub(in crate::session) throttled: u64,
    pub(in crate::session) pong_owed: Option<[u8; 8]>,
}

pub(in crate::session) struct Content {
    /// Counts the snapshots of a session, those of its restored ones included.
    pub(in crate::session) generation: u64,
    pub(in crate::session) common: Common,
    pub(in crate::session) sending: Sending,
    pub(in crate::session) receiving: Receiving,
}

const INITIATOR: u16 = 1;
const PEER: u16 = 2;
const PONG: u16 = 4;
const SKIP: u16 = 8;
const OPEN_MESSAGE: u16 = 16;
const OPEN_RECORD: u16 = 32;
const REKEY: u16 = 64;
const DRAINED: u16 = 128;
const BEGUN: u16 = 256;
const IDENTITY: u16 = 512;
const RESUMED: u16 = 1024;

/// Numbers of eight bytes.
const NUMBERS: usize = 29;
/// Bytes of everything but the bytes that wait to be read.
pub(super) const FIXED_LEN: usize = 2 + NAME_LEN + 5 * 32 + 8 + 8 * NUMBERS;

impl Content {
    /// Behind it lies what waits to be read.
    pub(super) fn encode(&self, waiting: &[u8]) -> Zeroizing<Vec<u8>> {
        let (common, sending, receiving) = (&self.common, &self.sending, &self.receiving);
        let flags = [
            (INITIATOR, common.role == Role::Initiator),
            (PEER, common.peer.is_some()),
            (PONG, common.pong_owed.is_some()),
            (SKIP, sending.skip),
            (OPEN_MESSAGE, sending.open_message),
            (OPEN_RECORD, receiving.open.is_some()),
            (REKEY, receiving.rekey),
            (DRAINED, receiving.drained),
            (BEGUN, receiving.begun),
            (IDENTITY, common.identity.is_some()),
            (RESUMED, common.resumed),
        ];
        let flags = flags.iter().filter(|(_, set)| *set).fold(0, |flags, (flag, _)| flags | flag);
        // All at once: growing would leave copies behind.
        let mut out = Zeroizing::new(Vec::with_capacity(FIXED_LEN + waiting.len()));
        out.extend_from_slice(&flags.to_be_bytes());
        out.extend_from_slice(&common.protocol.to_padded());
        let peer = common.peer.map_or([0; 32], |key| key.0);
        let identity = common.identity.map_or([0; 32], |key| key.0);
        for key in [&peer, &identity, &*sending.secret, &*receiving.key, common.exporter.secret()] {
            out.extend_from_slice(key);
        }
        out.extend_from_slice(&common.pong_owed.unwrap_or_default());
        for number in self.numbers() {
            out.extend_from_slice(&number.to_be_bytes());
        }
        out.extend_from_slice(waiting);
        out
    }

    fn numbers(&self) -> [u64; NUMBERS] {
        let (common, sending, receiving) = (&self.common, &self.sending, &self.receiving);
        let [total, held, gap] = receiving.joined;
        let traffic = |t: &Traffic| {
            [t.records, t.wire_bytes, t.padding_bytes, t.messages, t.message_bytes, t.abandoned, t.rekeys]
        };
        let [a, b, c, d, e, f, g] = traffic(&sending.traffic);
        let [h, i, j, k, l, m, n] = traffic(&receiving.traffic);
        let key_records = u64::from(receiving.key_records);
        let open = receiving.open.map_or(0, u64::from);
        // One above, so that zero says none.
        let lost = receiving.lost.map_or(0, |lost| lost.saturating_add(1));
        let left = common.left.map_or(0, |left| nanos(left).saturating_add(1));
        let Common { pings, pongs, throttled, .. } = *common;
        [
            self.generation,
            sending.nonce,
            sending.begun,
            a,
            b,
            c,
            d,
            e,
            f,
            g,
            receiving.nonce,
            key_records,
            open,
            total,
            held,
            gap,
            h,
            i,
            j,
            k,
            l,
            m,
            n,
            receiving.skipped_frames,
            lost,
            pings,
            pongs,
            throttled,
            left,
        ]
    }

    /// Content and what waits to be read; `None` for what [`Content::encode`] does not give.
    pub(super) fn decode(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let mut fields = Fields(bytes);
        let flags = u16::from_be_bytes(fields.take()?);
        let has = |flag| flags & flag != 0;
        let protocol = Protocol::from_padded(&fields.take()?)?;
        let peer = Some(PublicKey(fields.take()?)).filter(|_| has(PEER));
        let identity = Some(IdentityKey(fields.take()?)).filter(|_| has(IDENTITY));
        let secret = Zeroizing::new(fields.take()?);
        let key = Zeroizing::new(fields.take()?);
        let exporter = Exporter::from_secret(protocol.hash(), Zeroizing::new(fields.take()?));
        let pong_owed = Some(fields.take()?).filter(|_| has(PONG));
        let generation = fields.number()?;
        let sending = Sending {
            secret,
            nonce: fields.number()?,
            skip: has(SKIP),
            open_message: has(OPEN_MESSAGE),
            begun: fields.number()?,
            traffic: fields.traffic()?,
        };
        let receiving = Receiving {
            key,
            nonce: fields.number()?,
            key_records: fields.number()?.try_into().ok()?,
            open: Some(fields.number()?.try_into().ok()?).filter(|_| has(OPEN_RECORD)),
            begun: has(BEGUN),
            rekey: has(REKEY),
            drained: has(DRAINED),
            joined: [fields.number()?, fields.number()?, fields.number()?],
            traffic: fields.traffic()?,
            skipped_frames: fields.number()?,
            lost: fields.number()?.checked_sub(1),
        };
        let role = if has(INITIATOR) { Role::Initiator } else { Role::Responder };
        let (pings, pongs, throttled) = (fields.number()?, fields.number()?, fields.number()?);
        let left = fields.number()?.checked_sub(1).map(Duration::from_nanos);
        let resumed = has(RESUMED);
        let common = Common {
            role,
            protocol,
            resumed,
            peer,
            identity,
            exporter,
            left,
            pings,
            pongs,
            throttled,
            pong_owed,
        };
        Some((Self { generation, common, sending, receiving }, fields.0))
    }
}

/// Takes fields off the front.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*field)
    }

    fn number(&mut self) -> Option<u64> {
        self.take().map(u64::from_be_bytes)
    }

    fn traffic(&mut self) -> Option<Traffic> {
        Some(Traffic {
            records: self.number()?,
            wire_bytes: self.number()?,
            padding_bytes: self.number()?,
            messages: self.number()?,
            message_bytes: self.number()?,
            abandoned: self.number()?,
            rekeys: self.number()?,
        })
    }
}
