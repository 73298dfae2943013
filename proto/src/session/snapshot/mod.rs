//! A live session as bytes: handed over to another process, or kept for after a crash (docs/wire.md, section 9).
//!
//! Here is what is taken from a session and how another is made of it. May use what the session may; the halves hand out
//! and take what is theirs, and no key that this end seals with leaves it.

mod content;
mod error;
mod notice;
mod sealed;

pub(super) use content::{Common, Content, Receiving, Sending};
pub use error::{LeaseOutdated, NotExported, RestoreError, SnapshotError};
pub(super) use notice::{NOTICE_LEN, Notice, Notices, notices};
pub use sealed::{SNAPSHOT_OVERHEAD, Snapshot, SnapshotKey};

use super::config::Config;
use super::control::Control;
use super::policy::Peers;
use super::recv::RecvState;
use super::seal::LEASE_RESERVE;
use super::send::SendState;
use super::{Session, SessionInfo};
use crate::buf::TxBuf;
use crate::entropy::Seed;
use crate::noise::{HandshakeHash, SALT_LEN, SendCipher};
use crate::time::Instant;
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// The longest lease, in records.
pub const MAX_LEASE: u32 = 1 << 20;

/// What a restore asks leave for.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Which session: [`SessionInfo::handshake_hash`].
    pub handshake_hash: HandshakeHash,
    /// Which of its snapshots, from 1. Each is higher than all before it, those of restored sessions included.
    pub generation: u64,
}

/// A lease that is not stored yet: give it to [`Session::lease_stored`] once its snapshot is, or to
/// [`Session::lease_discarded`] if it is not stored. While nobody knows, the session seals no more records than both this
/// lease and the one before it allow.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "it counts only once the session is told that its snapshot is stored"]
pub struct Lease {
    generation: u64,
    /// The first nonce that does not belong to it.
    end: u64,
    /// The same of the lease before it, if there was one.
    before: Option<u64>,
    /// Changes of the sending key before it.
    rekeys: u64,
}

/// A session that goes on.
#[non_exhaustive]
pub struct Restored {
    /// The session. Its next `poll_transmit` tells the peer.
    pub session: Session,
    /// What the other one had received and not consumed: put it in front of all that comes. May hold plaintext.
    pub received: Vec<u8>,
    /// [`Session::info`].
    pub info: SessionInfo,
}

impl Session {
    /// Hands the session over: gives all of its state, sealed with `key` and bound to `context`, which
    /// [`Session::restore`] must be given again.
    ///
    /// `rx` is all that was received and not consumed; it goes along, because it may hold plaintext. What is sealed in
    /// `tx` and not written is up to the caller: write it out, or hand it over and write it there before anything else.
    /// `seed` is fresh.
    ///
    /// The same stream must go on at the other end of the hand-over, in both directions, with no byte lost or doubled.
    /// Then the peer loses nothing and its application notices nothing. Deadlines, the heartbeat and rate limits begin
    /// anew there; of a lifetime that this session has, no more than what is left at `now`.
    ///
    /// ```
    /// # use sealock_proto::buf::TxBuf;
    /// # use sealock_proto::entropy::Seed;
    /// # use sealock_proto::session::{Config, Session, SnapshotKey};
    /// # use sealock_proto::time::Instant;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let protocol = "Noise_NN_25519_ChaChaPoly_BLAKE2s".parse()?;
    /// # let (now, mut to_bob, mut to_alice) = (Instant::ZERO, TxBuf::new(1 << 16), TxBuf::new(1 << 16));
    /// let config = Config::initiator(protocol).with_snapshots().build()?;
    /// # let seed = |n| Seed::new(&mut [n; 32]);
    /// # let mut alice = Session::new(&config, seed(1), now)?;
    /// # let mut bob = Session::new(&Config::responder(&[protocol]).build()?, seed(2), now)?;
    /// # alice.poll_transmit(now, &mut to_bob);
    /// # let n = bob.recv(now, &mut to_bob.sealed().to_vec())?.consumed;
    /// # to_bob.consume(n);
    /// # bob.poll_transmit(now, &mut to_alice);
    /// # let mut rx = to_alice.sealed().to_vec();
    /// # let n = alice.recv(now, &mut rx)?.consumed;
    /// # rx.drain(..n);
    /// // Here:
    /// alice.poll_transmit(now, &mut to_bob);
    /// let key = SnapshotKey::new(&mut [7; 32]); // random, shared by the two processes
    /// let snapshot = alice.hand_over(&rx, &to_bob, &key, b"worker 1 to worker 2", &seed(3), now)?;
    ///
    /// // There, with the same stream, and an empty read buffer:
    /// let claim = |_: &_| true; // better: compare and set the generation in a store
    /// let restored = Session::restore(&config, &snapshot, &key, b"worker 1 to worker 2", &seed(4), now, claim)?;
    /// let (mut alice, rx) = (restored.session, restored.received);
    /// alice.send(now, b"goes on", &mut to_bob)?;
    /// # alice.poll_transmit(now, &mut to_bob);
    /// # let mut wire = to_bob.sealed().to_vec();
    /// # let n = bob.recv(now, &mut wire)?.consumed;
    /// # wire.drain(..n);
    /// # let event = bob.recv(now, &mut wire)?.event;
    /// # assert!(matches!(event, Some(sealock_proto::session::Event::Message(m)) if *m == *b"goes on"));
    /// # assert!(rx.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The session and the reason, if something is half done.
    pub fn hand_over(
        mut self,
        rx: &[u8],
        tx: &TxBuf,
        key: &SnapshotKey,
        context: &[u8],
        seed: &Seed,
        now: Instant,
    ) -> Result<Snapshot, NotExported> {
        let snapshot = self.snapshot(rx, key, context, (seed, now), |session| {
            session.control.may_export()?;
            session.send.copy(tx.open_len() > 0)
        });
        snapshot.map_err(|error| NotExported { session: Box::new(self), error })
    }

