//! Messages on their way.

use super::{Layer, Net, WebSocket, pair};
use crate::driver::{Driver, join, task};
use crate::scenarios::message;
use sealock_proto::drive::DriveError;
use sealock_proto::ws::{CloseCode, Config, Delivery, Event, Kind, SendError};
use std::sync::mpsc;
use std::thread::JoinHandle;

/// Around the three forms that a length has in a frame, and larger.
const SIZES: [usize; 8] = [0, 1, 125, 126, 65_535, 65_536, 200_000, 1 << 20];

/// Of whoever closes.
pub const CODE: u16 = 4001;
/// Of whoever closes.
pub const REASON: &str = "that was it";

/// [`CODE`].
#[must_use]
pub fn code() -> CloseCode {
    CloseCode::new(CODE).unwrap()
}

/// Text with characters of all lengths.
fn text(len: usize) -> Vec<u8> {
    let characters = "aé€𝄞";
    let mut text = characters.repeat(len / characters.len());
    text.extend(std::iter::repeat_n('x', len % characters.len()));
    text.into_bytes()
}

/// What goes each way, and comes back.
#[must_use]
pub fn messages() -> Vec<(Kind, Vec<u8>)> {
    let both = |(number, &len)| [(Kind::Text, text(len)), (Kind::Binary, message(number, len))];
    SIZES.iter().enumerate().flat_map(both).collect()
}

/// One end of an echo: everything back, until the peer closes. Its code and reason.
pub async fn echo<N: Driver>(mut ws: WebSocket<N>) -> (CloseCode, String) {
    let mut closed = None;
    while let Some(event) = ws.receiver.next().await.unwrap() {
        match event {
            Event::Message { kind, payload } => ws.sender.send(kind, payload).await.unwrap(),
            Event::Closed { code, reason } => {
                closed = Some((code, String::from_utf8(reason.to_vec()).unwrap()));
            }
            other => panic!("{other:?}"),
        }
    }
    closed.expect("the peer's close")
}

/// The other end: each message whole and in fragments, and a close.
pub async fn lead<N: Driver>(mut ws: WebSocket<N>) {
    for (kind, message) in messages() {
        ws.send(kind, &message).await.unwrap();
        expect::<N>(&mut ws, kind, &message).await;
        let third = message.len() / 3;
        for (piece, last) in [(&message[..third], false), (&[], false), (&message[third..], true)] {
            ws.sender.send_chunk(kind, piece, last).await.unwrap();
        }
        expect::<N>(&mut ws, kind, &message).await;
    }
    let closed = ws.close(code(), REASON).await.unwrap();
    assert_eq!(closed.undelivered, 0);
    assert_eq!(closed.peer.expect("the answer").code, code());
    let stats = ws.stats();
    assert_eq!(stats.sent.messages, stats.received.messages);
}

async fn expect<N: Driver>(ws: &mut WebSocket<N>, kind: Kind, message: &[u8]) {
    match ws.next().await.unwrap() {
        Some(Event::Message { kind: got, payload }) => {
            assert_eq!(got, kind);
            assert!(payload == message, "{} bytes came back, not {}", payload.len(), message.len());
        }
        other => panic!("{other:?}"),
    }
}

/// Text and binary of all sizes comes back, whichever end leads.
pub fn echo_of_all_sizes<S: Net, C: Net>(layer: &Layer) {
    for client_leads in [true, false] {
        let (server, client) = pair::<S, C>(layer, Config::default(), Config::default());
        let closed = if client_leads {
            let server = task::<S, _>(echo::<S>(server));
            C::block_on(lead::<C>(client));
            join(server)
        } else {
            let client = task::<C, _>(echo::<C>(client));
            S::block_on(lead::<S>(server));
            join(client)
        };
        assert_eq!(closed, (code(), REASON.to_owned()));
    }
}

/// Messages of the end that closes. Together they are more than all buffers hold.
const COUNT: usize = 60;
const LEN: usize = 50_000;

/// Sends and receives at once, in two tasks: how many messages were accepted, and what arrived.
struct Busy {
    sending: JoinHandle<usize>,
    receiving: JoinHandle<usize>,
}

