//! What a configuration may be, and what connecting asks for.

use super::*;
use crate::datagram::{
    ConfigError, ConnectError, MAX_KEY_AGE, MAX_MAX_DATAGRAM, MAX_PACKETS_PER_KEY, MIN_MAX_DATAGRAM,
    RekeyPolicy,
};
use crate::guard::{GateConfig, LoadConfig};
use crate::heartbeat::HeartbeatConfig;
use crate::limit::AdmissionConfig;
use crate::noise::{Provider, SetupError};
use alloc::format;
use alloc::vec;

const NN: &str = "Noise_NN_25519_ChaChaPoly_BLAKE2s";

#[test]
fn the_field_out_of_range_is_named() {
    use ConfigError as E;
    let of = |name: &str| Config::new(name.parse().unwrap());
    let rekey = RekeyPolicy::default();
    let most = MAX_PACKETS_PER_KEY - 1024;
    let none = HeartbeatConfig::default().with_interval(Duration::ZERO);
    for (n, (config, want)) in [
        (of("Noise_X_25519_ChaChaPoly_BLAKE2s"), Some(E::OneWay)),
        (of(XX), Some(E::StaticKeyMissing)),
        (of("Noise_KN_25519_ChaChaPoly_BLAKE2s"), Some(E::RemoteStaticMissing)),
        (of("Noise_KN_25519_ChaChaPoly_BLAKE2s").with_accept(false), Some(E::StaticKeyMissing)),
        (of("Noise_NNpsk0_25519_ChaChaPoly_BLAKE2s"), Some(E::PskCount { expected: 1, configured: 0 })),
        (of(NN).with_psk(Psk::new(&mut [1; 32])), Some(E::PskCount { expected: 0, configured: 1 })),
        (of(NN).with_peers(Peers::Only(vec![])), Some(E::PeersUnknowable)),
        (of(NN), None),
        (of(NN).with_max_datagram(MIN_MAX_DATAGRAM - 1), Some(E::MaxDatagram)),
        (of(NN).with_max_datagram(MIN_MAX_DATAGRAM), None),
        (of(NN).with_max_datagram(MAX_MAX_DATAGRAM), None),
        (of(NN).with_max_datagram(MAX_MAX_DATAGRAM + 1), Some(E::MaxDatagram)),
        (of(NN).with_max_peers(0), Some(E::MaxPeers)),
        (of(NN).with_handshake_timeout(Duration::ZERO), Some(E::ZeroTimeout)),
        (of(NN).with_retransmit(Duration::ZERO), Some(E::ZeroTimeout)),
        (of(NN).with_rekey(rekey.with_after(Duration::ZERO)), Some(E::RekeyAge)),
        (of(NN).with_rekey(rekey.with_after(180 * SECOND)), Some(E::RekeyAge)),
        (of(NN).with_rekey(rekey.with_reject_after(MAX_KEY_AGE)), None),
        (of(NN).with_rekey(rekey.with_reject_after(MAX_KEY_AGE + MS)), Some(E::RekeyAge)),
        (of(NN).with_rekey(rekey.with_packets(0)), Some(E::RekeyPackets)),
        (of(NN).with_rekey(rekey.with_packets(7).with_reject_packets(7)), Some(E::RekeyPackets)),
        (of(NN).with_rekey(rekey.with_reject_packets(most)), None),
        (of(NN).with_rekey(rekey.with_reject_packets(most + 1)), Some(E::RekeyPackets)),
        (of(NN).with_heartbeat(Some(none)), Some(E::Heartbeat(none.validate().unwrap_err()))),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(config.build().err(), want, "{n}");
    }
    for config in [
        of(NN).with_admission(AdmissionConfig::default().with_max_sessions(0)),
        of(NN).with_gate(GateConfig::default().with_load(LoadConfig::default().with_backlog(0))),
    ] {
        let error = Endpoint::new(&config.build().unwrap(), Seed::new(&mut [1; 32])).unwrap_err();
        assert!(matches!(error, E::Admission(_) | E::Gate(_)));
    }
}

#[test]
fn whom_to_connect_to_must_be_said_where_it_can_be_checked() {
    use ConnectError as E;
    let of = |name: &str| Config::new(name.parse().unwrap()).with_accept(false);
    let keyed = |name: &str| of(name).with_static_key(secret(A));
    let any = |name: &str| keyed(name).with_peers(Peers::Any);
    let only = |name: &str| keyed(name).with_peers(Peers::Only(vec![public(B)]));
    let kn = "Noise_KN_25519_ChaChaPoly_BLAKE2s";
    let accepting = Config::new(kn.parse().unwrap()).with_remote_static(public(A));
    for (n, (config, key, want)) in [
        (of(NN), None, Ok(())),
        (of(NN), Some(public(B)), Err(E::PeerUnknowable)),
        (keyed(XX), None, Err(E::PeerUnset)),
        (keyed(XX), Some(public(B)), Ok(())),
        (any(XX), None, Ok(())),
        (only(XX), None, Ok(())),
        (only(XX), Some(public(A)), Err(E::PeerRefused)),
        (only(IK), Some(public(B)), Ok(())),
        (any(IK), None, Err(E::Setup(SetupError::RemoteStaticMissing))),
        (accepting, None, Err(E::Setup(SetupError::LocalStaticMissing))),
        (
            Config::new(kn.parse().unwrap()).with_remote_static(public(A)).with_peers(Peers::Only(vec![])),
            None,
            Err(E::PeerUnknowable),
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let mut end = Endpoint::new(&config.build().unwrap(), Seed::new(&mut [1; 32])).unwrap();
        let connected = end.connect(Instant::ZERO, address(B), key);
        assert_eq!(connected.map(drop), want, "{n}");
        assert_eq!(
            (end.peers(), end.ids.len()),
            (usize::from(want.is_ok()), usize::from(want.is_ok())),
            "{n}"
        );
    }
}

#[test]
fn another_prologue_or_psk_makes_no_session() {
    for (a, b) in [
        (config(NN, A).with_prologue(b"1"), config(NN, B)),
        (
            Config::new("Noise_NNpsk0_25519_ChaChaPoly_BLAKE2s".parse().unwrap())
                .with_psk(Psk::new(&mut [1; 32])),
            config("Noise_NNpsk0_25519_ChaChaPoly_BLAKE2s", B),
        ),
    ] {
        let mut net = Net::new(a, b);
        net.connect();
        net.run_for(11 * SECOND);
        assert_eq!((net.peer(A), net.peer(B)), (None, None));
    }
}

#[test]
fn the_library_that_computes_is_the_one_configured_and_the_peer_cannot_tell() {
    for provider in Provider::ALL.iter().copied() {
        let (mut net, a, b) = Net::established(config(IK, A).with_provider(provider), config(IK, B));
        net.assert_works(a, b);
        let keys = net.ends[A].slots.peer_mut(a.number).unwrap().current_mut().unwrap();
        assert_eq!(keys.provider(), provider);
    }
}

#[test]
fn nothing_secret_is_printed() {
    let (net, _, _) = Net::established(
        config("Noise_KKpsk0_25519_ChaChaPoly_BLAKE2s", A),
        config("Noise_KKpsk0_25519_ChaChaPoly_BLAKE2s", B),
    );
    let shown = format!("{:?}", net.ends[A]);
    assert!(shown.len() < 1_500 && !shown.contains("key") && !shown.contains("psk: "), "{shown}");
    let shown = format!("{:?}", config(IK, A));
    assert!(shown.starts_with("Config {") && !shown.contains("static"), "{shown}");
}
