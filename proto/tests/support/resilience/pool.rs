//! The pool, against lists of the idle ones, of who waits and of what is reserved; and no connection is ever lost.

use super::{Clock, Input, Tally};
use sealock_proto::resilience::{
    Acquire, Action, Grant, Leased, Pool, PoolConfig, PoolRefusal, Slot, Ticket,
};
use sealock_proto::time::Instant;
use std::time::Duration;

pub(super) const OFTEN: [&str; 12] = [
    "reused",
    "opened",
    "failed",
    "too many waiting",
    "waiter served with a connection",
    "waiter served with a slot",
    "gave up waiting",
    "gave up a connection",
    "gave up a slot",
    "too many idle",
    "idle too long",
    "too old",
];

type Conn = u32;

/// What was reserved for a ticket.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Reserved {
    Conn(Conn),
    Slot,
}

struct Model {
    config: (usize, usize, usize, Option<Duration>, Option<Duration>),
    /// When each connection was opened.
    made: Vec<Instant>,
    /// The one that came back last is at the end; with the time.
    idle: Vec<(Conn, Instant)>,
    in_use: usize,
    waiting: Vec<Ticket>,
    reserved: Vec<(Ticket, Reserved)>,
    /// What the machine must say next.
    wakes: Vec<Ticket>,
    evicts: Vec<Conn>,
    closed: bool,
}

