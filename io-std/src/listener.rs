//! Accepting: admission first, the handshake apart from it.

use crate::client::sleep;
use crate::socket::from_tcp;
#[cfg(unix)]
use crate::socket::from_unix;
use crate::stream::{StdRead, StdWrite};
use crate::{Connection, block_on, now};
use sealock_net::listen::{self, Door, Service, Socket, wake};
use sealock_net::{Address, ListenError, ListenOptions};
use sealock_proto::drive::{Gate, SessionError};
use sealock_proto::limit::AdmissionStats;
use sealock_proto::session::Config;
use std::future::ready;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Listens at an address, for sessions unless told otherwise. Dropping it stops listening; what was accepted goes on.
#[derive(Debug)]
pub struct Listener<S = Arc<Config>> {
    door: Door<S>,
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
        wake(&self.address);
    }
}

impl<S: Service> Listener<S> {
    /// Listens at `address`. The file of a Unix-domain socket is removed when the listener is dropped; one that a
    /// dead process left behind is replaced.
    ///
    /// # Errors
    /// If the address cannot be taken or a setting is wrong.
    pub fn bind(address: &Address, service: S, options: ListenOptions) -> Result<Self, ListenError> {
        let (door, socket) = Door::bind(address, service, &options)?;
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

    /// Serves `service` to the streams that are accepted from now on, with other keys for example. What was accepted
    /// before goes on as it began.
    ///
    /// # Errors
    /// If it cannot listen; nothing has changed then.
    pub fn set_service(&self, service: S) -> Result<(), ListenError> {
        self.door.set_service(service)
    }

    /// The admission and the guard, whose policy can be changed while sessions live.
    #[must_use]
    pub const fn gate(&self) -> &Gate {
        self.door.gate()
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
    pub fn accept(&self) -> io::Result<Option<Incoming<S>>> {
        block_on(listen::accept(|| ready(self.accept_one()), sleep))
    }

    /// `None` for a stream that is refused or gone already, `Some(None)` once the listener is stopped.
    fn accept_one(&self) -> io::Result<Option<Option<Incoming<S>>>> {
        let stopped = || self.stopped.load(Ordering::SeqCst);
        if stopped() {
            return Ok(Some(None));
        }
        let incoming = match &self.socket {
            Socket::Tcp(listener) => {
                let (stream, peer) = listener.accept()?;
                if stopped() { None } else { self.door.admit(now(), stream, Some(peer), from_tcp) }
            }
            #[cfg(unix)]
            Socket::Unix(listener) => {
                let (stream, _) = listener.accept()?;
                if stopped() { None } else { self.door.admit(now(), stream, None, from_unix) }
            }
        };
        Ok(incoming.map(|incoming| Some(Incoming(incoming))))
    }
}

/// A stream that was admitted, before any work was done for it. It occupies a handshake slot of its listener.
#[must_use = "dropping it closes the stream"]
#[derive(Debug)]
pub struct Incoming<S = Arc<Config>>(
    pub(crate) listen::Incoming<StdRead<crate::Socket>, StdWrite<crate::Socket>, S>,
);

impl<S> Incoming<S> {
    /// The peer's address; `None` on a Unix-domain socket.
    #[must_use]
    pub const fn peer(&self) -> Option<SocketAddr> {
        self.0.peer()
    }
}

impl Incoming {
    /// Runs the handshake, for at most the time the session's configuration gives it. In a thread of its own, a
    /// slow peer delays nobody.
    ///
    /// # Errors
    /// If the stream or the handshake fails.
    pub fn handshake(self) -> Result<Connection, SessionError<io::Error>> {
        block_on(self.0.handshake()).map(Connection::new)
    }
}
