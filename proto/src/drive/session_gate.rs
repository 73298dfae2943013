//! A listener's admission and guard as values that cannot be forgotten: a permit gives its place back when dropped.

#[cfg(test)]
mod tests;

use crate::entropy::Seed;
use crate::guard::{Answer, Guard, GuardStats, Policy, PolicyError, Question, SessionId};
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
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Ends a session from outside, with the reason its peer is given. Never waits for long.
pub(super) type Ender = Box<dyn Fn(&'static str) + Send>;

const REPLACED: &str = "replaced by a newer session of this key";
const NO_LONGER_ACCEPTED: &str = "this key is no longer accepted";

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
        Ok(Permit { gate: self.clone(), source, established: false, session: None })
    }

    /// Goes on under another policy, at once: sessions whose key is no longer accepted are closed. `None`: there is no
    /// guard.
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
#[derive(Debug)]
pub struct Permit {
    gate: Gate,
    source: Option<SocketAddr>,
    established: bool,
    session: Option<SessionId>,
}

impl Permit {
    /// What the guard says to `question` at `now`, which is `unix` by the calendar. Without a guard: to proceed.
    pub fn answer(&self, now: Instant, unix: Option<Duration>, question: &Question) -> Answer {
        let inner = &mut *self.gate.lock();
        let backlog = inner.admission.stats().handshakes;
        match &mut inner.guard {
            Some(guard) => guard.ask(now, unix, self.source, backlog, question),
            None => Answer::Proceed,
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

    /// [`Permit::established`] for a session with the owner of `key`, which `end` ends. Ends another session, or this one,
    /// where the policy has no room for both.
    pub(super) fn enter(&mut self, key: Option<PublicKey>, end: Ender) {
        self.established();
        let mut inner = self.gate.lock();
        let Some((guard, key)) = inner.guard.as_mut().zip(key) else { return };
        let entered = guard.established(&key);
        let replaced = match entered.end {
            Some(id) if id == entered.id => Some(end),
            other => {
                inner.live.insert(entered.id, end);
                self.session = Some(entered.id);
                other.and_then(|id| inner.live.remove(&id))
            }
        };
        drop(inner);
        if let Some(end) = replaced {
            end(REPLACED);
        }
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
        let ender = self.session.and_then(|id| {
            if let Some(guard) = &mut inner.guard {
                guard.ended(id);
            }
            inner.live.remove(&id)
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
