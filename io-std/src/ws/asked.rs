//! A client's request, read and answered with methods that block.

use super::{Accept, Connection, Incoming, Reject, Request, UpgradeFault, WsAnswerError, WsError};
use crate::stream::{StdRead, StdWrite, Timeouts};
use crate::{Socket, block_on};
#[cfg(feature = "tls")]
use sealock_net::tls::rustls::pki_types::CertificateDer;
use sealock_proto::drive::WsIncoming;
use std::io::{self, Read, Write};

impl Incoming {
    /// Reads the client's request, for at most the time the configuration gives it. In a thread of its own, a slow
    /// client delays nobody.
    ///
    /// # Errors
    /// If the stream fails, or the request is no WebSocket's.
    pub fn request(self) -> Result<Asked, WsError<io::Error>> {
        block_on(self.0.request()).map(Asked)
    }
}

/// A client's request that waits for an answer; dropping it closes the stream.
#[must_use = "the client waits for an answer"]
#[derive(Debug)]
pub struct Asked<R = Socket, W: Write + Timeouts = Socket>(WsIncoming<StdRead<R>, StdWrite<W>>);

impl<R: Read + Timeouts, W: Write + Timeouts> Asked<R, W> {
    /// Path, query, header fields, offered subprotocols.
    ///
    /// # Errors
    /// None: the request was checked.
    pub fn request(&self) -> Result<Request<'_>, UpgradeFault> {
        self.0.request()
    }

    /// Who asks: [`WsIncoming::peer_certificates`].
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn peer_certificates(&self) -> Option<Vec<CertificateDer<'static>>> {
        self.0.peer_certificates()
    }

    /// Accepts.
    ///
    /// # Errors
    /// If the answer cannot be given, or the stream fails.
    pub fn accept(self, accept: &Accept<'_>) -> Result<Connection<R, W>, WsAnswerError<io::Error>> {
        block_on(self.0.accept(accept)).map(Connection::new)
    }

    /// Refuses, and closes the stream behind the answer.
    ///
    /// # Errors
    /// If the answer cannot be given, or the stream fails.
    pub fn reject(self, reject: &Reject<'_>) -> Result<(), WsAnswerError<io::Error>> {
        block_on(self.0.reject(reject))
    }

    /// The request with futures instead of blocking methods, to be run by [`block_on`].
    pub fn into_inner(self) -> WsIncoming<StdRead<R>, StdWrite<W>> {
        self.0
    }
}
