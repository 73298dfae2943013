//! Sessions handed over as snapshots (docs/wire.md, section 9).

use super::pair::*;
use crate::buf::TxBuf;
use crate::entropy::{Jitter, Seed};
use crate::heartbeat::HeartbeatConfig;
use crate::noise::Provider;
use crate::noise::tests::audit::audited;
use crate::session::{
    Config, Error, Event, MIN_TX_LIMIT, Outgoing, Padding, Peers, RateLimit, RekeyPolicy, RestoreError,
    Restored, SNAPSHOT_OVERHEAD, Session, SessionInfo, Snapshot, SnapshotError, SnapshotKey,
};
use crate::sim::check;
use crate::time::Instant;
use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

pub(super) const CONTEXT: &[u8] = b"test";

pub(super) fn key() -> SnapshotKey {
    SnapshotKey::new(&mut [9; 32])
}

/// Never twice the same in a test, as a real one.
pub(super) fn seed(n: u64) -> Seed {
    let mut bytes = [3; 32];
    bytes[..8].copy_from_slice(&n.to_le_bytes());
    Seed::new(&mut bytes)
}

pub(super) fn exporting(name: &str) -> (Config, Config) {
    let (a, b) = configs(name);
    (a.with_snapshots(), b.with_snapshots())
}

pub(super) fn restore(
    config: &Arc<Config>,
    snapshot: &Snapshot,
    n: u64,
    now: Instant,
) -> Result<Restored, RestoreError> {
    Session::restore(config, snapshot, &key(), CONTEXT, &seed(n), now, |_| true)
}

fn taken(end: &mut End, config: &Arc<Config>) -> Session {
    core::mem::replace(&mut end.session, Session::new(config, seed(0), Instant::ZERO).unwrap())
}

pub(super) fn export(end: &mut End, config: &Arc<Config>, n: u64) -> Result<Snapshot, SnapshotError> {
    export_at(end, config, n, Instant::ZERO)
}

fn export_at(end: &mut End, config: &Arc<Config>, n: u64, now: Instant) -> Result<Snapshot, SnapshotError> {
    let exported = taken(end, config).hand_over(&end.rx, &end.tx, &key(), CONTEXT, &seed(n), now);
    exported.map_err(|refused| {
        end.session = *refused.session;
        refused.error
    })
}

/// Hands `end` over as it is, in the middle of whatever it does.
pub(super) fn hand_over(end: &mut End, config: &Arc<Config>, n: u64, now: Instant) {
    end.session.poll_transmit(now, &mut end.tx);
    let info = end.session.info();
    let snapshot = export_at(end, config, n, now).unwrap();
    assert_eq!(snapshot.as_bytes().len(), SNAPSHOT_OVERHEAD + end.rx.len());
    let Restored { session, received, .. } = restore(config, &snapshot, n, now).unwrap();
    // Only the library may be another.
    let known = |info: Option<SessionInfo>| {
        info.map(|info| (info.protocol, info.peer, info.identity, info.handshake_hash))
    };
    assert_eq!((known(session.info()), &received), (known(info), &end.rx));
    assert_eq!(session.info().unwrap().provider, config.provider());
    end.session = session;
}

pub(super) fn built(pair: (Config, Config)) -> (Arc<Config>, Arc<Config>, Pair) {
    let (a, b) = (pair.0.build().unwrap(), pair.1.build().unwrap());
    let mut pair = Pair {
        now: Instant::ZERO,
        a: End::new(&a, 1),
        b: End::new(&b, 2),
        chunk: usize::MAX,
        link: [true; 2],
    };
    pair.pump();
    assert!(pair.a.is_established() && pair.b.is_established(), "{:?} {:?}", pair.a.error, pair.b.error);
    (a, b, pair)
}

