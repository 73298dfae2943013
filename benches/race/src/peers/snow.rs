//! Noise with snow, one record behind its length for each batch of messages: none is larger than 65,535 bytes, so
//! messages are put behind their own lengths in a byte stream that records carry.

use super::framed::codec;
use crate::stack::{Label, Link, Result, Stack};
use crate::transport::Transport;
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use snow::{Builder, HandshakeState, TransportState};
use std::net::SocketAddr;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::codec::{Framed, LengthDelimitedCodec};

type Frames<S> = Framed<S, LengthDelimitedCodec>;
const TAG: usize = 16;
const MAX_PLAIN: usize = 65_535 - TAG;

pub(crate) struct SnowLink<S> {
    frames: Frames<S>,
    noise: TransportState,
    sealed: Vec<u8>,
    /// Bytes of messages that are not sealed yet.
    out: Vec<u8>,
    /// Opened bytes; those before `taken` are used up.
    opened: Vec<u8>,
    taken: usize,
}

impl<S: AsyncRead + AsyncWrite + Unpin> SnowLink<S> {
    async fn seal(&mut self) -> Result<()> {
        let n = self.noise.write_message(&self.out, &mut self.sealed)?;
        self.out.clear();
        Ok(self.frames.feed(Bytes::copy_from_slice(&self.sealed[..n])).await?)
    }

    async fn queue(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(MAX_PLAIN - self.out.len()));
            self.out.extend_from_slice(now);
            bytes = later;
            if self.out.len() == MAX_PLAIN {
                self.seal().await?;
            }
        }
        Ok(())
    }

    /// Opens records until `n` bytes are there.
    async fn fill(&mut self, n: usize) -> Result<()> {
        while self.opened.len() - self.taken < n {
            self.opened.drain(..self.taken);
            self.taken = 0;
            let record = self.frames.next().await.ok_or("the peer has ended")??;
            let old = self.opened.len();
            self.opened.resize(old + record.len(), 0);
            let n = self.noise.read_message(&record, &mut self.opened[old..])?;
            self.opened.truncate(old + n);
        }
        Ok(())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Link for SnowLink<S> {
    async fn send(&mut self, message: &[u8]) -> Result<()> {
        self.queue(&u32::try_from(message.len())?.to_be_bytes()).await?;
        self.queue(message).await
    }

    async fn flush(&mut self) -> Result<()> {
        if !self.out.is_empty() {
            self.seal().await?;
        }
        Ok(SinkExt::<Bytes>::flush(&mut self.frames).await?)
    }

    async fn recv<T>(&mut self, look: impl FnOnce(&[u8]) -> T) -> Result<T> {
        self.fill(4).await?;
        let length = self.opened[self.taken..self.taken + 4].try_into()?;
        let length = usize::try_from(u32::from_be_bytes(length))?;
        self.taken += 4;
        self.fill(length).await?;
        let begin = self.taken;
        self.taken += length;
        Ok(look(&self.opened[begin..self.taken]))
    }
}

#[derive(Clone)]
pub(crate) struct Snow<T> {
    pub(crate) aead: &'static str,
    pub(crate) transport: T,
}

impl<T: Transport> Snow<T> {
    async fn establish(&self, stream: T::Stream, initiator: bool) -> Result<SnowLink<T::Stream>> {
        let mut frames = codec(stream);
        let builder = Builder::new(format!("Noise_XX_25519_{}_BLAKE2s", self.aead).parse()?);
        let key = [if initiator { 1 } else { 2 }; 32];
        let builder = builder.local_private_key(&key)?;
        let mut noise: HandshakeState =
            if initiator { builder.build_initiator()? } else { builder.build_responder()? };
        let mut sealed = vec![0; 65_535];
        while !noise.is_handshake_finished() {
            if noise.is_my_turn() {
                let n = noise.write_message(&[], &mut sealed)?;
                frames.send(Bytes::copy_from_slice(&sealed[..n])).await?;
            } else {
                let message = frames.next().await.ok_or("the peer has ended")??;
                noise.read_message(&message, &mut sealed)?;
            }
        }
        let noise = noise.into_transport_mode()?;
        Ok(SnowLink {
            frames,
            noise,
            sealed,
            out: Vec::with_capacity(MAX_PLAIN),
            opened: Vec::new(),
            taken: 0,
        })
    }
}

impl<T: Transport> Stack for Snow<T> {
    type Link = SnowLink<T::Stream>;
    type Listener = T::Listener;

    fn label(&self) -> Label {
        Label::new("snow", &format!("{}+RustCrypto", T::ON), self.aead)
    }

    fn run<F>(future: impl Future<Output = F>) -> F {
        super::block_on(future)
    }

    async fn bind(&self) -> Result<(T::Listener, SocketAddr)> {
        self.transport.bind().await
    }

    async fn accept(&self, listener: &mut T::Listener) -> Result<Self::Link> {
        self.establish(self.transport.accept(listener).await?, false).await
    }

    async fn connect(&self, address: SocketAddr) -> Result<Self::Link> {
        self.establish(self.transport.connect(address).await?, true).await
    }
}
