//! A machine made to break each rule of the contract once, and a run that says which.

use crate::buf::{Span, TxBuf};
use crate::machine::{Machine, Recv};
use crate::sim::{Link, Pair, Side, SimError, World};
use crate::time::Instant;
use alloc::vec::Vec;
use core::time::Duration;

const S: Duration = Duration::from_secs(1);

/// What a [`Toy`] does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Habit {
    None,
    KeepsDeadline,
    DeadlineInPast,
    ForgetsDeadline,
    EventForNothing,
    AnswersAnswers,
    ConsumesTooMuch,
    PayloadOutside,
    WantsEverything,
    AlwaysOwes,
    WakesAtOnce,
}

/// Every byte is an event. Writes a byte every second; ends with a `!`, sent or received.
#[derive(Debug)]
struct Toy {
    habit: Habit,
    next: Option<Instant>,
    owed: Vec<u8>,
    over: bool,
}

impl Toy {
    fn new(habit: Habit) -> Self {
        Self { habit, next: Some(Instant::ZERO + S), owed: Vec::new(), over: false }
    }
}

impl Machine for Toy {
    type Event<P> = P;
    type Error = &'static str;

    fn map_event<P, Q>(event: P, f: impl FnOnce(P) -> Q) -> Q {
        f(event)
    }

    fn recv(&mut self, now: Instant, buf: &mut [u8]) -> Result<Recv<Span>, &'static str> {
        let Some(first) = buf.first() else {
            return Ok(match self.habit {
                Habit::EventForNothing => Recv::event(0, Span::new(0, 0)),
                _ => Recv::need(0, 1),
            });
        };
        self.over |= *first == b'!';
        match self.habit {
            Habit::DeadlineInPast => self.next = Some(Instant::from_nanos(now.as_nanos() - 1)),
            Habit::AnswersAnswers => self.owed.push(b'x'),
            Habit::ConsumesTooMuch => return Ok(Recv::need(buf.len() + 1, 1)),
            Habit::PayloadOutside => return Ok(Recv::event(1, Span::new(buf.len(), 1))),
            Habit::WantsEverything => return Ok(Recv::need(0, 1)),
            _ => {}
        }
        if *first == b'?' {
            return Err("a question");
        }
        Ok(Recv::event(1, Span::new(0, 1)))
    }

    fn recv_eof(&mut self, _now: Instant) -> Result<(), &'static str> {
        if self.over { Ok(()) } else { Err("truncated") }
    }

    fn poll_transmit(&mut self, _now: Instant, tx: &mut TxBuf) {
        if self.habit == Habit::AlwaysOwes {
            self.owed.push(b'o');
        }
        let n = self.owed.len().min(tx.room());
        let _ = tx.push(&self.owed[..n]);
        self.owed.drain(..n);
        tx.seal();
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.next.filter(|_| !self.over)
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), &'static str> {
        if self.next.is_some_and(|next| next <= now) {
            if self.habit != Habit::WakesAtOnce {
                self.owed.push(b'.');
            }
            if self.habit != Habit::KeepsDeadline {
                let soon = Duration::from_nanos(1);
                self.next = Some(now + if self.habit == Habit::WakesAtOnce { soon } else { S });
            }
        }
        if self.habit == Habit::ForgetsDeadline {
            self.next = Some(now + S);
        }
        Ok(())
    }

    fn is_finished(&self) -> bool {
        self.over && self.owed.is_empty()
    }
}

fn pair(habit: Habit) -> Pair<Toy, Toy> {
    Pair::new(Toy::new(Habit::None), Toy::new(habit)).with_rx_limits(16, 16)
}

fn owes(pair: &mut Pair<Toy, Toy>, bytes: &[u8]) {
    pair.a(|toy, _, _| toy.owed.extend_from_slice(bytes));
}