fn traffic_with_hand_overs(number: u64) -> Result<(), alloc::string::String> {
    let mut random = Jitter::new(number);
    let name = [NN, XX, "Noise_IK_25519_ChaChaPoly_BLAKE2b"][number as usize % 3];
    let policy = match number % 4 {
        0 => RekeyPolicy::default(),
        1 => RekeyPolicy::default().with_records(1),
        _ => RekeyPolicy::default().with_records(1 + random.next_u64() % 9),
    };
    let (a, b) = exporting(name);
    let padding = if number % 2 == 0 { Padding::None } else { Padding::Block(64) };
    let finish = |config: Config| config.with_rekey(policy).with_padding(padding);
    let (a, b, mut pair) = built((finish(a), finish(b)));
    pair.chunk = 1 + random.next_u64() as usize % 3000;
    let mut sent = [Vec::new(), Vec::new()];
    for step in 0..40_u64 {
        let side = random.next_u64() as usize % 2;
        let (end, config) = [(&mut pair.a, &a), (&mut pair.b, &b)].into_iter().nth(side).unwrap();
        match random.next_u64() % 8 {
            0..3 => {
                let message = alloc::vec![step as u8; random.next_u64() as usize % 900];
                if end.session.send(pair.now, &message, &mut end.tx).is_ok() {
                    sent[side].push(message);
                }
            }
            3 => {
                let message = alloc::vec![step as u8; random.next_u64() as usize % 150_000];
                if end.session.send(pair.now, &message, &mut end.tx).is_ok() {
                    sent[side].push(message);
                }
            }
            // The part of a message that is given up.
            4 => {
                let parts: [&[u8]; 1] = [&alloc::vec![1; 400_000]];
                let _ = end.session.send_some(pair.now, &mut Outgoing::new(&parts), &mut end.tx);
            }
            5 => {
                for _ in 0..random.next_u64() % 200 {
                    pair.step();
                }
            }
            _ => hand_over(end, config, 1 + step, pair.now),
        }
    }
    pair.pump();
    if (pair.a.error, pair.b.error) != (None, None) {
        return Err(format!("{:?} {:?}", pair.a.error, pair.b.error));
    }
    if pair.b.messages() != sent[0] || pair.a.messages() != sent[1] {
        return Err("messages were lost, doubled or changed".into());
    }
    let (a, b) = (pair.a.session.stats(), pair.b.session.stats());
    if a.sent != b.received || b.sent != a.received {
        return Err(format!("the counts do not go on: {a:?} {b:?}"));
    }
    Ok(())
}

#[test]
fn a_session_handed_over_in_mid_traffic_loses_nothing_and_repeats_no_nonce() {
    check("a_session_handed_over_in_mid_traffic", 0..60, |number| {
        let mut result = Ok(());
        let (keys, records) = audited(|| result = traffic_with_hand_overs(number));
        assert!(keys > 2 && records > 10, "{keys} {records}");
        result
    });
}

#[test]
fn two_sessions_of_one_snapshot_share_no_key_and_the_peer_believes_one() {
    let (keys, records) = audited(|| {
        let (a, b) = exporting(XX);
        let (a, _, mut pair) = built((a, b));
        pair.a.send(b"before");
        pair.pump();
        let snapshot = export(&mut pair.a, &a, 1).unwrap();
        for n in [1, 2] {
            pair.a.session = restore(&a, &snapshot, n, pair.now).unwrap().session;
            for _ in 0..5 {
                pair.a.send(b"after");
                pair.a.session.poll_transmit(pair.now, &mut pair.a.tx);
            }
            pair.pump();
        }
        assert_eq!(pair.b.messages().len(), 6);
        assert_eq!(pair.b.error, Some(Error::BadRecord), "the second");
    });
    // A's key and those of the two restored, five records each; and B's, since both close.
    assert_eq!((keys, records), (4, 13));
}

#[test]
fn a_snapshot_that_another_has_gone_on_from_is_worth_nothing() {
    let (a, b) = exporting(NN);
    let (a, _, mut pair) = built((a, b));
    let stale = export(&mut pair.a, &a, 1).unwrap();
    pair.a.session = restore(&a, &stale, 2, pair.now).unwrap().session;
    pair.pump();
    hand_over(&mut pair.a, &a, 3, pair.now);
    pair.a.send(b"went on");
    pair.pump();
    pair.a.session = restore(&a, &stale, 4, pair.now).unwrap().session;
    pair.a.send(b"goes back");
    pair.pump();
    assert_eq!((pair.b.messages(), pair.b.error), ([&b"went on"[..]].to_vec(), Some(Error::BadRecord)));
}

