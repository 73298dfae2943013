//! What a connection runs on: the two halves of a stream, with or without TLS.

#[cfg(feature = "tls")]
use super::Tls;
use super::tls::{TlsReader, TlsWriter};

/// The two halves of a stream that a connection runs on, made of the pair of them with [`From`], and with TLS between
/// the stream and the protocol if told so.
#[derive(Debug)]
pub struct Transport<I, W> {
    pub(super) read: I,
    pub(super) write: W,
    #[cfg(feature = "tls")]
    tls: Option<Tls>,
}

/// What the receiver gets of it, and what the writer does.
pub(super) type Halves<I, W> = ((I, Option<TlsReader>), (W, Option<TlsWriter>));

impl<I, W> From<(I, W)> for Transport<I, W> {
    fn from((read, write): (I, W)) -> Self {
        Self {
            read,
            write,
            #[cfg(feature = "tls")]
            tls: None,
        }
    }
}

impl<I, W> Transport<I, W> {
    /// Has everything go through TLS. Its handshake runs while the receiver is polled, before any byte of the protocol,
    /// and within the time that the protocol gives its own opening.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn with_tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    #[cfg(feature = "tls")]
    pub(super) fn split(self) -> Halves<I, W> {
        let (reader, writer) = self.tls.map(Tls::split).unzip();
        ((self.read, reader), (self.write, writer))
    }

    #[cfg(not(feature = "tls"))]
    pub(super) fn split(self) -> Halves<I, W> {
        ((self.read, None), (self.write, None))
    }
}
