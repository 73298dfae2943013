//! One of two sessions, with what its owner and the network know of it.

use sealock_proto::buf::{RxBuf, TxBuf};
use sealock_proto::entropy::Seed;
use sealock_proto::session::{CloseCode, Config, Error, Event, Outgoing, Progress, SendError, Session};
use sealock_proto::time::Instant;
use std::sync::Arc;
use std::time::Duration;

/// What the network holds in one direction.
const WIRE: usize = 100_000;

/// For the slowest rate: that of `VARIANTS`, with the largest record.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

pub(super) struct End {
    session: Session,
    rx: RxBuf,
    tx: TxBuf,
    need: usize,
    /// A message of which a part is sent.
    pending: Option<(Vec<u8>, Progress)>,
    begun: u8,
    /// Bytes on their way to this end.
    pub(super) wire: Vec<u8>,
    /// Nothing follows what is on its way to this end.
    pub(super) cut: bool,
    eof_told: bool,
    written: u64,
    /// Messages accepted here, and how many of them the peer was seen to get.
    accepted: Vec<Vec<u8>>,
    arrived: usize,
    delivered: Vec<Vec<u8>>,
    deliveries: usize,
    pub(super) peer_closed: bool,
    pub(super) error: Option<Error>,
}

impl End {
    pub(super) fn new(config: &Arc<Config>, seed: u8, limit: usize) -> Self {
        Self {
            session: Session::new(config, Seed::new(&mut [seed; 32]), Instant::ZERO).expect("keys that fit"),
            rx: RxBuf::new(config.rx_limit()),
            tx: TxBuf::new(limit),
            need: 1,
            pending: None,
            begun: seed,
            wire: Vec::new(),
            cut: false,
            eof_told: false,
            written: 0,
            accepted: Vec::new(),
            arrived: 0,
            delivered: Vec::new(),
            deliveries: 0,
            peer_closed: false,
            error: None,
        }
    }

    pub(super) fn is_finished(&self) -> bool {
        self.session.is_finished()
    }

    /// What arrived here since the last time must be what `peer` accepted next.
    pub(super) fn compare(&mut self, peer: &mut Self) {
        for message in self.delivered.drain(..) {
            let accepted = peer.accepted.get(peer.arrived);
            assert!(accepted == Some(&message), "a message of {} bytes that is not the next", message.len());
            peer.accepted[peer.arrived].clear();
            peer.arrived += 1;
        }
        let missing = peer.accepted.len() - peer.arrived;
        assert!(!self.peer_closed || missing == 0, "{missing} messages are missing at the end");
    }

    /// What changes while anything happens.
    pub(super) fn progress(&self) -> (u64, usize, usize, bool) {
        let on_the_way = self.wire.len() + self.tx.len();
        (self.written, self.rx.len() + on_the_way, self.deliveries, self.pending.is_some())
    }

    fn message(&mut self, len: usize) -> Vec<u8> {
        self.begun = self.begun.wrapping_add(3);
        vec![self.begun; len]
    }

    /// All of a message or nothing.
    pub(super) fn send(&mut self, now: Instant, len: usize) {
        let message = self.message(len);
        let before = self.tx.len();
        match self.session.send(now, &message, &mut self.tx) {
            Ok(()) => {
                // Another message was begun: the one before is abandoned.
                self.pending = None;
                self.accepted.push(message);
            }
            Err(error) => {
                self.refused(error, len);
                assert!(self.tx.len() == before || error == SendError::Full, "{error:?} left bytes behind");
            }
        }
        self.bounded();
    }

    /// A message that may be larger than the buffer.
    pub(super) fn begin(&mut self, now: Instant, len: usize) {
        let message = self.message(len);
        self.pending = Some((message, Progress::default()));
        self.go_on(now);
    }

    pub(super) fn go_on(&mut self, now: Instant) {
        let Some((message, progress)) = self.pending.take() else { return };
        let parts = [&message[..message.len() / 3], &message[message.len() / 3..]];
        let mut outgoing = Outgoing::resumed(&parts, progress);
        match self.session.send_some(now, &mut outgoing, &mut self.tx) {
            Ok(()) => {
                assert_eq!(outgoing.sent(), message.len());
                self.accepted.push(message);
            }
            Err(error) => {
                let (progress, len) = (outgoing.progress(), message.len());
                self.refused(error, len);
                if error == SendError::Full {
                    self.pending = Some((message, progress));
                }
            }
        }
        self.bounded();
    }

    fn refused(&self, error: SendError, len: usize) {
        let possible = match error {
            SendError::TooLarge { size, max } => size == len && size > max,
            SendError::NotEstablished => self.session.info().is_none(),
            SendError::Failed(error) => self.error == Some(error),
            SendError::LargerThanBuffer { limit } => limit == self.tx.limit() && len > limit / 2,
            SendError::BufferTooSmall | SendError::ReasonTooLong => false,
            _ => true,
        };
        assert!(possible, "{error:?} for {len} bytes");
    }