#[test]
fn a_record_left_out_before_a_hand_over_is_noticed() {
    for lost in 0..3 {
        let (a, b) = exporting(NN);
        let (a, _, mut pair) = built((a, b.with_max_gap(100)));
        for n in 0..3 {
            pair.a.send(&[n]);
            pair.a.session.poll_transmit(pair.now, &mut pair.a.tx);
        }
        // Each has a head of 2 bytes, a frame of 3 and a tag of 16.
        let whole = pair.a.tx.sealed().to_vec();
        pair.a.tx.consume(usize::MAX);
        pair.b.rx.extend_from_slice(&whole[..21 * lost]);
        hand_over(&mut pair.a, &a, 1, pair.now);
        pair.a.send(b"after");
        pair.pump();
        assert_eq!((pair.b.messages().len(), pair.b.error), (lost, Some(Error::BadRecord)), "{lost} arrived");
    }
}

#[test]
fn a_session_goes_on_under_whichever_library_the_configuration_names() {
    for name in [
        NN,
        #[cfg(feature = "aes-gcm")]
        "Noise_NN_25519_AESGCM_BLAKE2s",
    ] {
        let (a, _, mut pair) = built(exporting(name));
        let mut configs = Vec::from([a]);
        for provider in Provider::ALL {
            configs.push(exporting(name).0.with_provider(*provider).build().unwrap());
        }
        for (n, config) in (1..).zip(configs.iter().chain(&configs)) {
            hand_over(&mut pair.a, config, n, pair.now);
            pair.a.send(b"there");
            pair.b.send(b"back");
            pair.pump();
            assert_eq!(
                (pair.a.messages().len(), pair.b.messages().len()),
                (n as usize, n as usize),
                "{name}"
            );
        }
    }
}

/// What the tests above rely on.
#[test]
#[should_panic(expected = "was used twice under a key")]
fn the_audit_notices_a_nonce_that_is_used_twice() {
    audited(|| {
        let (a, b) = exporting(NN);
        let (a, _, mut pair) = built((a, b));
        let snapshot = export(&mut pair.a, &a, 1).unwrap();
        for _ in 0..2 {
            // The one thing that must not be: the same seed for two.
            pair.a.session = restore(&a, &snapshot, 2, pair.now).unwrap().session;
            pair.a.send(b"x");
            pair.a.session.poll_transmit(pair.now, &mut pair.a.tx);
        }
    });
}

