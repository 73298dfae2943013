//! Sealock, on each driver and with each provider.

use crate::stack::{Label, Link, Result, Stack};
use crate::transport::{Memory, Transport};
use sealock_proto::limit::AdmissionConfig;
use sealock_proto::noise::{Protocol, Provider};
use sealock_proto::session::{Config, Event, Peers};
use sealock_tokio::from_stream;
use sealock_tokio::generate_key;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{DuplexStream, ReadHalf, WriteHalf};

/// What both ends are told.
#[derive(Clone)]
pub(crate) struct Ends {
    initiator: Arc<Config>,
    responder: Arc<Config>,
    provider: &'static str,
    aead: &'static str,
}

impl Ends {
    fn new(provider: Provider, aead: &'static str) -> Result<Self> {
        let protocol = Protocol::parse(&format!("Noise_XX_25519_{aead}_BLAKE2s"))?;
        let initiator = Config::initiator(protocol).with_peers(Peers::Any).with_static_key(generate_key()?);
        let responder = Config::responder(&[protocol]).with_static_key(generate_key()?);
        Ok(Self {
            initiator: initiator.with_provider(provider).build()?,
            responder: responder.with_provider(provider).build()?,
            provider: provider.name(),
            aead,
        })
    }

    pub(crate) fn all() -> Result<Vec<Self>> {
        let aeads = ["AESGCM", "ChaChaPoly"];
        Provider::ALL.iter().flat_map(|provider| aeads.map(|aead| Self::new(*provider, aead))).collect()
    }
}

/// All connections come from one address: no limit on a source's attempts.
fn admission() -> AdmissionConfig {
    AdmissionConfig::default().with_keyed(None)
}

macro_rules! link {
    ($Connection:ty, [$($wait:tt)*]) => {
        impl Link for $Connection {
            async fn send(&mut self, message: &[u8]) -> Result<()> {
                Ok(self.sender.send(message)$($wait)*?)
            }

            async fn flush(&mut self) -> Result<()> {
                Ok(self.sender.flush()$($wait)*?)
            }

            async fn recv<T>(&mut self, look: impl FnOnce(&[u8]) -> T) -> Result<T> {
                loop {
                    match self.next()$($wait)*? {
                        Some(Event::Message(message)) => return Ok(look(message)),
                        Some(_) => {}
                        None => return Err("the peer has ended".into()),
                    }
                }
            }
        }
    };
}

macro_rules! driver {
    ($Driver:ident, $driver:ident, $name:literal, $run:path, [$($wait:tt)*], |$incoming:ident| $handshake:expr) => {
        #[derive(Clone)]
        pub(crate) struct $Driver(pub(crate) Ends);

        link!($driver::Connection, [$($wait)*]);

        impl Stack for $Driver {
            type Link = $driver::Connection;
            type Listener = $driver::Listener;

            fn label(&self) -> Label {
                Label::new("sealock", &format!("{}+{}", $name, self.0.provider), self.0.aead)
            }

            fn run<T>(future: impl Future<Output = T>) -> T {
                $run(future)
            }

            async fn bind(&self) -> Result<(Self::Listener, SocketAddr)> {
                let options = $driver::ListenOptions::default().with_admission(admission());
                let any = "127.0.0.1:0".parse()?;
                let listener = $driver::Listener::bind(&any, self.0.responder.clone(), options)$($wait)*?;
                let address = listener.local_address().to_string().parse()?;
                Ok((listener, address))
            }

            async fn accept(&self, listener: &mut Self::Listener) -> Result<Self::Link> {
                let $incoming = listener.accept()$($wait)*?;
                Ok($handshake$($wait)*?)
            }

            async fn connect(&self, address: SocketAddr) -> Result<Self::Link> {
                let address = address.to_string().parse()?;
                Ok($driver::connect(&address, &self.0.initiator, &$driver::ConnectOptions::default())$($wait)*?)
            }
        }
    };
}

driver!(Tokio, sealock_tokio, "tokio", crate::peers::block_on, [.await], |incoming| incoming.handshake());
driver!(Smol, sealock_smol, "smol", async_io::block_on, [.await], |incoming| incoming.handshake());
driver!(Std, sealock_std, "std", sealock_std::block_on, [], |incoming| incoming
    .ok_or("the listener was stopped")?
    .handshake());

/// The tokio driver on a pipe in memory.
#[derive(Clone)]
pub(crate) struct Pipe(pub(crate) Ends, pub(crate) Memory);

type PipeConnection = sealock_tokio::Connection<ReadHalf<DuplexStream>, WriteHalf<DuplexStream>>;

link!(PipeConnection, [.await]);

impl Stack for Pipe {
    type Link = PipeConnection;
    type Listener = <Memory as Transport>::Listener;

    fn label(&self) -> Label {
        Label::new("sealock", &format!("{}+{}", Memory::ON, self.0.provider), self.0.aead)
    }

    fn run<T>(future: impl Future<Output = T>) -> T {
        crate::peers::block_on(future)
    }

    async fn bind(&self) -> Result<(Self::Listener, SocketAddr)> {
        self.1.bind().await
    }

    async fn accept(&self, listener: &mut Self::Listener) -> Result<Self::Link> {
        Ok(from_stream(self.1.accept(listener).await?, &self.0.responder).await?)
    }

    async fn connect(&self, address: SocketAddr) -> Result<Self::Link> {
        Ok(from_stream(self.1.connect(address).await?, &self.0.initiator).await?)
    }
}
