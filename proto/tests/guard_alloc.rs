//! The machines that guard a responder allocate when they are made, and a flood makes them allocate nothing.

use allocation_counter::measure;
use sealock_proto::entropy::{Jitter, Seed};
use sealock_proto::guard::{
    Answer, FirstSeen, GateConfig, GateKey, Guard, GuardConfig, Mac, Policy, Question, Refusal, ReplayConfig,
    ReplayFilter,
};
use sealock_proto::limit::KeyedConfig;
use sealock_proto::noise::PublicKey;
use sealock_proto::time::Instant;
use std::net::SocketAddr;
use std::time::Duration;

const UNIX: Duration = Duration::from_secs(1_800_000_000);
const MESSAGE: [u8; 150] = [7; 150];
/// Handshakes in progress: load.
const MANY: usize = 1_000;

fn seed() -> Seed {
    Seed::new(&mut [1; 32])
}

fn key(n: u64) -> PublicKey {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&n.to_le_bytes());
    PublicKey(key)
}

fn source(n: u64) -> Option<SocketAddr> {
    Some(SocketAddr::from(([192, 0, 2, n as u8], (n >> 8) as u16)))
}

fn after(millis: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(millis)
}

#[test]
fn a_wrong_mac_costs_a_digest_and_no_memory() {
    let gate = GateKey::new(Some(&key(1)), b"context");
    let mut verified = 0;
    let info = measure(|| {
        for n in 0..10_000_u64 {
            let mut mac1: Mac = [0; 16];
            mac1[..8].copy_from_slice(&n.to_le_bytes());
            verified += usize::from(gate.digest(&[b"hello", &MESSAGE]).verify(&mac1));
        }
    });
    assert_eq!((info.count_total, verified), (0, 0));
}

#[test]
fn strangers_under_load_get_cookies_or_nothing_and_cost_no_memory() {
    let config = GateConfig::default().with_cookies(1_000, 1_000);
    let mut guard = Guard::new(GuardConfig::default().with_gate(Some(config)), &seed(), UNIX).unwrap();
    let gate = GateKey::new(None, b"");
    let (mut sealed, mut verified, mut busy) = (0_u64, 0_u64, 0_u64);
    let info = measure(|| {
        for n in 0..50_000 {
            let (now, source) = (after(n / 4), source(n));
            let mac1 = gate.digest(&[&MESSAGE, &n.to_le_bytes()]).mac1();
            let mut ask =
                |mac2| guard.ask(now, Some(UNIX), source, MANY, &Question::FirstMessage { mac1, mac2 });
            match ask([9; 16]) {
                Answer::Cookie(cookie) => {
                    let reply = gate.seal_cookie(&cookie, &mac1, &[n as u8; 24]);
                    assert_eq!(gate.open_cookie(&reply, &mac1), Some(cookie));
                    sealed += 1;
                    verified += u64::from(ask(cookie.mac2(&mac1)) == Answer::Proceed);
                }
                answer => {
                    assert_eq!(answer, Answer::Refuse(Refusal::Busy));
                    busy += 1;
                }
            }
        }
    });
    assert!(sealed > 10_000 && verified > 10_000 && busy > 10_000, "{sealed} {verified} {busy}");
    assert_eq!(info.count_total, 0);
}

#[test]
fn copies_and_crowds_cost_no_memory() {
    let replay = ReplayConfig::default().with_keys(64).with_resume(Some(Duration::ZERO));
    let mut guard = Guard::new(GuardConfig::default().with_replay(Some(replay)), &seed(), UNIX).unwrap();
    let mut jitter = Jitter::new(1);
    let info = measure(|| {
        for n in 0..50_000 {
            let unix = UNIX + Duration::from_millis(n);
            let back = Duration::from_nanos(jitter.next_u64() % 50_000_000_000);
            let peer = Some(key(jitter.next_u64() % 1_000));
            let first = FirstSeen { peer, ephemeral: key(n), timestamp: Some(unix - back) };
            for _ in 0..2 {
                let _ = guard.ask(after(n), Some(unix), None, 0, &Question::Fresh(first));
            }
        }
    });
    let stats = guard.stats().replay;
    let often = [stats.accepted, stats.seen, stats.overtaken, stats.crowded];
    assert!(often.iter().all(|count| *count > 100), "{stats:?}");
    assert_eq!(info.count_total, 0);
}

#[test]
fn identities_that_are_refused_cost_no_memory() {
    let policy = Policy::default()
        .with_denied(&[key(1), key(2)])
        .with_attempts(Some(KeyedConfig::default().with_attempts(1).with_sources(100_000)))
        .with_max_sessions_per_identity(Some(1))
        .with_max_sessions(100);
    let mut guard = Guard::new(GuardConfig::default().with_policy(policy), &seed(), UNIX).unwrap();
    let there = guard.established(&key(3)).unwrap();
    let mut answers = [0; 4];
    let info = measure(|| {
        for n in 0..10_000 {
            let of = [1, 3, 4, 5 + n][n as usize % 4];
            let answer = guard.ask(after(0), None, None, 0, &Question::Proven(key(of)));
            answers[match answer {
                Answer::Proceed => 0,
                Answer::Refuse(Refusal::NotAllowed) => 1,
                Answer::Refuse(Refusal::Busy) => 2,
                _ => 3,
            }] += 1;
        }
    });
    assert_eq!((answers, there.end), ([2_501, 2_500, 2_500, 2_499], None));
    assert_eq!(info.count_total, 0);
}

#[test]
fn the_memory_reported_is_the_memory_allocated() {
    for keys in [1, 8, 9, 4096] {
        let mut filter = None;
        let config = ReplayConfig::default().with_keys(keys);
        let info = measure(|| filter = ReplayFilter::new(config, &seed(), UNIX).ok());
        let filter = filter.unwrap();
        assert_eq!(info.count_current, 1, "one table");
        assert_eq!(info.bytes_current as usize + size_of::<ReplayFilter>(), filter.memory());
    }
}

#[test]
fn a_session_takes_about_as_much_memory_as_documented() {
    let mut guard = Guard::new(GuardConfig::default(), &seed(), UNIX).unwrap();
    let info = measure(|| {
        (0..10_000).for_each(|n| assert_eq!(guard.established(&key(n % 3_000)).unwrap().end, None))
    });
    let each = info.bytes_current / 10_000;
    assert!((100..200).contains(&each), "{each} bytes");
}
