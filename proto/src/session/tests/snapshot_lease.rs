//! Leases: sessions restored after a crash, and what a peer makes of them (docs/wire.md, section 9).

use super::pair::*;
use super::snapshot::{CONTEXT, exporting, key, restore, seed};
use crate::noise::tests::audit::audited;
use crate::session::{
    CloseCode, Config, Error, Event, FrameFault, Lease, MAX_LEASE, Outgoing, RekeyPolicy, SendError,
    Snapshot, SnapshotError,
};
use crate::time::Instant;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// A leases; B lets it lose up to `max_gap` records.
fn leasing(policy: RekeyPolicy, max_gap: u64) -> (Arc<Config>, Pair) {
    let b = exporting(NN).1;
    let a = || exporting(NN).0.with_rekey(policy);
    (a().build().unwrap(), Pair::established_with(a(), b.with_max_gap(max_gap)))
}

fn lease(end: &mut End, records: u32, n: u64) -> (Snapshot, Lease) {
    end.session.lease(records, &end.rx, &key(), CONTEXT, &seed(n), Instant::ZERO).unwrap()
}

fn stored(end: &mut End, records: u32, n: u64) -> Snapshot {
    let (snapshot, lease) = lease(end, records, n);
    end.session.lease_stored(lease).unwrap();
    snapshot
}

/// One record.
fn record(end: &mut End, message: &[u8]) {
    end.send(message);
    end.session.poll_transmit(Instant::ZERO, &mut end.tx);
}

#[test]
fn a_session_restored_after_a_crash_goes_on_and_the_peer_hears_what_may_be_lost() {
    audited(|| {
        let (a, mut pair) = leasing(RekeyPolicy::default(), 12);
        let snapshot = stored(&mut pair.a, 10, 1);
        (0..3).for_each(|n| record(&mut pair.a, &[n]));
        let parts: [&[u8]; 1] = [&[7; 300_000]];
        let _ = pair.a.session.send_some(pair.now, &mut Outgoing::new(&parts), &mut pair.a.tx);
        pair.a.session.poll_transmit(pair.now, &mut pair.a.tx);
        let here = pair.a.session.stats().sent.records;
        pair.pump();
        // This one is sealed and never leaves.
        record(&mut pair.a, b"lost");
        pair.a.tx.consume(usize::MAX);
        pair.a.session = restore(&a, &snapshot, 2, pair.now).unwrap().session;
        pair.a.session.poll_transmit(pair.now, &mut pair.a.tx);
        pair.pump();
        assert!(
            !pair.b.seen.iter().any(|event| matches!(event, Event::RecordsLost { .. })),
            "not proven yet"
        );
        pair.a.send(b"after");
        pair.b.send(b"back");
        pair.pump();
        let at_most = 12 - here;
        let end = pair.b.seen.len() - 2;
        assert_eq!(pair.b.seen[end..], [Event::RecordsLost { at_most }, Event::Message(b"after".to_vec())]);
        assert_eq!((pair.b.messages().len(), pair.b.session.stats().received.abandoned), (4, 1));
        assert_eq!(pair.a.messages(), [b"back"]);
        assert_eq!((pair.a.error, pair.b.error), (None, None));
    });
}

#[test]
fn a_peer_that_lost_more_than_is_allowed_is_refused() {
    for (max_gap, want) in [
        (0, Some(Error::RecordsLost { at_most: 12, max: 0 })),
        (11, Some(Error::RecordsLost { at_most: 12, max: 11 })),
        (12, None),
    ] {
        let (a, mut pair) = leasing(RekeyPolicy::default(), max_gap);
        let snapshot = stored(&mut pair.a, 10, 1);
        pair.a.session = restore(&a, &snapshot, 2, pair.now).unwrap().session;
        pair.a.send(b"after");
        pair.pump();
        assert_eq!(pair.b.error, want, "{max_gap}");
        assert_eq!(pair.b.messages().len(), usize::from(want.is_none()));
    }
}