#[test]
fn what_must_not_be_exported_is_given_back_with_the_reason() {
    type Case = (&'static str, fn(&mut Pair), SnapshotError);
    let later = Instant::ZERO + Duration::from_secs(9);
    let cases: [Case; 8] = [
        ("accepted and not sealed", |pair| pair.a.send(b"x"), SnapshotError::Unsent),
        ("closed", |pair| close(&mut pair.a), SnapshotError::Ending),
        ("closed by the peer", |pair| (close(&mut pair.b), pair.pump()).1, SnapshotError::Ending),
        ("draining", |pair| drain(&mut pair.a), SnapshotError::Ending),
        (
            "failed",
            |pair| {
                pair.a.rx = [&[0, 17][..], &[0; 17]].concat();
                pair.a.read(pair.now);
            },
            SnapshotError::Ending,
        ),
        (
            "without all bytes",
            |pair| {
                pair.b.send(&[1; 300]);
                pair.b.send(&[2; 300]);
                pair.a.reads = false;
                pair.pump();
                let consumed = pair.a.session.recv(pair.now, &mut pair.a.rx).unwrap().consumed;
                pair.a.rx.drain(..consumed);
                pair.a.rx.pop();
            },
            SnapshotError::Buffer,
        ),
        (
            "before it is established",
            |pair| {
                *pair = Pair::new(exporting(NN).0, exporting(NN).1);
            },
            SnapshotError::NotEstablished,
        ),
        (
            "without keys kept",
            |pair| {
                *pair = Pair::established(NN);
            },
            SnapshotError::NotExportable,
        ),
    ];
    fn close(end: &mut End) {
        end.session.close(Instant::ZERO, crate::session::CloseCode::NORMAL, "", &mut end.tx).unwrap();
    }
    fn drain(end: &mut End) {
        end.session.drain(Instant::ZERO, Instant::ZERO + Duration::from_secs(9)).unwrap();
    }
    for (what, prepare, want) in cases {
        let (a, _, mut pair) = built(exporting(NN));
        prepare(&mut pair);
        assert_eq!(export(&mut pair.a, &a, 1).err(), Some(want), "{what}");
    }
    // And goes on.
    let (a, _, mut pair) = built(exporting(NN));
    pair.a.send(b"x");
    export(&mut pair.a, &a, 1).unwrap_err();
    pair.now = later;
    pair.pump();
    assert_eq!(pair.b.messages(), [b"x"]);
}

#[test]
fn a_snapshot_opens_with_its_key_and_context_only_and_unchanged() {
    let (a, b) = exporting(XX);
    let a = a.build().unwrap();
    let mut pair = Pair::established_with(exporting(XX).0, b);
    let snapshot = export(&mut pair.a, &a, 1).unwrap();
    let open = |bytes: &[u8], key: &SnapshotKey, context: &[u8]| {
        let snapshot = Snapshot::from_bytes(bytes.to_vec());
        Session::restore(&a, &snapshot, key, context, &seed(1), Instant::ZERO, |_| true).err()
    };
    let bytes = snapshot.as_bytes();
    assert_eq!(open(bytes, &key(), CONTEXT), None);
    let other = SnapshotKey::new(&mut [8; 32]);
    assert_eq!(open(bytes, &other, CONTEXT), Some(RestoreError::NotAuthentic));
    for context in [&b""[..], b"tes", b"test "] {
        assert_eq!(open(bytes, &key(), context), Some(RestoreError::NotAuthentic));
    }
    for at in 0..bytes.len() {
        let mut bytes = bytes.to_vec();
        bytes[at] ^= 2;
        let want = if at == 0 { RestoreError::Version(3) } else { RestoreError::NotAuthentic };
        assert_eq!(open(&bytes, &key(), CONTEXT), Some(want), "byte {at}");
    }
    for len in 0..bytes.len() {
        assert_eq!(open(&bytes[..len], &key(), CONTEXT), Some(RestoreError::Length), "{len} bytes");
    }
    assert_eq!(open(&[bytes, &[0]].concat(), &key(), CONTEXT), Some(RestoreError::NotAuthentic));
}

#[test]
fn a_configuration_that_does_not_fit_is_refused() {
    let (a, b) = exporting(XX);
    let (a, _, mut pair) = built((a, b));
    // A message of which a part has come.
    pair.b.tx = TxBuf::new(MIN_TX_LIMIT);
    let parts: [&[u8]; 1] = [&[7; 50_000]];
    pair.b.session.send_some(pair.now, &mut Outgoing::new(&parts), &mut pair.b.tx).unwrap_err();
    pair.pump();
    let snapshot = export(&mut pair.a, &a, 1).unwrap();
    let other = protocol("Noise_XX_25519_ChaChaPoly_BLAKE2b");
    let only = |n| Peers::Only(Vec::from([public(n)]));
    let fits = || exporting(XX).0;
    for (what, config, want) in [
        ("fits", fits(), None),
        ("role", exporting(XX).1, Some(RestoreError::Role)),
        (
            "protocol",
            Config::initiator(other).with_static_key(secret(1)).with_peers(Peers::Any),
            Some(RestoreError::ProtocolNotAllowed(protocol(XX))),
        ),
        ("peer", fits().with_peers(only(2)), None),
        ("peer", fits().with_peers(only(3)), Some(RestoreError::PeerNotAllowed(Some(public(2))))),
        ("size", fits().with_max_message(49_999), Some(RestoreError::TooLarge)),
        ("size", fits().with_max_message(50_000), None),
    ] {
        let config = config.build().unwrap();
        assert_eq!(restore(&config, &snapshot, 1, pair.now).err(), want, "{what}");
    }
    assert_eq!(
        Session::restore(&a, &snapshot, &key(), CONTEXT, &seed(1), pair.now, |_| false).err(),
        Some(RestoreError::Claimed)
    );
}

#[test]
fn generations_rise_over_snapshots_and_restores() {
    let (a, b) = exporting(NN);
    let (a, _, mut pair) = built((a, b));
    let mut claimed = Vec::new();
    for n in 1..4 {
        pair.pump();
        let (_, lease) = pair.a.session.lease(100, &pair.a.rx, &key(), CONTEXT, &seed(n), pair.now).unwrap();
        pair.a.session.lease_stored(lease).unwrap();
        let snapshot = export(&mut pair.a, &a, n).unwrap();
        let hash = pair.b.session.info().unwrap().handshake_hash;
        let claim = |claim: &crate::session::Claim| {
            assert_eq!(claim.handshake_hash, hash);
            claimed.push(claim.generation);
            true
        };
        let restored = Session::restore(&a, &snapshot, &key(), CONTEXT, &seed(n), pair.now, claim);
        pair.a.session = restored.unwrap().session;
    }
    assert_eq!(claimed, [2, 4, 6]);
}

#[test]
fn what_says_what_no_session_says_is_refused() {
    let a = exporting(NN).0.build().unwrap();
    let mut random = Jitter::new(1);
    for n in 0..2000 {
        let text: Vec<u8> = (0..580 + n % 100).map(|_| random.next_u64() as u8).collect();
        let error = restore(&a, &Snapshot::forge(&text, &key(), CONTEXT), 1, Instant::ZERO).err();
        assert_eq!(error, Some(RestoreError::Content));
    }
}

#[test]
fn whatever_a_snapshot_says_is_refused_or_goes_on_without_a_panic() {
    let (a, _, mut pair) = built(exporting(NN));
    // With a part of a message, and a record that is half read.
    pair.b.tx = TxBuf::new(MIN_TX_LIMIT);
    let parts: [&[u8]; 1] = [&[7; 50_000]];
    let _ = pair.b.session.send_some(pair.now, &mut Outgoing::new(&parts), &mut pair.b.tx);
    pair.pump();
    let text = export(&mut pair.a, &a, 1).unwrap().text(&key(), CONTEXT);
    let (mut random, mut went_on) = (Jitter::new(1), 0);
    for n in 0..4000_usize {
        let mut text = text.clone();
        // The flags and the numbers, mostly; small ones often enough.
        let at = if n % 8 == 0 { 0 } else { 161 + random.next_u64() as usize % 216 };
        text[at] = random.next_u64() as u8 >> (n % 7);
        text.truncate(text.len() - n % 3);
        let Ok(restored) = restore(&a, &Snapshot::forge(&text, &key(), CONTEXT), 1, pair.now) else {
            continue;
        };
        went_on += 1;
        let Restored { mut session, mut received, .. } = restored;
        received.extend_from_slice(&[0, 17, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5]);
        while let Ok(recv) = session.recv(pair.now, &mut received) {
            let (consumed, done) = (recv.consumed, recv.event.is_none());
            received.drain(..consumed);
            if done {
                break;
            }
        }
        let mut tx = TxBuf::new(1 << 16);
        let _ = session.send(pair.now, b"x", &mut tx);
        session.poll_transmit(pair.now, &mut tx);
    }
    assert!((1000..4000).contains(&went_on), "{went_on}");
}

#[test]
fn an_answer_that_is_owed_is_given_by_who_goes_on() {
    let (a, b) = exporting(NN);
    let (a, _, mut pair) = built((a, b));
    pair.link = [false, true];
    pair.b.forge(&[8, 8, 1, 2, 3, 4, 5, 6, 7, 8]);
    // No room for the PONG.
    pair.a.tx = TxBuf::new(MIN_TX_LIMIT);
    pair.a.tx.push(&[0; MIN_TX_LIMIT - 200]).unwrap();
    pair.a.tx.seal();
    pair.pump();
    hand_over(&mut pair.a, &a, 1, pair.now);
    pair.a.tx = TxBuf::new(MIN_TX_LIMIT);
    let before = pair.a.session.stats().sent.records;
    pair.a.session.poll_transmit(pair.now, &mut pair.a.tx);
    assert_eq!(pair.a.session.stats().sent.records, before + 1);
}

#[test]
fn a_restored_end_watches_its_peer_and_its_rate_anew() {
    let rate = RateLimit::default().with_messages(crate::limit::Rate::new(1, 2).unwrap());
    let config = || exporting(NN).0.with_heartbeat(Some(HeartbeatConfig::default())).with_rate_limit(rate);
    let (a, _, mut pair) = built((config(), exporting(NN).1));
    (0..2).for_each(|_| pair.b.send(b"x"));
    pair.pump();
    hand_over(&mut pair.a, &a, 1, pair.now);
    (0..2).for_each(|_| pair.b.send(b"x"));
    pair.pump();
    assert_eq!(pair.a.messages().len(), 4);
    pair.pass(Duration::from_secs(60));
    assert!(pair.a.session.stats().pongs >= 3, "{:?}", pair.a.session.stats());
    pair.link = [false; 2];
    pair.pass(Duration::from_secs(60));
    assert!(matches!(pair.a.error, Some(Error::Dead(_))));
}

#[test]
fn a_peer_that_said_it_drains_is_answered_after_the_hand_over() {
    let (a, _, mut pair) = built(exporting(NN));
    pair.b.session.drain(pair.now, pair.now + Duration::from_secs(60)).unwrap();
    pair.pump();
    hand_over(&mut pair.a, &a, 1, pair.now);
    pair.a.session.drain(pair.now, pair.now + Duration::from_secs(60)).unwrap();
    pair.pump();
    assert_eq!((pair.a.closed(), pair.b.closed()), (Some((0, "".into())), Some((0, "".into()))));
}

#[cfg(feature = "std")]
#[test]
fn halves_join_to_a_session_that_can_be_handed_over_and_split_again() {
    let (a, _, mut pair) = built(exporting(NN));
    for n in 1..4 {
        let (sender, receiver) = taken(&mut pair.a, &a).split();
        let (stranger, _) = Pair::established(NN).a.session.split();
        let (_, receiver) = *Session::join(stranger, receiver).err().unwrap();
        pair.a.session = Session::join(sender, receiver).ok().unwrap();
        hand_over(&mut pair.a, &a, n, pair.now);
        pair.a.send(b"there");
        pair.b.send(b"back");
        pair.pump();
    }
    assert_eq!((pair.a.messages().len(), pair.b.messages().len()), (3, 3));
}

#[test]
fn nothing_of_a_snapshot_is_printed() {
    let (a, _, mut pair) = built(exporting(NN));
    let snapshot = export(&mut pair.a, &a, 1).unwrap();
    assert_eq!(format!("{snapshot:?}"), "Snapshot(580 bytes)");
    let mut bytes = [9; 32];
    assert_eq!(format!("{:?}", SnapshotKey::new(&mut bytes)), "SnapshotKey(..)");
    assert_eq!(bytes, [0; 32]);
    for secret in [[9; 4], [0; 4]] {
        let found = snapshot.as_bytes()[66..].windows(4).any(|window| window == secret);
        assert!(!found, "plain bytes in a snapshot");
    }
}

#[test]
fn a_lifetime_goes_on_over_hand_overs() {
    let hour = Duration::from_secs(3600);
    let (a, b) = exporting(NN);
    let mortal = |hours: u32| exporting(NN).0.with_lifetime(hour * hours);
    let (a, _, mut pair) = built((a.with_lifetime(hour * 10), b));
    for n in 1..=4 {
        pair.pass(hour);
        hand_over(&mut pair.a, &a, n, pair.now);
    }
    pair.pass(hour * 6 - Duration::from_nanos(1));
    assert_eq!(pair.b.seen.last(), Some(&Event::Established));
    pair.pass(Duration::from_nanos(1));
    assert_eq!(pair.b.seen.last(), Some(&Event::Draining));

    // A configuration may shorten it, and not make it longer.
    for (config, hours) in [(mortal(2), 2), (mortal(99), 10), (exporting(NN).0, 10)] {
        let config = config.build().unwrap();
        let (a, _, mut pair) = built((mortal(10), exporting(NN).1));
        hand_over(&mut pair.a, &a, 1, pair.now);
        hand_over(&mut pair.a, &config, 2, pair.now);
        pair.pass(hour * hours - Duration::from_nanos(1));
        assert_eq!(pair.b.seen.last(), Some(&Event::Established), "{hours}");
        pair.pass(Duration::from_nanos(1));
        assert_eq!(pair.b.seen.last(), Some(&Event::Draining), "{hours}");
    }
}
