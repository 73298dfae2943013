//! The cookie gate, against buckets that count, a list of the cookies that were given out, and the time until which
//! there is load.

use super::{Clock, Input, Tally};
use sealock_proto::entropy::Seed;
use sealock_proto::guard::{Cookie, CookieGate, GateAnswer, GateConfig, GateStats, LoadConfig, Mac};
use sealock_proto::time::Instant;
use std::net::SocketAddr;
use std::time::Duration;

pub(super) const OFTEN: [&str; 9] = [
    "no load",
    "verified",
    "verified by an older cookie",
    "local under load",
    "cookie",
    "busy, verified",
    "busy, unverified",
    "a cookie that is too old",
    "a cookie of another",
];

const SECOND: u64 = 1_000_000_000;
const PERIOD: Duration = Duration::from_secs(120);

/// As the first: the same address, and another port, address and family.
const SOURCES: [&str; 5] =
    ["192.0.2.1:9", "[::ffff:192.0.2.1]:9", "192.0.2.1:10", "192.0.2.2:9", "[2001:db8::1]:9"];

/// A bucket that counts billionths of a unit.
struct Bucket {
    per_second: u64,
    full: u64,
    level: u64,
    filled: Instant,
}

impl Bucket {
    fn new((per_second, burst): (u64, u64)) -> Self {
        Self { per_second, full: burst * SECOND, level: burst * SECOND, filled: Instant::ZERO }
    }

    fn take(&mut self, now: Instant) -> bool {
        let gained = now.saturating_since(self.filled).as_nanos() as u64 * self.per_second;
        (self.level, self.filled) = ((self.level + gained).min(self.full), now);
        let there = self.level >= SECOND;
        self.level -= if there { SECOND } else { 0 };
        there
    }
}

/// A cookie, whose it is, and in which period it was given out.
type Given = (Cookie, SocketAddr, u128);

/// Runs operations: seven bytes choose the settings, then come five for each.
pub(super) fn run(input: &mut Input<'_>, tally: &mut Tally) {
    let rates = [(1, 1), (2, 3), (10, 2), (100, 20)];
    let (begin, verified, cookies) = (input.pick(&rates), input.pick(&rates), input.pick(&rates));
    let most = input.pick(&[1, 3, 200]);
    let hold = Duration::from_millis(input.pick(&[1, 1_000, 100_000]));
    let load =
        LoadConfig::default().with_per_second(begin.0).with_burst(begin.1).with_backlog(most).with_hold(hold);
    let config = GateConfig::default()
        .with_load(load)
        .with_verified(verified.0, verified.1)
        .with_cookies(cookies.0, cookies.1);
    let mut gate = CookieGate::new(config, &Seed::new(&mut [input.byte(); 32])).expect("settings in range");
    let (mut begin, mut verified, mut cookies) =
        (Bucket::new(begin), Bucket::new(verified), Bucket::new(cookies));
    let (mut clock, mut until, mut given): (_, _, Vec<Given>) = (Clock::default(), Instant::ZERO, Vec::new());
    let mut stats = GateStats::default();
    while !input.is_empty() {
        clock.step(input);
        let now = clock.tell();
        let at = clock.told;
        let sources = SOURCES.map(|source| source.parse().ok()).into_iter().chain([None]);
        let source: Option<SocketAddr> = input.pick(&sources.collect::<Vec<_>>());
        let (mac1, backlog) = ([input.byte() % 2; 16], input.below(5));
        let choice = input.byte();
        let used = (choice >= 64).then(|| given.iter().rev().nth(usize::from(choice % 8))).flatten();
        let mac2: Mac = match used {
            // One for another message is good for nothing.
            Some((cookie, ..)) => cookie.mac2(if choice == 255 { &[9; 16] } else { &mac1 }),
            None => [choice % 2; 16],
        };
        let period = at.saturating_since(Instant::ZERO).as_nanos() / PERIOD.as_nanos();
        let good = match (source, used) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(source), Some((_, owner, made))) => {
                let own = canonical(source) == canonical(*owner) && choice != 255;
                if !own {
                    tally.saw("a cookie of another");
                } else if made + 1 < period {
                    tally.saw("a cookie that is too old");
                }
                own && made + 1 >= period
            }
        };
        if !begin.take(at) || backlog >= most {
            until = at + hold;
        }
        let answer = gate.ask(now, source, &mac1, &mac2, backlog);
        let (count, what) = match answer {
            GateAnswer::Proceed if at >= until => (&mut stats.unloaded, "no load"),
            _ if at >= until => panic!("{answer:?} without load"),
            GateAnswer::Proceed => {
                assert!(good && verified.take(at));
                let old = used.is_some_and(|(_, _, made)| *made < period);
                let local = source.is_none();
                let how = if old { "verified by an older cookie" } else { "verified" };
                (&mut stats.verified, if local { "local under load" } else { how })
            }
            GateAnswer::Busy if good => {
                assert!(!verified.take(at));
                (&mut stats.busy_verified, "busy, verified")
            }
            GateAnswer::Busy => {
                assert!(!cookies.take(at));
                (&mut stats.busy_unverified, "busy, unverified")
            }
            GateAnswer::Cookie(cookie) => {
                assert!(!good && cookies.take(at));
                given.push((cookie, source.expect("a source"), period));
                (&mut stats.cookies, "cookie")
            }
        };
        *count += 1;
        tally.saw(what);
        assert_eq!(gate.stats(), stats);
    }
}

fn canonical(source: SocketAddr) -> SocketAddr {
    SocketAddr::new(source.ip().to_canonical(), source.port())
}