#[test]
fn a_lease_stops_the_sender_and_only_a_stored_one_lets_it_go_on() {
    let (_, mut pair) = leasing(RekeyPolicy::default(), 0);
    assert_eq!(pair.a.session.lease_left(), None);
    let (_, first) = lease(&mut pair.a, 3, 1);
    assert_eq!(pair.a.session.lease_left(), Some(3), "it may be in the store");
    pair.a.session.lease_stored(first).unwrap();
    for n in 0..5 {
        pair.a.send(&[n]);
        pair.pump();
    }
    assert_eq!((pair.a.session.lease_left(), pair.b.messages().len()), (Some(0), 3));
    // The rest waits in the open record until that is full.
    let full = (0..).find_map(|_| pair.a.session.send(pair.now, &[9; 9000], &mut pair.a.tx).err());
    assert_eq!(full, Some(SendError::LeaseSpent));
    let (_, second) = lease(&mut pair.a, 2, 2);
    pair.pump();
    assert_eq!(pair.b.messages().len(), 3);
    pair.a.session.lease_stored(second).unwrap();
    pair.pump();
    assert!(pair.b.messages().len() > 10);
    assert_eq!(pair.a.session.lease_left(), Some(1));
}

/// As many records as the lease lets out, at most `most`, and no CLOSE.
fn records(end: &mut End, most: u8) -> usize {
    let before = end.session.stats().sent.records;
    (0..most).for_each(|n| record(end, &[n]));
    (end.session.stats().sent.records - before) as usize
}

#[test]
fn the_peer_follows_whichever_of_two_leases_a_crash_left_in_the_store() {
    for (old, new, sent) in
        [(Some(50), 3, 3), (Some(3), 50, 3), (Some(9), 9, 9), (Some(1), 1, 1), (None, 3, 3), (None, 99, 60)]
    {
        for newest in [true, false] {
            let max_gap = 2 + u64::from(old.unwrap_or(0).max(new));
            let (a, mut pair) = leasing(RekeyPolicy::default(), max_gap);
            let old_snapshot = old.map(|records| stored(&mut pair.a, records, 1));
            let (new_snapshot, _pending) = lease(&mut pair.a, new, 2);
            let sealed = records(&mut pair.a, 60);
            pair.pump();
            let arrived = pair.b.messages().len();
            let Some(snapshot) = Some(&new_snapshot).filter(|_| newest).or(old_snapshot.as_ref()) else {
                continue;
            };
            pair.a.session = restore(&a, snapshot, 3, pair.now).unwrap().session;
            pair.a.tx.truncate_open(0);
            pair.a.send(b"after");
            pair.pump();
            assert_eq!(
                (pair.b.error, pair.b.messages().len()),
                (None, arrived + 1),
                "{old:?} {new} {newest}"
            );
            assert_eq!(sealed, sent, "{old:?} {new}");
        }
    }
}

#[test]
fn a_lease_that_was_not_stored_is_as_if_it_had_not_been_made() {
    let (a, mut pair) = leasing(RekeyPolicy::default(), 12);
    // There is none before it.
    let (_, first) = lease(&mut pair.a, 2, 1);
    assert_eq!(records(&mut pair.a, 9), 2);
    pair.a.session.lease_discarded(first).unwrap();
    assert_eq!(pair.a.session.lease_left(), None);
    assert_eq!(records(&mut pair.a, 9), 9);
    // What is sealed meanwhile counts for the one before.
    let old = stored(&mut pair.a, 10, 2);
    let (_, second) = lease(&mut pair.a, 2, 3);
    assert_eq!(records(&mut pair.a, 9), 2);
    let (_, third) = lease(&mut pair.a, 7, 4);
    assert_eq!(pair.a.session.lease_left(), Some(0), "nobody said that the second is not stored");
    pair.a.session.lease_discarded(third).unwrap();
    assert_eq!(pair.a.session.lease_left(), Some(0));
    assert!(pair.a.session.lease_discarded(second).is_err(), "a newer one was made");
    let (_, fourth) = lease(&mut pair.a, 20, 5);
    pair.a.session.lease_discarded(fourth).unwrap();
    pair.pump();
    pair.a.session = restore(&a, &old, 6, pair.now).unwrap().session;
    record(&mut pair.a, b"after");
    pair.pump();
    assert_eq!((pair.b.messages().last().copied(), pair.b.error), (Some(&b"after"[..]), None));
}

