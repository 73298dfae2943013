//! Memory is bounded, refusals are counted, and floods of garbage change nothing.

use super::*;
use crate::datagram::ConnectError;
use crate::entropy::Jitter;
use crate::guard::{GateConfig, LoadConfig};
use crate::limit::{AdmissionConfig, KeyedConfig};
use crate::sim::seeds;
use alloc::vec;

#[test]
fn there_are_no_more_peers_than_allowed_and_a_place_is_free_again_once_its_end_was_told() {
    let mut net = Net::new(config(IK, A).with_max_peers(3), config(IK, B));
    let peers = [(); 3].map(|()| net.connect());
    let full = net.ends[A].connect(net.now, address(B), Some(public(B)));
    assert_eq!(full, Err(ConnectError::Full));
    net.pump();
    net.ends[B].close(net.peer(B).unwrap(), 1);
    let mut buffer = [0; 1200];
    let sent = net.ends[B].poll_transmit(net.now, &mut buffer).unwrap();
    assert!(net.ends[A].recv(net.now, address(B), &mut buffer[..sent.len]).is_none());
    assert_eq!(net.ends[A].peers(), 2);
    assert_eq!(
        net.ends[A].connect(net.now, address(B), Some(public(B))),
        Err(ConnectError::Full),
        "not told yet"
    );
    net.collect();
    assert_eq!(net.ended(A), [EndReason::Closed(1)]);
    let again = net.connect();
    assert!(!peers.contains(&again));
}

#[test]
fn those_who_connect_are_admitted_by_number_and_the_others_counted() {
    let admission = AdmissionConfig::default().with_max_handshakes(2).with_max_sessions(3);
    let admission = admission.with_max_handshakes_per_source(Some(2));
    let mut net = Net::new(config(IK, A), config(IK, B).with_admission(admission));
    for _ in 0..5 {
        net.connect();
    }
    net.pump();
    assert_eq!((net.ends[B].admission().handshakes, net.ends[B].admission().sessions), (0, 2));
    assert_eq!(net.ends[B].stats().discards.full, 3);
    net.run_for(11 * SECOND);
    assert_eq!((net.ends[B].admission().sessions, net.ends[B].peers()), (3, 3));
    assert_eq!(net.ended(A), [EndReason::HandshakeTimeout; 2]);
}

#[test]
fn max_peers_holds_for_those_who_connect_too() {
    let mut net = Net::new(config(IK, A), config(IK, B).with_max_peers(1));
    net.connect();
    net.connect();
    net.pump();
    assert_eq!((net.ends[B].peers(), net.ends[B].stats().discards.full), (1, 1));
}

#[test]
fn attempts_count_for_sources_that_have_shown_a_cookie_only() {
    let keyed = KeyedConfig::default().with_attempts(2);
    for asks in [false, true] {
        let admission = AdmissionConfig::default().with_keyed(Some(keyed)).with_max_handshakes(100);
        let gate =
            GateConfig::default().with_load(LoadConfig::default().with_backlog(if asks { 1 } else { 200 }));
        let mut net = Net::new(config(XX, A), config(XX, B).with_admission(admission).with_gate(gate));
        for _ in 0..5 {
            net.connect();
        }
        // Nobody gets further than the second message.
        net.pump_some(|packet| packet.bytes[0] != 0x11 || packet.bytes[1] == 0);
        let stats = net.ends[B].admission();
        assert_eq!((stats.admitted, stats.too_many_attempts), if asks { (2, 3) } else { (5, 0) });
    }
}

