//! Where a peer is: it moves only to an address from which it has answered a question, so that nobody can turn what is
//! sent to him on a third (RFC 9000, section 8.2).

use super::{Context, Peer};
use core::net::SocketAddr;

/// An address that the newest packet came from, and what it is asked.
pub(super) struct Probe {
    address: SocketAddr,
    /// Of the Ping that goes there; a secret until it was received.
    ping: u64,
    owed: bool,
}

impl Probe {
    pub(super) const fn is_owed(&self) -> bool {
        self.owed
    }

    /// Where the Ping goes, and its id, if it is owed.
    pub(super) fn take(&mut self) -> Option<(SocketAddr, u64)> {
        core::mem::take(&mut self.owed).then_some((self.address, self.ping))
    }
}

impl Peer {
    /// A packet newer than all before came from `source`. Each from another address than the peer's is answered there with
    /// one Ping, so what is lost is asked again, and nobody gets more packets than were sent in his name.
    pub(super) fn came_from(&mut self, cx: &mut Context<'_>, source: SocketAddr) {
        if source == self.address {
            self.probe = None;
            return;
        }
        match self.probe.as_mut().filter(|probe| probe.address == source) {
            Some(probe) => probe.owed = true,
            None => self.probe = Some(Probe { address: source, ping: cx.draws.id(|_| false), owed: true }),
        }
    }

    /// A Pong came, wherever from. Gives whether the peer moves by it.
    pub(super) fn answered(&mut self, ping: u64) -> bool {
        let Some(probe) = self.probe.take_if(|probe| probe.ping == ping) else { return false };
        self.address = probe.address;
        true
    }
}
