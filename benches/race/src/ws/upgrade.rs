//! The opening handshake of those that leave it to others: one request, one answer, always the same key (RFC 6455,
//! section 1.3).

use sealock_race::Result;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: race\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
const ANSWER: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
const END: &[u8] = b"\r\n\r\n";

/// Reads the request and accepts it.
pub(crate) async fn answer<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S) -> Result<()> {
    let mut request = Vec::new();
    while !request.ends_with(END) {
        request.push(stream.read_u8().await?);
    }
    Ok(stream.write_all(ANSWER).await?)
}

/// Connects and has the request accepted.
pub(crate) fn connect(address: SocketAddr) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.write_all(REQUEST)?;
    let mut answer = Vec::new();
    while !answer.ends_with(END) {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        answer.extend(byte);
    }
    if answer.starts_with(b"HTTP/1.1 101") { Ok(stream) } else { Err("the server did not accept".into()) }
}
