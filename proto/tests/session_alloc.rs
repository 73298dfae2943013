//! The session allocates nothing once it and its buffers exist: handshake, messages both ways, heartbeat, reject.

use allocation_counter::measure;
use sealock_proto::buf::{RxBuf, TxBuf};
use sealock_proto::entropy::Seed;
use sealock_proto::heartbeat::HeartbeatConfig;
use sealock_proto::identity::{IdentityKey, SignWith};
use sealock_proto::noise::{Protocol, SecretKey};
use sealock_proto::session::{CloseCode, Config, Event, Padding, Peers, RekeyPolicy, Session, SnapshotKey};
use sealock_proto::time::Instant;
use std::sync::Arc;
use std::time::Duration;

struct End {
    session: Session,
    rx: RxBuf,
    tx: TxBuf,
    messages: u64,
    failed: bool,
}

impl End {
    /// A session whose buffers have grown to what the test needs.
    fn new(config: &Arc<Config>, seed: u8) -> Self {
        let mut rx = RxBuf::new(config.rx_limit());
        while rx.spare_mut(200_000).len() < 200_000 {
            let n = rx.spare_mut(1).len();
            rx.commit(n);
        }
        rx.consume(usize::MAX);
        let mut tx = TxBuf::new(256 * 1024);
        tx.push(&vec![0; tx.limit()]).unwrap();
        tx.truncate_open(0);
        let session = Session::new(config, Seed::new(&mut [seed; 32]), Instant::ZERO).unwrap();
        Self { session, rx, tx, messages: 0, failed: false }
    }

    fn read(&mut self, now: Instant) {
        loop {
            let recv = match self.session.recv(now, self.rx.filled_mut()) {
                Ok(recv) => recv,
                Err(_) => {
                    self.failed = true;
                    return;
                }
            };
            let idle = recv.event.is_none();
            self.messages += u64::from(matches!(recv.event, Some(Event::Message(_))));
            let consumed = recv.consumed;
            self.rx.consume(consumed);
            if idle {
                return;
            }
        }
    }
}

/// Moves what `from` transmits to `to`.
fn carry(from: &mut End, to: &mut End, now: Instant) {
    from.session.poll_transmit(now, &mut from.tx);
    while !from.tx.sealed().is_empty() {
        let n = to.rx.append(from.tx.sealed());
        from.tx.consume(n);
        to.read(now);
    }
}

fn exchange(a: &mut End, b: &mut End, now: Instant) {
    for _ in 0..4 {
        carry(a, b, now);
        carry(b, a, now);
    }
}

/// Configurations of both ends for an offer, of which the responder prefers the last.
fn configs(offer: &[&str], padding: Padding) -> [Arc<Config>; 2] {
    let mut protocols: Vec<_> = offer.iter().map(|name| Protocol::parse(name).unwrap()).collect();
    let secret = |n| SecretKey::new(&mut [n; 32]);
    let heartbeat = HeartbeatConfig::default().with_interval(Duration::from_secs(1));
    let a = Config::initiator_offering(&protocols)
        .with_peers(Peers::Any)
        .with_static_key(secret(1))
        .with_remote_static(secret(2).public())
        .with_heartbeat(Some(heartbeat))
        .with_padding(padding);
    protocols.reverse();
    let b = Config::responder(&protocols)
        .with_static_key(secret(2))
        .with_remote_static(secret(1).public())
        .with_padding(padding);
    [a, b].map(|config| prove(config).build().unwrap())
}

/// Both ends say who they are. The signature says nothing: what a signer allocates is its own affair.
fn prove(config: Config) -> Config {
    let signer = SignWith::new(IdentityKey([7; 32]), |_: &[u8]| Some([9; 64]));
    let verify =
        |key: &IdentityKey, _: &[u8], signature: &[u8; 64]| key.0 == [7; 32] && signature == &[9; 64];
    config.with_identity(Arc::new(signer)).with_identity_verifier(Arc::new(verify)).require_identity()
}

