//! A small protocol with everything a driver must handle: messages, pings that the other half answers,
//! alerts, a two-way close, a silence deadline and throttling.
//!
//! A frame is a kind (1 byte), a length (4 bytes, big-endian) and a payload. No cryptography.

use sealock_proto::buf::{Full, Span, TxBuf};
use sealock_proto::machine::{Backpressure, Recv, RecvHalf, SendHalf};
use sealock_proto::time::Instant;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

const HEADER: usize = 5;
const DATA: u8 = 0;
const PING: u8 = 1;
const PONG: u8 = 2;
const CLOSE: u8 = 3;
const ALERT: u8 = 4;

/// What a [`ToyReceiver`] reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<P> {
    /// A message.
    Message(P),
    /// The answer to a ping, with its token.
    Pong(u64),
    /// The peer will send nothing more.
    Closed,
}

/// Why a toy failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToyError {
    /// The peer sent something that is no frame; it is told so.
    BadFrame,
    /// The peer said that this side sent something that is no frame.
    Alerted,
    /// The stream ended before the peer closed.
    Truncated,
    /// Nothing was heard for too long.
    Silent,
}

/// Why a toy did not send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToySendError {
    /// No room.
    Full,
    /// Closed or failed.
    Closed,
}

macro_rules! error {
    ($($error:ty),*) => { $(
        impl fmt::Display for $error {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(self, f)
            }
        }
        impl std::error::Error for $error {}
    )* };
}
error!(ToyError, ToySendError);

impl From<Full> for ToySendError {
    fn from(_: Full) -> Self {
        Self::Full
    }
}

impl Backpressure for ToySendError {
    fn is_full(&self) -> bool {
        *self == Self::Full
    }
}

/// How a toy behaves.
#[derive(Clone, Copy, Debug, Default)]
pub struct Config {
    /// Fail if nothing was heard for so long.
    pub silence: Option<Duration>,
    /// Deliver at most one message in so long.
    pub gap: Option<Duration>,
    /// Do not answer the peer's close: there is more to send.
    pub stay_open: bool,
}

#[derive(Debug, Default)]
struct Control {
    pong: Option<u64>,
    alert: bool,
    failed: bool,
    heard_close: bool,
    sent_close: bool,
    wake: bool,
}

type Shared = Arc<Mutex<Control>>;

fn lock(control: &Shared) -> MutexGuard<'_, Control> {
    control.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The two halves of a fresh toy.
#[must_use]
pub fn toy(config: Config, now: Instant) -> (ToyReceiver, ToySender) {
    let control = Shared::default();
    let receiver = ToyReceiver { config, control: control.clone(), heard: now, throttled: None, calls: 0 };
    (receiver, ToySender { stay_open: config.stay_open, transmitted_at: now, control })
}

/// The receiving half.
#[derive(Debug)]
pub struct ToyReceiver {
    config: Config,
    control: Shared,
    heard: Instant,
    throttled: Option<Instant>,
    calls: usize,
}

impl ToyReceiver {
    /// How often `recv` was called.
    #[must_use]
    pub const fn calls(&self) -> usize {
        self.calls
    }
}

fn token(payload: &[u8]) -> Result<u64, ToyError> {
    payload.try_into().map(u64::from_be_bytes).map_err(|_| ToyError::BadFrame)
}

impl RecvHalf for ToyReceiver {
    type Event<P> = Event<P>;
    type Error = ToyError;

    fn map_event<P, Q>(event: Event<P>, f: impl FnOnce(P) -> Q) -> Event<Q> {
        match event {
            Event::Message(payload) => Event::Message(f(payload)),
            Event::Pong(token) => Event::Pong(token),
            Event::Closed => Event::Closed,
        }
    }

