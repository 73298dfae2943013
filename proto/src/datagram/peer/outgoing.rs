//! What is sent to a peer: messages, and packets that are owed.

use super::path::Probe;
use super::{Context, Peer};
use crate::datagram::error::SendError;
use crate::datagram::keys::Unusable;
use crate::datagram::packet::{OVERHEAD, Outgoing};
use crate::heartbeat::Heartbeat;
use core::net::SocketAddr;

impl Peer {
    /// Seals a message into `out` and gives the datagram's length.
    pub(in crate::datagram) fn send(
        &mut self,
        cx: &mut Context<'_>,
        message: &[u8],
        out: &mut [u8],
    ) -> Result<usize, SendError> {
        let current = self.current.as_mut().ok_or(SendError::NotEstablished)?;
        let max = cx.config.max_message();
        if message.len() > max {
            return Err(SendError::TooLarge { max });
        }
        let sealed = current.seal(cx.now, &cx.config.rekey, &Outgoing::Message(message), out);
        let len = sealed.map_err(|unusable| match unusable {
            Unusable::Expired => SendError::KeyExpired,
            Unusable::UsedUp => SendError::KeyExhausted,
            Unusable::NoRoom => SendError::NoRoom { needed: OVERHEAD + message.len() },
        })?;
        if let Some(heartbeat) = &mut self.heartbeat {
            heartbeat.on_message(cx.now);
        }
        self.rekey_if_worn(cx);
        Ok(len)
    }

    /// Owes the peer a Close; nothing else is sent any more.
    pub(in crate::datagram) const fn close(&mut self, code: u16) {
        self.closing = Some(code);
    }

    /// Whether [`transmit`](Self::transmit) has something to send.
    pub(in crate::datagram) fn owes(&self) -> bool {
        self.exchange.as_ref().is_some_and(|exchange| exchange.owed)
            || self.confirm
            || self.pong.is_some()
            || self.probe.as_ref().is_some_and(Probe::is_owed)
            || self.closing.is_some()
            || self.heartbeat.as_ref().is_some_and(Heartbeat::ping_owed)
    }

    /// Whether the session is over once [`transmit`](Self::transmit) was called.
    pub(in crate::datagram) const fn is_closing(&self) -> bool {
        self.closing.is_some()
    }

    /// Writes the next packet that is owed to the front of `out`, which has room for the largest; gives its length and
    /// where it goes.
    pub(in crate::datagram) fn transmit(
        &mut self,
        cx: &mut Context<'_>,
        out: &mut [u8],
    ) -> Option<(usize, SocketAddr)> {
        let mut destination = self.address;
        let Some(current) = &mut self.current else {
            let exchange = self.exchange.as_mut().filter(|exchange| exchange.owed)?;
            exchange.owed = false;
            let packet = exchange.packet();
            out.get_mut(..packet.len())?.copy_from_slice(packet);
            return Some((packet.len(), destination));
        };
        let frame = if let Some(code) = self.closing {
            Outgoing::Close(code)
        } else if let Some(exchange) = self.exchange.as_mut().filter(|exchange| exchange.owed) {
            exchange.owed = false;
            Outgoing::Handshake(exchange.packet())
        } else if core::mem::take(&mut self.confirm) {
            Outgoing::Ping(0)
        } else if let Some((address, ping)) = self.probe.as_mut().and_then(Probe::take) {
            destination = address;
            Outgoing::Ping(ping)
        } else if let Some(ping) = self.pong.take() {
            Outgoing::Pong(ping)
        } else {
            Outgoing::Ping(self.heartbeat.as_mut()?.take_ping(cx.now)?)
        };
        let len = current.seal(cx.now, &cx.config.rekey, &frame, out).ok()?;
        Some((len, destination))
    }
}