#[test]
fn each_breach_of_the_contract_ends_the_run_with_its_name() {
    let at = Instant::ZERO + S;
    let past = Instant::from_nanos(at.as_nanos() - 1);
    let side = Side::B;
    let cases = [
        (Habit::None, Ok(())),
        (Habit::KeepsDeadline, Err(SimError::DeadlineSurvived { side, at, deadline: at })),
        (Habit::DeadlineInPast, Err(SimError::DeadlineInPast { side, at, deadline: past })),
        (Habit::ConsumesTooMuch, Err(SimError::ConsumedTooMuch { side, consumed: 2, given: 1 })),
        (Habit::PayloadOutside, Err(SimError::PayloadOutside { side })),
        (Habit::WantsEverything, Err(SimError::ReadBufferFull { side, max: 16 })),
    ];
    for (habit, expected) in cases {
        assert_eq!(pair(habit).drive_for(60 * S), expected, "{habit:?}");
    }
}

#[test]
fn being_asked_too_early_must_not_put_a_deadline_off() {
    let asked = |habit| {
        let mut pair = pair(habit);
        pair.drive_for(S / 2).and_then(|()| pair.poke())
    };
    let (at, deadline) = (Instant::ZERO + S / 2, Instant::ZERO + S);
    assert_eq!(asked(Habit::None), Ok(()));
    assert_eq!(asked(Habit::ForgetsDeadline), Err(SimError::DeadlineLost { side: Side::B, at, deadline }));
}

#[test]
fn a_pair_that_never_goes_idle_is_stopped() {
    let mut alone = pair(Habit::EventForNothing);
    let stopped = SimError::NeverIdle { side: Side::B, at: Instant::ZERO, steps: 1000 };
    assert_eq!(alone.drive_bounded(1000), Err(stopped));
    let mut both = Pair::new(Toy::new(Habit::AnswersAnswers), Toy::new(Habit::AnswersAnswers));
    owes(&mut both, b"x");
    assert!(matches!(both.drive_bounded(1000), Err(SimError::NeverIdle { steps: 1000, .. })));
    // The other end is gone and takes anything.
    let mut talks = pair(Habit::AlwaysOwes);
    talks.a(|toy, _, _| toy.over = true);
    assert!(matches!(talks.drive_bounded(1000), Err(SimError::NeverIdle { steps: 1000, .. })));
}

#[test]
fn a_machine_that_puts_off_its_deadline_by_a_nanosecond_for_ever_is_stopped() {
    let spins = || pair(Habit::WakesAtOnce).with_trace(0);
    assert!(matches!(spins().drive_for(3 * S), Err(SimError::WakesWithoutEnd { side: Side::B, .. })));
    let mut world = World::new();
    world.add(spins());
    assert!(world.drive_for(3 * S).is_err());
}

#[test]
fn deadlines_and_arrivals_are_handled_at_their_instants() {
    let latency = Duration::from_millis(300);
    let mut pair = pair(Habit::None)
        .with_links(Link::new(1).with_latency(latency), Link::new(2).with_latency(2 * latency));
    pair.drive_for(3 * S).unwrap();
    let b: Vec<u64> = pair.b.events().iter().map(|seen| seen.at.as_nanos() / 1_000_000).collect();
    let a: Vec<u64> = pair.a.events().iter().map(|seen| seen.at.as_nanos() / 1_000_000).collect();
    assert_eq!((a, b), (Vec::from([1600, 2600]), Vec::from([1300, 2300])));
    assert_eq!(pair.now(), Instant::ZERO + 3 * S);
}

#[test]
fn owners_that_poll_are_late_by_less_than_a_tick() {
    let tick = Duration::from_millis(300);
    let latency = Duration::from_millis(50);
    let mut pair = pair(Habit::None)
        .with_links(Link::new(1).with_latency(latency), Link::new(2).with_latency(latency))
        .with_ticks(tick);
    pair.drive_for(3 * S).unwrap();
    let b: Vec<u64> = pair.b.events().iter().map(|seen| seen.at.as_nanos() / 1_000_000).collect();
    // Due at 1,000, handled at 1,200; due again a second later, at 2,200, handled at 2,400. Read at the next tick.
    assert_eq!((b, pair.now()), (Vec::from([1500, 2700]), Instant::ZERO + 3 * S));
    let mut keeps = super::contract::pair(Habit::KeepsDeadline).with_ticks(tick);
    assert!(matches!(keeps.drive_for(60 * S), Err(SimError::DeadlineSurvived { .. })));
}

