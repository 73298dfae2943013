//! How much room in the transmit buffer frames take, and how much messages leave for the frames that must not wait. `most`
//! are the bytes that a record is filled up with at most.

use crate::noise::MAX_MESSAGE;
use crate::session::MAX_REASON;
use crate::session::control::TICKET_BODY;
use crate::session::padding::Padding;
use crate::session::seal::{RECORD_HEAD, RECORD_OVERHEAD, RECORD_ROOM, frames_in};

/// The smallest limit a transmit buffer may have, in bytes: a hello and the longest handshake message fit. With padding
/// see [`Config::min_tx_limit`](crate::session::Config::min_tx_limit).
pub const MIN_TX_LIMIT: usize = 5 * 1024;

/// Padded records that end in the buffer take more, each at most `most`: the three that a message of one frame may touch,
/// four that [`control_reserve`] keeps free, and one to spare.
pub(in crate::session) const fn min_tx_limit(most: usize) -> usize {
    MIN_TX_LIMIT + 8 * most
}

/// Left free by messages that are not padded, so that control frames do not wait behind them.
const CONTROL_RESERVE: usize = 1024;

/// Left free by messages: room for what is owed and, still, for a CLOSE.
pub(super) const fn control_reserve(most: usize) -> usize {
    CONTROL_RESERVE + 4 * most
}

/// What a simple message leaves free in the buffer beside itself.
pub(super) const SIMPLE_OVERHEAD: usize =
    wire_bound(RECORD_ROOM, Padding::None) - RECORD_ROOM + CONTROL_RESERVE;

/// The most that [`SendState::poll_transmit`](super::SendState::poll_transmit) appends: control frames, and the ends of two records. A CLOSE
/// takes no more than this and its reason.
pub(super) const fn control_room(most: usize) -> usize {
    128 + TICKET_BODY + 2 * most
}

/// Left free by all other control frames, so that a peer which sends PINGs and does not read cannot keep CLOSE
/// from its place.
pub(super) const fn close_reserve(most: usize) -> usize {
    control_room(most) + MAX_REASON
}

/// Longest head of a fragment: type, length, total.
pub(super) const FRAGMENT_HEAD: usize = 1 + 4 + 8;

/// At most how many bytes a message of `len` bytes takes in the buffer, whatever the open record holds.
pub(super) const fn wire_bound(len: usize, padding: Padding) -> usize {
    let records = len / (frames_in(MAX_MESSAGE, padding) - FRAGMENT_HEAD) + 3;
    let frames = len.saturating_add(records * (RECORD_OVERHEAD + FRAGMENT_HEAD + padding.most() as usize));
    let full = records.saturating_mul(RECORD_HEAD + padding.longest(MAX_MESSAGE));
    if full < frames { full } else { frames }
}
