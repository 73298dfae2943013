//! Close, drain and their deadlines (docs/wire.md, section 6).

use super::pair::*;
use crate::session::{CloseCode, Error, Event, MAX_REASON, RekeyPolicy, SendError};
use crate::time::Instant;
use alloc::vec;
use core::time::Duration;

const CODE: CloseCode = CloseCode::application(300).unwrap();

#[test]
fn a_close_comes_behind_everything_accepted_and_is_answered() {
    let mut pair = Pair::established(NN);
    pair.a.send(b"last words");
    pair.b.send(b"crossing");
    pair.a.session.close(pair.now, CODE, "done here", &mut pair.a.tx).unwrap();
    let refused = pair.a.session.send(pair.now, b"late", &mut pair.a.tx);
    assert_eq!(refused, Err(SendError::Closed));
    pair.pump();
    assert_eq!(pair.b.messages(), [b"last words"]);
    assert_eq!(pair.b.closed(), Some((300, "done here".into())));
    assert_eq!(pair.a.messages(), [b"crossing"], "the peer's accepted messages still arrive");
    assert_eq!(pair.a.closed(), Some((0, "".into())));
    assert!(pair.a.session.is_finished() && pair.b.session.is_finished());
    assert_eq!(pair.a.session.recv_eof(pair.now), Ok(()));
    assert_eq!(pair.b.session.recv_eof(pair.now), Ok(()));
    assert_eq!((pair.a.session.poll_timeout(), pair.b.session.poll_timeout()), (None, None));
}

#[test]
fn both_may_close_at_once() {
    let mut pair = Pair::established(NN);
    for end in [&mut pair.a, &mut pair.b] {
        end.session.close(pair.now, CODE, "", &mut end.tx).unwrap();
    }
    pair.pump();
    for end in [&pair.a, &pair.b] {
        assert_eq!(end.closed(), Some((300, "".into())));
        assert!(end.session.is_finished() && end.error.is_none());
    }
}

#[test]
fn a_close_that_is_not_answered_ends_at_its_deadline() {
    let (a, b) = configs(NN);
    let mut pair = Pair::established_with(a.with_close_timeout(Duration::from_secs(2)), b);
    pair.link = [true, false];
    pair.a.session.close(pair.now, CODE, "", &mut pair.a.tx).unwrap();
    pair.pass(Duration::from_millis(1999));
    assert_eq!((pair.a.error, pair.a.session.is_finished()), (None, false));
    pair.pass(Duration::from_millis(1));
    assert_eq!((pair.a.error, pair.a.session.is_finished()), (Some(Error::CloseTimeout), true));
}

#[test]
fn a_peer_that_sends_without_pause_cannot_put_off_the_end() {
    let late = Duration::from_secs(60);
    let mut closing = Pair::established(NN);
    closing.a.session.close(closing.now, CODE, "", &mut closing.a.tx).unwrap();
    closing.link = [false, true];
    closing.b.send(b"more");
    closing.now += late;
    closing.pump();
    assert_eq!(closing.a.error, Some(Error::CloseTimeout));

    let mut draining = Pair::established(NN);
    draining.a.session.drain(draining.now, draining.now + late).unwrap();
    draining.b.send(b"more");
    draining.now += late;
    draining.pump();
    assert_eq!(draining.b.closed(), Some((1, "".into())));

    let (a, b) = configs(NN);
    let mut opening = Pair::new(a, b);
    opening.now += late;
    opening.pump();
    assert_eq!(opening.b.error, Some(Error::HandshakeTimeout));
}

