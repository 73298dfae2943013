//! What can go wrong in TLS.

use core::error::Error;
use core::fmt;
use rustls::{AlertDescription, CertificateError, InvalidMessage};

/// Why TLS failed. The peer has been told with an alert, where there is one for it.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsError {
    /// The peer's certificate is not accepted.
    Certificate(CertificateFault),
    /// The peer must present a certificate and has none.
    NoCertificate,
    /// The peer refuses, with the alert of this number (RFC 8446, section 6).
    Alert(u8),
    /// What the peer sent is not TLS.
    NotTls,
    /// The two ends have no version, cipher, key exchange or application protocol in common.
    Incompatible,
    /// A record was changed on its way.
    Forged,
    /// The peer broke a rule of the protocol.
    Violation,
    /// The stream ended before the TLS handshake was complete.
    Truncated,
    /// This end cannot: its configuration, clock or source of entropy.
    Local,
}

/// What is wrong with a certificate.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateFault {
    /// Its time is over.
    Expired,
    /// Its time has not come.
    NotYetValid,
    /// No authority that this end trusts has issued it.
    UnknownIssuer,
    /// It is another name's.
    WrongName,
    /// It was revoked.
    Revoked,
    /// A signature is wrong.
    BadSignature,
    /// It is not for this end of a connection.
    WrongPurpose,
    /// It cannot be read, or has something in it that this end does not know.
    Malformed,
}

impl TlsError {
    pub(super) fn of(error: &rustls::Error) -> Self {
        use rustls::Error as E;
        match error {
            E::InvalidCertificate(error) => Self::Certificate(CertificateFault::of(error)),
            E::NoCertificatesPresented => Self::NoCertificate,
            E::AlertReceived(alert) => Self::Alert((*alert).into()),
            E::InvalidMessage(
                InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion,
            ) => Self::NotTls,
            E::PeerIncompatible(_) | E::NoApplicationProtocol => Self::Incompatible,
            E::DecryptError => Self::Forged,
            E::General(_) | E::FailedToGetCurrentTime | E::FailedToGetRandomBytes | E::Other(_) => {
                Self::Local
            }
            E::InconsistentKeys(_) | E::EncryptError | E::UnsupportedNameType | E::BadMaxFragmentSize => {
                Self::Local
            }
            _ => Self::Violation,
        }
    }
}

impl CertificateFault {
    fn of(error: &CertificateError) -> Self {
        use CertificateError as E;
        match error {
            E::Expired | E::ExpiredContext { .. } => Self::Expired,
            E::NotValidYet | E::NotValidYetContext { .. } => Self::NotYetValid,
            E::UnknownIssuer => Self::UnknownIssuer,
            E::NotValidForName | E::NotValidForNameContext { .. } => Self::WrongName,
            E::Revoked => Self::Revoked,
            E::BadSignature => Self::BadSignature,
            E::InvalidPurpose | E::InvalidPurposeContext { .. } => Self::WrongPurpose,
            _ => Self::Malformed,
        }
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Certificate(fault) => return write!(f, "the peer's certificate is not accepted: {fault}"),
            Self::NoCertificate => "the peer presents no certificate, and must: give it one",
            Self::Alert(number) => {
                let alert = AlertDescription::from(*number);
                return write!(f, "the peer refuses TLS with alert {number}, {alert:?}");
            }
            Self::NotTls => "the peer does not speak TLS: connect without, or to another port",
            Self::Incompatible => {
                "the two ends have no TLS version (1.3), cipher, key exchange or application protocol in common"
            }
            Self::Forged => "a TLS record was changed on its way; connect again",
            Self::Violation => "the peer broke a rule of TLS",
            Self::Truncated => "the stream ended before the TLS handshake was complete; connect again",
            Self::Local => "this end cannot use TLS: its configuration, clock or entropy is at fault",
        })
    }
}

impl fmt::Display for CertificateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Expired => "it has expired",
            Self::NotYetValid => "its time has not come: look at the clocks",
            Self::UnknownIssuer => "no authority that is trusted here has issued it",
            Self::WrongName => "it is for another name",
            Self::Revoked => "it was revoked",
            Self::BadSignature => "a signature is wrong",
            Self::WrongPurpose => "it is not meant for this end of a connection",
            Self::Malformed => "it cannot be read, or needs something not known here",
        })
    }
}

impl Error for TlsError {}
