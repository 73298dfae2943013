//! One message for many connections.

use super::peer::{BINARY, FIN, PING, PONG, Peer, Seen, binary, frame, text};
use crate::ws::{Broadcast, CloseCode, Config, Kind, Role, SendError};
use alloc::vec::Vec;
use core::time::Duration;

const ROLES: [Role; 2] = [Role::Client, Role::Server];

fn open(role: Role) -> Peer {
    Peer::open(role, Config::default())
}

fn of(kind: Kind, payload: &[u8]) -> Broadcast {
    Broadcast::new(kind, payload).unwrap()
}

fn broadcast(end: &mut Peer, message: &Broadcast) -> Result<(), SendError> {
    end.ws.send_broadcast(end.now, message, &mut end.tx)
}

#[test]
fn every_connection_receives_it_between_its_other_messages() {
    for size in [0, 1, 125, 126, 511, 512, 65_535, 65_536, 200_000] {
        let payload: Vec<u8> = (0..size).map(|n| (n * 7) as u8).collect();
        let letters = "é".repeat(size / 2);
        let (bytes, letters) = (of(Kind::Binary, &payload), of(Kind::Text, letters.as_bytes()));
        assert_eq!((bytes.kind(), bytes.payload()), (Kind::Binary, &payload[..]));
        for role in ROLES {
            let other = if role == Role::Client { Role::Server } else { Role::Client };
            for n in 0..3_u8 {
                let (mut from, mut to) = (open(role), open(other));
                let mut want = Vec::<Seen>::new();
                for k in 0..n {
                    from.send(Kind::Binary, &[n, k]);
                    want.push(binary(&[n, k]));
                    broadcast(&mut from, &bytes).unwrap();
                    want.push(binary(&payload));
                    broadcast(&mut from, &letters).unwrap();
                    want.push(text(core::str::from_utf8(letters.payload()).unwrap()));
                }
                assert_eq!(to.give(&from.out()), want, "{size} bytes, from a {role:?}");
                assert_eq!(to.ws.stats().received, from.ws.stats().sent);
            }
        }
    }
}

#[test]
fn a_server_puts_the_same_bytes_on_the_wire_as_for_an_ordinary_message() {
    for size in [0, 125, 126, 5000, 70_000] {
        let payload: Vec<u8> = (0..size).map(|n| (n * 3) as u8).collect();
        let mut server = open(Role::Server);
        broadcast(&mut server, &of(Kind::Binary, &payload)).unwrap();
        assert!(server.out() == frame(FIN | BINARY, false, &payload), "{size} bytes");
    }
}

#[test]
fn only_a_client_copies_the_payload() {
    let message = of(Kind::Binary, &[7; 100_000]);
    for (role, copies) in [(Role::Server, false), (Role::Client, true)] {
        let mut end = open(role);
        for _ in 0..5 {
            broadcast(&mut end, &message).unwrap();
        }
        let (held, memory) = (end.tx.len(), end.tx.capacity());
        assert!(held > 500_000);
        assert_eq!(memory > held, copies, "{role:?}: {memory} bytes of memory for {held}");
    }
}

#[test]
fn a_client_masks_each_copy_with_another_mask() {
    let (mut client, message) = (open(Role::Client), of(Kind::Binary, &[0; 1000]));
    let mut masked: Vec<Vec<u8>> = (0..40)
        .map(|_| {
            broadcast(&mut client, &message).unwrap();
            client.out()
        })
        .collect();
    masked.sort();
    masked.dedup();
    assert_eq!(masked.len(), 40);
}

#[test]
fn it_is_refused_where_an_ordinary_message_is_and_counted_where_that_is() {
    type Prepare = fn(&mut Peer);
    let states: [(&str, Prepare, Result<(), SendError>); 6] = [
        ("open", |_| {}, Ok(())),
        (
            "inside of a message in chunks",
            |end| end.ws.send_chunk(end.now, Kind::Binary, b"x", false, &mut end.tx).unwrap(),
            Err(SendError::OutOfTurn),
        ),
        (
            "closed here",
            |end| end.ws.close(end.now, CloseCode::NORMAL, "", &mut end.tx).unwrap(),
            Err(SendError::Closed),
        ),
        (
            "closed by the peer",
            |end| {
                let close = end.frame(FIN | 8, b"");
                end.give(&close);
            },
            Err(SendError::Closed),
        ),
        (
            "nearly full",
            |end| {
                let free = 20_000 + 300;
                end.tx.push(&Vec::from_iter((free..end.tx.limit()).map(|_| 0))).unwrap();
                end.tx.seal();
            },
            Err(SendError::Full),
        ),
        (
            "just room enough",
            |end| {
                let free = 20_000 + 500;
                end.tx.push(&Vec::from_iter((free..end.tx.limit()).map(|_| 0))).unwrap();
                end.tx.seal();
            },
            Ok(()),
        ),
    ];
    let message = of(Kind::Binary, &[7; 20_000]);
    for role in ROLES {
        for (what, prepare, want) in states {
            let mut ends = [open(role), open(role)];
            ends.iter_mut().for_each(prepare);
            let [plain, shared] = &mut ends;
            let sent = plain.ws.send(plain.now, Kind::Binary, message.payload(), &mut plain.tx);
            assert_eq!((sent, broadcast(shared, &message)), (want, want), "{role:?}, {what}");
            assert_eq!(plain.ws.stats(), shared.ws.stats(), "{role:?}, {what}");
            assert_eq!(plain.tx.len(), shared.tx.len(), "{role:?}, {what}");
        }
        let mut small = Peer::open(role, Config::default().with_max_message(19_999));
        assert_eq!(broadcast(&mut small, &message), Err(SendError::TooLarge { max: 19_999 }));
        assert!(small.tx.is_empty());
    }
    let mut waiting = Peer::server(Config::default());
    assert_eq!(broadcast(&mut waiting, &message), Err(SendError::NotOpen));
    let mut failed = open(Role::Server);
    failed.try_give(&[0xff, 0xff]).unwrap_err();
    assert!(matches!(broadcast(&mut failed, &message), Err(SendError::Failed(_))));
}

#[test]
fn a_text_that_is_no_utf8_cannot_be_made() {
    assert_eq!(Broadcast::new(Kind::Text, b"ok \xff").unwrap_err(), SendError::NotUtf8);
    assert!(Broadcast::new(Kind::Binary, b"ok \xff").is_ok());
}

#[test]
fn control_frames_find_room_behind_broadcasts() {
    let mut end = open(Role::Server);
    end.tx = crate::buf::TxBuf::new(10_000);
    let message = of(Kind::Binary, &[7; 1000]);
    let sent = (0..100).take_while(|_| broadcast(&mut end, &message).is_ok()).count();
    assert!((8..10).contains(&sent), "{sent}");
    let ping = end.frame(FIN | PING, &[b'p'; 125]);
    end.give(&ping);
    end.ws.close(end.now, CloseCode::NORMAL, &"r".repeat(123), &mut end.tx).unwrap();
    assert_eq!(end.frames_out().len(), sent + 1);

    // An answer that is owed goes before.
    let mut end = open(Role::Server);
    end.now += Duration::from_millis(1);
    end.give(&ping);
    broadcast(&mut end, &message).unwrap();
    let first: Vec<u8> = end.frames_out().iter().map(|(first, _)| *first).collect();
    assert_eq!(first, [FIN | PONG, FIN | BINARY]);
}
