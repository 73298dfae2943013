//! The native protocol: an authenticated, encrypted, framed session over a byte stream.
//!
//! The bytes are described in `docs/wire.md`. A [`Session`] is a sending half and a receiving half that share a
//! small block of state; [`Session::split`] lets the halves run on two threads.
//!
//! May use `noise`, `identity`, `heartbeat`, `limit`, `buf`, `machine`, `timer`, `time` and `entropy`; never a driver or
//! another protocol.
//!
//! ```
//! use sealock_proto::buf::TxBuf;
//! use sealock_proto::entropy::Seed;
//! use sealock_proto::session::{Config, Event, Session};
//! use sealock_proto::time::Instant;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let protocol = "Noise_NN_25519_ChaChaPoly_BLAKE2s".parse()?;
//! let now = Instant::ZERO;
//! // Real seeds come from the operating system.
//! let mut alice = Session::new(&Config::initiator(protocol).build()?, Seed::new(&mut [1; 32]), now)?;
//! let mut bob = Session::new(&Config::responder(&[protocol]).build()?, Seed::new(&mut [2; 32]), now)?;
//! let (mut to_bob, mut to_alice) = (TxBuf::new(1 << 16), TxBuf::new(1 << 16));
//!
//! // The handshake: what one end transmits, the other receives.
//! alice.poll_transmit(now, &mut to_bob);
//! let n = bob.recv(now, &mut to_bob.sealed().to_vec())?.consumed;
//! to_bob.consume(n);
//! bob.poll_transmit(now, &mut to_alice);
//! assert!(matches!(alice.recv(now, &mut to_alice.sealed().to_vec())?.event, Some(Event::Established)));
//!
//! // Two messages, one record.
//! alice.send(now, b"hello", &mut to_bob)?;
//! alice.send(now, b"world", &mut to_bob)?;
//! alice.poll_transmit(now, &mut to_bob);
//! let mut wire = to_bob.sealed().to_vec();
//! assert!(matches!(bob.recv(now, &mut wire)?.event, Some(Event::Established)));
//! let first = bob.recv(now, &mut wire)?;
//! assert!(matches!(first.event, Some(Event::Message(m)) if *m == *b"hello"));
//! # Ok(())
//! # }
//! ```

mod codes;
mod config;
mod config_error;
mod control;
mod error;
mod frame;
mod gate;
#[cfg(feature = "std")]
mod halves;
mod hello;
mod identity;
mod opening;
mod outgoing;
mod packet;
mod padding;
mod policy;
mod recv;
mod seal;
mod send;
mod snapshot;
mod stats;
#[cfg(test)]
mod tests;
mod varint;

pub use codes::{Alert, CloseCode};
pub use config::{Config, MAX_MAX_MESSAGE, MAX_PREVIOUS_KEYS};
pub use config_error::ConfigError;
pub use error::{Error, ExportError, SendError};
pub use frame::{FrameFault, MAX_REASON};
#[cfg(feature = "std")]
pub use halves::{Receiver, Sender};
pub use identity::IdentityFault;
pub use outgoing::{Outgoing, Progress};
pub use packet::alert_packet;
pub use padding::Padding;
pub use policy::{MAX_RECORDS_PER_KEY, Peers, RateLimit, RekeyPolicy};
pub use send::MIN_TX_LIMIT;
pub use snapshot::{
    Claim, Lease, LeaseOutdated, MAX_LEASE, NotExported, RestoreError, Restored, SNAPSHOT_OVERHEAD, Snapshot,
    SnapshotError, SnapshotKey,
};
pub use stats::{Rejects, Stats, Traffic};

use crate::buf::{Span, TxBuf};
use crate::entropy::Seed;
use crate::guard::{Answer, Question};
use crate::identity::IdentityKey;
use crate::machine::{Machine, Recv};
use crate::noise::{Exporter, HandshakeHash, PayloadSecurity, Protocol, Provider, PublicKey};
use crate::resume::ClientTicket;
use crate::time::Instant;
#[cfg(feature = "std")]
use alloc::boxed::Box;
use alloc::sync::Arc;
use control::Control;
use core::time::Duration;
use recv::RecvState;
use send::SendState;

