//! Rate limits: backpressure up to a reported deadline, or a typed close.

use super::pair::*;
use crate::limit::Rate;
use crate::session::{Error, RateLimit};
use core::time::Duration;

fn limited(limit: RateLimit) -> Pair {
    let (a, b) = configs(NN);
    Pair::established_with(a, b.with_rate_limit(limit))
}

#[test]
fn over_the_limit_nothing_is_consumed_until_the_reported_deadline() {
    let messages = RateLimit::default().with_messages(Rate::new(10, 20).unwrap());
    let bytes = RateLimit::default().with_bytes(Rate::new(1000, 2000).unwrap());
    for (what, limit, size) in [("messages", messages, 1), ("bytes", bytes, 80)] {
        let mut pair = limited(limit);
        for n in 0..100_u8 {
            pair.a.session.send(pair.now, &alloc::vec![n; size], &mut pair.a.tx).unwrap();
            pair.a.session.poll_transmit(pair.now, &mut pair.a.tx);
        }
        pair.pump();
        let burst = pair.b.messages().len();
        assert!((20..=22).contains(&burst), "{what}: burst {burst}");
        let deadline = pair.b.session.poll_timeout().unwrap();
        assert!(deadline > pair.now && deadline <= pair.now + Duration::from_millis(200), "{what}");
        pair.pass(Duration::from_secs(4));
        let later = pair.b.messages().len();
        assert!((58..=62).contains(&later), "{what}: after 4 s {later}");
        assert!(pair.b.session.stats().throttled > 0);
        pair.pass(Duration::from_secs(5));
        assert_eq!(pair.b.messages().len(), 100, "{what}: everything arrives in the end");
    }
}

#[test]
fn within_the_limit_nothing_is_held_back() {
    let mut pair = limited(RateLimit::default().with_messages(Rate::new(10, 5).unwrap()));
    for n in 0..100_u8 {
        pair.a.send(&[n]);
        pair.pump();
        assert_eq!(pair.b.messages().len(), usize::from(n) + 1);
        pair.pass(Duration::from_millis(100));
    }
    assert_eq!(pair.b.session.stats().throttled, 0);
}

#[test]
fn a_closing_limit_ends_the_session_with_its_code() {
    let messages = RateLimit::default().with_messages(Rate::new(10, 20).unwrap());
    let bytes = RateLimit::default().with_bytes(Rate::new(1000, 500).unwrap());
    for limit in [messages, bytes] {
        let mut pair = limited(limit.closing());
        for n in 0..30_u8 {
            pair.a.send(&[n; 20]);
            pair.a.session.poll_transmit(pair.now, &mut pair.a.tx);
        }
        pair.pump();
        assert_eq!(pair.b.error, Some(Error::RateLimited));
        assert_eq!(pair.a.closed().map(|(code, _)| code), Some(4));
        assert_eq!(pair.b.session.stats().rejects.rates, 1);
        let later = pair.now + Duration::from_secs(60);
        let again = pair.b.session.recv(later, &mut pair.b.rx).err();
        assert_eq!(again, Some(Error::RateLimited), "a failure is final, whatever the rate allows by now");
    }
}

#[test]
fn notices_are_held_to_the_rate_of_bytes() {
    let limit = RateLimit::default().with_bytes(Rate::new(1000, 2000).unwrap());
    let flood = NOTICE.repeat(1000);
    let mut pair = limited(limit);
    pair.b.rx.extend_from_slice(&flood);
    pair.b.read(pair.now);
    let taken = flood.len() - pair.b.rx.len();
    assert!((1980..=2020).contains(&taken), "{taken}");
    assert_eq!(pair.b.session.stats().throttled, 1);
    pair.pass(Duration::from_secs(4));
    let taken = flood.len() - pair.b.rx.len();
    assert!((5980..=6020).contains(&taken), "{taken} after 4 s");

    let mut closing = limited(limit.closing());
    closing.b.rx.extend_from_slice(&flood);
    closing.b.read(closing.now);
    assert_eq!(closing.b.error, Some(Error::RateLimited));
}
