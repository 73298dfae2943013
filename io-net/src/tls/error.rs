//! Why files cannot serve for TLS, with the file in every message.

use rustls::pki_types::pem::Error as PemError;
use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why there is no TLS with these files.
#[non_exhaustive]
#[derive(Debug)]
pub enum TlsFileError {
    /// A file cannot be read.
    Io {
        /// Which.
        path: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
    /// A file is not in the PEM form, or lacks what is looked for.
    Pem {
        /// Which.
        path: PathBuf,
        /// What is looked for.
        wanted: &'static str,
        /// What is wrong with it, if it is not only missing.
        reason: Option<String>,
    },
    /// The key is not that of the certificate.
    KeyMismatch {
        /// Where the certificate is.
        certificates: PathBuf,
        /// Where the key is.
        key: PathBuf,
    },
    /// What a file holds cannot be used.
    Unusable {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The system names no authorities that it trusts.
    NoSystemRoots {
        /// Why.
        reason: String,
    },
}

impl TlsFileError {
    pub(super) fn pem(path: &Path, wanted: &'static str, error: PemError) -> Self {
        let path = path.to_owned();
        match error {
            PemError::Io(error) => Self::Io { path, error },
            PemError::NoItemsFound => Self::Pem { path, wanted, reason: None },
            // Not its text, which may quote the file.
            PemError::MissingSectionEnd { .. } => {
                Self::Pem { path, wanted, reason: Some("a part has no end".into()) }
            }
            PemError::IllegalSectionStart { .. } => {
                Self::Pem { path, wanted, reason: Some("a part begins with a wrong line".into()) }
            }
            PemError::Base64Decode(_) => Self::Pem { path, wanted, reason: Some("it is not base64".into()) },
            _ => Self::Pem { path, wanted, reason: Some("it cannot be read".into()) },
        }
    }

    pub(super) fn unusable(path: &Path, error: &dyn fmt::Display) -> Self {
        Self::Unusable { path: path.to_owned(), reason: error.to_string() }
    }

    pub(super) fn pair(certificates: &Path, key: &Path, error: &rustls::Error) -> Self {
        match error {
            rustls::Error::InconsistentKeys(_) => {
                Self::KeyMismatch { certificates: certificates.to_owned(), key: key.to_owned() }
            }
            rustls::Error::InvalidCertificate(_) => Self::unusable(certificates, error),
            // A key of a kind that the provider does not know.
            _ => Self::unusable(key, error),
        }
    }
}

impl fmt::Display for TlsFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { path, error } => write!(f, "cannot read {}: {error}", path.display()),
            Self::Pem { path, wanted, reason: None } => {
                write!(f, "there is no {wanted} in {}", path.display())
            }
            Self::Pem { path, wanted, reason: Some(reason) } => {
                write!(f, "{} is no PEM file with a {wanted}: {reason}", path.display())
            }
            Self::KeyMismatch { certificates, key } => {
                write!(
                    f,
                    "the key in {} is not that of the certificate in {}",
                    key.display(),
                    certificates.display()
                )
            }
            Self::Unusable { path, reason } => {
                write!(f, "what {} holds cannot be used: {reason}", path.display())
            }
            Self::NoSystemRoots { reason } => {
                write!(
                    f,
                    "the system names no authority that it trusts: {reason}; give a file of authorities"
                )
            }
        }
    }
}

impl Error for TlsFileError {
    /// What lies below the cause: the cause itself is part of the text.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Io { error, .. } => error.source(),
            _ => None,
        }
    }
}
