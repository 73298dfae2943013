//! TLS 1.3 with tokio-rustls, each message behind its length.

use super::framed::FramedLink;
use crate::stack::{Label, Result, Stack};
use rustls::crypto::{CryptoProvider, aws_lc_rs, ring};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{CipherSuite, ClientConfig, RootCertStore, ServerConfig};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

/// The two ends' configurations for one cipher suite.
pub(crate) struct Pair {
    pub(crate) client: ClientConfig,
    pub(crate) server: ServerConfig,
}

/// No resumption: every handshake is whole.
pub(crate) fn configs(mut provider: CryptoProvider, suite: CipherSuite) -> Result<Pair> {
    provider.cipher_suites.retain(|offered| offered.suite() == suite);
    let provider = Arc::new(provider);
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let certificate = CertificateDer::from(own.cert.der().to_vec());
    let key = PrivatePkcs8KeyDer::from(own.signing_key.serialize_der());
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone())?;
    let tls13 = &[&rustls::version::TLS13];
    let mut client = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(tls13)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    client.resumption = rustls::client::Resumption::disabled();
    let mut server = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(tls13)?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key.into())?;
    server.send_tls13_tickets = 0;
    Ok(Pair { client, server })
}

#[derive(Clone)]
pub(crate) struct Rustls {
    label: Label,
    client: TlsConnector,
    server: TlsAcceptor,
}

impl Rustls {
    fn new(library: &str, provider: CryptoProvider, suite: CipherSuite, aead: &'static str) -> Result<Self> {
        let Pair { client, server } = configs(provider, suite)?;
        let (client, server) = (TlsConnector::from(Arc::new(client)), TlsAcceptor::from(Arc::new(server)));
        Ok(Self { label: Label::new("tokio-rustls", &format!("tokio+{library}"), aead), client, server })
    }

    pub(crate) fn all() -> Result<Vec<Self>> {
        let (aes, chacha) =
            (CipherSuite::TLS13_AES_256_GCM_SHA384, CipherSuite::TLS13_CHACHA20_POLY1305_SHA256);
        Ok(vec![
            Self::new("ring", ring::default_provider(), aes, "AESGCM")?,
            Self::new("aws-lc-rs", aws_lc_rs::default_provider(), aes, "AESGCM")?,
            Self::new("ring", ring::default_provider(), chacha, "ChaChaPoly")?,
            Self::new("aws-lc-rs", aws_lc_rs::default_provider(), chacha, "ChaChaPoly")?,
        ])
    }
}

impl Stack for Rustls {
    type Link = FramedLink<TlsStream<TcpStream>>;
    type Listener = TcpListener;

    fn label(&self) -> Label {
        self.label.clone()
    }

    fn run<T>(future: impl Future<Output = T>) -> T {
        super::block_on(future)
    }

    async fn bind(&self) -> Result<(TcpListener, SocketAddr)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    }

    async fn accept(&self, listener: &mut TcpListener) -> Result<Self::Link> {
        let stream = listener.accept().await?.0;
        stream.set_nodelay(true)?;
        Ok(FramedLink::new(self.server.accept(stream).await?.into()))
    }

    async fn connect(&self, address: SocketAddr) -> Result<Self::Link> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let stream = self.client.connect(ServerName::try_from("localhost")?, stream).await?;
        Ok(FramedLink::new(stream.into()))
    }
}
