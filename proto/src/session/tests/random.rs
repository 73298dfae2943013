//! Random operations against a model: what was accepted arrives, in order, and everything ends.

use super::pair::*;
use crate::buf::TxBuf;
use crate::entropy::Jitter;
use crate::heartbeat::HeartbeatConfig;
use crate::limit::Rate;
use crate::session::{CloseCode, Config, Error, Event, Outgoing, RateLimit, RekeyPolicy, SendError};
use crate::sim::{is_replay, seeds};
use crate::time::Instant;
use alloc::vec::Vec;
use core::time::Duration;

/// Few, because ciphers are slow without optimisation; raise it to search.
const SEEDS: u64 = 8;

struct Dice(Jitter);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0.next_u64() % n
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

/// One end with what a driver and an application know of it.
struct Actor {
    end: End,
    accepted: Vec<Vec<u8>>,
    closing: bool,
    eof_seen: bool,
}

fn config(dice: &mut Dice, config: Config) -> Config {
    let mut rekey = RekeyPolicy::default();
    if dice.one_in(2) {
        rekey = rekey.with_records(1 + dice.below(8));
    }
    if dice.one_in(3) {
        rekey = rekey.with_bytes(1 + dice.below(100_000));
    }
    if dice.one_in(3) {
        rekey = rekey.with_age(Duration::from_millis(1 + dice.below(2000)));
    }
    let mut limit = RateLimit::default();
    if dice.one_in(3) {
        limit = limit.with_messages(Rate::new(20 + dice.below(200), 1 + dice.below(20)).unwrap());
    }
    if dice.one_in(3) {
        limit = limit.with_bytes(Rate::new(50_000 + dice.below(1 << 20), 1 + dice.below(100_000)).unwrap());
    }
    let beat = HeartbeatConfig::default()
        .with_interval(Duration::from_millis(50 + dice.below(3000)))
        .with_probe_timeout(Duration::from_secs(20));
    config
        .with_rekey(rekey)
        .with_rate_limit(limit)
        .with_heartbeat(dice.one_in(2).then_some(beat))
        .with_close_timeout(Duration::from_secs(300))
        .with_max_message(1 << 20)
}

impl Actor {
    fn new(dice: &mut Dice, config: Config, seed: u8) -> Self {
        let mut end = End::new(&config.build().unwrap(), seed);
        end.tx = TxBuf::new([5 << 10, 8 << 10, 40 << 10, 256 << 10][dice.below(4) as usize]);
        Self { end, accepted: Vec::new(), closing: false, eof_seen: false }
    }

    fn message(dice: &mut Dice) -> Vec<u8> {
        let most = [1, 10, 3000, 70_000, 200_000][dice.below(5) as usize];
        let len = dice.below(most) as usize;
        let salt = dice.below(251) as usize;
        (0..len).map(|n| (n % 253 + salt) as u8).collect()
    }

    fn act(&mut self, dice: &mut Dice, now: Instant, wire: &mut Vec<u8>) {
        match dice.below(12) {
            0..=3 => {
                let message = Self::message(dice);
                let abandoned = self.end.session.stats().sent.abandoned;
                match self.end.session.send(now, &message, &mut self.end.tx) {
                    Ok(()) => self.accepted.push(message),
                    Err(_) => assert_eq!(self.end.session.stats().sent.abandoned, abandoned),
                }
            }
            4..=6 => {
                let message = Self::message(dice);
                let parts = [&message[..]];
                let mut out = Outgoing::new(&parts);
                for _ in 0..dice.below(60) {
                    let sent = out.sent();
                    match self.end.session.send_some(now, &mut out, &mut self.end.tx) {
                        Ok(()) => {
                            self.accepted.push(message);
                            break;
                        }
                        Err(SendError::Full) => {
                            self.end.session.poll_transmit(now, &mut self.end.tx);
                            let n = self.end.tx.sealed().len();
                            assert!(n > 0 || out.sent() > sent, "full with nothing to write");
                            let n = if dice.one_in(3) { n } else { dice.below(n as u64 + 1) as usize };
                            wire.extend_from_slice(&self.end.tx.sealed()[..n]);
                            self.end.tx.consume(n);
                        }
                        Err(_) => break,
                    }
                }
            }
            7 if dice.one_in(60) => {
                self.closing |=
                    self.end.session.close(now, CloseCode::NORMAL, "why not", &mut self.end.tx).is_ok();
            }
            8 if dice.one_in(60) => {
                let deadline = now + Duration::from_millis(dice.below(5000));
                let _ = self.end.session.drain(now, deadline);
            }
            _ => {}
        }
    }

