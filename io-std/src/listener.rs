//! Accepting: admission first, the handshake apart from it.

use crate::socket::{Io, from_tcp};
use crate::{Connection, now};
use sealock_net::listen::{ACCEPT_PAUSE, AcceptFault, Door, Socket};
use sealock_net::{Address, ListenError, ListenOptions, seed};
use sealock_proto::drive::{Permit, SessionError};
use sealock_proto::limit::AdmissionStats;
use sealock_proto::session::Config;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// Listens at an address. Dropping it stops listening; sessions go on.
#[derive(Debug)]
pub struct Listener {
    door: Door,
    socket: Socket,
    stopped: Arc<AtomicBool>,
}

/// Stops a [`Listener`] that another thread waits for.
#[derive(Clone, Debug)]
pub struct Stopper {
    address: Address,
    stopped: Arc<AtomicBool>,
}

impl Stopper {
    /// From now on [`Listener::accept`] returns `None`. With several threads in it, call this once for each.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        // Waiting ends with a connection. One that fails finds a full queue, so that nobody waits; or nobody listens.
        match &self.address {
            Address::Tcp(name) => {
                if let Ok(mut address) = name.parse::<SocketAddr>() {
                    if address.ip().is_unspecified() {
                        address.set_ip(match address {
                            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
                            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
                        });
                    }
                    let _ = TcpStream::connect_timeout(&address, Duration::from_secs(1));
                }
            }
            #[cfg(unix)]
            Address::Unix(path) => {
                let _ = std::os::unix::net::UnixStream::connect(path);
            }
            _ => {}
        }
    }
}

impl Listener {
    /// Listens at `address`. The file of a Unix-domain socket is removed when the listener is dropped; one that a
    /// dead process left behind is replaced.
    ///
    /// # Errors
    /// If the address cannot be taken or a setting is wrong.
    pub fn bind(address: &Address, config: Arc<Config>, options: ListenOptions) -> Result<Self, ListenError> {
        let (door, socket) = Door::bind(address, config, &options)?;
        Ok(Self { door, socket, stopped: Arc::default() })
    }

    /// Where it listens, with the port the system chose.
    #[must_use]
    pub const fn local_address(&self) -> &Address {
        self.door.address()
    }

    /// What the admission has counted.
    #[must_use]
    pub fn stats(&self) -> AdmissionStats {
        self.door.stats()
    }

    /// A handle that stops this listener from another thread.
    #[must_use]
    pub fn stopper(&self) -> Stopper {
        Stopper { address: self.door.address().clone(), stopped: Arc::clone(&self.stopped) }
    }

    /// Waits for the next stream that is admitted. Others are told why they are refused, and closed. When the
    /// system is out of files or memory, accepting rests for 100 ms. `None` once the listener is stopped.
    ///
    /// # Errors
    /// If the listening socket is broken.
    pub fn accept(&self) -> io::Result<Option<Incoming>> {
        loop {
            if self.stopped.load(Ordering::SeqCst) {
                return Ok(None);
            }
            match self.accept_one() {
                Ok(Some(incoming)) => return Ok(Some(incoming)),
                Ok(None) => {}
                Err(error) => match AcceptFault::of(&error) {
                    AcceptFault::Skip => {}
                    AcceptFault::Pause => thread::sleep(ACCEPT_PAUSE),
                    AcceptFault::Fatal => return Err(error),
                },
            }
        }
    }

    /// `None` for a stream that is refused, gone already or only there to stop the listener.
    fn accept_one(&self) -> io::Result<Option<Incoming>> {
        let (door, options) = (&self.door, self.door.socket());
        let (permit, io, peer) = match &self.socket {
            Socket::Tcp(listener) => {
                let (stream, peer) = listener.accept()?;
                if self.stopped.load(Ordering::SeqCst) {
                    return Ok(None);
                }
                (door.admit(now(), &stream, Some(peer.ip())), from_tcp(stream, options), Some(peer))
            }
            #[cfg(unix)]
            Socket::Unix(listener) => {
                let (stream, _) = listener.accept()?;
                if self.stopped.load(Ordering::SeqCst) {
                    return Ok(None);
                }
                (door.admit(now(), &stream, None), crate::socket::from_unix(stream, options), None)
            }
        };
        let config = Arc::clone(door.config());
        Ok(permit.zip(io.ok()).map(|(permit, io)| Incoming { io, config, permit, peer }))
    }
}

/// A stream that was admitted, before any work was done for it. It occupies a handshake slot of its listener.
#[must_use = "dropping it closes the stream"]
#[derive(Debug)]
pub struct Incoming {
    pub(crate) io: Io,
    config: Arc<Config>,
    permit: Permit,
    peer: Option<SocketAddr>,
}

impl Incoming {
    /// The peer's address; `None` on a Unix-domain socket.
    #[must_use]
    pub const fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// Runs the handshake, for at most the time the session's configuration gives it. In a thread of its own, a
    /// slow peer delays nobody.
    ///
    /// # Errors
    /// If the stream or the handshake fails.
    pub fn handshake(self) -> Result<Connection, SessionError<io::Error>> {
        let Self { io, config, permit, .. } = self;
        let seed = seed().map_err(SessionError::Io)?;
        Connection::establish(&config, seed, io, Some(permit))
    }
}
