//! Pings both ways, silence, idleness, and what is owed when there is little room.

use super::peer::{BINARY, CLOSE, FIN, PING, PONG, Peer, TEXT};
use crate::buf::TxBuf;
use crate::heartbeat::{Dead, HeartbeatConfig};
use crate::ws::{CloseCode, Config, Error, Kind, Role};
use alloc::vec::Vec;
use core::time::Duration;

const ROLES: [Role; 2] = [Role::Client, Role::Server];

fn config() -> Config {
    let heartbeat = HeartbeatConfig::default()
        .with_interval(Duration::from_secs(10))
        .with_probe_timeout(Duration::from_secs(2))
        .with_misses(1);
    Config::default().with_heartbeat(Some(heartbeat))
}

#[test]
fn a_ping_that_is_answered_gives_the_round_trip() {
    for role in ROLES {
        let mut end = Peer::open(role, config());
        let slept = end.sleep().unwrap();
        assert!(slept >= Duration::from_secs(9) && slept <= Duration::from_secs(10), "{slept:?}");
        let frames = end.frames_out();
        let [(first, body)] = &frames[..] else { panic!("{frames:?}") };
        assert_eq!((*first, body.len()), (FIN | PING, 8));
        end.now += Duration::from_millis(30);
        // One that nobody asked for is no answer.
        let unasked = end.frame(FIN | PONG, b"unasked");
        assert_eq!(end.give(&unasked), []);
        assert_eq!(end.ws.stats().rtt, None);
        let pong = end.frame(FIN | PONG, body);
        assert_eq!(end.give(&pong), []);
        let stats = end.ws.stats();
        assert_eq!((stats.pings, stats.pongs), (1, 1));
        assert_eq!(stats.rtt.unwrap().smoothed, Duration::from_millis(30));
    }
}

#[test]
fn a_silent_peer_is_given_up() {
    for role in ROLES {
        let mut end = Peer::open(role, config());
        let mut pings = 0;
        let error = loop {
            match end.sleep() {
                Ok(_) => pings += end.frames_out().len(),
                Err(error) => break error,
            }
        };
        assert!(matches!(error, Error::Dead(Dead::Silent { probes: 2, .. })), "{error:?}");
        assert_eq!(pings, 2);
        assert_eq!(end.frames_out(), [(FIN | CLOSE, Vec::from(1001_u16.to_be_bytes()))]);
        assert!(end.ws.is_finished());
    }
}

#[test]
fn anything_that_comes_is_a_sign_of_life_even_part_of_a_frame() {
    let mut end = Peer::open(Role::Server, config());
    let frame = end.frame(FIN | BINARY, &[1; 1000]);
    for byte in &frame[..60] {
        while end.ws.poll_timeout().is_some_and(|at| at <= end.now) {
            end.ws.handle_timeout(end.now).unwrap();
            end.out();
        }
        assert_eq!(end.give(&[*byte]), []);
        end.now += Duration::from_secs(1);
    }
}

#[test]
fn without_messages_a_connection_is_idle() {
    let heartbeat = HeartbeatConfig::default().with_idle(Some(Duration::from_secs(3)));
    let mut end = Peer::open(Role::Server, Config::default().with_heartbeat(Some(heartbeat)));
    end.now += Duration::from_secs(2);
    end.send(Kind::Text, b"busy");
    end.out();
    assert_eq!(end.sleep(), Err(Error::Dead(Dead::Idle { limit: Duration::from_secs(3) })));
    assert_eq!(end.now.as_nanos(), 5_000_000_000);
}

#[test]
fn without_a_heartbeat_nothing_is_ever_due() {
    let end = Peer::open(Role::Server, Config::default().with_heartbeat(None));
    assert_eq!(end.ws.poll_timeout(), None);
}

#[test]
fn pings_are_answered_in_order_and_before_later_messages() {
    for role in ROLES {
        let mut end = Peer::open(role, config());
        let wire =
            [end.frame(FIN | PING, b"1"), end.frame(FIN | PING, b""), end.frame(FIN | PING, &[3; 125])]
                .concat();
        assert_eq!(end.give(&wire), []);
        end.send(Kind::Text, b"m");
        let pong = |body: &[u8]| (FIN | PONG, body.to_vec());
        let want = [pong(b"1"), pong(b""), pong(&[3; 125]), (FIN | TEXT, b"m".to_vec())];
        assert_eq!(end.frames_out(), want);
        assert_eq!(end.frames_out(), []);
    }
}

#[test]
fn what_is_owed_waits_for_room_and_messages_leave_some() {
    let mut end = Peer::open(Role::Server, config());
    let mut small = TxBuf::new(1024);
    while end.ws.send(end.now, Kind::Binary, &[0; 100], &mut small).is_ok() {}
    let ping = end.frame(FIN | PING, &[1; 125]);
    end.give(&[&ping[..], &ping].concat());
    end.ws.close(end.now, CloseCode::NORMAL, "there is room for this", &mut small).unwrap();

    let mut end = Peer::open(Role::Server, config());
    end.give(&[&ping[..], &ping].concat());
    let mut full = TxBuf::new(1024);
    full.push(&[0; 1000]).unwrap();
    full.seal();
    end.ws.poll_transmit(end.now, &mut full);
    assert_eq!(full.len(), 1000);
    full.consume(1000);
    end.ws.poll_transmit(end.now, &mut full);
    assert_eq!(full.len(), 127, "the newest: there is no memory for two of this size");
}
