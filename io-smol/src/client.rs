//! Connecting, once or until it succeeds.

use crate::Connection;
use crate::socket::{AnySocket, Io, from_tcp};
use async_io::{Async, Timer};
use futures_io::{AsyncRead, AsyncWrite};
use futures_lite::future::or;
use futures_lite::io::{ReadHalf, WriteHalf, split};
use sealock_net::{Address, ConnectError, ConnectOptions, SocketOptions, Target, seed};
use sealock_proto::backoff::{BackoffConfig, BackoffError};
use sealock_proto::drive::{Resumption, SessionError, TicketStore};
use sealock_proto::resume::ClientTicket;
use sealock_proto::session::Config;
use std::io::{self, ErrorKind};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

/// Connects to `address` and establishes a session.
///
/// # Errors
/// If the peer cannot be reached, or the handshake fails.
pub async fn connect(
    address: &Address,
    config: &Arc<Config>,
    options: &ConnectOptions,
) -> Result<Connection, ConnectError> {
    begin(address, config, Resumption::No, options).await
}

/// Connects to `address` and resumes a session with `ticket`: who gave it gives another one with each session
/// ([`Event::Ticket`](sealock_proto::session::Event::Ticket), `take_ticket`). If it is not accepted the handshake is a full
/// one, on the same connection.
///
/// # Errors
/// As [`connect`].
pub async fn resume(
    address: &Address,
    config: &Arc<Config>,
    ticket: &ClientTicket,
    options: &ConnectOptions,
) -> Result<Connection, ConnectError> {
    begin(address, config, Resumption::Ticket(ticket), options).await
}

/// Connects to `address` with the ticket that `tickets` keep, if they do, and has them keep the one that comes.
pub(crate) async fn come_again(
    address: &Address,
    config: &Arc<Config>,
    tickets: &TicketStore,
    options: &ConnectOptions,
) -> Result<Connection, ConnectError> {
    begin(address, config, Resumption::Store(tickets), options).await
}

async fn begin(
    address: &Address,
    config: &Arc<Config>,
    resumption: Resumption<'_>,
    options: &ConnectOptions,
) -> Result<Connection, ConnectError> {
    ConnectError::check_role(config)?;
    let failed = |error| ConnectError::Io { address: address.clone(), error };
    let seed = seed().map_err(failed)?;
    let io = dial(address, options).await.map_err(failed)?;
    let session = Connection::<AnySocket, AnySocket>::begin(config, resumption, seed, io).await;
    session.map_err(|error| ConnectError::Session { address: address.clone(), error })
}

/// Reaches `address` in the time that `options` give.
pub(crate) async fn dial(address: &Address, options: &ConnectOptions) -> io::Result<Io> {
    let late = async {
        Timer::after(options.timeout()).await;
        Err(ErrorKind::TimedOut.into())
    };
    or(open(address, options.socket()), late).await
}

pub(crate) async fn open(address: &Address, options: &SocketOptions) -> io::Result<Io> {
    match address {
        Address::Tcp(name) => from_tcp(open_tcp(name).await?, options),
        #[cfg(unix)]
        Address::Unix(path) => {
            let stream = Async::<std::os::unix::net::UnixStream>::connect(path).await?;
            crate::socket::from_unix(stream, options)
        }
        _ => Err(ErrorKind::Unsupported.into()),
    }
}

/// Tries the addresses of a name one after the other.
async fn open_tcp(name: &str) -> io::Result<Async<TcpStream>> {
    let addresses = match name.parse() {
        Ok(address) => vec![address],
        Err(_) => {
            let name = name.to_owned();
            blocking::unblock(move || name.to_socket_addrs()).await?.collect()
        }
    };
    let mut last = ErrorKind::NotFound.into();
    for address in addresses {
        match Async::<TcpStream>::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Establishes a session on any stream, as the end that `config` says. The two halves share a lock.
///
/// # Errors
/// If the stream or the handshake fails.
pub async fn from_stream<T: AsyncRead + AsyncWrite + Unpin>(
    stream: T,
    config: &Arc<Config>,
) -> Result<Connection<ReadHalf<T>, WriteHalf<T>>, SessionError<io::Error>> {
    let seed = seed().map_err(SessionError::Io)?;
    let (read, write) = split(stream);
    Connection::establish(config, seed, crate::halves(read, write)).await
}

pub(crate) async fn sleep(delay: Duration) {
    Timer::after(delay).await;
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
    pub async fn connect(&mut self) -> Result<Connection, ConnectError> {
        self.connect_with(|_, _| {}).await
    }

    /// The same; `failed` hears of every failed attempt and of the delay before the next.
    ///
    /// # Errors
    /// As [`Reconnector::connect`].
    pub async fn connect_with(
        &mut self,
        failed: impl FnMut(&ConnectError, Duration),
    ) -> Result<Connection, ConnectError> {
        self.0.run(come_again, sleep, failed).await
    }
}
