//! One of two WebSocket ends in halves, with an owner that accepts whatever is asked.

use crate::ws_end::Seen;
use sealock_proto::buf::{Span, TxBuf};
use sealock_proto::machine::{Machine, Recv, RecvHalf, SendHalf};
use sealock_proto::time::Instant;
use sealock_proto::ws::{Accept, CloseCode, Error, Event, Kind, Receiver, SendError, Sender, WebSocket};

pub(super) struct Node {
    pub(super) sender: Sender,
    pub(super) receiver: Receiver,
    /// A request waits for an answer.
    asked: bool,
    /// It was answered then, and nobody has looked for frames behind it.
    answered: Option<Instant>,
}

impl Node {
    pub(super) fn new(ws: WebSocket) -> Self {
        let (sender, receiver) = ws.split();
        Self { sender, receiver, asked: false, answered: None }
    }
}

impl Machine for Node {
    type Event<P> = Event<P>;
    type Error = Error;

    fn map_event<P, Q>(event: Event<P>, f: impl FnOnce(P) -> Q) -> Event<Q> {
        event.map(f)
    }

    fn recv(&mut self, now: Instant, buf: &mut [u8]) -> Result<Recv<Event<Span>>, Error> {
        self.answered = None;
        let recv = self.receiver.recv(now, buf)?;
        self.asked |= matches!(recv.event, Some(Event::Request(_)));
        Ok(recv)
    }

    fn recv_eof(&mut self, now: Instant) -> Result<(), Error> {
        self.receiver.recv_eof(now)
    }

    fn poll_transmit(&mut self, now: Instant, tx: &mut TxBuf) {
        if self.asked && self.sender.accept(now, &Accept::new(), tx).is_ok() {
            (self.asked, self.answered) = (false, Some(now));
        }
        self.sender.poll_transmit(now, tx);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.answered.or(self.receiver.poll_timeout())
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        self.answered = None;
        self.receiver.handle_timeout(now)
    }

    fn is_finished(&self) -> bool {
        self.receiver.is_finished()
    }
}

/// What an owner knows: what was accepted of it, and what reached it.
#[derive(Default)]
pub(super) struct Owner {
    accepted: Vec<(Kind, Vec<u8>)>,
    /// How many of those the peer was seen to get.
    arrived: usize,
    /// The message sent in chunks that is not complete.
    begun: Option<(Kind, Vec<u8>)>,
    /// The message received in chunks that is not complete.
    coming: Option<(Kind, Vec<u8>)>,
    /// What this owner closed with.
    closed: Option<(CloseCode, &'static str)>,
    /// What its peer closed with.
    pub(super) peer_closed: Option<(CloseCode, Vec<u8>)>,
}

impl Owner {
    /// What the next chunk of a message of that kind carries: text goes on where it was cut.
    pub(super) fn next_bytes(&self, kind: Kind, len: usize) -> Vec<u8> {
        let sent =
            self.begun.as_ref().filter(|(begun, _)| *begun == kind).map_or(0, |(_, bytes)| bytes.len());
        payload(kind, self.accepted.len() + sent, sent, len)
    }

