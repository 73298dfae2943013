//! Who is there: the sessions of each identity, and whether another may begin.
//!
//! It only decides and counts. Ending sessions is its owner's work.

#[cfg(test)]
mod tests;

use super::policy::{Excess, Policy, PolicyError};
use crate::entropy::Seed;
use crate::limit::{KeyedLimiter, Source, Verdict};
use crate::noise::PublicKey;
use crate::time::Instant;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::fmt;

/// A session that a [`Roster`] knows, or has known: no two of one roster are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(u64);

/// Why an identity may not have a session, or not another one.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Its key is on the list of those that are denied.
    Denied,
    /// Its key is not on the list of those that are allowed.
    NotAllowed,
    /// It tried too often.
    TooManyAttempts {
        /// From when it is served again.
        until: Instant,
    },
    /// It has as many sessions as it may, or all have together.
    TooManySessions,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Denied => "policy: this key is denied",
            Self::NotAllowed => "policy: this key is not among those allowed",
            Self::TooManyAttempts { .. } => "policy: too many attempts of this identity; it must wait",
            Self::TooManySessions => {
                "policy: too many sessions; end one, or raise max_sessions_per_identity or max_sessions"
            }
        })
    }
}

impl core::error::Error for Refused {}

/// The answer to a session that begins.
#[must_use = "a session that is to be ended must be ended"]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entered {
    /// The session that began.
    pub id: SessionId,
    /// The session that is to be ended in its favour. It does not count any more.
    pub end: Option<SessionId>,
}

/// What a [`Roster`] has counted.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RosterStats {
    /// Sessions now.
    pub sessions: usize,
    /// Identities that may begin a session.
    pub accepted: u64,
    /// Refused with [`Refused::Denied`].
    pub denied: u64,
    /// Refused with [`Refused::NotAllowed`].
    pub not_allowed: u64,
    /// Refused with [`Refused::TooManyAttempts`].
    pub too_many_attempts: u64,
    /// Refused with [`Refused::TooManySessions`].
    pub too_many_sessions: u64,
    /// Sessions that were to be ended: for a newer one, for want of a place, or because of another policy.
    pub ended: u64,
}

impl RosterStats {
    fn count_refused(&mut self, refused: Refused) {
        let count = match refused {
            Refused::Denied => &mut self.denied,
            Refused::NotAllowed => &mut self.not_allowed,
            Refused::TooManyAttempts { .. } => &mut self.too_many_attempts,
            Refused::TooManySessions => &mut self.too_many_sessions,
        };
        *count = count.saturating_add(1);
    }
}

/// Enforces a [`Policy`]: asked about an identity when it is known, told of sessions when they begin and end.
///
/// Ask once the peer has proven that it has the key: one that is only claimed would cost the true owner its attempts, so look
/// only.
///
/// Memory is bounded by the sessions that there may be; every step takes time that grows with the logarithm of their
/// number, and with the number an identity may have. A `now` earlier than one given before counts as that one.
///
/// ```
/// use sealock_proto::entropy::Seed;
/// use sealock_proto::guard::{Excess, Policy, Roster};
/// use sealock_proto::noise::PublicKey;
/// use sealock_proto::time::Instant;
///
/// let policy = Policy::default().with_max_sessions_per_identity(Some(1)).with_excess(Excess::EndOldest);
/// let mut roster = Roster::new(policy, &Seed::new(&mut [1; 32]))?;
/// let (now, key) = (Instant::ZERO, PublicKey([7; 32]));
/// roster.ask(now, &key)?;
/// let first = roster.established(&key)?;
/// roster.ask(now, &key)?;
/// let second = roster.established(&key)?;
/// assert_eq!((first.end, second.end), (None, Some(first.id)));
/// roster.ended(second.id);
/// assert_eq!(roster.stats().sessions, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Roster {
    policy: Policy,
    seed: Seed,
    attempts: Option<KeyedLimiter>,
    sessions: BTreeMap<SessionId, PublicKey>,
    /// The same by identity; of each the oldest first, since numbers grow.
    identities: BTreeSet<(PublicKey, SessionId)>,
    numbers: u64,
    latest: Instant,
    stats: RosterStats,
}

impl Roster {
    /// Nobody is there yet.
    ///
    /// # Errors
    /// Names the field of `policy` that is out of range.
    pub fn new(policy: Policy, seed: &Seed) -> Result<Self, PolicyError> {
        let seed = seed.child("roster");
        Ok(Self {
            attempts: limiter(&policy, &seed)?,
            policy,
            seed,
            sessions: BTreeMap::new(),
            identities: BTreeSet::new(),
            numbers: 0,
            latest: Instant::ZERO,
            stats: RosterStats::default(),
        })
    }

    /// Whether `key` may begin a session at `now`. Counts as an attempt if the lists accept it and there is room.
    ///
    /// # Errors
    /// Why it may not.
    pub fn ask(&mut self, now: Instant, key: &PublicKey) -> Result<(), Refused> {
        self.latest = self.latest.max(now);
        let result = self.decide(self.latest, key);
        match result {
            Ok(()) => self.stats.accepted = self.stats.accepted.saturating_add(1),
            Err(refused) => self.stats.count_refused(refused),
        }
        result
    }

