//! A session under test, driven as a driver would, with the rules every machine keeps checked at each step.

use crate::keys;
use sealock_proto::buf::{RxBuf, TxBuf};
use sealock_proto::guard::{Answer, CookieJar, Question};
use sealock_proto::noise::Protocol;
use sealock_proto::session::{Config, Error, Event, MIN_TX_LIMIT, Session};
use sealock_proto::time::Instant;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// The longest hello, and behind it a packet of the opening with the longest body that docs/wire.md allows, and two macs
/// (sections 1.1, 1.2 and 1.4).
const MAX_OPENING: usize = 6 + 4 * 97 + 2 + 8192 + 2 * 16;
/// The longest record, which may be the one with the proof that a session is not established without.
const MAX_RECORD: usize = 2 + 65_535;

/// An event whose payload is owned.
pub(crate) type Seen = Event<Vec<u8>>;

pub(crate) struct Subject {
    session: Session,
    rx: RxBuf,
    tx: TxBuf,
    now: Instant,
    need: usize,
    fed: usize,
    /// A cookie was given.
    demanded: bool,
    /// The handshake is complete, whatever the session waits for.
    pub(crate) has_keys: bool,
    /// What has been transmitted.
    pub(crate) sent: Vec<u8>,
    /// Every event so far.
    pub(crate) seen: Vec<Seen>,
    /// The error that ended the session.
    pub(crate) error: Option<Error>,
}

impl Subject {
    pub(crate) fn new(config: &Arc<Config>) -> Self {
        let mut subject = Self {
            session: Session::new(config, keys::seed(), Instant::ZERO).expect("the keys fit the pattern"),
            rx: RxBuf::new(config.rx_limit()),
            tx: TxBuf::new((2 * MIN_TX_LIMIT).max(config.min_tx_limit())),
            now: Instant::ZERO,
            need: 1,
            fed: 0,
            demanded: false,
            has_keys: false,
            sent: Vec::new(),
            seen: Vec::new(),
            error: None,
        };
        subject.transmit(true);
        subject
    }

    /// Asks about the initiator: has it prove its address, and is content with everything then.
    pub(crate) fn asking(mut self) -> Self {
        self.session = self.session.asking();
        self
    }

    fn answer(&mut self) {
        let Some(question) = self.session.question() else { return };
        let answer = match question {
            Question::FirstMessage { mac2: [0, ..], .. } if !self.demanded => {
                self.demanded = true;
                let source = SocketAddr::from(([192, 0, 2, 1], 7));
                Answer::Cookie(CookieJar::new(&keys::seed()).issue(self.now, source))
            }
            _ => Answer::Proceed,
        };
        self.session.answer(self.now, answer).expect("nobody is refused");
    }

    pub(crate) fn is_established(&self) -> bool {
        self.session.info().is_some()
    }

    /// What an established session runs.
    pub(crate) fn protocol(&self) -> Option<Protocol> {
        self.session.info().map(|info| info.protocol)
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.session.is_finished()
    }

    /// Whether the session would have more bytes now.
    pub(crate) fn listens(&self) -> bool {
        self.error.is_none() && self.need > 0 && !self.session.is_finished()
    }

    /// When a session that listens no more but is not over wants to be asked again.
    pub(crate) fn wakes_at(&self) -> Option<Instant> {
        if self.error.is_none() && !self.session.is_finished() { self.session.poll_timeout() } else { None }
    }