#[test]
fn where_places_are_few_strangers_take_a_quarter_of_them_and_no_more() {
    let few = |handshakes, sessions| {
        AdmissionConfig::default().with_max_handshakes(handshakes).with_max_sessions(sessions)
    };
    for (max_peers, admission, taken) in [
        (50, few(256, 10_000), 12),
        (1_000, few(40, 10_000), 10),
        (1_000, few(256, 20), 5),
        (1, few(256, 10_000), 0),
        // Where they are many, the gate's own number holds.
        (10_000, few(2_000, 10_000), 63),
    ] {
        let b = config(IK, B).with_max_peers(max_peers).with_admission(admission);
        let mut net = Net::new(config(IK, A), b);
        for _ in 0..100 {
            net.connect();
        }
        net.pump_some(|packet| packet.to == address(B));
        assert_eq!(net.ends[B].peers(), taken, "{max_peers} {admission:?}");
        // Who shows a cookie gets in.
        net.connect();
        net.pump();
        assert_eq!(net.ends[B].stats().established, 1, "{max_peers} {admission:?}");
        assert_eq!(net.ends[B].stats().discards.full, 0, "{max_peers} {admission:?}");
    }
}

#[test]
fn a_flood_from_forged_addresses_leaves_a_cookie_for_others() {
    let gate = GateConfig::default().with_load(LoadConfig::default().with_backlog(1));
    let mut net = Net::new(config(IK, A), config(IK, B).with_gate(gate));
    net.connect();
    let first = net.wire.pop_front().unwrap();
    // 50,000 a second.
    for n in 0..5_000_u32 {
        net.now += Duration::from_micros(20);
        let [_, b, c, d] = n.to_be_bytes();
        net.deliver(&Packet { from: SocketAddr::from(([10, b, c, d], 9)), ..first.clone() });
        net.wire.clear();
    }
    net.deliver(&first);
    net.pump();
    assert!(net.peer(B).is_some());
}

#[test]
fn handshakes_that_nobody_finishes_leave_nothing_behind() {
    let mut net = Net::of(XX);
    for _ in 0..20 {
        net.connect();
    }
    net.run_some(net.now + 5 * SECOND, |packet| packet.from == address(A));
    assert_eq!(net.ends[B].peers(), 20);
    net.run_some(net.now + 20 * SECOND, |packet| packet.from == address(A));
    let end = &net.ends[B];
    assert_eq!((end.peers(), end.ids.len(), end.firsts.len(), end.slots.len()), (0, 0, 0, 0));
    assert_eq!((end.admission().handshakes, end.poll_timeout()), (0, None));
    assert_eq!(net.events[B], []);
}

#[test]
fn arbitrary_datagrams_change_nothing() {
    for seed in seeds("arbitrary_datagrams_change_nothing", 0..20) {
        let mut random = Jitter::new(seed);
        let (mut net, a, b) = Net::established(config(XX, A), config(XX, B));
        let half_open = net.connect();
        net.wire.clear();
        let genuine = net.seal(A, a, b"genuine");
        let deadlines = net.ends.each_ref().map(Endpoint::poll_timeout);
        for _ in 0..500 {
            let draw = random.next_u64();
            let len = (draw % 1300) as usize;
            let mut bytes: Vec<u8> = (0..len).map(|_| random.next_u64() as u8).collect();
            // Most look like packets, some of a session that is there.
            if let Some(first) = bytes.first_mut().filter(|_| draw >> 62 != 0) {
                *first = 0x11 + (draw >> 40) as u8 % 3;
            }
            if draw >> 61 & 1 == 0 && len > 17 {
                bytes[1..17].copy_from_slice(&genuine.bytes[1..17]);
            }
            for to in [address(A), address(B)] {
                let from = if draw >> 60 & 1 == 0 {
                    elsewhere()
                } else if to == address(A) {
                    address(B)
                } else {
                    address(A)
                };
                net.deliver(&Packet { from, to, bytes: bytes.clone() });
            }
        }
        assert!(net.wire.is_empty() && net.messages == [vec![], vec![]] as [Vec<Vec<u8>>; 2]);
        assert_eq!(deadlines, net.ends.each_ref().map(Endpoint::poll_timeout));
        assert_eq!(net.ends.each_ref().map(Endpoint::peers), [2, 1]);
        net.deliver(&genuine);
        assert_eq!(net.messages[B], [b"genuine"]);
        net.assert_works(a, b);
        assert_ne!(half_open, a);
    }
}
