use super::*;
use crate::entropy::Jitter;
use crate::sim::seeds;
use alloc::vec::Vec;

const S: Duration = Duration::from_secs(1);

fn at(millis: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(millis)
}

fn seed(byte: u8) -> Seed {
    Seed::new(&mut [byte; 32])
}

/// 3 attempts, a cool-down of 10 s, one set.
fn small() -> KeyedLimiter {
    let config = KeyedConfig::default().with_attempts(3).with_cool_down(10 * S).with_sources(8);
    KeyedLimiter::new(config, &seed(1)).unwrap()
}

fn source(n: u64) -> Source {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&n.to_le_bytes());
    Source::from_identity(key)
}

/// Attempts until it cools down.
fn exhaust(limiter: &mut KeyedLimiter, now: Instant, n: u64) {
    assert!((0..4).any(|_| !admits(limiter.check(now, source(n)))));
}

fn admits(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Admit { .. })
}

fn refused_until(millis: u64) -> Verdict {
    Verdict::Refuse { until: at(millis) }
}

#[test]
fn the_field_out_of_range_is_named() {
    let ok = KeyedConfig::lenient();
    for (config, error) in [
        (ok.with_attempts(0), KeyedError::Attempts),
        (ok.with_cool_down(Duration::ZERO), KeyedError::CoolDown),
        (ok.with_sources(0), KeyedError::Sources),
        (ok.with_sources(KeyedConfig::MAX_SOURCES + 1), KeyedError::Sources),
    ] {
        assert_eq!(KeyedLimiter::new(config, &seed(1)).err(), Some(error));
    }
}

#[test]
fn presets_allow_what_they_say() {
    for (config, attempts, cool_down, sources) in [
        (KeyedConfig::strict(), 5, 60, 100_000),
        (KeyedConfig::default(), 10, 30, 10_000),
        (KeyedConfig::lenient(), 100, 1, 1_000),
    ] {
        let mut limiter = KeyedLimiter::new(config, &seed(1)).unwrap();
        for left in (0..attempts).rev() {
            assert_eq!(limiter.check(at(5), source(1)), Verdict::Admit { remaining: left });
        }
        assert_eq!(limiter.check(at(5), source(1)), refused_until(5 + cool_down * 1_000));
        assert_eq!(limiter.capacity(), sources);
        assert_eq!(limiter.memory(), size_of::<KeyedLimiter>() + sources * 32);
    }
}

#[test]
fn one_attempt_too_many_starts_a_cool_down_that_further_attempts_do_not_extend() {
    let mut limiter = small();
    for (now, want) in [
        (0, Verdict::Admit { remaining: 2 }),
        (1_000, Verdict::Admit { remaining: 1 }),
        (2_000, Verdict::Admit { remaining: 0 }),
        (3_000, refused_until(13_000)),
        (12_999, refused_until(13_000)),
        (13_000, Verdict::Admit { remaining: 2 }),
    ] {
        assert_eq!(limiter.check(at(now), source(1)), want, "at {now} ms");
    }
}

#[test]
fn the_window_is_counted_from_the_first_attempt() {
    let mut limiter = small();
    for (now, remaining) in [(0, 2), (9_000, 1), (9_999, 0), (10_000, 2), (19_999, 1), (20_000, 2)] {
        assert_eq!(limiter.check(at(now), source(1)), Verdict::Admit { remaining }, "at {now} ms");
    }
}

#[test]
fn a_success_forgives_one_attempt_of_its_own_source_and_no_cool_down() {
    let mut limiter = small();
    for n in [1, 2, 1, 2, 1, 2] {
        assert!(admits(limiter.check(at(0), source(n))));
    }
    limiter.forgive(source(1));
    limiter.forgive(source(77));
    assert_eq!(limiter.check(at(1), source(1)), Verdict::Admit { remaining: 0 });
    for n in [1, 2] {
        assert_eq!(limiter.check(at(1), source(n)), refused_until(10_001));
        limiter.forgive(source(n));
        assert_eq!(limiter.check(at(1), source(n)), refused_until(10_001));
    }
    // With nothing left to forgive, the next attempt begins a window.
    assert!(admits(limiter.check(at(1), source(3))));
    (0..2).for_each(|_| limiter.forgive(source(3)));
    assert_eq!(limiter.check(at(9_000), source(3)), Verdict::Admit { remaining: 2 });
    assert_eq!(limiter.check(at(10_001), source(3)), Verdict::Admit { remaining: 1 });
}

