//! What a contestant must do: make connections that carry messages, on a runtime of its own.

pub(crate) use sealock_race::Result;
use std::net::SocketAddr;

/// One end of a connection that carries messages.
pub(crate) trait Link {
    /// Queues a message; it may leave with others in one write.
    async fn send(&mut self, message: &[u8]) -> Result<()>;
    /// Makes what is queued leave.
    async fn flush(&mut self) -> Result<()>;
    /// Waits for the next message and looks at it where it lies.
    async fn recv<T>(&mut self, look: impl FnOnce(&[u8]) -> T) -> Result<T>;
    /// Waits until the peer knows that this was all, where closing the stream does not tell it.
    async fn finish(&mut self) -> Result<()> {
        Ok(())
    }
}

/// Who it is, in the table.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Label {
    pub(crate) name: String,
    /// The runtime, and after a plus sign the cryptographic library.
    pub(crate) on: String,
    pub(crate) aead: &'static str,
}

impl Label {
    pub(crate) fn new(name: &str, on: &str, aead: &'static str) -> Self {
        Self { name: name.into(), on: on.into(), aead }
    }

    pub(crate) fn text(&self) -> String {
        format!("{} {} {}", self.name, self.on, self.aead)
    }
}

/// A protocol on a runtime. Both ends of a connection are on threads of their own.
pub(crate) trait Stack: Clone + Send + 'static {
    type Link: Link;
    type Listener;

    fn label(&self) -> Label;
    /// Runs a future to its end, on this thread only.
    fn run<T>(future: impl Future<Output = T>) -> T;
    /// Listens on loopback, at a port that the system chooses.
    async fn bind(&self) -> Result<(Self::Listener, SocketAddr)>;
    async fn accept(&self, listener: &mut Self::Listener) -> Result<Self::Link>;
    async fn connect(&self, address: SocketAddr) -> Result<Self::Link>;
}
