//! Certificates made for the tests, and the ends of TLS that use them. No key is ever written to a repository.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    date_time_ymd,
};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use sealock_proto::drive::Tls;
use std::sync::Arc;

/// A certificate with its key, both as PEM.
pub(crate) struct Identity {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

/// An authority that signs certificates.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// Its own certificate.
    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for a host's name or address, to serve with or to connect with.
    pub(crate) fn issue(&self, name: &str) -> Identity {
        self.sign(CertificateParams::new(vec![name.to_owned()]).unwrap())
    }

    /// One whose time was over long ago.
    pub(crate) fn issue_expired(&self, name: &str) -> Identity {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        (params.not_before, params.not_after) = (date_time_ymd(2001, 1, 1), date_time_ymd(2002, 1, 1));
        self.sign(params)
    }

    fn sign(&self, mut params: CertificateParams) -> Identity {
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        Identity { certificate: certificate.pem(), key: key.serialize_pem() }
    }

    fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.pem().as_bytes()).unwrap()).unwrap();
        roots
    }
}

pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// As it goes over the wire.
pub(crate) fn certificate(identity: &Identity) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(identity.certificate.as_bytes()).unwrap()
}

fn parsed(identity: &Identity) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
    (vec![certificate(identity)], PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap())
}

/// A server with this certificate, which wants one of `clients`' from its client if that is given.
pub(crate) fn server_config(identity: &Identity, clients: Option<&Authority>) -> Arc<ServerConfig> {
    let config = ServerConfig::builder_with_provider(provider());
    let config = config.with_protocol_versions(&[&rustls::version::TLS13]).unwrap();
    let config = match clients {
        Some(clients) => config.with_client_cert_verifier(
            WebPkiClientVerifier::builder_with_provider(Arc::new(clients.roots()), provider())
                .build()
                .unwrap(),
        ),
        None => config.with_no_client_auth(),
    };
    let (chain, key) = parsed(identity);
    Arc::new(config.with_single_cert(chain, key).unwrap())
}

pub(crate) fn server(identity: &Identity, clients: Option<&Authority>) -> Tls {
    Tls::server(server_config(identity, clients)).unwrap()
}

/// A client that trusts this authority and shows a certificate if it is given.
pub(crate) fn client_config(trusted: &Authority, identity: Option<&Identity>) -> Arc<ClientConfig> {
    let config = ClientConfig::builder_with_provider(provider());
    let config = config.with_protocol_versions(&[&rustls::version::TLS13]).unwrap();
    let config = config.with_root_certificates(trusted.roots());
    Arc::new(match identity.map(parsed) {
        Some((chain, key)) => config.with_client_auth_cert(chain, key).unwrap(),
        None => config.with_no_client_auth(),
    })
}

/// The same for one connection to the server of this name.
pub(crate) fn client(trusted: &Authority, name: &str, identity: Option<&Identity>) -> Tls {
    client_of(client_config(trusted, identity), name)
}

pub(crate) fn client_of(config: Arc<ClientConfig>, name: &str) -> Tls {
    Tls::client(config, ServerName::try_from(name.to_owned()).unwrap()).unwrap()
}
