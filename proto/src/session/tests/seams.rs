//! Rules at the seams: where two of close, rekey, throttle, an open message and a full buffer meet.

use super::pair::*;
use crate::buf::TxBuf;
use crate::guard::GateKey;
use crate::limit::Rate;
use crate::noise::PayloadSecurity;
use crate::session::*;
use crate::time::Instant;
use core::time::Duration;

const CODE: CloseCode = CloseCode::application(300).unwrap();

/// What a driver may do: `recv` when bytes arrived or behind an event, `handle_timeout` at a deadline.
fn obey(end: &mut End, arrived: &[u8], now: Instant) {
    let mut look = !arrived.is_empty();
    end.rx.extend_from_slice(arrived);
    loop {
        while look {
            let recv = end.session.recv(now, &mut end.rx).unwrap();
            look = recv.event.is_some();
            if let Some(event) = recv.event {
                end.seen.push(event.map(|payload| payload.to_vec()));
            }
            let consumed = recv.consumed;
            end.rx.drain(..consumed);
        }
        end.session.poll_transmit(now, &mut end.tx);
        if end.session.poll_timeout().is_none_or(|at| at > now) {
            return;
        }
        end.session.handle_timeout(now).unwrap();
        look = true;
    }
}

#[test]
fn established_is_announced_without_waiting_for_more_bytes() {
    for name in [NN, XX, IK] {
        let (a, b) = configs(name);
        let mut pair = Pair::new(a, b);
        obey(&mut pair.a, &[], pair.now);
        for _ in 0..3 {
            let wire = pair.a.tx.sealed().to_vec();
            pair.a.tx.consume(wire.len());
            obey(&mut pair.b, &wire, pair.now);
            let wire = pair.b.tx.sealed().to_vec();
            pair.b.tx.consume(wire.len());
            obey(&mut pair.a, &wire, pair.now);
        }
        assert!(pair.a.is_established(), "{name}: initiator");
        assert!(pair.b.is_established(), "{name}: responder");
    }
}

#[test]
fn a_close_in_a_record_that_is_due_for_a_rekey_ends_the_stream_of_frames() {
    let (a, b) = configs(NN);
    let mut pair = Pair::established_with(a.with_rekey(RekeyPolicy::default().with_records(1)), b);
    pair.a.send(b"x");
    pair.a.session.close(pair.now, CODE, "", &mut pair.a.tx).unwrap();
    pair.pump();
    assert_eq!(pair.b.error, None);
    assert_eq!(pair.b.closed(), Some((300, "".into())));
    assert_eq!((pair.a.session.poll_timeout(), pair.b.session.poll_timeout()), (None, None));
}

#[test]
fn an_ended_session_has_no_deadline_left_by_a_rekey() {
    let (a, b) = configs(NN);
    let mut pair = Pair::established_with(a.with_rekey(RekeyPolicy::default().with_records(1)), b);
    for _ in 0..70 {
        pair.a.send(&[0; 1000]);
    }
    pair.a.session.close(pair.now, CODE, "", &mut pair.a.tx).unwrap();
    pair.pump();
    assert_eq!((pair.a.session.poll_timeout(), pair.b.session.poll_timeout()), (None, None));
}

#[test]
fn an_alert_behind_the_handshake_is_one_however_it_arrives() {
    for n in 1..4 {
        let mut pair = Pair::established(NN);
        let alert = alert_packet(Alert::PeerNotAllowed);
        for part in [&alert[..n], &alert[n..]] {
            pair.a.rx.extend_from_slice(part);
            pair.a.read(pair.now);
        }
        assert_eq!(pair.a.error, Some(Error::Refused(Alert::PeerNotAllowed)), "{n}");
    }
}

#[test]
fn a_stale_cursor_is_refused_while_another_message_is_open() {
    let mut pair = Pair::established(NN);
    pair.a.tx = TxBuf::new(8192);
    let (one, two) = (alloc::vec![1; 50_000], alloc::vec![2; 50_000]);
    let (one, two) = ([&one[..]], [&two[..]]);
    let (mut first, mut second) = (Outgoing::new(&one), Outgoing::new(&two));
    for out in [&mut first, &mut second] {
        let full = pair.a.session.send_some(pair.now, out, &mut pair.a.tx);
        assert_eq!(full, Err(SendError::Full));
        pair.pump();
    }
    assert!(second.sent() > 0);
    let stale = pair.a.session.send_some(pair.now, &mut first, &mut pair.a.tx);
    assert_eq!(stale, Err(SendError::Abandoned));
    while pair.a.session.send_some(pair.now, &mut second, &mut pair.a.tx).is_err() {
        pair.pump();
    }
    pair.pump();
    assert_eq!(pair.b.error, None);
    assert!(pair.b.messages() == two);
}

