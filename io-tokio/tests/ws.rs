//! WebSocket on real sockets: messages as a stream and a sink, and what a connection allocates and holds.
#![cfg(feature = "ws")]

use bytes::Bytes;
use futures_core::Stream;
use futures_sink::Sink;
use sealock_tokio::drive::DriveError;
use sealock_tokio::ws::{
    Accept, CloseCode, Config, Connection, Delivery, Endpoint, Event, Kind, Listener, Message, Messages,
    SendError, Server,
};
use sealock_tokio::{ConnectOptions, ListenOptions};
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// The most heap bytes of one connection at rest, its value included.
const AT_REST: i64 = 4 * 1024;
const PAIRS: usize = 40;

/// A listener, and how to reach it.
struct Ends {
    listener: Listener,
    endpoint: Endpoint,
    config: Arc<Config>,
}

impl Ends {
    async fn new() -> Self {
        Self::of(Config::default()).await
    }

    async fn of(config: Config) -> Self {
        let config = config.with_max_message(4 << 20).build().unwrap();
        let (address, server) = ("127.0.0.1:0".parse().unwrap(), Server::new(config.clone()));
        let listener = Listener::bind(&address, server, ListenOptions::default()).await.unwrap();
        let endpoint = format!("ws://{}/", listener.local_address()).parse().unwrap();
        Self { listener, endpoint, config }
    }

    async fn pair(&self) -> (Connection, Connection) {
        let accept = async {
            let asked = self.listener.accept().await.unwrap().request().await.unwrap();
            asked.accept(&Accept::new()).await.unwrap()
        };
        let options = ConnectOptions::default();
        let connect = sealock_tokio::ws::connect(&self.endpoint, &self.config, &options);
        let (server, client) = tokio::join!(accept, connect);
        (server, client.unwrap().0)
    }
}

async fn pair() -> (Connection, Connection) {
    Ends::new().await.pair().await
}

async fn next<S: Stream + Unpin>(stream: &mut S) -> Option<S::Item> {
    poll_fn(|cx| Pin::new(&mut *stream).poll_next(cx)).await
}

async fn feed<S: Sink<Message> + Unpin>(sink: &mut S, message: Message) -> Result<(), S::Error> {
    poll_fn(|cx| Pin::new(&mut *sink).poll_ready(cx)).await?;
    Pin::new(&mut *sink).start_send(message)
}

async fn flush<S: Sink<Message> + Unpin>(sink: &mut S) -> Result<(), S::Error> {
    poll_fn(|cx| Pin::new(&mut *sink).poll_flush(cx)).await
}

async fn close<S: Sink<Message> + Unpin>(sink: &mut S) -> Result<(), S::Error> {
    poll_fn(|cx| Pin::new(&mut *sink).poll_close(cx)).await
}

fn messages() -> Vec<Message> {
    let sizes = [0, 1, 70_000, 1 << 20, 5, 300_000];
    let binary = sizes.map(|len| Message::binary(vec![len as u8; len]));
    binary.into_iter().chain([Message::text("κόσμε"), Message::text("")]).collect()
}

#[tokio::test]
async fn messages_flow_through_a_stream_and_a_sink_to_the_close() {
    let (server, client) = pair().await;
    let mut server = Messages::new(server);
    let echo = tokio::spawn(async move {
        while let Some(message) = next(&mut server).await {
            feed(&mut server, message.unwrap()).await.unwrap();
            flush(&mut server).await.unwrap();
        }
    });
    let (mut stream, mut sink) = Messages::new(client).split();
    let sending = tokio::spawn(async move {
        for message in messages() {
            feed(&mut sink, message).await.unwrap();
        }
        flush(&mut sink).await.unwrap();
        sink
    });
    for message in messages() {
        assert!(next(&mut stream).await.unwrap().unwrap() == message);
    }
    let mut sink = sending.await.unwrap();
    close(&mut sink).await.unwrap();
    assert!(next(&mut stream).await.is_none());
    assert_eq!(stream.get_ref().peer_close().unwrap().code, CloseCode::NORMAL);
    let late = feed(&mut sink, Message::text("late")).await.and(flush(&mut sink).await).unwrap_err();
    assert!(matches!(late, DriveError::Protocol(SendError::Closed)), "{late:?}");
    echo.await.unwrap();
}

/// Text in pieces, one of which ends within a character.
fn pieces() -> Vec<Message> {
    let pieces = [&b"one "[..], b"\xce", b"\xba two"];
    let last = |at| at + 1 == pieces.len();
    let of = |(at, payload): (usize, &&'static [u8])| Message {
        kind: Kind::Text,
        payload: Bytes::from_static(payload),
        last: last(at),
    };
    pieces.iter().enumerate().map(of).collect()
}

