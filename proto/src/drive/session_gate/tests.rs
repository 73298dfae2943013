//! What a gate counts, also when threads race for it.

use super::*;
use crate::entropy::Jitter;
use crate::guard::{Excess, GuardConfig};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

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
        (Refusal::TooManyHandshakesOfSource, Alert::Busy),
        (Refusal::TooManySessions, Alert::Busy),
    ] {
        assert_eq!(refusal_packet(refusal), alert_packet(alert));
    }
}

/// A session of the race: what ends it from outside, and its place.
struct Racer {
    ended: Arc<AtomicBool>,
    permit: Permit,
}

fn key(n: u64) -> PublicKey {
    PublicKey([n as u8; 32])
}

/// Sessions that a gate lets in at most for a key, and in all.
const OF_A_KEY: usize = 2;
const SLOTS: usize = 8;

fn policy(allowed: Option<&[PublicKey]>) -> Policy {
    let policy = Policy::default().with_max_sessions_per_identity(Some(OF_A_KEY));
    policy.with_excess(Excess::EndOldest).with_allowed(allowed)
}

/// Sessions begin, give up, end and are ended, until so many were tried.
fn race(gate: &Gate, mut jitter: Jitter, ends: &Arc<AtomicUsize>) -> usize {
    const ROUNDS: usize = 2_000;
    let mut entered = 0;
    let mut held: Vec<Racer> = Vec::new();
    for _ in 0..ROUNDS {
        let draw = jitter.next_u64();
        // Who is ended from outside leaves, as a session does that hears of it.
        held.retain(|racer| !racer.ended.load(Ordering::SeqCst));
        match gate.admit(Instant::ZERO, None) {
            // Half way through the handshake.
            Ok(permit) if draw % 4 == 0 => drop(permit),
            Ok(mut permit) => {
                let (ended, ends) = (Arc::new(AtomicBool::new(false)), Arc::clone(ends));
                let (hears, asks) = (Arc::clone(&ended), gate.clone());
                let end = move |_| {
                    assert!(!hears.swap(true, Ordering::SeqCst), "ended twice");
                    ends.fetch_add(1, Ordering::SeqCst);
                    // No lock is held: the end of a session may be the end of its permit.
                    let _ = asks.guard_stats();
                };
                permit.enter(Some(key(draw / 4 % 3)), Box::new(end));
                entered += 1;
                held.push(Racer { ended, permit });
            }
            Err(_) => drop(held.pop()),
        }
        if held.len() > 3 {
            drop(held.swap_remove((draw / 16) as usize % held.len()).permit);
        }
    }
    entered
}

#[test]
fn threads_that_race_for_a_gate_leave_nothing_behind() {
    const RACERS: u64 = 4;
    const POLICIES: usize = 500;
    let seed = Seed::new(&mut [1; 32]);
    let guard = GuardConfig::default().with_policy(policy(None));
    let config = AdmissionConfig::default().with_max_handshakes(SLOTS).with_max_sessions(SLOTS);
    let gate =
        Gate::new(config, &seed).unwrap().with_guard(Guard::new(guard, &seed, Duration::ZERO).unwrap());
    let ends = Arc::new(AtomicUsize::new(0));
    let (done, wait) = mpsc::channel();
    for racer in 0..RACERS {
        let (gate, ends, done) = (gate.clone(), Arc::clone(&ends), done.clone());
        thread::spawn(move || done.send(race(&gate, Jitter::new(racer), &ends)));
    }
    let (policies, done) = (gate.clone(), done);
    thread::spawn(move || {
        for n in 0..POLICIES {
            let some = [key(0), key(1)];
            let allowed = [None, Some(&some[..]), Some(&some[..1])][n % 3];
            policies.set_policy(policy(allowed)).unwrap().unwrap();
            let stats = policies.guard_stats().unwrap().roster;
            assert!(stats.sessions <= 3 * OF_A_KEY, "{stats:?}");
            thread::yield_now();
        }
        policies.set_policy(policy(None)).unwrap().unwrap();
        done.send(0)
    });
    let finished =
        (0..=RACERS).map(|_| wait.recv_timeout(Duration::from_secs(30)).expect("stuck, or failed"));
    let entered: usize = finished.sum();
    let (stats, roster) = (gate.stats(), gate.guard_stats().unwrap().roster);
    assert_eq!((stats.handshakes, stats.sessions, roster.sessions), (0, 0, 0));
    assert_eq!((roster.ended, gate.lock().live.len()), (ends.load(Ordering::SeqCst) as u64, 0));
    assert!(entered > 1_000 && roster.ended > 100, "not much of a race: {entered} entered, {roster:?}");
    // A fresh one gets in, and may be ended.
    let ended = Arc::new(AtomicBool::new(false));
    let hears = Arc::clone(&ended);
    let mut permit = gate.admit(Instant::ZERO, None).unwrap();
    permit.enter(Some(key(2)), Box::new(move |_| hears.store(true, Ordering::SeqCst)));
    gate.set_policy(policy(Some(&[]))).unwrap().unwrap();
    assert!(ended.load(Ordering::SeqCst));
}
