//! What can be wrong with a configuration, with connecting and with sending.

use super::config::{KEPT_PACKETS, MAX_KEY_AGE, MAX_MAX_DATAGRAM, MAX_PACKETS_PER_KEY, MIN_MAX_DATAGRAM};
use crate::guard::GateError;
use crate::heartbeat::HeartbeatError;
use crate::limit::AdmissionError;
use core::fmt;

/// What is wrong with a [`Config`](super::Config).
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigError {
    /// A session needs both directions, which a one-way pattern does not have.
    OneWay,
    /// A fallback goes on from another handshake, and the keys of a KEM do not fit a datagram.
    Modifier,
    /// The pattern uses this end's static key.
    StaticKeyMissing,
    /// The pattern needs the static key of whoever connects beforehand.
    RemoteStaticMissing,
    /// The pattern mixes another number of pre-shared keys.
    PskCount {
        /// How many the protocol takes.
        expected: usize,
        /// How many are configured.
        configured: usize,
    },
    /// A list of peers could not be enforced: the pattern does not show the peer's static key.
    PeersUnknowable,
    /// `max_datagram` is out of range.
    MaxDatagram,
    /// `max_peers` must be 1 to 2^32 - 1.
    MaxPeers,
    /// `handshake_timeout` or `retransmit` is zero.
    ZeroTimeout,
    /// The ages of the rekey policy are out of range.
    RekeyAge,
    /// The packets of the rekey policy are out of range.
    RekeyPackets,
    /// The heartbeat's configuration is wrong.
    Heartbeat(HeartbeatError),
    /// The admission's configuration is wrong.
    Admission(AdmissionError),
    /// The gate's configuration is wrong.
    Gate(GateError),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OneWay => f.write_str("a one-way pattern cannot answer: choose an interactive one"),
            Self::Modifier => {
                f.write_str("datagrams have no room for fallback and hfs: leave the modifier out")
            }
            Self::StaticKeyMissing => f.write_str("the pattern needs a static key: with_static_key"),
            Self::RemoteStaticMissing => f.write_str(
                "the pattern needs the key of whoever connects: with_remote_static, or do not accept",
            ),
            Self::PskCount { expected, configured } => {
                write!(
                    f,
                    "the protocol takes {expected} pre-shared keys, {configured} are configured: with_psk"
                )
            }
            Self::PeersUnknowable => {
                f.write_str("the pattern does not show the peer's key: choose another, or accept any peer")
            }
            Self::MaxDatagram => {
                write!(f, "max_datagram must be {MIN_MAX_DATAGRAM} to {MAX_MAX_DATAGRAM} bytes")
            }
            Self::MaxPeers => f.write_str("max_peers must be 1 to 2^32 - 1"),
            Self::ZeroTimeout => f.write_str("handshake_timeout and retransmit must not be zero"),
            Self::RekeyAge => {
                write!(f, "rekey: 0 < after < reject_after <= {MAX_KEY_AGE:?} must hold")
            }
            Self::RekeyPackets => {
                let most = MAX_PACKETS_PER_KEY - KEPT_PACKETS;
                write!(f, "rekey: 0 < packets < reject_packets <= {most} must hold")
            }
            Self::Heartbeat(error) => error.fmt(f),
            Self::Admission(error) => error.fmt(f),
            Self::Gate(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for ConfigError {}