#[test]
fn an_owner_can_answer_at_the_instant_of_an_event() {
    let mut pair = pair(Habit::None).with_links(Link::new(1), Link::new(2).with_latency(S / 4));
    while pair.advance(Instant::ZERO + S + S / 2).unwrap() {
        for _ in pair.b.take_events() {
            let now = pair.now();
            pair.b(|toy, at, _| {
                assert_eq!(at, now);
                toy.owed.push(b'A');
            });
        }
    }
    let answer = pair.a.events().iter().find(|seen| seen.event == b"A").unwrap();
    assert_eq!(answer.at, Instant::ZERO + S + S / 4);
}

#[test]
fn an_owner_that_does_not_read_takes_one_event_and_loses_nothing() {
    let mut pair = pair(Habit::None).with_links(Link::new(1).with_capacity(8), Link::new(2));
    pair.b.reads(false);
    owes(&mut pair, &[b'm'; 100]);
    pair.drive().unwrap();
    assert_eq!(pair.b.events().len(), 1);
    assert!(pair.b.rx_len() <= 16 && pair.a.tx().len() > 70);
    pair.b.reads(true);
    pair.drive().unwrap();
    assert_eq!((pair.b.events().len(), pair.a.tx().len(), pair.b.most_rx()), (100, 0, 8));
}

#[test]
fn what_is_not_transmitted_waits() {
    let mut pair = pair(Habit::None);
    pair.a.transmits(false);
    owes(&mut pair, b"late");
    pair.drive_for(S / 2).unwrap();
    assert_eq!(pair.b.events().len(), 0);
    pair.a.transmits(true);
    pair.drive().unwrap();
    assert_eq!(pair.b.events().len(), 4);
}

#[test]
fn ends_close_behind_what_they_owe_and_the_trace_says_why() {
    let mut pair = pair(Habit::None);
    owes(&mut pair, b"ab?");
    pair.drive_for(S / 2).unwrap();
    assert_eq!((pair.b.error(), pair.a.error()), (Some(&"a question"), Some(&"truncated")));
    assert!(pair.is_closed() && pair.a.closed_at() == Some(Instant::ZERO));
    let lines: Vec<&str> = pair.trace().lines().map(|line| &line[17..]).collect();
    let expected = [
        "a write 3 bytes",
        "b read 3 bytes",
        "b event [97]",
        "b event [98]",
        "b error \"a question\"",
        "b closes the stream",
        "a end of the stream",
        "a error \"truncated\"",
        "a closes the stream",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn a_reset_reaches_both_ends() {
    let mut pair = pair(Habit::None).with_links(Link::new(1).with_latency(S), Link::new(2).with_latency(S));
    owes(&mut pair, b"lost");
    pair.drive().unwrap();
    pair.reset();
    pair.drive().unwrap();
    assert_eq!((pair.a.error(), pair.b.error()), (Some(&"truncated"), Some(&"truncated")));
    assert_eq!(pair.b.events().len(), 0);
}

#[test]
fn the_trace_keeps_its_bound_and_its_fingerprint() {
    let run = |lines| {
        let mut pair = pair(Habit::None).with_trace(lines);
        owes(&mut pair, b"bytes");
        pair.drive_for(60 * S).unwrap();
        (pair.trace().lines().count(), pair.trace().count(), pair.trace().digest())
    };
    let (short, long) = (run(5), run(10_000));
    assert_eq!((short.0, long.0 as u64), (5, long.1));
    assert_eq!((short.1, short.2), (long.1, long.2), "what is kept changes nothing");
    assert_eq!(run(0).1, 0);
}

#[test]
fn a_world_keeps_one_time_and_each_pair_its_own_deadlines() {
    let mut world = World::new();
    let first = world.add(pair(Habit::None));
    world.drive_for(S / 2).unwrap();
    let second = world.add(pair(Habit::None));
    assert_eq!(world.pair(second).unwrap().now(), Instant::ZERO + S / 2);
    world.with(first, |pair| owes(pair, b"!")).unwrap();
    world.drive_for(10 * S).unwrap();
    let seen = |id| world.pair(id).unwrap().a.events().len();
    assert_eq!((seen(first), seen(second)), (0, 10));
    assert!(world.pair(first).unwrap().b.is_closed());
    world.add(pair(Habit::KeepsDeadline));
    assert!(world.drive_for(2 * S).is_err());
}
