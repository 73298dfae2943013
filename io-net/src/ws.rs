//! WebSocket as a service of a listener, without a runtime. The client's side is in `endpoint.rs`.

mod endpoint;

pub use endpoint::{ConnectError, Endpoint, UrlError};

use crate::listen::{Incoming, Service};
#[cfg(feature = "tls")]
use crate::tls::ServerTls;
use crate::{ListenError, seed};
use sealock_proto::drive::{ReadIo, Transport, WriteIo, WsError, WsIncoming};
use sealock_proto::limit::Refusal;
use sealock_proto::ws::Config;
use std::io;
use std::sync::Arc;

/// What a listener needs to serve WebSocket clients.
#[derive(Clone, Debug)]
pub struct Server {
    config: Arc<Config>,
    #[cfg(feature = "tls")]
    tls: Option<ServerTls>,
}

impl Server {
    /// Connections with these settings.
    #[must_use]
    pub const fn new(config: Arc<Config>) -> Self {
        Self {
            config,
            #[cfg(feature = "tls")]
            tls: None,
        }
    }

    /// Has all streams encrypted.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn with_tls(mut self, tls: ServerTls) -> Self {
        self.tls = Some(tls);
        self
    }
}

impl Service for Server {
    fn check(&self) -> Result<(), ListenError> {
        Ok(())
    }

    fn refusal(&self, refusal: Refusal) -> impl AsRef<[u8]> {
        // A client that expects TLS could not read it, and a handshake is the work that is refused.
        #[cfg(feature = "tls")]
        if self.tls.is_some() {
            return "";
        }
        match refusal {
            Refusal::TooManyAttempts { .. } => {
                "HTTP/1.1 429 Too Many Requests\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
            }
            _ => "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        }
    }
}

impl<I, W> Incoming<I, W, Server>
where
    I: ReadIo<Error = io::Error>,
    W: WriteIo<Error = io::Error>,
{
    /// Reads the client's request, for at most the time the configuration gives it. In a task of its own, a slow client
    /// delays nobody.
    ///
    /// # Errors
    /// If the stream fails, or the request is no WebSocket's.
    pub async fn request(self) -> Result<WsIncoming<I, W>, WsError<io::Error>> {
        let (io, server, permit) = self.into_parts();
        let seed = seed().map_err(WsError::Io)?;
        let io = Transport::from(io);
        #[cfg(feature = "tls")]
        let io = match server.tls {
            Some(tls) => io.with_tls(tls.begin().map_err(WsError::Tls)?),
            None => io,
        };
        Ok(WsIncoming::read(&server.config, &seed, io).await?.with_permit(permit))
    }
}