    fn timeouts(&mut self, now: Instant, seed: u64) {
        if self.end.error.is_some() {
            return;
        }
        if self.end.session.poll_timeout().is_some_and(|at| at <= now) {
            if let Err(error) = self.end.session.handle_timeout(now) {
                self.end.error = Some(error);
            }
            let next = self.end.session.poll_timeout();
            assert!(next.is_none_or(|at| at > now), "seed {seed}: {next:?} at {now:?}");
        }
    }
}

fn carry(dice: &mut Dice, from: &mut Actor, to: &mut Actor, now: Instant, gently: bool) {
    if gently || !dice.one_in(3) {
        from.end.session.poll_transmit(now, &mut from.end.tx);
    }
    let sealed = from.end.tx.sealed();
    let bits = dice.below(18);
    let n = if gently { sealed.len() } else { sealed.len().min(dice.below(1 << bits) as usize) };
    to.end.rx.extend_from_slice(&sealed[..n]);
    from.end.tx.consume(n);
    if gently || !dice.one_in(4) {
        to.end.read(now);
    }
    assert!(from.end.tx.len() <= from.end.tx.limit());
}

/// Whether both ends ended without an error.
fn run(seed: u64) -> bool {
    let mut dice = Dice(Jitter::new(seed));
    let (a, b) = configs(NN);
    let (a, b) = (config(&mut dice, a), config(&mut dice, b));
    let (mut a, mut b) = (Actor::new(&mut dice, a, 1), Actor::new(&mut dice, b, 2));
    let mut now = Instant::ZERO;
    for _ in 0..150 {
        if dice.one_in(5) {
            now += Duration::from_millis(dice.below(30));
        }
        a.act(&mut dice, now, &mut b.end.rx);
        b.act(&mut dice, now, &mut a.end.rx);
        carry(&mut dice, &mut a, &mut b, now, false);
        carry(&mut dice, &mut b, &mut a, now, false);
        a.timeouts(now, seed);
        b.timeouts(now, seed);
    }
    let _ = a.end.session.close(now, CloseCode::NORMAL, "", &mut a.end.tx);
    // From here on only what a driver does.
    let mut rounds = 0;
    while !(a.end.session.is_finished() && b.end.session.is_finished()) {
        for _ in 0..4 {
            carry(&mut dice, &mut a, &mut b, now, true);
            carry(&mut dice, &mut b, &mut a, now, true);
        }
        if !a.closing {
            a.closing = a.end.session.close(now, CloseCode::NORMAL, "", &mut a.end.tx).is_ok();
        }
        for (from, to) in [(0, 1), (1, 0)] {
            let [from, to] = if from < to { [&mut a, &mut b] } else { [&mut b, &mut a] };
            if from.end.session.is_finished()
                && from.end.tx.is_empty()
                && !to.eof_seen
                && to.end.rx.is_empty()
            {
                to.eof_seen = true;
                let _ = to.end.session.recv_eof(now);
            }
        }
        let next = [&a, &b].iter().filter_map(|actor| actor.end.session.poll_timeout()).min();
        if let Some(next) = next {
            now = now.max(next);
        }
        a.end.read(now);
        b.end.read(now);
        a.timeouts(now, seed);
        b.timeouts(now, seed);
        rounds += 1;
        assert!(rounds < 20_000, "seed {seed}: no end; {:?} {:?}", a.end.error, b.end.error);
    }
    for (from, to) in [(&a, &b), (&b, &a)] {
        let got = to.end.messages();
        assert!(got.len() <= from.accepted.len(), "seed {seed}: more messages than accepted");
        for (n, (got, accepted)) in got.iter().zip(&from.accepted).enumerate() {
            assert!(*got == &accepted[..], "seed {seed}: message {n} differs");
        }
        if to.end.seen.iter().any(|event| matches!(event, Event::Closed { .. })) {
            assert_eq!(got.len(), from.accepted.len(), "seed {seed}: lost before the close");
        }
        assert!(
            matches!(to.end.error, None | Some(Error::CloseTimeout | Error::Truncated)),
            "seed {seed}: {:?}",
            to.end.error
        );
    }
    assert!(a.accepted.len() + b.accepted.len() > 0, "seed {seed}: nothing was tried");
    a.end.error.is_none() && b.end.error.is_none()
}

#[test]
fn random_operations_lose_nothing_and_end() {
    let clean = seeds("random_operations_lose_nothing_and_end", 0..SEEDS).filter(|seed| run(*seed)).count();
    assert!(clean as u64 > SEEDS / 2 || is_replay(), "{clean}");
}