/// Runs operations: five bytes choose the settings, then come two or three for each.
pub(super) fn run(input: &mut Input<'_>, tally: &mut Tally) {
    let (max_total, max_idle) = (input.pick(&[1, 2, 3, 6]), input.pick(&[0, 1, 2, 6]));
    let max_waiting = input.pick(&[0, 1, 3, 100]);
    let limits = [None, Some(Duration::from_millis(40)), Some(Duration::from_secs(3))];
    let (lifetime, idle_timeout) = (input.pick(&limits), input.pick(&limits));
    let config = PoolConfig::default()
        .with_max_total(max_total)
        .with_max_idle(max_idle)
        .with_max_waiting(max_waiting)
        .with_max_lifetime(lifetime)
        .with_idle_timeout(idle_timeout);
    let mut pool: Pool<Conn> = Pool::new(config).expect("settings in range");
    let mut model = Model {
        config: (max_total, max_idle, max_waiting, lifetime, idle_timeout),
        made: Vec::new(),
        idle: Vec::new(),
        in_use: 0,
        waiting: Vec::new(),
        reserved: Vec::new(),
        wakes: Vec::new(),
        evicts: Vec::new(),
        closed: false,
    };
    let (mut leased, mut slots): (Vec<Leased<Conn>>, Vec<Slot>) = (Vec::new(), Vec::new());
    // Every ticket there ever was: using one twice does no harm.
    let (mut tickets, mut clock, mut gone): (Vec<Ticket>, _, usize) = (Vec::new(), Clock::default(), 0);
    while !input.is_empty() {
        clock.step(input);
        let operation = input.byte();
        match operation % 16 {
            0..5 => {
                let now = clock.tell();
                let want = model.acquire(clock.told, tally);
                match (pool.acquire(now), want) {
                    (Ok(Acquire::Granted(Grant::Use(conn))), Ok(Some(Reserved::Conn(want)))) => {
                        assert_eq!(*conn, want);
                        leased.push(conn);
                    }
                    (Ok(Acquire::Granted(Grant::Connect(slot))), Ok(Some(Reserved::Slot))) => {
                        slots.push(slot)
                    }
                    (Ok(Acquire::Wait(ticket)), Ok(None)) => {
                        assert!(!tickets.contains(&ticket));
                        tickets.push(ticket);
                        model.waiting.push(ticket);
                    }
                    (Err(refusal), Err(want)) => assert_eq!(refusal, want),
                    (got, want) => panic!("{got:?}, not {want:?}"),
                }
            }
            5..8 if !slots.is_empty() => {
                let slot = slots.remove(input.below(slots.len()));
                if operation % 16 == 5 {
                    tally.saw("failed");
                    pool.connect_failed(slot);
                    model.in_use -= 1;
                    model.free();
                } else {
                    let (now, conn) = (clock.tell(), model.made.len() as Conn);
                    tally.saw("opened");
                    model.made.push(clock.told);
                    leased.push(pool.connected(slot, conn, now));
                }
            }
            8..11 if !leased.is_empty() => {
                let conn = leased.remove(input.below(leased.len()));
                let now = clock.tell();
                model.in_use -= 1;
                model.put_back(*conn, clock.told, tally);
                pool.release(conn, now);
            }
            11 if !leased.is_empty() => {
                let conn = leased.remove(input.below(leased.len()));
                let id = *conn;
                gone += 1;
                if operation & 16 == 0 {
                    assert_eq!(pool.discard(conn), id);
                    model.in_use -= 1;
                    model.free();
                } else {
                    let (conn, slot) = pool.reopen(conn);
                    assert_eq!(conn, id);
                    slots.push(slot);
                }
            }
            12 | 13 if !tickets.is_empty() => {
                let ticket = tickets[input.below(tickets.len())];
                let place = model.reserved.iter().position(|(of, _)| *of == ticket);
                let reserved = place.map(|place| model.reserved.remove(place).1);
                model.wakes.retain(|wake| reserved.is_none() || *wake != ticket);
                if operation % 16 == 12 {
                    model.in_use += usize::from(reserved.is_some());
                    match (pool.claim(ticket), reserved) {
                        (Ok(Some(Grant::Use(conn))), Some(Reserved::Conn(want))) => {
                            tally.saw("waiter served with a connection");
                            assert_eq!(*conn, want);
                            leased.push(conn);
                        }
                        (Ok(Some(Grant::Connect(slot))), Some(Reserved::Slot)) => {
                            tally.saw("waiter served with a slot");
                            slots.push(slot);
                        }
                        (Ok(None), None) => assert!(!model.closed),
                        (Err(PoolRefusal::Closed), None) => assert!(model.closed),
                        (got, want) => panic!("{got:?}, not {want:?}"),
                    }
                } else {
                    pool.cancel(ticket);
                    match reserved {
                        Some(Reserved::Conn(conn)) => {
                            tally.saw("gave up a connection");
                            model.put_back(conn, clock.told, tally);
                        }
                        Some(Reserved::Slot) => {
                            tally.saw("gave up a slot");
                            model.free();
                        }
                        None => {
                            if model.waiting.contains(&ticket) {
                                tally.saw("gave up waiting");
                            }
                            model.waiting.retain(|waiting| *waiting != ticket);
                        }
                    }
                }
            }
            14 => {
                let deadline = pool.poll_timeout();
                let now = clock.tell();
                pool.handle_timeout(now);
                model.handle_timeout(clock.told, tally);
                let next = pool.poll_timeout();
                assert!(deadline.is_none_or(|at| at > clock.told) || next == model.deadline());
                assert!(
                    next.is_none_or(|at| at > clock.told),
                    "a deadline that was handled is the next again"
                );
            }
            15 if input.byte() < 4 => {
                pool.close();
                model.close();
            }
            _ => {}
        }
        model.check(&pool);
        if operation < 128 {
            gone += model.act(&mut pool);
        }
    }
    gone += model.act(&mut pool);
    let kept = leased.len()
        + pool.stats().idle
        + model.reserved.iter().filter(|(_, r)| *r != Reserved::Slot).count();
    assert_eq!(gone + kept, model.made.len(), "a connection was lost");
}

impl Model {
    fn total(&self) -> usize {
        self.idle.len() + self.in_use + self.reserved.len()
    }

    fn dies(&self, conn: Conn) -> Option<Instant> {
        self.config.3.map(|lifetime| self.made[conn as usize] + lifetime)
    }

    /// When an idle connection must go.
    fn until(&self, (conn, since): (Conn, Instant)) -> Option<Instant> {
        let idle = self.config.4.map(|idle| since + idle);
        self.dies(conn).into_iter().chain(idle).min()
    }

    fn deadline(&self) -> Option<Instant> {
        self.idle.iter().filter_map(|idle| self.until(*idle)).min()
    }

