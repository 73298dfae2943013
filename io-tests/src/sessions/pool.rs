//! A pool of sessions: used again, served in order, closed; what a cancelled task leaves behind; the breaker before it.

use super::resume::giving;
use super::{IK, Kind, Net, client, join, listen, message, server, task};
use sealock_net::{Address, ConnectError, GetError, ListenOptions, Poolable, Pooled};
use sealock_proto::resilience::{BreakerConfig, PoolConfig, PoolRefusal, PoolStats};
use sealock_proto::resume::Lifetime;
use sealock_proto::session::{Config, Event};
use std::future::Future;
use std::net::TcpListener;
use std::pin::pin;
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Waker};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// A driver with its pool.
pub trait PoolNet: Net {
    /// What it pools.
    type Conn: Poolable + Send + 'static;
    /// Its pool.
    type Pool: Clone + Send + Sync + 'static;

    /// The driver's `Pool::new`.
    fn pool(address: Address, config: Arc<Config>, pool: PoolConfig) -> Self::Pool;
    /// The driver's `Pool::with_breaker` and `breaker`.
    fn with_breaker(pool: Self::Pool, config: BreakerConfig) -> Self::Pool;
    /// The driver's `Pool::get`.
    fn get(
        pool: &Self::Pool,
    ) -> impl Future<Output = Result<Pooled<Self::Conn>, GetError<ConnectError>>> + Send;
    /// The driver's `Pool::stats`.
    fn pool_stats(pool: &Self::Pool) -> PoolStats;
    /// The driver's `Pool::evict`.
    fn evict(pool: &Self::Pool);
    /// The driver's `Pool::close`.
    fn close_pool(pool: &Self::Pool);
    /// Whether it began with a ticket of an earlier one.
    fn is_resumed(conn: &Self::Conn) -> bool;
    /// Sends a message and waits for one.
    fn exchange(conn: &mut Self::Conn, message: &[u8]) -> impl Future<Output = Vec<u8>> + Send;
}

fn get<N: PoolNet>(pool: &N::Pool) -> Pooled<N::Conn> {
    N::block_on(N::get(pool)).unwrap_or_else(|error| panic!("{error}"))
}

/// The number that the server gave the session, which it sends with each answer.
fn exchange<N: PoolNet>(conn: &mut Pooled<N::Conn>) -> u8 {
    let sent = message(3, 1000);
    let answer = N::block_on(N::exchange(conn, &sent));
    assert_eq!(answer[1..], sent);
    answer[0]
}

/// Behind this a short session ends.
const LAST: &[u8] = b"last";

/// A server of `sessions` sessions, each with its number; a session of the numbers in `short` ends behind the answer to
/// [`LAST`], and says so.
fn serve<N: PoolNet>(sessions: u8, short: &'static [u8]) -> (Address, mpsc::Receiver<u8>, JoinHandle<()>) {
    serve_with::<N>(server(), sessions, short)
}

/// [`serve`] by `config`.
fn serve_with<N: PoolNet>(
    config: Config,
    sessions: u8,
    short: &'static [u8],
) -> (Address, mpsc::Receiver<u8>, JoinHandle<()>) {
    let listener = listen::<N>(Kind::Tcp, config, ListenOptions::default());
    let address = N::address(&listener);
    let (ended, ends) = mpsc::channel();
    let serving = task::<N, _>(async move {
        let mut tasks = Vec::new();
        for number in 0..sessions {
            let incoming = N::accept(&listener).await;
            let ended = ended.clone();
            tasks.push(task::<N, _>(async move {
                let mut session = N::handshake(incoming).await.unwrap();
                while let Ok(Some(event)) = session.receiver.next().await {
                    if let Event::Message(message) = event {
                        let last = *message == *LAST;
                        session.sender.send_parts(&[&[number], message]).await.unwrap();
                        session.sender.flush().await.unwrap();
                        if short.contains(&number) && last {
                            break;
                        }
                    }
                }
                drop(session);
                let _ = ended.send(number);
            }));
        }
        tasks.into_iter().for_each(join);
    });
    (address, ends, serving)
}

