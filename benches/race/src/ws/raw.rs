//! The limit of an echo: no checks, no queue, one write for each read.

use super::feed::head;
use super::servers::ANY;
use super::upgrade::answer;
use async_io::Async;
use futures_lite::io::{AssertAsync, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use sealock_race::Result;
use std::net::SocketAddr;
use std::sync::mpsc::SyncSender;
use std::thread;
use tokio_util::compat::{FuturesAsyncReadCompatExt, TokioAsyncReadCompatExt};

const BUFFER: usize = 64 * 1024;

/// Answers the whole frames of a client at the front of `buf`. Returns how long they are.
fn bounce(buf: &mut [u8], out: &mut Vec<u8>) -> usize {
    let mut used = 0;
    loop {
        let rest = &mut buf[used..];
        let [first, second, ..] = *rest else { return used };
        let (len, at) = match (second & 0x7f, &*rest) {
            (126, [_, _, a, b, ..]) => (u16::from_be_bytes([*a, *b]).into(), 4),
            (127, [_, _, len @ ..]) if len.len() >= 8 => {
                let Some(len) = len.first_chunk() else { return used };
                (u64::from_be_bytes(*len) as usize, 10)
            }
            (126.., _) => return used,
            (short, _) => (short.into(), 2),
        };
        let Some(payload) = rest.get_mut(at..at + 4 + len) else { return used };
        let (mask, payload) = payload.split_at_mut(4);
        let mask = u64::from(u32::from_le_bytes([mask[0], mask[1], mask[2], mask[3]])) * 0x1_0000_0001;
        let mut words = payload.chunks_exact_mut(8);
        for word in &mut words {
            let masked = u64::from_le_bytes(word.try_into().unwrap_or_default());
            word.copy_from_slice(&(masked ^ mask).to_le_bytes());
        }
        words.into_remainder().iter_mut().zip(mask.to_le_bytes()).for_each(|(byte, mask)| *byte ^= mask);
        out.extend(head(first, len, 0));
        out.extend_from_slice(payload);
        used += at + 4 + len;
    }
}

async fn echo<S: AsyncRead + AsyncWrite + Unpin>(stream: S) -> Result<()> {
    let mut stream = stream.compat();
    answer(&mut stream).await?;
    let mut stream = stream.into_inner();
    let (mut buf, mut filled, mut out) = (vec![0; 2 * BUFFER], 0, Vec::new());
    loop {
        let read = stream.read(&mut buf[filled..]).await?;
        if read == 0 {
            return Ok(());
        }
        filled += read;
        let used = bounce(&mut buf[..filled], &mut out);
        buf.copy_within(used..filled, 0);
        filled -= used;
        stream.write_all(&out).await?;
        out.clear();
    }
}

pub(crate) async fn tokio(stream: tokio::net::TcpStream) -> Result<()> {
    echo(stream.compat()).await
}

pub(crate) fn smol(bound: SyncSender<SocketAddr>) -> Result<()> {
    let executor = async_executor::LocalExecutor::new();
    async_io::block_on(executor.run(async {
        let listener = Async::<std::net::TcpListener>::bind(ANY)?;
        bound.send(listener.get_ref().local_addr()?)?;
        loop {
            let stream = listener.accept().await?.0;
            stream.get_ref().set_nodelay(true)?;
            executor.spawn(async { echo(stream).await.ok() }).detach();
        }
    }))
}

pub(crate) fn std(bound: SyncSender<SocketAddr>) -> Result<()> {
    let listener = std::net::TcpListener::bind(ANY)?;
    bound.send(listener.local_addr()?)?;
    loop {
        let stream = listener.accept()?.0;
        stream.set_nodelay(true)?;
        thread::spawn(|| futures_lite::future::block_on(echo(AssertAsync::new(stream))).ok());
    }
}
