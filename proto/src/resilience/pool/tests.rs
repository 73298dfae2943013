use super::*;
use alloc::vec::Vec;
use core::iter;
use core::time::Duration;

const S: Duration = Duration::from_secs(1);

fn at(seconds: u32) -> Instant {
    Instant::ZERO + S * seconds
}

/// At most 2, both of which may be idle; 3 may wait.
fn small() -> PoolConfig {
    let config = PoolConfig::default().with_max_total(2).with_max_idle(2).with_max_waiting(3);
    config.with_max_lifetime(None).with_idle_timeout(None)
}

fn pool(config: PoolConfig) -> Pool<u32> {
    Pool::new(config).unwrap()
}

fn actions(pool: &mut Pool<u32>) -> Vec<Action<u32>> {
    iter::from_fn(|| pool.poll_action()).collect()
}

fn slot(pool: &mut Pool<u32>, now: Instant) -> Slot {
    match pool.acquire(now) {
        Ok(Acquire::Granted(Grant::Connect(slot))) => slot,
        other => panic!("{other:?}"),
    }
}

fn opened(pool: &mut Pool<u32>, conn: u32, now: Instant) -> Leased<u32> {
    let slot = slot(pool, now);
    pool.connected(slot, conn, now)
}

fn reused(pool: &mut Pool<u32>, now: Instant) -> Leased<u32> {
    match pool.acquire(now) {
        Ok(Acquire::Granted(Grant::Use(leased))) => leased,
        other => panic!("{other:?}"),
    }
}

fn ticket(pool: &mut Pool<u32>, now: Instant) -> Ticket {
    match pool.acquire(now) {
        Ok(Acquire::Wait(ticket)) => ticket,
        other => panic!("{other:?}"),
    }
}

/// A pool whose two connections, 1 and 2, are in use.
fn busy(config: PoolConfig) -> (Pool<u32>, Leased<u32>, Leased<u32>) {
    let mut pool = pool(config);
    let (one, two) = (opened(&mut pool, 1, at(0)), opened(&mut pool, 2, at(0)));
    (pool, one, two)
}

#[test]
fn the_field_out_of_range_is_named() {
    let ok = PoolConfig::default();
    for (config, want) in [
        (ok, None),
        (ok.with_max_total(0), Some(PoolError::MaxTotal)),
        (ok.with_max_lifetime(Some(Duration::ZERO)), Some(PoolError::MaxLifetime)),
        (ok.with_idle_timeout(Some(Duration::ZERO)), Some(PoolError::IdleTimeout)),
        (small().with_max_idle(0).with_max_waiting(0), None),
    ] {
        assert_eq!(Pool::<u32>::new(config).err(), want, "{config:?}");
    }
}

#[test]
fn defaults_are_10_connections_1024_waiting_10_minutes_idle_and_30_in_all() {
    let mut pool = pool(PoolConfig::default());
    let leased: Vec<_> = (0..10).map(|conn| opened(&mut pool, conn, at(0))).collect();
    (0..1024).for_each(|number| assert_eq!(ticket(&mut pool, at(0)), Ticket(number)));
    assert_eq!(pool.acquire(at(0)).err(), Some(PoolRefusal::TooManyWaiting));
    (0..1024).for_each(|number| pool.cancel(Ticket(number)));
    for leased in leased {
        pool.release(leased, at(0));
    }
    assert_eq!((pool.stats().idle, pool.poll_timeout()), (10, Some(at(600))));
    let leased = reused(&mut pool, at(0));
    pool.release(leased, at(1500));
    pool.handle_timeout(at(1500));
    assert_eq!((pool.stats().idle, pool.poll_timeout()), (1, Some(at(1800))));
}

#[test]
fn the_connection_that_came_back_last_is_reused_first() {
    let (mut pool, one, two) = busy(small());
    pool.release(one, at(1));
    pool.release(two, at(2));
    assert_eq!((*reused(&mut pool, at(3)), *reused(&mut pool, at(3))), (2, 1));
    assert_eq!(actions(&mut pool), []);
}

