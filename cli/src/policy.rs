//! From options to a session's configuration: keys, patterns, suites, identities and who is let in.

use crate::args::{Admission, ExpectIdentity, Session};
use crate::failure::Usage;
use crate::hardware;
use crate::keyfile;
use anyhow::Result;
use sealock_proto::heartbeat::HeartbeatConfig;
use sealock_proto::identity::Ed25519Verifier;
use sealock_proto::noise::{Protocol, Provider, PublicKey, Role};
use sealock_proto::resume::{Lifetime, TicketKey, TicketKeys};
use sealock_proto::session::{Config, Peers};
use std::sync::Arc;
use std::time::Duration;

const AES_GCM: &str = "AESGCM";
const CHACHA: &str = "ChaChaPoly";
const DEFAULT_HASH: &str = "BLAKE2s";
const HASHES: [&str; 4] = [DEFAULT_HASH, "BLAKE2b", "SHA256", "SHA512"];

/// What a listener works with.
pub(crate) struct Responder {
    pub(crate) config: Arc<Config>,
    /// What to give to those who connect.
    pub(crate) public: PublicKey,
    /// Whether the key was made for this run.
    pub(crate) temporary: bool,
}

/// For `connect` and `bench`: one pattern, XX with a key and NX without.
pub(crate) fn initiator(options: &Session, peer: Option<PublicKey>) -> Result<Arc<Config>> {
    initiator_on(hardware::has_aes_gcm(), options, peer)
}

/// The same on a machine with or without hardware for AES-GCM, which is offered only where there is some.
fn initiator_on(aes: bool, options: &Session, peer: Option<PublicKey>) -> Result<Arc<Config>> {
    let default = if options.key.is_some() { "XX" } else { "NX" };
    let pattern = pattern(options, default)?;
    let suites = match &options.suite {
        Some(suite) => vec![suite.clone()],
        None if aes => suites(&[AES_GCM, CHACHA], &[DEFAULT_HASH]),
        None => suites(&[CHACHA], &[DEFAULT_HASH]),
    };
    let offer = suites.iter().map(|suite| protocol(&pattern, suite)).collect::<Result<Vec<_>>>()?;
    // They need the same keys.
    let protocol = offer[0];
    if protocol.needs_local_static(Role::Initiator) && options.key.is_none() {
        return usage(format!(
            "the pattern {pattern} needs a key of this end: give --key FILE (make one with `sealock keygen`)"
        ));
    }
    if protocol.needs_remote_static(Role::Initiator) && peer.is_none() {
        return usage(format!(
            "the pattern {pattern} needs the listener's public key beforehand: give --peer HEX"
        ));
    }
    if peer.is_some() && !protocol.needs_local_static(Role::Responder) {
        return usage(format!("the pattern {pattern} never shows the listener's key: leave --peer out"));
    }
    // Without --peer the key that is shown on standard error is all there is to go by.
    let mut config = Config::initiator_offering(&offer).with_peers(Peers::Any);
    if let Some(path) = &options.key {
        config = config.with_static_key(keyfile::read_key(path)?);
    }
    if let Some(peer) = peer {
        config = config.with_remote_static(peer).with_peers(Peers::Only(vec![peer]));
    }
    finish(config, options)
}

/// For `listen`: XX and NX, or only XX where it matters who comes; in every suite unless one is named.
pub(crate) fn responder(options: &Session, admission: &Admission, tickets: bool) -> Result<Responder> {
    responder_on(hardware::has_aes_gcm(), options, admission, tickets)
}

/// The same on a machine with or without hardware for AES-GCM, which is preferred only where there is some.
fn responder_on(aes: bool, options: &Session, admission: &Admission, tickets: bool) -> Result<Responder> {
    let peers = &admission.peers;
    let mut patterns = vec![pattern(options, "XX")?];
    if options.pattern.is_none() && !admission.wants_keys() {
        patterns.push(pattern(options, "NX")?);
    }
    let suites = match &options.suite {
        Some(suite) => vec![suite.clone()],
        None if aes => suites(&[AES_GCM, CHACHA], &HASHES),
        None => suites(&[CHACHA, AES_GCM], &HASHES),
    };
    let mut protocols = Vec::with_capacity(patterns.len() * suites.len());
    for pattern in &patterns {
        for suite in &suites {
            protocols.push(protocol(pattern, suite)?);
        }
    }
    let needs = |needed: fn(&Protocol) -> bool| protocols.iter().any(needed);
    if needs(|protocol| protocol.needs_remote_static(Role::Responder)) && peers.len() != 1 {
        return usage(format!("the pattern {} needs exactly one --peer HEX beforehand", patterns[0]));
    }
    if needs(|protocol| !protocol.needs_local_static(Role::Initiator)) && admission.wants_keys() {
        return usage(format!(
            "the pattern {} never shows who connects: leave --peer and other rules about keys out",
            patterns[0]
        ));
    }
    let (key, temporary) = match &options.key {
        Some(path) => (keyfile::read_key(path)?, false),
        None => (keyfile::temporary_key()?, true),
    };
    let public = key.public();
    let mut config = Config::responder(&protocols).with_static_key(key);
    if let [peer] = peers[..] {
        config = config.with_remote_static(peer);
    }
    if !peers.is_empty() {
        config = config.with_peers(Peers::Only(peers.clone()));
    }
    if tickets {
        let keys = TicketKeys::new(TicketKey::new(&mut *keyfile::random()?), Lifetime::default())?;
        config = config.with_tickets(Arc::new(keys));
    }
    Ok(Responder { config: finish(config, options)?, public, temporary })
}

