//! The replay filter, against a list of all that was ever accepted, restarts included. Nothing is accepted twice, and
//! what is refused has a reason that the list bears out.

use super::{Input, Tally, key};
use sealock_proto::entropy::Seed;
use sealock_proto::guard::{FirstSeen, Replay, ReplayConfig, ReplayFilter};
use sealock_proto::noise::PublicKey;
use std::time::Duration;

pub(super) const OFTEN: [&str; 15] = [
    "accepted",
    "accepted the newest of all",
    "accepted behind a newer one of its key",
    "accepted without a timestamp",
    "no timestamp",
    "too old",
    "from the future",
    "early",
    "before the start",
    "seen",
    "seen, with another timestamp",
    "overtaken",
    "crowded",
    "a copy of before the restart",
    "a copy of before the restart, resumed",
];

const MILLI: Duration = Duration::from_millis(1);

/// Messages that are remembered of one key, and keys that share their fate, as documented.
const DEPTH: usize = 7;
const WAYS: usize = 8;

/// What was accepted: the message, its time or when it came, and in which life of the filter.
struct Accepted {
    first: FirstSeen,
    time: Duration,
    life: u32,
}

struct Model {
    window: Duration,
    skew: Duration,
    strict: bool,
    /// By the clock, which may be set back.
    unix: Duration,
    /// The latest time that the clock has shown.
    latest: Duration,
    /// Nothing up to this is accepted in this life.
    start: Duration,
    life: u32,
    resumed: bool,
    accepted: Vec<Accepted>,
    messages: u16,
}

/// Runs operations: four bytes choose the settings, then come three or more for each.
pub(super) fn run(input: &mut Input<'_>, tally: &mut Tally) {
    let (window, skew) = (MILLI * input.pick(&[1, 300, 60_000]), MILLI * input.pick(&[0, 40, 5_000]));
    let (keys, strict) = (input.pick(&[1, 8, 9, 100]), input.byte() % 4 > 0);
    let config = ReplayConfig::default()
        .with_window(window)
        .with_skew(skew)
        .with_keys(keys)
        .with_require_timestamp(strict);
    let unix = Duration::from_secs(1_000);
    let mut model = Model {
        window,
        skew,
        strict,
        unix,
        latest: unix,
        start: unix,
        life: 0,
        resumed: false,
        accepted: Vec::new(),
        messages: 0,
    };
    let mut filter = model.filter(config);
    while !input.is_empty() {
        let operation = input.byte();
        match operation % 16 {
            0..3 => model.unix += MILLI * u32::from(input.byte()) * input.pick(&[1, 1, 20]),
            3 => model.unix -= MILLI * u32::from(input.byte()),
            4 if operation < 96 => {
                model.restart();
                model.resumed = input.flag();
                if model.resumed {
                    model.start = filter.newest();
                    filter = model.filter(config.with_resume(Some(filter.newest())));
                } else {
                    model.start = model.unix;
                    filter = model.filter(config);
                }
            }
            5..8 if !model.accepted.is_empty() => {
                let back = input.below(model.accepted.len().min(255));
                let copy = model.accepted[model.accepted.len() - 1 - back].first;
                let timestamp = copy.timestamp.map(|timestamp| timestamp + MILLI * 7);
                let altered = operation >= 192 && copy.peer.is_some();
                model.ask(
                    &mut filter,
                    FirstSeen { timestamp: if altered { timestamp } else { copy.timestamp }, ..copy },
                    tally,
                );
            }
            _ => {
                let first = model.new_message(input);
                model.ask(&mut filter, first, tally);
            }
        }
        model.latest = model.latest.max(model.unix);
    }
}

impl Model {
    fn filter(&self, config: ReplayConfig) -> ReplayFilter {
        ReplayFilter::new(config, &Seed::new(&mut [3; 32]), self.unix).expect("settings in range")
    }

    /// Another life begins, at a time that no earlier one has seen.
    fn restart(&mut self) {
        self.unix = self.unix.max(self.latest);
        self.life += 1;
    }

