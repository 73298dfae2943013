//! Stateless resumption: a server seals what it knows of a session into a ticket, the client keeps the ticket and shows
//! it when it comes again, and both go on from a pre-shared key.
//!
//! Here are tickets and the keys they are sealed with, the filter that lets each be used once, what the client keeps, and
//! the derivation of the pre-shared key. Pure values: no I/O, clock or entropy. How a ticket travels and in which
//! handshake the key is used is the protocol's business. May use `time`, `entropy` and `noise`.
//!
//! ```
//! use sealock_proto::entropy::Seed;
//! use sealock_proto::noise::Protocol;
//! use sealock_proto::resume::{Lifetime, SpentTickets, TicketContent, TicketKey, TicketKeys, resumption_psk};
//! use std::time::Duration;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let protocol: Protocol = "Noise_XX_25519_ChaChaPoly_BLAKE2s".parse()?;
//! let unix = Duration::from_secs(1_800_000_000);
//! // In earnest seed, exported secret and the ticket's id are random.
//! let keys = TicketKeys::new(TicketKey::derive(&Seed::new(&mut [1; 32]), 0), Lifetime::default())?;
//! let mut spent = SpentTickets::new(10_000, unix)?;
//! let resumption = protocol.resumption().ok_or("a protocol that cannot be resumed")?;
//! let psk = resumption_psk(&[2; 32], b"handshake hash", &resumption, 0);
//! let content = TicketContent { psk, protocol, began: unix, peer: None, context: [0; 32] };
//!
//! let later = unix + Duration::from_secs(60);
//! let ticket = keys.seal(later, [3; 16], &content);
//! let opened = keys.open(later, ticket.as_bytes())?;
//! assert!(spent.spend(&opened).is_ok());
//! assert!(spent.spend(&opened).is_err());
//! # Ok(())
//! # }
//! ```

mod client;
mod content;
mod ids;
mod key;
mod keys;
mod psk;
mod spent;
#[cfg(test)]
mod tests;

pub use client::{ClientTicket, ClientTicketError};
pub use content::TicketContent;
pub use key::TicketKey;
pub use keys::{Lifetime, LifetimeError, Opened, TICKET_LEN, Ticket, TicketError, TicketKeys};
pub(crate) use psk::admission_context;
pub use psk::resumption_psk;
pub use spent::{CapacityError, RestoreError, Spent, SpentTickets};
