//! What a ticket says, and the fixed layout of it inside of the seal.

use crate::noise::{NAME_LEN, Protocol, Psk, PublicKey};
use crate::time::nanos;
use core::fmt;
use core::time::Duration;
use zeroize::Zeroizing;

const PEER: u8 = 1;

/// flags 1, issued 8, began 8, psk 32, peer 32, context 32, protocol name 72.
pub(super) const CONTENT_LEN: usize = 1 + 2 * 8 + 3 * 32 + NAME_LEN;

/// What a server puts into a ticket for itself.
#[derive(Clone)]
pub struct TicketContent {
    /// The key of the next connection, see [`resumption_psk`](super::resumption_psk).
    pub psk: Psk,
    /// The protocol of the full handshake that the ticket goes back to. Accept the ticket only where that would be accepted
    /// today. `psk` is for its [`resumption`](Protocol::resumption), and for no other protocol: a key must not meet two hash
    /// functions (Noise section 14).
    pub protocol: Protocol,
    /// When that handshake was, as Unix time: no ticket that goes back to it is good for longer than [`Lifetime::MAX`] in all,
    /// whatever number of sessions lies between.
    ///
    /// [`Lifetime::MAX`]: super::Lifetime::MAX
    pub began: Duration,
    /// The static key that the client proved in it, if it did.
    pub peer: Option<PublicKey>,
    /// What else must be the same when it is shown: a digest of the server's making, or zeros.
    pub context: [u8; 32],
}

impl TicketContent {
    pub(super) fn encode(&self, issued: Duration) -> Zeroizing<[u8; CONTENT_LEN]> {
        let flags = if self.peer.is_some() { PEER } else { 0 };
        let name = self.protocol.to_padded();
        let parts: [&[u8]; 7] = [
            &[flags],
            &nanos(issued).to_be_bytes(),
            &nanos(self.began).to_be_bytes(),
            self.psk.as_bytes(),
            &self.peer.map_or([0; 32], |key| key.0),
            &self.context,
            &name,
        ];
        let mut out = Zeroizing::new([0; CONTENT_LEN]);
        out.iter_mut().zip(parts.into_iter().flatten()).for_each(|(to, from)| *to = *from);
        out
    }

    /// Content and time of issue; `None` if the protocol or a flag is not known here.
    pub(super) fn decode(bytes: &[u8; CONTENT_LEN]) -> Option<(Self, Duration)> {
        let mut fields = Fields(bytes);
        let [flags] = fields.take()?;
        let issued = Duration::from_nanos(u64::from_be_bytes(fields.take()?));
        let began = Duration::from_nanos(u64::from_be_bytes(fields.take()?));
        let mut psk = Zeroizing::new(fields.take()?);
        let (peer, context) = (fields.take()?, fields.take()?);
        let protocol = Protocol::from_padded(&fields.take()?)?;
        let content = Self {
            psk: Psk::new(&mut psk),
            protocol,
            began,
            peer: (flags & PEER != 0).then_some(PublicKey(peer)),
            context,
        };
        (flags & !PEER == 0).then_some((content, issued))
    }
}

impl fmt::Debug for TicketContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TicketContent")
            .field("protocol", &self.protocol)
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}

/// Takes fields off the front.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl Fields<'_> {
    pub(super) fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*field)
    }
}
