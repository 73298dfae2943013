//! Socket options: plain data, and one way to apply it to any runtime's socket.

use socket2::{SockRef, TcpKeepalive};
use std::io;
use std::time::Duration;

/// How a stream socket is set up.
///
/// The default switches Nagle's algorithm off, since the drivers already write once per burst, and leaves
/// everything else to the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SocketOptions {
    nodelay: bool,
    keepalive: Option<Duration>,
    send_buffer: Option<usize>,
    receive_buffer: Option<usize>,
}

impl Default for SocketOptions {
    fn default() -> Self {
        Self { nodelay: true, keepalive: None, send_buffer: None, receive_buffer: None }
    }
}

impl SocketOptions {
    /// `TCP_NODELAY`: whether small writes leave at once. On by default.
    #[must_use]
    pub const fn with_nodelay(mut self, nodelay: bool) -> Self {
        self.nodelay = nodelay;
        self
    }

    /// TCP keepalive: probe a peer that has been silent this long (whole seconds, at least one). Off by
    /// default: protocols with a heartbeat do not need it.
    #[must_use]
    pub const fn with_keepalive(mut self, idle: Option<Duration>) -> Self {
        self.keepalive = idle;
        self
    }

    /// The system's send buffer in bytes. Systems round it and may double it.
    #[must_use]
    pub const fn with_send_buffer(mut self, bytes: Option<usize>) -> Self {
        self.send_buffer = bytes;
        self
    }

    /// The system's receive buffer in bytes. Systems round it and may double it.
    #[must_use]
    pub const fn with_receive_buffer(mut self, bytes: Option<usize>) -> Self {
        self.receive_buffer = bytes;
        self
    }

    /// Sets a connected TCP socket up.
    ///
    /// # Errors
    /// If the system refuses one of the options.
    pub fn apply_tcp<'s, S>(&self, socket: &'s S) -> io::Result<()>
    where
        SockRef<'s>: From<&'s S>,
    {
        self.apply_unix(socket)?;
        let socket = SockRef::from(socket);
        socket.set_tcp_nodelay(self.nodelay)?;
        match self.keepalive {
            Some(idle) => {
                socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(idle.max(Duration::from_secs(1))))
            }
            None => Ok(()),
        }
    }

    /// Sets a Unix-domain socket up: the buffer sizes, which are all that apply there.
    ///
    /// # Errors
    /// If the system refuses one of the options.
    pub fn apply_unix<'s, S>(&self, socket: &'s S) -> io::Result<()>
    where
        SockRef<'s>: From<&'s S>,
    {
        let socket = SockRef::from(socket);
        if let Some(bytes) = self.send_buffer {
            socket.set_send_buffer_size(bytes)?;
        }
        if let Some(bytes) = self.receive_buffer {
            socket.set_recv_buffer_size(bytes)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn every_option_reaches_the_socket() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let socket = SockRef::from(&stream);
        SocketOptions::default().apply_tcp(&stream).unwrap();
        assert!(stream.nodelay().unwrap());
        assert!(!socket.keepalive().unwrap());
        let untouched = (socket.send_buffer_size().unwrap(), socket.recv_buffer_size().unwrap());
        SocketOptions::default()
            .with_nodelay(false)
            .with_keepalive(Some(Duration::from_secs(77)))
            .with_send_buffer(Some(40_000))
            .with_receive_buffer(Some(50_000))
            .apply_tcp(&stream)
            .unwrap();
        assert!(!stream.nodelay().unwrap());
        assert!(socket.keepalive().unwrap());
        let set = (socket.send_buffer_size().unwrap(), socket.recv_buffer_size().unwrap());
        assert!(set.0 >= 40_000 && set.0 != untouched.0, "{set:?} {untouched:?}");
        assert!(set.1 >= 50_000 && set.1 != untouched.1, "{set:?} {untouched:?}");
        #[cfg(target_os = "linux")]
        assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_secs(77));
    }
}
