//! What a ticket says, and the fixed layout of it inside of the seal.

use crate::noise::{NAME_LEN, Protocol, Psk, PublicKey};
use crate::time::nanos;
use core::fmt;
use core::time::Duration;
use zeroize::Zeroizing;

const PEER: u8 = 1;
const IDENTITY: u8 = 2;

/// flags 1, issued 8, psk 32, peer 32, identity 32, protocol name 64.
pub(super) const CONTENT_LEN: usize = 1 + 8 + 3 * 32 + NAME_LEN;

/// What a server puts into a ticket for itself.
#[derive(Clone)]
pub struct TicketContent {
    /// The key of the next connection, see [`resumption_psk`](super::resumption_psk).
    pub psk: Psk,
    /// The protocol that `psk` is for. Accept the ticket in no other: a key must not meet two hash functions (Noise
    /// section 14).
    pub protocol: Protocol,
    /// The static key that the client proved in the session the ticket is from, if it did.
    pub peer: Option<PublicKey>,
    /// Whatever the application knows the client by.
    pub identity: Option<[u8; 32]>,
}

impl TicketContent {
    pub(super) fn encode(&self, issued: Duration) -> Zeroizing<[u8; CONTENT_LEN]> {
        let flag = |bit, there| if there { bit } else { 0 };
        let flags = flag(PEER, self.peer.is_some()) | flag(IDENTITY, self.identity.is_some());
        let name = self.protocol.to_padded();
        let parts: [&[u8]; 6] = [
            &[flags],
            &nanos(issued).to_be_bytes(),
            self.psk.as_bytes(),
            &self.peer.map_or([0; 32], |key| key.0),
            &self.identity.unwrap_or([0; 32]),
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
        let mut psk = Zeroizing::new(fields.take()?);
        let (peer, identity) = (fields.take()?, fields.take()?);
        let protocol = Protocol::from_padded(&fields.take()?)?;
        let content = Self {
            psk: Psk::new(&mut psk),
            protocol,
            peer: (flags & PEER != 0).then_some(PublicKey(peer)),
            identity: (flags & IDENTITY != 0).then_some(identity),
        };
        (flags & !(PEER | IDENTITY) == 0).then_some((content, issued))
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
