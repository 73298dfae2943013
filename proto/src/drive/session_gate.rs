//! A listener's admission and guard as values that cannot be forgotten: a permit gives its place back when dropped.

#[cfg(test)]
mod tests;

use crate::entropy::Seed;
use crate::guard::{Answer, Guard, GuardStats, Policy, PolicyError, Question, Refusal as Refused, SessionId};
use crate::limit::{Admission, AdmissionConfig, AdmissionError, AdmissionStats, Refusal, Source};
use crate::noise::PublicKey;
use crate::session::{Alert, alert_packet};
use crate::time::Instant;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::fmt;
use core::net::SocketAddr;
use core::time::Duration;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// Ends a session from outside, with the reason its peer is given. Never waits for long.
pub(super) type Ender = Box<dyn Fn(&'static str) + Send>;

const REPLACED: &str = "replaced by a newer session of this key";
const NO_LONGER_ACCEPTED: &str = "this key is no longer accepted";
const NO_PLACE: &str = "there is no place for another session";
const TOO_MANY_ATTEMPTS: &str = "too many attempts of this key";

/// Decides which streams a listener serves, and which peers have sessions. Clones share one [`Admission`] and one
/// [`Guard`].
#[derive(Clone)]
pub struct Gate(Arc<Mutex<Inner>>);

struct Inner {
    admission: Admission,
    guard: Option<Guard>,
    /// How to end the sessions that the guard knows.
    live: BTreeMap<SessionId, Ender>,
}

impl Gate {
    /// Nobody admitted yet, and no guard.
    ///
    /// # Errors
    /// Names the field of `config` that is out of range.
    pub fn new(config: AdmissionConfig, seed: &Seed) -> Result<Self, AdmissionError> {
        let admission = Admission::new(config, seed)?;
        Ok(Self(Arc::new(Mutex::new(Inner { admission, guard: None, live: BTreeMap::new() }))))
    }

    /// Has `guard` answer for the sessions of [`SessionConnection::accept`](super::SessionConnection::accept).
    #[must_use]
    pub fn with_guard(self, guard: Guard) -> Self {
        self.lock().guard = Some(guard);
        self
    }

    /// Asks for a handshake slot, before any work is done for a stream. `None`: a source without a limit of its
    /// own, such as a local socket.
    ///
    /// # Errors
    /// Why the stream is to be refused: send [`refusal_packet`] and close it.
    pub fn admit(&self, now: Instant, source: Option<SocketAddr>) -> Result<Permit, Refusal> {
        self.lock().admission.admit(now, limited(source))?;
        Ok(Permit {
            gate: self.clone(),
            source,
            established: false,
            claimed: Mutex::new(None),
            session: OnceLock::new(),
            ended: Arc::default(),
        })
    }

    /// Goes on under another policy, at once: sessions whose key is no longer accepted are closed. Of those no message is
    /// delivered any more, also of what has arrived. `None`: there is no guard.
    ///
    /// # Errors
    /// Names the field of `policy` that is out of range; nothing has changed then.
    pub fn set_policy(&self, policy: Policy) -> Option<Result<(), PolicyError>> {
        let mut inner = self.lock();
        let gone = match inner.guard.as_mut()?.set_policy(policy) {
            Ok(gone) => gone,
            Err(error) => return Some(Err(error)),
        };
        let enders: Vec<Ender> = gone.iter().filter_map(|id| inner.live.remove(id)).collect();
        drop(inner);
        enders.iter().for_each(|end| end(NO_LONGER_ACCEPTED));
        Some(Ok(()))
    }

    /// What has been counted so far.
    #[must_use]
    pub fn stats(&self) -> AdmissionStats {
        self.lock().admission.stats()
    }

    /// What the guard has counted; `None` without one.
    #[must_use]
    pub fn guard_stats(&self) -> Option<GuardStats> {
        self.lock().guard.as_ref().map(Guard::stats)
    }

    /// What to save of the guard's replay filter for [`ReplayConfig::with_resume`](crate::guard::ReplayConfig::with_resume),
    /// where the clock of the next start cannot be trusted to be ahead of this. `None`: there is no guard, or no filter.
    #[must_use]
    pub fn newest(&self) -> Option<Duration> {
        self.lock().guard.as_ref().and_then(Guard::newest)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").field("stats", &self.stats()).finish_non_exhaustive()
    }
}

/// A place behind a [`Gate`]: a handshake slot, then a session slot. Dropping it gives the place back.
#[must_use = "dropping it gives the place back"]
pub struct Permit {
    gate: Gate,
    source: Option<SocketAddr>,
    established: bool,
    /// The key that the peer claims to have, until a record proves it, and what ends its session. Boxed: most of the time
    /// there is none.
    claimed: Mutex<Option<Box<(PublicKey, Ender)>>>,
    session: OnceLock<SessionId>,
    /// The session was ended from outside.
    ended: Arc<AtomicBool>,
}

impl Permit {
    /// What the guard says to `question` at `now`, which is `unix` by the calendar. Without a guard: to proceed, but without
    /// a ticket, since nobody knows whether it was used.
    pub fn answer(&self, now: Instant, unix: Option<Duration>, question: &Question) -> Answer {
        let inner = &mut *self.gate.lock();
        let backlog = inner.admission.stats().handshakes;
        match (&mut inner.guard, question) {
            (Some(guard), _) => guard.ask(now, unix, self.source, backlog, question),
            (None, Question::Ticket { .. }) => Answer::Refuse(Refused::Replayed),
            (None, _) => Answer::Proceed,
        }
    }

    /// The handshake succeeded: the place becomes a session's and the attempt of the source is forgotten.
    pub fn established(&mut self) {
        if !self.established {
            self.established = true;
            let source = limited(self.source);
            self.gate.lock().admission.handshake_done(source);
        }
    }

    /// The session is one with the owner of `key`, which is proven; `end` ends it. Ends another session where the policy has
    /// no room for both.
    ///
    /// # Errors
    /// Why there is no place for it, since others were quicker or the policy is another. It is ended then.
    pub(super) fn enter(&self, key: PublicKey, end: Ender) -> Result<(), Refused> {
        let mut inner = self.gate.lock();
        let Some(guard) = inner.guard.as_mut() else { return Ok(()) };
        let entered = match guard.established(&key) {
            Ok(entered) => entered,
            Err(refused) => {
                drop(inner);
                self.refuse(refused, &end);
                return Err(refused);
            }
        };
        let ended = Arc::clone(&self.ended);
        let end = move |reason| {
            ended.store(true, Ordering::Release);
            end(reason);
        };
        inner.live.insert(entered.id, Box::new(end));
        // A session enters once.
        let _ = self.session.set(entered.id);
        let replaced = entered.end.and_then(|id| inner.live.remove(&id));
        drop(inner);
        if let Some(end) = replaced {
            end(REPLACED);
        }
        Ok(())
    }

    fn refuse(&self, refused: Refused, end: &Ender) {
        self.ended.store(true, Ordering::Release);
        end(match refused {
            Refused::NotAllowed => NO_LONGER_ACCEPTED,
            Refused::TooManyAttempts => TOO_MANY_ATTEMPTS,
            _ => NO_PLACE,
        });
    }

    /// Whether the session was ended from outside: what arrives is not delivered any more.
    pub(super) fn is_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// The peer says that `key` is its own, and nothing but its first record can prove it. Until [`Permit::proven`] the guard
    /// does not hear of the session, so that who only knows a key takes nothing from its owner.
    pub(super) fn claim(&self, key: PublicKey, end: Ender) {
        *self.claimed() = Some(Box::new((key, end)));
    }

    /// A record of the peer has opened: if its key was only claimed, it is proven now, and the session enters.
    pub(super) fn proven(&self, now: Instant) {
        let Some((key, end)) = self.claimed().take().map(|claimed| *claimed) else { return };
        match self.answer(now, None, &Question::Proven(key)) {
            Answer::Refuse(refused) => self.refuse(refused, &end),
            // What is refused here is ended already.
            _ => drop(self.enter(key, end)),
        }
    }

    fn claimed(&self) -> MutexGuard<'_, Option<Box<(PublicKey, Ender)>>> {
        self.claimed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit")
            .field("gate", &self.gate)
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

/// As what the admission knows a source.
fn limited(source: Option<SocketAddr>) -> Option<Source> {
    source.map(|source| Source::from_ip(source.ip()))
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut inner = self.gate.lock();
        if self.established {
            inner.admission.session_ended();
        } else {
            inner.admission.handshake_failed(limited(self.source));
        }
        let ender = self.session.get().and_then(|id| {
            if let Some(guard) = &mut inner.guard {
                guard.ended(*id);
            }
            inner.live.remove(id)
        });
        drop(inner);
        drop(ender);
    }
}

/// What to send a stream that is refused (docs/wire.md, section 1.6).
#[must_use]
pub fn refusal_packet(refusal: Refusal) -> [u8; 4] {
    alert_packet(match refusal {
        Refusal::TooManyAttempts { .. } => Alert::TooManyAttempts,
        Refusal::TooManyHandshakes | Refusal::TooManyHandshakesOfSource | Refusal::TooManySessions => {
            Alert::Busy
        }
    })
}