/// What happened. At most one payload, which lies in the buffer given to `recv`.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<P> {
    /// The peer sent `payload` with a handshake message. Mind `security`: it may be readable by anyone, forged
    /// or replayed. It comes before any proof of the peer's identity, whatever that is required for: do not act on it
    /// before [`Event::Established`] in the name of an identity. The proof, once it is there, is of the handshake with
    /// this payload in it.
    HandshakePayload {
        /// The payload, not empty.
        payload: P,
        /// What the pattern promises for it.
        security: PayloadSecurity,
    },
    /// A responder that asks has a question ([`Session::question`]) and waits for the answer ([`Session::answer`]).
    Question,
    /// The handshake is complete, and the peer has proven its identity if that is required: see [`Session::info`] for its
    /// keys. Messages can be sent.
    Established,
    /// The responder gave a ticket to come again with: [`Session::take_ticket`].
    Ticket,
    /// A whole message.
    Message(P),
    /// The peer drains: it begins no further message. Finish what it waits for, then drain or close.
    Draining,
    /// The peer closed, after everything it accepted. The answer goes out with the next `poll_transmit`.
    Closed {
        /// The peer's code.
        code: CloseCode,
        /// The peer's reason: UTF-8, at most [`MAX_REASON`] bytes.
        reason: P,
    },
    /// The peer crashed and was restored: of the records it sealed before, some with their messages never arrive. A
    /// message of which a part had come is forgotten. Only with [`Config::with_max_gap`].
    RecordsLost {
        /// No more than this.
        at_most: u64,
    },
}

impl<P> Event<P> {
    /// The same event with its payload, if it has one, changed by `f`.
    pub fn map<Q>(self, f: impl FnOnce(P) -> Q) -> Event<Q> {
        match self {
            Self::HandshakePayload { payload, security } => {
                Event::HandshakePayload { payload: f(payload), security }
            }
            Self::Question => Event::Question,
            Self::Established => Event::Established,
            Self::Ticket => Event::Ticket,
            Self::Message(payload) => Event::Message(f(payload)),
            Self::Draining => Event::Draining,
            Self::Closed { code, reason } => Event::Closed { code, reason: f(reason) },
            Self::RecordsLost { at_most } => Event::RecordsLost { at_most },
        }
    }
}

/// What is known of an established session.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionInfo {
    /// The Noise protocol in use.
    pub protocol: Protocol,
    /// The library that computes at this end.
    pub provider: Provider,
    /// The peer's static key, where the pattern has one. Proven at the latest by the first message received:
    /// in a pattern such as IX a responder has it on the initiator's word until then.
    pub peer: Option<PublicKey>,
    /// Whether this session resumes an earlier one, of which it has the peer's key.
    pub resumed: bool,
    /// Identifies this session: equal at both ends, different for every session (Noise section 11.2).
    pub handshake_hash: HandshakeHash,
    /// The identity that the peer has proven to this session's verifier. Where proof is required
    /// ([`Config::require_identity`]) there is one from the beginning; else it is known with the first event behind
    /// [`Event::Established`], as proof stands before everything that the peer sends.
    pub identity: Option<IdentityKey>,
}

/// One end of a session.
pub struct Session {
    send: SendState,
    recv: RecvState,
    control: Control,
}

impl Session {
    /// A session that begins at `now`. The initiator's first bytes come from [`Session::poll_transmit`].
    ///
    /// # Errors
    /// [`Error::Setup`] if the keys of an initiator do not fit its pattern.
    pub fn new(config: &Arc<Config>, seed: Seed, now: Instant) -> Result<Self, Error> {
        Self::begin(config, None, &seed, now)
    }

    /// Like [`Session::new`], for an initiator that has a ticket of an earlier session: one key agreement of fresh keys, and
    /// the peer is who it was then. If the responder does not accept the ticket, or this configuration does not fit it (other
    /// functions, a responder that is not accepted), the handshake is a full one; see [`SessionInfo::resumed`]. The ticket
    /// may be used once: a new one comes with the session.
    ///
    /// # Errors
    /// As [`Session::new`].
    pub fn resume(
        config: &Arc<Config>,
        ticket: &ClientTicket,
        seed: Seed,
        now: Instant,
    ) -> Result<Self, Error> {
        Self::begin(config, Some(ticket), &seed, now)
    }

    fn begin(
        config: &Arc<Config>,
        ticket: Option<&ClientTicket>,
        seed: &Seed,
        now: Instant,
    ) -> Result<Self, Error> {
        Ok(Self {
            send: SendState::new(config),
            recv: RecvState::new(config),
            control: Control::new(config, seed, now, ticket)?,
        })
    }