    fn acquire(&mut self, now: Instant, tally: &mut Tally) -> Result<Option<Reserved>, PoolRefusal> {
        if self.closed {
            return Err(PoolRefusal::Closed);
        }
        while let Some(idle) = self.idle.pop() {
            if self.until(idle).is_none_or(|until| until > now) {
                tally.saw("reused");
                self.in_use += 1;
                return Ok(Some(Reserved::Conn(idle.0)));
            }
            self.evicts.push(idle.0);
        }
        if self.total() < self.config.0 {
            self.in_use += 1;
            return Ok(Some(Reserved::Slot));
        }
        if self.waiting.len() == self.config.2 {
            tally.saw("too many waiting");
            return Err(PoolRefusal::TooManyWaiting);
        }
        Ok(None)
    }

    fn reserve(&mut self, what: Reserved) -> bool {
        if self.waiting.is_empty() {
            return false;
        }
        let ticket = self.waiting.remove(0);
        self.reserved.push((ticket, what));
        self.wakes.push(ticket);
        true
    }

    fn free(&mut self) {
        self.reserve(Reserved::Slot);
    }

    fn put_back(&mut self, conn: Conn, now: Instant, tally: &mut Tally) {
        if self.closed || self.dies(conn).is_some_and(|dies| dies <= now) {
            tally.saw("too old");
            self.evicts.push(conn);
            self.free();
        } else if !self.reserve(Reserved::Conn(conn)) {
            self.idle.push((conn, now));
            if self.idle.len() > self.config.1 {
                tally.saw("too many idle");
                self.evicts.push(self.idle.remove(0).0);
            }
        }
    }

    fn handle_timeout(&mut self, now: Instant, tally: &mut Tally) {
        let (old, young): (Vec<_>, Vec<_>) =
            self.idle.iter().partition(|idle| self.until(**idle).is_some_and(|until| until <= now));
        old.iter().for_each(|_| tally.saw("idle too long"));
        self.evicts.extend(old.into_iter().map(|(conn, _)| conn));
        self.idle = young;
    }

    fn close(&mut self) {
        if std::mem::replace(&mut self.closed, true) {
            return;
        }
        // Who was woken for nothing any more is woken again, behind those who still waited.
        self.wakes.clear();
        self.wakes.append(&mut self.waiting);
        for (ticket, what) in std::mem::take(&mut self.reserved) {
            self.wakes.push(ticket);
            if let Reserved::Conn(conn) = what {
                self.evicts.push(conn);
            }
        }
        self.evicts.extend(std::mem::take(&mut self.idle).into_iter().map(|(conn, _)| conn));
    }

    fn check(&self, pool: &Pool<Conn>) {
        let stats = pool.stats();
        assert_eq!(
            (stats.total, stats.idle, stats.waiting),
            (self.total(), self.idle.len(), self.waiting.len())
        );
        assert!(
            stats.total <= self.config.0 && stats.idle <= self.config.1 && stats.waiting <= self.config.2
        );
        assert!(
            self.waiting.is_empty() || (stats.idle == 0 && stats.total == self.config.0),
            "waits for nothing"
        );
        let early = match (pool.poll_timeout(), self.deadline()) {
            (Some(at), Some(must)) => at <= must,
            (_, None) => true,
            (None, Some(_)) => false,
        };
        assert!(early, "{:?} is after {:?}", pool.poll_timeout(), self.deadline());
        assert_eq!(pool.is_closed(), self.closed);
    }

    /// Does what the machine says, which must be what the model knows; says how many connections went.
    fn act(&mut self, pool: &mut Pool<Conn>) -> usize {
        let (mut wakes, mut evicts) = (Vec::new(), Vec::new());
        while let Some(action) = pool.poll_action() {
            match action {
                Action::Wake(ticket) => wakes.push(ticket),
                Action::Evict(conn) => evicts.push(conn),
            }
        }
        assert_eq!(wakes, std::mem::take(&mut self.wakes));
        assert_eq!(evicts, std::mem::take(&mut self.evicts));
        evicts.len()
    }
}
