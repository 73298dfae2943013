//! Two ends on loopback, each on a driver and a thread of its own.

use super::bounded;
use crate::failure::one_line;
use crate::keyfile;
use crate::runtime::{Connection, Runtime};
use anyhow::{Context, Result, anyhow};
use sealock_proto::drive::SessionError;
use sealock_proto::noise::{Protocol, Provider, SecretKey};
use sealock_proto::session::{Config, Peers};
use sealock_tokio::{Address, ConnectError, ListenOptions};
use std::io;
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// More than any pair takes, even on a busy machine.
const LIMIT: Duration = Duration::from_secs(10);
const PROTOCOL: &str = "Noise_XX_25519_ChaChaPoly_BLAKE2s";

/// What became of a handshake, for the responder.
pub(super) type Responded<R> = Result<Connection<R>, SessionError<io::Error>>;
/// What became of a handshake, for the initiator.
pub(super) type Initiated<R> = Result<Connection<R>, ConnectError>;

/// What the two ends are told.
pub(super) struct Ends {
    pub(super) responder: Config,
    pub(super) initiator: Config,
}

/// Two ends that know and expect each other's keys.
pub(super) fn friends() -> Result<Ends> {
    let (theirs, ours) = (keyfile::temporary_key()?, keyfile::temporary_key()?);
    let (their_public, our_public) = (theirs.public(), ours.public());
    Ok(Ends {
        responder: responder(theirs)?.with_peers(Peers::Only(vec![our_public])),
        initiator: initiator(ours)?.with_peers(Peers::Only(vec![their_public])),
    })
}

pub(super) fn responder(key: SecretKey) -> Result<Config> {
    let config = Config::responder(&[Protocol::parse(PROTOCOL)?]).with_static_key(key);
    Ok(config.with_provider(Provider::fastest()))
}

pub(super) fn initiator(key: SecretKey) -> Result<Config> {
    let config = Config::initiator(Protocol::parse(PROTOCOL)?).with_peers(Peers::Any).with_static_key(key);
    Ok(config.with_provider(Provider::fastest()))
}

/// Runs a responder on `A` and an initiator on `B`, and hands each its side of the handshake's outcome; the
/// initiator also how long that took.
pub(super) fn pair<A: Runtime, B: Runtime, T: Send + 'static, U: Send + 'static>(
    ends: Ends,
    respond: impl AsyncFnOnce(Responded<A>) -> Result<T> + Send + 'static,
    initiate: impl AsyncFnOnce(Initiated<B>, Duration) -> Result<U> + Send + 'static,
) -> Result<(T, U)> {
    let (theirs, ours) = (ends.responder.build()?, ends.initiator.build()?);
    let (bound, address) = mpsc::sync_channel::<Address>(1);
    let responding = bounded::begin(LIMIT, move || {
        A::run(async {
            let listener = A::bind(&"127.0.0.1:0".parse()?, theirs, ListenOptions::default()).await?;
            bound.send(A::address(&listener).clone())?;
            let incoming = A::accept(&listener).await?;
            respond(A::handshake(incoming).await).await
        })
    });
    let initiating = bounded::begin(LIMIT, move || {
        let address = address.recv().context("there is no listener")?;
        B::run(async {
            let begin = Instant::now();
            let connection = B::connect(&address, &ours, None).await;
            initiate(connection, begin.elapsed()).await
        })
    });
    match (responding.end(), initiating.end()) {
        (Ok(responded), Ok(initiated)) => Ok((responded, initiated)),
        (Err(error), Ok(_)) => Err(error.context("responder")),
        (Ok(_), Err(error)) => Err(error.context("initiator")),
        (Err(there), Err(here)) => {
            Err(anyhow!("responder: {}; initiator: {}", one_line(&there), one_line(&here)))
        }
    }
}