    #[cfg(test)]
    pub(in crate::session) const fn config(&self) -> &Arc<Config> {
        self.control.config()
    }

    /// The ticket that [`Event::Ticket`] told of, once. As secret as the session: [`ClientTicket::to_bytes`] is for keeping
    /// it.
    pub fn take_ticket(&mut self) -> Option<ClientTicket> {
        self.control.take_ticket()
    }

    /// Says what time it is by the calendar when the session begins, since the Unix epoch. An initiator puts it into a first
    /// message that could be replayed (docs/wire.md, section 1.5); responders that refuse replays want it.
    #[must_use]
    pub fn with_unix_time(mut self, unix: Duration) -> Self {
        self.control.set_unix_time(unix);
        self
    }

    /// A responder that asks in the course of the handshake: see [`Event::Question`]. Others answer every question with
    /// [`Answer::Proceed`] themselves. A guard ([`crate::guard`]) knows the answers.
    #[must_use]
    pub fn asking(mut self) -> Self {
        self.control.set_asking();
        self
    }

    /// What is to be answered, from [`Event::Question`] to [`Session::answer`].
    #[must_use]
    pub fn question(&self) -> Option<Question> {
        self.control.question()
    }

    /// Answers the question, then call [`Session::recv`] again. Without a question it is ignored. Told to wait, the session
    /// asks again then, if the handshake's deadline does not come before.
    ///
    /// # Errors
    /// [`Error::Declined`] for a refusal: fatal, like those of [`Session::recv`].
    pub fn answer(&mut self, now: Instant, answer: Answer) -> Result<(), Error> {
        let result = self.control.answer(now, answer);
        self.recv.note(result)
    }

