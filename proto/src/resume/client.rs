//! What a client keeps of a session in order to resume it.

use super::content::Fields;
use super::keys::{TICKET_LEN, Ticket};
use crate::noise::{NAME_LEN, Protocol, Psk, PublicKey};
use crate::time::nanos;
use core::fmt;
use core::time::Duration;
use zeroize::Zeroizing;

/// The first byte of a saved ticket.
const VERSION: u8 = 1;

/// A ticket with all that is needed to use it. Use it once: two uses can be linked by whoever sees both, and the second
/// is refused.
#[derive(Clone)]
pub struct ClientTicket {
    /// What to show the server.
    pub ticket: Ticket,
    /// The key that goes with it, see [`resumption_psk`](super::resumption_psk).
    pub psk: Psk,
    /// The protocol of the full handshake that the ticket goes back to; `psk` is for its
    /// [`resumption`](Protocol::resumption), and for no other (Noise section 14).
    pub protocol: Protocol,
    /// The static key of the server, if the session proved one: use the ticket with no one else.
    pub responder: Option<PublicKey>,
    /// When the server says it expires, as Unix time in whole nanoseconds.
    pub expires: Duration,
}

impl ClientTicket {
    /// Bytes of a saved ticket: version, whether there is a responder's key, expiry, pre-shared key, responder's key,
    /// protocol name, ticket.
    pub const SAVED_LEN: usize = 1 + 1 + 8 + 32 + 32 + NAME_LEN + TICKET_LEN;

    /// Whether it is still worth showing at `unix`.
    #[must_use]
    pub fn is_fresh(&self, unix: Duration) -> bool {
        unix < self.expires
    }

    /// For saving; as secret as the key in it. The expiry is saved in nanoseconds, until the year 2554.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<[u8; Self::SAVED_LEN]> {
        let name = self.protocol.to_padded();
        let parts: [&[u8]; 6] = [
            &[VERSION, u8::from(self.responder.is_some())],
            &nanos(self.expires).to_be_bytes(),
            self.psk.as_bytes(),
            &self.responder.map_or([0; 32], |key| key.0),
            &name,
            self.ticket.as_bytes(),
        ];
        let mut out = Zeroizing::new([0; Self::SAVED_LEN]);
        out.iter_mut().zip(parts.into_iter().flatten()).for_each(|(to, from)| *to = *from);
        out
    }

    /// Reads what [`ClientTicket::to_bytes`] gave. Wipe `bytes` afterwards.
    ///
    /// # Errors
    /// [`ClientTicketError`]: do without.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ClientTicketError> {
        use ClientTicketError as E;
        if bytes.first().is_some_and(|version| *version != VERSION) {
            return Err(E::Version);
        }
        if bytes.len() != Self::SAVED_LEN {
            return Err(E::Length);
        }
        let mut fields = Fields(bytes);
        let [_, has_responder] = fields.take().ok_or(E::Length)?;
        let expires = Duration::from_nanos(u64::from_be_bytes(fields.take().ok_or(E::Length)?));
        let mut psk = Zeroizing::new(fields.take().ok_or(E::Length)?);
        let psk = Psk::new(&mut psk);
        let responder = fields.take().ok_or(E::Length)?;
        let responder = match has_responder {
            0 if responder == [0; 32] => None,
            1 => Some(PublicKey(responder)),
            _ => return Err(E::Damaged),
        };
        let protocol = Protocol::from_padded(&fields.take().ok_or(E::Length)?).ok_or(E::UnknownProtocol)?;
        let ticket = Ticket::from_bytes(fields.take().ok_or(E::Length)?);
        Ok(Self { ticket, psk, protocol, responder, expires })
    }
}

impl fmt::Debug for ClientTicket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientTicket")
            .field("protocol", &self.protocol)
            .field("responder", &self.responder)
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

/// Why a saved ticket cannot be read.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientTicketError {
    /// It does not have [`ClientTicket::SAVED_LEN`] bytes.
    Length,
    /// Another version wrote it.
    Version,
    /// It is not what [`ClientTicket::to_bytes`] gives.
    Damaged,
    /// It is for a protocol that this build does not know.
    UnknownProtocol,
}

impl fmt::Display for ClientTicketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Length => "the saved ticket is cut short or too long: connect without it",
            Self::Version => "the saved ticket was written by another version: connect without it",
            Self::Damaged => "the saved ticket is damaged: connect without it",
            Self::UnknownProtocol => {
                "the saved ticket is for a protocol that is not built in: connect without it"
            }
        })
    }
}

impl core::error::Error for ClientTicketError {}