fn pool<N: PoolNet>(address: Address, config: PoolConfig) -> N::Pool {
    N::pool(address, client(IK).build().unwrap(), config)
}

fn one() -> PoolConfig {
    PoolConfig::default().with_max_total(1)
}

/// Until so many wait for a session.
fn wait_for_waiting<N: PoolNet>(pool: &N::Pool, waiting: usize) {
    while N::pool_stats(pool).waiting != waiting {
        thread::sleep(Duration::from_millis(1));
    }
}

/// One that came back is used again, one that was discarded is not, and one whose time has come goes.
pub fn an_idle_session_is_used_again<N: PoolNet>() {
    let (address, ends, serving) = serve::<N>(3, &[]);
    let idle = Duration::from_millis(500);
    let pool = pool::<N>(address, PoolConfig::default().with_idle_timeout(Some(idle)));
    let (mut first, mut second) = (get::<N>(&pool), get::<N>(&pool));
    assert_eq!([exchange::<N>(&mut first), exchange::<N>(&mut second)], [0, 1]);
    drop(first);
    drop(second);
    let mut last = get::<N>(&pool);
    assert_eq!(exchange::<N>(&mut last), 1);
    drop(last.discard());
    assert_eq!(ends.recv().unwrap(), 1);
    thread::sleep(idle);
    N::evict(&pool);
    assert_eq!(ends.recv().unwrap(), 0, "its time has come");
    assert_eq!(exchange::<N>(&mut get::<N>(&pool)), 2);
    let stats = N::pool_stats(&pool);
    assert_eq!((stats.opened, stats.reused, stats.discarded, stats.evicted), (3, 1, 1, 1));
    N::close_pool(&pool);
    join(serving);
}

/// A ticket that lies in an idle session is taken in and no reason not to use the session; the next new one resumes it.
pub fn a_new_session_resumes_an_earlier_one<N: PoolNet>() {
    let (address, _, serving) = serve_with::<N>(giving(7, Lifetime::default()), 3, &[]);
    let pool = pool::<N>(address, one());
    for (number, resumed) in [(0, false), (1, true), (2, true)] {
        drop(get::<N>(&pool));
        // The ticket comes meanwhile.
        thread::sleep(Duration::from_millis(50));
        for _ in 0..3 {
            let mut session = get::<N>(&pool);
            assert_eq!((exchange::<N>(&mut session), N::is_resumed(&session)), (number, resumed));
        }
        drop(get::<N>(&pool).discard());
    }
    let stats = N::pool_stats(&pool);
    assert_eq!((stats.opened, stats.reused, stats.discarded), (3, 12, 3));
    N::close_pool(&pool);
    join(serving);
}

/// Sessions go to those who wait in the order of their coming.
pub fn who_waits_is_served_in_order<N: PoolNet>() {
    let (address, _, serving) = serve::<N>(1, &[]);
    let pool = pool::<N>(address, one());
    let held = get::<N>(&pool);
    let order = Arc::new(Mutex::new(Vec::new()));
    let waiters: Vec<_> = (0..5)
        .map(|number| {
            let (waiting, order) = (pool.clone(), Arc::clone(&order));
            let waiter = thread::spawn(move || {
                let mut session = get::<N>(&waiting);
                order.lock().unwrap().push(number);
                assert_eq!(exchange::<N>(&mut session), 0);
            });
            wait_for_waiting::<N>(&pool, number + 1);
            waiter
        })
        .collect();
    drop(held);
    waiters.into_iter().for_each(join);
    assert_eq!(*order.lock().unwrap(), [0, 1, 2, 3, 4]);
    N::close_pool(&pool);
    join(serving);
}