    /// Works on the front of `buf`, in place; see [`Machine::recv`] for the contract.
    ///
    /// # Errors
    /// Fatal: call [`Session::poll_transmit`], write out what it appends, close the stream.
    pub fn recv<'a>(&mut self, now: Instant, buf: &'a mut [u8]) -> Result<Recv<Event<&'a mut [u8]>>, Error> {
        // Most calls, with nothing in between.
        if let Some((consumed, message)) = self.recv.next_message(buf) {
            return Ok(Recv::event(consumed, Event::Message(message.of_mut(buf))));
        }
        let recv = self.recv.recv_any(&mut self.control, now, buf)?;
        Ok(recv.map(|event| event.map(|span| span.of_mut(buf))))
    }

    /// The peer will send nothing more.
    ///
    /// # Errors
    /// [`Error::Truncated`] if it did not close before.
    pub fn recv_eof(&mut self, _now: Instant) -> Result<(), Error> {
        self.control.on_eof()
    }

    /// Accepts all of `message` into the open record of `tx`, or nothing of it.
    ///
    /// # Errors
    /// None is fatal; [`SendError::Full`] is backpressure. A message that is larger than the buffer goes out
    /// with [`Session::send_some`].
    pub fn send(&mut self, _now: Instant, message: &[u8], tx: &mut TxBuf) -> Result<(), SendError> {
        self.send.send(&mut self.control, message, tx)
    }

    /// Like [`Session::send`], for one message made of several parts.
    ///
    /// # Errors
    /// As there.
    pub fn send_parts(&mut self, _now: Instant, parts: &[&[u8]], tx: &mut TxBuf) -> Result<(), SendError> {
        self.send.send_parts(&mut self.control, parts, tx)
    }

    /// Accepts as much of `message` as there is room for. `Ok` when it is complete; on [`SendError::Full`] write
    /// out `tx` and call again with the same cursor.
    ///
    /// # Errors
    /// None is fatal. [`SendError::Abandoned`] if another message was begun in between.
    pub fn send_some(
        &mut self,
        _now: Instant,
        message: &mut Outgoing<'_>,
        tx: &mut TxBuf,
    ) -> Result<(), SendError> {
        self.send.send_some(&mut self.control, message, tx)
    }

    /// Closes behind everything accepted; a message of which only a part is accepted is abandoned. Go on receiving:
    /// the peer's last messages and its answer follow.
    ///
    /// # Errors
    /// None is fatal. Messages leave room for it: [`SendError::Full`] comes only if something else fills `tx`.
    pub fn close(
        &mut self,
        now: Instant,
        code: CloseCode,
        reason: &str,
        tx: &mut TxBuf,
    ) -> Result<(), SendError> {
        self.send.close(&mut self.control, now, code, reason, tx)
    }

    /// Accepts no further message and tells the peer, which may finish its own work; closes when the peer
    /// drains or closes too, at the latest at `deadline`.
    ///
    /// # Errors
    /// [`SendError::Draining`], [`SendError::Closed`] and so on, where it is too late for it.
    pub fn drain(&mut self, _now: Instant, deadline: Instant) -> Result<(), SendError> {
        self.send.drain(&mut self.control, deadline)
    }

    /// Appends what is owed and seals the open record. Call it after any other call and before waiting.
    pub fn poll_transmit(&mut self, now: Instant, tx: &mut TxBuf) {
        self.send.poll_transmit(&mut self.control, now, tx);
    }

    /// When to call [`Session::handle_timeout`]. May change with any other call.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.control.poll_timeout()
    }

    /// Acts on the deadlines that have come. Read what the stream has before: silence is judged here.
    ///
    /// # Errors
    /// Fatal, like [`Session::recv`].
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        self.recv.note(self.control.handle_timeout(now))
    }

    /// Whether the session has ended: write out what is sealed, then close the stream.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.control.is_over()
    }

    /// The peer and the protocol, once established.
    #[must_use]
    pub fn info(&self) -> Option<SessionInfo> {
        self.control.info()
    }

    /// Fills `out` with a secret of this session for `label` and `context`, as [`Exporter::export`] does: the peer gets
    /// the same bytes for the same arguments, nobody else does. Also after the session has ended.
    ///
    /// It is as secret as the handshake: where that authenticates nobody, as in NN, somebody on the path may be the other
    /// end. Rekeying does not change it.
    ///
    /// # Errors
    /// [`ExportError::NotEstablished`] too early, [`ExportError::Range`] for a label or length out of range,
    /// [`ExportError::Reserved`] for a label that begins with `sealock `.
    pub fn export(&self, label: &str, context: &[u8], out: &mut [u8]) -> Result<(), ExportError> {
        export(self.control.exporter(), label, context, out)
    }

    /// What has been counted so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        stats(self.control.stats(), &self.send, &self.recv)
    }

    /// The two halves, for two threads or tasks. Possible at any time.
    #[cfg(feature = "std")]
    #[must_use]
    pub fn split(self) -> (Sender, Receiver) {
        halves::split(self)
    }

    /// The whole session again, such as to export it.
    ///
    /// # Errors
    /// The two as they were, if they are not of one session.
    #[cfg(feature = "std")]
    pub fn join(sender: Sender, receiver: Receiver) -> Result<Self, Box<(Sender, Receiver)>> {
        halves::join(sender, receiver)
    }
}

fn export(
    exporter: Result<Exporter, ExportError>,
    label: &str,
    context: &[u8],
    out: &mut [u8],
) -> Result<(), ExportError> {
    let exporter = exporter?;
    // The secret for tickets among them.
    if label.starts_with("sealock ") {
        return Err(ExportError::Reserved);
    }
    exporter.export(label, context, out).map_err(ExportError::Range)
}

/// The shared block's counters completed by the halves'.
fn stats(shared: Stats, send: &SendState, recv: &RecvState) -> Stats {
    let (received, skipped_frames) = recv.stats();
    Stats { sent: send.stats(), received, skipped_frames, ..shared }
}

impl Machine for Session {
    type Event<P> = Event<P>;
    type Error = Error;

    fn map_event<P, Q>(event: Event<P>, f: impl FnOnce(P) -> Q) -> Event<Q> {
        event.map(f)
    }

    fn recv(&mut self, now: Instant, buf: &mut [u8]) -> Result<Recv<Event<Span>>, Error> {
        self.recv.recv(&mut self.control, now, buf)
    }

    fn recv_eof(&mut self, now: Instant) -> Result<(), Error> {
        Self::recv_eof(self, now)
    }

    fn poll_transmit(&mut self, now: Instant, tx: &mut TxBuf) {
        Self::poll_transmit(self, now, tx);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        Self::poll_timeout(self)
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        Self::handle_timeout(self, now)
    }

    fn is_finished(&self) -> bool {
        Self::is_finished(self)
    }
}