    /// Of one of many keys or of few, or of none, at about this time.
    fn new_message(&mut self, input: &mut Input<'_>) -> FirstSeen {
        let (whose, offset) = (input.byte(), MILLI * u32::from(input.byte()) * input.pick(&[0, 1, 1, 30]));
        self.messages += 1;
        let peer = match whose % 8 {
            0 => None,
            1 | 2 => Some(key(0x4000 | u16::from(whose))),
            _ => Some(key(0x4000 | u16::from(whose % 2))),
        };
        let timestamp = match whose / 8 % 8 {
            0 => None,
            1..3 => Some(self.unix + offset),
            _ => Some(self.unix.saturating_sub(offset)),
        };
        FirstSeen { peer, ephemeral: key(self.messages), timestamp }
    }

    fn ask(&mut self, filter: &mut ReplayFilter, first: FirstSeen, tally: &mut Tally) {
        let before = filter.stats();
        let (answer, newest) = (filter.check(self.unix, &first), filter.newest());
        let time = first.timestamp.unwrap_or(self.unix);
        // What stands for a key: the ephemeral one where there is no other.
        let whose = |first: &FirstSeen| first.peer.unwrap_or(first.ephemeral);
        let same_life = || self.accepted.iter().filter(|other| other.life == self.life);
        let own = || same_life().filter(|other| whose(&other.first) == whose(&first));
        let not_older = || same_life().filter(|other| other.time >= time);
        let mut others: Vec<PublicKey> = not_older().map(|other| whose(&other.first)).collect();
        others.retain(|other| *other != whose(&first));
        others.sort();
        others.dedup();
        let own_not_older = not_older().filter(|other| whose(&other.first) == whose(&first)).count();
        // Without timestamps the newcomer need not be newer than what it pushes out.
        let crowd = if self.strict { WAYS } else { WAYS - 1 };
        match answer {
            Ok(()) => {
                assert!(first.timestamp.is_some() || !self.strict);
                if first.timestamp.is_some() {
                    let copy = self.accepted.iter().any(|other| other.first == first);
                    assert!(!copy, "accepted twice: {first:?}");
                    assert!(time + self.window > self.unix && time <= self.unix, "{first:?}");
                    assert!(time > self.start && newest >= time);
                    if same_life().all(|other| other.time < time) {
                        tally.saw("accepted the newest of all");
                    } else if own().any(|other| other.time > time) {
                        tally.saw("accepted behind a newer one of its key");
                    }
                } else {
                    tally.saw("accepted without a timestamp");
                }
                tally.saw("accepted");
                assert!(filter.check(self.unix, &first).is_err(), "accepted twice at once: {first:?}");
                self.accepted.push(Accepted { first, time, life: self.life });
                assert_eq!(filter.stats().accepted, before.accepted + 1);
                return;
            }
            Err(Replay::NoTimestamp) => {
                tally.saw("no timestamp");
                assert!(self.strict && first.timestamp.is_none());
            }
            Err(Replay::TooOld { age }) => {
                tally.saw("too old");
                assert!(age >= self.window && age == self.unix - time);
            }
            Err(Replay::FromTheFuture { ahead }) => {
                tally.saw("from the future");
                assert!(ahead > self.skew && ahead == time - self.unix);
            }
            Err(Replay::Early { wait }) => {
                tally.saw("early");
                assert!(wait > Duration::ZERO && wait <= self.skew && wait == time - self.unix);
            }
            Err(Replay::BeforeStart) => {
                tally.saw("before the start");
                assert!(time <= self.start && first.timestamp.is_some());
                if self.accepted.iter().any(|other| other.first == first && other.life < self.life) {
                    tally.saw("a copy of before the restart");
                    if self.resumed {
                        tally.saw("a copy of before the restart, resumed");
                    }
                }
            }
            Err(Replay::Seen) => {
                let known = own().find(|other| other.first.ephemeral == first.ephemeral);
                let known = known.expect("seen before");
                let altered = known.first.timestamp != first.timestamp;
                tally.saw(if altered { "seen, with another timestamp" } else { "seen" });
            }
            Err(Replay::Overtaken) => {
                tally.saw("overtaken");
                assert!(first.timestamp.is_some());
                assert!(own_not_older >= DEPTH || others.len() >= crowd, "{own_not_older} {}", others.len());
            }
            Err(Replay::Crowded) => {
                tally.saw("crowded");
                assert!(first.timestamp.is_some());
                assert!(others.len() >= crowd, "{}", others.len());
            }
            Err(other) => panic!("{other:?}"),
        }
        assert_eq!(filter.stats().accepted, before.accepted);
    }
}