/// One that the peer has ended meanwhile is not handed out: another is opened in its place.
pub fn a_session_that_the_peer_ended_is_replaced<N: PoolNet>() {
    // Behind so many messages a receiver gives others their turn, and its look at the stream is none.
    for before in [0, 62, 63, 64] {
        let (address, ends, serving) = serve::<N>(2, &[0]);
        let pool = pool::<N>(address, one());
        let mut session = get::<N>(&pool);
        (0..before).for_each(|_| assert_eq!(exchange::<N>(&mut session), 0));
        assert_eq!(N::block_on(N::exchange(&mut session, LAST))[0], 0);
        drop(session);
        assert_eq!(ends.recv().unwrap(), 0);
        assert_eq!(exchange::<N>(&mut get::<N>(&pool)), 1);
        N::close_pool(&pool);
        join(serving);
    }
}

/// A pool that is closed wakes who waits, and drops what comes back.
pub fn a_closed_pool_refuses_who_waits<N: PoolNet>() {
    let (address, _, serving) = serve::<N>(1, &[]);
    let pool = pool::<N>(address, one());
    let held = get::<N>(&pool);
    let waiting = pool.clone();
    let waiter = thread::spawn(move || N::block_on(N::get(&waiting)).err());
    wait_for_waiting::<N>(&pool, 1);
    N::close_pool(&pool);
    let closed = |error| matches!(error, Some(GetError::Refused(PoolRefusal::Closed)));
    assert!(closed(join(waiter)));
    assert!(closed(N::block_on(N::get(&pool)).err()));
    drop(held);
    assert_eq!(N::pool_stats(&pool).total, 0);
    join(serving);
}

/// Where connecting keeps failing it is not tried any more.
pub fn a_breaker_stops_connecting<N: PoolNet>() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let pool = pool::<N>(Address::Tcp(nobody.to_string()), one());
    let pool = N::with_breaker(pool, BreakerConfig::default().with_consecutive(Some(2)));
    for _ in 0..2 {
        let error = N::block_on(N::get(&pool)).err();
        assert!(matches!(error, Some(GetError::Connect(ConnectError::Io { .. }))), "{error:?}");
    }
    let error = N::block_on(N::get(&pool)).err();
    assert!(matches!(error, Some(GetError::Open(_))), "{error:?}");
    assert_eq!((N::pool_stats(&pool).total, N::pool_stats(&pool).failed), (0, 3));
}

/// A task that is dropped while it waits or connects leaves its place, and what was reserved for it, to the next. Only
/// for drivers whose `get` waits without blocking.
pub fn a_dropped_get_swallows_nothing<N: PoolNet>() {
    fn poll_once<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }
    let (address, _, serving) = serve::<N>(1, &[]);
    let waits = pool::<N>(address, one());
    N::block_on(async {
        let held = N::get(&waits).await.unwrap();
        let mut last = pin!(N::get(&waits));
        {
            let mut first = pin!(N::get(&waits));
            assert!(poll_once(first.as_mut()).is_pending());
            assert!(poll_once(last.as_mut()).is_pending());
            let mut dropped = Box::pin(N::get(&waits));
            assert!(poll_once(dropped.as_mut()).is_pending());
            drop(dropped);
            assert_eq!(N::pool_stats(&waits).waiting, 2);
            // Reserved for the first, which never hears of it.
            drop(held);
        }
        let mut session = last.await.unwrap();
        assert_eq!(N::exchange(&mut session, b"x").await, [0, b'x']);
    });
    N::close_pool(&waits);
    join(serving);

    // It accepts, and never says anything.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let connects = pool::<N>(Address::Tcp(silent.local_addr().unwrap().to_string()), one());
    N::block_on(async {
        let mut connecting = Box::pin(N::get(&connects));
        assert!(poll_once(connecting.as_mut()).is_pending());
        assert_eq!(N::pool_stats(&connects).total, 1);
        drop(connecting);
        assert_eq!(N::pool_stats(&connects).total, 0);
    });
}
