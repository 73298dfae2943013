//! What might help against an error, in terms of the command line.

use crate::failure::ClosedByPeer;
use sealock_proto::drive::{CertificateFault, DriveError, SessionError, TlsError, WsConnectError};
use sealock_proto::session::{Alert, CloseCode, Error, IdentityFault};
use sealock_tokio::udp::BindError;
use sealock_tokio::{ConnectError, ListenError, ws};
use std::io::{self, ErrorKind};

/// Advice on `error`, if there is any to give.
pub(crate) fn of(error: &anyhow::Error) -> Option<&'static str> {
    if let Some(error) = error.downcast_ref::<ConnectError>() {
        return match error {
            ConnectError::Io { error, .. } => connect_hint(error),
            ConnectError::Session { error, .. } => session_hint(error, true),
            _ => None,
        };
    }
    if let Some(ws::ConnectError::Upgrade { error: WsConnectError::Failed(error), .. }) = error.downcast_ref()
    {
        return match error {
            DriveError::Tls(error) => tls_hint(*error),
            DriveError::Protocol(ws::Error::HandshakeTimeout | ws::Error::Truncated) => {
                Some("is it really a WebSocket server that answers there?")
            }
            _ => None,
        };
    }
    if let Some(ListenError::Io { error, .. }) = error.downcast_ref() {
        return listen_hint(error);
    }
    if let Some(BindError::Io { error, .. }) = error.downcast_ref() {
        return listen_hint(error);
    }
    if let Some(closed) = error.downcast_ref::<ClosedByPeer>() {
        return (closed.code == CloseCode::IDENTITY).then_some(IDENTITY_WANTED);
    }
    session_hint(error.downcast_ref::<SessionError<io::Error>>()?, false)
}

fn connect_hint(error: &io::Error) -> Option<&'static str> {
    match error.kind() {
        ErrorKind::ConnectionRefused | ErrorKind::NotFound => Some("is `sealock listen` running there?"),
        _ => None,
    }
}

fn tls_hint(error: TlsError) -> Option<&'static str> {
    match error {
        TlsError::Certificate(CertificateFault::UnknownIssuer) => {
            Some("give the certificate of the server's authority with --ca")
        }
        TlsError::Certificate(CertificateFault::WrongName) => {
            Some("ask for the server by the name in its certificate")
        }
        // RFC 8446, section 6.2: bad_certificate to certificate_unknown, unknown_ca, certificate_required.
        TlsError::Alert(42..=46 | 48 | 116) => Some("the server wants another certificate: see --tls-cert"),
        _ => None,
    }
}

fn listen_hint(error: &io::Error) -> Option<&'static str> {
    match error.kind() {
        ErrorKind::AddrInUse => {
            Some("something listens there already: stop it, or use another port (0 lets the system choose)")
        }
        ErrorKind::PermissionDenied => Some("ports below 1024, and some paths, are for the system only"),
        _ => None,
    }
}

fn session_hint(error: &SessionError<io::Error>, in_handshake: bool) -> Option<&'static str> {
    let DriveError::Protocol(error) = error else {
        return in_handshake.then_some(NOT_SEALOCK);
    };
    match error {
        Error::Truncated if in_handshake => Some(NOT_SEALOCK),
        Error::HandshakeTimeout if in_handshake => Some(
            "is it really a `sealock listen` that answers there? If an identity is expected of it, it needs an --identity",
        ),
        Error::Unanswered => {
            Some("is it really a `sealock listen` that answers there, with the key that --peer says?")
        }
        Error::NotSealock | Error::MalformedOpening => Some(NOT_SEALOCK),
        Error::PeerNotAllowed => Some("the listener has another key than --peer says"),
        Error::Refused(Alert::PeerNotAllowed) => Some(
            "the listener does not know this key: its --peer list needs what `sealock pubkey` prints for --key, and its \
             --deny list must not have it",
        ),
        Error::Refused(Alert::ProtocolNotAllowed) => Some(
            "both ends need the same --pattern and --suite; a listener with --peer wants to see a --key, and \
             --psk-file must be given at both ends or at neither",
        ),
        Error::Refused(Alert::HandshakeFailed) | Error::Handshake(_) => {
            Some("the two ends have different keys in mind: compare --peer and --psk-file")
        }
        Error::Refused(Alert::TooManyAttempts | Alert::Busy) => Some("try again later"),
        Error::Refused(Alert::Replayed) => Some("set the clock of this machine, and try again"),
        Error::Identity(IdentityFault::Missing) => {
            Some("the other end must be given --identity FILE, or this one no --expect-identity")
        }
        Error::Identity(IdentityFault::Refused) => {
            Some("compare --expect-identity with what `sealock pubkey` prints for the other end's --identity")
        }
        Error::MessageTooLarge { .. } => Some("--max-message of this end is below what the peer sends"),
        Error::Dead(_) => Some("if the peer may be held up for longer, give a longer --silence"),
        _ => None,
    }
}

const IDENTITY_WANTED: &str = "the other end wants an identity: give --identity FILE, and what `sealock pubkey` prints for it to that end";
const NOT_SEALOCK: &str = "is it really a `sealock listen` that answers there?";