#[test]
fn neither_can_one_that_sends_notices_without_pause() {
    let late = Duration::from_secs(60);
    for half in [0, NOTICE.len() / 2] {
        let notices = [&NOTICE.repeat(3), &NOTICE[..half]].concat();
        let mut closing = Pair::established(NN);
        closing.a.session.close(closing.now, CODE, "", &mut closing.a.tx).unwrap();
        closing.a.rx.extend_from_slice(&notices);
        closing.a.read(closing.now + late);
        assert_eq!(closing.a.error, Some(Error::CloseTimeout));

        let mut draining = Pair::established(NN);
        draining.a.session.drain(draining.now, draining.now + late).unwrap();
        draining.now += late;
        draining.a.rx.extend_from_slice(&notices);
        draining.a.read(draining.now);
        draining.link = [true, false];
        draining.pump();
        assert_eq!(draining.b.closed(), Some((1, "".into())));
    }
}

#[test]
fn an_answer_that_came_in_time_counts_even_if_it_is_read_late() {
    let mut pair = Pair::established(NN);
    pair.a.session.close(pair.now, CODE, "", &mut pair.a.tx).unwrap();
    pair.a.reads = false;
    pair.pump();
    pair.now += Duration::from_secs(60);
    pair.a.reads = true;
    pair.pump();
    assert_eq!((pair.a.error, pair.a.closed()), (None, Some((0, "".into()))));
    assert!(pair.a.session.is_finished());
}

#[test]
fn a_reason_that_is_too_long_is_refused() {
    let mut pair = Pair::established(NN);
    let long = "r".repeat(MAX_REASON + 1);
    let refused = pair.a.session.close(pair.now, CODE, &long, &mut pair.a.tx);
    assert_eq!(refused, Err(SendError::ReasonTooLong));
    pair.a.session.close(pair.now, CODE, &long[1..], &mut pair.a.tx).unwrap();
    pair.pump();
    assert_eq!(pair.b.closed().unwrap().1, long[1..]);
}

#[test]
fn a_drain_delivers_everything_accepted_at_both_ends_then_closes() {
    let mut pair = Pair::established(NN);
    let deadline = pair.now + Duration::from_secs(10);
    for n in 0..50_u8 {
        pair.a.send(&[n]);
        pair.b.send(&[n, n]);
    }
    pair.a.session.drain(pair.now, deadline).unwrap();
    assert_eq!(pair.a.session.send(pair.now, b"late", &mut pair.a.tx), Err(SendError::Draining));
    assert_eq!(pair.a.session.drain(pair.now, deadline), Err(SendError::Draining));
    pair.pump();
    assert_eq!(pair.b.seen.last(), Some(&Event::Draining));
    // The peer is told, completes its work, and drains too.
    pair.b.send(b"answer");
    pair.b.session.drain(pair.now, deadline).unwrap();
    pair.pump();
    assert_eq!((pair.b.messages().len(), pair.a.messages().len()), (50, 51));
    assert_eq!((pair.a.closed(), pair.b.closed()), (Some((0, "".into())), Some((0, "".into()))));
    assert!(pair.a.session.is_finished() && pair.b.session.is_finished());
}

#[test]
fn a_drain_ends_at_its_deadline_whatever_the_peer_does() {
    let mut pair = Pair::established(NN);
    pair.a.session.drain(pair.now, pair.now + Duration::from_secs(3)).unwrap();
    pair.pass(Duration::from_millis(2999));
    assert_eq!(pair.b.closed(), None);
    pair.b.send(b"still welcome");
    pair.pass(Duration::from_millis(1));
    assert_eq!(pair.a.messages(), [b"still welcome"]);
    assert_eq!(pair.b.closed(), Some((1, "".into())));
    assert!(pair.a.session.is_finished() && pair.b.session.is_finished());
}

const LIFETIME: Duration = Duration::from_secs(90);

/// A pair of which the first end lets a session last [`LIFETIME`], and waits 3 s for the peer at its end.
fn mortal() -> Pair {
    let (a, b) = configs(NN);
    Pair::established_with(a.with_lifetime(LIFETIME).with_close_timeout(Duration::from_secs(3)), b)
}

