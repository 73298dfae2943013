//! Tickets and the rotating keys of the server that seals and opens them.

use super::content::{CONTENT_LEN, Fields, TicketContent};
use super::key::{KEY_ID_LEN, TicketKey};
use crate::noise::{TAG_LEN, XNONCE_LEN, open_with_xnonce, seal_with_xnonce};
use core::fmt;
use core::time::Duration;
use zeroize::Zeroizing;

/// Bytes of a ticket's own random number.
const ID_LEN: usize = 16;

/// Associated data: keeps apart what else may be sealed with the same key.
const LABEL: &[u8] = b"sealock ticket v1";

/// Bytes of a ticket: 8 that name the key, 16 of the ticket's id, the sealed content and a tag of 16.
pub const TICKET_LEN: usize = KEY_ID_LEN + ID_LEN + CONTENT_LEN + TAG_LEN;

const _: () = assert!(TICKET_LEN == 225, "documented in docs/wire.md");

/// A sealed ticket: opaque to whoever has not the key. All tickets have the same length.
#[derive(Clone, PartialEq, Eq)]
pub struct Ticket([u8; TICKET_LEN]);

impl Ticket {
    /// Takes a ticket that came over the wire; only [`TicketKeys::open`] says what it is worth.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; TICKET_LEN]) -> Self {
        Self(bytes)
    }

    /// As it goes over the wire.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; TICKET_LEN] {
        &self.0
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ticket(..)")
    }
}

/// How long tickets are good for.
///
/// The default is 24 hours, with clocks of servers that share keys at most a minute apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    lifetime: Duration,
    skew: Duration,
}

impl Lifetime {
    /// The longest: 7 days, as in TLS 1.3 (RFC 8446, section 4.6.1).
    pub const MAX: Duration = Duration::from_secs(7 * 24 * 3600);

    /// Tickets of up to `lifetime` are accepted: more than zero, at most [`Lifetime::MAX`].
    #[must_use]
    pub const fn new(lifetime: Duration) -> Self {
        Self { lifetime, skew: Duration::from_secs(60) }
    }

    /// How far in the future a ticket's time of issue may lie, because the clock of the server that issued it is ahead.
    #[must_use]
    pub const fn with_skew(self, skew: Duration) -> Self {
        Self { skew, ..self }
    }

    fn validate(&self) -> Result<(), LifetimeError> {
        if self.lifetime.is_zero() {
            return Err(LifetimeError::Zero);
        }
        if self.lifetime > Self::MAX {
            return Err(LifetimeError::TooLong);
        }
        Ok(())
    }
}

impl Default for Lifetime {
    fn default() -> Self {
        Self::new(Duration::from_secs(24 * 3600))
    }
}

/// Why a [`Lifetime`] cannot be used.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LifetimeError {
    /// It is zero.
    Zero,
    /// It is longer than [`Lifetime::MAX`].
    TooLong,
}

impl fmt::Display for LifetimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Zero => "tickets: the lifetime is zero and none would ever be accepted; give more",
            Self::TooLong => "tickets: the lifetime is above 7 days; give less",
        })
    }
}

impl core::error::Error for LifetimeError {}

/// Why a ticket was not opened. The client is not at fault for most of it: go on without the ticket.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TicketError {
    /// It does not have [`TICKET_LEN`] bytes.
    Length,
    /// It was sealed with none of the keys that are kept.
    UnknownKey,
    /// It was changed, or made up.
    Damaged,
    /// It is older than the lifetime, or the full handshake that it goes back to is older than [`Lifetime::MAX`].
    Expired,
    /// It was issued in the future, by more than clocks may differ.
    Early,
    /// It is for a protocol that this build does not know.
    UnknownProtocol,
}

impl fmt::Display for TicketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Length => "the ticket does not have the length of a ticket: do not resume",
            Self::UnknownKey => {
                "the ticket's key is not kept any more, or never was: do not resume; rotate keys less often than \
                 tickets expire"
            }
            Self::Damaged => "the ticket does not authenticate: do not resume",
            Self::Expired => "the ticket has expired: do not resume",
            Self::Early => "the ticket was issued in the future: do not resume; set the servers' clocks",
            Self::UnknownProtocol => "the ticket is for a protocol that is not built in: do not resume",
        })
    }
}

impl core::error::Error for TicketError {}

/// A ticket that was opened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Opened {
    /// The ticket's own random number.
    pub id: [u8; 16],
    /// When it was sealed, as Unix time.
    pub issued: Duration,
    /// When it expires, as Unix time.
    pub expires: Duration,
    /// What it says.
    pub content: TicketContent,
}

