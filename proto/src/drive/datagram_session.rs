//! Joins the loop over a datagram socket and the datagram sessions.

use super::datagrams::{DatagramIo, Datagrams, Incoming};
use crate::datagram::{ConnectError, Endpoint, Event, PeerId};
use crate::noise::PublicKey;
use core::net::SocketAddr;

/// What [`Datagrams::next`] gives of datagram sessions.
pub type DatagramIncoming<'b> = Incoming<'b, Event, PeerId>;

impl<T: DatagramIo> Datagrams<Endpoint, T> {
    /// Begins a session with the end at `address`, which must have the static key `key`
    /// ([`Endpoint::connect`]). Whether it comes to be is told by an [`Event`] from [`next`](Datagrams::next), which
    /// also sends what is owed.
    ///
    /// # Errors
    /// There is no attempt then.
    pub fn connect(&mut self, address: SocketAddr, key: Option<PublicKey>) -> Result<PeerId, ConnectError> {
        let now = self.io.now();
        self.machine.connect(now, address, key)
    }

    /// Ends the session with `peer` and tells it why ([`Endpoint::close`]).
    pub async fn close(&mut self, peer: PeerId, code: u16) {
        self.machine.close(peer, code);
        self.flush().await;
    }
}
