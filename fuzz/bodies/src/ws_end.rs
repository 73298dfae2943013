//! A WebSocket end under test, driven as a driver would, with the rules every machine keeps checked at each step.

use sealock_proto::buf::{RxBuf, TxBuf};
use sealock_proto::entropy::Seed;
use sealock_proto::time::Instant;
use sealock_proto::ws::{Error, Event, MIN_TX_LIMIT, WebSocket};
use std::time::Duration;

/// An event whose payload is owned.
pub(crate) type Seen = Event<Vec<u8>>;

/// What all connections here draw their secrets from.
pub(crate) fn seed() -> Seed {
    Seed::new(&mut [9; 32])
}

pub(crate) struct WsEnd {
    pub(crate) ws: WebSocket,
    pub(crate) tx: TxBuf,
    pub(crate) now: Instant,
    rx: RxBuf,
    need: usize,
    fed: usize,
    /// What has been transmitted.
    pub(crate) sent: Vec<u8>,
    /// Every event so far.
    pub(crate) seen: Vec<Seen>,
    /// The error that ended the connection.
    pub(crate) error: Option<Error>,
}

impl WsEnd {
    /// An end that began at the epoch, with a read buffer of the size its configuration says.
    pub(crate) fn new(ws: WebSocket, rx_limit: usize) -> Self {
        let mut end = Self {
            ws,
            tx: TxBuf::new(2 * MIN_TX_LIMIT),
            now: Instant::ZERO,
            rx: RxBuf::new(rx_limit),
            need: 1,
            fed: 0,
            sent: Vec::new(),
            seen: Vec::new(),
            error: None,
        };
        end.transmit();
        end
    }

    /// Whether more bytes would help now.
    pub(crate) fn listens(&self) -> bool {
        self.error.is_none() && self.need > 0 && !self.ws.is_finished()
    }

    /// Hands over `bytes` in pieces of `size`, as far as the end listens, and lets it answer each. Gives what is left.
    pub(crate) fn feed<'a>(&mut self, mut bytes: &'a [u8], size: usize) -> &'a [u8] {
        while !bytes.is_empty() && self.listens() {
            let (mut piece, rest) = bytes.split_at(size.min(bytes.len()));
            while !piece.is_empty() && self.listens() {
                let spare = self.rx.spare_mut(self.need);
                assert!(!spare.is_empty(), "more bytes are wanted than rx_limit has room for");
                let n = spare.len().min(piece.len());
                spare[..n].copy_from_slice(&piece[..n]);
                self.rx.commit(n);
                piece = &piece[n..];
                self.fed += n;
                self.read();
            }
            self.transmit();
            bytes = &bytes[bytes.len() - rest.len() - piece.len()..];
        }
        bytes
    }

    /// Takes events until there are none.
    pub(crate) fn read(&mut self) {
        while self.error.is_none() {
            let before = self.rx.len();
            match self.ws.recv(self.now, self.rx.filled_mut()) {
                Ok(recv) => {
                    let (consumed, need) = (recv.consumed, recv.need);
                    let event = recv.event.map(|event| event.map(|payload| payload.to_vec()));
                    assert!(consumed <= before, "consumed {consumed} of {before} bytes");
                    self.rx.consume(consumed);
                    let Some(event) = event else {
                        self.need = need;
                        assert!(
                            self.rx.len() + need <= self.rx.max(),
                            "{need} more bytes do not fit rx_limit"
                        );
                        return;
                    };
                    assert_eq!(need, 0, "an event and a need at once");
                    let closed = |event: &Seen| matches!(event, Event::Closed { .. } | Event::Rejected(_));
                    assert!(!self.seen.last().is_some_and(closed), "{event:?} behind the end");
                    self.seen.push(event);
                    assert!(self.seen.len() <= self.fed, "events without bytes");
                }
                Err(error) => {
                    self.fail(error);
                    let again = self.ws.recv(self.now, self.rx.filled_mut()).err();
                    assert_eq!(again, Some(error), "the same error again");
                }
            }
        }
    }

    /// Lets the end transmit, to a stream that takes what there is.
    pub(crate) fn transmit(&mut self) {
        loop {
            self.ws.poll_transmit(self.now, &mut self.tx);
            assert!(self.tx.len() <= self.tx.limit(), "the limit of a TxBuf");
            assert_eq!(self.tx.open_len(), 0, "a frame that is not complete");
            if self.tx.sealed().is_empty() {
                return;
            }
            self.sent.extend_from_slice(self.tx.sealed());
            self.tx.consume(self.tx.sealed().len());
        }
    }

    /// Lets time pass, handling every deadline at its instant.
    pub(crate) fn pass(&mut self, duration: Duration) {
        let until = self.now + duration;
        while let Some(next) = self.ws.poll_timeout().filter(|next| *next <= until && self.error.is_none()) {
            assert!(next >= self.now, "a deadline in the past");
            self.now = next;
            if let Err(error) = self.ws.handle_timeout(next) {
                self.fail(error);
                return;
            }
            let after = self.ws.poll_timeout();
            assert!(after.is_none_or(|after| after > next), "a deadline survived being handled");
            self.read();
            self.transmit();
        }
        self.now = until;
    }

    fn fail(&mut self, error: Error) {
        self.error = Some(error);
        self.transmit();
        assert!(self.ws.is_finished(), "finished once {error:?} was told");
        assert_eq!(self.ws.poll_timeout(), None, "a finished connection waits for nothing");
    }
}