/// `a` with its buffer full of messages and of answers to PINGs, none of which leave.
fn stuffed() -> Pair {
    let mut pair = Pair::established(NN);
    pair.link = [false, true];
    pair.a.tx = TxBuf::new(8192);
    while pair.a.session.send(pair.now, &[0; 100], &mut pair.a.tx).is_ok() {}
    while pair.a.session.send(pair.now, &[], &mut pair.a.tx).is_ok() {}
    for n in 0..100_u8 {
        pair.b.forge(&[8, 8, n, 0, 0, 0, 0, 0, 0, 0]);
        pair.pump();
    }
    pair
}

#[test]
fn a_close_finds_room_whatever_fills_the_buffer() {
    let mut pair = stuffed();
    let reason = "r".repeat(MAX_REASON);
    pair.a.session.close(pair.now, CODE, &reason, &mut pair.a.tx).unwrap();
    pair.link = [true; 2];
    pair.pump();
    assert_eq!(pair.b.closed(), Some((300, reason)));
    assert!(pair.a.session.is_finished());
}

#[test]
fn a_close_that_is_refused_for_room_abandons_nothing() {
    let mut pair = Pair::established(NN);
    pair.a.tx = TxBuf::new(8192);
    let big = alloc::vec![1; 50_000];
    let parts = [&big[..]];
    let mut out = Outgoing::new(&parts);
    assert_eq!(pair.a.session.send_some(pair.now, &mut out, &mut pair.a.tx), Err(SendError::Full));
    // Bytes of somebody else's, as there may be when a protocol takes over a stream.
    pair.a.session.poll_transmit(pair.now, &mut pair.a.tx);
    let filler = alloc::vec![0; pair.a.tx.room() - 10];
    let sealed = pair.a.tx.sealed().len();
    pair.a.tx.push(&filler).unwrap();
    pair.a.tx.seal();
    assert_eq!(pair.a.session.close(pair.now, CODE, "", &mut pair.a.tx), Err(SendError::Full));
    pair.b.rx.extend_from_slice(&pair.a.tx.sealed()[..sealed]);
    pair.a.tx.consume(usize::MAX);
    while pair.a.session.send_some(pair.now, &mut out, &mut pair.a.tx).is_err() {
        pair.pump();
    }
    pair.pump();
    assert_eq!(pair.b.error, None);
    assert!(pair.b.messages() == parts);
}

#[test]
fn a_peer_that_pings_but_does_not_read_cannot_outlive_the_drain() {
    let mut pair = stuffed();
    pair.a.session.drain(pair.now, pair.now + Duration::from_secs(3)).unwrap();
    pair.pass(Duration::from_secs(9));
    assert!(pair.a.session.is_finished(), "{:?}", pair.a.session.poll_timeout());
}

#[test]
fn a_close_keeps_the_deadline_of_a_throttled_peer() {
    let (a, b) = configs(NN);
    let limit = RateLimit::default().with_messages(Rate::new(10, 5).unwrap());
    let mut pair = Pair::established_with(a, b.with_rate_limit(limit));
    for n in 0..10_u8 {
        pair.a.send(&[n]);
    }
    pair.pump();
    assert_eq!(pair.b.messages().len(), 5);
    pair.b.session.close(pair.now, CODE, "", &mut pair.b.tx).unwrap();
    let next = pair.b.session.poll_timeout().unwrap();
    assert!(next <= pair.now + Duration::from_millis(200), "{next:?}");
    pair.pass(Duration::from_secs(1));
    assert_eq!((pair.b.error, pair.b.messages().len()), (None, 10));
}

