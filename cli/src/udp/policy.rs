//! From options to the configuration of datagram sessions: one protocol, which both ends know beforehand.

use crate::args::{Admission, Session};
use crate::failure::Usage;
use crate::keyfile;
use crate::policy::{handshake_timeout, heartbeat, pattern, protocol, usage};
use anyhow::Result;
use sealock_proto::datagram::{Config, Peers};
use sealock_proto::limit::AdmissionConfig;
use sealock_proto::noise::{Protocol, Provider, PublicKey};
use std::sync::Arc;

const SUITE: &str = "ChaChaPoly_BLAKE2s";

/// For `listen`: its key too.
pub(super) fn accepting(options: &Session, admission: &Admission) -> Result<(Arc<Config>, PublicKey)> {
    let (mut config, public) = begin(options)?;
    if let [peer] = admission.peers[..] {
        config = config.with_remote_static(peer);
    }
    if !admission.peers.is_empty() {
        config = config.with_peers(Peers::Only(admission.peers.clone()));
    }
    if let Some(sessions) = admission.max_sessions {
        let limits = AdmissionConfig::default().with_max_sessions(sessions);
        config = config.with_max_peers(sessions).with_admission(limits);
    }
    Ok((finish(config, options)?, public))
}

/// For `connect`.
pub(super) fn connecting(options: &Session, peer: Option<PublicKey>) -> Result<Arc<Config>> {
    let (config, _) = begin(options)?;
    // Without --peer the key that is shown on standard error is all there is to go by.
    let peers = peer.map_or(Peers::Any, |peer| Peers::Only(vec![peer]));
    finish(config.with_accept(false).with_peers(peers), options)
}

/// XX unless another pattern is asked for, under a key for this run unless there is one.
fn begin(options: &Session) -> Result<(Config, PublicKey)> {
    let protocol = chosen(options)?;
    let key = match &options.key {
        Some(path) => keyfile::read_key(path)?,
        None => keyfile::temporary_key()?,
    };
    let public = key.public();
    Ok((Config::new(protocol).with_static_key(key), public))
}

fn chosen(options: &Session) -> Result<Protocol> {
    let protocol = protocol(&pattern(options, "XX")?, options.suite.as_deref().unwrap_or(SUITE))?;
    if protocol.is_hfs() {
        return usage(
            "--udp: a key of ML-KEM-768 does not fit a datagram: give a --pattern without hfs".to_owned(),
        );
    }
    Ok(protocol)
}

fn finish(mut config: Config, options: &Session) -> Result<Arc<Config>> {
    if let Some(path) = &options.psk_file {
        config = config.with_psk(keyfile::read_psk(path)?);
    }
    let timeout = options.handshake_timeout.unwrap_or(handshake_timeout(options.silence));
    let config = config
        .with_provider(Provider::fastest())
        .with_heartbeat(Some(heartbeat(options.silence)))
        .with_handshake_timeout(timeout);
    config.build().map_err(|error| Usage(format!("--udp: {error}")).into())
}
