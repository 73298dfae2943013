//! Messages as a stream and a sink, on real sockets.

use bytes::Bytes;
use futures_core::Stream;
use futures_sink::Sink;
use sealock_tokio::drive::DriveError;
use sealock_tokio::session::{CloseCode, Config, Peers, SendError};
use sealock_tokio::{ConnectOptions, Connection, ListenOptions, Listener, Messages, generate_key};
use std::future::poll_fn;
use std::pin::Pin;

async fn pair() -> (Connection, Connection) {
    let protocol = "Noise_XX_25519_ChaChaPoly_BLAKE2s".parse().unwrap();
    let config = Config::responder(&[protocol]).with_static_key(generate_key().unwrap()).build().unwrap();
    let address = "127.0.0.1:0".parse().unwrap();
    let listener = Listener::bind(&address, config, ListenOptions::default()).await.unwrap();
    let address = listener.local_address().clone();
    let server = tokio::spawn(async move { listener.accept().await.unwrap().handshake().await.unwrap() });
    let config = Config::initiator(protocol)
        .with_peers(Peers::Any)
        .with_static_key(generate_key().unwrap())
        .build()
        .unwrap();
    let client = sealock_tokio::connect(&address, &config, &ConnectOptions::default()).await.unwrap();
    (server.await.unwrap(), client)
}

async fn next<S: Stream + Unpin>(stream: &mut S) -> Option<S::Item> {
    poll_fn(|cx| Pin::new(&mut *stream).poll_next(cx)).await
}

async fn feed<S: Sink<Bytes> + Unpin>(sink: &mut S, message: Bytes) -> Result<(), S::Error> {
    poll_fn(|cx| Pin::new(&mut *sink).poll_ready(cx)).await?;
    Pin::new(&mut *sink).start_send(message)
}

async fn flush<S: Sink<Bytes> + Unpin>(sink: &mut S) -> Result<(), S::Error> {
    poll_fn(|cx| Pin::new(&mut *sink).poll_flush(cx)).await
}

async fn close<S: Sink<Bytes> + Unpin>(sink: &mut S) -> Result<(), S::Error> {
    poll_fn(|cx| Pin::new(&mut *sink).poll_close(cx)).await
}

fn messages() -> impl Iterator<Item = Bytes> {
    [0, 1, 70_000, 1 << 20, 5, 300_000]
        .into_iter()
        .map(|len| Bytes::from((0..len).map(|i: usize| (i ^ (i >> 8) ^ len) as u8).collect::<Vec<_>>()))
}

#[tokio::test]
async fn split_halves_carry_messages_of_any_size_and_end_with_a_close() {
    let (server, client) = pair().await;
    let (mut stream, sink) = Messages::new(server).split();
    let sending = tokio::spawn(async move {
        let (mut stream, mut sink) = Messages::new(client).split();
        for message in messages() {
            feed(&mut sink, message).await.unwrap();
        }
        close(&mut sink).await.unwrap();
        close(&mut sink).await.unwrap();
        assert!(next(&mut stream).await.is_none(), "the peer closed without a message");
        let late = feed(&mut sink, Bytes::new()).await.and(flush(&mut sink).await).unwrap_err();
        assert!(matches!(late, DriveError::Protocol(SendError::Closed)), "{late:?}");
    });
    for message in messages() {
        assert!(next(&mut stream).await.unwrap().unwrap() == message, "{} bytes", message.len());
    }
    assert!(next(&mut stream).await.is_none());
    assert_eq!(stream.get_ref().peer_close().unwrap().code, CloseCode::NORMAL);
    assert!(stream.into_inner().next().await.unwrap().is_none());
    assert_eq!(sink.into_inner().stats().messages, 0);
    sending.await.unwrap();
}

#[tokio::test]
async fn a_whole_connection_echoes() {
    let (server, client) = pair().await;
    let (mut server, mut client) = (Messages::new(server), Messages::new(client));
    let echo = tokio::spawn(async move {
        while let Some(message) = next(&mut server).await {
            feed(&mut server, message.unwrap()).await.unwrap();
            flush(&mut server).await.unwrap();
        }
    });
    for message in messages() {
        feed(&mut client, message.clone()).await.unwrap();
        flush(&mut client).await.unwrap();
        assert!(next(&mut client).await.unwrap().unwrap() == message, "{} bytes", message.len());
    }
    close(&mut client).await.unwrap();
    assert!(next(&mut client).await.is_none());
    echo.await.unwrap();
}

#[tokio::test]
async fn a_failed_session_is_an_error_of_the_stream_once() {
    let (server, client) = pair().await;
    let mut server = Messages::new(server);
    drop(client);
    assert!(next(&mut server).await.unwrap().is_err());
    assert!(next(&mut server).await.is_none());
}

#[tokio::test]
async fn a_message_that_was_not_sent_is_an_error_of_the_close() {
    let (mut server, client) = pair().await;
    let (mut stream, mut sink) = Messages::new(client).split();
    feed(&mut sink, Bytes::from_static(b"too late")).await.unwrap();
    let closing = tokio::spawn(async move { server.close(CloseCode::NORMAL, "").await.map(|_| ()) });
    assert!(next(&mut stream).await.is_none());
    let lost = close(&mut sink).await.unwrap_err();
    assert!(matches!(lost, DriveError::Protocol(SendError::Closed)), "{lost:?}");
    close(&mut sink).await.unwrap();
    closing.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_message_that_is_refused_does_not_block_the_next() {
    let (server, client) = pair().await;
    let (mut sink, mut stream) = (Messages::new(server).split().1, Messages::new(client));
    feed(&mut sink, Bytes::from(vec![0; 64 << 20])).await.unwrap();
    let refused = flush(&mut sink).await.unwrap_err();
    assert!(matches!(refused, DriveError::Protocol(SendError::TooLarge { .. })), "{refused:?}");
    feed(&mut sink, Bytes::from_static(b"next")).await.unwrap();
    flush(&mut sink).await.unwrap();
    assert_eq!(next(&mut stream).await.unwrap().unwrap(), "next");
}
