//! QUIC with quinn: one stream of a connection, each message behind its length.

use super::framed::FramedLink;
use super::rustls::{Pair, preferring};
use crate::stack::{Label, Link, Result, Stack};
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{ClientConfig, Connection, Endpoint, RecvStream, SendStream, ServerConfig};
use rustls::CipherSuite;
use rustls::crypto::{CryptoProvider, aws_lc_rs, ring};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tokio::io::{Join, join};

const ANY: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 0);

#[derive(Clone)]
pub(crate) struct Quinn {
    label: Label,
    client: ClientConfig,
    server: ServerConfig,
}

impl Quinn {
    fn new(library: &str, provider: CryptoProvider, suite: CipherSuite, aead: &'static str) -> Result<Self> {
        // The first packets of a connection are always under AES-128-GCM.
        let Pair { client, server } = preferring(provider, suite, &[CipherSuite::TLS13_AES_128_GCM_SHA256])?;
        Ok(Self {
            label: Label::new("quinn", &format!("tokio+{library}"), aead),
            client: ClientConfig::new(Arc::new(QuicClientConfig::try_from(client)?)),
            server: ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(server)?)),
        })
    }

    pub(crate) fn all() -> Result<Vec<Self>> {
        let aes = CipherSuite::TLS13_AES_256_GCM_SHA384;
        Ok(vec![
            Self::new("ring", ring::default_provider(), aes, "AESGCM")?,
            Self::new("aws-lc-rs", aws_lc_rs::default_provider(), aes, "AESGCM")?,
        ])
    }
}

pub(crate) struct QuinnLink {
    framed: FramedLink<Join<RecvStream, SendStream>>,
    connection: Connection,
    /// Kept for as long as the stream is used.
    _endpoint: Option<Endpoint>,
}

impl QuinnLink {
    fn new(
        (send, recv): (SendStream, RecvStream),
        connection: Connection,
        endpoint: Option<Endpoint>,
    ) -> Self {
        Self { framed: FramedLink::new(join(recv, send)), connection, _endpoint: endpoint }
    }
}

impl Link for QuinnLink {
    async fn send(&mut self, message: &[u8]) -> Result<()> {
        self.framed.send(message).await
    }

    async fn flush(&mut self) -> Result<()> {
        self.framed.flush().await
    }

    async fn recv<T>(&mut self, look: impl FnOnce(&[u8]) -> T) -> Result<T> {
        self.framed.recv(look).await
    }

    async fn finish(&mut self) -> Result<()> {
        // The peer closes when it has read the last message.
        self.connection.closed().await;
        Ok(())
    }
}

impl Stack for Quinn {
    type Link = QuinnLink;
    type Listener = Endpoint;

    fn label(&self) -> Label {
        self.label.clone()
    }

    fn run<T>(future: impl Future<Output = T>) -> T {
        super::block_on(future)
    }

    async fn bind(&self) -> Result<(Endpoint, SocketAddr)> {
        let endpoint = Endpoint::server(self.server.clone(), ANY.into())?;
        let address = endpoint.local_addr()?;
        Ok((endpoint, address))
    }

    async fn accept(&self, endpoint: &mut Endpoint) -> Result<QuinnLink> {
        let connection = endpoint.accept().await.ok_or("the endpoint is closed")?.await?;
        Ok(QuinnLink::new(connection.accept_bi().await?, connection, None))
    }

    async fn connect(&self, address: SocketAddr) -> Result<QuinnLink> {
        let endpoint = Endpoint::client(ANY.into())?;
        let connection = endpoint.connect_with(self.client.clone(), address, "localhost")?.await?;
        Ok(QuinnLink::new(connection.open_bi().await?, connection, Some(endpoint)))
    }
}
