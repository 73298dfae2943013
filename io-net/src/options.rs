//! Settings of a client's connections and of a listener.

use crate::SocketOptions;
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListenOptions {
    admission: AdmissionConfig,
    socket: SocketOptions,
}

impl ListenOptions {
    /// Attempts per source, handshakes and sessions.
    #[must_use]
    pub const fn with_admission(mut self, admission: AdmissionConfig) -> Self {
        self.admission = admission;
        self
    }

    /// How accepted sockets are set up.
    #[must_use]
    pub const fn with_socket(mut self, socket: SocketOptions) -> Self {
        self.socket = socket;
        self
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
