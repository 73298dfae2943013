//! What can be wrong with a configuration.

use super::packet::MAX_PAYLOAD;
use crate::heartbeat::HeartbeatError;
use crate::noise::Protocol;
use core::fmt;

/// What is wrong with a [`Config`](super::Config).
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigError {
    /// An initiator must offer at least one Noise protocol, a responder accept one.
    NoProtocol,
    /// Protocols that an initiator offers together differ in the cipher and in nothing else. This one is offered twice, or
    /// differs in more.
    MixedOffer(Protocol),
    /// A session needs both directions, which a one-way pattern does not have.
    OneWay(Protocol),
    /// A session begins with the first message of its protocol; a fallback goes on from another one's.
    Fallback(Protocol),
    /// The pattern uses this end's static key: `with_static_key`.
    StaticKeyMissing(Protocol),
    /// The pattern needs the peer's static key beforehand: `with_remote_static`.
    RemoteStaticMissing(Protocol),
    /// The pattern mixes another number of pre-shared keys: `with_psk`.
    PskCount {
        /// The Noise protocol.
        protocol: Protocol,
        /// How many keys are configured.
        configured: usize,
    },
    /// An initiator that learns the responder's key in the handshake must say whose it accepts: `with_peers`.
    PeersUnset(Protocol),
    /// A list of peers could not be enforced: the pattern never shows the peer's static key.
    PeersUnknowable(Protocol),
    /// The protocol begins with the peer's static key that is configured, and the list of peers does not have it.
    PeerNotListed(Protocol),
    /// A fallback is for IK without modifiers, as the only protocol of an initiator that says whose keys it accepts.
    NoFallback,
    /// Tickets are given and accepted by responders.
    TicketsAtInitiator,
    /// More static keys of the past than a responder can check.
    TooManyKeys,
    /// Static keys of the past are for a responder that has one in use, and no gate key: under that a first message does not
    /// tell which key it was made for.
    PreviousKeys,
    /// The handshake payload is longer than 4,096 bytes.
    PayloadTooLong,
    /// No handshake message of this end gives its payload the security asked for.
    PayloadSecurity(Protocol),
    /// Proof of an identity is required, and nobody judges it: `with_identity_verifier`.
    VerifierMissing,
    /// `max_message` must be 1 byte to 1 GiB.
    MaxMessage,
    /// The heartbeat's configuration is wrong.
    Heartbeat(HeartbeatError),
    /// Rekeying by records must be at least 1 and below 2^24.
    RekeyRecords,
    /// Rekeying by bytes or age must not be zero.
    RekeyZero,
    /// The records a peer may send under one key must be 1 to 2^24.
    PeerRecords,
    /// A block of padding must be 2 to 16,384 bytes, a constant size 512 to 16,384.
    Padding,
    /// The handshake and close timeouts and the lifetime must not be zero.
    ZeroTimeout,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoProtocol => f.write_str("give at least one Noise protocol to offer or to accept"),
            Self::MixedOffer(p) => {
                write!(
                    f,
                    "{p} cannot be offered beside the others: they must differ in the cipher and nothing else"
                )
            }
            Self::OneWay(p) => write!(f, "{p} is one-way: a session needs both directions"),
            Self::Fallback(p) => {
                write!(f, "{p} goes on from another handshake: offer the protocol without fallback")
            }
            Self::StaticKeyMissing(p) => write!(f, "{p} needs this end's static key: with_static_key"),
            Self::RemoteStaticMissing(p) => {
                write!(f, "{p} needs the peer's static key beforehand: with_remote_static")
            }
            Self::PskCount { protocol, configured } => write!(
                f,
                "{protocol} mixes {} pre-shared keys, {configured} are configured: with_psk",
                protocol.psk_count()
            ),
            Self::PeersUnset(p) => {
                write!(f, "{p} brings the responder's key: say whose is accepted, or that any is: with_peers")
            }
            Self::PeersUnknowable(p) => {
                write!(f, "{p} never shows the peer's static key, so a list of peers cannot be enforced")
            }
            Self::PeerNotListed(p) => {
                write!(f, "{p} begins with the key of with_remote_static, which the list of with_peers lacks")
            }
            Self::NoFallback => f.write_str(
                "with_fallback: needs IK without modifiers, as an initiator's only protocol, and with_peers there",
            ),
            Self::TicketsAtInitiator => {
                f.write_str("with_tickets: only for a responder; an initiator uses Session::resume")
            }
            Self::TooManyKeys => {
                write!(f, "with_previous_static_key: at most {} keys of the past", super::MAX_PREVIOUS_KEYS)
            }
            Self::PreviousKeys => {
                f.write_str("with_previous_static_key: only for a responder, beside with_static_key")
            }
            Self::PayloadTooLong => write!(f, "a handshake payload has at most {MAX_PAYLOAD} bytes"),
            Self::PayloadSecurity(p) => {
                write!(f, "no handshake message of this end in {p} has the security asked for its payload")
            }
            Self::VerifierMissing => {
                f.write_str("an identity is required and nobody judges its proof: with_identity_verifier")
            }
            Self::MaxMessage => f.write_str("max_message must be 1 byte to 1 GiB"),
            Self::Heartbeat(error) => write!(f, "heartbeat: {error}"),
            Self::RekeyRecords => f.write_str("rekey: records must be at least 1 and below 2^24"),
            Self::RekeyZero => f.write_str("rekey: bytes and age must not be zero"),
            Self::PeerRecords => f.write_str("rekey: the peer's records per key must be 1 to 2^24"),
            Self::Padding => {
                f.write_str("padding: a block must be 2 to 16,384 bytes, a constant size 512 to 16,384")
            }
            Self::ZeroTimeout => f.write_str("the handshake and close timeouts and the lifetime must not be zero"),
        }
    }
}

impl core::error::Error for ConfigError {}
