//! TLS of WebSocket endpoints, with certificates and keys from files in the PEM form.
//!
//! The cryptography is the caller's choice, as one of rustls' providers: depend on `rustls` 0.23 with its feature
//! `aws_lc_rs` or `ring`, and pass `Arc::new(rustls::crypto::ring::default_provider())` or the like. TLS 1.3 only.

mod error;

pub use error::TlsFileError;
pub use rustls;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, ConfigBuilder, ConfigSide, RootCertStore, ServerConfig, WantsVerifier, version};
use sealock_proto::drive::{Tls, TlsError};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// What is spoken inside of TLS, for the peer's ALPN (RFC 7301).
const PROTOCOL: &[u8] = b"http/1.1";

/// A server's end of TLS. Clones share one configuration, which can be read from its files again while connections live:
/// what is open goes on as it began.
#[derive(Clone)]
pub struct ServerTls(Arc<Server>);

struct Server {
    provider: Arc<CryptoProvider>,
    files: ServerFiles,
    current: Mutex<Current>,
}

#[derive(Clone)]
struct ServerFiles {
    certificates: PathBuf,
    key: PathBuf,
    clients: Option<Clients>,
}

/// What clients are asked for.
#[derive(Clone, Debug)]
struct Clients {
    authorities: PathBuf,
    /// Those that show no certificate are let in too.
    optional: bool,
}

struct Current {
    config: Arc<ServerConfig>,
    /// When the files were changed last, as far as the system tells.
    changed: Vec<Option<SystemTime>>,
}

impl ServerTls {
    /// Reads the server's certificate, followed by those between it and an authority, and its key.
    ///
    /// # Errors
    /// If a file cannot be read or used: which one, and what is wrong with it.
    pub fn from_files(
        provider: Arc<CryptoProvider>,
        certificates: impl AsRef<Path>,
        key: impl AsRef<Path>,
    ) -> Result<Self, TlsFileError> {
        let (certificates, key) = (certificates.as_ref().to_owned(), key.as_ref().to_owned());
        Self::read(provider, ServerFiles { certificates, key, clients: None })
    }

    /// Lets in only clients with a certificate of an authority in this file. Which it is:
    /// [`WsIncoming::peer_certificates`](sealock_proto::drive::WsIncoming::peer_certificates).
    ///
    /// # Errors
    /// As [`ServerTls::from_files`].
    pub fn with_client_ca(self, authorities: impl AsRef<Path>) -> Result<Self, TlsFileError> {
        self.with_clients(authorities.as_ref(), false)
    }

    /// Asks clients for a certificate as [`ServerTls::with_client_ca`] does, and lets in also those that show none: what
    /// they may do is then for the application to decide. A certificate of another authority is refused all the same.
    ///
    /// # Errors
    /// As there.
    pub fn with_optional_client_ca(self, authorities: impl AsRef<Path>) -> Result<Self, TlsFileError> {
        self.with_clients(authorities.as_ref(), true)
    }

    fn with_clients(self, authorities: &Path, optional: bool) -> Result<Self, TlsFileError> {
        let clients = Some(Clients { authorities: authorities.to_owned(), optional });
        let files = ServerFiles { clients, ..self.0.files.clone() };
        Self::read(Arc::clone(&self.0.provider), files)
    }

    fn read(provider: Arc<CryptoProvider>, files: ServerFiles) -> Result<Self, TlsFileError> {
        let changed = files.changed();
        let current = Mutex::new(Current { config: files.config(&provider)?, changed });
        Ok(Self(Arc::new(Server { provider, files, current })))
    }

    /// Reads the files again, for the connections that come from now on. Blocks as long as that takes.
    ///
    /// # Errors
    /// As [`ServerTls::from_files`]; then what was read before stays in force.
    pub fn reload(&self) -> Result<(), TlsFileError> {
        let changed = self.0.files.changed();
        let config = self.0.files.config(&self.0.provider)?;
        *self.current() = Current { config, changed };
        Ok(())
    }

    /// [`ServerTls::reload`] if a file's time of change is another than when the files were read or last tried; whether
    /// it was.
    ///
    /// # Errors
    /// As there, once for each change.
    pub fn reload_if_changed(&self) -> Result<bool, TlsFileError> {
        let changed = self.0.files.changed();
        if changed == self.current().changed {
            return Ok(false);
        }
        // Whatever comes of it: an attempt at every connection would do the work as often.
        self.current().changed = changed;
        self.reload().map(|()| true)
    }