#[tokio::test]
async fn pieces_arrive_as_one_message_or_as_chunks_of_which_one_is_the_last() {
    let text = "one κ two";
    for delivery in [Delivery::Messages, Delivery::Chunks] {
        let ends = Ends::of(Config::default().with_delivery(delivery)).await;
        let (server, client) = ends.pair().await;
        let (mut sink, mut stream) = (Messages::new(server).split().1, Messages::new(client));
        for message in [pieces(), vec![Message::text(text)], pieces()].concat() {
            feed(&mut sink, message).await.unwrap();
        }
        flush(&mut sink).await.unwrap();
        for sent in [3, 1, 3] {
            let mut got = Vec::new();
            while got.last().is_none_or(|piece: &Message| !piece.last) {
                got.push(next(&mut stream).await.unwrap().unwrap());
            }
            let want = if delivery == Delivery::Chunks { sent } else { 1 };
            assert_eq!(got.len(), want, "{delivery:?}");
            assert!(got.iter().all(|piece| piece.kind == Kind::Text));
            assert_eq!(
                got.iter().flat_map(|piece| &piece.payload[..]).copied().collect::<Vec<_>>(),
                text.as_bytes()
            );
        }
    }
}

#[tokio::test]
async fn a_piece_that_is_refused_does_not_block_the_rest_of_its_message() {
    let (server, client) = pair().await;
    let (mut sink, mut stream) = (Messages::new(server).split().1, Messages::new(client));
    let [first, .., last] = &pieces()[..] else { panic!("some pieces") };
    feed(&mut sink, first.clone()).await.unwrap();
    feed(&mut sink, Message::binary("another kind")).await.unwrap();
    let error = flush(&mut sink).await.unwrap_err();
    assert!(matches!(error, DriveError::Protocol(SendError::OutOfTurn)), "{error:?}");
    feed(&mut sink, Message { payload: "end".into(), ..last.clone() }).await.unwrap();
    feed(&mut sink, Message::binary("next")).await.unwrap();
    flush(&mut sink).await.unwrap();
    for want in [Message::text("one end"), Message::binary("next")] {
        assert_eq!(next(&mut stream).await.unwrap().unwrap(), want);
    }
}

#[tokio::test]
async fn a_message_that_is_refused_does_not_block_the_next() {
    let (server, client) = pair().await;
    let (mut sink, mut stream) = (Messages::new(server).split().1, Messages::new(client));
    for (refused, want) in [
        (Message::binary(vec![0; 5 << 20]), SendError::TooLarge { max: 4 << 20 }),
        (Message { kind: Kind::Text, ..Message::binary(&b"\xff"[..]) }, SendError::NotUtf8),
    ] {
        feed(&mut sink, refused).await.unwrap();
        let error = flush(&mut sink).await.unwrap_err();
        assert!(matches!(error, DriveError::Protocol(error) if error == want), "{error:?}");
        feed(&mut sink, Message::text("next")).await.unwrap();
        flush(&mut sink).await.unwrap();
        assert_eq!(next(&mut stream).await.unwrap().unwrap(), Message::text("next"));
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn an_echo_allocates_nothing_at_either_end() {
    let runtime = runtime();
    let (mut server, mut client) = runtime.block_on(pair());
    runtime.spawn(async move {
        while let Some(Event::Message { kind, payload }) = server.receiver.next().await.unwrap() {
            server.sender.send(kind, payload).await.unwrap();
        }
    });
    let mut rounds = || {
        runtime.block_on(async {
            for len in [1, 100, 1_000, 20_000].into_iter().cycle().take(240) {
                client.send(Kind::Text, &[b'7'; 20_000][..len]).await.unwrap();
                let answer = client.next().await.unwrap();
                assert!(matches!(answer, Some(Event::Message { payload, .. }) if payload.len() == len));
            }
        });
    };
    rounds();
    let counted = allocation_counter::measure(rounds);
    assert_eq!(counted.count_total, 0, "{counted:?}");
}

#[test]
fn a_connection_at_rest_holds_no_buffer_and_at_most_four_kibibytes() {
    let runtime = runtime();
    let ends = runtime.block_on(Ends::new());
    drop(runtime.block_on(ends.pair()));
    let mut all = Vec::new();
    let counted = allocation_counter::measure(|| {
        runtime.block_on(async {
            all.reserve_exact(PAIRS);
            for _ in 0..PAIRS {
                all.push(ends.pair().await);
            }
            for (server, client) in &mut all {
                client.send(Kind::Binary, &[7; 1024]).await.unwrap();
                client.flush().await.unwrap();
                assert!(matches!(server.next().await.unwrap(), Some(Event::Message { .. })));
            }
            tokio::time::pause();
            for end in all.iter_mut().flat_map(|(server, client)| [server, client]) {
                for _ in 0..3 {
                    assert!(tokio::time::timeout(Duration::from_millis(1100), end.next()).await.is_err());
                }
                assert_eq!(end.receiver.buffer_memory(), 0);
            }
            tokio::time::resume();
        });
    });
    let each = counted.bytes_current / (2 * PAIRS as i64);
    println!("{each} bytes a connection, {} of them its value", size_of::<Connection>());
    assert!(each <= AT_REST, "{each} bytes");
}
