//! The gate, the replay filter and the roster behind one question and one answer, which is all that a session knows.

use super::gate::{CookieGate, GateConfig, GateError, GateStats};
use super::policy::{Policy, PolicyError};
use super::question::{Answer, Question, Refusal};
use super::replay::{FirstSeen, Replay, ReplayConfig, ReplayError, ReplayFilter, ReplayStats};
use super::roster::{Entered, Roster, RosterStats, SessionId};
use crate::entropy::Seed;
use crate::noise::PublicKey;
use crate::resume::{CapacityError, SpentTickets};
use crate::time::Instant;
use alloc::vec::Vec;
use core::fmt;
use core::net::SocketAddr;
use core::time::Duration;

/// Settings of a [`Guard`]. By default the gate and the replay filter are on with their defaults, and the policy is
/// open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuardConfig {
    gate: Option<GateConfig>,
    replay: Option<ReplayConfig>,
    tickets: Option<usize>,
    policy: Policy,
}

impl GuardConfig {
    /// How many used tickets are remembered, 1 to [`SpentTickets::MAX_CAPACITY`], 50 to 100 bytes each. More than that in
    /// the lifetime of a ticket make old ones useless. Default 4,096. `None`: no ticket is accepted. After a restart those of
    /// before are not accepted either. If the clock was set back in between, change their keys too.
    #[must_use]
    pub fn with_spent_tickets(self, tickets: Option<usize>) -> Self {
        Self { tickets, ..self }
    }

    /// Whether the time of the start tells what may have been accepted before it: [`Guard::new`] must be given the true time
    /// then. It does for used tickets, and for first messages unless [`ReplayConfig::with_resume`] says what came before.
    #[must_use]
    pub fn needs_clock(&self) -> bool {
        self.tickets.is_some() || self.replay.is_some_and(|replay| replay.resume().is_none())
    }

    /// The gate. `None`: every first message may proceed.
    #[must_use]
    pub fn with_gate(self, gate: Option<GateConfig>) -> Self {
        Self { gate, ..self }
    }

    /// The replay filter. `None`: every first message is taken for a fresh one, and no memory is used.
    #[must_use]
    pub fn with_replay(self, replay: Option<ReplayConfig>) -> Self {
        Self { replay, ..self }
    }

    /// Who may have sessions, how many and how often.
    #[must_use]
    pub fn with_policy(self, policy: Policy) -> Self {
        Self { policy, ..self }
    }
}

impl Default for GuardConfig {
    fn default() -> Self {
        Self {
            gate: Some(GateConfig::default()),
            replay: Some(ReplayConfig::default()),
            tickets: Some(4096),
            policy: Policy::default(),
        }
    }
}

/// Which field of a [`GuardConfig`] is out of range.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GuardError {
    /// A field of `gate`.
    Gate(GateError),
    /// A field of `replay`.
    Replay(ReplayError),
    /// `spent_tickets` is out of range.
    SpentTickets(CapacityError),
    /// A field of `policy`.
    Policy(PolicyError),
}

impl fmt::Display for GuardError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gate(error) => error.fmt(f),
            Self::Replay(error) => error.fmt(f),
            Self::SpentTickets(error) => write!(f, "spent_tickets: {error}"),
            Self::Policy(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for GuardError {}

/// What a [`Guard`] has counted. A part that is off counts nothing.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GuardStats {
    /// What the gate counted.
    pub gate: GateStats,
    /// What the replay filter counted.
    pub replay: ReplayStats,
    /// Authenticated first messages refused because there was no clock to judge them by.
    pub no_clock: u64,
    /// What the roster counted.
    pub roster: RosterStats,
}

