//! How a WebSocket connection comes to be: a client's upgrade, and a server's answer to one.

use super::ws::{WsConnection, WsError};
use super::{DriveError, Permit, ReadIo, Transport, WriteError, WriteIo};
use crate::buf::RxBuf;
use crate::entropy::Seed;
use crate::ws::{
    Accept, AnswerError, Config, Error, Event, Reject, Request, Response, UpgradeFault, UpgradeRequest,
    WebSocket,
};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
#[cfg(feature = "tls")]
use rustls::pki_types::CertificateDer;

/// Why a server's answer could not be given.
pub type WsAnswerError<E> = DriveError<AnswerError, E>;

/// The head of a server's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WsAnswer(Vec<u8>);

impl WsAnswer {
    /// Status, header fields, subprotocol.
    ///
    /// # Errors
    /// None for an answer that a connection gave.
    pub fn response(&self) -> Result<Response<'_>, UpgradeFault> {
        Response::parse(&self.0)
    }
}

/// Why a client got no connection.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WsConnectError<E> {
    /// The server refuses: its answer says with which status.
    Rejected(WsAnswer),
    /// The stream or the handshake failed.
    Failed(WsError<E>),
}

impl<E: fmt::Display> fmt::Display for WsConnectError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rejected(answer) => {
                let status = answer.response().map_or(0, |response| response.status());
                write!(f, "the server refuses the WebSocket with HTTP status {status}")
            }
            Self::Failed(error) => error.fmt(f),
        }
    }
}

impl<E: core::error::Error + 'static> core::error::Error for WsConnectError<E> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Rejected(_) => None,
            Self::Failed(error) => error.source(),
        }
    }
}

impl<I, W> WsConnection<I, W>
where
    I: ReadIo,
    W: WriteIo<Error = I::Error>,
{
    /// Asks for `request` on a fresh stream, its two halves or a [`Transport`], for at most the configured time.
    ///
    /// # Errors
    /// If the stream or the handshake fails, or the server refuses.
    pub async fn connect(
        config: &Arc<Config>,
        request: &UpgradeRequest,
        seed: &Seed,
        io: impl Into<Transport<I, W>>,
    ) -> Result<(Self, WsAnswer), WsConnectError<I::Error>> {
        let io = io.into();
        let machine = WebSocket::client(config, request, seed, io.read.now());
        let mut ws = Self::new(config, machine, io, RxBuf::new(config.rx_limit()));
        match ws.receiver.next().await.map_err(WsConnectError::Failed)? {
            Some(Event::Accepted(head)) => {
                let answer = WsAnswer(head.to_vec());
                Ok((ws, answer))
            }
            Some(Event::Rejected(head)) => {
                let answer = WsAnswer(head.to_vec());
                // The stream is closed in the ordinary way; how that goes changes nothing.
                let _ = ws.receiver.next().await;
                Err(WsConnectError::Rejected(answer))
            }
            _ => Err(WsConnectError::Failed(DriveError::Protocol(Error::Truncated))),
        }
    }
}

/// A client's request that waits for the server's answer. Answer before the handshake's time is over; dropping it
/// closes the stream.
#[must_use = "the client waits for an answer"]
pub struct WsIncoming<I, W: WriteIo> {
    ws: WsConnection<I, W>,
    head: Vec<u8>,
    permit: Option<Permit>,
}

impl<I, W> WsIncoming<I, W>
where
    I: ReadIo,
    W: WriteIo<Error = I::Error>,
{
    /// Reads a client's request from a fresh stream, its two halves or a [`Transport`], for at most the configured time.
    /// One that breaks a rule is refused with the HTTP status for it.
    ///
    /// # Errors
    /// If the stream fails, or the request is no WebSocket's.
    pub async fn read(
        config: &Arc<Config>,
        seed: &Seed,
        io: impl Into<Transport<I, W>>,
    ) -> Result<Self, WsError<I::Error>> {
        let io = io.into();
        let machine = WebSocket::server(config, seed, io.read.now());
        let mut ws = WsConnection::new(config, machine, io, RxBuf::new(config.rx_limit()));
        match ws.receiver.next().await? {
            Some(Event::Request(head)) => {
                let head = head.to_vec();
                Ok(Self { ws, head, permit: None })
            }
            _ => Err(DriveError::Protocol(Error::Truncated)),
        }
    }

    /// Keeps a listener's permit until the connection is gone.
    pub fn with_permit(mut self, permit: Permit) -> Self {
        self.permit = Some(permit);
        self
    }

    /// Path, query, header fields, offered subprotocols.
    ///
    /// # Errors
    /// None: the request was checked.
    pub fn request(&self) -> Result<Request<'_>, UpgradeFault> {
        Request::parse(&self.head)
    }

    /// Who asks, for the decision: the certificates that the client has shown in TLS, as
    /// [`WsReceiver::peer_certificates`](super::WsReceiver::peer_certificates). `None` without TLS, and if it showed none.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn peer_certificates(&self) -> Option<Vec<CertificateDer<'static>>> {
        self.ws.peer_certificates()
    }

    /// Accepts.
    ///
    /// # Errors
    /// If the answer cannot be given, or the stream fails.
    pub async fn accept(
        mut self,
        accept: &Accept<'_>,
    ) -> Result<WsConnection<I, W>, WsAnswerError<I::Error>> {
        let accepted = self.ws.sender.accept(accept).await;
        // Whoever accepts too late owes a refusal.
        let flushed = self.flush().await;
        accepted?;
        flushed?;
        Ok(match self.permit {
            Some(permit) => self.ws.with_permit(permit),
            None => self.ws,
        })
    }

    /// Refuses, and closes the stream behind the answer.
    ///
    /// # Errors
    /// If the answer cannot be given, or the stream fails.
    pub async fn reject(mut self, reject: &Reject<'_>) -> Result<(), WsAnswerError<I::Error>> {
        self.ws.sender.reject(reject).await?;
        self.flush().await?;
        match self.ws.receiver.next().await {
            Ok(_) => Ok(()),
            Err(error) => Err(error.map_protocol(AnswerError::Failed)),
        }
    }

    async fn flush(&mut self) -> Result<(), WriteError<W::Error>> {
        self.ws.sender.flush().await
    }
}

impl<I, W: WriteIo> fmt::Debug for WsIncoming<I, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WsIncoming").finish_non_exhaustive()
    }
}
