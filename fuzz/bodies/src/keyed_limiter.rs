//! Attempts of many sources against a map that forgets nobody.
//!
//! Four bytes of an input choose the limiter; then come operations of three bytes: what to do, who does it and how
//! much time passes before.
//!
//! A source is only refused for what it did itself, whoever else tries; with few sources every verdict is that of
//! the map; the table never grows.

use crate::input::Input;
use crate::keys;
use sealock_proto::limit::{KeyedConfig, KeyedLimiter, Source, Verdict};
use sealock_proto::time::Instant;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

/// As many sources as never crowd each other out: the places of one set.
const FEW: usize = 8;

/// Runs one input.
///
/// # Panics
/// If a rule is broken.
pub fn run(input: &[u8]) {
    let mut input = Input::new(input);
    let attempts = u32::from(input.byte() % 5);
    let cool_down = Duration::from_millis(u64::from(input.byte()) * 10);
    let sources = input.pick(&[0, 1, 8, 9, 24, 64, 1000, KeyedConfig::MAX_SOURCES + 1]);
    let crowd = 1 + input.byte() % 64;
    let config =
        KeyedConfig::default().with_attempts(attempts).with_cool_down(cool_down).with_sources(sources);
    let in_range = attempts > 0 && !cool_down.is_zero() && (1..=KeyedConfig::MAX_SOURCES).contains(&sources);
    let limiter = KeyedLimiter::new(config, &keys::seed());
    assert_eq!(limiter.is_ok(), in_range, "{config:?}");
    let Ok(mut limiter) = limiter else { return };
    assert!(limiter.capacity() >= sources && limiter.capacity() < sources + FEW, "{}", limiter.capacity());

    let memory = limiter.memory();
    let mut model = Model { attempts, cool_down, histories: BTreeMap::new() };
    let (mut now, mut latest, mut everyone) = (Instant::ZERO, Instant::ZERO, BTreeSet::new());
    while !input.is_empty() {
        let (operation, who, wait) = (input.byte(), input.byte() % crowd, u64::from(input.byte()));
        now += Duration::from_millis(wait);
        everyone.insert(who);
        match operation {
            0..16 => {
                limiter.forgive(source(who));
                model.forgive(who);
            }
            other => {
                // A clock that steps back counts as one that stands.
                let back = Duration::from_secs(u64::from(other % 8 == 1));
                let given = now.saturating_since(Instant::ZERO + back);
                let given = Instant::ZERO + given;
                latest = latest.max(given);
                let verdict = limiter.check(given, source(who));
                model.check(latest, who, verdict, everyone.len() <= FEW);
            }
        }
        assert_eq!(limiter.memory(), memory, "the table grew");
    }
}

fn source(who: u8) -> Source {
    match who % 3 {
        0 => Source::from_ip(Ipv4Addr::new(192, 0, 2, who).into()),
        1 => Source::from_ip(Ipv6Addr::new(0x2001, 0xdb8, 0, who.into(), 0, 0, 0, 1).into()),
        _ => Source::from_identity([who; 32]),
    }
}

struct Model {
    attempts: u32,
    cool_down: Duration,
    histories: BTreeMap<u8, History>,
}

#[derive(Default)]
struct History {
    /// Every attempt, those that were forgiven too.
    made: Vec<Instant>,
    /// What a table without end would remember: the window's begin and attempts in it, or the cool-down's end.
    window: Option<(Instant, u32)>,
    cooling: Option<Instant>,
}

impl Model {
    fn forgive(&mut self, who: u8) {
        let Some(history) = self.histories.get_mut(&who) else { return };
        history.window = history.window.map(|(since, made)| (since, made - 1)).filter(|(_, made)| *made > 0);
    }

    fn check(&mut self, now: Instant, who: u8, verdict: Verdict, exact: bool) {
        let (attempts, cool_down) = (self.attempts, self.cool_down);
        let history = self.histories.entry(who).or_default();
        history.made.push(now);
        let expected = history.verdict(now, attempts, cool_down);
        if exact {
            assert_eq!(verdict, expected, "source {who}");
        }
        match verdict {
            Verdict::Admit { remaining } => assert!(remaining < attempts),
            Verdict::Refuse { until } => {
                assert!(until > now && until <= now + cool_down, "refused until {until:?} at {now:?}");
                let begin = Instant::from_nanos(until.as_nanos()).saturating_since(Instant::ZERO) - cool_down;
                let begin = Instant::ZERO + begin;
                assert!(history.made.contains(&begin), "a cool-down begins with an attempt of its source");
                let in_window = |at: &&Instant| **at <= begin && **at + cool_down > begin;
                let own = history.made.iter().filter(in_window).count();
                assert!(own > attempts as usize, "refused for {own} attempts of its own");
            }
            other => panic!("{other:?}"),
        }
    }
}

impl History {
    fn verdict(&mut self, now: Instant, attempts: u32, cool_down: Duration) -> Verdict {
        if let Some(until) = self.cooling.filter(|until| now < *until) {
            return Verdict::Refuse { until };
        }
        self.cooling = None;
        let (since, made) = self.window.filter(|(since, _)| now < *since + cool_down).unwrap_or((now, 0));
        if made == attempts {
            let until = now + cool_down;
            (self.window, self.cooling) = (None, Some(until));
            return Verdict::Refuse { until };
        }
        self.window = Some((since, made + 1));
        Verdict::Admit { remaining: attempts - made - 1 }
    }
}