#[test]
fn attempts_of_a_source_that_are_under_way_are_bounded() {
    let mut limiter = small();
    assert_eq!(limiter.begin(at(0), source(1), 2), Verdict::Admit { remaining: 2 });
    assert_eq!(limiter.begin(at(0), source(1), 2), Verdict::Admit { remaining: 1 });
    assert_eq!(limiter.begin(at(0), source(1), 2), Verdict::Busy);
    // Which is no attempt; nor does it concern others.
    assert_eq!(limiter.begin(at(0), source(2), 2), Verdict::Admit { remaining: 2 });
    limiter.end(source(1));
    assert_eq!(limiter.begin(at(0), source(1), 2), Verdict::Admit { remaining: 0 });
    limiter.end(source(1));
    assert_eq!(limiter.begin(at(0), source(1), 2), refused_until(10_000));
    // Nor does a window that ends let more of them be under way.
    assert_eq!(limiter.begin(at(10_000), source(1), 2), Verdict::Admit { remaining: 2 });
    assert_eq!(limiter.begin(at(10_000), source(1), 2), Verdict::Busy);
    (0..9).for_each(|_| limiter.end(source(1)));
    assert_eq!(limiter.begin(at(10_000), source(1), 2), Verdict::Admit { remaining: 1 });
}

#[test]
fn a_clock_that_steps_back_counts_as_standing_still() {
    let mut limiter = small();
    exhaust(&mut limiter, at(5_000), 1);
    assert_eq!(limiter.check(at(0), source(1)), refused_until(15_000));
    assert_eq!(limiter.check(at(0), source(2)), Verdict::Admit { remaining: 2 });
    assert_eq!(limiter.check(at(14_999), source(2)), Verdict::Admit { remaining: 1 });
    assert_eq!(limiter.check(at(15_000), source(2)), Verdict::Admit { remaining: 2 });
}

#[test]
fn the_end_of_time_locks_nobody_out() {
    let mut limiter = small();
    for _ in 0..10 {
        assert_eq!(limiter.check(Instant::MAX, source(1)), Verdict::Admit { remaining: 2 });
    }
}

#[test]
fn a_full_set_forgets_expired_then_oldest_counting_then_nearest_to_the_end_of_its_cool_down() {
    let holds = |limiter: &KeyedLimiter, n: u64| {
        let tag = limiter.hash(source(n)).1;
        limiter.sets[0].iter().any(|entry| entry.tag == tag)
    };
    let counting = |since| State::Counting { since: at(since), made: 1 };
    let cooling = |until| State::Cooling { until: at(until) };
    let mut limiter = small();
    for (n, state) in [
        cooling(20_002),
        counting(9_005),
        cooling(20_001),
        counting(2_000),
        cooling(11_999),
        cooling(20_003),
        counting(9_004),
        counting(9_006),
    ]
    .into_iter()
    .enumerate()
    {
        limiter.sets[0][n] = Entry { tag: limiter.hash(source(n as u64)).1, under_way: 0, state };
    }
    let mut gone = Vec::new();
    for newcomer in 100..108 {
        let before: Vec<_> = (0..8).filter(|n| holds(&limiter, *n)).collect();
        exhaust(&mut limiter, at(12_000), newcomer);
        gone.extend(before.into_iter().filter(|n| !holds(&limiter, *n)));
        assert!(holds(&limiter, newcomer));
    }
    assert_eq!(gone, [4, 3, 6, 1, 7, 2, 0, 5], "expired: 4, 3; counting: 6, 1, 7; cooling down: 2, 0, 5");
}

#[test]
fn a_flood_built_to_hit_one_set_needs_the_secret() {
    let config = KeyedConfig::default().with_sources(64 * 8);
    let layout = |byte| {
        let limiter = KeyedLimiter::new(config, &seed(byte)).unwrap();
        move |n| limiter.hash(source(n))
    };
    let (known, again, secret) = (layout(1), layout(1), layout(2));
    let flood: Vec<_> = (0..20_000).filter(|n| known(*n).0 == 0).collect();
    assert!(flood.len() > 200, "{}", flood.len());
    assert!(flood.iter().all(|n| again(*n) == known(*n) && secret(*n).1 != known(*n).1));
    let mut hits = [0; 64];
    flood.iter().for_each(|n| hits[secret(*n).0] += 1);
    assert!(hits.iter().all(|hits| *hits < 20), "{hits:?}");
}