#[test]
fn no_more_are_opened_than_may_be_and_no_more_wait() {
    for (max_total, max_waiting) in [(1, 0), (1, 2), (4, 1)] {
        let mut pool = pool(small().with_max_total(max_total).with_max_waiting(max_waiting));
        (0..max_total).for_each(|_| drop(slot(&mut pool, at(0))));
        (0..max_waiting as u64).for_each(|number| assert_eq!(ticket(&mut pool, at(0)), Ticket(number)));
        assert_eq!(pool.acquire(at(0)).err(), Some(PoolRefusal::TooManyWaiting));
        assert_eq!((pool.stats().total, pool.stats().waiting), (max_total, max_waiting));
    }
}

#[test]
fn who_waits_is_served_in_the_order_of_coming_and_before_who_comes_later() {
    let (mut pool, one, two) = busy(small());
    let (first, second) = (ticket(&mut pool, at(0)), ticket(&mut pool, at(0)));
    pool.release(two, at(1));
    assert_eq!(actions(&mut pool), [Action::Wake(first)]);
    // What was reserved is not for who comes now, though it was not claimed yet.
    let third = ticket(&mut pool, at(1));
    pool.release(one, at(1));
    assert_eq!(actions(&mut pool), [Action::Wake(second)]);
    for (ticket, want) in [(first, Some(2)), (second, Some(1)), (third, None), (first, None)] {
        let got = match pool.claim(ticket) {
            Ok(Some(Grant::Use(leased))) => Some(*leased),
            Ok(None) => None,
            other => panic!("{other:?}"),
        };
        assert_eq!(got, want, "{ticket:?}");
    }
}

#[test]
fn what_becomes_free_is_a_slot_for_who_waits_next() {
    type Free = fn(&mut Pool<u32>, Leased<u32>);
    let ways: [(&str, Free); 3] = [
        ("a broken connection", |pool, leased| assert_eq!(pool.discard(leased), 1)),
        ("one that is too old", |pool, leased| {
            pool.release(leased, at(60));
            assert!(actions(pool).contains(&Action::Evict(1)));
        }),
        ("one that could not be opened", |pool, leased| {
            // The broken one's slot goes through the hands of another waiter.
            pool.discard(leased);
            let other = ticket(pool, at(0));
            let Ok(Some(Grant::Connect(slot))) = pool.claim(Ticket(0)) else { panic!("no slot") };
            pool.connect_failed(slot);
            assert_eq!(actions(pool), [Action::Wake(Ticket(1))]);
            pool.cancel(other);
        }),
    ];
    for (name, free) in ways {
        let (mut pool, one, _two) = busy(small().with_max_lifetime(Some(60 * S)));
        let (first, second) = (ticket(&mut pool, at(0)), ticket(&mut pool, at(0)));
        free(&mut pool, one);
        let served = if name.ends_with("opened") { second } else { first };
        assert!(matches!(pool.claim(served), Ok(Some(Grant::Connect(_)))), "{name}");
        assert_eq!(pool.stats().total, 2, "{name}");
    }
}

#[test]
fn who_finds_its_connection_broken_opens_another_and_keeps_its_place() {
    let (mut pool, one, _two) = busy(small());
    let first = ticket(&mut pool, at(0));
    let (broken, slot) = pool.reopen(one);
    assert_eq!((broken, actions(&mut pool), pool.stats().total), (1, Vec::new(), 2));
    let three = pool.connected(slot, 3, at(0));
    pool.release(three, at(0));
    assert_eq!(actions(&mut pool), [Action::Wake(first)]);
    assert_eq!(pool.stats().discarded, 1);
}

#[test]
fn without_waiters_a_place_that_becomes_free_is_free() {
    let mut pool = pool(small());
    let failed = slot(&mut pool, at(0));
    pool.connect_failed(failed);
    let leased = opened(&mut pool, 1, at(0));
    pool.discard(leased);
    let stats = PoolStats { opened: 1, failed: 1, discarded: 1, ..PoolStats::default() };
    assert_eq!((pool.stats(), actions(&mut pool)), (stats, Vec::new()));
}

