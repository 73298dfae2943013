//! A session that is ended from outside where there is no room for its close. Ends with room are tested with the loop, in
//! `io-tests/tests/drive/ended.rs`: a session keeps room for its close itself, but an earlier stage of the stream may have
//! filled the buffer.

use super::*;
use crate::buf::{RxBuf, TxBuf};
use crate::drive::{Connection, ReadIo};
use crate::entropy::Seed;
use crate::session::{Config, Error, Event, MIN_TX_LIMIT, Session};
use alloc::task::Wake;
use alloc::vec::Vec;
use std::sync::Mutex;

const EARLIER: [u8; MIN_TX_LIMIT - 100] = [7; MIN_TX_LIMIT - 100];
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// A stream that nothing comes from, its clock, and how often the task that waits for it was woken.
#[derive(Default)]
struct State {
    now: Instant,
    takes: bool,
    written: Vec<u8>,
    wakes: usize,
}

#[derive(Clone, Default)]
struct Stream(Arc<Mutex<State>>);

impl Stream {
    fn with<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        f(&mut self.0.lock().unwrap())
    }

    fn timer(&self, deadline: Option<Instant>) -> Poll<()> {
        let now = self.with(|state| state.now);
        if deadline.is_some_and(|at| at <= now) { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Wake for Stream {
    fn wake(self: Arc<Self>) {
        self.with(|state| state.wakes += 1);
    }
}

impl ReadIo for Stream {
    type Error = ();

    fn now(&self) -> Instant {
        self.with(|state| state.now)
    }

    fn poll_timer(&mut self, _: &mut Context<'_>, deadline: Option<Instant>) -> Poll<()> {
        self.timer(deadline)
    }

    fn poll_read(&mut self, _: &mut Context<'_>, _: &mut [u8]) -> Poll<Result<usize, ()>> {
        Poll::Pending
    }
}

impl WriteIo for Stream {
    type Error = ();

    fn now(&self) -> Instant {
        self.with(|state| state.now)
    }

    fn poll_timer(&mut self, _: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        self.timer(Some(deadline))
    }

    fn poll_write(&mut self, _: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize, ()>> {
        self.with(|state| {
            if !state.takes {
                return Poll::Pending;
            }
            state.written.extend_from_slice(bytes);
            Poll::Ready(Ok(bytes.len()))
        })
    }

    fn poll_close(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ()>> {
        Poll::Ready(Ok(()))
    }
}

/// Moves what one end has to say to the other.
fn speak(from: &mut Session, to: &mut Session) {
    let mut tx = TxBuf::new(MIN_TX_LIMIT);
    from.poll_transmit(Instant::ZERO, &mut tx);
    let mut bytes = tx.sealed().to_vec();
    while !bytes.is_empty() {
        let consumed = to.recv(Instant::ZERO, &mut bytes).unwrap().consumed;
        assert!(consumed > 0);
        bytes.drain(..consumed);
    }
}

/// The end of a session that a listener has, and its peer.
fn pair() -> (Session, Session) {
    let protocol = "Noise_NN_25519_ChaChaPoly_BLAKE2s".parse().unwrap();
    let configs = [Config::responder(&[protocol]), Config::initiator(protocol)];
    let [mut server, mut peer] = configs.map(|config| {
        let config = config.with_heartbeat(None).with_close_timeout(CLOSE_TIMEOUT).build().unwrap();
        Session::new(&config, Seed::new(&mut [1; 32]), Instant::ZERO).unwrap()
    });
    speak(&mut peer, &mut server);
    speak(&mut server, &mut peer);
    (server, peer)
}

#[test]
fn a_close_without_room_comes_when_there_is_some_or_its_deadline_does() {
    for reads in [true, false] {
        let (server, mut peer) = pair();
        let stream = Stream::default();
        let waker = Waker::from(Arc::new(stream.clone()));
        let mut cx = Context::from_waker(&waker);
        let mut tx = TxBuf::new(MIN_TX_LIMIT);
        tx.push(&EARLIER).unwrap();
        tx.seal();
        let (sender, receiver) = server.split();
        let io = (stream.clone(), stream.clone());
        let (mut receiver, sender) = Connection::new((receiver, sender), io, RxBuf::new(1 << 16), tx).split();
        let sender = SessionSender::new(sender);
        while let Poll::Ready(event) = receiver.poll_next(&mut cx) {
            assert_eq!(event, Ok(Some(Event::Established)));
        }
        sender.ender()("no room for this");
        assert_eq!((sender.queued(), stream.with(|state| state.wakes)), (EARLIER.len(), 1));
        assert!(receiver.poll_next(&mut cx).is_pending());
        if reads {
            stream.with(|state| state.takes = true);
            assert!(receiver.poll_next(&mut cx).is_pending(), "it waits for the answer");
            let mut said = stream.with(|state| state.written.split_off(EARLIER.len()));
            let recv = peer.recv(Instant::ZERO, &mut said).unwrap();
            assert!(
                matches!(recv.event, Some(Event::Closed { code: CloseCode::GOING_AWAY, .. })),
                "{recv:?}"
            );
        }
        stream.with(|state| state.now = Instant::ZERO + CLOSE_TIMEOUT);
        let ended = receiver.poll_next(&mut cx);
        assert_eq!(ended, Poll::Ready(Err(DriveError::Protocol(Error::CloseTimeout))));
    }
}