    pub(super) fn transmit(&mut self, now: Instant) {
        self.session.poll_transmit(now, &mut self.tx);
        self.bounded();
        self.read(now);
    }

    pub(super) fn drain(&mut self, now: Instant, deadline: Instant) {
        let _ = self.session.drain(now, deadline);
    }

    pub(super) fn close(&mut self, now: Instant, code: u8) {
        let code = CloseCode::application(256 + u32::from(code)).expect("an application's code");
        if self.session.close(now, code, "done", &mut self.tx).is_ok() {
            self.pending = None;
        }
        self.bounded();
    }

    /// Puts what is sealed on the way to `peer`.
    pub(super) fn write_to(&mut self, peer: &mut Self) {
        let sealed = self.tx.sealed();
        // A stream that is cut takes anything and carries nothing.
        let len = if peer.cut { sealed.len() } else { sealed.len().min(WIRE - peer.wire.len()) };
        if !peer.cut {
            peer.wire.extend_from_slice(&sealed[..len]);
        }
        self.written += len as u64;
        self.tx.consume(len);
    }

    /// Up to `len` of the bytes on the way arrive and are read, then the end of the stream if it is next.
    pub(super) fn arrive(&mut self, now: Instant, mut len: usize) {
        self.read(now);
        while len > 0 && self.need > 0 && !self.wire.is_empty() && self.listens() {
            let held = self.rx.len();
            assert!(held + self.need <= self.rx.max(), "{held} and {} bytes do not fit", self.need);
            let spare = self.rx.spare_mut(self.need);
            let n = spare.len().min(len).min(self.wire.len());
            spare[..n].copy_from_slice(&self.wire[..n]);
            self.wire.drain(..n);
            self.rx.commit(n);
            len -= n;
            self.read(now);
        }
        if self.cut && self.wire.is_empty() && self.need > 0 && !self.eof_told && self.listens() {
            self.eof_told = true;
            if let Err(error) = self.session.recv_eof(now) {
                self.failed(now, error);
            }
        }
    }

    fn listens(&self) -> bool {
        self.error.is_none() && !self.session.is_finished()
    }

    fn read(&mut self, now: Instant) {
        while self.error.is_none() {
            let before = self.rx.len();
            match self.session.recv(now, self.rx.filled_mut()) {
                Ok(recv) => {
                    assert!(recv.consumed <= before);
                    let (consumed, need) = (recv.consumed, recv.need);
                    let event = recv.event.map(|event| event.map(|payload| payload.to_vec()));
                    self.rx.consume(consumed);
                    let Some(event) = event else {
                        self.need = need;
                        self.check_wait(now);
                        return;
                    };
                    self.event(event);
                }
                Err(error) => self.failed(now, error),
            }
        }
    }

    /// Who holds its peer back says until when, and that is soon.
    fn check_wait(&self, now: Instant) {
        if self.need == 0 && !self.session.is_finished() && !self.peer_closed {
            let until = self.session.poll_timeout();
            assert!(until.is_some_and(|until| until <= now + LONGEST_WAIT), "held back until {until:?}");
        }
    }

    fn event(&mut self, event: Event<Vec<u8>>) {
        assert!(!self.peer_closed, "{event:?} behind the peer's end");
        match event {
            Event::Message(message) => {
                self.deliveries += 1;
                self.delivered.push(message);
            }
            Event::Closed { .. } => self.peer_closed = true,
            Event::Established => assert!(self.session.info().is_some()),
            _ => {}
        }
    }

    fn failed(&mut self, now: Instant, error: Error) {
        self.error = Some(error);
        assert_eq!(self.session.poll_timeout(), None, "a failed session waits for nothing");
        assert_eq!(self.session.recv(now, self.rx.filled_mut()).err(), Some(error), "the same error again");
    }

    /// When the owner is to call again; nobody calls once a session has ended.
    pub(super) fn timeout(&self) -> Option<Instant> {
        self.session.poll_timeout().filter(|_| self.listens())
    }

    /// Reads and acts on deadlines, as the contract asks.
    pub(super) fn tick(&mut self, now: Instant) {
        if !self.listens() {
            return;
        }
        self.read(now);
        if !self.listens() {
            return;
        }
        if let Err(error) = self.session.handle_timeout(now) {
            self.failed(now, error);
            return;
        }
        let next = self.session.poll_timeout();
        assert!(next.is_none_or(|next| next > now), "a deadline survived being handled");
        self.read(now);
    }

    fn bounded(&self) {
        assert!(self.tx.len() <= self.tx.limit(), "the limit of a TxBuf");
        assert!(self.tx.capacity() <= self.tx.limit() + self.tx.limit() / 8);
        assert!(self.rx.capacity() <= self.rx.max());
    }
}