#[test]
fn a_waiter_that_gives_up_swallows_neither_a_wake_up_nor_what_it_was_for() {
    // Still waiting; served and told; served and not told.
    for (served, told) in [(false, false), (true, true), (true, false)] {
        for broken in [false, true] {
            let (mut pool, one, _two) = busy(small());
            let (first, second) = (ticket(&mut pool, at(0)), ticket(&mut pool, at(0)));
            let mut leased = Some(one);
            let mut free = |pool: &mut Pool<u32>| match leased.take() {
                Some(leased) if broken => drop(pool.discard(leased)),
                Some(leased) => pool.release(leased, at(0)),
                None => {}
            };
            if served {
                free(&mut pool);
            }
            if told {
                assert_eq!(actions(&mut pool), [Action::Wake(first)]);
            }
            pool.cancel(first);
            pool.cancel(first);
            free(&mut pool);
            assert_eq!(actions(&mut pool), [Action::Wake(second)], "{served} {told} {broken}");
            // The last of them leaves what it had to everybody.
            pool.cancel(second);
            let stats = pool.stats();
            assert_eq!((stats.idle, stats.total), if broken { (0, 1) } else { (1, 2) });
            assert!(actions(&mut pool).is_empty());
        }
    }
}

#[test]
fn more_idle_ones_than_may_be_make_the_oldest_go() {
    for (max_idle, want) in [(0, &[1, 2][..]), (1, &[1]), (2, &[])] {
        let (mut pool, one, two) = busy(small().with_max_idle(max_idle));
        pool.release(one, at(1));
        pool.release(two, at(2));
        let evicted: Vec<_> = want.iter().map(|conn| Action::Evict(*conn)).collect();
        assert_eq!(actions(&mut pool), evicted, "{max_idle}");
        assert_eq!((pool.stats().total, pool.stats().evicted), (max_idle, 2 - max_idle as u64));
    }
}

#[test]
fn an_idle_connection_goes_after_its_time() {
    for (lifetime, idle, want) in [
        (None, None, None),
        (None, Some(10), Some(15)),
        (Some(30), None, Some(30)),
        (Some(30), Some(26), Some(30)),
    ] {
        let seconds = |limit: Option<u32>| limit.map(|limit| S * limit);
        let config = small().with_max_lifetime(seconds(lifetime)).with_idle_timeout(seconds(idle));
        let mut pool = pool(config);
        let leased = opened(&mut pool, 1, at(0));
        assert_eq!(pool.poll_timeout(), None);
        pool.release(leased, at(5));
        assert_eq!(pool.poll_timeout(), want.map(at));
        let Some(want) = want else { continue };
        pool.handle_timeout(at(want - 1));
        assert_eq!((pool.poll_timeout(), actions(&mut pool)), (Some(at(want)), Vec::new()));
        pool.handle_timeout(at(want));
        assert_eq!((pool.poll_timeout(), actions(&mut pool)), (None, [Action::Evict(1)].into()));
    }
}

#[test]
fn one_that_had_to_go_is_not_handed_out_even_if_nobody_handled_the_timeout() {
    let (mut pool, one, two) = busy(small().with_idle_timeout(Some(10 * S)));
    pool.release(one, at(0));
    pool.release(two, at(5));
    assert_eq!(*reused(&mut pool, at(14)), 2);
    let _new = opened(&mut pool, 3, at(14));
    assert_eq!(actions(&mut pool), [Action::Evict(1)]);
}

#[test]
fn a_closed_pool_evicts_what_it_has_and_refuses_who_waits() {
    let (mut pool, one, two) = busy(small());
    let (first, second) = (ticket(&mut pool, at(0)), ticket(&mut pool, at(0)));
    pool.release(one, at(0));
    actions(&mut pool);
    pool.close();
    assert!(pool.is_closed());
    assert_eq!(actions(&mut pool), [Action::Wake(second), Action::Wake(first), Action::Evict(1)]);
    assert_eq!(pool.claim(first).err(), Some(PoolRefusal::Closed));
    assert_eq!(pool.acquire(at(0)).err(), Some(PoolRefusal::Closed));
    pool.cancel(second);
    pool.release(two, at(0));
    assert_eq!((actions(&mut pool), pool.stats().total), ([Action::Evict(2)].into(), 0));

    let mut pool = self::pool(small());
    let leased = opened(&mut pool, 1, at(0));
    pool.release(leased, at(0));
    pool.close();
    assert_eq!((actions(&mut pool), pool.stats().total), ([Action::Evict(1)].into(), 0));
}

#[test]
fn a_clock_that_steps_back_stands() {
    let mut pool = pool(small().with_idle_timeout(Some(10 * S)));
    let leased = opened(&mut pool, 1, at(100));
    pool.release(leased, at(0));
    assert_eq!(pool.poll_timeout(), Some(at(110)));
}
