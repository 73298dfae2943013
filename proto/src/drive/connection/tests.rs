//! Taking connections apart.

use super::*;
use crate::entropy::Seed;
use crate::session::{self, Config, Session};
use core::task::{Context, Poll, Waker};

/// A stream that takes nothing and brings nothing; whoever is alone with it gives up at once.
struct Stuck;

impl ReadIo for Stuck {
    type Error = ();

    fn now(&self) -> Instant {
        Instant::ZERO
    }

    fn poll_timer(&mut self, _: &mut Context<'_>, _: Option<Instant>) -> Poll<()> {
        Poll::Pending
    }

    fn poll_read(&mut self, _: &mut Context<'_>, _: &mut [u8]) -> Poll<Result<usize, ()>> {
        Poll::Pending
    }
}

impl WriteIo for Stuck {
    type Error = ();

    fn now(&self) -> Instant {
        Instant::ZERO
    }

    fn poll_timer(&mut self, _: &mut Context<'_>, _: Instant) -> Poll<()> {
        Poll::Ready(())
    }

    fn poll_write(&mut self, _: &mut Context<'_>, _: &[u8]) -> Poll<Result<usize, ()>> {
        Poll::Pending
    }

    fn poll_close(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ()>> {
        Poll::Pending
    }
}

type Mine = Connection<session::Receiver, session::Sender, Stuck, Stuck>;

/// With a hello queued once it is flushed, and `waiting` read.
fn connection(waiting: &[u8]) -> Mine {
    let config = Config::initiator("Noise_NN_25519_ChaChaPoly_BLAKE2s".parse().unwrap()).build().unwrap();
    let session = Session::new(&config, Seed::new(&mut [1; 32]), Instant::ZERO).unwrap();
    let (sender, receiver) = session.split();
    let mut rx = RxBuf::new(1000);
    rx.append(waiting);
    Connection::new((receiver, sender), (Stuck, Stuck), rx, TxBuf::new(8 << 10))
}

fn refused<T>(taken: Result<T, Refused<Mine>>) -> (Mine, HandOverRefused) {
    *taken.err().unwrap()
}

#[test]
fn a_connection_that_somebody_ends_from_outside_is_not_taken_apart_and_goes_on() {
    let connection = connection(b"waits");
    let ender = connection.sender.weak().upgrade().unwrap();
    let (mut connection, why) = refused(connection.into_parts());
    assert!(matches!(why, HandOverRefused::InUse));
    // A sender that is alone would give up.
    let flushed = connection.sender.poll_flush(&mut Context::from_waker(Waker::noop()));
    assert!(flushed.is_pending());
    drop(ender);
    let weak = connection.sender.weak();
    let Parts { rx, tx, .. } = connection.into_parts().ok().unwrap();
    assert_eq!((rx.filled(), tx.sealed().is_empty()), (&b"waits"[..], false));
    assert!(weak.upgrade().is_none());
}

#[test]
fn halves_of_two_connections_are_not_taken_apart() {
    let (one, another) = (connection(b"1"), connection(b"2"));
    let mixed = Connection { receiver: one.receiver, sender: another.sender };
    let (mixed, why) = refused(mixed.into_parts());
    assert!(matches!(why, HandOverRefused::Halves));
    let again = Connection { receiver: mixed.receiver, sender: one.sender };
    assert!(again.into_parts().is_ok());
}