#[test]
fn sources_spread_over_all_sets() {
    let config = KeyedConfig::default().with_sources(100 * 8);
    let limiter = KeyedLimiter::new(config, &seed(1)).unwrap();
    let mut hits = [0; 100];
    (0..10_000).for_each(|n| hits[limiter.hash(source(n)).0] += 1);
    assert!(hits.iter().all(|hits| (50..200).contains(hits)), "{hits:?}");
}

/// The rules without a table: every source is remembered.
#[derive(Clone, Default)]
struct Model {
    since: u64,
    made: u32,
    until: u64,
}

impl Model {
    fn check(&mut self, now: u64) -> Verdict {
        if now < self.until {
            return refused_until(self.until);
        }
        if self.made == 0 || self.until > 0 || now >= self.since + 10_000 {
            *self = Self { since: now, made: 0, until: 0 };
        }
        if self.made == 3 {
            self.until = now + 10_000;
            return refused_until(self.until);
        }
        self.made += 1;
        Verdict::Admit { remaining: 3 - self.made }
    }
}

#[test]
fn while_nothing_is_evicted_it_agrees_with_a_list_of_sources() {
    for seed in seeds("while_nothing_is_evicted_it_agrees_with_a_list_of_sources", 0..100) {
        let mut jitter = Jitter::new(seed);
        let mut draw = |below: u64| jitter.next_u64() % below;
        let (mut limiter, mut model) = (small(), [const { Model { since: 0, made: 0, until: 0 } }; 8]);
        let mut now = 0;
        for step in 0..500 {
            now += draw(1_500);
            let n = draw(8);
            if draw(20) == 0 {
                limiter.forgive(source(n));
                model[n as usize].made = model[n as usize].made.saturating_sub(1);
            } else {
                let want = model[n as usize].check(now);
                assert_eq!(limiter.check(at(now), source(n)), want, "seed {seed} step {step}");
            }
        }
    }
}

#[test]
fn a_flood_never_locks_out_a_source_that_keeps_to_its_attempts() {
    for seed in seeds("a_flood_never_locks_out_a_source_that_keeps_to_its_attempts", 0..20) {
        let mut jitter = Jitter::new(seed);
        let mut limiter = small();
        for round in 0..300 {
            let now = at(round * 3_334);
            for _ in 0..60 {
                // Few enough hostile keys to fill the set with cool-downs, or too many to remember.
                let keys = if round % 2 == 0 { 10 } else { 1_000_000 };
                let _ = limiter.check(now, source(1_000 + jitter.next_u64() % keys));
            }
            assert!(admits(limiter.check(now, source(1))), "seed {seed} round {round}");
        }
    }
}

#[test]
fn a_refusal_always_has_enough_attempts_of_the_same_source_behind_it() {
    for seed in seeds("a_refusal_always_has_enough_attempts_of_the_same_source_behind_it", 0..50) {
        let mut jitter = Jitter::new(seed);
        let mut draw = |below: u64| jitter.next_u64() % below;
        let mut limiter = small();
        let mut admitted: [Vec<u64>; 30] = Default::default();
        let (mut now, mut refusals) = (0, 0);
        for step in 0..2_000 {
            now += draw(300);
            let most = 1 + draw(30);
            let n = draw(most);
            match limiter.check(at(now), source(n)) {
                Verdict::Admit { .. } => admitted[n as usize].push(now),
                Verdict::Busy => panic!("none are under way"),
                Verdict::Refuse { until } => {
                    refusals += 1;
                    assert!(at(now) < until && until <= at(now + 10_000), "seed {seed} step {step}");
                    let recent = admitted[n as usize].iter().filter(|&&then| then + 20_000 > now).count();
                    assert!(recent >= 3, "seed {seed} step {step}: {recent}");
                }
            }
        }
        assert!(refusals > 0, "seed {seed} tested nothing");
    }
}
