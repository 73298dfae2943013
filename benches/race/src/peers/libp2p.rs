//! Noise and one yamux stream as libp2p puts them together, each message behind its length.

use super::framed::FramedLink;
use crate::stack::{Label, Result, Stack};
use crate::transport::{Tcp, Transport};
use futures_lite::future::poll_fn;
use libp2p_core::upgrade::{InboundConnectionUpgrade, OutboundConnectionUpgrade, UpgradeInfo};
use libp2p_identity::Keypair;
use libp2p_noise::{Config, Output};
use std::net::SocketAddr;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::compat::{Compat, FuturesAsyncReadCompatExt, TokioAsyncReadCompatExt};
use yamux::{Connection, Mode};

type Secured = Output<Compat<TcpStream>>;

#[derive(Clone)]
pub(crate) struct Libp2p(Keypair);

impl Libp2p {
    pub(crate) fn new() -> Self {
        Self(Keypair::generate_ed25519())
    }

    fn noise(&self) -> Result<(Config, &'static str)> {
        let config = Config::new(&self.0)?;
        let info = config.protocol_info().next().ok_or("no protocol")?;
        Ok((config, info))
    }
}

/// Everything on a connection moves only while somebody asks it for streams.
fn keep_moving(mut connection: Connection<Secured>) {
    tokio::spawn(
        async move { while let Some(Ok(_)) = poll_fn(|cx| connection.poll_next_inbound(cx)).await {} },
    );
}

impl Stack for Libp2p {
    type Link = FramedLink<Compat<yamux::Stream>>;
    type Listener = TcpListener;

    fn label(&self) -> Label {
        Label::new("libp2p", "tokio+ring", "ChaChaPoly")
    }

    fn run<T>(future: impl Future<Output = T>) -> T {
        super::block_on(future)
    }

    async fn bind(&self) -> Result<(TcpListener, SocketAddr)> {
        Tcp.bind().await
    }

    async fn accept(&self, listener: &mut TcpListener) -> Result<Self::Link> {
        let stream = Tcp.accept(listener).await?.compat();
        let (noise, info) = self.noise()?;
        let (_, secured) = noise.upgrade_inbound(stream, info).await?;
        let mut connection = Connection::new(secured, yamux::Config::default(), Mode::Server);
        let stream = poll_fn(|cx| connection.poll_next_inbound(cx)).await.ok_or("the peer has ended")??;
        keep_moving(connection);
        Ok(FramedLink::new(stream.compat()))
    }

    async fn connect(&self, address: SocketAddr) -> Result<Self::Link> {
        let stream = Tcp.connect(address).await?.compat();
        let (noise, info) = self.noise()?;
        let (_, secured) = noise.upgrade_outbound(stream, info).await?;
        let mut connection = Connection::new(secured, yamux::Config::default(), Mode::Client);
        let stream = poll_fn(|cx| connection.poll_new_outbound(cx)).await?;
        keep_moving(connection);
        Ok(FramedLink::new(stream.compat()))
    }
}