#[test]
fn a_handshake_that_fails_while_it_is_written_ends_with_its_alert() {
    let (a, b) = configs(NN);
    let mut pair = Pair::new(a, b);
    // An ephemeral key of small order, which is found when the responder writes.
    let flight = [&b"SLCK\x01\x01\x21Noise_NN_25519_ChaChaPoly_BLAKE2s\x00\x20"[..], &[0; 32]].concat();
    pair.b.rx = with_mac1(flight, &GateKey::new(None, b""));
    pair.b.read(pair.now);
    assert_eq!(pair.b.error, None);
    pair.b.session.poll_transmit(pair.now, &mut pair.b.tx);
    assert_eq!(pair.b.tx.sealed(), alert_packet(Alert::HandshakeFailed));
    assert!(pair.b.session.is_finished());
    assert!(pair.b.session.recv(pair.now, &mut []).is_err());
}

#[test]
fn a_peer_that_shuts_its_sending_side_still_gets_the_answer() {
    let mut pair = Pair::established(NN);
    pair.a.session.close(pair.now, CODE, "", &mut pair.a.tx).unwrap();
    pair.a.session.poll_transmit(pair.now, &mut pair.a.tx);
    let wire = pair.a.tx.sealed().to_vec();
    pair.b.rx.extend_from_slice(&wire);
    pair.b.read(pair.now);
    assert_eq!(pair.b.session.recv_eof(pair.now), Ok(()));
    pair.b.session.poll_transmit(pair.now, &mut pair.b.tx);
    assert!(pair.b.session.is_finished());
    let mut wire = pair.b.tx.sealed().to_vec();
    let answer = pair.a.session.recv(pair.now, &mut wire).unwrap().event;
    assert!(matches!(answer, Some(Event::Closed { .. })), "{answer:?}");
}

#[test]
fn the_smallest_buffer_carries_the_largest_handshake_payload() {
    let (a, b) = configs(XX);
    let weak = PayloadSecurity::default();
    let mut pair = Pair::new(a.with_handshake_payload(&[7; 4096], weak), b);
    pair.a.tx = TxBuf::new(MIN_TX_LIMIT);
    pair.pump();
    assert!(pair.a.is_established());
}

#[test]
fn debug_shows_no_plaintext() {
    let mut rx = crate::buf::RxBuf::new(100);
    rx.append(&[201, 202, 203]);
    assert!(!alloc::format!("{rx:?}").contains("202"));
    let out = [&[201, 202, 203][..]];
    assert!(!alloc::format!("{:?}", Outgoing::new(&out)).contains("202"));
}

#[test]
fn a_message_larger_than_half_the_buffer_that_fits_in_one_frame_arrives() {
    for limit in [MIN_TX_LIMIT, 8 << 10, 40 << 10, 100 << 10] {
        let mut pair = Pair::established(NN);
        pair.a.tx = TxBuf::new(limit);
        for size in (limit / 2 - 30..limit - 1200).step_by(limit / 16) {
            pair.a.send(&alloc::vec![7; size]);
            pair.pump();
            assert_eq!(pair.b.error, None, "{size} of {limit}");
        }
    }
}

/// The sending half answers the peer's close, and tells the receiving half only once CLOSE can be written.
#[cfg(feature = "std")]
#[test]
fn halves_send_parts_and_end_with_close_in_the_buffer() {
    use crate::machine::{RecvHalf, SendHalf};
    let mut pair = Pair::established(NN);
    let now = pair.now;
    pair.b.session.close(now, CODE, "", &mut pair.b.tx).unwrap();
    pair.b.session.poll_transmit(now, &mut pair.b.tx);
    let (mut sender, mut receiver) = pair.a.session.split();
    sender.send_parts(now, &[b"one ", b"message"], &mut pair.a.tx).unwrap();
    let mut wire = pair.b.tx.sealed().to_vec();
    assert!(matches!(receiver.recv(now, &mut wire).unwrap().event, Some(Event::Closed { .. })));
    assert!(!receiver.is_finished() && !sender.wakes_receiver());
    sender.poll_transmit(now, &mut pair.a.tx);
    assert!(receiver.is_finished() && sender.wakes_receiver());
    pair.b.rx = pair.a.tx.sealed().to_vec();
    pair.b.read(now);
    assert_eq!(pair.b.messages(), [b"one message"]);
    assert_eq!(pair.b.closed(), Some((0, "".into())));
}
