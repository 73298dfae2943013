//! Of snapshots: what is kept for those of this end, what the peer tells of its own, and the half of a session that goes on
//! (docs/wire.md, section 9).

use super::RecvState;
use crate::buf::Joiner;
use crate::noise::{KeptKey, Protocol, RecvCipher, TAG_LEN};
use crate::session::config::Config;
use crate::session::error::Error;
use crate::session::frame::FrameFault;
use crate::session::identity::IdentityFault;
use crate::session::snapshot::{NOTICE_LEN, Notice, Receiving, RestoreError, SnapshotError};
use alloc::boxed::Box;
use alloc::sync::Arc;

/// What is kept for snapshots, those of this end and those of the peer.
#[derive(Default)]
pub(super) struct Kept {
    /// The key of the cipher, if it may be handed over.
    pub(super) key: Option<KeptKey>,
    /// Snapshots made of this session.
    generation: u64,
    /// The peer has skipped so many records and not said yet that it was restored.
    pub(super) skipped: Option<u64>,
    /// So many are lost, if the next record proves it.
    pub(super) lost: Option<u64>,
}

impl Kept {
    /// None unless the configuration asks for it.
    pub(super) fn new(config: &Config) -> Option<Box<Self>> {
        (config.snapshots || config.max_gap > 0).then(Box::default)
    }
}

impl RecvState {
    /// Takes the notice at the front of `rest`. It is not authenticated; the record behind it is, under a key and a
    /// number that follow from it.
    #[cold]
    pub(super) fn notice(&mut self, rest: &[u8]) -> Result<(), Error> {
        // Who was restored proves nothing any more.
        if !core::mem::replace(&mut self.begun, true) && self.config.require_identity {
            return Err(Error::Identity(IdentityFault::Missing));
        }
        let fault = Error::Frame(FrameFault::Notice);
        let notice = Notice::parse(rest).ok_or(fault)?;
        let Some(cipher) = &mut self.cipher else { return Err(Error::BufferChanged) };
        match notice {
            Notice::Restored(salt) => {
                let kept = self.kept.as_deref_mut().map(|kept| {
                    if let Some(skipped) = kept.skipped.take() {
                        kept.lost = Some(kept.lost.unwrap_or(0).saturating_add(skipped));
                    }
                    kept.key.as_mut()
                });
                cipher.follow(&salt, kept.flatten());
                self.key_records = 0;
            }
            Notice::Skip(nonce) => {
                let skipped = nonce.checked_sub(cipher.nonce()).ok_or(fault)?;
                let max = self.config.max_gap;
                // With what earlier notices have skipped, behind which no record came.
                let before = self.kept.as_ref().and_then(|kept| kept.lost).unwrap_or(0);
                let at_most = before.saturating_add(skipped);
                let Some(kept) = self.kept.as_mut().filter(|_| max > 0 && at_most <= max) else {
                    return Err(Error::RecordsLost { at_most, max });
                };
                if kept.skipped.replace(skipped).is_some() {
                    return Err(fault);
                }
                cipher.skip_to(nonce);
                if self.joiner.is_open() {
                    self.joiner.end();
                    self.stats.abandoned += 1;
                }
            }
        }
        self.joiner.skip(NOTICE_LEN);
        Ok(())
    }

    /// Snapshots made of this session.
    pub(in crate::session) fn generation(&self) -> u64 {
        self.kept.as_ref().map_or(0, |kept| kept.generation)
    }

    pub(in crate::session) fn next_generation(&mut self) -> u64 {
        if let Some(kept) = &mut self.kept {
            kept.generation = kept.generation.saturating_add(1);
        }
        self.generation()
    }

    /// What goes on of this half; `rx` is all that was not consumed.
    pub(in crate::session) fn copy(&self, rx: &[u8]) -> Result<Receiving, SnapshotError> {
        let kept =
            self.kept.as_ref().filter(|_| self.config.snapshots).ok_or(SnapshotError::NotExportable)?;
        let (Some(key), Some(cipher)) = (&kept.key, &self.cipher) else {
            return Err(SnapshotError::NotExportable);
        };
        if self.failed | self.closed {
            return Err(SnapshotError::Ending);
        }
        // A skip is half a notice; what lies in front of a message is given back whenever `recv` returns.
        let [front, joined @ ..] = self.joiner.parts();
        let open = self.open.map_or(0, |open| usize::from(open) + TAG_LEN);
        if kept.skipped.is_some() || front > 0 || self.joiner.unread().saturating_add(open) > rx.len() {
            return Err(SnapshotError::Buffer);
        }
        Ok(Receiving {
            key: key.0.clone(),
            nonce: cipher.nonce(),
            key_records: self.key_records,
            open: self.open,
            begun: self.begun,
            rekey: self.rekey,
            drained: self.drained,
            joined: joined.map(|n| n as u64),
            traffic: self.stats,
            skipped_frames: self.skipped,
            lost: kept.lost,
        })
    }

    /// Goes on with `rx` in front of what comes.
    pub(in crate::session) fn restored(
        config: &Arc<Config>,
        protocol: &Protocol,
        from: Receiving,
        generation: u64,
        rx: &[u8],
    ) -> Result<Self, RestoreError> {
        let [total, held, gap] = from.joined.map(|n| usize::try_from(n).unwrap_or(usize::MAX));
        let joiner = Joiner::from_parts(total, held, gap).ok_or(RestoreError::Content)?;
        let open = from.open.map_or(0, |open| usize::from(open) + TAG_LEN);
        if joiner.unread().saturating_add(open) > rx.len() {
            return Err(RestoreError::Content);
        }
        if total > config.max_message || rx.len() > config.rx_limit() {
            return Err(RestoreError::TooLarge);
        }
        let new = Self::new(config);
        let mut kept = new.kept;
        if kept.is_none() && from.lost.is_some() {
            kept = Some(Box::default());
        }
        let cipher = RecvCipher::resumed(config.provider, protocol.cipher(), &from.key, from.nonce);
        if let Some(kept) = &mut kept {
            kept.key = Some(KeptKey(from.key)).filter(|_| config.snapshots);
            (kept.generation, kept.lost) = (generation, from.lost);
        }
        Ok(Self {
            cipher: Some(cipher),
            joiner,
            open: from.open,
            begun: from.begun,
            rekey: from.rekey,
            key_records: from.key_records,
            kept,
            drained: from.drained,
            stats: from.traffic,
            skipped: from.skipped_frames,
            ..new
        })
    }

    /// Whether the peer has said that it drains.
    pub(in crate::session) const fn is_drained(&self) -> bool {
        self.drained
    }
}
