//! WebSocket on smol.
//!
//! ```
//! use sealock_smol::ws::{Accept, CloseCode, Config, Endpoint, Event, Incoming, Kind, Listener, Server};
//! use sealock_smol::{ConnectOptions, ListenOptions};
//!
//! type Failure = Box<dyn std::error::Error + Send + Sync>;
//!
//! async fn serve(incoming: Incoming) -> Result<(), Failure> {
//!     let asked = incoming.request().await?;
//!     let path = asked.request()?.path().to_owned(); // look at it, and at the header fields, before accepting
//!     let mut ws = asked.accept(&Accept::new()).await?;
//!     ws.send(Kind::Text, path.as_bytes()).await?;
//!     while let Some(event) = ws.receiver.next().await? {
//!         if let Event::Message { kind, payload } = event {
//!             ws.sender.send(kind, payload).await?;
//!         }
//!     }
//!     Ok(())
//! }
//!
//! # fn main() -> Result<(), Failure> {
//! # let executor: &async_executor::Executor<'static> = Box::leak(Box::default());
//! # async_io::block_on(executor.run(async {
//! let config = Config::default().build()?;
//! let server = Server::new(config.clone());
//! let listener = Listener::bind(&"127.0.0.1:0".parse()?, server, ListenOptions::default()).await?;
//! let url = format!("ws://{}/echo", listener.local_address());
//! executor.spawn(async move {
//!     while let Ok(incoming) = listener.accept().await {
//!         executor.spawn(serve(incoming)).detach();
//!     }
//! }).detach();
//!
//! let endpoint: Endpoint = url.parse()?;
//! let (mut ws, _) = sealock_smol::ws::connect(&endpoint, &config, &ConnectOptions::default()).await?;
//! assert!(matches!(ws.next().await?, Some(Event::Message { payload, .. }) if *payload == *b"/echo"));
//! ws.send(Kind::Binary, b"hello").await?;
//! assert!(matches!(ws.next().await?, Some(Event::Message { payload, .. }) if *payload == *b"hello"));
//! ws.close(CloseCode::NORMAL, "done").await?;
//! # Ok(())
//! # }))
//! # }
//! ```
//!
//! With feature `tls` the same over TLS, for URLs of `wss`. The cryptography is a provider of rustls 0.23, on which the
//! program depends itself with the feature `aws_lc_rs` or `ring`:
//!
//! ```ignore
//! let provider = Arc::new(rustls::crypto::ring::default_provider());
//! let tls = ServerTls::from_files(provider.clone(), "chain.pem", "key.pem")?; // tls.reload()? serves changed files
//! let server = Server::new(config.clone()).with_tls(tls);
//!
//! let trusted = ClientTls::from_ca_file(provider, "ca.pem")?; // or ClientTls::system(provider)?
//! let endpoint = "wss://example.org/chat".parse::<Endpoint>()?.with_tls(trusted);
//! ```

use crate::client::dial;
use crate::{AnySocket, ConnectOptions, SmolRead, SmolWrite};
#[cfg(feature = "tls")]
pub use sealock_net::tls;
pub use sealock_net::ws::{ConnectError, Endpoint, Server, UrlError};
pub use sealock_proto::drive::{
    WsAnswer, WsAnswerError, WsClosed, WsConnectError, WsError, WsPeerClose, WsSendError,
};
use sealock_proto::drive::{WsConnection, WsIncoming, WsReceiver, WsSender};
pub use sealock_proto::ws::*;
use std::sync::Arc;

/// A WebSocket connection on a TCP or Unix-domain socket, or on any other two halves.
pub type Connection<R = AnySocket, W = AnySocket> = WsConnection<SmolRead<R>, SmolWrite<W>>;
/// The receiving half of a [`Connection`].
pub type Receiver<R = AnySocket, W = AnySocket> = WsReceiver<SmolRead<R>, SmolWrite<W>>;
/// The sending half of a [`Connection`].
pub type Sender<W = AnySocket> = WsSender<SmolWrite<W>>;
/// Listens for WebSocket clients.
pub type Listener = crate::Listener<Server>;
/// A stream that was admitted, before any work was done for it.
pub type Incoming = crate::Incoming<Server>;
/// A client's request that waits for an answer.
pub type Asked<R = AnySocket, W = AnySocket> = WsIncoming<SmolRead<R>, SmolWrite<W>>;

/// Connects to `endpoint` and asks for a WebSocket.
///
/// # Errors
/// If the server cannot be reached or refuses, or the handshake fails.
pub async fn connect(
    endpoint: &Endpoint,
    config: &Arc<Config>,
    options: &ConnectOptions,
) -> Result<(Connection, WsAnswer), ConnectError> {
    endpoint.upgrade(config, dial(endpoint.address(), options)).await
}
