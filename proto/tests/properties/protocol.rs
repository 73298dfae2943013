//! What the properties need to know of a protocol.

use sealock_proto::buf::TxBuf;
use sealock_proto::sim::{Pair, Side, Subject};
use sealock_proto::time::Instant;

/// A protocol over a byte stream that carries messages both ways.
pub(crate) trait Protocol {
    /// Either end.
    type Machine: Subject<Owned: PartialEq, Error: PartialEq>;

    /// Whether a byte that was changed on the way is always noticed. If not, it may change a message, and no more.
    fn is_authenticated(&self) -> bool {
        true
    }

    /// One end that begins at the epoch, with everything secret drawn from `seed`.
    fn machine(&self, side: Side, seed: u64) -> Self::Machine;

    /// The most bytes the protocol says a read buffer needs.
    fn rx_limit(&self) -> usize;

    /// The smallest limit of a transmit buffer, where it is more than usual.
    fn min_tx_limit(&self) -> usize {
        0
    }

    /// The largest message the buffer takes at once, in bytes.
    fn max_message(&self) -> usize;

    /// Sends a message; whether it was accepted.
    fn send(machine: &mut Self::Machine, now: Instant, message: &[u8], tx: &mut TxBuf) -> bool;

    /// Begins to end the session in the ordinary way.
    fn close(machine: &mut Self::Machine, now: Instant, tx: &mut TxBuf);

    /// The message an event brings, if it brings one.
    fn message(event: &<Self::Machine as Subject>::Owned) -> Option<&[u8]>;

    /// Whether an event says that the peer has ended the session in the ordinary way.
    fn is_end(event: &<Self::Machine as Subject>::Owned) -> bool;

    /// What else the owners of an established session can do that shows on the wire, without an end to it. The
    /// transmit buffers hold 8 KiB.
    fn exercise(&self, _pair: &mut Pair<Self::Machine, Self::Machine>) {}

    /// Both ends, joined by perfect links.
    fn pair(&self, seed: u64) -> Pair<Self::Machine, Self::Machine> {
        Pair::new(self.machine(Side::A, seed), self.machine(Side::B, seed))
            .with_rx_limits(self.rx_limit(), self.rx_limit())
    }
}

/// The messages an end was given.
pub(crate) fn messages<P: Protocol>(end: &sealock_proto::sim::End<P::Machine>) -> Vec<&[u8]> {
    end.events().iter().filter_map(|seen| P::message(&seen.event)).collect()
}

/// Whether an end saw the ordinary end of the session.
pub(crate) fn saw_end<P: Protocol>(end: &sealock_proto::sim::End<P::Machine>) -> bool {
    end.events().iter().any(|seen| P::is_end(&seen.event))
}
