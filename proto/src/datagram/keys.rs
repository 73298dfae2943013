//! The keys of one handshake at work: packets sealed and opened, each number once. Knows no peer and no frames.

use super::config::{KEPT_PACKETS, MAX_PACKETS_PER_KEY, RekeyPolicy};
use super::error::Discard;
use super::packet::{DATA_HEAD, OVERHEAD, Outgoing, data_head};
use super::window::Window;
use crate::noise::{HandshakeHash, RecvCipher, SendCipher, TAG_LEN};
use crate::time::Instant;

/// Both directions under the keys of one handshake.
pub(super) struct Keys {
    /// The id that the peer's packets carry.
    pub(super) local_id: u64,
    /// The id that ours carry.
    pub(super) remote_id: u64,
    pub(super) hash: HandshakeHash,
    /// Whether a packet under these keys has come: the peer has them too.
    pub(super) heard: bool,
    /// The number of the newest packet under these keys that began a handshake for others.
    pub(super) began: Option<u64>,
    made: Instant,
    send: SendCipher,
    recv: RecvCipher,
    window: Window,
}

/// A packet that was opened.
pub(super) struct Opened {
    /// Where the frame ends in the packet; it begins behind the head.
    pub(super) end: usize,
    /// Whether no packet of a higher number came before.
    pub(super) newest: bool,
}

/// Why a key seals nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unusable {
    Expired,
    UsedUp,
    NoRoom,
}

impl Keys {
    pub(super) fn new(
        made: Instant,
        (local_id, remote_id): (u64, u64),
        (send, recv): (SendCipher, RecvCipher),
        hash: HandshakeHash,
    ) -> Self {
        let window = Window::new();
        Self { local_id, remote_id, hash, heard: false, began: None, made, send, recv, window }
    }

    /// From when on these keys are not used.
    pub(super) fn expiry(&self, policy: &RekeyPolicy) -> Instant {
        self.made + policy.reject_after
    }

    pub(super) const fn made(&self) -> Instant {
        self.made
    }

    /// Whether one direction has used its key for so many packets that there should be another.
    pub(super) fn is_worn(&self, policy: &RekeyPolicy) -> bool {
        let received = self.window.highest().map_or(0, |highest| highest.saturating_add(1));
        self.send.nonce().max(received) >= policy.packets
    }

    /// Writes a whole packet to the front of `out` and gives its length.
    pub(super) fn seal(
        &mut self,
        now: Instant,
        policy: &RekeyPolicy,
        frame: &Outgoing<'_>,
        out: &mut [u8],
    ) -> Result<usize, Unusable> {
        if now >= self.expiry(policy) {
            return Err(Unusable::Expired);
        }
        let number = self.send.nonce();
        let kept = if matches!(frame, Outgoing::Message(_)) { 0 } else { KEPT_PACKETS };
        if number >= policy.reject_packets.saturating_add(kept) {
            return Err(Unusable::UsedUp);
        }
        let (head, body) = out.split_first_chunk_mut::<DATA_HEAD>().ok_or(Unusable::NoRoom)?;
        let len = frame.write(body).ok_or(Unusable::NoRoom)?;
        let (text, rest) = body.split_at_mut_checked(len).ok_or(Unusable::NoRoom)?;
        let place = rest.first_chunk_mut::<TAG_LEN>().ok_or(Unusable::NoRoom)?;
        *head = data_head(self.remote_id, number);
        *place = self.send.seal(head, text).map_err(|_| Unusable::UsedUp)?;
        Ok(DATA_HEAD + len + TAG_LEN)
    }

    /// Decrypts a packet in place. Nothing changes unless it is authentic.
    pub(super) fn open(
        &mut self,
        now: Instant,
        policy: &RekeyPolicy,
        number: u64,
        packet: &mut [u8],
    ) -> Result<Opened, Discard> {
        if now >= self.expiry(policy) || number >= MAX_PACKETS_PER_KEY {
            return Err(Discard::Expired);
        }
        if !self.window.is_fresh(number) {
            return Err(Discard::Replayed);
        }
        if packet.len() < OVERHEAD {
            return Err(Discard::Malformed);
        }
        let (head, record) = packet.split_at_mut(DATA_HEAD);
        let len = self.recv.open_at(number, head, record).map_err(|_| Discard::Forged)?;
        let newest = self.window.highest().is_none_or(|highest| highest < number);
        self.window.mark(number);
        self.heard = true;
        Ok(Opened { end: DATA_HEAD + len, newest })
    }

    #[cfg(test)]
    pub(super) fn provider(&self) -> crate::noise::Provider {
        self.send.provider()
    }

    #[cfg(test)]
    pub(super) fn set_number(&mut self, number: u64) {
        self.send.set_nonce(number);
    }
}
