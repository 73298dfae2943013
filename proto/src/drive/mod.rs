//! The one driver loop. An adapter supplies the two I/O traits; everything else lives here.
//!
//! A [`Connection`] is a [`Receiver`] and a [`Sender`], always; splitting it only hands the two out. The
//! receiver owns the read buffer and the reading half of the stream. Everything that writes sits behind one
//! lock, so that the receiver can answer pings, acknowledge and close while the sender does nothing.
//!
//! What the loop keeps to:
//! - Bytes leave in one write per burst: when the sender flushes, or when the receiver has delivered all it
//!   has and is about to wait.
//! - The lock is never held while waiting, and the receiver never waits for the lock: it leaves a note, and
//!   whoever holds the lock flushes for it after letting go.
//! - Silence is judged only after the stream was found empty.
//! - The peer's words come first: after a failed write the receiver reads on, so that the reason the peer
//!   gave is reported rather than a broken pipe.

#[cfg(feature = "std")]
mod connection;
mod datagram_session;
mod datagrams;
mod error;
mod io;
#[cfg(feature = "std")]
mod receiver;
#[cfg(feature = "std")]
mod sender;
#[cfg(feature = "std")]
mod session;
#[cfg(feature = "std")]
mod session_gate;
#[cfg(feature = "std")]
mod session_hand_over;
#[cfg(feature = "std")]
mod session_receiver;
#[cfg(feature = "std")]
mod session_reconnect;
#[cfg(feature = "std")]
mod session_sender;
#[cfg(feature = "std")]
mod session_tickets;
#[cfg(feature = "tls")]
mod tls;
#[cfg(all(feature = "std", not(feature = "tls")))]
#[path = "tls_off.rs"]
mod tls;
#[cfg(feature = "tls")]
mod tls_error;
#[cfg(feature = "std")]
mod transport;
#[cfg(feature = "std")]
mod wakers;
#[cfg(feature = "std")]
mod writer;
#[cfg(all(feature = "std", feature = "ws"))]
mod ws;
#[cfg(all(feature = "std", feature = "ws"))]
mod ws_open;
#[cfg(all(feature = "std", feature = "ws"))]
mod ws_receiver;
#[cfg(all(feature = "std", feature = "ws"))]
mod ws_sender;

#[cfg(feature = "std")]
pub use connection::Connection;
pub use datagram_session::DatagramIncoming;
pub use datagrams::{DatagramError, DatagramIo, Datagrams, Incoming};
pub use error::{DriveError, WriteError};
pub use io::{ReadIo, WriteIo};
#[cfg(feature = "std")]
pub use receiver::{Next, NextError, Receiver};
#[cfg(feature = "std")]
pub use sender::Sender;
#[cfg(feature = "std")]
pub use session::{
    Closed, HandshakePayload, PeerClose, SessionConnection, SessionError, SessionNext, SessionSendError,
};
#[cfg(feature = "std")]
pub use session_gate::{Gate, Permit, refusal_packet};
#[cfg(feature = "std")]
pub use session_hand_over::{HandOverError, HandedOver, NotHandedOver};
#[cfg(feature = "std")]
pub use session_receiver::SessionReceiver;
#[cfg(feature = "std")]
pub use session_reconnect::{Reconnect, Retryable};
#[cfg(feature = "std")]
pub use session_sender::SessionSender;
#[cfg(feature = "std")]
pub use session_tickets::{Resumption, TicketStore};
#[cfg(feature = "tls")]
pub use tls::Tls;
#[cfg(feature = "tls")]
pub use tls_error::{CertificateFault, TlsError};
#[cfg(feature = "std")]
pub use transport::Transport;
#[cfg(all(feature = "std", feature = "ws"))]
pub use ws::{WsClosed, WsConnection, WsError, WsNext, WsPeerClose, WsSendError};
#[cfg(all(feature = "std", feature = "ws"))]
pub use ws_open::{WsAnswer, WsAnswerError, WsConnectError, WsIncoming};
#[cfg(all(feature = "std", feature = "ws"))]
pub use ws_receiver::WsReceiver;
#[cfg(all(feature = "std", feature = "ws"))]
pub use ws_sender::WsSender;