/// A listener's guard: one for a static key, shared by all its connections.
///
/// ```
/// use sealock_proto::entropy::Seed;
/// use sealock_proto::guard::{Answer, FirstSeen, Guard, GuardConfig, Policy, Question, Refusal, ReplayConfig};
/// use sealock_proto::noise::PublicKey;
/// use sealock_proto::time::Instant;
/// use std::time::Duration;
///
/// let (alice, bob) = (PublicKey([1; 32]), PublicKey([2; 32]));
/// // This key was made just now: nothing can have been accepted under it before.
/// let replay = ReplayConfig::default().with_resume(Some(Duration::ZERO));
/// let policy = Policy::default().with_allowed(Some(&[alice]));
/// let config = GuardConfig::default().with_replay(Some(replay)).with_policy(policy);
/// let unix = Duration::from_secs(1_800_000_000);
/// let mut guard = Guard::new(config, &Seed::new(&mut [7; 32]), unix)?;
///
/// let mut ask = |question| guard.ask(Instant::ZERO, Some(unix), "192.0.2.1:4000".parse().ok(), 0, &question);
/// assert_eq!(ask(Question::FirstMessage { mac1: [3; 16], mac2: [0; 16] }), Answer::Proceed);
/// let first = FirstSeen { peer: Some(alice), ephemeral: PublicKey([9; 32]), timestamp: Some(unix) };
/// assert_eq!(ask(Question::Identity(alice)), Answer::Proceed);
/// assert_eq!(ask(Question::Fresh(first)), Answer::Proceed);
/// assert_eq!(ask(Question::Proven(alice)), Answer::Proceed);
/// assert_eq!(ask(Question::Fresh(first)), Answer::Refuse(Refusal::Replayed));
/// assert_eq!(ask(Question::Identity(bob)), Answer::Refuse(Refusal::NotAllowed));
/// let session = guard.established(&alice)?.id;
/// guard.ended(session);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Guard {
    gate: Option<CookieGate>,
    replay: Option<ReplayFilter>,
    no_clock: u64,
    tickets: Option<SpentTickets>,
    roster: Roster,
}

impl Guard {
    /// A guard at work from now on. `started_unix` is now, as the time since the Unix epoch; what that means for first
    /// messages is in [`ReplayFilter`], under "Restarts".
    ///
    /// # Errors
    /// Names the field of `config` that is out of range.
    pub fn new(config: GuardConfig, seed: &Seed, started_unix: Duration) -> Result<Self, GuardError> {
        let gate = config.gate.map(|gate| CookieGate::new(gate, seed));
        let replay = config.replay.map(|replay| ReplayFilter::new(replay, seed, started_unix));
        let tickets = config.tickets.map(|capacity| SpentTickets::new(capacity, started_unix));
        Ok(Self {
            gate: gate.transpose().map_err(GuardError::Gate)?,
            replay: replay.transpose().map_err(GuardError::Replay)?,
            no_clock: 0,
            tickets: tickets.transpose().map_err(GuardError::SpentTickets)?,
            roster: Roster::new(config.policy, seed).map_err(GuardError::Policy)?,
        })
    }

    /// Answers `question`. `unix` is the time since the Unix epoch, by a clock that may be set; without one, nothing
    /// authenticated by its first message is taken for fresh. No `source`: one that cannot be forged, such as a Unix
    /// socket. `backlog` is how many handshakes are in progress.
    pub fn ask(
        &mut self,
        now: Instant,
        unix: Option<Duration>,
        source: Option<SocketAddr>,
        backlog: usize,
        question: &Question,
    ) -> Answer {
        match question {
            Question::FirstMessage { mac1, mac2 } => match &mut self.gate {
                Some(gate) => gate.ask(now, source, mac1, mac2, backlog).into(),
                None => Answer::Proceed,
            },
            Question::Ticket { id, issued } => {
                // Of the future nothing is spent, so that after a restart all that was is older than the start.
                let tickets = self.tickets.as_mut().filter(|_| unix.is_some_and(|unix| *issued <= unix));
                match tickets.map(|tickets| tickets.spend_id(*id, *issued)) {
                    Some(Ok(())) => Answer::Proceed,
                    _ => Answer::Refuse(Refusal::Replayed),
                }
            }
            Question::Fresh(first) => self.is_fresh(unix, first),
            Question::Identity(key) => self.roster.look(now, key).into(),
            Question::Proven(key) => self.roster.ask(now, key).into(),
        }
    }

    fn is_fresh(&mut self, unix: Option<Duration>, first: &FirstSeen) -> Answer {
        let Some(replay) = &mut self.replay else { return Answer::Proceed };
        // Who is not accepted anyway must not push out what is remembered of others.
        if let Some(refused) = first.peer.and_then(|peer| self.roster.accepts(&peer).err()) {
            return Err(refused).into();
        }
        let Some(unix) = unix else {
            self.no_clock = self.no_clock.saturating_add(1);
            return Answer::Refuse(Refusal::Replayed);
        };
        match replay.check(unix, first) {
            Ok(()) => Answer::Proceed,
            Err(Replay::Early { wait }) => Answer::Wait(wait),
            Err(_) => Answer::Refuse(Refusal::Replayed),
        }
    }

