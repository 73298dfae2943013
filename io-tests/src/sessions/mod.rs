//! What a session must do on every driver and between any two of them, written once.
//!
//! A driver's tests implement [`Net`]; a scenario gets the server's and the client's.

mod admission;
mod cancel;
mod ending;
mod flow;
mod guard;
mod hand_over;
mod opening;
pub mod pool;
mod resume;
mod swaps;

pub use admission::{attempts_are_limited, handshakes_are_limited, sessions_are_limited};
pub use cancel::dropped_futures_tear_lose_and_repeat_nothing;
pub use ending::{
    a_flood_does_not_put_off_the_end, close_says_why_and_counts, drain_loses_nothing,
    reconnects_after_a_restart, retries_end, silent_peer_is_found, truncation_is_an_error,
};
pub use flow::{
    a_deaf_peer_does_not_hold_a_send, both_directions_at_once, burst_is_one_write, echo_of_all_sizes,
    flood_is_closed, flood_is_throttled, rekey_under_load,
};
pub use guard::{
    first_flight_from_before_the_start_is_refused, keys_are_replaced_while_sessions_live,
    load_asks_for_a_cookie, newest_session_of_a_key_wins, policy_is_changed_while_sessions_live,
    policy_is_kept, replayed_first_flight_is_answered_without_a_guard, replayed_first_flight_is_refused,
};
pub use hand_over::{
    a_session_is_handed_over_under_load, a_snapshot_that_is_refused_leaves_the_stream,
    what_waits_is_handed_over_too, who_is_not_handed_over_goes_on,
};
pub use opening::{
    connecting_takes_a_bounded_time, connecting_to_nobody_names_address_and_cause, silent_client_times_out,
    stranger_is_refused, wrong_peer_is_refused,
};
pub use resume::{
    a_client_that_comes_back_resumes_by_itself, a_ticket_is_not_accepted_without_a_guard,
    a_ticket_resumes_a_session_once, an_expired_ticket_is_not_shown,
};
pub use swaps::keys_are_replaced_under_load;

use crate::driver::{Driver, join, task};
use crate::scenarios::message;
use sealock_net::{Address, ConnectError, ConnectOptions, ListenError, ListenOptions, NotRestored, Stream};
use sealock_proto::backoff::BackoffConfig;
use sealock_proto::drive::{Gate, NotHandedOver, SessionConnection, SessionError};
use sealock_proto::noise::{PublicKey, SecretKey};
use sealock_proto::resume::ClientTicket;
use sealock_proto::session::{Claim, Config, Peers, Snapshot, SnapshotKey};
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// A driver for sessions.
pub trait Net: Driver {
    /// Its listener.
    type Listener: Send + Sync + 'static;
    /// What that accepts.
    type Incoming: Send + 'static;
    /// Its client that comes back.
    type Reconnector: Send;

    /// The driver's `Listener::bind`.
    fn bind(
        address: &Address,
        config: Arc<Config>,
        options: ListenOptions,
    ) -> impl Future<Output = Result<Self::Listener, ListenError>> + Send;
    /// The driver's `Listener::local_address`.
    fn address(listener: &Self::Listener) -> Address;
    /// The driver's `Listener::stats`.
    fn stats(listener: &Self::Listener) -> sealock_proto::limit::AdmissionStats;
    /// The driver's `Listener::gate`.
    fn gate(listener: &Self::Listener) -> &Gate;
    /// The driver's `Listener::set_service`.
    fn set_service(listener: &Self::Listener, config: Arc<Config>);
    /// The driver's `Listener::accept`.
    fn accept(listener: &Self::Listener) -> impl Future<Output = Self::Incoming> + Send;
    /// The driver's `Incoming::handshake`.
    fn handshake(incoming: Self::Incoming) -> impl Future<Output = Established<Self>> + Send;
    /// The driver's `connect`.
    fn connect(
        address: &Address,
        config: &Arc<Config>,
        options: &ConnectOptions,
    ) -> impl Future<Output = Result<Session<Self>, ConnectError>> + Send;
    /// The driver's `resume`.
    fn resume(
        address: &Address,
        config: &Arc<Config>,
        ticket: &ClientTicket,
        options: &ConnectOptions,
    ) -> impl Future<Output = Result<Session<Self>, ConnectError>> + Send;
    /// The driver's `Reconnector::new`.
    fn reconnector(address: Address, config: Arc<Config>, backoff: BackoffConfig) -> Self::Reconnector;
    /// The driver's `Reconnector::connect_with`.
    fn reconnect(
        reconnector: &mut Self::Reconnector,
        failed: impl FnMut(&ConnectError, Duration) + Send,
    ) -> impl Future<Output = Result<Session<Self>, ConnectError>> + Send;
    /// The driver's `hand_over`.
    fn hand_over(
        session: Session<Self>,
        key: &SnapshotKey,
        context: &[u8],
    ) -> impl Future<Output = Result<(Snapshot, Stream), NotHandedOver<Session<Self>>>> + Send;
    /// The driver's `restore`. Called within `block_on`.
    ///
    /// # Errors
    /// As there.
    fn restore(
        stream: Stream,
        config: &Arc<Config>,
        snapshot: &Snapshot,
        key: &SnapshotKey,
        context: &[u8],
        claim: impl FnOnce(&Claim) -> bool,
    ) -> Result<Session<Self>, NotRestored>;
}

