//! A split session: the same rules, on two threads.

use super::pair::*;
use crate::buf::TxBuf;
use crate::machine::{RecvHalf, SendHalf};
use crate::session::{CloseCode, Error, Event, Receiver, SendError, Sender};
use crate::time::Instant;
use alloc::vec::Vec;
use std::sync::mpsc;
use std::thread;

fn split(name: &str) -> ((Sender, Receiver), (Sender, Receiver)) {
    let Pair { a, b, .. } = Pair::established(name);
    (a.session.split(), b.session.split())
}

/// Events of `receiver` from `bytes`, until it needs more.
fn events(receiver: &mut Receiver, bytes: &mut Vec<u8>) -> Vec<Seen> {
    let mut events = Vec::new();
    loop {
        let recv = receiver.recv(Instant::ZERO, bytes).unwrap();
        let event = recv.event.map(|event| event.map(|span| span.of(bytes).to_vec()));
        bytes.drain(..recv.consumed);
        match event {
            Some(event) => events.push(event),
            None => return events,
        }
    }
}

#[test]
fn two_threads_seal_and_open_at_once_in_both_directions() {
    let ((a_send, a_recv), (b_send, b_recv)) = split(XX);
    thread::scope(|scope| {
        let run = |mut sender: Sender, mut receiver: Receiver| {
            let (wire, arrived) = mpsc::channel::<Vec<u8>>();
            scope.spawn(move || {
                let mut tx = TxBuf::new(1 << 18);
                for n in 0..500_u32 {
                    let message = n.to_le_bytes().repeat(1 + n as usize % 50);
                    sender.send(Instant::ZERO, &message, &mut tx).unwrap();
                    if n % 7 == 0 {
                        sender.poll_transmit(Instant::ZERO, &mut tx);
                        wire.send(tx.sealed().to_vec()).unwrap();
                        tx.consume(usize::MAX);
                    }
                }
                sender.poll_transmit(Instant::ZERO, &mut tx);
                wire.send(tx.sealed().to_vec()).unwrap();
                assert_eq!(sender.stats().messages, 500);
            });
            scope.spawn(move || {
                let (mut bytes, mut next) = (Vec::new(), 0_u32);
                for piece in arrived {
                    bytes.extend_from_slice(&piece);
                    for event in events(&mut receiver, &mut bytes) {
                        let expected = next.to_le_bytes().repeat(1 + next as usize % 50);
                        assert_eq!(event, Event::Message(expected));
                        next += 1;
                    }
                }
                assert_eq!((next, receiver.stats().received.messages), (500, 500));
            });
        };
        run(a_send, b_recv);
        run(b_send, a_recv);
    });
}

#[test]
fn what_one_half_learns_the_other_keeps_to() {
    let ((mut a_send, mut a_recv), (mut b_send, mut b_recv)) = split(NN);
    let (now, mut tx) = (Instant::ZERO, TxBuf::new(1 << 16));
    assert!(!a_send.wakes_receiver());
    a_send.close(now, CloseCode::NORMAL, "done", &mut tx).unwrap();
    assert!(a_send.wakes_receiver(), "the receiver now has a deadline");
    assert!(a_recv.poll_timeout().is_some());

    let mut wire = tx.sealed().to_vec();
    let closed = Event::Closed { code: CloseCode::NORMAL, reason: b"done".to_vec() };
    assert_eq!(events(&mut b_recv, &mut wire), [closed]);
    let mut tx = TxBuf::new(1 << 16);
    assert_eq!(b_send.send(now, b"late", &mut tx), Err(SendError::Closed));
    b_send.poll_transmit(now, &mut tx);
    assert!(b_recv.is_finished(), "the answer is out");

    events(&mut a_recv, &mut tx.sealed().to_vec());
    assert!(a_recv.is_finished());
    assert_eq!(a_recv.recv_eof(now), Ok(()));
}

#[test]
fn a_failure_of_the_receiver_makes_the_sender_tell_the_peer() {
    let ((mut a_send, mut a_recv), (_, mut b_recv)) = split(NN);
    let mut forged = [0_u8, 17].into_iter().chain([0; 17]).collect::<Vec<_>>();
    assert_eq!(a_recv.recv(Instant::ZERO, &mut forged), Err(Error::BadRecord));
    let mut tx = TxBuf::new(1 << 16);
    let refused = a_send.send(Instant::ZERO, b"x", &mut tx);
    assert_eq!(refused, Err(SendError::Failed(Error::BadRecord)));
    a_send.poll_transmit(Instant::ZERO, &mut tx);
    let seen = events(&mut b_recv, &mut tx.sealed().to_vec());
    assert_eq!(seen, [Event::Closed { code: CloseCode::PROTOCOL_ERROR, reason: Vec::new() }]);
}
