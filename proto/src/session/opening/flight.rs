//! The first flight of an initiator as a responder reads it: hello, first packet, mac1 (docs/wire.md, section 1.2).

use super::super::error::Error;
use super::super::packet::packet_len;
use crate::guard::Mac;

/// Bytes of a mac1 or mac2.
pub(super) const MAC_LEN: usize = size_of::<Mac>();

/// Where the parts of a first flight lie.
pub(super) struct Parts {
    /// Length of the hello.
    pub(super) hello: usize,
    /// Length of hello and first packet: what mac1 covers.
    pub(super) covered: usize,
    pub(super) mac1: Mac,
}

/// Finds the parts of the flight at the front of `buf`, whose hello is `hello` bytes long. The inner error: so many more
/// bytes are needed at least.
pub(super) fn parts(buf: &[u8], hello: usize) -> Result<Result<Parts, usize>, Error> {
    let covered = match packet_len(buf.get(hello..).unwrap_or_default())? {
        Ok(packet) => hello + packet,
        Err(missing) => return Ok(Err(missing)),
    };
    let behind = buf.get(covered..).unwrap_or_default();
    Ok(match behind.first_chunk() {
        Some(&mac1) => Ok(Parts { hello, covered, mac1 }),
        None => Err(MAC_LEN - behind.len()),
    })
}
