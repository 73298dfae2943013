//! The properties can fail: each finds the machine that was spoilt in its respect.

use crate::native::{Native, Node, Shape};
use crate::protocol::Protocol;
use crate::{chunking, damage, deadlines, delivery, replay};
use sealock_proto::buf::{Span, TxBuf};
use sealock_proto::machine::{Machine, Recv};
use sealock_proto::session::{Error, Event};
use sealock_proto::sim::{Side, is_replay};
use sealock_proto::time::Instant;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Habit {
    None,
    /// Names its deadlines 3 ms late, but acts on them in time if asked.
    LateDeadlines,
    /// Names none, so that nothing happens by itself.
    NoDeadlines,
    /// Misses a deadline that it is not asked at, for 100 ms.
    Punctual,
    /// Shortens a small message that arrived in pieces.
    SeesReads,
    /// Loses what should have been transmitted 100 ms ago.
    Forgets,
    /// Takes a bad record for nothing.
    Shrugs,
    /// Finds news in noise.
    Dreams,
    /// Does something else in every run.
    Whims,
}

struct SpoiltNode {
    node: Node,
    habit: Habit,
    transmitted: Instant,
    /// The last call had something and not enough.
    waited: bool,
}

struct Spoilt(Native, Habit);

/// What [`Habit::Whims`] follows.
static WHIM: AtomicU64 = AtomicU64::new(0);

impl Machine for SpoiltNode {
    type Event<P> = Event<P>;
    type Error = Error;

    fn map_event<P, Q>(event: Event<P>, f: impl FnOnce(P) -> Q) -> Event<Q> {
        event.map(f)
    }

    fn recv(&mut self, now: Instant, buf: &mut [u8]) -> Result<Recv<Event<Span>>, Error> {
        let given = buf.len();
        match self.node.recv(now, buf) {
            Ok(mut recv) => {
                if let (Habit::SeesReads, true, Some(Event::Message(span))) =
                    (self.habit, self.waited, &mut recv.event)
                {
                    if (1..300).contains(&span.len()) {
                        *span = Span::new(0, span.len() - 1);
                    }
                }
                self.waited = recv.event.is_none() && recv.consumed < given;
                Ok(recv)
            }
            Err(_) if self.habit == Habit::Dreams => Ok(Recv::event(0, Event::Draining)),
            Err(_) if self.habit == Habit::Shrugs => Ok(Recv::need(given, 1)),
            Err(error) => Err(error),
        }
    }

    fn recv_eof(&mut self, now: Instant) -> Result<(), Error> {
        self.node.recv_eof(now)
    }

    fn poll_transmit(&mut self, now: Instant, tx: &mut TxBuf) {
        self.node.poll_transmit(now, tx);
        let late = now.saturating_since(self.transmitted) > Duration::from_millis(100);
        if self.habit == Habit::Forgets && late && tx.sealed().len() > 100 {
            tx.consume(usize::MAX);
        }
        self.transmitted = now;
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let deadline = self.node.poll_timeout();
        match self.habit {
            Habit::LateDeadlines => deadline.map(|at| at + Duration::from_millis(3)),
            Habit::NoDeadlines => None,
            Habit::Whims => {
                deadline.map(|at| at + Duration::from_nanos(WHIM.fetch_add(1, Ordering::Relaxed) % 9))
            }
            _ => deadline,
        }
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        let late = self.node.poll_timeout().map(|deadline| now.saturating_since(deadline));
        if self.habit == Habit::Punctual
            && late.is_some_and(|late| (1..100_000_000).contains(&late.as_nanos()))
        {
            return Ok(());
        }
        self.node.handle_timeout(now)
    }

    fn is_finished(&self) -> bool {
        self.node.is_finished()
    }
}

impl Protocol for Spoilt {
    type Machine = SpoiltNode;

    fn machine(&self, side: Side, seed: u64) -> SpoiltNode {
        SpoiltNode {
            node: self.0.machine(side, seed),
            habit: self.1,
            transmitted: Instant::ZERO,
            waited: false,
        }
    }

    fn rx_limit(&self) -> usize {
        self.0.rx_limit()
    }

    fn max_message(&self) -> usize {
        self.0.max_message()
    }

    fn send(machine: &mut SpoiltNode, now: Instant, message: &[u8], tx: &mut TxBuf) -> bool {
        Native::send(&mut machine.node, now, message, tx)
    }

    fn close(machine: &mut SpoiltNode, now: Instant, tx: &mut TxBuf) {
        Native::close(&mut machine.node, now, tx);
    }

    fn message(event: &Event<Vec<u8>>) -> Option<&[u8]> {
        Native::message(event)
    }

    fn is_end(event: &Event<Vec<u8>>) -> bool {
        Native::is_end(event)
    }
}

#[test]
fn each_property_finds_what_it_is_for() {
    if is_replay() {
        // Which seeds find it is not the question then.
        return;
    }
    type Property = fn(&Spoilt, &str);
    let cases: [(Property, Habit); 9] = [
        (chunking::any_split_gives_the_same_events, Habit::SeesReads),
        (deadlines::polling_more_often_changes_nothing, Habit::LateDeadlines),
        (deadlines::polling_by_the_clock_alone_is_the_same, Habit::NoDeadlines),
        (deadlines::polling_by_the_clock_alone_is_the_same, Habit::Punctual),
        (deadlines::nothing_waits_for_ever, Habit::NoDeadlines),
        (damage::noise_ends_the_session, Habit::Dreams),
        (damage::a_flipped_bit_gives_no_wrong_event, Habit::Shrugs),
        (delivery::late_transmits_lose_nothing, Habit::Forgets),
        (replay::the_same_seed_gives_the_same_run, Habit::Whims),
    ];
    for (property, habit) in cases {
        let verdict = |habit| {
            let protocol = Spoilt(Native::new("Noise_NN_25519_ChaChaPoly_BLAKE2s", Shape::Whole), habit);
            catch_unwind(AssertUnwindSafe(|| property(&protocol, "spoilt")))
        };
        assert!(verdict(habit).is_err(), "{habit:?} went unnoticed");
        assert!(verdict(Habit::None).is_ok(), "the property of {habit:?} finds what is not there");
    }
}