    /// A session of `key` began, which is proven. See [`Roster::established`].
    ///
    /// # Errors
    /// Why there is no place for it: end it.
    pub fn established(&mut self, key: &PublicKey) -> Result<Entered, Refusal> {
        self.roster.established(key).map_err(Refusal::from)
    }

    /// A session ended. See [`Roster::ended`].
    pub fn ended(&mut self, id: SessionId) {
        self.roster.ended(id);
    }

    /// Goes on under another policy; gives the sessions to be ended. See [`Roster::set_policy`].
    ///
    /// # Errors
    /// Names the field of `policy` that is out of range; nothing has changed then.
    pub fn set_policy(&mut self, policy: Policy) -> Result<Vec<SessionId>, PolicyError> {
        self.roster.set_policy(policy)
    }

    /// What to save for [`ReplayConfig::with_resume`]. `None`: there is no filter.
    #[must_use]
    pub fn newest(&self) -> Option<Duration> {
        self.replay.as_ref().map(ReplayFilter::newest)
    }

    /// What has been counted so far.
    #[must_use]
    pub fn stats(&self) -> GuardStats {
        GuardStats {
            gate: self.gate.as_ref().map(CookieGate::stats).unwrap_or_default(),
            replay: self.replay.as_ref().map(ReplayFilter::stats).unwrap_or_default(),
            no_clock: self.no_clock,
            roster: self.roster.stats(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::LoadConfig;
    use crate::limit::KeyedConfig;

    const UNIX: Duration = Duration::from_secs(1_800_000_000);
    const STRANGER: Question = Question::FirstMessage { mac1: [3; 16], mac2: [0; 16] };

    fn key(n: u8) -> PublicKey {
        PublicKey([n; 32])
    }

    fn fresh(peer: u8, n: u8) -> Question {
        Question::Fresh(FirstSeen { peer: Some(key(peer)), ephemeral: key(n), timestamp: Some(UNIX) })
    }

    fn guard(config: GuardConfig) -> Guard {
        Guard::new(config, &Seed::new(&mut [1; 32]), UNIX - Duration::from_secs(100)).unwrap()
    }

    fn ask(guard: &mut Guard, backlog: usize, question: Question) -> Answer {
        let source = Some(SocketAddr::from(([192, 0, 2, 1], 9)));
        guard.ask(Instant::ZERO, Some(UNIX), source, backlog, &question)
    }

    fn refuse(refusal: Refusal) -> Answer {
        Answer::Refuse(refusal)
    }

    #[test]
    fn the_part_that_is_out_of_range_is_named() {
        let ok = GuardConfig::default();
        let gate = GateConfig::default().with_load(LoadConfig::default().with_backlog(0));
        for (config, name) in [
            (ok.clone().with_gate(Some(gate)), "Gate(Load(Backlog))"),
            (ok.clone().with_replay(Some(ReplayConfig::default().with_keys(0))), "Replay(Keys)"),
            (ok.with_policy(Policy::default().with_max_sessions(0)), "Policy(MaxSessions)"),
        ] {
            let error = Guard::new(config, &Seed::new(&mut [1; 32]), UNIX).unwrap_err();
            assert_eq!(alloc::format!("{error:?}"), name);
        }
    }

    #[test]
    fn by_default_the_gate_and_the_filter_are_on_and_everybody_is_accepted() {
        let mut guard = guard(GuardConfig::default());
        assert!(matches!(ask(&mut guard, 1_000, STRANGER), Answer::Cookie(_)));
        assert_eq!(ask(&mut guard, 0, fresh(1, 1)), Answer::Proceed);
        assert_eq!(ask(&mut guard, 0, fresh(1, 1)), refuse(Refusal::Replayed));
        for _ in 0..100 {
            assert_eq!(ask(&mut guard, 0, Question::Proven(key(1))), Answer::Proceed);
            assert_eq!(guard.established(&key(1)).unwrap().end, None);
        }
        let stats = guard.stats();
        assert_eq!((stats.gate.cookies, stats.replay.seen, stats.roster.sessions), (1, 1, 100));
        assert_eq!(guard.newest(), Some(UNIX));
    }

    #[test]
    fn a_part_that_is_off_lets_everybody_proceed() {
        let mut guard = guard(GuardConfig::default().with_gate(None).with_replay(None));
        for _ in 0..3 {
            assert_eq!(ask(&mut guard, 1_000, STRANGER), Answer::Proceed);
            assert_eq!(ask(&mut guard, 0, fresh(1, 1)), Answer::Proceed);
            let unclocked = guard.ask(Instant::ZERO, None, None, 0, &fresh(1, 1));
            assert_eq!(unclocked, Answer::Proceed);
        }
        assert_eq!((guard.stats(), guard.newest()), (GuardStats::default(), None));
    }

    #[test]
    fn the_time_of_the_start_matters_unless_nothing_came_before() {
        let off = GuardConfig::default().with_replay(None).with_spent_tickets(None);
        let replay = |resume| off.clone().with_replay(Some(ReplayConfig::default().with_resume(resume)));
        for (config, needs) in [
            (off.clone(), false),
            (off.clone().with_spent_tickets(Some(1)), true),
            (replay(None), true),
            (replay(Some(UNIX)), false),
            (GuardConfig::default(), true),
        ] {
            assert_eq!(config.needs_clock(), needs, "{config:?}");
        }
    }

    #[test]
    fn each_reason_becomes_a_refusal() {
        let config =
            GateConfig::default().with_load(LoadConfig::default().with_backlog(1)).with_verified(1, 1);
        let policy = Policy::default()
            .with_allowed(Some(&[key(1), key(2), key(3)]))
            .with_denied(&[key(3)])
            .with_attempts(Some(KeyedConfig::default().with_attempts(1)))
            .with_max_sessions_per_identity(Some(1));
        let mut guard = guard(GuardConfig::default().with_gate(Some(config)).with_policy(policy));
        let local = |guard: &mut Guard| guard.ask(Instant::ZERO, None, None, 1, &STRANGER);
        assert_eq!(local(&mut guard), Answer::Proceed);
        assert_eq!(local(&mut guard), refuse(Refusal::Busy));
        for (question, want) in [
            (Question::Identity(key(1)), Answer::Proceed),
            (Question::Identity(key(1)), Answer::Proceed),
            (Question::Proven(key(1)), Answer::Proceed),
            (Question::Proven(key(1)), refuse(Refusal::TooManyAttempts)),
            (Question::Identity(key(1)), refuse(Refusal::TooManyAttempts)),
            (Question::Identity(key(3)), refuse(Refusal::NotAllowed)),
            (Question::Identity(key(4)), refuse(Refusal::NotAllowed)),
            (Question::Proven(key(3)), refuse(Refusal::NotAllowed)),
            (Question::Proven(key(4)), refuse(Refusal::NotAllowed)),
        ] {
            assert_eq!(ask(&mut guard, 0, question), want, "{question:?}");
        }
        let entered = guard.established(&key(2)).unwrap();
        for question in [Question::Identity(key(2)), Question::Proven(key(2))] {
            assert_eq!(ask(&mut guard, 0, question), refuse(Refusal::Busy));
        }
        guard.ended(entered.id);
        assert_eq!(ask(&mut guard, 0, Question::Proven(key(2))), Answer::Proceed);
    }

    #[test]
    fn without_a_clock_nothing_is_fresh() {
        let mut guard = guard(GuardConfig::default());
        assert_eq!(guard.ask(Instant::ZERO, None, None, 0, &fresh(1, 1)), refuse(Refusal::Replayed));
        assert_eq!(guard.stats().no_clock, 1);
    }

    #[test]
    fn a_key_that_is_not_accepted_is_not_remembered_and_makes_no_attempt() {
        let policy = Policy::default().with_denied(&[key(1)]);
        let mut guard = guard(GuardConfig::default().with_policy(policy));
        assert_eq!(ask(&mut guard, 0, fresh(1, 1)), refuse(Refusal::NotAllowed));
        assert_eq!((guard.stats().replay, guard.stats().roster.denied), (ReplayStats::default(), 1));
        assert_eq!(guard.set_policy(Policy::default()), Ok(Vec::new()));
        assert_eq!(ask(&mut guard, 0, fresh(1, 1)), Answer::Proceed);
    }

    #[test]
    fn another_policy_names_the_sessions_to_be_ended() {
        let mut guard = guard(GuardConfig::default());
        let id = guard.established(&key(1)).unwrap().id;
        assert_eq!(guard.set_policy(Policy::default().with_allowed(Some(&[]))), Ok(alloc::vec![id]));
    }
}