fn pair(offer: &[&str], padding: Padding) -> (End, End) {
    let [a, b] = configs(offer, padding);
    (End::new(&a, 1), End::new(&b, 2))
}

#[test]
fn nothing_is_allocated_once_the_buffers_exist() {
    let offers: [&[&str]; 6] = [
        &["Noise_XX_25519_ChaChaPoly_BLAKE2s"],
        &["Noise_IK_25519_ChaChaPoly_SHA512"],
        &["Noise_XX_25519_AESGCM_SHA256"],
        &["Noise_KK_25519_AESGCM_BLAKE2b"],
        &["Noise_XX_25519_ChaChaPoly_SHA256", "Noise_XX_25519_AESGCM_SHA256"],
        &["Noise_IK_25519_AESGCM_SHA256", "Noise_IK_25519_ChaChaPoly_SHA256"],
    ];
    let paddings = [Padding::Padme, Padding::Constant(512), Padding::Block(64)];
    let plain = offers.map(|offer| (offer, Padding::None));
    for (offer, padding) in plain.into_iter().chain(paddings.map(|padding| (offers[0], padding))) {
        let name = format!("{} {padding:?}", offer.join(", "));
        let (mut a, mut b) = pair(offer, padding);
        let large = vec![7; 150_000];
        let mut now = Instant::ZERO;

        let handshake = measure(|| exchange(&mut a, &mut b, now));
        for end in [&a, &b] {
            let used = end.session.info().map(|info| info.protocol.to_string());
            assert_eq!(used.as_deref(), offer.last().copied(), "{name}");
            assert_eq!(end.session.info().and_then(|info| info.identity), Some(IdentityKey([7; 32])));
        }
        assert_eq!(handshake.count_total, 0, "{name}: handshake");

        let export = measure(|| {
            a.session.export("a token", b"context", &mut [0; 100]).unwrap();
        });
        assert_eq!(export.count_total, 0, "{name}: export");

        let messages = measure(|| {
            for size in [0, 1, 64, 1000, 65_000, 150_000] {
                a.session.send(now, &large[..size], &mut a.tx).unwrap();
                b.session.send(now, &large[..size], &mut b.tx).unwrap();
                exchange(&mut a, &mut b, now);
            }
        });
        assert_eq!((a.messages, b.messages), (6, 6), "{name}");
        assert_eq!(messages.count_total, 0, "{name}: messages");

        let heartbeat = measure(|| {
            for _ in 0..10 {
                now += Duration::from_secs(1);
                a.session.handle_timeout(now).unwrap();
                exchange(&mut a, &mut b, now);
            }
        });
        assert!(a.session.stats().pongs >= 9, "{name}");
        assert_eq!(heartbeat.count_total, 0, "{name}: heartbeat");

        let close = measure(|| {
            a.session.close(now, CloseCode::NORMAL, "done", &mut a.tx).unwrap();
            exchange(&mut a, &mut b, now);
        });
        assert!(a.session.is_finished() && b.session.is_finished(), "{name}");
        assert_eq!(close.count_total, 0, "{name}: close");
    }
}

#[test]
fn a_bad_peer_is_refused_without_an_allocation() {
    let garbage: [&[u8]; 3] = [b"GET / HTTP/1.1\r\n", b"SLCK\x01\x01\x04NOPE", b"SLCK\x09"];
    for bytes in garbage {
        let (_, mut b) = pair(&["Noise_XX_25519_ChaChaPoly_BLAKE2s"], Padding::None);
        let reject = measure(|| {
            b.rx.append(bytes);
            b.read(Instant::ZERO);
            b.session.poll_transmit(Instant::ZERO, &mut b.tx);
        });
        assert!(b.failed);
        assert_eq!(reject.count_total, 0, "{bytes:?}");
    }
    let (mut a, mut b) = pair(&["Noise_XX_25519_ChaChaPoly_BLAKE2s"], Padding::None);
    exchange(&mut a, &mut b, Instant::ZERO);
    b.rx.append(&[0]);
    b.rx.append(&[98; 99]);
    let reject = measure(|| {
        b.read(Instant::ZERO);
        b.session.poll_transmit(Instant::ZERO, &mut b.tx);
    });
    assert!(b.failed);
    assert_eq!(reject.count_total, 0, "a forged record");
}