fn finish(mut config: Config, options: &Session) -> Result<Arc<Config>> {
    if let Some(path) = &options.psk_file {
        config = config.with_psk(keyfile::read_psk(path)?);
    }
    if let Some(path) = &options.identity {
        config = config.with_identity(Arc::new(keyfile::read_identity(path)?));
    }
    if let Some(verifier) = verifier(&options.expected)? {
        config = config.with_identity_verifier(Arc::new(verifier)).require_identity();
    }
    let config = config
        .with_provider(Provider::fastest())
        .with_heartbeat(Some(heartbeat(options.silence)))
        .with_handshake_timeout(options.handshake_timeout.unwrap_or(handshake_timeout(options.silence)))
        .with_padding(options.padding);
    config.with_max_message(options.max_message).build().map_err(|error| Usage(error.to_string()).into())
}

/// Who judges the peer's identity, if one is expected.
fn verifier(expected: &[ExpectIdentity]) -> Result<Option<Ed25519Verifier>> {
    let keys: Vec<_> = expected.iter().filter_map(|one| one.key()).collect();
    match expected {
        [] => Ok(None),
        [ExpectIdentity::Any] => Ok(Some(Ed25519Verifier::any())),
        _ if keys.len() == expected.len() => Ok(Some(Ed25519Verifier::only(&keys))),
        _ => usage("--expect-identity any takes everybody: give any or identities, not both".to_owned()),
    }
}

/// Half of the time passes before a ping is owed; it and two more then have a third of the rest each.
pub(crate) fn heartbeat(silence: Duration) -> HeartbeatConfig {
    HeartbeatConfig::default()
        .with_interval((silence / 2).max(HeartbeatConfig::MIN))
        .with_probe_timeout((silence / 6).max(HeartbeatConfig::MIN))
        .with_misses(2)
}

/// A peer that is silent from the beginning is given up as soon as one that falls silent, and not later than in 10 s.
pub(crate) fn handshake_timeout(silence: Duration) -> Duration {
    silence.min(Duration::from_secs(10))
}

/// The pattern asked for, or the default, with its usual place for a pre-shared key if there is one.
pub(crate) fn pattern(options: &Session, default: &str) -> Result<String> {
    let psk = options.psk_file.is_some();
    let Some(pattern) = &options.pattern else {
        return Ok(match (psk, default) {
            (false, _) => default.to_owned(),
            // Mixed in last, when both have shown what they are.
            (true, "XX") => "XXpsk3".to_owned(),
            (true, _) => format!("{default}psk2"),
        });
    };
    match pattern.matches("psk").count() {
        0 if psk => usage(format!(
            "the pattern {pattern} has no place for --psk-file: write {pattern}psk0, for example"
        )),
        1 if !psk => usage(format!("the pattern {pattern} needs a pre-shared key: give --psk-file FILE")),
        0 | 1 => Ok(pattern.clone()),
        _ => usage(format!("the pattern {pattern} has several pre-shared keys, only one can be given")),
    }
}

/// Every cipher with every hash.
fn suites(ciphers: &[&str], hashes: &[&str]) -> Vec<String> {
    ciphers.iter().flat_map(|cipher| hashes.iter().map(move |hash| format!("{cipher}_{hash}"))).collect()
}

pub(crate) fn protocol(pattern: &str, suite: &str) -> Result<Protocol> {
    // The modifier for a KEM goes with the name of one, and there is one.
    let dh = if pattern.contains("hfs") { "25519+MLKEM768" } else { "25519" };
    let protocol = Protocol::parse(&format!("Noise_{pattern}_{dh}_{suite}"))
        .map_err(|error| Usage(format!("--pattern {pattern} --suite {suite}: {error}")))?;
    if protocol.is_one_way() {
        return usage(format!(
            "the pattern {pattern} is one-way, a session has both directions: use XX or IK"
        ));
    }
    Ok(protocol)
}

