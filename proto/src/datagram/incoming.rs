//! Datagrams on their way in: which peer each is for, and who becomes one.

use super::endpoint::{Endpoint, MAX_COOKIES};
use super::error::Discard;
use super::packet::{Head, MIN_FIRST, cookie_reply, parse, split_macs};
use super::peer::{self, Taken};
use super::slots::Admitted;
use super::{EndReason, PeerId};
use crate::guard::{Cookie, GateAnswer, Mac};
use crate::limit::Source;
use crate::machine::Received;
use crate::time::Instant;
use core::net::SocketAddr;
use core::ops::Range;

/// The handshakes in progress that are load whatever the gate's own number: when they are more than one in so many of the
/// places that handshakes can have. Else a few messages from forged addresses could take all places of a small endpoint.
const STRANGERS_SHARE: usize = 4;

impl Endpoint {
    /// Works on a datagram that came from `source`, in place. Gives the message in it, if there is one; call
    /// [`poll_event`](Self::poll_event) before using that. What is wrong with a datagram is counted in
    /// [`stats`](Self::stats) and changes nothing else. The bytes of `datagram` are spoilt either way.
    pub fn recv<'a>(
        &mut self,
        now: Instant,
        source: SocketAddr,
        datagram: &'a mut [u8],
    ) -> Option<Received<PeerId, &'a mut [u8]>> {
        let (peer, range) = self.take(now, source, datagram)?;
        Some(Received { peer, payload: datagram.get_mut(range)? })
    }

    /// The same, with where the message lies instead of the message.
    pub(super) fn take(
        &mut self,
        now: Instant,
        source: SocketAddr,
        datagram: &mut [u8],
    ) -> Option<(PeerId, Range<usize>)> {
        match self.dispatch(now, source, datagram) {
            Ok(message) => message,
            Err(reason) => {
                self.stats.discards.count(reason);
                None
            }
        }
    }

    fn dispatch(
        &mut self,
        now: Instant,
        source: SocketAddr,
        datagram: &mut [u8],
    ) -> Result<Option<(PeerId, Range<usize>)>, Discard> {
        if datagram.len() > self.config.max_datagram {
            return Err(Discard::TooLarge);
        }
        match parse(datagram).ok_or(Discard::Malformed)? {
            Head::First { id } => self.recv_first(now, source, id, datagram).map(|()| None),
            Head::Later { id, .. } => {
                let number = self.from(source, id)?;
                let (slots, mut cx) = self.context(now, number);
                let peer = slots.peer_mut(number).ok_or(Discard::UnknownSession)?;
                let taken = peer.take_handshake(&mut cx, datagram)?;
                Ok(self.taken(number, taken))
            }
            Head::Cookie { id } => {
                let number = self.from(source, id)?;
                let peer = self.slots.peer_mut(number).ok_or(Discard::UnknownSession)?;
                peer.take_cookie(datagram)?;
                self.settle(number);
                Ok(None)
            }
            Head::Data { id, number: counter } => {
                let number = self.ids.get(&id).copied().ok_or(Discard::UnknownSession)?;
                let (slots, mut cx) = self.context(now, number);
                let peer = slots.peer_mut(number).filter(|peer| !peer.is_closing());
                let peer = peer.ok_or(Discard::UnknownSession)?;
                let taken = peer.take_data(&mut cx, source, (id, counter), datagram)?;
                Ok(self.taken(number, taken))
            }
        }
    }

    /// Who owns the session `id`, if `source` is its address: a handshake does not move.
    fn from(&mut self, source: SocketAddr, id: u64) -> Result<u32, Discard> {
        let number = self.ids.get(&id).copied().ok_or(Discard::UnknownSession)?;
        let peer = self.slots.peer_mut(number).ok_or(Discard::UnknownSession)?;
        if peer.address == source { Ok(number) } else { Err(Discard::WrongSource) }
    }

    /// What follows from a packet that was taken.
    fn taken(&mut self, number: u32, taken: Taken) -> Option<(PeerId, Range<usize>)> {
        if taken.established {
            self.establish(number);
        }
        let id = self.slots.id(number);
        if let Some(reason) = taken.discarded {
            self.stats.discards.count(reason);
        }
        self.stats.moved = self.stats.moved.saturating_add(taken.moved.into());
        match taken.closed {
            Some(code) => self.end(number, Some(EndReason::Closed(code))),
            None => self.settle(number),
        }
        let message = taken.message?;
        self.stats.messages = self.stats.messages.saturating_add(1);
        Some((id?, message))
    }

    /// A first message: the cheapest checks come first, a key agreement last.
    fn recv_first(
        &mut self,
        now: Instant,
        source: SocketAddr,
        remote_id: u64,
        datagram: &mut [u8],
    ) -> Result<(), Discard> {
        if !self.config.accept {
            return Err(Discard::NotAccepting);
        }
        // No answer is longer than the message: nobody is worth using against a third.
        if datagram.len() < MIN_FIRST || remote_id == 0 {
            return Err(Discard::Malformed);
        }
        let (packet, mac1, mac2) = split_macs(datagram).ok_or(Discard::Malformed)?;
        let digest = self.gate_key.digest(&[packet]);
        if !digest.verify(&mac1) {
            return Err(Discard::Mac);
        }
        let first = (*digest.as_bytes(), source);
        if let Some(number) = self.firsts.get(&first).copied() {
            let peer = self.slots.peer_mut(number).ok_or(Discard::UnknownSession)?;
            peer.repeat_first(&digest);
            self.settle(number);
            return Ok(());
        }
        let proven = match self.ask_gate(now, source, &mac1, &mac2) {
            Ok(proven) => proven.then(|| Source::from_ip(source.ip())),
            Err(Some(cookie)) => {
                self.owe_cookie(source, remote_id, &cookie, &mac1);
                return Ok(());
            }
            Err(None) => return Err(Discard::Full),
        };
        if self.slots.len() >= self.config.max_peers || self.admission.admit(now, proven).is_err() {
            return Err(Discard::Full);
        }
        let number = self.slots.vacant();
        let (_, mut cx) = self.context(now, number);
        match peer::accept(&mut cx, source, remote_id, packet) {
            Ok(peer) => {
                self.slots.fill(peer, Admitted::Handshake(proven), Some(first));
                self.firsts.insert(first, number);
                self.settle(number);
                Ok(())
            }
            Err(discard) => {
                self.admission.handshake_failed(proven);
                Err(discard)
            }
        }
    }

    /// Whether the source has shown a cookie, or the cookie it must show, or nothing if there are too many.
    fn ask_gate(
        &mut self,
        now: Instant,
        source: SocketAddr,
        mac1: &Mac,
        mac2: &Mac,
    ) -> Result<bool, Option<Cookie>> {
        let verified = self.gate.stats().verified;
        let in_progress = self.admission.stats().handshakes;
        let places = self.config.max_peers.saturating_sub(self.slots.len()).saturating_add(in_progress);
        let room = places.min(self.admission.handshake_room());
        let in_progress = in_progress.saturating_add(1);
        let scarce = in_progress.saturating_mul(STRANGERS_SHARE) > room;
        let backlog = if scarce { usize::MAX } else { in_progress };
        match self.gate.ask(now, Some(source), mac1, mac2, backlog) {
            GateAnswer::Proceed => Ok(self.gate.stats().verified != verified),
            GateAnswer::Cookie(cookie) => Err(Some(cookie)),
            _ => Err(None),
        }
    }

    fn owe_cookie(&mut self, source: SocketAddr, id: u64, cookie: &Cookie, mac1: &Mac) {
        self.stats.cookies = self.stats.cookies.saturating_add(1);
        if self.cookies.len() >= MAX_COOKIES {
            self.stats.cookies_dropped = self.stats.cookies_dropped.saturating_add(1);
            return;
        }
        let sealed = self.gate_key.seal_cookie(cookie, mac1, &self.draws.array());
        self.cookies.push_back((source, cookie_reply(id, &sealed)));
    }
}