#[test]
fn a_session_drains_at_the_end_of_its_lifetime() {
    let mut pair = mortal();
    pair.pass(LIFETIME - Duration::from_nanos(1));
    pair.a.send(b"in time");
    pair.pump();
    assert_eq!(pair.b.seen.last(), Some(&Event::Message(b"in time".to_vec())));
    pair.pass(Duration::from_nanos(1));
    assert_eq!(pair.b.seen.last(), Some(&Event::Draining));
    assert_eq!(pair.a.session.send(pair.now, b"late", &mut pair.a.tx), Err(SendError::Draining));
    // The peer completes its work, and drains too.
    pair.b.send(b"answer");
    pair.b.session.drain(pair.now, pair.now + LIFETIME).unwrap();
    pair.pump();
    assert_eq!((pair.a.messages(), pair.b.messages()), (vec![&b"answer"[..]], vec![&b"in time"[..]]));
    assert_eq!((pair.a.closed(), pair.b.closed()), (Some((0, "".into())), Some((0, "".into()))));
}

#[test]
fn a_session_is_closed_a_close_timeout_after_its_lifetime_whatever_the_peer_does() {
    let mut idle = mortal();
    idle.pass(LIFETIME + Duration::from_millis(2999));
    assert_eq!(idle.b.closed(), None);
    idle.pass(Duration::from_millis(1));
    assert_eq!(idle.b.closed(), Some((1, "".into())));
    assert!(idle.a.session.is_finished() && idle.b.session.is_finished());

    // Found out by reading: a driver that always finds something to read handles no deadline.
    let mut busy = mortal();
    for after in [LIFETIME, LIFETIME + Duration::from_secs(3)] {
        busy.now = Instant::ZERO + after;
        busy.b.send(b"more");
        busy.pump();
    }
    assert_eq!((busy.a.messages().len(), busy.b.closed()), (2, Some((1, "".into()))));

    // A drain that was begun before does not outlast it either.
    let mut draining = mortal();
    draining.a.session.drain(draining.now, draining.now + 2 * LIFETIME).unwrap();
    draining.pass(LIFETIME + Duration::from_secs(3));
    assert_eq!(draining.b.closed(), Some((1, "".into())));
    let mut earlier = mortal();
    let soon = earlier.now + LIFETIME + Duration::from_secs(1);
    earlier.a.session.drain(earlier.now, soon).unwrap();
    earlier.pass(LIFETIME + Duration::from_secs(1));
    assert_eq!(earlier.b.closed(), Some((1, "".into())));
}

#[test]
fn a_lifetime_without_end_sets_no_deadline() {
    let (a, b) = configs(NN);
    let (a, b) = (a.with_heartbeat(None), b.with_heartbeat(None));
    let forever = RekeyPolicy::default().with_age(Duration::MAX);
    let pair =
        Pair::established_with(a.with_rekey(forever).with_lifetime(Duration::MAX), b.with_rekey(forever));
    assert_eq!((pair.a.session.poll_timeout(), pair.b.session.poll_timeout()), (None, None));
}

#[test]
fn a_close_while_draining_goes_out_at_once() {
    let mut pair = Pair::established(NN);
    pair.a.session.drain(pair.now, pair.now + Duration::from_secs(3)).unwrap();
    pair.a.session.close(pair.now, CODE, "enough", &mut pair.a.tx).unwrap();
    pair.pump();
    assert_eq!(pair.b.closed(), Some((300, "enough".into())));
    assert!(pair.a.session.is_finished());
}

#[test]
fn nothing_is_taken_after_the_peers_close() {
    let mut pair = Pair::established(NN);
    pair.a.session.close(pair.now, CODE, "", &mut pair.a.tx).unwrap();
    pair.pump();
    let seen = pair.b.seen.len();
    pair.b.rx.extend_from_slice(b"anything at all");
    pair.b.read(pair.now);
    assert_eq!((pair.b.seen.len(), pair.b.rx.len(), pair.b.error), (seen, 0, None));
    assert_eq!(pair.b.session.send(pair.now, b"late", &mut pair.b.tx), Err(SendError::Closed));
}
