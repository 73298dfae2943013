//! Why connecting or listening failed, with the address in every message.

use crate::Address;
use sealock_proto::drive::{Retryable, SessionError};
use sealock_proto::guard::GuardError;
use sealock_proto::limit::AdmissionError;
use sealock_proto::noise::Role;
use sealock_proto::session::Config;
use std::error::Error;
use std::fmt;
use std::io::{self, ErrorKind};

/// Why there is no session with a peer.
#[non_exhaustive]
#[derive(Debug)]
pub enum ConnectError {
    /// The peer could not be reached.
    Io {
        /// Whom to reach.
        address: Address,
        /// The system's reason.
        error: io::Error,
    },
    /// The peer was reached, and the handshake failed.
    Session {
        /// Whom to reach.
        address: Address,
        /// The reason.
        error: SessionError<io::Error>,
    },
    /// The configuration is that of a responder.
    NotInitiator,
}

impl ConnectError {
    /// Checks that `config` can connect.
    ///
    /// # Errors
    /// [`ConnectError::NotInitiator`].
    pub fn check_role(config: &Config) -> Result<(), Self> {
        if config.role() == Role::Initiator { Ok(()) } else { Err(Self::NotInitiator) }
    }
}

impl Retryable for ConnectError {
    /// Not where the configuration is at fault.
    fn is_retryable(&self) -> bool {
        match self {
            Self::Io { error, .. } => {
                !matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported)
            }
            Self::Session { error, .. } => error.is_retryable(),
            Self::NotInitiator => false,
        }
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { address, error } => write!(f, "cannot connect to {address}: {error}"),
            Self::Session { address, error } => write!(f, "no session with {address}: {error}"),
            Self::NotInitiator => {
                f.write_str("a responder's configuration cannot connect: use Config::initiator")
            }
        }
    }
}

impl Error for ConnectError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            // The causes themselves are part of the text.
            Self::Io { error, .. } => error.source(),
            Self::Session { error, .. } => error.source(),
            Self::NotInitiator => None,
        }
    }
}

/// Why a listener does not listen.
#[non_exhaustive]
#[derive(Debug)]
pub enum ListenError {
    /// The address could not be taken.
    Io {
        /// Where to listen.
        address: Address,
        /// The system's reason.
        error: io::Error,
    },
    /// The admission's settings are wrong.
    Admission(AdmissionError),
    /// The guard's settings are wrong.
    Guard(GuardError),
    /// The guard must know when the listener started, and the clock says a time before 1970.
    NoClock,
    /// The configuration is that of an initiator.
    NotResponder,
}

impl fmt::Display for ListenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { address, error } => write!(f, "cannot listen on {address}: {error}"),
            Self::Admission(error) => error.fmt(f),
            Self::Guard(error) => error.fmt(f),
            Self::NoClock => f.write_str(
                "cannot tell copies from before the start: the clock says a time before 1970; set it, or give \
                 with_resume and no spent_tickets",
            ),
            Self::NotResponder => {
                f.write_str("an initiator's configuration cannot listen: use Config::responder")
            }
        }
    }
}

impl Error for ListenError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Io { error, .. } => error.source(),
            Self::Admission(error) => error.source(),
            Self::Guard(error) => error.source(),
            Self::NotResponder | Self::NoClock => None,
        }
    }
}