    /// Gives a snapshot for the case that this process crashes, and goes on. What is restored from it sends records from
    /// `records` (and two) behind the present one on. Store it durably, replacing the last one, and then call
    /// [`Session::lease_stored`]; at most `records` are sealed, and a close, until a later lease is stored: see
    /// [`SendError::LeaseSpent`](super::SendError::LeaseSpent). A change of the sending key ends a lease as well.
    ///
    /// Until that call nobody knows which of two snapshots a crash leaves in the store, this one or the last. So from here
    /// on no more records are sealed than both allow, and the peer follows either. Renew a lease of `n` records when fewer
    /// than `n` are left of it, and there is nothing to wait for. If the snapshot is not stored, say so with
    /// [`Session::lease_discarded`].
    ///
    /// What a crash loses: records that were sealed and not written, of which the peer is told
    /// ([`Event::RecordsLost`](super::Event::RecordsLost); it must allow it, [`Config::with_max_gap`]). Those that waited
    /// already when the snapshot was taken come on top of `records` and two: write them out before. The stream must
    /// have outlived the process, what was written must end with a record, and nothing may have been read from the
    /// stream since the snapshot: the peer's records do not come twice.
    ///
    /// The other arguments are those of [`Session::hand_over`].
    ///
    /// # Errors
    /// [`SnapshotError`]; the session goes on under the lease it had.
    pub fn lease(
        &mut self,
        records: u32,
        rx: &[u8],
        key: &SnapshotKey,
        context: &[u8],
        seed: &Seed,
        now: Instant,
    ) -> Result<(Snapshot, Lease), SnapshotError> {
        if !(1..=MAX_LEASE).contains(&records) {
            return Err(SnapshotError::LeaseLength);
        }
        let mut lease = Lease { generation: 0, end: 0, before: None, rekeys: 0 };
        let snapshot = self.snapshot(rx, key, context, (seed, now), |session| {
            session.control.may_lease()?;
            let mut sending = session.send.copy(false)?;
            let more = u64::from(records + LEASE_RESERVE);
            let end = sending.nonce.checked_add(more).ok_or(SnapshotError::KeyExhausted)?;
            (sending.nonce, sending.skip, sending.open_message) = (end, true, false);
            (lease.end, lease.rekeys) = (end, sending.traffic.rekeys);
            Ok(sending)
        })?;
        lease.generation = self.recv.generation();
        lease.before = self.send.begin_lease(records);
        Ok((snapshot, lease))
    }

    /// The snapshot of `lease` is stored: records are sealed up to its end, and no further.
    ///
    /// # Errors
    /// [`LeaseOutdated`]; the session seals no more than it did.
    pub fn lease_stored(&mut self, lease: Lease) -> Result<(), LeaseOutdated> {
        if lease.generation != self.recv.generation() {
            return Err(LeaseOutdated);
        }
        self.send.set_lease(Some(lease.end), lease.rekeys).ok_or(LeaseOutdated)
    }

