//! What a peer waits for, and what follows when it has waited long enough: repetition, other keys, the end.

use super::{Context, Peer};
use crate::datagram::EndReason;
use crate::datagram::config::Config;
use crate::datagram::exchange::{Binding, Exchange};
use crate::datagram::keys::Keys;
use crate::heartbeat::Heartbeat;
use crate::noise::Role;
use crate::time::Instant;
use alloc::boxed::Box;

impl Peer {
    /// Another handshake in the place of the one there is, whose keys stay if it made any.
    pub(super) fn set_exchange(&mut self, cx: &mut Context<'_>, exchange: Option<Exchange>) {
        if let Some(old) = core::mem::replace(&mut self.exchange, exchange).filter(|old| !old.is_finished()) {
            cx.retire(old.local_id);
        }
    }

    pub(super) fn rekey_if_worn(&mut self, cx: &mut Context<'_>) {
        let worn = self.current.as_ref().is_some_and(|keys| keys.is_worn(&cx.config.rekey));
        if worn && self.role == Role::Initiator && self.exchange.is_none() {
            self.begin_rekey(cx);
        }
    }

    pub(super) fn begin_rekey(&mut self, cx: &mut Context<'_>) {
        self.rekey_at = Instant::MAX;
        let Some(current) = &self.current else { return };
        let binding = Binding::Rekey(current.hash);
        let local_id = cx.new_id();
        let exchange = Exchange::begin(cx.config, binding, self.key, None, local_id, cx.now, cx.draws);
        match exchange {
            Ok(exchange) => self.set_exchange(cx, Some(exchange)),
            // The same keys made a handshake before, so it does not happen; the session would end with its keys.
            Err(_) => cx.retire(local_id),
        }
    }

    /// When to call [`handle_timeout`](Self::handle_timeout).
    pub(in crate::datagram) fn poll_timeout(&self, config: &Config) -> Option<Instant> {
        let expiry = |keys: &Option<Box<Keys>>| keys.as_ref().map(|keys| keys.expiry(&config.rekey));
        let exchange = self.exchange.as_ref();
        let next = [
            expiry(&self.current),
            expiry(&self.next),
            expiry(&self.previous),
            exchange.map(|exchange| exchange.deadline.min(exchange.again)),
            exchange.is_none().then_some(self.rekey_at),
            self.heartbeat.as_ref().and_then(Heartbeat::poll_timeout),
        ];
        next.into_iter().flatten().min().filter(|at| *at < Instant::MAX)
    }

    /// Acts on the deadlines that have come. Gives why the peer is lost, if it is.
    pub(in crate::datagram) fn handle_timeout(&mut self, cx: &mut Context<'_>) -> Option<EndReason> {
        if let Some(Err(dead)) = self.heartbeat.as_mut().map(|heartbeat| heartbeat.handle_timeout(cx.now)) {
            return Some(EndReason::Dead(dead));
        }
        let (now, policy) = (cx.now, cx.config.rekey);
        let expired = |keys: &mut Box<Keys>| keys.expiry(&policy) <= now;
        if self.current.as_mut().is_some_and(expired) {
            return Some(EndReason::KeysExpired);
        }
        for keys in [&mut self.next, &mut self.previous] {
            if let Some(old) = keys.take_if(|keys| expired(keys)) {
                cx.retire(old.local_id);
            }
        }
        let Some(exchange) = &mut self.exchange else {
            if self.rekey_at <= now {
                self.begin_rekey(cx);
            }
            return None;
        };
        if exchange.deadline <= now {
            // A responder knows a late copy of the first message by it, which would make other keys in the place of those
            // that the peer may have.
            let next =
                self.next.as_ref().filter(|next| next.local_id == exchange.local_id && self.established);
            if let Some(next) = next.filter(|_| self.role == Role::Responder) {
                exchange.deadline = next.expiry(&policy);
                return None;
            }
            // A session that nothing was heard of since its handshake never came to be.
            let heard = self.current.as_ref().is_some_and(|keys| keys.heard) || self.previous.is_some();
            if !heard {
                return Some(EndReason::HandshakeTimeout);
            }
            let again = !exchange.read_last && self.role == Role::Initiator;
            self.set_exchange(cx, None);
            if again {
                self.begin_rekey(cx);
            }
        } else if exchange.again <= now {
            exchange.schedule(now);
            if exchange.read_last { self.confirm = true } else { exchange.owed = true }
        }
        None
    }
}
