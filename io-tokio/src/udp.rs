//! Datagram sessions over UDP: one socket, many peers.
//!
//! ```
//! use sealock_tokio::datagram::{Config, Event, Peers};
//! use sealock_tokio::generate_key;
//! use sealock_tokio::udp::{self, Incoming};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! let protocol = "Noise_IK_25519_ChaChaPoly_BLAKE2s".parse()?;
//! let (key, own) = (generate_key()?, generate_key()?);
//! let there = key.public();
//! let config = |key| Config::new(protocol).with_static_key(key).with_peers(Peers::Any).build();
//! let mut server = udp::bind("127.0.0.1:0".parse()?, &config(key)?)?;
//! let mut client = udp::bind("127.0.0.1:0".parse()?, &config(own)?)?;
//! let address = server.io().local_addr()?;
//! tokio::spawn(async move {
//!     let mut buffer = vec![0; server.buffer_len()];
//!     while let Ok(incoming) = server.next(&mut buffer).await {
//!         if let Incoming::Message { peer, payload } = incoming {
//!             server.send(peer, payload).await.ok();
//!         }
//!     }
//! });
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
//! # }
//! ```

use crate::timer::{Timer, now};
use sealock_net::udp::is_passing;
use sealock_proto::datagram::{Config, Endpoint};
use sealock_proto::drive::{DatagramIo, Datagrams};
use sealock_proto::time::Instant;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::ReadBuf;
use tokio::net::UdpSocket;

pub use sealock_net::udp::BindError;
pub use sealock_proto::drive::{DatagramError, DatagramIncoming as Incoming};

/// The sessions of one UDP socket. One task owns it: see [`Datagrams`] for its methods.
pub type Socket = Datagrams<Endpoint, TokioUdp>;

/// Binds a UDP socket, port 0 for any. Called within a runtime with its time and I/O enabled.
///
/// # Errors
/// [`BindError`].
pub fn bind(address: SocketAddr, config: &Arc<Config>) -> Result<Socket, BindError> {
    let (endpoint, io) = sealock_net::udp::bind(address, config, || {
        let socket = std::net::UdpSocket::bind(address)?;
        socket.set_nonblocking(true)?;
        UdpSocket::from_std(socket).map(TokioUdp::new)
    })?;
    Ok(Socket::new(endpoint, io))
}

/// A UDP socket of tokio's, with its timer.
#[derive(Debug)]
pub struct TokioUdp {
    socket: UdpSocket,
    timer: Timer,
}

impl TokioUdp {
    /// A socket that is bound and not connected.
    #[must_use]
    pub fn new(socket: UdpSocket) -> Self {
        Self { socket, timer: Timer::default() }
    }

    /// Where it is bound.
    ///
    /// # Errors
    /// The system's.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }
}

impl DatagramIo for TokioUdp {
    type Error = io::Error;

    fn now(&self) -> Instant {
        now()
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>, deadline: Option<Instant>) -> Poll<()> {
        self.timer.poll(cx, deadline)
    }

    fn poll_recv(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<(usize, SocketAddr)>> {
        loop {
            let mut buf = ReadBuf::new(buf);
            match ready!(self.socket.poll_recv_from(cx, &mut buf)) {
                Ok(source) => return Poll::Ready(Ok((buf.filled().len(), source))),
                Err(error) if is_passing(&error) => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, datagram: &[u8], to: SocketAddr) -> Poll<io::Result<()>> {
        self.socket.poll_send_to(cx, datagram, to).map_ok(drop)
    }
}
