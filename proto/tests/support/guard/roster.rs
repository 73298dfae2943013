//! The roster, against a list of sessions in the order in which they began, and attempts counted for each identity.

use super::{Clock, Input, Tally, key};
use sealock_proto::entropy::Seed;
use sealock_proto::guard::{Excess, Policy, Refused, Roster, SessionId};
use sealock_proto::limit::KeyedConfig;
use sealock_proto::noise::PublicKey;
use sealock_proto::time::Instant;
use std::time::Duration;

pub(super) const OFTEN: [&str; 11] = [
    "accepted",
    "denied",
    "not allowed",
    "too many attempts",
    "too many of an identity",
    "too many in all",
    "began",
    "the oldest ended",
    "was too late",
    "ended for ever",
    "ended by another policy",
];

const IDENTITIES: u16 = 6;
const COOL_DOWN: Duration = Duration::from_secs(3);

#[derive(Clone, Default, PartialEq)]
struct Rules {
    /// Each bit is an identity.
    allowed: Option<u8>,
    denied: u8,
    attempts: Option<u32>,
    of_identity: Option<usize>,
    end_oldest: bool,
    in_all: usize,
}

impl Rules {
    fn choose(input: &mut Input<'_>) -> Self {
        Self {
            allowed: input.pick(&[None, None, Some(0b11_1110), Some(0b00_0011), Some(0)]),
            denied: input.pick(&[0, 0, 0b01_0010, 0b11_1111]),
            attempts: input.pick(&[None, None, Some(1), Some(4)]),
            of_identity: input.pick(&[None, Some(1), Some(2), Some(3)]),
            end_oldest: input.flag(),
            in_all: input.pick(&[1, 3, 5, 100]),
        }
    }

    fn policy(&self) -> Policy {
        let list = |bits: u8| -> Vec<PublicKey> {
            // Not in order, and one twice.
            let all = (0..IDENTITIES).rev().chain([0]);
            all.filter(|n| bits & (1 << n) != 0).map(key).collect()
        };
        let attempts = |n| KeyedConfig::default().with_attempts(n).with_cool_down(COOL_DOWN);
        Policy::default()
            .with_allowed(self.allowed.map(list).as_deref())
            .with_denied(&list(self.denied))
            .with_attempts(self.attempts.map(attempts))
            .with_max_sessions_per_identity(self.of_identity)
            .with_excess(if self.end_oldest { Excess::EndOldest } else { Excess::RefuseNewest })
            .with_max_sessions(self.in_all)
    }

    fn accepts(&self, n: u16) -> Result<(), Refused> {
        if self.denied & (1 << n) != 0 {
            return Err(Refused::Denied);
        }
        if self.allowed.is_some_and(|allowed| allowed & (1 << n) == 0) {
            return Err(Refused::NotAllowed);
        }
        Ok(())
    }
}

/// Attempts of one identity: since when counted, how many, or until when it is to wait.
#[derive(Clone, Copy, Default)]
struct Attempts {
    since: Instant,
    made: u32,
    until: Option<Instant>,
}

impl Attempts {
    fn check(&mut self, now: Instant, max: u32) -> Result<(), Refused> {
        if let Some(until) = self.until.filter(|until| now < *until) {
            return Err(Refused::TooManyAttempts { until });
        }
        if self.made == 0 || self.until.is_some() || now >= self.since + COOL_DOWN {
            *self = Self { since: now, made: 0, until: None };
        }
        if self.made == max {
            let until = now + COOL_DOWN;
            self.until = Some(until);
            return Err(Refused::TooManyAttempts { until });
        }
        self.made += 1;
        Ok(())
    }
}

/// Runs operations: six bytes choose the policy, then come three or more for each.
pub(super) fn run(input: &mut Input<'_>, tally: &mut Tally) {
    let mut rules = Rules::choose(input);
    let mut roster = Roster::new(rules.policy(), &Seed::new(&mut [5; 32])).expect("a policy in range");
    let (mut there, mut all): (Vec<(SessionId, u16)>, Vec<SessionId>) = (Vec::new(), Vec::new());
    let (mut clock, mut attempts) = (Clock::default(), [Attempts::default(); IDENTITIES as usize]);
    while !input.is_empty() {
        clock.step(input);
        let (operation, n) = (input.byte(), input.byte() as u16 % IDENTITIES);
        let own: Vec<SessionId> = there.iter().filter(|(_, of)| *of == n).map(|(id, _)| *id).collect();
        let full = rules.of_identity.is_some_and(|max| own.len() >= max);
        let room = if full { rules.end_oldest } else { there.len() < rules.in_all };
        match operation % 16 {
            0..5 => {
                let now = clock.tell();
                let want = rules.accepts(n).and_then(|()| {
                    let Some(max) = rules.attempts.filter(|_| room) else {
                        return if room { Ok(()) } else { Err(Refused::TooManySessions) };
                    };
                    attempts[usize::from(n)].check(clock.told, max)
                });
                assert_eq!(roster.ask(now, &key(n)), want);
                tally.saw(match want {
                    Ok(()) => "accepted",
                    Err(Refused::Denied) => "denied",
                    Err(Refused::NotAllowed) => "not allowed",
                    Err(Refused::TooManyAttempts { .. }) => "too many attempts",
                    Err(_) if full => "too many of an identity",
                    Err(_) => "too many in all",
                });
            }
            5 => assert_eq!(roster.accepts(&key(n)), rules.accepts(n)),
            6..11 => {
                let want = rules.accepts(n).and(if room { Ok(()) } else { Err(Refused::TooManySessions) });
                match roster.established(&key(n)) {
                    Err(refused) => {
                        tally.saw("was too late");
                        assert_eq!(Err(refused), want);
                    }
                    Ok(entered) => {
                        tally.saw("began");
                        assert_eq!(want, Ok(()));
                        assert!(!all.contains(&entered.id), "a number twice");
                        all.push(entered.id);
                        let oldest = own.first().copied().filter(|_| full);
                        if oldest.is_some() {
                            tally.saw("the oldest ended");
                        }
                        there.retain(|(id, _)| Some(*id) != oldest);
                        there.push((entered.id, n));
                        assert_eq!(entered.end, oldest);
                    }
                }
            }
            11..15 if !all.is_empty() => {
                let id = all[input.below(all.len())];
                roster.ended(id);
                tally.saw("ended for ever");
                there.retain(|(there, _)| *there != id);
            }
            15 if operation < 96 => {
                let next = Rules::choose(input);
                let (stay, gone): (Vec<_>, Vec<_>) =
                    there.into_iter().partition(|(_, n)| next.accepts(*n).is_ok());
                let gone: Vec<SessionId> = gone.into_iter().map(|(id, _)| id).collect();
                if !gone.is_empty() {
                    tally.saw("ended by another policy");
                }
                if next.attempts != rules.attempts {
                    attempts = Default::default();
                }
                assert_eq!(roster.set_policy(next.policy()), Ok(gone));
                (there, rules) = (stay, next);
            }
            _ => {}
        }
        assert_eq!(roster.stats().sessions, there.len());
        for id in all.iter().rev().take(20) {
            let whose = there.iter().find(|(there, _)| there == id).map(|(_, n)| key(*n));
            assert_eq!(roster.identity(*id).copied(), whose);
        }
    }
}
