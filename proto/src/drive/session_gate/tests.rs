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

fn key(n: u64) -> PublicKey {
    PublicKey([n as u8; 32])
}

/// Sessions that a policy lets a key have, the newest ones.
const OF_A_KEY: usize = 2;

fn policy(allowed: Option<&[PublicKey]>) -> Policy {
    let policy = Policy::default().with_max_sessions_per_identity(Some(OF_A_KEY));
    policy.with_excess(Excess::EndOldest).with_allowed(allowed)
}

/// A gate that threads race for, and what they have seen.
struct Race {
    gate: Gate,
    /// Sessions that were ended for want of a place, and those whose key was no longer accepted.
    replaced: AtomicUsize,
    withdrawn: AtomicUsize,
    /// Racers that are not done.
    running: AtomicUsize,
}

impl Race {
    /// A session enters. Whether it was ended from outside since.
    fn enter(self: &Arc<Self>, permit: &mut Permit, key: PublicKey) -> Arc<AtomicBool> {
        let (ended, race) = (Arc::new(AtomicBool::new(false)), Arc::clone(self));
        let hears = Arc::clone(&ended);
        let end = move |reason| {
            assert!(!hears.swap(true, Ordering::SeqCst), "ended twice");
            let why = if reason == REPLACED { &race.replaced } else { &race.withdrawn };
            why.fetch_add(1, Ordering::SeqCst);
            // No lock is held: the end of a session may be that of its permit.
            let _ = race.gate.guard_stats();
        };
        permit.established();
        // Where there is no place it is ended at once, and counted like that.
        let _ = permit.enter(key, Box::new(end));
        ended
    }

    /// Sessions begin, give up half way, end and are ended.
    fn run(self: &Arc<Self>, mut jitter: Jitter) {
        let mut held: Vec<(Arc<AtomicBool>, Permit)> = Vec::new();
        for _ in 0..3_000 {
            let draw = jitter.next_u64();
            // Who is ended leaves, as a session does that hears of it.
            held.retain(|(ended, _)| !ended.load(Ordering::SeqCst));
            match self.gate.admit(Instant::ZERO, None) {
                Ok(permit) if draw % 4 == 0 => drop(permit),
                Ok(mut permit) => held.push((self.enter(&mut permit, key(draw / 4 % 3)), permit)),
                Err(_) => drop(held.pop()),
            }
            if held.len() > 3 {
                drop(held.swap_remove((draw / 16) as usize % held.len()));
            }
            thread::yield_now();
        }
        drop(held);
        self.running.fetch_sub(1, Ordering::SeqCst);
    }

    /// One policy after the other until the others are done.
    fn change_policies(&self) {
        let keys = [key(0), key(1)];
        for allowed in [None, Some(&keys[..]), Some(&keys[..1])].into_iter().cycle() {
            self.gate.set_policy(policy(allowed)).unwrap().unwrap();
            let stats = self.gate.guard_stats().unwrap().roster;
            assert!(stats.sessions <= 3 * OF_A_KEY, "{stats:?}");
            if self.running.load(Ordering::SeqCst) == 0 {
                return;
            }
            thread::yield_now();
        }
    }
}

#[test]
fn threads_that_race_for_a_gate_leave_nothing_behind() {
    const RACERS: usize = 4;
    let seed = Seed::new(&mut [1; 32]);
    let guard = Guard::new(GuardConfig::default().with_policy(policy(None)), &seed, Duration::ZERO).unwrap();
    let config = AdmissionConfig::default().with_max_handshakes(3).with_max_sessions(8);
    let [replaced, withdrawn] = Default::default();
    let gate = Gate::new(config, &seed).unwrap().with_guard(guard);
    let race = Arc::new(Race { gate, replaced, withdrawn, running: AtomicUsize::new(RACERS) });
    let (done, wait) = mpsc::channel();
    for racer in 0..=RACERS {
        let (race, done) = (Arc::clone(&race), done.clone());
        thread::spawn(move || {
            if racer == 0 {
                race.change_policies()
            } else {
                race.run(Jitter::new(racer as u64))
            }
            done.send(())
        });
    }
    for _ in 0..=RACERS {
        wait.recv_timeout(Duration::from_secs(30)).expect("a thread is stuck, or failed");
    }
    let (stats, roster) = (race.gate.stats(), race.gate.guard_stats().unwrap().roster);
    assert_eq!((stats.handshakes, stats.sessions, roster.sessions), (0, 0, 0));
    let [replaced, withdrawn] = [&race.replaced, &race.withdrawn].map(|count| count.load(Ordering::SeqCst));
    assert_eq!((roster.ended, race.gate.lock().live.len()), ((replaced + withdrawn) as u64, 0));
    assert!(replaced > 100 && withdrawn > 10, "not much of a race: {replaced}, {withdrawn}");
    // A fresh one gets in, and can be ended.
    race.gate.set_policy(policy(None)).unwrap().unwrap();
    let mut permit = race.gate.admit(Instant::ZERO, None).unwrap();
    let ended = race.enter(&mut permit, key(2));
    assert!(!ended.load(Ordering::SeqCst));
    race.gate.set_policy(policy(Some(&[]))).unwrap().unwrap();
    assert!(ended.load(Ordering::SeqCst));
}
