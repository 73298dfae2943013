//! Data packets of a peer on their way in: opened, what they prove, what they carry.

use super::{Context, Peer, Taken};
use crate::datagram::error::Discard;
use crate::datagram::exchange::{Binding, Exchange};
use crate::datagram::packet::{DATA_HEAD, Frame, Head, parse};
use crate::noise::Role;
use core::net::SocketAddr;
use core::time::Duration;

/// The least time between handshakes for other keys that a responder begins to answer. A first message that comes too
/// soon is not lost: the peer repeats it.
const REKEY_SPACING: Duration = Duration::from_millis(100);

impl Peer {
    /// A data packet for the session `id`.
    pub(in crate::datagram) fn take_data(
        &mut self,
        cx: &mut Context<'_>,
        source: SocketAddr,
        (id, number): (u64, u64),
        packet: &mut [u8],
    ) -> Result<Taken, Discard> {
        let all = [&mut self.current, &mut self.next, &mut self.previous];
        let keys =
            all.into_iter().flatten().find(|keys| keys.local_id == id).ok_or(Discard::UnknownSession)?;
        let opened = keys.open(cx.now, &cx.config.rekey, number, packet)?;
        // The packet is authentic from here on.
        let mut taken = Taken { established: self.hear(cx, id), ..Taken::default() };
        let is_current = self.current.as_ref().is_some_and(|keys| keys.local_id == id);
        if opened.newest && is_current {
            self.came_from(cx, source);
        }
        if let Some(heartbeat) = &mut self.heartbeat {
            heartbeat.on_received(cx.now);
        }
        let plain = packet.get_mut(DATA_HEAD..opened.end).unwrap_or_default();
        match Frame::parse(plain) {
            Some(Frame::Message) => {
                if let Some(heartbeat) = &mut self.heartbeat {
                    heartbeat.on_message(cx.now);
                }
                taken.message = Some(DATA_HEAD + 1..opened.end);
            }
            Some(Frame::Ping(ping)) => self.pong = Some(ping),
            Some(Frame::Pong(ping)) => {
                taken.moved = self.answered(ping);
                if let Some(heartbeat) = &mut self.heartbeat {
                    heartbeat.on_pong(cx.now, ping);
                }
            }
            Some(Frame::Close(code)) => taken.closed = Some(code),
            Some(Frame::Handshake(inner)) => {
                let ready =
                    if inner.get(1) == Some(&0) { self.answer_rekey(cx, id, number, inner) } else { Ok(()) };
                match ready.and_then(|()| self.take_handshake(cx, inner)) {
                    Ok(inner) => taken.established |= inner.established,
                    Err(discard) => taken.discarded = Some(discard),
                }
            }
            // Of a later version: skipped.
            None => {}
        }
        self.rekey_if_worn(cx);
        Ok(taken)
    }

    /// An authentic packet came under the keys of `id`: the peer has them. Gives whether that establishes the session.
    fn hear(&mut self, cx: &mut Context<'_>, id: u64) -> bool {
        if self.exchange.as_ref().is_some_and(|exchange| exchange.is_finished() && exchange.local_id == id) {
            self.exchange = None;
        }
        match self.next.take_if(|next| next.local_id == id) {
            Some(next) => {
                // A handshake that replaces the keys before cannot come to an end any more.
                self.set_exchange(cx, None);
                self.rotate(cx, next)
            }
            None => false,
        }
    }

    /// Makes ready for the first message of a handshake for other keys, unless it is the one in progress.
    fn answer_rekey(
        &mut self,
        cx: &mut Context<'_>,
        id: u64,
        number: u64,
        packet: &[u8],
    ) -> Result<(), Discard> {
        let digest = cx.digests.digest(&[packet]);
        if self.exchange.as_ref().is_some_and(|exchange| exchange.has_just_read(&digest)) {
            return Ok(());
        }
        if self.previous.as_ref().is_some_and(|keys| keys.local_id == id && self.role == Role::Responder) {
            // The peer begins anew since it never learnt that this end has the keys after those: it has them too.
            self.confirm = true;
            return Err(Discard::Unexpected);
        }
        let current =
            self.current.as_mut().filter(|keys| keys.local_id == id && self.role == Role::Responder);
        let current = current.ok_or(Discard::Unexpected)?;
        // One that was overtaken by the first message of a later handshake must not replace that.
        if current.began.is_some_and(|began| began > number) {
            return Err(Discard::Unexpected);
        }
        if cx.now < self.rekey_from {
            return Err(Discard::Unexpected);
        }
        self.rekey_from = cx.now + REKEY_SPACING;
        current.began = Some(number);
        let binding = Binding::Rekey(current.hash);
        let Some(Head::First { id: remote_id }) = parse(packet) else { return Err(Discard::Malformed) };
        let local_id = cx.new_id();
        match Exchange::answer(cx.config, binding, remote_id, local_id, cx.now, cx.draws) {
            Ok(exchange) => {
                self.set_exchange(cx, Some(exchange));
                Ok(())
            }
            Err(discard) => {
                cx.retire(local_id);
                Err(discard)
            }
        }
    }
}
