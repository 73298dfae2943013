//! Settings of a client's connections and of a listener.

use crate::SocketOptions;
use sealock_proto::guard::GuardConfig;
use sealock_proto::limit::AdmissionConfig;
use std::time::Duration;

/// How a client reaches its peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectOptions {
    socket: SocketOptions,
    timeout: Duration,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self { socket: SocketOptions::default(), timeout: Duration::from_secs(10) }
    }
}

impl ConnectOptions {
    /// How the socket is set up.
    #[must_use]
    pub const fn with_socket(mut self, socket: SocketOptions) -> Self {
        self.socket = socket;
        self
    }

    /// How long reaching the peer may take, by default 10 s; the handshake's time is in the session's
    /// configuration.
    #[must_use]
    pub const fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How the socket is set up.
    #[must_use]
    pub const fn socket(&self) -> &SocketOptions {
        &self.socket
    }

    /// How long reaching the peer may take.
    #[must_use]
    pub const fn timeout(&self) -> Duration {
        self.timeout
    }
}

/// Whom a listener serves, and how accepted sockets are set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenOptions {
    admission: AdmissionConfig,
    guard: Option<GuardConfig>,
    socket: SocketOptions,
}

impl Default for ListenOptions {
    fn default() -> Self {
        Self {
            admission: AdmissionConfig::default(),
            guard: Some(GuardConfig::default()),
            socket: SocketOptions::default(),
        }
    }
}

impl ListenOptions {
    /// Attempts per source, handshakes and sessions.
    #[must_use]
    pub fn with_admission(mut self, admission: AdmissionConfig) -> Self {
        self.admission = admission;
        self
    }

    /// What a listener for sessions asks about its peers: proofs of address under load, replays of first messages, whose
    /// sessions and how many. Default [`GuardConfig::default`]; `None` for nothing, and then no ticket is accepted. Other
    /// protocols than the session have no guard.
    ///
    /// ```
    /// # use sealock_net::ListenOptions;
    /// use sealock_proto::guard::{Excess, GuardConfig, Policy};
    /// use sealock_proto::noise::PublicKey;
    ///
    /// // Two keys get in, each with one session: the newest wins.
    /// let policy = Policy::default()
    ///     .with_allowed(Some(&[PublicKey([1; 32]), PublicKey([2; 32])]))
    ///     .with_max_sessions_per_identity(Some(1))
    ///     .with_excess(Excess::EndOldest);
    /// let options = ListenOptions::default().with_guard(Some(GuardConfig::default().with_policy(policy)));
    /// # assert!(options.guard().is_some());
    /// ```
    #[must_use]
    pub fn with_guard(mut self, guard: Option<GuardConfig>) -> Self {
        self.guard = guard;
        self
    }

    /// How accepted sockets are set up.
    #[must_use]
    pub fn with_socket(mut self, socket: SocketOptions) -> Self {
        self.socket = socket;
        self
    }

    /// What a listener for sessions asks about its peers.
    #[must_use]
    pub const fn guard(&self) -> Option<&GuardConfig> {
        self.guard.as_ref()
    }

    /// Attempts per source, handshakes and sessions.
    #[must_use]
    pub const fn admission(&self) -> AdmissionConfig {
        self.admission
    }

    /// How accepted sockets are set up.
    #[must_use]
    pub const fn socket(&self) -> &SocketOptions {
        &self.socket
    }
}
