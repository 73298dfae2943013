//! TLS 1.3 with tokio-rustls, each message behind its length.

use super::framed::FramedLink;
use crate::stack::{Label, Result, Stack};
use crate::transport::Transport;
use rustls::crypto::{CryptoProvider, aws_lc_rs, ring};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{CipherSuite, ClientConfig, RootCertStore, ServerConfig};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

/// The two ends' configurations for one cipher suite.
pub(crate) struct Pair {
    pub(crate) client: ClientConfig,
    pub(crate) server: ServerConfig,
}

/// Configurations that choose `suite` and know `others`. No resumption: every handshake is whole.
pub(crate) fn preferring(
    mut provider: CryptoProvider,
    suite: CipherSuite,
    others: &[CipherSuite],
) -> Result<Pair> {
    provider.cipher_suites.retain(|known| known.suite() == suite || others.contains(&known.suite()));
    provider.cipher_suites.sort_by_key(|known| known.suite() != suite);
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

/// When queued messages leave.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flush {
    /// When the sender says so, or 64 KiB are queued: written for throughput.
    Batched,
    /// Each by itself, as `SinkExt::send` does: written as most people write it.
    Each,
}

#[derive(Clone)]
pub(crate) struct Rustls<T> {
    label: Label,
    client: TlsConnector,
    server: TlsAcceptor,
    transport: T,
    flush: Flush,
}

impl<T: Transport> Rustls<T> {
    pub(crate) fn all(transport: &T, flush: Flush) -> Result<Vec<Self>> {
        let make = |library: &str, provider, suite, aead| {
            let Pair { client, server } = preferring(provider, suite, &[])?;
            let name = if flush == Flush::Each { "tokio-rustls, flushed each" } else { "tokio-rustls" };
            Result::Ok(Self {
                label: Label::new(name, &format!("{}+{library}", T::ON), aead),
                client: TlsConnector::from(Arc::new(client)),
                server: TlsAcceptor::from(Arc::new(server)),
                transport: transport.clone(),
                flush,
            })
        };
        let (aes, chacha) =
            (CipherSuite::TLS13_AES_256_GCM_SHA384, CipherSuite::TLS13_CHACHA20_POLY1305_SHA256);
        let mut all = vec![
            make("ring", ring::default_provider(), aes, "AESGCM")?,
            make("aws-lc-rs", aws_lc_rs::default_provider(), aes, "AESGCM")?,
        ];
        if flush == Flush::Batched {
            all.push(make("ring", ring::default_provider(), chacha, "ChaChaPoly")?);
            all.push(make("aws-lc-rs", aws_lc_rs::default_provider(), chacha, "ChaChaPoly")?);
        }
        Ok(all)
    }

    /// The same over a transport of its own.
    pub(crate) fn over(self, transport: T) -> Self {
        Self { transport, ..self }
    }

    fn link(&self, stream: TlsStream<T::Stream>) -> FramedLink<TlsStream<T::Stream>> {
        let link = FramedLink::new(stream);
        if self.flush == Flush::Each { link.flushing_each() } else { link }
    }
}

impl<T: Transport> Stack for Rustls<T> {
    type Link = FramedLink<TlsStream<T::Stream>>;
    type Listener = T::Listener;

    fn label(&self) -> Label {
        self.label.clone()
    }

    fn run<F>(future: impl Future<Output = F>) -> F {
        super::block_on(future)
    }

    async fn bind(&self) -> Result<(T::Listener, SocketAddr)> {
        self.transport.bind().await
    }

    async fn accept(&self, listener: &mut T::Listener) -> Result<Self::Link> {
        let stream = self.transport.accept(listener).await?;
        Ok(self.link(self.server.accept(stream).await?.into()))
    }

    async fn connect(&self, address: SocketAddr) -> Result<Self::Link> {
        let stream = self.transport.connect(address).await?;
        let stream = self.client.connect(ServerName::try_from("localhost")?, stream).await?;
        Ok(self.link(stream.into()))
    }
}