    /// For one connection, as configured now.
    ///
    /// # Errors
    /// As [`Tls::server`].
    pub fn begin(&self) -> Result<Tls, TlsError> {
        let config = Arc::clone(&self.current().config);
        Tls::server(config)
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        self.0.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ServerFiles {
    fn config(&self, provider: &Arc<CryptoProvider>) -> Result<Arc<ServerConfig>, TlsFileError> {
        let config = versions(ServerConfig::builder_with_provider(Arc::clone(provider)), &self.certificates)?;
        let config = match &self.clients {
            None => config.with_no_client_auth(),
            Some(Clients { authorities: path, optional }) => {
                let roots = Arc::new(authorities(path)?);
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(provider));
                let verifier = if *optional { verifier.allow_unauthenticated() } else { verifier };
                let verifier = verifier.build().map_err(|error| TlsFileError::unusable(path, &error))?;
                config.with_client_cert_verifier(verifier)
            }
        };
        let (chain, key) = (certificates(&self.certificates)?, private_key(&self.key)?);
        let config = config.with_single_cert(chain, key);
        let mut config = config.map_err(|error| self.pair_fault(&error))?;
        config.alpn_protocols = vec![PROTOCOL.to_vec()];
        Ok(Arc::new(config))
    }

    fn pair_fault(&self, error: &rustls::Error) -> TlsFileError {
        TlsFileError::pair(&self.certificates, &self.key, error)
    }

    fn changed(&self) -> Vec<Option<SystemTime>> {
        let files = [
            Some(&self.certificates),
            Some(&self.key),
            self.clients.as_ref().map(|clients| &clients.authorities),
        ];
        let changed = |path: &PathBuf| fs::metadata(path).and_then(|of| of.modified()).ok();
        files.into_iter().flatten().map(changed).collect()
    }
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ServerFiles { certificates, clients, .. } = &self.0.files;
        let mut debug = f.debug_struct("ServerTls");
        debug.field("certificates", certificates).field("clients", clients).finish_non_exhaustive()
    }
}

/// A client's end of TLS: whom it trusts, and who it is.
#[derive(Clone)]
pub struct ClientTls {
    provider: Arc<CryptoProvider>,
    roots: Arc<RootCertStore>,
    config: Arc<ClientConfig>,
}

impl ClientTls {
    /// Trusts servers with a certificate of an authority in this file.
    ///
    /// # Errors
    /// If the file cannot be read or used.
    pub fn from_ca_file(provider: Arc<CryptoProvider>, path: impl AsRef<Path>) -> Result<Self, TlsFileError> {
        let path = path.as_ref();
        Self::new(provider, authorities(path)?, path)
    }

    /// Trusts servers with a certificate of an authority that the system trusts.
    ///
    /// # Errors
    /// [`TlsFileError::NoSystemRoots`] if it has none to tell.
    pub fn system(provider: Arc<CryptoProvider>) -> Result<Self, TlsFileError> {
        let found = rustls_native_certs::load_native_certs();
        let mut roots = RootCertStore::empty();
        // A system's store may well have some that are not understood here.
        let (usable, _) = roots.add_parsable_certificates(found.certs);
        if usable == 0 {
            let reason = found.errors.first().map_or_else(|| "it has none".to_owned(), ToString::to_string);
            return Err(TlsFileError::NoSystemRoots { reason });
        }
        Self::new(provider, roots, Path::new("the system's store"))
    }

    fn new(provider: Arc<CryptoProvider>, roots: RootCertStore, path: &Path) -> Result<Self, TlsFileError> {
        let roots = Arc::new(roots);
        let config = versions(ClientConfig::builder_with_provider(Arc::clone(&provider)), path)?;
        let config = config.with_root_certificates(Arc::clone(&roots)).with_no_client_auth();
        Ok(Self { provider, roots, config: client(config) })
    }

    /// Shows this certificate, followed by those between it and an authority, to servers that ask for one.
    ///
    /// # Errors
    /// If a file cannot be read or used.
    pub fn with_client_cert(
        self,
        certificates: impl AsRef<Path>,
        key: impl AsRef<Path>,
    ) -> Result<Self, TlsFileError> {
        let (path, key_path) = (certificates.as_ref(), key.as_ref());
        let (chain, key) = (self::certificates(path)?, private_key(key_path)?);
        let config = versions(ClientConfig::builder_with_provider(Arc::clone(&self.provider)), path)?;
        let config = config.with_root_certificates(Arc::clone(&self.roots)).with_client_auth_cert(chain, key);
        let config = config.map_err(|error| TlsFileError::pair(path, key_path, &error))?;
        Ok(Self { config: client(config), ..self })
    }

    /// For one connection to the server of this name, a host's or an IP address.
    ///
    /// # Errors
    /// [`TlsError::Local`] if it is neither, else as [`Tls::client`].
    pub fn begin(&self, name: &str) -> Result<Tls, TlsError> {
        let name = ServerName::try_from(name.to_owned()).map_err(|_| TlsError::Local)?;
        Tls::client(Arc::clone(&self.config), name)
    }
}

impl fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientTls").field("authorities", &self.roots.len()).finish_non_exhaustive()
    }
}

fn client(mut config: ClientConfig) -> Arc<ClientConfig> {
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    Arc::new(config)
}

fn versions<S: ConfigSide>(
    config: ConfigBuilder<S, rustls::WantsVersions>,
    path: &Path,
) -> Result<ConfigBuilder<S, WantsVerifier>, TlsFileError> {
    config.with_protocol_versions(&[&version::TLS13]).map_err(|error| TlsFileError::unusable(path, &error))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsFileError> {
    let chain = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, PemError>>);
    let chain = chain.map_err(|error| TlsFileError::pem(path, "certificate", error))?;
    if chain.is_empty() {
        return Err(TlsFileError::pem(path, "certificate", PemError::NoItemsFound));
    }
    Ok(chain)
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsFileError> {
    PrivateKeyDer::from_pem_file(path).map_err(|error| TlsFileError::pem(path, "private key", error))
}

fn authorities(path: &Path) -> Result<RootCertStore, TlsFileError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|error| TlsFileError::unusable(path, &error))?;
    }
    Ok(roots)
}
