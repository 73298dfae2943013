//! The first flight of an initiator as a responder reads it: hello, first packet, mac1 (docs/wire.md, section 1.2).

use super::super::error::Error;
use super::super::hello::{self, Offer, Parsed};
use super::super::packet::packet_len;
use crate::guard::Mac;

/// Bytes of a mac1 or mac2.
pub(super) const MAC_LEN: usize = size_of::<Mac>();

/// What was read of a first flight.
// On the stack, and looked at at once.
#[allow(clippy::large_enum_variant)]
pub(super) enum Flight {
    /// The hello is there, its packet and mac1 are not: so many more bytes are needed at least.
    Hello(Offer, usize),
    Whole(Parts),
    /// So many more bytes are needed for the hello at least.
    Need(usize),
}

/// Where the parts of a first flight lie.
pub(super) struct Parts {
    pub(super) offer: Offer,
    /// Length of the hello.
    pub(super) hello: usize,
    /// Length of hello and first packet: what mac1 covers.
    pub(super) covered: usize,
    pub(super) mac1: Mac,
}

/// Reads the flight at the front of `buf`. What is wrong is refused at once, without waiting for more.
pub(super) fn parse(buf: &[u8]) -> Result<Flight, Error> {
    let (offer, hello) = match hello::parse(buf)? {
        Parsed::Whole(offer, len) => (offer, len),
        Parsed::Need(missing) => return Ok(Flight::Need(missing)),
    };
    let covered = match packet_len(buf.get(hello..).unwrap_or_default())? {
        Ok(packet) => hello + packet,
        Err(missing) => return Ok(Flight::Hello(offer, missing)),
    };
    let behind = buf.get(covered..).unwrap_or_default();
    Ok(match behind.first_chunk() {
        Some(&mac1) => Flight::Whole(Parts { offer, hello, covered, mac1 }),
        None => Flight::Hello(offer, MAC_LEN - behind.len()),
    })
}
