//! What a client sends, for ever: the same frames again and again, in pieces of at most 64 KiB that are copied out.

use std::io::{self, Read, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The most bytes of one read.
pub(crate) const PIECE: usize = 64 * 1024;
/// Bytes of frames before they begin anew: more than the nearer caches hold.
const WIRE: usize = 8 * 1024 * 1024;
pub(crate) const TEXT: u8 = 0x81;
pub(crate) const BINARY: u8 = 0x82;

/// What a message carries.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    Binary,
    Ascii,
    /// Text with letters of two bytes.
    Greek,
}

/// A frame as a client masks it.
pub(crate) fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = head(first, payload.len(), 0x80);
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    frame.extend(mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// The head of a frame, with `bit` beside its length.
pub(crate) fn head(first: u8, len: usize, bit: u8) -> Vec<u8> {
    let mut head = vec![first];
    match (u8::try_from(len), u16::try_from(len)) {
        (Ok(short), _) if short < 126 => head.push(bit | short),
        (_, Ok(len)) => {
            head.push(bit | 126);
            head.extend(len.to_be_bytes());
        }
        _ => {
            head.push(bit | 127);
            head.extend((len as u64).to_be_bytes());
        }
    }
    head
}

/// A message of `size` bytes.
pub(crate) fn message(content: Content, size: usize) -> Vec<u8> {
    let pattern: &[u8] = match content {
        Content::Binary => &[0, 0xff, 7, 0x80],
        Content::Ascii => b"WebSocket ",
        Content::Greek => "κόσμος ".as_bytes(),
    };
    // Cut between two letters.
    let whole = if content == Content::Greek { size - size % pattern.len() } else { size };
    let mut message: Vec<u8> = pattern.iter().copied().cycle().take(whole).collect();
    message.resize(size, b'.');
    message
}

/// The frames, and how many they are.
#[derive(Clone)]
pub(crate) struct Wire {
    pub(crate) bytes: Arc<[u8]>,
    pub(crate) messages: usize,
}

impl Wire {
    pub(crate) fn new(content: Content, size: usize) -> Self {
        let first = if content == Content::Binary { BINARY } else { TEXT };
        let frame = masked(first, &message(content, size));
        let messages = WIRE / frame.len();
        Self { bytes: frame.repeat(messages).into(), messages }
    }
}

/// Reads a [`Wire`] and takes whatever is written.
pub(crate) struct Feed {
    wire: Wire,
    at: usize,
}

impl Feed {
    pub(crate) fn new(wire: &Wire) -> Self {
        Self { wire: wire.clone(), at: 0 }
    }

    /// The next piece, as long as `room` allows.
    pub(crate) fn piece(&mut self, room: usize) -> &[u8] {
        if self.at == self.wire.bytes.len() {
            self.at = 0;
        }
        let rest = &self.wire.bytes[self.at..];
        let piece = &rest[..rest.len().min(room).min(PIECE)];
        self.at += piece.len();
        piece
    }
}

impl Read for Feed {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let piece = self.piece(buf.len());
        buf[..piece.len()].copy_from_slice(piece);
        Ok(piece.len())
    }
}

impl Write for Feed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsyncRead for Feed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let piece = self.piece(buf.remaining());
        buf.put_slice(piece);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Feed {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