#[test]
fn a_change_of_key_ends_a_lease_that_is_not_stored_yet() {
    let (_, mut pair) = leasing(RekeyPolicy::default().with_records(3), 0);
    let (_, first) = lease(&mut pair.a, 50, 1);
    assert_eq!(records(&mut pair.a, 9), 3);
    pair.a.session.lease_discarded(first).unwrap();
    assert_eq!(pair.a.session.lease_left(), None, "there was none before");
    stored(&mut pair.a, 50, 2);
    let (_, second) = lease(&mut pair.a, 50, 3);
    record(&mut pair.a, b"the last under this key");
    (0..3).for_each(|n| record(&mut pair.a, &[n]));
    assert_eq!(pair.a.session.lease_left(), Some(0));
    assert!(pair.a.session.lease_discarded(second).is_err(), "the one before has ended too");
    assert_eq!(records(&mut pair.a, 3), 0);
}

#[test]
fn a_spent_lease_still_lets_the_session_close_and_nothing_else_out() {
    for full in [false, true] {
        audited(|| {
            let (_, mut pair) = leasing(RekeyPolicy::default().with_records(5), 0);
            stored(&mut pair.a, 1, 1);
            (0..2).for_each(|n| record(&mut pair.a, &[n]));
            while full && pair.a.session.send(pair.now, &[9; 900], &mut pair.a.tx).is_ok() {}
            pair.b.forge(&[8, 8, 0, 0, 0, 0, 0, 0, 0, 0]);
            pair.pump();
            assert_eq!(pair.b.messages().len(), 1);
            pair.a.session.close(pair.now, CloseCode::NORMAL, "bye", &mut pair.a.tx).unwrap();
            pair.pump();
            assert_eq!((pair.b.closed(), pair.b.error), (Some((0, "bye".into())), None), "{full}");
            assert!(pair.a.session.stats().sent.records <= 3);
        });
    }
}

#[test]
fn a_change_of_key_ends_a_lease() {
    let (a, mut pair) = leasing(RekeyPolicy::default().with_records(3), 100);
    let old = stored(&mut pair.a, 50, 1);
    let (_, outdated) = lease(&mut pair.a, 50, 2);
    (0..5).for_each(|n| record(&mut pair.a, &[n]));
    pair.pump();
    assert_eq!((pair.b.messages().len(), pair.a.session.lease_left()), (3, Some(0)));
    assert!(pair.a.session.lease_stored(outdated).is_err());
    let new = stored(&mut pair.a, 50, 3);
    pair.pump();
    assert_eq!(pair.b.messages().len(), 5);
    pair.a.session = restore(&a, &new, 4, pair.now).unwrap().session;
    record(&mut pair.a, b"new");
    pair.pump();
    assert_eq!((pair.b.messages().len(), pair.b.error), (6, None));
    pair.a.session = restore(&a, &old, 5, pair.now).unwrap().session;
    record(&mut pair.a, b"old");
    pair.pump();
    assert!(pair.b.error.is_some(), "a stale one");
}

#[test]
fn leases_out_of_range_or_out_of_date_are_refused() {
    let (_, mut pair) = leasing(RekeyPolicy::default(), 0);
    for (records, want) in [
        (0, Some(SnapshotError::LeaseLength)),
        (MAX_LEASE + 1, Some(SnapshotError::LeaseLength)),
        (MAX_LEASE, None),
    ] {
        let lease = pair.a.session.lease(records, &pair.a.rx, &key(), CONTEXT, &seed(1), pair.now);
        assert_eq!(lease.err(), want, "{records}");
    }
    let (_, first) = lease(&mut pair.a, 5, 2);
    let (_, second) = lease(&mut pair.a, 5, 3);
    assert!(pair.a.session.lease_stored(first).is_err(), "a newer one was made");
    assert_eq!(records(&mut pair.a, 9), 5);
    pair.a.session.lease_stored(second).unwrap();
    let (_, third) = lease(&mut pair.a, 5, 4);
    let (_, fourth) = lease(&mut pair.a, 5, 5);
    assert!(pair.a.session.lease_discarded(third).is_err(), "a newer one was made");
    pair.a.session.lease_discarded(fourth).unwrap();
    let mut none = Pair::established(NN);
    let refused = none.a.session.lease(5, &none.a.rx, &key(), CONTEXT, &seed(1), none.now);
    assert_eq!(refused.err(), Some(SnapshotError::NotExportable));
}

