//! Rekeying and the limits of keys (docs/wire.md, section 4).

use super::pair::*;
use crate::session::{CloseCode, Error, RekeyPolicy};
use core::time::Duration;

fn with_policy(policy: RekeyPolicy) -> Pair {
    let (a, b) = configs(NN);
    Pair::established_with(a.with_rekey(policy), b)
}

#[test]
fn each_trigger_changes_the_key_of_its_direction_only() {
    let policy = RekeyPolicy::default;
    let records = with_policy(policy().with_records(10));
    let bytes = with_policy(policy().with_bytes(10 * 1030));
    for (what, mut pair) in [("records", records), ("bytes", bytes)] {
        for n in 0..100_u8 {
            pair.a.send(&[n; 1000]);
            pair.b.send(&[n; 1000]);
            pair.pump();
        }
        let (a, b) = (pair.a.session.stats(), pair.b.session.stats());
        assert!((9..=11).contains(&a.sent.rekeys), "{what}: {}", a.sent.rekeys);
        assert_eq!((b.received.rekeys, b.sent.rekeys), (a.sent.rekeys, 0), "{what}");
        assert_eq!((pair.a.messages().len(), pair.b.messages().len()), (100, 100), "{what}");
    }
}

#[test]
fn a_key_is_changed_when_it_is_old_even_in_silence() {
    let mut pair = with_policy(RekeyPolicy::default().with_age(Duration::from_secs(60)));
    pair.pass(Duration::from_secs(601));
    assert_eq!(pair.a.session.stats().sent.rekeys, 10);
    assert_eq!(pair.b.session.stats().received.rekeys, 10);
    pair.a.send(b"still in step");
    pair.pump();
    assert_eq!(pair.b.messages(), [b"still in step"]);
}

#[test]
fn a_change_by_use_starts_the_age_anew() {
    let policy = RekeyPolicy::default().with_age(Duration::from_secs(60)).with_records(2);
    let mut pair = with_policy(policy);
    pair.pass(Duration::from_secs(50));
    for _ in 0..2 {
        pair.a.send(b"x");
        pair.pump();
    }
    let used = pair.a.session.stats().sent.rekeys;
    assert_eq!(used, 1);
    pair.pass(Duration::from_secs(59));
    assert_eq!(pair.a.session.stats().sent.rekeys, used);
    pair.pass(Duration::from_secs(1));
    assert_eq!(pair.a.session.stats().sent.rekeys, used + 1);
}

#[test]
fn a_key_for_every_record_works() {
    let mut pair = with_policy(RekeyPolicy::default().with_records(1));
    for n in 0..20_u8 {
        pair.a.send(&[n]);
        pair.pump();
    }
    assert_eq!(pair.b.messages().len(), 20);
    assert_eq!(pair.b.session.stats().received.rekeys, 20);
}

#[test]
fn a_close_stays_the_last_frame_where_a_key_is_due() {
    let mut pair = with_policy(RekeyPolicy::default().with_records(1));
    pair.a.session.close(pair.now, CloseCode::NORMAL, "bye", &mut pair.a.tx).unwrap();
    pair.pump();
    assert_eq!(pair.b.closed(), Some((0, "bye".into())));
    assert_eq!((pair.a.error, pair.b.error), (None, None));
}

#[test]
fn a_peer_that_uses_one_key_too_long_is_given_up() {
    let (a, b) = configs(NN);
    let policy = RekeyPolicy::default().with_peer_records(5);
    let mut pair = Pair::established_with(a, b.with_rekey(policy));
    for n in 0..5_u8 {
        pair.a.send(&[n]);
        pair.pump();
    }
    assert_eq!(pair.b.error, None);
    pair.a.send(b"one too many");
    pair.pump();
    assert_eq!(pair.b.error, Some(Error::KeyExhausted));
    assert_eq!(pair.a.closed().map(|(code, _)| code), Some(7));
    assert_eq!(pair.b.session.stats().rejects.keys, 1);
    assert_eq!(pair.b.messages().len(), 5);
}

#[test]
fn a_rekey_inside_a_long_message_is_invisible() {
    let mut pair = with_policy(RekeyPolicy::default().with_records(2));
    pair.a.tx = crate::buf::TxBuf::new(2 << 20);
    let message = alloc::vec![7; 1 << 20];
    pair.a.send(&message);
    pair.pump();
    assert!(pair.b.messages() == [&message[..]]);
    assert!(pair.b.session.stats().received.rekeys >= 8);
}

#[test]
fn the_last_nonce_is_never_used() {
    let mut pair = Pair::established(NN);
    let last = u64::MAX - 1;
    pair.a.session.send.forger().set_nonce(last);
    pair.b.session.recv.set_nonce(last);
    pair.a.send(b"the last record there can be");
    pair.pump();
    assert_eq!(pair.b.messages(), [b"the last record there can be"]);
    pair.a.send(b"one more");
    pair.pump();
    assert_eq!(pair.b.messages().len(), 1, "nothing leaves under nonce 2^64-1");
    assert!(pair.a.tx.is_empty() && pair.a.session.is_finished());
    let refused = pair.a.session.send(pair.now, b"x", &mut pair.a.tx);
    assert_eq!(refused, Err(crate::session::SendError::Failed(Error::KeyExhausted)));
    pair.b.rx = alloc::vec![0, 17, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    pair.b.read(pair.now);
    assert_eq!(pair.b.error, Some(Error::KeyExhausted));
}

#[test]
fn a_peer_that_sends_without_pause_cannot_put_off_a_change_of_keys() {
    let age = Duration::from_secs(60);
    let (a, b) = configs(NN);
    let mut pair = Pair::established_with(a.with_rekey(RekeyPolicy::default().with_age(age)), b);
    pair.now += age;
    pair.b.send(b"more");
    // Handles no deadline, like a driver that always finds something to read.
    pair.pump();
    let rekeys = [&pair.a, &pair.b].map(|end| end.session.stats().sent.rekeys);
    assert_eq!((pair.a.messages().len(), rekeys), (1, [1, 0]));
}
