//! WebSocket on tokio.
//!
//! ```
//! use sealock_tokio::ws::{Accept, CloseCode, Config, Endpoint, Event, Incoming, Kind, Listener, Server};
//! use sealock_tokio::{ConnectOptions, ListenOptions};
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
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Failure> {
//! let config = Config::default().build()?;
//! let server = Server::new(config.clone());
//! let listener = Listener::bind(&"127.0.0.1:0".parse()?, server, ListenOptions::default()).await?;
//! let url = format!("ws://{}/echo", listener.local_address());
//! tokio::spawn(async move {
//!     while let Ok(incoming) = listener.accept().await {
//!         tokio::spawn(serve(incoming));
//!     }
//! });
//!
//! let endpoint: Endpoint = url.parse()?;
//! let (mut ws, _) = sealock_tokio::ws::connect(&endpoint, &config, &ConnectOptions::default()).await?;
//! assert!(matches!(ws.next().await?, Some(Event::Message { payload, .. }) if *payload == *b"/echo"));
//! ws.send(Kind::Binary, b"hello").await?;
//! assert!(matches!(ws.next().await?, Some(Event::Message { payload, .. }) if *payload == *b"hello"));
//! ws.close(CloseCode::NORMAL, "done").await?;
//! # Ok(())
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

mod messages;

use crate::client::dial;
use crate::{ConnectOptions, SocketRead, SocketWrite, TokioRead, TokioWrite};
pub use messages::{Message, MessageSink, MessageStream, Messages};
#[cfg(feature = "tls")]
pub use sealock_net::tls;
pub use sealock_net::ws::{ConnectError, Endpoint, Server, UrlError};
pub use sealock_proto::drive::{
    WsAnswer, WsAnswerError, WsClosed, WsConnectError, WsError, WsPeerClose, WsSendError,
};
use sealock_proto::drive::{WsConnection, WsIncoming, WsReceiver, WsSender};
pub use sealock_proto::ws::*;
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite, ReadHalf, WriteHalf};

/// A WebSocket connection on a TCP or Unix-domain socket, or on any other two halves.
pub type Connection<R = SocketRead, W = SocketWrite> = WsConnection<TokioRead<R>, TokioWrite<W>>;
/// The receiving half of a [`Connection`].
pub type Receiver<R = SocketRead, W = SocketWrite> = WsReceiver<TokioRead<R>, TokioWrite<W>>;
/// The sending half of a [`Connection`].
pub type Sender<W = SocketWrite> = WsSender<TokioWrite<W>>;
/// Listens for WebSocket clients.
pub type Listener = crate::Listener<Server>;
/// A stream that was admitted, before any work was done for it.
pub type Incoming = crate::Incoming<Server>;
/// A client's request that waits for an answer.
pub type Asked<R = SocketRead, W = SocketWrite> = WsIncoming<TokioRead<R>, TokioWrite<W>>;

/// The server's end of a connection on a stream whose opening handshake an HTTP server has done, such as an upgraded
/// request of hyper or axum: see `examples/hyper_upgrade.rs`.
///
/// # Errors
/// If the system has no entropy to give.
pub fn upgraded<T: AsyncRead + AsyncWrite + Unpin>(
    stream: T,
    config: &Arc<Config>,
) -> io::Result<Connection<ReadHalf<T>, WriteHalf<T>>> {
    let io = crate::stream::stream(stream);
    WsConnection::upgraded(config, Role::Server, &sealock_net::seed()?, io, &[]).map_err(io::Error::other)
}

/// [`upgraded`], with the compression that [`grant_deflate`] has granted in the answer.
///
/// # Errors
/// As there.
#[cfg(feature = "deflate")]
pub fn upgraded_with_deflate<T: AsyncRead + AsyncWrite + Unpin>(
    stream: T,
    config: &Arc<Config>,
    agreed: DeflateParams,
) -> io::Result<Connection<ReadHalf<T>, WriteHalf<T>>> {
    let (io, seed) = (crate::stream::stream(stream), sealock_net::seed()?);
    WsConnection::upgraded_with_deflate(config, Role::Server, &seed, io, &[], agreed)
        .map_err(io::Error::other)
}

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