/// The keys of a server: the one that seals, and the one before it, which still opens.
///
/// Rotate no more often than once a lifetime, or tickets end before their time. Servers that share keys accept each
/// other's tickets; each has a [`SpentTickets`](super::SpentTickets) of its own, so a ticket is good once for *each* of
/// them unless the same client always comes to the same server.
#[derive(Debug)]
pub struct TicketKeys {
    current: TicketKey,
    previous: Option<TicketKey>,
    lifetime: Lifetime,
}

impl TicketKeys {
    /// Seals with `current`.
    ///
    /// # Errors
    /// Says why `lifetime` cannot be used.
    pub fn new(current: TicketKey, lifetime: Lifetime) -> Result<Self, LifetimeError> {
        lifetime.validate()?;
        Ok(Self { current, previous: None, lifetime })
    }

    /// How long a ticket is good for.
    #[must_use]
    pub const fn lifetime(&self) -> Duration {
        self.lifetime.lifetime
    }

    /// Also opens what `previous` sealed: for a server that starts between two rotations.
    #[must_use]
    pub fn with_previous(mut self, previous: TicketKey) -> Self {
        self.previous = Some(previous);
        self
    }

    /// Seals with `next` from here on. The key before it still opens, the one before that is erased. Nothing changes if
    /// `next` is the current key.
    pub fn rotate(&mut self, next: TicketKey) {
        if next.id() != self.current.id() {
            self.previous = Some(core::mem::replace(&mut self.current, next));
        }
    }

    /// Seals a ticket that is issued at `unix`, the time since 1970. `id` is fresh and random: it is the nonce, and what
    /// the ticket is known by when it is spent.
    #[must_use]
    pub fn seal(&self, unix: Duration, id: [u8; 16], content: &TicketContent) -> Ticket {
        let mut text = content.encode(unix);
        // The text is far shorter than what the cipher allows; without a tag it would open nowhere.
        let tag = seal_with_xnonce(self.current.bytes(), &nonce(&id), LABEL, &mut *text).unwrap_or_default();
        let parts: [&[u8]; 4] = [self.current.id(), &id, &*text, &tag];
        let mut out = [0; TICKET_LEN];
        out.iter_mut().zip(parts.into_iter().flatten()).for_each(|(to, from)| *to = *from);
        Ticket(out)
    }

    /// Opens what a client shows at `unix`. Ask [`SpentTickets`](super::SpentTickets) before anything is made of it.
    ///
    /// The tag is compared in constant time. Which key it is, is not secret.
    ///
    /// # Errors
    /// [`TicketError`]: go on without the ticket.
    pub fn open(&self, unix: Duration, bytes: &[u8]) -> Result<Opened, TicketError> {
        let ticket: &[u8; TICKET_LEN] = bytes.try_into().map_err(|_| TicketError::Length)?;
        let mut fields = Fields(ticket);
        let key_id: [u8; KEY_ID_LEN] = fields.take().ok_or(TicketError::Length)?;
        let id: [u8; ID_LEN] = fields.take().ok_or(TicketError::Length)?;
        let mut text = Zeroizing::new(fields.take::<CONTENT_LEN>().ok_or(TicketError::Length)?);
        let tag: [u8; TAG_LEN] = fields.take().ok_or(TicketError::Length)?;
        let keys = [Some(&self.current), self.previous.as_ref()];
        let key =
            keys.into_iter().flatten().find(|key| *key.id() == key_id).ok_or(TicketError::UnknownKey)?;
        if !open_with_xnonce(key.bytes(), &nonce(&id), LABEL, &mut *text, &tag) {
            return Err(TicketError::Damaged);
        }
        let (content, issued) = TicketContent::decode(&text).ok_or(TicketError::UnknownProtocol)?;
        let expires =
            issued.saturating_add(self.lifetime.lifetime).min(content.began.saturating_add(Lifetime::MAX));
        if issued > unix.saturating_add(self.lifetime.skew) {
            return Err(TicketError::Early);
        }
        if unix >= expires {
            return Err(TicketError::Expired);
        }
        Ok(Opened { id, issued, expires, content })
    }
}

/// The id and zeros: random enough for a nonce by itself.
fn nonce(id: &[u8; ID_LEN]) -> [u8; XNONCE_LEN] {
    let mut nonce = [0; XNONCE_LEN];
    nonce.iter_mut().zip(id).for_each(|(to, from)| *to = *from);
    nonce
}