/// SKIP to a nonce.
fn skip(nonce: u64) -> Vec<u8> {
    [&[0, 16, 2, 0, 0, 0, 0, 0, 0, 0][..], &nonce.to_be_bytes()].concat()
}

/// RESTORED with a salt.
fn restored(salt: u8) -> Vec<u8> {
    [&[0, 16, 1][..], &[salt; 15]].concat()
}

#[test]
fn a_forged_notice_breaks_the_session_and_tells_its_application_nothing() {
    let notice = Some(Error::Frame(FrameFault::Notice));
    let bad = Some(Error::BadRecord);
    for (what, bytes, want) in [
        ("a salt", restored(1), bad),
        ("two salts", [restored(1), restored(2)].concat(), bad),
        ("a skip", [skip(5), restored(1)].concat(), bad),
        ("a skip to where it is", [skip(2), restored(1)].concat(), bad),
        ("back", [skip(1), restored(1)].concat(), notice),
        ("too far", [skip(103), restored(1)].concat(), Some(Error::RecordsLost { at_most: 101, max: 100 })),
        (
            "the last nonce",
            [skip(u64::MAX), restored(1)].concat(),
            Some(Error::RecordsLost { at_most: u64::MAX - 2, max: 100 }),
        ),
        ("a skip alone", skip(5), notice),
        ("two skips", [skip(5), skip(6), restored(1)].concat(), notice),
        ("an unknown one", [&[0, 16, 3][..], &[0; 15]].concat(), notice),
        ("of zeros", [&[0, 16][..], &[0; 16]].concat(), notice),
        ("a skip with more", [&[0, 16, 2, 1][..], &[0; 14]].concat(), notice),
    ] {
        let (_, mut pair) = leasing(RekeyPolicy::default(), 100);
        (0..2).for_each(|n| record(&mut pair.a, &[n]));
        pair.pump();
        let seen = pair.b.seen.len();
        pair.b.rx.extend_from_slice(&bytes);
        pair.b.read(pair.now);
        record(&mut pair.a, b"behind it");
        pair.pump();
        assert_eq!((pair.b.error, pair.b.seen.len()), (want, seen), "{what}");
    }
}

#[test]
fn notices_are_no_sign_of_life_and_half_of_one_is_waited_for() {
    let (_, mut pair) = leasing(RekeyPolicy::default(), 100);
    let bytes = [skip(3), restored(1)].concat();
    for byte in bytes {
        pair.b.rx.push(byte);
        pair.b.read(pair.now);
        assert_eq!(pair.b.error, None);
    }
    assert_eq!((pair.b.rx.len(), pair.b.session.stats().received.records), (0, 0));
}

#[test]
fn a_loss_that_is_not_proven_yet_is_handed_over_too() {
    let (a, _) = exporting(NN);
    let (_, b) = exporting(NN);
    let config = b.with_max_gap(100).build().unwrap();
    let (a, mut pair) = (a.build().unwrap(), leasing(RekeyPolicy::default(), 100).1);
    let snapshot = stored(&mut pair.a, 10, 1);
    pair.a.session = restore(&a, &snapshot, 2, pair.now).unwrap().session;
    pair.pump();
    pair.b.session.poll_transmit(pair.now, &mut pair.b.tx);
    let (leased, _) = lease(&mut pair.b, 5, 3);
    pair.b.session = restore(&config, &leased, 4, pair.now).unwrap().session;
    pair.link = [true, false];
    pair.a.send(b"x");
    pair.pump();
    let end = pair.b.seen.len() - 2;
    assert_eq!(pair.b.seen[end..], [Event::RecordsLost { at_most: 12 }, Event::Message(b"x".to_vec())]);
}

#[test]
fn what_several_notices_skip_counts_together() {
    let notice = |body: [u8; 16]| [&[0, 16][..], &body].concat();
    let skip = |nonce: u8| notice([2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, nonce]);
    let restored = notice([1; 16]);
    for (last, lost) in [(10, None), (11, Some(11))] {
        let (a, b) = configs(NN);
        let mut pair = Pair::established_with(a, b.with_max_gap(10));
        pair.b.rx = [skip(6), restored.clone(), skip(last), restored.clone()].concat();
        pair.b.read(pair.now);
        assert_eq!(pair.b.error, lost.map(|at_most| Error::RecordsLost { at_most, max: 10 }), "{last}");
    }
}