    fn recv(&mut self, now: Instant, buf: &mut [u8]) -> Result<Recv<Event<Span>>, ToyError> {
        self.calls += 1;
        let mut at = 0;
        loop {
            let rest = &buf[at..];
            let Some((&[kind, ref len @ ..], body)) = rest.split_first_chunk::<HEADER>() else {
                return Ok(Recv::need(at, HEADER - rest.len()));
            };
            let len = u32::from_be_bytes(*len) as usize;
            if kind > ALERT {
                let mut control = lock(&self.control);
                (control.alert, control.failed) = (true, true);
                return Err(ToyError::BadFrame);
            }
            let Some(payload) = body.get(..len) else {
                return Ok(Recv::need(at, len - body.len()));
            };
            if kind == DATA && self.throttled.is_some_and(|until| now < until) {
                return Ok(Recv::need(at, 0));
            }
            self.heard = now;
            let start = at + HEADER;
            at = start + len;
            match kind {
                DATA => {
                    self.throttled = self.config.gap.map(|gap| now + gap);
                    return Ok(Recv::event(at, Event::Message(Span::new(start, len))));
                }
                PING => lock(&self.control).pong = Some(token(payload)?),
                PONG => return Ok(Recv::event(at, Event::Pong(token(payload)?))),
                CLOSE => {
                    lock(&self.control).heard_close = true;
                    return Ok(Recv::event(at, Event::Closed));
                }
                _ => {
                    lock(&self.control).failed = true;
                    return Err(ToyError::Alerted);
                }
            }
        }
    }

    fn recv_eof(&mut self, _: Instant) -> Result<(), ToyError> {
        if lock(&self.control).heard_close { Ok(()) } else { Err(ToyError::Truncated) }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let silence = self.config.silence.map(|silence| self.heard + silence);
        silence.into_iter().chain(self.throttled).min()
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), ToyError> {
        if self.throttled.is_some_and(|until| until <= now) {
            self.throttled = None;
        }
        if self.config.silence.is_some_and(|silence| self.heard + silence <= now) {
            lock(&self.control).failed = true;
            return Err(ToyError::Silent);
        }
        Ok(())
    }

    fn is_finished(&self) -> bool {
        let control = lock(&self.control);
        control.heard_close && control.sent_close
    }
}

/// The sending half.
#[derive(Debug)]
pub struct ToySender {
    stay_open: bool,
    transmitted_at: Instant,
    control: Shared,
}

impl ToySender {
    /// The time of the last `poll_transmit`.
    #[must_use]
    pub const fn transmitted_at(&self) -> Instant {
        self.transmitted_at
    }

    /// Queues a message.
    ///
    /// # Errors
    /// No room, or closed.
    pub fn send(&mut self, message: &[u8], tx: &mut TxBuf) -> Result<(), ToySendError> {
        self.frame(DATA, message, tx)
    }

    /// Queues a ping.
    ///
    /// # Errors
    /// No room, or closed.
    pub fn ping(&mut self, token: u64, tx: &mut TxBuf) -> Result<(), ToySendError> {
        self.frame(PING, &token.to_be_bytes(), tx)
    }

    /// Says that nothing more will be sent.
    ///
    /// # Errors
    /// No room, or closed before.
    pub fn close(&mut self, tx: &mut TxBuf) -> Result<(), ToySendError> {
        self.frame(CLOSE, &[], tx)?;
        let mut control = lock(&self.control);
        (control.sent_close, control.wake) = (true, true);
        Ok(())
    }

    fn frame(&mut self, kind: u8, payload: &[u8], tx: &mut TxBuf) -> Result<(), ToySendError> {
        let control = lock(&self.control);
        if control.sent_close || control.failed {
            return Err(ToySendError::Closed);
        }
        Ok(push(kind, payload, tx)?)
    }
}

fn push(kind: u8, payload: &[u8], tx: &mut TxBuf) -> Result<(), Full> {
    if tx.room() < HEADER + payload.len() {
        return Err(Full);
    }
    let [a, b, c, d] = u32::try_from(payload.len()).map_err(|_| Full)?.to_be_bytes();
    tx.push(&[kind, a, b, c, d])?;
    tx.push(payload)
}

impl SendHalf for ToySender {
    fn poll_transmit(&mut self, now: Instant, tx: &mut TxBuf) {
        self.transmitted_at = now;
        let mut control = lock(&self.control);
        if control.alert && push(ALERT, &[], tx).is_ok() {
            control.alert = false;
        }
        if let Some(token) = control.pong {
            if push(PONG, &token.to_be_bytes(), tx).is_ok() {
                control.pong = None;
            }
        }
        if control.heard_close && !control.sent_close && !self.stay_open && push(CLOSE, &[], tx).is_ok() {
            control.sent_close = true;
        }
        tx.seal();
    }

    fn wakes_receiver(&mut self) -> bool {
        std::mem::take(&mut lock(&self.control).wake)
    }
}
