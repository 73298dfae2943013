//! Connecting, once or until it succeeds.

use crate::socket::{Io, from_tcp};
use crate::stream::{Timeouts, halves};
use crate::{Connection, block_on};
use sealock_net::{Address, ConnectError, ConnectOptions, Target, seed};
use sealock_proto::backoff::{BackoffConfig, BackoffError};
use sealock_proto::drive::{Resumption, SessionConnection, SessionError, TicketStore};
use sealock_proto::resume::ClientTicket;
use sealock_proto::session::Config;
use std::future::{Ready, ready};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// Connects to `address` and establishes a session. Resolving a host name takes the time the system gives it.
///
/// # Errors
/// If the peer cannot be reached, or the handshake fails.
pub fn connect(
    address: &Address,
    config: &Arc<Config>,
    options: &ConnectOptions,
) -> Result<Connection, ConnectError> {
    begin(address, config, Resumption::No, options)
}

/// Connects to `address` and resumes a session with `ticket`: who gave it gives another one with each session
/// ([`Event::Ticket`](sealock_proto::session::Event::Ticket), `take_ticket`). If it is not accepted the handshake is a full
/// one, on the same connection.
///
/// # Errors
/// As [`connect`].
pub fn resume(
    address: &Address,
    config: &Arc<Config>,
    ticket: &ClientTicket,
    options: &ConnectOptions,
) -> Result<Connection, ConnectError> {
    begin(address, config, Resumption::Ticket(ticket), options)
}

/// Connects to `address` with the ticket that `tickets` keep, if they do, and has them keep the one that comes.
pub(crate) fn come_again(
    address: &Address,
    config: &Arc<Config>,
    tickets: &TicketStore,
    options: &ConnectOptions,
) -> Result<Connection, ConnectError> {
    begin(address, config, Resumption::Store(tickets), options)
}

fn begin(
    address: &Address,
    config: &Arc<Config>,
    resumption: Resumption<'_>,
    options: &ConnectOptions,
) -> Result<Connection, ConnectError> {
    ConnectError::check_role(config)?;
    let failed = |error| ConnectError::Io { address: address.clone(), error };
    let seed = seed().map_err(failed)?;
    let io = open(address, options).map_err(failed)?;
    let session = block_on(SessionConnection::begin(config, resumption, seed, io));
    session.map(Connection::new).map_err(|error| ConnectError::Session { address: address.clone(), error })
}

pub(crate) fn open(address: &Address, options: &ConnectOptions) -> io::Result<Io> {
    match address {
        Address::Tcp(name) => from_tcp(open_tcp(name, options.timeout())?, options.socket()),
        #[cfg(unix)]
        Address::Unix(path) => {
            crate::socket::from_unix(sealock_net::connect_unix(path, options.timeout())?, options.socket())
        }
        _ => Err(ErrorKind::Unsupported.into()),
    }
}

/// Tries the addresses of a name one after the other, for `timeout` in all. The system's look-up of the name
/// cannot be given a limit: it may take longer, and then nothing is tried.
fn open_tcp(name: &str, timeout: Duration) -> io::Result<TcpStream> {
    let start = Instant::now();
    let mut last = ErrorKind::NotFound.into();
    for address in name.to_socket_addrs()? {
        let left = timeout.saturating_sub(start.elapsed());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        match TcpStream::connect_timeout(&address, left) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Establishes a session on any stream with time limits, given as two handles to it, as the end that `config` says.
///
/// # Errors
/// If the stream or the handshake fails.
pub fn from_stream<R: Read + Timeouts, W: Write + Timeouts>(
    read: R,
    write: W,
    config: &Arc<Config>,
) -> Result<Connection<R, W>, SessionError<io::Error>> {
    let seed = seed().map_err(SessionError::Io)?;
    let io = halves(read, write).map_err(SessionError::Io)?;
    block_on(SessionConnection::establish(config, seed, io)).map(Connection::new)
}

pub(crate) fn sleep(delay: Duration) -> Ready<()> {
    thread::sleep(delay);
    ready(())
}

/// A client that tries until it has a session, with exponential backoff and full jitter. Where the peer gives tickets it
/// resumes the session it had: once with each ticket, with a full handshake otherwise.
#[derive(Debug)]
pub struct Reconnector(Target);

impl Reconnector {
    /// A client of `address`.
    ///
    /// # Errors
    /// Names the field of `backoff` that is out of range.
    pub fn new(address: Address, config: Arc<Config>, backoff: BackoffConfig) -> Result<Self, BackoffError> {
        Target::new(address, config, backoff).map(Self)
    }

    /// How to connect.
    #[must_use]
    pub fn with_options(self, options: ConnectOptions) -> Self {
        Self(self.0.with_options(options))
    }

    /// A session; tries until there is one. Begins at the shortest delay each time.
    ///
    /// # Errors
    /// The last one, when trying again cannot help or the attempts are used up.
    pub fn connect(&mut self) -> Result<Connection, ConnectError> {
        self.connect_with(|_, _| {})
    }

    /// The same; `failed` hears of every failed attempt and of the delay before the next.
    ///
    /// # Errors
    /// As [`Reconnector::connect`].
    pub fn connect_with(
        &mut self,
        failed: impl FnMut(&ConnectError, Duration),
    ) -> Result<Connection, ConnectError> {
        let connect =
            |address, config, tickets, options| ready(come_again(address, config, tickets, options));
        block_on(self.0.run(connect, sleep, failed))
    }
}