#[test]
fn a_session_that_can_be_exported_and_one_that_was_allocate_nothing_for_messages() {
    let protocol = "Noise_NN_25519_AESGCM_SHA256".parse().unwrap();
    let policy = RekeyPolicy::default().with_records(3);
    let config = |config: Config| config.with_snapshots().with_max_gap(9).with_rekey(policy).build().unwrap();
    let configs = [config(Config::initiator(protocol)), config(Config::responder(&[protocol]))];
    let [mut a, mut b] = [End::new(&configs[0], 1), End::new(&configs[1], 2)];
    exchange(&mut a, &mut b, Instant::ZERO);
    let (key, seed) = (SnapshotKey::new(&mut [3; 32]), |n| Seed::new(&mut [n; 32]));
    for restored in 0..2 {
        let info = measure(|| {
            for _ in 0..50 {
                a.session.send(Instant::ZERO, b"hello", &mut a.tx).unwrap();
                b.session.send(Instant::ZERO, b"hello", &mut b.tx).unwrap();
                exchange(&mut a, &mut b, Instant::ZERO);
            }
        });
        assert_eq!((info.count_total, a.messages), (0, 50 * (restored + 1)), "restored: {restored}");
        assert_eq!(b.messages, a.messages);
        let session =
            std::mem::replace(&mut a.session, Session::new(&configs[0], seed(1), Instant::ZERO).unwrap());
        let snapshot =
            session.hand_over(a.rx.filled_mut(), &a.tx, &key, b"", &seed(4), Instant::ZERO).unwrap();
        let restored =
            Session::restore(&configs[0], &snapshot, &key, b"", &seed(5), Instant::ZERO, |_| true).unwrap();
        a.session = restored.session;
        // The peer's ciphers, which follow.
        let info = measure(|| exchange(&mut a, &mut b, Instant::ZERO));
        assert_eq!(info.count_total, 0);
    }
}

/// The key of one direction as the library expands it.
type AesKey = aes_gcm::AesGcm<aes_gcm::aes::Aes256Enc, aes_gcm::aead::consts::U12>;

/// And with AES-GCM as much beside the keys, which are the library's.
#[test]
fn an_idle_session_takes_about_a_kibibyte_and_its_keys() {
    for name in [
        "Noise_NN_25519_ChaChaPoly_BLAKE2s",
        "Noise_XX_25519_ChaChaPoly_SHA512",
        "Noise_XX_25519_AESGCM_SHA256",
        "Noise_IK_25519_AESGCM_BLAKE2b",
    ] {
        // All sessions share one configuration: kept, so that it is not counted.
        let configs = configs(&[name], Padding::None);
        let [mut a, mut b] = [End::new(&configs[0], 1), End::new(&configs[1], 2)];
        exchange(&mut a, &mut b, Instant::ZERO);
        b.session.send(Instant::ZERO, b"hello", &mut b.tx).unwrap();
        exchange(&mut a, &mut b, Instant::ZERO);
        assert_eq!(a.messages, 1, "{name}");
        let End { session, mut rx, mut tx, .. } = a;
        rx.consume(usize::MAX);
        tx.consume(usize::MAX);
        rx.release();
        tx.release();
        let structs = size_of::<Session>() + size_of::<RxBuf>() + size_of::<TxBuf>();
        let heap = -measure(|| drop((session, rx, tx))).bytes_current;
        let keys = if name.contains("AESGCM") { 2 * size_of::<AesKey>() as i64 } else { 0 };
        assert_eq!(heap, keys, "{name}: behind the structs");
        assert!(structs <= 1032, "{name}: {structs} bytes");
    }
}