pub(crate) fn usage<T>(what: String) -> Result<T> {
    Err(Usage(what).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Driver;
    use sealock_proto::buf::TxBuf;
    use sealock_proto::entropy::Seed;
    use sealock_proto::session::{Alert, Error, Padding};
    use sealock_proto::time::Instant;
    use std::path::PathBuf;

    const PEER: PublicKey = PublicKey([7; 32]);

    fn options(pattern: Option<&str>, suite: Option<&str>) -> Session {
        Session {
            key: None,
            pattern: pattern.map(str::to_owned),
            suite: suite.map(str::to_owned),
            psk_file: None,
            identity: None,
            expected: Vec::new(),
            max_message: 1024,
            silence: Duration::from_secs(30),
            handshake_timeout: None,
            padding: Padding::None,
            driver: Driver::Tokio,
        }
    }

    fn only(peers: &[PublicKey]) -> Admission {
        Admission { peers: peers.to_vec(), ..Admission::default() }
    }

    #[test]
    fn what_cannot_be_is_a_usage_error_that_names_the_option() {
        let connect = |pattern, peer| initiator(&options(Some(pattern), None), peer).unwrap_err();
        let listen = |pattern, admission| match responder(&options(Some(pattern), None), &admission, false) {
            Err(error) => error,
            Ok(_) => panic!("{pattern} is accepted"),
        };
        for (error, named) in [
            (connect("XX", None), "--key"),
            (connect("NK", None), "--peer"),
            (connect("NN", Some(PEER)), "--peer"),
            (connect("ZZ", None), "--pattern"),
            (connect("N", None), "one-way"),
            (connect("NNpsk0", None), "--psk-file"),
            (connect("NNpsk0+psk2", None), "several"),
            (listen("KK", only(&[])), "--peer"),
            (listen("NX", only(&[PEER])), "--peer"),
            (listen("NX", Admission { denied: vec![PEER], ..only(&[]) }), "rules about keys"),
            (listen("NN", Admission { max_sessions_per_peer: Some(1), ..only(&[]) }), "rules about keys"),
            (initiator(&options(None, Some("AES_SHA1")), None).unwrap_err(), "--suite"),
        ] {
            assert!(error.is::<Usage>() && error.to_string().contains(named), "{error} ({named})");
        }
        let psk = Session { psk_file: Some(PathBuf::from("x")), ..options(Some("NN"), None) };
        assert!(initiator(&psk, None).unwrap_err().to_string().contains("NNpsk0"));
    }

    /// What two ends agree on, or why the initiator is refused.
    fn agreed(initiator: &Arc<Config>, responder: &Arc<Config>) -> Result<String, Error> {
        type Machine = sealock_proto::session::Session;
        let now = Instant::ZERO;
        let mut ends = [(initiator, 1), (responder, 2)]
            .map(|(config, seed)| Machine::new(config, Seed::new(&mut [seed; 32]), now).unwrap());
        // More than any handshake takes.
        for turn in 0..10 {
            let mut wire = TxBuf::new(1 << 16);
            ends[turn % 2].poll_transmit(now, &mut wire);
            let outcome = ends[1 - turn % 2].recv(now, &mut wire.sealed().to_vec()).map(drop);
            if turn % 2 == 1 {
                outcome?;
            }
        }
        let used = ends.map(|end| end.info().unwrap().protocol);
        assert_eq!(used[0], used[1]);
        Ok(used[0].to_string())
    }

    #[test]
    fn aes_gcm_is_taken_where_both_ends_have_hardware_for_it_or_somebody_asks_for_it() {
        const AES: Result<&str, Error> = Ok("Noise_NX_25519_AESGCM_BLAKE2s");
        const CHACHA: Result<&str, Error> = Ok("Noise_NX_25519_ChaChaPoly_BLAKE2s");
        const REFUSED: Result<&str, Error> = Err(Error::Refused(Alert::ProtocolNotAllowed));
        let (any, aes, chacha) = (None, Some("AESGCM_BLAKE2s"), Some("ChaChaPoly_BLAKE2s"));
        for ((here, asked), (there, accepted), expected) in [
            ((true, any), (true, any), AES),
            ((true, any), (false, any), CHACHA),
            ((false, any), (true, any), CHACHA),
            ((false, any), (false, any), CHACHA),
            ((true, any), (true, chacha), CHACHA),
            ((true, any), (false, aes), AES),
            ((false, any), (true, aes), REFUSED),
            ((true, chacha), (true, any), CHACHA),
            ((false, aes), (false, any), AES),
            ((true, aes), (true, chacha), REFUSED),
            ((true, Some("AESGCM_SHA512")), (false, any), Ok("Noise_NX_25519_AESGCM_SHA512")),
        ] {
            let initiator = initiator_on(here, &options(None, asked), None).unwrap();
            let responder = responder_on(there, &options(None, accepted), &only(&[]), false).unwrap();
            let outcome = agreed(&initiator, &responder.config);
            assert_eq!(outcome, expected.map(str::to_owned), "{here} {asked:?}, {there} {accepted:?}");
        }
    }

    #[test]
    fn a_listener_without_a_list_takes_two_patterns_and_with_one_only_that_which_shows_the_peer() {
        for (pattern, peers) in
            [(None, &[][..]), (None, &[PEER]), (Some("IK"), &[PEER, PEER]), (Some("NN"), &[])]
        {
            let made = responder(&options(pattern, None), &only(peers), false).unwrap();
            assert!(made.temporary && made.config.role() == Role::Responder);
        }
    }

    #[test]
    fn the_fastest_provider_computes_at_both_ends() {
        let listening = responder(&options(None, None), &only(&[]), false).unwrap().config;
        let connecting = initiator(&options(None, None), None).unwrap();
        assert_eq!([listening.provider(), connecting.provider()], [Provider::fastest(); 2]);
    }
}
