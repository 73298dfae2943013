//! From the first byte to the keys, and who takes those (docs/wire.md, section 1).
//!
//! The bytes of an opening are `session/opening/`'s business; here is what its steps mean for a session.

use super::{Control, Timer};
use crate::buf::{Span, TxBuf};
use crate::entropy::Seed;
use crate::guard::{Answer, Question};
use crate::heartbeat::Heartbeat;
use crate::machine::Recv;
use crate::noise::{KeptKey, RecvCipher, Role, SendCipher};
use crate::session::Event;
use crate::session::error::{Error, SendError};
use crate::session::opening::Opened;
use crate::session::seal::Sealer;
use crate::session::snapshot::Notices;
use crate::session::stats::Traffic;
use crate::time::Instant;
use core::time::Duration;

/// Gone once both halves have theirs.
pub(super) struct Keys {
    /// For the heartbeat, which begins when the keys are there.
    pub(super) seed: Seed,
    pub(super) began: Instant,
    pub(super) send: Option<SendCipher>,
    pub(super) recv: Option<RecvCipher>,
    /// The key of `recv`, where it may be handed over.
    pub(super) recv_key: Option<KeptKey>,
    /// Of a restored session: what the peer is told first, and what was counted before.
    pub(super) restored: Option<(Notices, Traffic)>,
}

impl Keys {
    pub(super) fn new(seed: &Seed, began: Instant) -> Self {
        Self { seed: seed.child("heartbeat"), began, send: None, recv: None, recv_key: None, restored: None }
    }
}

impl Control {
    pub(in crate::session) fn set_unix_time(&mut self, unix: Duration) {
        if let Some(opening) = &mut self.opening {
            opening.set_unix_time(unix);
            if self.config.role == Role::Responder && self.config.tickets.is_none() {
                return;
            }
            let began = self.keys.as_ref().map(|keys| keys.began);
            self.tickets.get_or_insert_default().clock = began.map(|began| (unix, began));
        }
    }

    pub(in crate::session) fn set_asking(&mut self) {
        if let Some(opening) = &mut self.opening {
            opening.set_asking();
            if self.config.tickets.is_some() {
                self.tickets.get_or_insert_default().id = Some(opening.ticket_id());
            }
        }
    }

    pub(in crate::session) fn question(&self) -> Option<Question> {
        self.opening.as_ref().and_then(|opening| opening.question())
    }

    pub(in crate::session) fn answer(&mut self, now: Instant, answer: Answer) -> Result<(), Error> {
        let Some(opening) = &mut self.opening else { return Ok(()) };
        if let Answer::Wait(time) = answer {
            // Not at this instant: a deadline must be later than the one it is set at.
            self.timers.set(Timer::Ask, now + time.max(Duration::from_nanos(1)));
            return Ok(());
        }
        opening.answer(answer).map_err(|error| self.fail(error))
    }

    /// Passes received bytes to the opening. `Established` comes with the last of them, or in a call of its own
    /// if there is another event or this end wrote the last handshake message.
    pub(in crate::session) fn recv_opening(
        &mut self,
        now: Instant,
        buf: &mut [u8],
    ) -> Result<Recv<Event<Span>>, Error> {
        if self.has_event() {
            return Ok(self.announce(0));
        }
        self.keep_deadlines(now)?;
        let Some(opening) = &mut self.opening else { return Ok(Recv::need(0, 0)) };
        match opening.recv(buf) {
            Ok((recv, opened)) => {
                let complete = opened.is_some();
                self.opened(now, opened);
                Ok(if complete && recv.event.is_none() && !self.awaits_proof {
                    self.announce(recv.consumed)
                } else {
                    recv
                })
            }
            Err(error) => Err(self.fail(error)),
        }
    }

    /// Whether `Established` is to be announced.
    pub(in crate::session) const fn has_event(&self) -> bool {
        self.info.is_some() && !self.announced && !self.awaits_proof && self.failure.is_none()
    }

    fn announce(&mut self, consumed: usize) -> Recv<Event<Span>> {
        self.announced = true;
        self.timers.clear(Timer::Announce);
        Recv::event(consumed, Event::Established)
    }

    /// The receiving key, once `Established` has been announced or waits for the peer's first record.
    pub(in crate::session) fn take_recv_key(&mut self) -> Option<(RecvCipher, Option<KeptKey>)> {
        let keys = self.keys.as_mut().filter(|_| self.announced | self.awaits_proof)?;
        let (cipher, key) = (keys.recv.take(), keys.recv_key.take());
        self.free_keys();
        Some((cipher?, key))
    }

    /// Appends what the opening owes. Says whether that ended it, well or not.
    pub(in crate::session) fn transmit_opening(&mut self, now: Instant, tx: &mut TxBuf) -> bool {
        let Some(opening) = &mut self.opening else { return false };
        match opening.transmit(tx) {
            Ok(Some(opened)) => {
                self.opened(now, Some(opened));
                if !self.awaits_proof {
                    // Nobody may be about to call `recv`: the peer perhaps waits for this end to begin.
                    self.timers.set(Timer::Announce, now);
                }
            }
            Ok(None) => {}
            Err(error) => {
                self.fail(error);
                if let Some(opening) = &mut self.opening {
                    // The alert, which has room where the handshake message had some.
                    let _ = opening.transmit(tx);
                }
            }
        }
        let failed = self.failure.is_some() && self.opening.as_ref().is_some_and(|o| o.is_over());
        self.over |= failed;
        failed || self.opening.is_none()
    }

    /// The sending key, once the handshake is complete, and what goes out before its first record.
    ///
    /// # Errors
    /// [`SendError::Full`] if that is more than `room`.
    pub(in crate::session) fn take_send_key(
        &mut self,
        room: usize,
    ) -> Result<Option<(Sealer, Notices)>, SendError> {
        let Some(keys) = &mut self.keys else { return Ok(None) };
        if keys.restored.as_ref().is_some_and(|(notices, _)| notices.len() > room) {
            return Err(SendError::Full);
        }
        let (cipher, restored) = (keys.send.take(), keys.restored.take());
        self.free_keys();
        let config = &self.config;
        Ok(cipher.map(|cipher| match restored {
            Some((notices, traffic)) => (Sealer::restored(cipher, config, &traffic), notices),
            None => (Sealer::new(cipher, config), Notices::new()),
        }))
    }

    /// Gives the memory back once both halves have their keys.
    fn free_keys(&mut self) {
        self.keys.take_if(|keys| self.info.is_some() && keys.send.is_none() && keys.recv.is_none());
    }

    fn opened(&mut self, now: Instant, opened: Option<Opened>) {
        let Some(Opened { transport, info, origin }) = opened else { return };
        if origin.is_some() {
            self.tickets.get_or_insert_default().origin = origin;
        }
        self.opening = None;
        self.info = Some(info);
        self.awaits_proof = self.config.require_identity;
        if !self.awaits_proof {
            self.timers.clear(Timer::Opening);
        }
        self.timers.set(Timer::Rekey, now + self.config.rekey.age);
        self.timers.set(Timer::Lifetime, now + self.config.lifetime);
        let Some(keys) = &mut self.keys else { return };
        (keys.send, keys.recv) = (transport.send, transport.recv);
        self.exporter = Some(transport.exporter);
        keys.recv_key = Some(transport.recv_key).filter(|_| self.config.snapshots);
        self.heartbeat =
            self.config.heartbeat.map(|config| Heartbeat::new(config, keys.seed.jitter("ping"), now));
    }
}
