//! TLS 1.3 as a stage between the stream and the protocol (RFC 8446), by rustls without its I/O.
//!
//! The receiver holds [`TlsReader`], the writer [`TlsWriter`]; both share rustls' connection behind a lock of its own.
//! The writer's lock cannot guard it, since the receiver must be able to decrypt while a write blocks: this one is held
//! for cryptography only, never during I/O, and nothing else is locked under it.
//!
//! The receiver's half decrypts straight into the read buffer; what it makes rustls owe the peer (its handshake, an
//! alert) leaves with the flush that comes before every wait. The writer's half encrypts up to [`CHUNK`] sealed bytes
//! at once, and takes no more before the stream has taken those: a message accepted is either still in the transmit
//! buffer or in records that go out next.

use super::receiver::{Read, fill};
use super::{DriveError, ReadIo, TlsError, WriteIo};
use crate::buf::{RxBuf, TxBuf};
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::mem;
use core::task::{Context, Poll, ready};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, ProtocolVersion, ServerConfig, ServerConnection};
use std::io::{ErrorKind, Read as _, Write as _};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Plaintext encrypted at once: two full records.
const CHUNK: usize = 32 * 1024;
/// Ciphertext read at once.
const WIRE: usize = 32 * 1024;

/// One end of a TLS connection that has not begun, for [`Transport::with_tls`](super::Transport::with_tls).
///
/// TLS 1.3 only: a peer, or a configuration, that settles on less fails with [`TlsError::Incompatible`].
pub struct Tls(Box<rustls::Connection>);

impl Tls {
    /// A client that wants to talk to the server of this name.
    ///
    /// # Errors
    /// [`TlsError::Local`] if the configuration is none to connect with.
    pub fn client(config: Arc<ClientConfig>, name: ServerName<'static>) -> Result<Self, TlsError> {
        let connection = ClientConnection::new(config, name).map_err(|error| TlsError::of(&error))?;
        Ok(Self(Box::new(connection.into())))
    }

    /// A server.
    ///
    /// # Errors
    /// [`TlsError::Local`] if the configuration is none to serve with.
    pub fn server(config: Arc<ServerConfig>) -> Result<Self, TlsError> {
        let connection = ServerConnection::new(config).map_err(|error| TlsError::of(&error))?;
        Ok(Self(Box::new(connection.into())))
    }

    /// The two halves of the stage.
    pub(super) fn split(mut self) -> (TlsReader, TlsWriter) {
        // What is written is taken at once, and what is received cannot be more than a read brings.
        self.0.set_buffer_limit(Some(CHUNK * 2));
        let core = Arc::new(Mutex::new(Core { connection: self.0, failed: false }));
        let reader = TlsReader {
            core: Arc::clone(&core),
            wire: RxBuf::new(WIRE),
            waiting: 0,
            is_open: false,
            opened_now: false,
            end: None,
        };
        (reader, TlsWriter { core, records: Vec::new(), taken: 0, has_ended: false })
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

struct Core {
    connection: Box<rustls::Connection>,
    /// The receiver has failed: nothing but an alert may still leave.
    failed: bool,
}

fn lock(core: &Mutex<Core>) -> MutexGuard<'_, Core> {
    core.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The receiver's half.
pub(super) struct TlsReader {
    core: Arc<Mutex<Core>>,
    /// Ciphertext that rustls has not taken.
    wire: RxBuf,
    /// Plaintext in rustls' memory, at most.
    waiting: usize,
    /// The handshake is complete.
    is_open: bool,
    /// Since the receiver last asked.
    opened_now: bool,
    /// What follows the plaintext: the peer's closing alert, or a failure.
    end: Option<Result<(), TlsError>>,
}

impl TlsReader {
    /// Decrypts what is there, and else reads once. `rx` must have room.
    pub(super) fn poll_read<I: ReadIo, P>(
        &mut self,
        io: &mut I,
        cx: &mut Context<'_>,
        rx: &mut RxBuf,
        need: usize,
    ) -> Poll<Result<Read, DriveError<P, I::Error>>> {
        if !self.has_more() {
            let read = ready!(fill(io, cx, &mut self.wire, 1)).map_err(DriveError::Io)?;
            if read == 0 {
                // Whether an end without a closing alert comes too early is up to the protocol, which has a close of
                // its own; a protocol that has not begun cannot tell.
                self.end = Some(if self.is_open { Ok(()) } else { Err(TlsError::Truncated) });
            }
        }
        let core = Arc::clone(&self.core);
        let mut core = lock(&core);
        if self.open(&mut core.connection, rx, need) {
            return Poll::Ready(Ok(Read::Bytes));
        }
        Poll::Ready(match self.end {
            None => Ok(Read::Nothing),
            Some(Ok(())) => Ok(Read::End),
            Some(Err(error)) => {
                core.failed = true;
                Err(DriveError::Tls(error))
            }
        })
    }

    /// Whether anything lies here that needs no reading.
    pub(super) const fn has_more(&self) -> bool {
        self.waiting > 0 || !self.wire.is_empty() || self.end.is_some()
    }

    /// Whether the handshake has been completed since the last question: a sender may wait for that.
    pub(super) const fn take_opened(&mut self) -> bool {
        mem::replace(&mut self.opened_now, false)
    }

    /// Decrypts what lies here, as far as `rx` has room. Whether there are new bytes in it.
    fn open(&mut self, connection: &mut rustls::Connection, rx: &mut RxBuf, need: usize) -> bool {
        let mut total = 0;
        loop {
            while self.waiting > 0 {
                let spare = rx.spare_mut(need.saturating_sub(total));
                if spare.is_empty() {
                    return total > 0;
                }
                let n = connection.reader().read(spare).unwrap_or(0);
                rx.commit(n);
                total += n;
                self.waiting = if n == 0 { 0 } else { self.waiting.saturating_sub(n) };
            }
            if self.end.is_some() || self.wire.is_empty() {
                return total > 0;
            }
            self.take_in(connection);
        }
    }

    /// Gives rustls as much ciphertext as it takes at once. What was authentic before a failure counts.
    fn take_in(&mut self, connection: &mut rustls::Connection) {
        let taken = connection.read_tls(&mut self.wire.filled()).map_err(|_| TlsError::Violation);
        let state = taken.and_then(|n| {
            self.wire.consume(n);
            connection.process_new_packets().map_err(|error| TlsError::of(&error))
        });
        match state {
            Ok(state) => {
                self.waiting = state.plaintext_bytes_to_read();
                if state.peer_has_closed() {
                    self.end = Some(Ok(()));
                }
            }
            Err(error) => {
                self.waiting = usize::MAX;
                self.end = Some(Err(error));
            }
        }
        if !self.is_open && !connection.is_handshaking() {
            (self.is_open, self.opened_now) = (true, true);
            if connection.protocol_version() != Some(ProtocolVersion::TLSv1_3) {
                self.waiting = 0;
                self.end = Some(Err(TlsError::Incompatible));
            }
        }
    }

    /// The peer's chain, once the handshake is complete: a copy, since rustls' connection is behind the lock.
    pub(super) fn peer_certificates(&self) -> Option<Vec<CertificateDer<'static>>> {
        let core = self.is_open.then(|| lock(&self.core))?;
        core.connection.peer_certificates().map(<[_]>::to_vec)
    }

    /// Memory held here, in bytes, besides what rustls holds.
    pub(super) fn capacity(&self) -> usize {
        self.wire.capacity()
    }

    /// Frees what memory it can, if nothing waits in it.
    pub(super) fn release(&mut self) {
        self.wire.release();
        // Before it reads, rustls gives back what a large record needed. A reader that fails is no end of the stream.
        let _ = lock(&self.core).connection.read_tls(&mut NotNow);
    }
}

struct NotNow;

impl std::io::Read for NotNow {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        Err(ErrorKind::WouldBlock.into())
    }
}

