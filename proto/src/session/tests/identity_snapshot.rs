//! Proven identities of sessions that go on elsewhere (docs/wire.md, sections 9 and 10).

use super::identity::*;
use super::pair::*;
use super::snapshot::{CONTEXT, built, export, hand_over, key as snapshot_key, restore, seed};
use crate::session::{Config, Error, FrameFault, Lease, RestoreError, Snapshot, SnapshotError};
use crate::time::Instant;
use alloc::vec::Vec;

fn exporting(pair: (Config, Config)) -> (Config, Config) {
    (pair.0.with_snapshots(), pair.1.with_snapshots())
}

fn lease(end: &mut End, n: u64) -> Result<(Snapshot, Lease), SnapshotError> {
    end.session.lease(10, &end.rx, &snapshot_key(), CONTEXT, &seed(n), Instant::ZERO)
}

#[test]
fn a_proven_identity_goes_along_and_is_not_proven_again() {
    for name in [NN, XX] {
        let (a, b, mut pair) = built(exporting(proving(name)));
        for n in 0..4 {
            let (end, config) = if n % 2 == 0 { (&mut pair.a, &a) } else { (&mut pair.b, &b) };
            hand_over(end, config, n, pair.now);
            assert_eq!(identities(&pair), [Some(key(4)), Some(key(3))], "{name}");
            pair.a.send(b"there");
            pair.b.send(b"back");
            pair.pump();
            assert_eq!((pair.a.error, pair.b.error), (None, None), "{name} {n}");
        }
        assert_eq!((pair.a.messages().len(), pair.b.messages().len()), (4, 4), "{name}");
        // Nor does it follow that another may be shown.
        pair.a.forge(&frame(&[9; 96]));
        pair.pump();
        assert_eq!(pair.b.error, Some(Error::Frame(FrameFault::NotFirst)), "{name}");
    }
}

#[test]
fn a_session_that_waits_for_a_proof_has_no_snapshot() {
    let (a, b) = exporting(proving(NN));
    let config = exporting(proving(NN)).1.build().unwrap();
    let mut pair = Pair::new(a, b);
    pair.flights(2);
    assert!(pair.a.is_established() && !pair.b.is_established());
    assert_eq!(export(&mut pair.b, &config, 1).err(), Some(SnapshotError::NotEstablished));
    assert_eq!(lease(&mut pair.b, 2).err(), Some(SnapshotError::NotEstablished));
    pair.pump();
    assert!(pair.b.is_established());
    hand_over(&mut pair.b, &config, 3, pair.now);
}

#[test]
fn a_session_whose_own_proof_is_not_sealed_has_no_snapshot() {
    let configs = || exporting((judging(configs(XX).0, 4), signing(configs(XX).1, 4)));
    let config = configs().1.build().unwrap();
    let mut pair = Pair::new(configs().0, configs().1);
    pair.flights(3);
    assert!(pair.b.is_established());
    let unsent = Some(SnapshotError::Unsent);
    assert_eq!((export(&mut pair.b, &config, 1).err(), lease(&mut pair.b, 2).err()), (unsent, unsent));
    pair.b.send(b"behind the proof");
    assert_eq!((export(&mut pair.b, &config, 3).err(), lease(&mut pair.b, 4).err()), (unsent, unsent));
    pair.b.session.poll_transmit(pair.now, &mut pair.b.tx);
    assert!(lease(&mut pair.b, 5).is_ok());
    hand_over(&mut pair.b, &config, 6, pair.now);
    pair.pump();
    assert_eq!((pair.a.error, pair.a.messages()), (None, Vec::from([&b"behind the proof"[..]])));
    assert_eq!(pair.a.session.info().unwrap().identity, Some(key(4)));
}

#[test]
fn a_proof_that_comes_after_a_hand_over_is_judged_there() {
    let configs = || exporting((judging(configs(XX).0, 4), signing(configs(XX).1, 4)));
    let config = configs().0.build().unwrap();
    let mut pair = Pair::new(configs().0, configs().1);
    pair.flights(3);
    pair.a.read(pair.now);
    hand_over(&mut pair.a, &config, 1, pair.now);
    assert_eq!(pair.a.session.info().unwrap().identity, None);
    pair.pump();
    assert_eq!((pair.a.error, pair.b.error), (None, None));
    assert_eq!(pair.a.session.info().unwrap().identity, Some(key(4)));
}

#[test]
fn a_session_without_a_proof_is_not_restored_where_one_is_required() {
    let configs = || exporting((judging(configs(XX).0, 4), configs(XX).1));
    let requiring = configs().0.require_identity().build().unwrap();
    let (a, _, mut pair) = built(configs());
    let snapshot = export(&mut pair.a, &a, 1).unwrap();
    let refused = restore(&requiring, &snapshot, 2, pair.now).err();
    assert_eq!(refused, Some(RestoreError::IdentityMissing));
    assert!(restore(&a, &snapshot, 3, pair.now).is_ok());
}

#[test]
fn who_was_restored_proves_nothing_any_more() {
    let configs = || exporting((judging(configs(NN).0, 4), configs(NN).1));
    let signs = signing(configs().1, 4).build().unwrap();
    for forged in [false, true] {
        let (_, b, mut pair) = built(configs());
        let snapshot = export(&mut pair.b, &b, 1).unwrap();
        pair.b.session = restore(&signs, &snapshot, 2, pair.now).unwrap().session;
        pair.b.session.poll_transmit(pair.now, &mut pair.b.tx);
        if forged {
            pair.b.forge(&frame(&[9; 96]));
        } else {
            pair.b.send(b"unproven");
        }
        pair.pump();
        let error = forged.then_some(Error::Frame(FrameFault::NotFirst));
        assert_eq!((pair.a.error, pair.a.messages().len()), (error, usize::from(!forged)));
        assert_eq!(pair.a.session.info().unwrap().identity, None);
    }
}

#[test]
fn a_peer_does_not_get_around_a_required_proof_by_being_restored() {
    for crashed in [false, true] {
        let (a, b) = exporting(configs(NN));
        let b = judging(b, 3).require_identity().with_max_gap(100);
        let config = exporting(configs(NN)).0.build().unwrap();
        let mut pair = Pair::new(a, b);
        pair.pump();
        let snapshot =
            if crashed { lease(&mut pair.a, 1).unwrap().0 } else { export(&mut pair.a, &config, 1).unwrap() };
        pair.a.session = restore(&config, &snapshot, 2, pair.now).unwrap().session;
        pair.a.send(b"unproven");
        pair.pump();
        assert_eq!((pair.b.error, pair.b.seen.len()), (Some(MISSING), 0), "{crashed}");
    }
}