    /// Whether `key`, which is only claimed, would be refused at `now`. No attempt of its owner.
    ///
    /// # Errors
    /// Why it would be.
    pub fn look(&mut self, now: Instant, key: &PublicKey) -> Result<(), Refused> {
        let result = self.policy.accepts(key).and_then(|()| {
            if self.makes_room(key).is_err() {
                return Err(Refused::TooManySessions);
            }
            let source = Source::from_identity(*key.as_bytes());
            match self.attempts.as_ref().and_then(|attempts| attempts.refused_until(now, source)) {
                Some(until) => Err(Refused::TooManyAttempts { until }),
                None => Ok(()),
            }
        });
        result.inspect_err(|refused| self.stats.count_refused(*refused))
    }

    /// Whether the lists accept `key`. No attempt, so it may be asked about a key that is only claimed.
    ///
    /// # Errors
    /// [`Refused::Denied`] or [`Refused::NotAllowed`].
    pub fn accepts(&mut self, key: &PublicKey) -> Result<(), Refused> {
        self.policy.accepts(key).inspect_err(|refused| self.stats.count_refused(*refused))
    }

    fn decide(&mut self, now: Instant, key: &PublicKey) -> Result<(), Refused> {
        self.policy.accepts(key)?;
        // What others fill must not use up the attempts of whoever waits for a place.
        if self.makes_room(key).is_err() {
            return Err(Refused::TooManySessions);
        }
        match self
            .attempts
            .as_mut()
            .map(|attempts| attempts.check(now, Source::from_identity(*key.as_bytes())))
        {
            Some(Verdict::Refuse { until }) => Err(Refused::TooManyAttempts { until }),
            _ => Ok(()),
        }
    }

    /// Whether there is room for another session of `key`, and which session must go for it.
    fn makes_room(&self, key: &PublicKey) -> Result<Option<SessionId>, ()> {
        if let Some(max) = self.policy.max_sessions_per_identity {
            let own = self.identities.range((*key, SessionId(0))..=(*key, SessionId(u64::MAX)));
            if own.clone().take(max).count() >= max {
                return match self.policy.excess {
                    Excess::RefuseNewest => Err(()),
                    Excess::EndOldest => Ok(own.map(|(_, id)| *id).next()),
                };
            }
        }
        if self.sessions.len() < self.policy.max_sessions { Ok(None) } else { Err(()) }
    }

    /// A session of `key` began, whose identity was asked about.
    ///
    /// Between question and answer others may have begun, or the policy have changed.
    ///
    /// # Errors
    /// Then why there is no place for this session any more. It is to be ended and does not count.
    pub fn established(&mut self, key: &PublicKey) -> Result<Entered, Refused> {
        let room = self.policy.accepts(key);
        let room = room.and_then(|()| self.makes_room(key).map_err(|()| Refused::TooManySessions));
        // Either this one is to be ended, or the one that it replaces.
        let ends = !matches!(room, Ok(None));
        self.stats.ended = self.stats.ended.saturating_add(u64::from(ends));
        let end = room?;
        end.into_iter().for_each(|end| self.ended(end));
        let id = SessionId(self.numbers);
        // 2^64 sessions never begin.
        self.numbers = self.numbers.wrapping_add(1);
        self.sessions.insert(id, *key);
        self.identities.insert((*key, id));
        Ok(Entered { id, end })
    }

    /// A session ended. One that was to be ended, or is not known, changes nothing.
    pub fn ended(&mut self, id: SessionId) {
        if let Some(key) = self.sessions.remove(&id) {
            self.identities.remove(&(key, id));
        }
    }

    /// Whose session `id` is, if it counts.
    #[must_use]
    pub fn identity(&self, id: SessionId) -> Option<&PublicKey> {
        self.sessions.get(&id)
    }

    /// Goes on under another policy. Gives the sessions that are to be ended because their keys are not accepted any
    /// more, oldest first; they do not count any more. Lower numbers of sessions apply to those that begin. Attempts
    /// are forgotten if their limit is another.
    ///
    /// # Errors
    /// Names the field of `policy` that is out of range; nothing has changed then.
    pub fn set_policy(&mut self, policy: Policy) -> Result<Vec<SessionId>, PolicyError> {
        policy.validate()?;
        if policy.attempts != self.policy.attempts {
            self.attempts = limiter(&policy, &self.seed)?;
        }
        self.policy = policy;
        let policy = &self.policy;
        let gone = |(_, key): &(&SessionId, &PublicKey)| policy.accepts(key).is_err();
        let gone: Vec<_> = self.sessions.iter().filter(gone).map(|(id, _)| *id).collect();
        gone.iter().for_each(|id| self.ended(*id));
        self.stats.ended = self.stats.ended.saturating_add(gone.len() as u64);
        Ok(gone)
    }

    /// The policy that applies.
    #[must_use]
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// What has been counted so far.
    #[must_use]
    pub fn stats(&self) -> RosterStats {
        RosterStats { sessions: self.sessions.len(), ..self.stats }
    }
}

fn limiter(policy: &Policy, seed: &Seed) -> Result<Option<KeyedLimiter>, PolicyError> {
    policy.validate()?;
    let limiter = policy.attempts.map(|attempts| KeyedLimiter::new(attempts, seed));
    limiter.transpose().map_err(PolicyError::Attempts)
}
