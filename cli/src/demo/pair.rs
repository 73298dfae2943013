//! Two ends on loopback, each on a driver and a thread of its own.

use super::bounded::{self, Work};
use crate::failure::one_line;
use crate::keyfile;
use crate::runtime::{Connection, Runtime};
use anyhow::{Context, Result, anyhow};
use sealock_proto::drive::SessionError;
use sealock_proto::noise::{Protocol, Provider, SecretKey};
use sealock_proto::session::{Config, Peers};
use sealock_tokio::{Address, ConnectError, ListenOptions};
use std::io;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

/// More than any pair takes, even on a busy machine.
pub(super) const LIMIT: Duration = Duration::from_secs(10);
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
    friends_by(PROTOCOL)
}

/// The same, by a protocol in which both show their keys or know them.
pub(super) fn friends_by(protocol: &str) -> Result<Ends> {
    let (theirs, ours) = (keyfile::temporary_key()?, keyfile::temporary_key()?);
    let (their_public, our_public) = (theirs.public(), ours.public());
    Ok(Ends {
        responder: responder(protocol, theirs)?.with_peers(Peers::Only(vec![our_public])),
        initiator: initiator(protocol, ours)?
            .with_remote_static(their_public)
            .with_peers(Peers::Only(vec![their_public])),
    })
}

fn responder(protocol: &str, key: SecretKey) -> Result<Config> {
    let config = Config::responder(&[Protocol::parse(protocol)?]).with_static_key(key);
    Ok(config.with_provider(Provider::fastest()))
}

fn initiator(protocol: &str, key: SecretKey) -> Result<Config> {
    let config = Config::initiator(Protocol::parse(protocol)?).with_static_key(key);
    Ok(config.with_provider(Provider::fastest()))
}

/// An initiator that nobody knows, and that takes anybody.
pub(super) fn stranger() -> Result<Config> {
    Ok(initiator(PROTOCOL, keyfile::temporary_key()?)?.with_peers(Peers::Any))
}

/// Runs a responder on `A` and an initiator on `B`, and hands each its side of the handshake's outcome; the
/// initiator also how long that took.
pub(super) fn pair<A: Runtime, B: Runtime, T: Send + 'static, U: Send + 'static>(
    ends: Ends,
    respond: impl AsyncFnOnce(Responded<A>) -> Result<T> + Send + 'static,
    initiate: impl AsyncFnOnce(Initiated<B>, Duration) -> Result<U> + Send + 'static,
) -> Result<(T, U)> {
    let ours = ends.initiator.build()?;
    let serve = async move |listener| {
        let incoming = A::accept(&listener).await?;
        respond(A::handshake(incoming).await).await
    };
    let visit = async move |address| {
        let begin = Instant::now();
        let connection = B::connect(&address, &ours, None).await;
        initiate(connection, begin.elapsed()).await
    };
    meet::<A, B, _, _>(ends.responder.build()?, ListenOptions::default(), serve, visit)
}

/// Runs a listener on `A` and whoever comes on `B`.
pub(super) fn meet<A: Runtime, B: Runtime, T: Send + 'static, U: Send + 'static>(
    config: Arc<Config>,
    options: ListenOptions,
    serve: impl AsyncFnOnce(A::Listener<Arc<Config>>) -> Result<T> + Send + 'static,
    visit: impl AsyncFnOnce(Address) -> Result<U> + Send + 'static,
) -> Result<(T, U)> {
    let (bound, address) = mpsc::sync_channel::<Address>(1);
    let serving = bounded::begin(LIMIT, move || {
        A::run(async {
            let listener = A::bind(&"127.0.0.1:0".parse()?, config, options).await?;
            bound.send(A::address(&listener).clone())?;
            serve(listener).await
        })
    });
    let visiting = bounded::begin(LIMIT, move || {
        let address = address.recv().context("there is no listener")?;
        B::run(visit(address))
    });
    both(serving, visiting)
}

/// What both came to.
pub(super) fn both<T, U>(responding: Work<T>, initiating: Work<U>) -> Result<(T, U)> {
    match (responding.end(), initiating.end()) {
        (Ok(responded), Ok(initiated)) => Ok((responded, initiated)),
        (Err(error), Ok(_)) => Err(error.context("responder")),
        (Ok(_), Err(error)) => Err(error.context("initiator")),
        (Err(there), Err(here)) => {
            Err(anyhow!("responder: {}; initiator: {}", one_line(&there), one_line(&here)))
        }
    }
}