/// A session of a driver.
pub type Session<N> = SessionConnection<<N as Driver>::Read, <N as Driver>::Write>;
/// What a handshake of a driver ends in.
pub type Established<N> = Result<Session<N>, SessionError<io::Error>>;

/// What kind of socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// TCP on the loopback interface.
    Tcp,
    /// Unix-domain, at a fresh path.
    Unix,
}

impl Kind {
    fn address(self) -> Address {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        match self {
            Self::Tcp => Address::Tcp("127.0.0.1:0".into()),
            Self::Unix => {
                let n = NEXT.fetch_add(1, Ordering::Relaxed);
                Address::unix(std::env::temp_dir().join(format!("sealock-{}-{n}.sock", std::process::id())))
            }
        }
    }
}

pub(crate) const XX: &str = "Noise_XX_25519_ChaChaPoly_BLAKE2s";
pub(crate) const IK: &str = "Noise_IK_25519_ChaChaPoly_BLAKE2s";
/// The client's and the server's static keys are made of these.
pub(crate) const CLIENT: u8 = 1;
pub(crate) const SERVER: u8 = 2;

pub(crate) fn secret(n: u8) -> SecretKey {
    SecretKey::new(&mut [n; 32])
}

pub(crate) fn public(n: u8) -> PublicKey {
    secret(n).public()
}

pub(crate) fn client(name: &str) -> Config {
    let config =
        Config::initiator(name.parse().unwrap()).with_peers(Peers::Any).with_static_key(secret(CLIENT));
    config.with_remote_static(public(SERVER))
}

pub(crate) fn server() -> Config {
    let protocols = [XX.parse().unwrap(), IK.parse().unwrap()];
    Config::responder(&protocols).with_static_key(secret(SERVER))
}

pub(crate) fn listen<S: Net>(kind: Kind, config: Config, options: ListenOptions) -> Arc<S::Listener> {
    let config = config.build().unwrap();
    Arc::new(S::block_on(S::bind(&kind.address(), config, options)).unwrap())
}

pub(crate) fn connect<C: Net>(address: &Address, config: Config) -> Result<Session<C>, ConnectError> {
    C::block_on(C::connect(address, &config.build().unwrap(), &ConnectOptions::default()))
}

/// Accepts one stream and runs its handshake.
pub(crate) fn accept_one<S: Net>(listener: &Arc<S::Listener>) -> JoinHandle<Established<S>> {
    let listener = Arc::clone(listener);
    task::<S, _>(async move {
        let incoming = S::accept(&listener).await;
        S::handshake(incoming).await
    })
}

/// Two ends of a session: the server's and the client's.
pub(crate) fn pair<S: Net, C: Net>(kind: Kind, server: Config, client: Config) -> (Session<S>, Session<C>) {
    let listener = listen::<S>(kind, server, ListenOptions::default());
    let accepted = accept_one::<S>(&listener);
    let client = connect::<C>(&S::address(&listener), client).unwrap();
    (join(accepted).unwrap(), client)
}