/// `count` messages and a close behind them; without `count` until the peer has closed.
fn busy<N: Net>(ws: WebSocket<N>, count: Option<usize>) -> Busy {
    let (mut receiver, mut sender) = ws.split();
    let (tell, told) = mpsc::channel();
    let sending = task::<N, _>(async move {
        let mut number = 0;
        while count.is_none_or(|count| number < count) {
            match sender.send(Kind::Binary, &message(number, LEN)).await {
                Ok(()) => number += 1,
                Err(DriveError::Protocol(SendError::Closed)) if count.is_none() => return number,
                Err(error) => panic!("{error}"),
            }
        }
        // Not before the peer's messages are under way too.
        told.recv().unwrap();
        sender.close(code(), REASON).await.unwrap();
        number
    });
    let receiving = task::<N, _>(async move {
        let (mut number, mut closed) = (0, false);
        while let Some(event) = receiver.next().await.unwrap() {
            match event {
                Event::Message { payload, .. } => {
                    assert!(!closed, "message {number} behind the close");
                    assert!(*payload == *message(number, LEN), "message {number}");
                    number += 1;
                    let _ = tell.send(());
                }
                Event::Closed { code: with, reason } => {
                    // The peer's answer has the same code.
                    assert_eq!(with, code());
                    assert_eq!(&*reason, if count.is_none() { REASON.as_bytes() } else { b"" });
                    closed = true;
                }
                other => panic!("{other:?}"),
            }
        }
        assert!(closed);
        assert!(receiver.next().await.unwrap().is_none(), "the end stays the end");
        number
    });
    Busy { sending, receiving }
}

/// Both ends send without pause and one of them closes: whatever either end accepted arrives, in order, before the close
/// or the answer to it, and both come to their end.
pub fn everything_accepted_arrives_before_the_close<S: Net, C: Net>(layer: &Layer) {
    for client_closes in [true, false] {
        let (server, client) = pair::<S, C>(layer, Config::default(), Config::default());
        let count = |closes: bool| closes.then_some(COUNT);
        let server = busy::<S>(server, count(!client_closes));
        let client = busy::<C>(client, count(client_closes));
        let (by_server, by_client) = (join(server.sending), join(client.sending));
        assert_eq!((join(client.receiving), join(server.receiving)), (by_server, by_client));
        assert_eq!(if client_closes { by_client } else { by_server }, COUNT);
        assert!(by_server > 0 && by_client > 0);
    }
}

/// With [`Delivery::Chunks`] a message comes in pieces that make it up, of which one is the last; a large one in several,
/// and never in memory as a whole.
pub fn pieces_make_up_the_message<S: Net, C: Net>(layer: &Layer) {
    let pieces = Config::default().with_delivery(Delivery::Chunks);
    let (server, client) = pair::<S, C>(layer, pieces.clone(), Config::default());
    deliver::<C, S>(client, server);
    let (server, client) = pair::<S, C>(layer, Config::default(), pieces);
    deliver::<S, C>(server, client);
}

fn deliver<From: Net, To: Net>(mut from: WebSocket<From>, mut to: WebSocket<To>) {
    let sending = task::<From, _>(async move {
        for (kind, message) in messages() {
            from.send(kind, &message).await.unwrap();
        }
        let _ = from.close(code(), REASON).await.unwrap();
    });
    To::block_on(async {
        for (kind, message) in messages() {
            let (mut got, mut pieces) = (Vec::new(), 0);
            loop {
                pieces += 1;
                match to.next().await.unwrap() {
                    Some(Event::Chunk { kind: of, payload, last }) => {
                        assert_eq!(of, kind);
                        got.extend_from_slice(payload);
                        if last {
                            break;
                        }
                    }
                    other => panic!("{other:?}"),
                }
            }
            assert!(got == message, "{} bytes came for {}", got.len(), message.len());
            assert!(pieces > 1 || message.len() < 500_000, "{} bytes in one piece", message.len());
            assert!(to.receiver.buffer_memory() < 500_000);
        }
        assert!(matches!(to.next().await.unwrap(), Some(Event::Closed { .. })));
        assert!(to.next().await.unwrap().is_none());
    });
    join(sending);
}
