//! Accepting: admission first, the handshake apart from it.

use crate::client::sleep;
use crate::socket::{AnySocket, from_tcp};
use crate::{SmolRead, SmolWrite, now};
use async_io::Async;
use sealock_net::listen::{self, Door, Service, Socket};
use sealock_net::{Address, ListenError, ListenOptions};
use sealock_proto::drive::Gate;
use sealock_proto::limit::AdmissionStats;
use sealock_proto::session::Config;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;

/// Listens at an address, for sessions unless told otherwise. Dropping it stops listening; what was accepted goes on.
#[derive(Debug)]
pub struct Listener<S = Arc<Config>> {
    door: Door<S>,
    socket: Inner,
}

#[derive(Debug)]
enum Inner {
    Tcp(Async<TcpListener>),
    #[cfg(unix)]
    Unix(Async<std::os::unix::net::UnixListener>),
}

impl<S: Service> Listener<S> {
    /// Listens at `address`, a host name being resolved by blocking. The file of a Unix-domain socket is removed
    /// when the listener is dropped; one that a dead process left behind is replaced.
    ///
    /// # Errors
    /// If the address cannot be taken or a setting is wrong.
    pub async fn bind(address: &Address, service: S, options: ListenOptions) -> Result<Self, ListenError> {
        let (door, socket) = Door::bind(address, service, &options)?;
        let socket = match socket {
            Socket::Tcp(listener) => Async::new(listener).map(Inner::Tcp),
            #[cfg(unix)]
            Socket::Unix(listener) => Async::new(listener).map(Inner::Unix),
        };
        let socket = socket.map_err(|error| ListenError::Io { address: address.clone(), error })?;
        Ok(Self { door, socket })
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

    /// The next stream that is admitted. Others are told why they are refused, and closed. When the system is out
    /// of files or memory, accepting rests for 100 ms. Can be dropped at any point.
    ///
    /// # Errors
    /// If the listening socket is broken.
    pub async fn accept(&self) -> io::Result<Incoming<S>> {
        listen::accept(|| self.accept_one(), sleep).await
    }

    /// `None` for a stream that is refused or gone already.
    async fn accept_one(&self) -> io::Result<Option<Incoming<S>>> {
        match &self.socket {
            Inner::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                Ok(self.door.admit(now(), stream, Some(peer), from_tcp))
            }
            #[cfg(unix)]
            Inner::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                Ok(self.door.admit(now(), stream, None, crate::socket::from_unix))
            }
        }
    }
}

/// A stream that was admitted, before any work was done for it.
pub type Incoming<S = Arc<Config>> = listen::Incoming<SmolRead<AnySocket>, SmolWrite<AnySocket>, S>;
