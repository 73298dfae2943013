//! Every limit is crossed, and holds before memory is used.

use super::peer::{BINARY, CLOSE, CONT, FIN, PING, PONG, Peer, binary, frame};
use crate::buf::RxBuf;
use crate::limit::Rate;
use crate::ws::{Config, Delivery, Error, Role};
use alloc::vec::Vec;
use core::time::Duration;

const ROLES: [Role; 2] = [Role::Client, Role::Server];

fn small() -> Config {
    Config::default().with_max_message(10).with_max_frame(6).with_max_fragments(3)
}

#[test]
fn what_is_announced_is_refused_before_it_comes() {
    let too_large = |size| Error::MessageTooLarge { size, max: 10 };
    for delivery in [Delivery::Messages, Delivery::Chunks] {
        for (frames, error, code) in [
            (&[(FIN | BINARY, 7)][..], Error::FrameTooLarge { size: 7, max: 6 }, 1009),
            (&[(BINARY, 6), (FIN | CONT, 5)], too_large(11), 1009),
            (&[(BINARY, 1), (CONT, 1), (CONT, 1), (FIN | CONT, 1)], Error::TooManyFragments { max: 3 }, 1008),
            (&[(BINARY, 0), (CONT, 0), (CONT, 0), (CONT, 0)], Error::TooManyFragments { max: 3 }, 1008),
        ] {
            let mut server = Peer::open(Role::Server, small().with_delivery(delivery));
            let (last, before) = frames.split_last().unwrap();
            for (first, len) in before {
                server.give(&frame(*first, true, &Vec::from_iter((0..*len).map(|_| 0))));
            }
            // The head alone is enough.
            let head = &frame(last.0, true, &Vec::from_iter((0..last.1).map(|_| 0)))[..6];
            assert_eq!(server.try_give(head), Err(error));
            assert_eq!(server.frames_out(), [(FIN | CLOSE, Vec::from(u16::to_be_bytes(code)))]);
        }
    }
}

#[test]
fn what_is_just_allowed_passes() {
    for role in ROLES {
        let mut end = Peer::open(role, small());
        let wire =
            [end.frame(BINARY, &[1; 6]), end.frame(CONT, &[2; 2]), end.frame(FIN | CONT, &[3; 2])].concat();
        assert_eq!(end.give(&wire), [binary(&[1, 1, 1, 1, 1, 1, 2, 2, 3, 3])]);
        assert_eq!(end.give(&wire).len(), 1, "counting begins anew with each message");
    }
}

#[test]
fn lengths_beyond_any_memory_are_refused_by_their_size() {
    for role in ROLES {
        let mut end = Peer::open(role, Config::default());
        let mut head = Vec::from([FIN | BINARY, if role == Role::Server { 0xff } else { 0x7f }]);
        head.extend((i64::MAX as u64).to_be_bytes());
        head.extend([0; 4]);
        let size = i64::MAX as u64;
        assert_eq!(end.try_give(&head), Err(Error::FrameTooLarge { size, max: 1 << 30 }));
    }
}

#[test]
fn control_frames_have_a_rate() {
    let rate = Rate::new(10, 3).ok();
    for (first, what) in [(FIN | PING, "ping"), (FIN | PONG, "pong")] {
        let mut end = Peer::open(Role::Server, Config::default().with_control_rate(rate));
        let wire = end.frame(first, b"x");
        (0..3).for_each(|_| drop(end.give(&wire)));
        end.now += Duration::from_millis(100);
        assert_eq!(end.give(&wire), [], "{what}: one more a tenth of a second later");
        assert_eq!(end.try_give(&wire), Err(Error::ControlFlood), "{what}");
        let close = end.frames_out().pop();
        assert_eq!(close, Some((FIN | CLOSE, Vec::from(1008_u16.to_be_bytes()))));

        let mut unlimited = Peer::open(Role::Server, Config::default().with_control_rate(None));
        (0..10_000).for_each(|_| drop(unlimited.give(&wire)));
    }
    let mut default = Peer::open(Role::Server, Config::default());
    let wire = default.frame(FIN | PING, b"x");
    let flood = (0..2_000).find_map(|_| default.try_give(&wire).err());
    assert_eq!(flood, Some(Error::ControlFlood));
}

#[test]
fn a_read_buffer_of_the_promised_size_is_enough_whatever_lies_between_the_fragments() {
    let config = Config::default().with_max_message(100_000).with_control_rate(None).build().unwrap();
    let limit = config.rx_limit();
    let mut end = Peer::open(Role::Server, (*config).clone());
    let mut rx = RxBuf::new(limit);
    let mut wire = frame(BINARY, true, &[0; 1]);
    for n in 0..999_u32 {
        wire.extend(frame(if n == 998 { FIN | CONT } else { CONT }, true, &[n as u8; 100]));
        (0..20).for_each(|_| wire.extend(frame(FIN | PING, true, &[n as u8; 125])));
    }
    let (mut rest, mut messages, mut most) = (&wire[..], 0, 0);
    while !rest.is_empty() {
        let spare = rx.spare_mut(1);
        assert!(!spare.is_empty(), "the buffer is full");
        let n = spare.len().min(rest.len()).min(4_000);
        spare[..n].copy_from_slice(&rest[..n]);
        rx.commit(n);
        rest = &rest[n..];
        loop {
            let recv = end.ws.recv(end.now, rx.filled_mut()).unwrap();
            let (consumed, is_event) = (recv.consumed, recv.event.is_some());
            rx.consume(consumed);
            messages += usize::from(is_event);
            most = most.max(rx.len());
            if !is_event {
                break;
            }
        }
    }
    assert_eq!(messages, 1);
    assert!(most <= limit, "{most} of {limit}");
}