/// The writer's half.
pub(super) struct TlsWriter {
    core: Arc<Mutex<Core>>,
    /// Records on their way to the stream, of which it has taken the first `taken` bytes.
    records: Vec<u8>,
    taken: usize,
    /// Nothing follows but the closing alert.
    has_ended: bool,
}

impl TlsWriter {
    /// One write: of the records that are there, or else of as much of `tx` as is encrypted at once. 0: the stage has
    /// failed or was closed. Pending without the stream while the handshake lasts: then its end wakes the sender.
    pub(super) fn poll_write<W: WriteIo>(
        &mut self,
        tx: &mut TxBuf,
        io: &mut W,
        cx: &mut Context<'_>,
    ) -> Poll<Result<usize, W::Error>> {
        if self.queued() == 0 && !self.encrypt(tx) {
            return Poll::Ready(Ok(0));
        }
        let records = self.records.get(self.taken..).unwrap_or_default();
        if records.is_empty() {
            return Poll::Pending;
        }
        let n = ready!(io.poll_write(cx, records))?;
        self.taken = self.taken.saturating_add(n);
        if self.taken >= self.records.len() {
            self.records.clear();
            self.taken = 0;
        }
        Poll::Ready(Ok(n))
    }

    /// False if nothing will ever leave again.
    fn encrypt(&mut self, tx: &mut TxBuf) -> bool {
        let mut core = lock(&self.core);
        let Core { connection, failed } = &mut *core;
        if !self.has_ended && !*failed && !connection.is_handshaking() {
            let sealed = tx.sealed();
            let chunk = sealed.get(..CHUNK).unwrap_or(sealed);
            match connection.writer().write(chunk) {
                Ok(n) if n > 0 || chunk.is_empty() => tx.consume(n),
                _ => *failed = true,
            }
        }
        take_records(connection, &mut self.records);
        !self.records.is_empty() || !(self.has_ended || *failed)
    }

    /// Whether there are records for the stream, or will be without more of the transmit buffer.
    pub(super) fn has_records(&self) -> bool {
        self.queued() > 0 || lock(&self.core).connection.wants_write()
    }

    /// Bytes of records that the stream has not taken.
    pub(super) fn queued(&self) -> usize {
        self.records.len() - self.taken
    }

    /// Says that nothing follows (RFC 8446, section 6.1), once. An alert after a failure has said so already.
    pub(super) fn end(&mut self) {
        if !mem::replace(&mut self.has_ended, true) {
            let mut core = lock(&self.core);
            if !core.failed {
                core.connection.send_close_notify();
            }
        }
    }

    /// Whether [`TlsWriter::end`] was called.
    pub(super) const fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Memory held here, in bytes, besides what rustls holds.
    pub(super) fn capacity(&self) -> usize {
        self.records.capacity()
    }

    /// Frees the memory if nothing is on its way.
    pub(super) fn release(&mut self) {
        if self.queued() == 0 {
            self.records = Vec::new();
            self.taken = 0;
        }
    }
}

/// Appends the records that rustls has made.
fn take_records(connection: &mut rustls::Connection, records: &mut Vec<u8>) {
    while connection.wants_write() {
        if connection.write_tls(records).unwrap_or(0) == 0 {
            return;
        }
    }
}
