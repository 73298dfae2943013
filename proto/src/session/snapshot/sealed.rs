//! The seal of a snapshot: XChaCha20-Poly1305 under a key of the caller's, bound to the caller's context and to the
//! session.

use super::content::{Content, FIXED_LEN};
use super::error::RestoreError;
use crate::entropy::Seed;
use crate::noise::{HandshakeHash, TAG_LEN, XNONCE_LEN, keyed_blake2s, open_with_xnonce, seal_with_xnonce};
use alloc::vec::Vec;
use core::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// The first byte of a snapshot.
const VERSION: u8 = 1;
const MAX_HASH: usize = 64;
/// Version, length of the handshake hash, the hash filled up with zeros.
const HEAD_LEN: usize = 2 + MAX_HASH;

/// Bytes of a snapshot beside those that wait to be read.
pub const SNAPSHOT_OVERHEAD: usize = HEAD_LEN + XNONCE_LEN + FIXED_LEN + TAG_LEN;

const _: () = assert!(SNAPSHOT_OVERHEAD == 580, "documented in docs/wire.md");

/// The key that snapshots are sealed with: 32 bytes, erased when dropped and never printed.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct SnapshotKey([u8; 32]);

impl SnapshotKey {
    /// Wraps 32 bytes from a cryptographically secure source. Wipes `bytes`.
    #[must_use]
    pub fn new(bytes: &mut [u8; 32]) -> Self {
        let key = Self(*bytes);
        bytes.zeroize();
        key
    }
}

impl fmt::Debug for SnapshotKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SnapshotKey(..)")
    }
}

/// A session's state, sealed.
#[derive(Clone, PartialEq, Eq)]
pub struct Snapshot(Vec<u8>);

impl Snapshot {
    /// Takes what [`Snapshot::as_bytes`] gave. Only [`Session::restore`](crate::session::Session::restore) says what it
    /// is worth.
    #[must_use]
    pub const fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// For storing or sending: [`SNAPSHOT_OVERHEAD`] bytes and those that wait to be read.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The nonce is made of everything, so it does not repeat even if a seed does.
    pub(super) fn seal(
        content: &Content,
        waiting: &[u8],
        hash: &HandshakeHash,
        key: &SnapshotKey,
        context: &[u8],
        seed: &Seed,
    ) -> Option<Self> {
        let mut text = content.encode(waiting);
        let head = head(hash);
        let ad = associated_data(&head, context);
        let digest = keyed_blake2s(&seed.derive("snapshot nonce"), &[&ad, &text]);
        let nonce = digest.first_chunk::<XNONCE_LEN>()?;
        let tag = seal_with_xnonce(&key.0, nonce, &ad, &mut text)?;
        Some(Self([&head, &nonce[..], &text, &tag].concat()))
    }

    /// The content, what waits to be read, and the session's hash.
    pub(super) fn open(
        &self,
        key: &SnapshotKey,
        context: &[u8],
    ) -> Result<(Content, Vec<u8>, HandshakeHash), RestoreError> {
        let cut = RestoreError::Length;
        let version = *self.0.first().ok_or(cut)?;
        if version != VERSION {
            return Err(RestoreError::Version(version));
        }
        let (head, rest) = self.0.split_first_chunk::<HEAD_LEN>().ok_or(cut)?;
        let (nonce, rest) = rest.split_first_chunk::<XNONCE_LEN>().ok_or(cut)?;
        let (text, tag) = rest.split_last_chunk::<TAG_LEN>().ok_or(cut)?;
        if text.len() < FIXED_LEN {
            return Err(cut);
        }
        let mut text = Zeroizing::new(text.to_vec());
        if !open_with_xnonce(&key.0, nonce, &associated_data(head, context), &mut text, tag) {
            return Err(RestoreError::NotAuthentic);
        }
        let [_, len, hash @ ..] = head;
        let hash = hash.get(..usize::from(*len)).ok_or(RestoreError::Content)?;
        let (content, waiting) = Content::decode(&text).ok_or(RestoreError::Content)?;
        Ok((content, waiting.to_vec(), HandshakeHash::new(hash)))
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Snapshot({} bytes)", self.0.len())
    }
}

fn head(hash: &HandshakeHash) -> [u8; HEAD_LEN] {
    let hash = hash.as_bytes();
    let mut head = [0; HEAD_LEN];
    let parts = [VERSION, hash.len() as u8].into_iter().chain(hash.iter().copied());
    head.iter_mut().zip(parts).for_each(|(to, from)| *to = from);
    head
}

fn associated_data(head: &[u8; HEAD_LEN], context: &[u8]) -> Vec<u8> {
    [b"sealock snapshot", &head[..], context].concat()
}

#[cfg(test)]
impl Snapshot {
    /// What is in it.
    pub(in crate::session) fn text(&self, key: &SnapshotKey, context: &[u8]) -> Vec<u8> {
        let (content, waiting, _) = self.open(key, context).unwrap();
        content.encode(&waiting).to_vec()
    }

    /// A snapshot whose content is `text`, whatever that is.
    pub(in crate::session) fn forge(text: &[u8], key: &SnapshotKey, context: &[u8]) -> Self {
        let (head, nonce, mut text) = (head(&HandshakeHash::new(&[7; 32])), [0; XNONCE_LEN], text.to_vec());
        let tag = seal_with_xnonce(&key.0, &nonce, &associated_data(&head, context), &mut text).unwrap();
        Self([&head[..], &nonce, &text, &tag].concat())
    }
}
