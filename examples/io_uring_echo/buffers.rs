//! Buffers that the kernel owns while it works on them.
//!
//! A `TxBuf` goes into a write whole and comes back with its result, so nothing is copied; the machine has it again
//! before it next sends. A read owns a buffer of its own, from which bytes are copied to the `RxBuf`: the machine must
//! be able to look at what it left there while a read is under way.

use compio::BufResult;
use compio::buf::IoBuf;
use compio::io::{AsyncRead, AsyncWriteExt};
use compio::net::TcpStream;
use sealock_examples::Failure;
use sealock_proto::buf::{RxBuf, TxBuf};

/// Lends what is sealed to the kernel.
struct Sealed(TxBuf);

impl IoBuf for Sealed {
    fn as_init(&self) -> &[u8] {
        self.0.sealed()
    }
}

/// Writes out what is sealed.
pub(super) async fn write_out(mut stream: &TcpStream, tx: TxBuf) -> Result<TxBuf, Failure> {
    if tx.sealed().is_empty() {
        return Ok(tx);
    }
    let BufResult(result, Sealed(mut tx)) = stream.write_all(Sealed(tx)).await;
    result?;
    tx.consume(usize::MAX);
    Ok(tx)
}

/// Reads over what is in `chunk`.
pub(super) async fn read(mut stream: &TcpStream, chunk: Vec<u8>) -> BufResult<usize, Vec<u8>> {
    stream.read(chunk).await
}

/// Copies bytes that were read to where the machine looks at them.
pub(super) fn keep(mut bytes: &[u8], rx: &mut RxBuf) {
    while !bytes.is_empty() {
        let spare = rx.spare_mut(bytes.len());
        let n = spare.len().min(bytes.len());
        spare[..n].copy_from_slice(&bytes[..n]);
        rx.commit(n);
        bytes = &bytes[n..];
    }
}
