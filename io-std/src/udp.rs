//! Datagram sessions over UDP: one socket, many peers.
//!
//! ```
//! use sealock_std::datagram::{Config, Event, Peers};
//! use sealock_std::generate_key;
//! use sealock_std::udp::{self, Incoming};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! let protocol = "Noise_IK_25519_ChaChaPoly_BLAKE2s".parse()?;
//! let (key, own) = (generate_key()?, generate_key()?);
//! let there = key.public();
//! let config = |key| Config::new(protocol).with_static_key(key).with_peers(Peers::Any).build();
//! let mut server = udp::bind("127.0.0.1:0".parse()?, &config(key)?)?;
//! let mut client = udp::bind("127.0.0.1:0".parse()?, &config(own)?)?;
//! let address = server.local_addr()?;
//! std::thread::spawn(move || {
//!     let mut buffer = vec![0; server.buffer_len()];
//!     while let Ok(incoming) = server.next(&mut buffer) {
//!         if let Incoming::Message { peer, payload } = incoming {
//!             server.send(peer, payload).ok();
//!         }
//!     }
//! });
//!
//! let peer = client.connect(address, Some(there))?;
//! let mut buffer = vec![0; client.buffer_len()];
//! loop {
//!     match client.next(&mut buffer)? {
//!         Incoming::Event(Event::Established { .. }) => client.send(peer, b"hello")?,
//!         Incoming::Event(event) => panic!("{event:?}"),
//!         Incoming::Message { payload, .. } => {
//!             assert_eq!(payload, b"hello");
//!             break;
//!         }
//!     }
//! }
//! # Ok(())
//! # }
//! ```

use crate::block::{block_on, note_deadline, note_try};
use crate::stream::now;
use crate::timeout::quantised;
use sealock_net::udp::is_passing;
use sealock_proto::datagram::{Config, ConnectError, Endpoint, PeerId, SendError};
use sealock_proto::drive::{DatagramIo, Datagrams};
use sealock_proto::noise::PublicKey;
use sealock_proto::time::Instant;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

pub use sealock_net::udp::BindError;
pub use sealock_proto::drive::{DatagramError, DatagramIncoming as Incoming};

/// The sessions of one UDP socket, with methods that block. One thread owns it.
#[derive(Debug)]
pub struct Socket(Datagrams<Endpoint, StdUdp>);

/// Binds a UDP socket, port 0 for any.
///
/// # Errors
/// [`BindError`].
pub fn bind(address: SocketAddr, config: &Arc<Config>) -> Result<Socket, BindError> {
    let bound = || UdpSocket::bind(address).and_then(StdUdp::new);
    let (endpoint, io) = sealock_net::udp::bind(address, config, bound)?;
    Ok(Socket(Datagrams::new(endpoint, io)))
}

impl Socket {
    /// Begins a session with the end at `address`, which must have the static key `key` ([`Endpoint::connect`]). Whether
    /// it comes to be is told by an event from [`next`](Self::next), which also sends what is owed.
    ///
    /// # Errors
    /// There is no attempt then.
    pub fn connect(&mut self, address: SocketAddr, key: Option<PublicKey>) -> Result<PeerId, ConnectError> {
        self.0.connect(address, key)
    }

    /// The next message or event. Everything that is owed leaves meanwhile.
    ///
    /// # Errors
    /// [`DatagramError`].
    pub fn next<'b>(&mut self, buf: &'b mut [u8]) -> Result<Incoming<'b>, DatagramError<io::Error>> {
        block_on(self.0.next(buf))
    }

    /// The same, or `None` if there is nothing for as long as `wait`.
    ///
    /// # Errors
    /// As there.
    pub fn next_within<'b>(
        &mut self,
        wait: Duration,
        buf: &'b mut [u8],
    ) -> Result<Option<Incoming<'b>>, DatagramError<io::Error>> {
        block_on(self.0.next_until(now() + wait, buf))
    }

    /// Seals a message for `peer` and sends it. Nothing repeats it if it is lost on the way.
    ///
    /// # Errors
    /// [`SendError`]; nothing was sent.
    pub fn send(&mut self, peer: PeerId, message: &[u8]) -> Result<(), SendError> {
        block_on(self.0.send(peer, message))
    }

    /// Ends the session with `peer` and tells it why ([`Endpoint::close`]).
    pub fn close(&mut self, peer: PeerId, code: u16) {
        block_on(self.0.close(peer, code));
    }

    /// Bytes that the buffer for [`next`](Self::next) must have.
    #[must_use]
    pub fn buffer_len(&self) -> usize {
        self.0.buffer_len()
    }

    /// Where it is bound.
    ///
    /// # Errors
    /// The system's.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.io().local_addr()
    }

    /// The machine: counters and addresses.
    #[must_use]
    pub const fn machine(&self) -> &Endpoint {
        self.0.machine()
    }

    /// The loop itself, for [`block_on`].
    pub fn into_inner(self) -> Datagrams<Endpoint, StdUdp> {
        self.0
    }
}

/// A blocking UDP socket whose reads have a time limit.
#[derive(Debug)]
pub struct StdUdp {
    socket: UdpSocket,
    /// How long the next read may block.
    wait: Duration,
    /// The read timeout in force.
    timeout: Duration,
}

impl StdUdp {
    /// A socket that is bound and not connected. It is made blocking.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn new(socket: UdpSocket) -> io::Result<Self> {
        socket.set_nonblocking(false)?;
        Ok(Self { socket, wait: Duration::MAX, timeout: Duration::ZERO })
    }

    /// Where it is bound.
    ///
    /// # Errors
    /// The system's.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    fn limit(&mut self) -> io::Result<()> {
        let timeout = quantised(self.wait);
        if timeout != self.timeout {
            self.socket.set_read_timeout(Some(timeout))?;
            self.timeout = timeout;
        }
        Ok(())
    }
}

impl DatagramIo for StdUdp {
    type Error = io::Error;
    const BLOCKS: bool = true;

    fn now(&self) -> Instant {
        now()
    }

    fn poll_timer(&mut self, _: &mut Context<'_>, deadline: Option<Instant>) -> Poll<()> {
        note_deadline(deadline);
        self.wait = deadline.map_or(Duration::MAX, |at| at.saturating_since(now()));
        if self.wait.is_zero() { Poll::Ready(()) } else { Poll::Pending }
    }

    fn poll_recv(&mut self, _: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<(usize, SocketAddr)>> {
        note_try();
        self.limit()?;
        loop {
            match self.socket.recv_from(buf) {
                Err(error) if is_passing(&error) => {}
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    return Poll::Pending;
                }
                done => return Poll::Ready(done),
            }
        }
    }

    /// Waits for the system, which takes a datagram or loses it soon.
    fn poll_send(&mut self, _: &mut Context<'_>, datagram: &[u8], to: SocketAddr) -> Poll<io::Result<()>> {
        loop {
            match self.socket.send_to(datagram, to) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                done => return Poll::Ready(done.map(drop)),
            }
        }
    }
}