    /// Sends a message, or a chunk with whether it is the last. Whether it was accepted.
    pub(super) fn send(
        &mut self,
        node: &mut Node,
        now: Instant,
        (kind, bytes, last): (Kind, &[u8], Option<bool>),
        max: usize,
        tx: &mut TxBuf,
    ) -> bool {
        let (before, room) = (tx.len(), tx.room());
        let sent = match last {
            None => node.sender.send(now, kind, bytes, tx),
            Some(last) => node.sender.send_chunk(now, kind, bytes, last, tx),
        };
        let begun = self.begun.as_ref().filter(|_| last.is_some());
        let whole = [begun.map_or(&[][..], |(_, bytes)| bytes), bytes].concat();
        let text = std::str::from_utf8(&whole).map_err(|error| error.error_len());
        let is_text = kind == Kind::Binary || text.is_ok() || text == Err(None) && last == Some(false);
        let in_turn = self.begun.as_ref().is_none_or(|(begun, _)| last.is_some() && *begun == kind);
        match sent {
            Ok(()) => {
                assert!(in_turn && whole.len() <= max && is_text, "accepted what may not be sent");
                assert!(self.closed.is_none() && self.peer_closed.is_none(), "accepted behind a close");
                if last == Some(false) {
                    self.begun = Some((kind, whole));
                } else {
                    self.begun = None;
                    self.accepted.push((kind, whole));
                }
                return true;
            }
            Err(SendError::OutOfTurn) => assert!(!in_turn),
            Err(SendError::TooLarge { .. }) => assert!(whole.len() > max),
            Err(SendError::NotUtf8) => assert!(!is_text),
            // Pongs may go before it.
            Err(SendError::Full) => assert!(room < bytes.len() + 10 * 139, "{room} bytes were free"),
            Err(SendError::Closed | SendError::Failed(_) | SendError::NotOpen) => {}
            Err(other) => panic!("{other:?} of a message"),
        }
        assert!(sent == Err(SendError::Full) || tx.len() <= before + 10 * 139, "part of a message");
        false
    }

    /// Whether it was accepted.
    pub(super) fn close(
        &mut self,
        node: &mut Node,
        now: Instant,
        code: CloseCode,
        reason: &'static str,
        tx: &mut TxBuf,
    ) -> Result<(), SendError> {
        node.sender.close(now, code, reason, tx)?;
        assert!(self.closed.is_none() && self.peer_closed.is_none(), "closed twice");
        self.closed = Some((code, reason));
        Ok(())
    }

    /// Takes what came: it must be what `peer` accepted next.
    pub(super) fn event(&mut self, event: Seen, peer: &mut Self) {
        assert!(self.peer_closed.is_none(), "{event:?} behind the peer's end");
        match event {
            Event::Message { kind, payload } => peer.arrives(kind, &payload),
            Event::Chunk { kind, payload, last } => {
                let (begun, mut bytes) = self.coming.take().unwrap_or((kind, Vec::new()));
                assert_eq!(begun, kind, "a message of two kinds");
                bytes.extend(payload);
                if last {
                    peer.arrives(kind, &bytes);
                } else {
                    self.coming = Some((kind, bytes));
                }
            }
            Event::Closed { code, reason } => {
                let missing = peer.accepted.len() - peer.arrived;
                assert_eq!(missing, 0, "messages are missing although the peer closed behind them");
                self.peer_closed = Some((code, reason));
            }
            Event::Request(_) | Event::Accepted(_) => {}
            other => panic!("{other:?} between two honest ends"),
        }
    }

    fn arrives(&mut self, kind: Kind, bytes: &[u8]) {
        let next = self.accepted.get(self.arrived);
        assert!(
            next.is_some_and(|(of, message)| *of == kind && message == bytes),
            "a message of {} bytes that is not the next",
            bytes.len()
        );
        self.arrived += 1;
    }

    /// Whether the close that came is the peer's or the answer to this owner's.
    pub(super) fn check_close(&self, peer: &Self) {
        let Some((code, reason)) = &self.peer_closed else { return };
        let fits = match (peer.closed, self.closed) {
            (Some((own, text)), _) => own == *code && text.as_bytes() == reason,
            (None, Some((echo, _))) => echo == *code && reason.is_empty(),
            (None, None) => false,
        };
        // An end that found its peer dead.
        assert!(
            fits || *code == CloseCode::GOING_AWAY && reason.is_empty(),
            "a close with {code} that nobody sent"
        );
    }
}

/// Bytes `at..at + len` of a message.
fn payload(kind: Kind, salt: usize, at: usize, len: usize) -> Vec<u8> {
    match kind {
        Kind::Text => "aé€𝄞".bytes().cycle().skip(at % 10).take(len).collect(),
        Kind::Binary => (0..len).map(|n| (n * 7 + salt * 31) as u8).collect(),
    }
}