    /// Hands over all of `bytes`, as far as the session listens, and takes the events. Gives what is left.
    pub(crate) fn feed<'a>(&mut self, mut bytes: &'a [u8]) -> &'a [u8] {
        while !bytes.is_empty() && self.listens() {
            let spare = self.rx.spare_mut(self.need);
            assert!(!spare.is_empty(), "more bytes are wanted than rx_limit has room for");
            let n = spare.len().min(bytes.len());
            spare[..n].copy_from_slice(&bytes[..n]);
            self.rx.commit(n);
            bytes = &bytes[n..];
            self.fed += n;
            self.read();
        }
        bytes
    }

    /// The peer sends nothing more.
    pub(crate) fn end(&mut self) {
        if let Err(error) = self.session.recv_eof(self.now) {
            if self.error.is_none() {
                self.fail(error);
            }
        }
    }

    /// Takes events until there are none.
    fn read(&mut self) {
        while self.error.is_none() {
            let before = self.rx.len();
            match self.session.recv(self.now, self.rx.filled_mut()) {
                Ok(recv) => {
                    let (consumed, need) = (recv.consumed, recv.need);
                    let event = recv.event.map(|event| event.map(|payload| payload.to_vec()));
                    assert!(consumed <= before, "consumed {consumed} of {before} bytes");
                    self.rx.consume(consumed);
                    let Some(event) = event else {
                        self.need = need;
                        self.check_need();
                        return;
                    };
                    assert_eq!(need, 0, "an event and a need at once");
                    self.answer();
                    self.seen.push(event);
                    // Questions, payload, establishment and end of a session aside, an event takes bytes of a record.
                    assert!(self.seen.len() <= 8 + self.fed, "events without bytes");
                }
                Err(error) => {
                    self.fail(error);
                    let again = self.session.recv(self.now, self.rx.filled_mut()).err();
                    assert_eq!(again, Some(error), "the same error again");
                }
            }
        }
    }

    fn check_need(&self) {
        let wanted = self.rx.len() + self.need;
        assert!(wanted <= self.rx.max(), "{wanted} bytes do not fit rx_limit");
        if self.need > 0 && !self.is_established() {
            let most = if self.has_keys { MAX_RECORD } else { MAX_OPENING };
            assert!(wanted <= most, "{wanted} bytes wanted before the session is established");
        }
        if self.need == 0 && !self.session.is_finished() {
            let closed = self.seen.iter().any(|event| matches!(event, Event::Closed { .. }));
            assert!(closed || self.session.poll_timeout().is_some(), "stuck: no need and no deadline");
        }
    }

    /// Sends a small message.
    pub(crate) fn send(&mut self, message: &[u8]) {
        self.session.send(self.now, message, &mut self.tx).expect("a small message");
        self.transmit(true);
    }

    /// Lets the session transmit; `written` says whether the stream takes what there is.
    pub(crate) fn transmit(&mut self, written: bool) {
        self.session.poll_transmit(self.now, &mut self.tx);
        assert!(self.tx.len() <= self.tx.limit(), "the limit of a TxBuf");
        while written && !self.tx.sealed().is_empty() {
            self.sent.extend_from_slice(self.tx.sealed());
            self.tx.consume(self.tx.sealed().len());
            self.session.poll_transmit(self.now, &mut self.tx);
        }
        // Writing the last handshake message establishes a session; the next `recv` says so.
        self.read();
    }

    /// Lets time pass, handling every deadline at its instant, and reads again after each.
    pub(crate) fn pass(&mut self, duration: Duration) {
        let end = self.now + duration;
        while let Some(next) = self.wakes_at().filter(|next| *next <= end) {
            assert!(next >= self.now, "a deadline in the past");
            self.now = next;
            if let Err(error) = self.session.handle_timeout(self.now) {
                self.fail(error);
                return;
            }
            let after = self.session.poll_timeout();
            assert!(after.is_none_or(|after| after > self.now), "a deadline survived being handled");
            self.transmit(true);
        }
        self.now = end;
    }

    /// Lets a session that holds its peer back go on, at the instant it asked for.
    pub(crate) fn unthrottle(&mut self) {
        for _ in 0..=self.fed {
            let Some(next) = self.wakes_at().filter(|_| self.need == 0) else { return };
            self.pass(next.saturating_since(self.now));
            // What was read just now may ask for an answer, such as that to a CLOSE.
            self.transmit(true);
        }
        panic!("still throttled after a deadline for each byte");
    }

    fn fail(&mut self, error: Error) {
        self.error = Some(error);
        assert_eq!(self.session.poll_timeout(), None, "a failed session waits for nothing");
        self.transmit(true);
        assert!(self.session.is_finished(), "finished once {error:?} was told");
        assert_eq!(self.session.poll_timeout(), None, "a finished session waits for nothing");
    }
}
