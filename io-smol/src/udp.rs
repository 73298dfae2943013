//! Datagram sessions over UDP: one socket, many peers.
//!
//! ```
//! use sealock_smol::datagram::{Config, Event, Peers};
//! use sealock_smol::generate_key;
//! use sealock_smol::udp::{self, Incoming};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! # let executor: &async_executor::Executor<'static> = Box::leak(Box::default());
//! # async_io::block_on(executor.run(async {
//! let protocol = "Noise_IK_25519_ChaChaPoly_BLAKE2s".parse()?;
//! let (key, own) = (generate_key()?, generate_key()?);
//! let there = key.public();
//! let config = |key| Config::new(protocol).with_static_key(key).with_peers(Peers::Any).build();
//! let mut server = udp::bind("127.0.0.1:0".parse()?, &config(key)?)?;
//! let mut client = udp::bind("127.0.0.1:0".parse()?, &config(own)?)?;
//! let address = server.io().local_addr()?;
//! executor.spawn(async move {
//!     let mut buffer = vec![0; server.buffer_len()];
//!     while let Ok(incoming) = server.next(&mut buffer).await {
//!         if let Incoming::Message { peer, payload } = incoming {
//!             server.send(peer, payload).await.ok();
//!         }
//!     }
//! }).detach();
//!
//! let peer = client.connect(address, Some(there))?;
//! let mut buffer = vec![0; client.buffer_len()];
//! loop {
//!     match client.next(&mut buffer).await? {
//!         Incoming::Event(Event::Established { .. }) => client.send(peer, b"hello").await?,
//!         Incoming::Event(event) => panic!("{event:?}"),
//!         Incoming::Message { payload, .. } => {
//!             assert_eq!(payload, b"hello");
//!             break;
//!         }
//!     }
//! }
//! # Ok(())
//! # }))
//! # }
//! ```

use crate::stream::{Alarm, now};
use async_io::Async;
use sealock_net::udp::is_passing;
use sealock_proto::datagram::{Config, Endpoint};
use sealock_proto::drive::{DatagramIo, Datagrams};
use sealock_proto::time::Instant;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

pub use sealock_net::udp::BindError;
pub use sealock_proto::drive::{DatagramError, DatagramIncoming as Incoming};

/// The sessions of one UDP socket. One task owns it: see [`Datagrams`] for its methods.
pub type Socket = Datagrams<Endpoint, SmolUdp>;

/// Binds a UDP socket, port 0 for any.
///
/// # Errors
/// [`BindError`].
pub fn bind(address: SocketAddr, config: &Arc<Config>) -> Result<Socket, BindError> {
    let bound = || Async::<UdpSocket>::bind(address).map(SmolUdp::new);
    let (endpoint, io) = sealock_net::udp::bind(address, config, bound)?;
    Ok(Socket::new(endpoint, io))
}

/// A UDP socket of `async-io`'s, with its timer.
#[derive(Debug)]
pub struct SmolUdp {
    socket: Async<UdpSocket>,
    timer: Alarm,
}

impl SmolUdp {
    /// A socket that is bound and not connected.
    #[must_use]
    pub fn new(socket: Async<UdpSocket>) -> Self {
        Self { socket, timer: Alarm::default() }
    }

    /// Where it is bound.
    ///
    /// # Errors
    /// The system's.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.get_ref().local_addr()
    }
}

impl DatagramIo for SmolUdp {
    type Error = io::Error;

    fn now(&self) -> Instant {
        now()
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>, deadline: Option<Instant>) -> Poll<()> {
        deadline.map_or(Poll::Pending, |deadline| self.timer.poll(cx, deadline))
    }

    fn poll_recv(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<(usize, SocketAddr)>> {
        loop {
            match self.socket.get_ref().recv_from(buf) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => ready!(self.socket.poll_readable(cx))?,
                Err(error) if is_passing(&error) => {}
                done => return Poll::Ready(done),
            }
        }
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, datagram: &[u8], to: SocketAddr) -> Poll<io::Result<()>> {
        loop {
            match self.socket.get_ref().send_to(datagram, to) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => ready!(self.socket.poll_writable(cx))?,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                done => return Poll::Ready(done.map(drop)),
            }
        }
    }
}