    /// The snapshot of `lease` is not stored and will not be: the session goes on as if that lease had not been made. Only
    /// for who knows. A store that has failed may hold the snapshot nevertheless: make another lease, and store that.
    ///
    /// # Errors
    /// [`LeaseOutdated`]; the session seals no more than it did.
    pub fn lease_discarded(&mut self, lease: Lease) -> Result<(), LeaseOutdated> {
        if lease.generation != self.recv.generation() {
            return Err(LeaseOutdated);
        }
        self.send.set_lease(lease.before, lease.rekeys).ok_or(LeaseOutdated)
    }

    /// Records that may still be sealed, under the lease and under one that is made and not stored yet; `None` if there is
    /// neither.
    #[must_use]
    pub fn lease_left(&self) -> Option<u32> {
        self.send.lease_left()
    }

    fn snapshot(
        &mut self,
        rx: &[u8],
        key: &SnapshotKey,
        context: &[u8],
        (seed, now): (&Seed, Instant),
        sending: impl FnOnce(&Self) -> Result<Sending, SnapshotError>,
    ) -> Result<Snapshot, SnapshotError> {
        let info = self.control.info().filter(|_| !self.control.has_event());
        let info = info.ok_or(SnapshotError::NotEstablished)?;
        self.recv.take_key(&mut self.control);
        let sending = sending(self)?;
        let receiving = self.recv.copy(rx)?;
        let common = self.control.copy(&info, now).ok_or(SnapshotError::NotEstablished)?;
        let generation = self.recv.next_generation();
        let content = Content { generation, common, sending, receiving };
        Snapshot::seal(&content, rx, &info.handshake_hash, key, context, seed)
            .ok_or(SnapshotError::KeyExhausted)
    }

    /// Goes on where `snapshot` was taken, at `now`.
    ///
    /// `config` is of the same end and has the session's protocol; what else it says holds from here on. `key` and
    /// `context` are those of the export. `seed` is **fresh for every restore**: the key that this end seals with from
    /// here on is made of it, so two restores with different seeds never share a key, whatever snapshot they are of.
    ///
    /// `claim` is asked last, and should say yes to a generation that is higher than all it said yes to before for that
    /// session, in one step (compare and set, in a store that outlives all who may restore). Without such a store say
    /// yes: no nonce is used twice even then, but two may believe to be the session.
    ///
    /// # Errors
    /// [`RestoreError`].
    pub fn restore(
        config: &Arc<Config>,
        snapshot: &Snapshot,
        key: &SnapshotKey,
        context: &[u8],
        seed: &Seed,
        now: Instant,
        claim: impl FnOnce(&Claim) -> bool,
    ) -> Result<Restored, RestoreError> {
        let (content, received, handshake_hash) = snapshot.open(key, context)?;
        let Content { generation, common, sending, receiving } = content;
        let Common { role, protocol, resumed, peer, identity, .. } = common;
        if role != config.role {
            return Err(RestoreError::Role);
        }
        if !config.may_go_on_in(protocol, resumed) {
            return Err(RestoreError::ProtocolNotAllowed(protocol));
        }
        if let Some(Peers::Only(keys)) = &config.peers {
            if !peer.is_some_and(|peer| keys.contains(&peer)) {
                return Err(RestoreError::PeerNotAllowed(peer));
            }
        }
        if config.require_identity && identity.is_none() {
            return Err(RestoreError::IdentityMissing);
        }
        let provider = config.provider;
        let recv = RecvState::restored(config, &protocol, receiving, generation, &received)?;
        let mut salt = [0; SALT_LEN];
        salt.iter_mut().zip(*seed.derive("restore salt")).for_each(|(to, from)| *to = from);
        let Sending { secret, nonce, skip, .. } = &sending;
        let cipher = SendCipher::restored(provider, protocol.cipher(), secret, &salt, *nonce);
        let notices = notices(Some(*nonce).filter(|_| *skip), &salt);
        let info = SessionInfo { protocol, provider, peer, resumed, handshake_hash, identity };
        let send = SendState::restored(config, &sending);
        let control =
            Control::restored(config, info, &common, seed, now).with_sender(cipher, notices, sending.traffic);
        let control = if recv.is_drained() { control.with_peer_drained() } else { control };
        if !claim(&Claim { handshake_hash, generation }) {
            return Err(RestoreError::Claimed);
        }
        Ok(Restored { session: Self { send, recv, control }, received, info })
    }
}
