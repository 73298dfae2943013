//! Messages with tokio-util's length-delimited codec, fed in batches.

use crate::stack::{Link, Result};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::codec::{Framed, LengthDelimitedCodec};

/// As sealock: queued bytes leave when there are so many.
const BATCH: usize = 64 * 1024;

pub(crate) struct FramedLink<T> {
    framed: Framed<T, LengthDelimitedCodec>,
    flush_each: bool,
}

pub(crate) fn codec<T: AsyncRead + AsyncWrite>(stream: T) -> Framed<T, LengthDelimitedCodec> {
    let codec = LengthDelimitedCodec::builder().max_frame_length(2 * 1024 * 1024).new_codec();
    let mut framed = Framed::with_capacity(stream, codec, BATCH);
    framed.set_backpressure_boundary(BATCH);
    framed
}

impl<T: AsyncRead + AsyncWrite + Unpin> FramedLink<T> {
    pub(crate) fn new(stream: T) -> Self {
        Self { framed: codec(stream), flush_each: false }
    }

    /// Every message leaves by itself.
    pub(crate) fn flushing_each(self) -> Self {
        Self { flush_each: true, ..self }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Link for FramedLink<S> {
    async fn send(&mut self, message: &[u8]) -> Result<()> {
        let message = Bytes::copy_from_slice(message);
        let sent =
            if self.flush_each { self.framed.send(message).await } else { self.framed.feed(message).await };
        Ok(sent?)
    }

    async fn flush(&mut self) -> Result<()> {
        Ok(SinkExt::<Bytes>::flush(&mut self.framed).await?)
    }

    async fn recv<T>(&mut self, look: impl FnOnce(&[u8]) -> T) -> Result<T> {
        Ok(look(&self.framed.next().await.ok_or("the peer has ended")??))
    }
}
