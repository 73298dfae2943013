//! A listener's admission as values that cannot be forgotten: a permit gives its place back when dropped.

use crate::entropy::Seed;
use crate::limit::{Admission, AdmissionConfig, AdmissionError, AdmissionStats, Refusal, Source};
use crate::session::{Alert, alert_packet};
use crate::time::Instant;
use core::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Decides which streams a listener serves. Clones share one [`Admission`].
#[derive(Clone)]
pub struct Gate(Arc<Mutex<Admission>>);

impl Gate {
    /// Nobody admitted yet.
    ///
    /// # Errors
    /// Names the field of `config` that is out of range.
    pub fn new(config: AdmissionConfig, seed: &Seed) -> Result<Self, AdmissionError> {
        Ok(Self(Arc::new(Mutex::new(Admission::new(config, seed)?))))
    }

    /// Asks for a handshake slot, before any work is done for a stream. `None`: a source without a limit of its
    /// own, such as a local socket.
    ///
    /// # Errors
    /// Why the stream is to be refused: send [`refusal_packet`] and close it.
    pub fn admit(&self, now: Instant, source: Option<Source>) -> Result<Permit, Refusal> {
        self.lock().admit(now, source)?;
        Ok(Permit { gate: self.clone(), source, established: false })
    }

    /// What has been counted so far.
    #[must_use]
    pub fn stats(&self) -> AdmissionStats {
        self.lock().stats()
    }

    fn lock(&self) -> MutexGuard<'_, Admission> {
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
    source: Option<Source>,
    established: bool,
}

impl Permit {
    /// The handshake succeeded: the place becomes a session's and the attempts of the source are forgotten.
    pub fn established(&mut self) {
        if !self.established {
            self.established = true;
            self.gate.lock().handshake_done(self.source);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut admission = self.gate.lock();
        if self.established {
            admission.session_ended();
        } else {
            admission.handshake_failed();
        }
    }
}

/// What to send a stream that is refused (docs/wire.md, section 1.6).
#[must_use]
pub fn refusal_packet(refusal: Refusal) -> [u8; 4] {
    alert_packet(match refusal {
        Refusal::TooManyAttempts { .. } => Alert::TooManyAttempts,
        Refusal::TooManyHandshakes | Refusal::TooManySessions => Alert::Busy,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permit_holds_a_handshake_slot_then_a_session_slot_and_gives_it_back() {
        let config = AdmissionConfig::default().with_max_handshakes(1).with_max_sessions(2);
        let gate = Gate::new(config, &Seed::new(&mut [1; 32])).unwrap();
        let counts = |gate: &Gate| (gate.stats().handshakes, gate.stats().sessions);
        let mut first = gate.admit(Instant::ZERO, None).unwrap();
        assert_eq!(counts(&gate), (1, 0));
        assert_eq!(gate.admit(Instant::ZERO, None).unwrap_err(), Refusal::TooManyHandshakes);
        first.established();
        first.established();
        assert_eq!(counts(&gate), (0, 1));
        let second = gate.admit(Instant::ZERO, None).unwrap();
        assert_eq!(gate.admit(Instant::ZERO, None).unwrap_err(), Refusal::TooManySessions);
        drop(second);
        assert_eq!(counts(&gate), (0, 1));
        drop(first);
        assert_eq!(counts(&gate), (0, 0));
    }

    #[test]
    fn a_refusal_tells_the_source_what_it_can_do() {
        let until = Instant::ZERO;
        for (refusal, alert) in [
            (Refusal::TooManyAttempts { until }, Alert::TooManyAttempts),
            (Refusal::TooManyHandshakes, Alert::Busy),
            (Refusal::TooManySessions, Alert::Busy),
        ] {
            assert_eq!(refusal_packet(refusal), alert_packet(alert));
        }
    }
}
